//! Calls on words of memory that threads wait at.

use super::{Answer, Place, call};

/// `zx_futex_wait`; the deadline is in ns, monotonic.
///
/// # Errors
/// See `docs/syscalls.md`, as for all calls here.
pub fn futex_wait<'a>(
    value_ptr: impl Into<Place<'a, 4>>,
    current_value: i32,
    new_owner: u32,
    deadline: i64,
) -> Answer {
    let (value_ptr, value) = (value_ptr.into().read(), current_value.cast_unsigned());
    call!(futex_wait(value_ptr, value, new_owner, deadline))
}

/// `zx_futex_wake`
///
/// # Errors
/// See `docs/syscalls.md`.
pub fn futex_wake<'a>(value_ptr: impl Into<Place<'a, 4>>, wake_count: u32) -> Answer {
    call!(futex_wake(value_ptr.into().read(), wake_count))
}

/// `zx_futex_requeue`
///
/// # Errors
/// See `docs/syscalls.md`.
pub fn futex_requeue<'a, 'b>(
    value_ptr: impl Into<Place<'a, 4>>,
    wake_count: u32,
    current_value: i32,
    requeue_ptr: impl Into<Place<'b, 4>>,
    requeue_count: u32,
    new_requeue_owner: u32,
) -> Answer {
    call!(futex_requeue(
        value_ptr.into().read(),
        wake_count,
        current_value.cast_unsigned(),
        requeue_ptr.into().read(),
        requeue_count,
        new_requeue_owner,
    ))
}

/// `zx_futex_wake_single_owner`
///
/// # Errors
/// See `docs/syscalls.md`.
pub fn futex_wake_single_owner<'a>(value_ptr: impl Into<Place<'a, 4>>) -> Answer {
    call!(futex_wake_single_owner(value_ptr.into().read()))
}

/// `zx_futex_requeue_single_owner`
///
/// # Errors
/// See `docs/syscalls.md`.
pub fn futex_requeue_single_owner<'a, 'b>(
    value_ptr: impl Into<Place<'a, 4>>,
    current_value: i32,
    requeue_ptr: impl Into<Place<'b, 4>>,
    requeue_count: u32,
    new_requeue_owner: u32,
) -> Answer {
    call!(futex_requeue_single_owner(
        value_ptr.into().read(),
        current_value.cast_unsigned(),
        requeue_ptr.into().read(),
        requeue_count,
        new_requeue_owner,
    ))
}

/// `zx_futex_get_owner`
///
/// # Errors
/// See `docs/syscalls.md`.
pub fn futex_get_owner<'a, 'b>(
    value_ptr: impl Into<Place<'a, 4>>,
    koid: impl Into<Place<'b, 8>>,
) -> Answer {
    call!(futex_get_owner(value_ptr.into().read(), koid.into().arg()))
}

/// `zx_futex_wake_handle_close_thread_exit`: it returns on an error only.
///
/// # Errors
/// See `docs/syscalls.md`.
pub fn futex_wake_handle_close_thread_exit<'a>(
    value_ptr: impl Into<Place<'a, 4>>,
    wake_count: u32,
    new_value: i32,
    close_handle: u32,
) -> Answer {
    let (value_ptr, value) = (value_ptr.into().arg(), new_value.cast_unsigned());
    call!(futex_wake_handle_close_thread_exit(
        value_ptr,
        wake_count,
        value,
        close_handle
    ))
}
