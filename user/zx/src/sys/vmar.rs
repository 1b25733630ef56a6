//! Calls on regions of an address space.

use jacinth_abi::VmOptions;

use super::{Answer, Output, Place, call};
use crate::Address;

/// `zx_vmar_map`, except over what is mapped: see [`Region::overwrite`](crate::Region::overwrite).
///
/// # Errors
/// See `docs/syscalls.md`.
///
/// # Panics
/// When the options hold SPECIFIC_OVERWRITE.
pub fn vmar_map<'a>(
    handle: u32,
    options: VmOptions,
    vmar_offset: u64,
    vmo: u32,
    vmo_offset: u64,
    len: u64,
    mapped_addr: impl Into<Place<'a, 8>>,
) -> Answer {
    let is_safe = !options.contains(VmOptions::SPECIFIC_OVERWRITE);
    assert!(is_safe, "only a region that is ours may be overwritten");
    vmar_map_over(
        handle,
        options,
        vmar_offset,
        vmo,
        vmo_offset,
        len,
        mapped_addr,
    )
}

/// As [`vmar_map`], with every option; the caller owns what it overwrites.
pub(crate) fn vmar_map_over<'a>(
    handle: u32,
    options: VmOptions,
    vmar_offset: u64,
    vmo: u32,
    vmo_offset: u64,
    len: u64,
    mapped_addr: impl Into<Place<'a, 8>>,
) -> Answer {
    let (options, mapped_addr) = (options.bits(), mapped_addr.into().arg());
    call!(vmar_map(
        handle,
        options,
        vmar_offset,
        vmo,
        vmo_offset,
        len,
        mapped_addr
    ))
}

/// `zx_vmar_unmap`
///
/// # Errors
/// See `docs/syscalls.md`.
pub fn vmar_unmap(handle: u32, at: Address, len: u64) -> Answer {
    call!(vmar_unmap(handle, at.raw(), len))
}

/// `zx_vmar_unmap_handle_close_thread_exit`: it returns on an error only.
///
/// # Errors
/// See `docs/syscalls.md`.
pub fn vmar_unmap_handle_close_thread_exit(
    handle: u32,
    at: Address,
    len: u64,
    close_handle: u32,
) -> Answer {
    let at = at.raw();
    call!(vmar_unmap_handle_close_thread_exit(
        handle,
        at,
        len,
        close_handle
    ))
}

/// `zx_vmar_protect`
///
/// # Errors
/// See `docs/syscalls.md`.
pub fn vmar_protect(handle: u32, options: VmOptions, at: Address, len: u64) -> Answer {
    call!(vmar_protect(handle, options.bits(), at.raw(), len))
}

/// `zx_vmar_allocate`
///
/// # Errors
/// See `docs/syscalls.md`.
pub fn vmar_allocate<'a, 'b>(
    parent: u32,
    options: VmOptions,
    offset: u64,
    size: u64,
    child: impl Into<Place<'a, 4>>,
    child_addr: impl Into<Place<'b, 8>>,
) -> Answer {
    let options = options.bits();
    let (child, child_addr) = (child.into().arg(), child_addr.into().arg());
    call!(vmar_allocate(
        parent, options, offset, size, child, child_addr
    ))
}

/// `zx_vmar_destroy`
///
/// # Errors
/// See `docs/syscalls.md`.
pub fn vmar_destroy(handle: u32) -> Answer {
    call!(vmar_destroy(handle))
}

/// `zx_vmar_op_range`; an operation that needs no buffer gets [`Output::NONE`].
///
/// # Errors
/// See `docs/syscalls.md`.
pub fn vmar_op_range(handle: u32, op: u32, at: Address, size: u64, buffer: Output<'_>) -> Answer {
    let buffer_size = buffer.len();
    call!(vmar_op_range(
        handle,
        op,
        at.raw(),
        size,
        buffer.arg(),
        buffer_size
    ))
}
