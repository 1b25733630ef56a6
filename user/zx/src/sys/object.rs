//! Calls on every kind of object, and on resources.

use super::{Answer, Input, Output, Place, call};

/// `zx_handle_close`
///
/// # Errors
/// See `docs/syscalls.md`, as for all calls here.
pub fn handle_close(handle: u32) -> Answer {
    call!(handle_close(handle))
}

/// `zx_handle_check_valid`
///
/// # Errors
/// See `docs/syscalls.md`.
pub fn handle_check_valid(handle: u32) -> Answer {
    call!(handle_check_valid(handle))
}

/// `zx_handle_close_many`: the values as little-endian bytes.
///
/// # Errors
/// See `docs/syscalls.md`.
pub fn handle_close_many(handles: Input<'_>) -> Answer {
    let count = handles.len() / 4;
    call!(handle_close_many(handles.arg(), count))
}

/// `zx_handle_duplicate`
///
/// # Errors
/// See `docs/syscalls.md`.
pub fn handle_duplicate<'a>(handle: u32, rights: u32, out: impl Into<Place<'a, 4>>) -> Answer {
    call!(handle_duplicate(handle, rights, out.into().arg()))
}

/// `zx_handle_replace`
///
/// # Errors
/// See `docs/syscalls.md`.
pub fn handle_replace<'a>(handle: u32, rights: u32, out: impl Into<Place<'a, 4>>) -> Answer {
    call!(handle_replace(handle, rights, out.into().arg()))
}

/// `zx_object_get_info`; counters that are not wanted are [`Address::NULL`](crate::Address::NULL).
///
/// # Errors
/// See `docs/syscalls.md`.
pub fn object_get_info<'a, 'b>(
    handle: u32,
    topic: u32,
    buffer: Output<'_>,
    actual: impl Into<Place<'a, 8>>,
    avail: impl Into<Place<'b, 8>>,
) -> Answer {
    let size = buffer.len();
    let (actual, avail) = (actual.into().arg(), avail.into().arg());
    call!(object_get_info(
        handle,
        topic,
        buffer.arg(),
        size,
        actual,
        avail
    ))
}

/// `zx_object_get_property`
///
/// # Errors
/// See `docs/syscalls.md`.
pub fn object_get_property(handle: u32, property: u32, value: Output<'_>) -> Answer {
    let size = value.len();
    call!(object_get_property(handle, property, value.arg(), size))
}

/// `zx_object_set_property`
///
/// # Errors
/// See `docs/syscalls.md`.
pub fn object_set_property(handle: u32, property: u32, value: Input<'_>) -> Answer {
    let size = value.len();
    call!(object_set_property(handle, property, value.arg(), size))
}

/// `zx_object_wait_one`; the deadline is in ns, monotonic.
///
/// # Errors
/// See `docs/syscalls.md`.
pub fn object_wait_one<'a>(
    handle: u32,
    signals: u32,
    deadline: i64,
    observed: impl Into<Place<'a, 4>>,
) -> Answer {
    call!(object_wait_one(
        handle,
        signals,
        deadline,
        observed.into().arg()
    ))
}

/// `zx_object_signal`
///
/// # Errors
/// See `docs/syscalls.md`.
pub fn object_signal(handle: u32, clear_mask: u32, set_mask: u32) -> Answer {
    call!(object_signal(handle, clear_mask, set_mask))
}

/// `zx_resource_create`
///
/// # Errors
/// See `docs/syscalls.md`.
pub fn resource_create<'a>(
    parent: u32,
    options: u32,
    base: u64,
    size: u64,
    name: Input<'_>,
    out: impl Into<Place<'a, 4>>,
) -> Answer {
    let name_size = name.len();
    let out = out.into().arg();
    call!(resource_create(
        parent,
        options,
        base,
        size,
        name.arg(),
        name_size,
        out
    ))
}
