//! Calls on VMOs.

use super::{Answer, Input, Output, Place, call};

/// `zx_vmo_create`
///
/// # Errors
/// See `docs/syscalls.md`.
pub fn vmo_create<'a>(size: u64, options: u32, out: impl Into<Place<'a, 4>>) -> Answer {
    call!(vmo_create(size, options, out.into().arg()))
}

/// `zx_vmo_create_physical`
///
/// # Errors
/// See `docs/syscalls.md`.
pub fn vmo_create_physical<'a>(
    resource: u32,
    paddr: u64,
    size: u64,
    out: impl Into<Place<'a, 4>>,
) -> Answer {
    call!(vmo_create_physical(resource, paddr, size, out.into().arg()))
}

/// `zx_vmo_create_child`
///
/// # Errors
/// See `docs/syscalls.md`.
pub fn vmo_create_child<'a>(
    handle: u32,
    options: u32,
    offset: u64,
    size: u64,
    out: impl Into<Place<'a, 4>>,
) -> Answer {
    call!(vmo_create_child(
        handle,
        options,
        offset,
        size,
        out.into().arg()
    ))
}

/// `zx_vmo_get_size`
///
/// # Errors
/// See `docs/syscalls.md`.
pub fn vmo_get_size<'a>(handle: u32, size: impl Into<Place<'a, 8>>) -> Answer {
    call!(vmo_get_size(handle, size.into().arg()))
}

/// `zx_vmo_read`
///
/// # Errors
/// See `docs/syscalls.md`.
pub fn vmo_read(handle: u32, buffer: Output<'_>, offset: u64) -> Answer {
    let size = buffer.len();
    call!(vmo_read(handle, buffer.arg(), offset, size))
}

/// `zx_vmo_write`
///
/// # Errors
/// See `docs/syscalls.md`.
pub fn vmo_write(handle: u32, buffer: Input<'_>, offset: u64) -> Answer {
    let size = buffer.len();
    call!(vmo_write(handle, buffer.arg(), offset, size))
}

/// `zx_vmo_set_cache_policy`
///
/// # Errors
/// See `docs/syscalls.md`.
pub fn vmo_set_cache_policy(handle: u32, policy: u32) -> Answer {
    call!(vmo_set_cache_policy(handle, policy))
}

/// `zx_vmo_set_size`
///
/// # Errors
/// See `docs/syscalls.md`.
pub fn vmo_set_size(handle: u32, size: u64) -> Answer {
    call!(vmo_set_size(handle, size))
}

/// `zx_vmo_get_stream_size`
///
/// # Errors
/// See `docs/syscalls.md`.
pub fn vmo_get_stream_size<'a>(handle: u32, size: impl Into<Place<'a, 8>>) -> Answer {
    call!(vmo_get_stream_size(handle, size.into().arg()))
}

/// `zx_vmo_set_stream_size`
///
/// # Errors
/// See `docs/syscalls.md`.
pub fn vmo_set_stream_size(handle: u32, size: u64) -> Answer {
    call!(vmo_set_stream_size(handle, size))
}

/// `zx_vmo_replace_as_executable`
///
/// # Errors
/// See `docs/syscalls.md`.
pub fn vmo_replace_as_executable<'a>(
    handle: u32,
    vmex: u32,
    out: impl Into<Place<'a, 4>>,
) -> Answer {
    call!(vmo_replace_as_executable(handle, vmex, out.into().arg()))
}

/// `zx_vmo_op_range`; an operation that needs no buffer gets [`Output::NONE`].
///
/// # Errors
/// See `docs/syscalls.md`.
pub fn vmo_op_range(handle: u32, op: u32, offset: u64, size: u64, buffer: Output<'_>) -> Answer {
    let buffer_size = buffer.len();
    call!(vmo_op_range(
        handle,
        op,
        offset,
        size,
        buffer.arg(),
        buffer_size
    ))
}

/// `zx_vmo_transfer_data`
///
/// # Errors
/// See `docs/syscalls.md`.
pub fn vmo_transfer_data(
    dst_vmo: u32,
    options: u32,
    offset: u64,
    length: u64,
    src_vmo: u32,
    src_offset: u64,
) -> Answer {
    call!(vmo_transfer_data(
        dst_vmo, options, offset, length, src_vmo, src_offset
    ))
}
