//! `zx_vmar_op_range`.

use crate::call::{Call, HandleValue, Out, SysResult};
use jacinth_abi::Status;

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
    let _ = (call, handle, op, address, size, buffer, buffer_size);
    Err(Status::NOT_SUPPORTED)
}
