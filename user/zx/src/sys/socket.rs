//! Calls on sockets.

use super::{Answer, Input, Output, Place, call};

/// `zx_socket_create`
///
/// # Errors
/// See `docs/syscalls.md`, as for all calls here.
pub fn socket_create<'a, 'b>(
    options: u32,
    out0: impl Into<Place<'a, 4>>,
    out1: impl Into<Place<'b, 4>>,
) -> Answer {
    let (out0, out1) = (out0.into().arg(), out1.into().arg());
    call!(socket_create(options, out0, out1))
}

/// `zx_socket_write`
///
/// # Errors
/// See `docs/syscalls.md`.
pub fn socket_write<'a>(
    handle: u32,
    options: u32,
    buffer: Input<'_>,
    actual: impl Into<Place<'a, 8>>,
) -> Answer {
    let size = buffer.len();
    let (buffer, actual) = (buffer.arg(), actual.into().arg());
    call!(socket_write(handle, options, buffer, size, actual))
}

/// `zx_socket_read`
///
/// # Errors
/// See `docs/syscalls.md`.
pub fn socket_read<'a>(
    handle: u32,
    options: u32,
    buffer: Output<'_>,
    actual: impl Into<Place<'a, 8>>,
) -> Answer {
    let size = buffer.len();
    let (buffer, actual) = (buffer.arg(), actual.into().arg());
    call!(socket_read(handle, options, buffer, size, actual))
}

/// `zx_socket_set_disposition`
///
/// # Errors
/// See `docs/syscalls.md`.
pub fn socket_set_disposition(handle: u32, disposition: u32, disposition_peer: u32) -> Answer {
    call!(socket_set_disposition(
        handle,
        disposition,
        disposition_peer
    ))
}
