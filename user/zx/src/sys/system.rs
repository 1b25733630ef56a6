//! Calls on the caller itself, clocks and the machine.

use super::{Answer, Input, Output, Place, call, raw_call};

/// `zx_process_exit`
pub fn process_exit(return_code: i64) -> ! {
    loop {
        raw_call!(process_exit(return_code));
    }
}

/// `zx_thread_exit`
pub fn thread_exit() -> ! {
    loop {
        raw_call!(thread_exit());
    }
}

/// `zx_nanosleep`; the deadline is in ns, monotonic.
///
/// # Errors
/// See `docs/syscalls.md`.
pub fn nanosleep(deadline: i64) -> Answer {
    call!(nanosleep(deadline))
}

/// `zx_clock_get_monotonic`
///
/// # Errors
/// See `docs/syscalls.md`.
pub fn clock_get_monotonic<'a>(now: impl Into<Place<'a, 8>>) -> Answer {
    call!(clock_get_monotonic(now.into().arg()))
}

/// `zx_debug_write`
///
/// # Errors
/// See `docs/syscalls.md`.
pub fn debug_write(buffer: Input<'_>) -> Answer {
    let size = buffer.len();
    call!(debug_write(buffer.arg(), size))
}

/// `zx_cprng_add_entropy`
///
/// # Errors
/// See `docs/syscalls.md`.
pub fn cprng_add_entropy(buffer: Input<'_>) -> Answer {
    let size = buffer.len();
    call!(cprng_add_entropy(buffer.arg(), size))
}

/// `zx_system_get_page_size`, in bytes.
#[must_use]
pub fn system_get_page_size() -> u32 {
    u32::try_from(raw_call!(system_get_page_size())).unwrap_or_default()
}

/// `zx_system_get_num_cpus`
#[must_use]
pub fn system_get_num_cpus() -> u32 {
    u32::try_from(raw_call!(system_get_num_cpus())).unwrap_or_default()
}

/// `zx_system_get_version_string`: copied out with its NUL.
///
/// # Errors
/// See `docs/syscalls.md`.
pub fn system_get_version_string(version: Output<'_>) -> Answer {
    let size = version.len();
    call!(system_get_version_string(version.arg(), size))
}

/// `zx_clock_get_boot`
///
/// # Errors
/// See `docs/syscalls.md`.
pub fn clock_get_boot<'a>(now: impl Into<Place<'a, 8>>) -> Answer {
    call!(clock_get_boot(now.into().arg()))
}

/// `zx_ticks_get`
///
/// # Errors
/// See `docs/syscalls.md`.
pub fn ticks_get<'a>(now: impl Into<Place<'a, 8>>) -> Answer {
    call!(ticks_get(now.into().arg()))
}

/// `zx_ticks_per_second`
#[must_use]
pub fn ticks_per_second() -> i64 {
    raw_call!(ticks_per_second())
}

/// `zx_cprng_draw`, 256 bytes at the most.
///
/// # Errors
/// See `docs/syscalls.md`.
pub fn cprng_draw(buffer: Output<'_>) -> Answer {
    let size = buffer.len();
    call!(cprng_draw(buffer.arg(), size))
}
