//! Calls on FIFOs.

use super::{Answer, Input, Output, Place, call};

/// `zx_fifo_create`
///
/// # Errors
/// See `docs/syscalls.md`, as for all calls here.
pub fn fifo_create<'a, 'b>(
    elem_count: u64,
    elem_size: u64,
    options: u32,
    out0: impl Into<Place<'a, 4>>,
    out1: impl Into<Place<'b, 4>>,
) -> Answer {
    let (out0, out1) = (out0.into().arg(), out1.into().arg());
    call!(fifo_create(elem_count, elem_size, options, out0, out1))
}

/// `zx_fifo_read`: as many elements as the memory has room for.
///
/// # Errors
/// See `docs/syscalls.md`.
pub fn fifo_read<'a>(
    handle: u32,
    elem_size: u64,
    data: Output<'_>,
    actual: impl Into<Place<'a, 8>>,
) -> Answer {
    let count = count(data.len(), elem_size);
    let (data, actual) = (data.arg(), actual.into().arg());
    call!(fifo_read(handle, elem_size, data, count, actual))
}

/// `zx_fifo_write`: all elements that are in the memory.
///
/// # Errors
/// See `docs/syscalls.md`.
pub fn fifo_write<'a>(
    handle: u32,
    elem_size: u64,
    data: Input<'_>,
    actual: impl Into<Place<'a, 8>>,
) -> Answer {
    let count = count(data.len(), elem_size);
    let (data, actual) = (data.arg(), actual.into().arg());
    call!(fifo_write(handle, elem_size, data, count, actual))
}

/// How many elements fit into memory. Those of no size fit in any number; the kernel knows none.
fn count(bytes: u64, elem_size: u64) -> u64 {
    bytes.checked_div(elem_size).unwrap_or(1)
}
