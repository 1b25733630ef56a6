//! The generic timer (Arm ARM, chapter D12): the virtual counter as the clock, the virtual timer
//! as the alarm of each CPU.

use crate::clock::Clock;
use crate::metal::regs::{
    CNTFRQ_EL0, CNTKCTL_EL1, CNTV_CTL_EL0, CNTV_CVAL_EL0, CNTVCT_EL0, Readable, SY, Writeable, isb,
};

/// EL0 may read the virtual counter, nothing else (CNTKCTL_EL1.EL0VCTEN).
const USER_COUNTER: u64 = 1 << 1;
const ENABLE: u64 = 1;
const DISABLE: u64 = 0;

/// Makes the clock of all CPUs, which says 0 now.
pub(crate) fn clock() -> Clock {
    Clock::new(CNTFRQ_EL0.get(), counter())
}

/// Sets up what is this CPU's own: no alarm yet, and user mode may read the counter.
pub(crate) fn start_cpu() {
    CNTKCTL_EL1.set(USER_COUNTER);
    silence();
}

/// Arms this CPU's alarm for a time in ns; `i64::MAX` is never.
pub(crate) fn arm(clock: &Clock, deadline_ns: i64) {
    if deadline_ns == i64::MAX {
        return silence();
    }
    CNTV_CVAL_EL0.set(clock.ticks_at(deadline_ns));
    CNTV_CTL_EL0.set(ENABLE);
}

/// Turns this CPU's alarm off.
pub(crate) fn silence() {
    CNTV_CTL_EL0.set(DISABLE);
}

/// Says, each time it is asked, whether so many seconds from now are not over yet.
pub fn seconds_from_now(seconds: u64) -> impl FnMut() -> bool {
    let (start, ticks) = (counter(), CNTFRQ_EL0.get().saturating_mul(seconds));
    move || counter().wrapping_sub(start) < ticks
}

/// The virtual counter. The barrier keeps the read from being done too early.
pub fn counter() -> u64 {
    isb(SY);
    CNTVCT_EL0.get()
}
