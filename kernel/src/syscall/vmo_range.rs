//! The system calls that do something to a range of a VMO.

use crate::call::{Call, HandleValue, Out, SysResult};
use jacinth_abi::Status;

/// vmo.md §13.
pub(crate) fn vmo_op_range(
    call: &mut Call<'_>,
    handle: HandleValue,
    op: u32,
    offset: u64,
    size: u64,
    buffer: Out<u8>,
    buffer_size: u64,
) -> SysResult {
    let _ = (call, handle, op, offset, size, buffer, buffer_size);
    Err(Status::NOT_SUPPORTED)
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
    let _ = (call, dst_vmo, options, offset, length, src_vmo, src_offset);
    Err(Status::NOT_SUPPORTED)
}
