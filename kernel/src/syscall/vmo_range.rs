//! The system calls that do something to a range of a VMO.

use crate::PAGE_SIZE;
use crate::call::{Call, Flow, HandleValue, Out, SysResult};
use crate::hal::CacheOp;
use crate::vm::{self, LockHow, RangeOp, Vmo};
use jacinth_abi::{Rights, Status, VmoOp};

/// vmo.md §13, and §5 for physical VMOs.
///
/// CACHE_INVALIDATE is one of the calls that newer Zircon answers only where debugging calls are on;
/// here they are.
pub(crate) fn vmo_op_range(
    call: &mut Call<'_>,
    handle: HandleValue,
    op: u32,
    offset: u64,
    size: u64,
    buffer: Out<u8>,
    buffer_size: u64,
) -> SysResult {
    let (vmo, rights) = call.lookup_with_rights::<Vmo>(handle, Rights::empty())?;
    let op = VmoOp::from_number(op).ok_or(Status::INVALID_ARGS)?;
    let needed = match op {
        VmoOp::Commit | VmoOp::Decommit | VmoOp::Zero | VmoOp::CacheInvalidate => Rights::WRITE,
        VmoOp::CacheSync | VmoOp::CacheClean | VmoOp::CacheCleanInvalidate | VmoOp::Prefetch => {
            Rights::READ
        }
        // Either will do.
        VmoOp::Lock | VmoOp::TryLock | VmoOp::Unlock => rights & (Rights::READ | Rights::WRITE),
        VmoOp::DontNeed | VmoOp::AlwaysNeed => return Ok(Flow::ok()),
    };
    if needed.is_empty() || !rights.contains(needed) {
        return Err(Status::ACCESS_DENIED);
    }
    let op = match op {
        VmoOp::Commit => RangeOp::Commit,
        VmoOp::Decommit => RangeOp::Decommit,
        VmoOp::Zero => RangeOp::Zero,
        VmoOp::CacheSync => RangeOp::Cache(CacheOp::Sync),
        VmoOp::CacheInvalidate => RangeOp::Cache(CacheOp::Invalidate),
        VmoOp::CacheClean => RangeOp::Cache(CacheOp::Clean),
        VmoOp::CacheCleanInvalidate => RangeOp::Cache(CacheOp::CleanInvalidate),
        VmoOp::Lock => {
            let how = LockHow::Lock(buffer.0, buffer_size);
            return vm::lock(call, vmo, how, offset, size);
        }
        VmoOp::TryLock => return vm::lock(call, vmo, LockHow::Try, offset, size),
        VmoOp::Unlock => {
            vm::unlock(&mut call.kernel.objects, vmo, offset, size)?;
            return Ok(Flow::ok());
        }
        // Nothing has a pager: what could be fetched is there, and what could be reclaimed is not.
        VmoOp::Prefetch | VmoOp::DontNeed | VmoOp::AlwaysNeed => {
            vm::check_inside(&call.kernel.objects, vmo, offset, size)?;
            return Ok(Flow::ok());
        }
    };
    let pages = vm::check_range(&call.kernel.objects, vmo, op, offset, size)?;
    vm::run_range(call, op, pages)
}

/// vmo.md §23.
pub(crate) fn vmo_transfer_data(
    call: &mut Call<'_>,
    dst_vmo: HandleValue,
    options: u32,
    offset: u64,
    length: u64,
    src_vmo: HandleValue,
    src_offset: u64,
) -> SysResult {
    if options != 0 || (offset | length | src_offset) & (PAGE_SIZE - 1) != 0 {
        return Err(Status::INVALID_ARGS);
    }
    let dst = call.lookup::<Vmo>(dst_vmo, Rights::WRITE)?;
    let src = call.lookup::<Vmo>(src_vmo, Rights::READ | Rights::WRITE)?;
    vm::transfer(call, (dst, offset), (src, src_offset), length)
}
