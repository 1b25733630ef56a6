//! `zx_vmar_op_range`.

use super::vmar::inner;
use crate::call::{Call, HandleValue, Out, SysResult};
use crate::vm::{self, RegionRange, Vmar};
use crate::{PAGE_SIZE, VirtAddr, VirtRange};
use jacinth_abi::{Rights, Status, VmarOp};

/// vmar.md §11.
pub(crate) fn vmar_op_range(
    call: &mut Call<'_>,
    handle: HandleValue,
    op: u32,
    address: u64,
    size: u64,
    buffer: Out<u8>,
    buffer_size: u64,
) -> SysResult {
    let (vmar, rights) = call.lookup_with_rights::<Vmar>(handle, Rights::empty())?;
    let op = VmarOp::from_number(op).ok_or(Status::INVALID_ARGS)?;
    if !buffer.is_null() || buffer_size != 0 {
        return Err(Status::INVALID_ARGS);
    }
    let bytes = vm::round_up(size)
        .filter(|bytes| *bytes != 0)
        .ok_or(Status::INVALID_ARGS)?;
    if address & (PAGE_SIZE - 1) != 0 {
        return Err(Status::INVALID_ARGS);
    }
    let region = call.kernel.objects.get(vmar);
    let range = VirtRange::new(VirtAddr::new(address), bytes)
        .filter(|range| region.range().covers(*range))
        .ok_or(Status::OUT_OF_RANGE)?;
    if !region.alive {
        return Err(Status::BAD_STATE);
    }
    vm::op_region_range(call, RegionRange::new(vmar, op, range, inner(rights)))
}
