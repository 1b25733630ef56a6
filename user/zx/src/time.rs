//! The monotonic clock, in nanoseconds, the processor's counter, and what is random.

use jacinth_abi::Status;

use crate::sys;

/// Nanoseconds in a millisecond.
pub const MILLISECOND_NS: i64 = 1_000_000;
/// Nanoseconds in a second.
pub const SECOND_NS: i64 = 1_000_000_000;

/// Reads the clock.
#[must_use]
pub fn now_ns() -> i64 {
    let mut now = [0; 8];
    match sys::clock_get_monotonic(&mut now) {
        Ok(()) => i64::from_le_bytes(now),
        Err(status) => panic!("the clock cannot be read: {status}"),
    }
}

/// Reads the processor's counter, to measure with; how fast it goes is the machine's affair.
///
/// On a simulated machine it is the clock.
#[inline(always)]
#[must_use]
pub fn ticks() -> u64 {
    #[cfg(target_os = "none")]
    let ticks = crate::arch::ticks();
    #[cfg(not(target_os = "none"))]
    let ticks = now_ns().unsigned_abs();
    ticks
}

/// The deadline that lies `duration_ns` ahead.
#[must_use]
pub fn after_ns(duration_ns: i64) -> i64 {
    now_ns().saturating_add(duration_ns)
}

/// Sleeps.
///
/// # Errors
/// Those of `zx_nanosleep`.
pub fn sleep_ns(duration_ns: i64) -> Result<(), Status> {
    sys::nanosleep(after_ns(duration_ns))
}

/// Fills a buffer of any length with random bytes (`zx_cprng_draw`).
///
/// # Panics
/// Never: the buffer is the program's.
pub fn fill_random(bytes: &mut [u8]) {
    const MOST: usize = jacinth_abi::limits::CPRNG_DRAW_MAX_LEN as usize;
    for piece in bytes.chunks_mut(MOST) {
        if let Err(status) = sys::cprng_draw(sys::Output::Here(piece)) {
            panic!("nothing random is to be had: {status}");
        }
    }
}
