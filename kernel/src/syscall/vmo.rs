//! The system calls of VMOs.

pub(crate) use super::vmo_child::vmo_create_child;
use crate::call::{Call, Flow, HandleValue, In, Out, SysResult};
use crate::hal::CachePolicy;
use crate::object::{Handle, ObjectRef, Resource};
use crate::vm::{self, Vmo};
use crate::{PAGE_SHIFT, PAGE_SIZE, PhysAddr, PhysRun};
use jacinth_abi::limits::{self, MAX_VMO_SIZE};
use jacinth_abi::{PolicyCondition, Rights, Status, SystemBase, VmoOptions};

const fn is_page_aligned(number: u64) -> bool {
    number & (PAGE_SIZE - 1) == 0
}

/// vmo.md §8.
pub(crate) fn vmo_create(call: &mut Call<'_>, size: u64, options: u32, out: Out<u32>) -> SysResult {
    call.enforce(PolicyCondition::NewVmo)?;
    let options = VmoOptions::from_bits_retain(options);
    if options.contains(VmoOptions::RESIZABLE | VmoOptions::UNBOUNDED) {
        return Err(Status::INVALID_ARGS);
    }
    let bytes = if options.contains(VmoOptions::UNBOUNDED) {
        MAX_VMO_SIZE
    } else {
        vm::round_up(size)
            .filter(|bytes| *bytes <= MAX_VMO_SIZE)
            .ok_or(Status::OUT_OF_RANGE)?
    };
    let known = VmoOptions::RESIZABLE | VmoOptions::DISCARDABLE | VmoOptions::UNBOUNDED;
    if !known.contains(options) {
        return Err(Status::INVALID_ARGS);
    }
    call.reserve_handle()?;
    let vmo = vm::create_paged_as(call.kernel, bytes, size, options)?;
    // commit
    let resize = if options.contains(VmoOptions::RESIZABLE) {
        Rights::RESIZE
    } else {
        Rights::empty()
    };
    call.install_new(vmo, Rights::DEFAULT_VMO | resize, out)
}

/// seed.md, in the order of spec README, decision 1.
pub(crate) fn vmo_create_physical(
    call: &mut Call<'_>,
    resource: HandleValue,
    paddr: u64,
    size: u64,
    out: Out<u32>,
) -> SysResult {
    call.enforce(PolicyCondition::NewVmo)?;
    if size == 0 || !is_page_aligned(size) || !is_page_aligned(paddr) {
        return Err(Status::INVALID_ARGS);
    }
    let limit = 1u64.checked_shl(call.kernel.phys_bits).unwrap_or(u64::MAX);
    let end = paddr.checked_add(size).ok_or(Status::OUT_OF_RANGE)?;
    if size > MAX_VMO_SIZE || end > limit {
        return Err(Status::OUT_OF_RANGE);
    }
    let resource = call.lookup::<Resource>(resource, Rights::empty())?;
    let resource = call.kernel.objects.get(resource);
    call.kernel
        .resources
        .check_physical(resource, paddr, size)?;
    call.reserve_handle()?;
    let run = PhysRun {
        base: PhysAddr::new(paddr),
        pages: size >> PAGE_SHIFT,
    };
    let vmo = vm::create_physical(call.kernel, run)?;
    // commit
    call.install_new(vmo, Rights::DEFAULT_PHYSICAL_VMO, out)
}

/// vmo.md §10.
pub(crate) fn vmo_get_size(call: &mut Call<'_>, handle: HandleValue, size: Out<u64>) -> SysResult {
    let vmo = call.lookup::<Vmo>(handle, Rights::empty())?;
    let bytes = vm::size(&call.kernel.objects, vmo);
    call.write(size, bytes)?;
    Ok(Flow::ok())
}

/// vmo.md §12.
pub(crate) fn vmo_read(
    call: &mut Call<'_>,
    handle: HandleValue,
    buffer: Out<u8>,
    offset: u64,
    buffer_size: u64,
) -> SysResult {
    let vmo = call.lookup::<Vmo>(handle, Rights::READ)?;
    vm::copy(call, vmo, offset, buffer.0, buffer_size, true)
}

/// vmo.md §12.
pub(crate) fn vmo_write(
    call: &mut Call<'_>,
    handle: HandleValue,
    buffer: In<u8>,
    offset: u64,
    buffer_size: u64,
) -> SysResult {
    let vmo = call.lookup::<Vmo>(handle, Rights::WRITE)?;
    vm::copy(call, vmo, offset, buffer.0, buffer_size, false)
}

/// vmo.md §14.
pub(crate) fn vmo_set_cache_policy(
    call: &mut Call<'_>,
    handle: HandleValue,
    policy: u32,
) -> SysResult {
    let policy = CachePolicy::from_raw(policy).ok_or(Status::INVALID_ARGS)?;
    let vmo = call.lookup::<Vmo>(handle, Rights::MAP)?;
    vm::set_cache_policy(call, vmo, policy)
}

/// vmo.md §10.
pub(crate) fn vmo_set_size(call: &mut Call<'_>, handle: HandleValue, size: u64) -> SysResult {
    let (vmo, rights) = call.lookup_with_rights::<Vmo>(handle, Rights::WRITE)?;
    let options = call.kernel.objects.get(vmo).options;
    if options.contains(VmoOptions::RESIZABLE) && !rights.contains(Rights::RESIZE) {
        return Err(Status::ACCESS_DENIED);
    }
    vm::set_size(call, vmo, size)
}

/// vmo.md §11. No right is needed.
pub(crate) fn vmo_get_stream_size(
    call: &mut Call<'_>,
    handle: HandleValue,
    size: Out<u64>,
) -> SysResult {
    let vmo = call.lookup::<Vmo>(handle, Rights::empty())?;
    let bytes = vm::stream_size(&call.kernel.objects, vmo);
    call.write(size, bytes)?;
    Ok(Flow::ok())
}

/// vmo.md §11.
pub(crate) fn vmo_set_stream_size(
    call: &mut Call<'_>,
    handle: HandleValue,
    size: u64,
) -> SysResult {
    let vmo = call.lookup::<Vmo>(handle, Rights::WRITE)?;
    vm::set_stream_size(call, vmo, size)
}

/// vmo.md §21: the source is gone in every case but want of memory; `vmex` is judged first, and its
/// error told last.
pub(crate) fn vmo_replace_as_executable(
    call: &mut Call<'_>,
    handle: HandleValue,
    vmex: HandleValue,
    out: Out<u32>,
) -> SysResult {
    let may = if vmex == limits::HANDLE_INVALID {
        // The default policy lets everybody mark memory executable.
        Ok(())
    } else {
        call.check_system(vmex, SystemBase::Vmex)
    };
    let (source, rights) = call.lookup_any(handle, Rights::empty())?;
    let found = match source {
        // Zircon's word for a handle of another type, here only.
        ObjectRef::Vmo(_) => may,
        _ => Err(Status::BAD_HANDLE),
    };
    if let Err(status) = found {
        call.kernel.close_handle(call.process, handle);
        return Err(status);
    }
    call.reserve_handle()?;
    call.touch(out.0, size_of::<u32>())?;

    // commit
    let new = Handle::new(&mut call.kernel.objects, source, rights | Rights::EXECUTE);
    call.kernel.close_handle(call.process, handle);
    call.install_handle(new, out)
}
