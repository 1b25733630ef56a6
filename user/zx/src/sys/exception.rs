//! Calls on exception channels and exceptions.

use super::{Answer, Place, call};

/// `zx_task_create_exception_channel`
///
/// # Errors
/// See `docs/syscalls.md`, as for all calls here.
pub fn task_create_exception_channel<'a>(
    handle: u32,
    options: u32,
    out: impl Into<Place<'a, 4>>,
) -> Answer {
    let out = out.into().arg();
    call!(task_create_exception_channel(handle, options, out))
}

/// `zx_exception_get_thread`
///
/// # Errors
/// See `docs/syscalls.md`.
pub fn exception_get_thread<'a>(handle: u32, out: impl Into<Place<'a, 4>>) -> Answer {
    call!(exception_get_thread(handle, out.into().arg()))
}

/// `zx_exception_get_process`
///
/// # Errors
/// See `docs/syscalls.md`.
pub fn exception_get_process<'a>(handle: u32, out: impl Into<Place<'a, 4>>) -> Answer {
    call!(exception_get_process(handle, out.into().arg()))
}
