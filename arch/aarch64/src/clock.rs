//! The generic timer (Arm ARM, chapter D12): the virtual counter as the clock, the virtual timer
//! as the alarm of each CPU.

use crate::regs::{
    CNTFRQ_EL0, CNTKCTL_EL1, CNTV_CTL_EL0, CNTV_CVAL_EL0, CNTVCT_EL0, Readable, Writeable, isb,
};

const NS_PER_SECOND: u64 = 1_000_000_000;
/// A counter that says 0 Hz was not set up by firmware; this is what QEMU's runs at.
const USUAL_HZ: u64 = 62_500_000;
/// EL0 may read the virtual counter, nothing else (CNTKCTL_EL1.EL0VCTEN).
const USER_COUNTER: u64 = 1 << 1;
const ENABLE: u64 = 1;
const DISABLE: u64 = 0;
/// Binary places of the conversion factors.
const SCALE: u32 = 32;

/// The clock of all CPUs.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    /// What the counter said at boot.
    start: u64,
    /// Nanoseconds per tick, and ticks per nanosecond, times 2^32. The second is rounded up: an
    /// alarm is never early.
    ns_per_tick: u64,
    ticks_per_ns: u64,
}

impl Clock {
    /// Starts the clock at 0.
    pub(crate) fn start() -> Self {
        Self::new(CNTFRQ_EL0.get(), counter())
    }

    fn new(frequency: u64, start: u64) -> Self {
        let frequency = if frequency == 0 { USUAL_HZ } else { frequency };
        let ratio = |of: u64, to: u64| {
            u64::try_from((u128::from(of) << SCALE).div_ceil(u128::from(to))).unwrap_or(u64::MAX)
        };
        // Rounded down, unlike the other: the clock must not run ahead of the alarm.
        let ns_per_tick = (u128::from(NS_PER_SECOND) << SCALE) / u128::from(frequency);
        Self {
            start,
            ns_per_tick: u64::try_from(ns_per_tick).unwrap_or(u64::MAX),
            ticks_per_ns: ratio(frequency, NS_PER_SECOND),
        }
    }

    /// Nanoseconds since the start.
    pub(crate) fn now(&self) -> i64 {
        self.ns_at(counter())
    }

    /// Arms this CPU's alarm for a time in ns; `i64::MAX` is never.
    pub(crate) fn arm(&self, deadline_ns: i64) {
        if deadline_ns == i64::MAX {
            return silence();
        }
        CNTV_CVAL_EL0.set(self.ticks_at(deadline_ns));
        CNTV_CTL_EL0.set(ENABLE);
    }

    fn ns_at(&self, counter: u64) -> i64 {
        let ticks = u128::from(counter.saturating_sub(self.start));
        i64::try_from((ticks * u128::from(self.ns_per_tick)) >> SCALE).unwrap_or(i64::MAX)
    }

    /// The first value of the counter at which it is that late.
    fn ticks_at(&self, time_ns: i64) -> u64 {
        let time_ns = u128::from(time_ns.max(0).unsigned_abs());
        let ticks = (time_ns * u128::from(self.ticks_per_ns)) >> SCALE;
        self.start
            .saturating_add(u64::try_from(ticks).unwrap_or(u64::MAX))
            .saturating_add(1)
    }
}

/// Sets up what is this CPU's own: no alarm yet, and user mode may read the counter.
pub(crate) fn start_cpu() {
    CNTKCTL_EL1.set(USER_COUNTER);
    silence();
}

/// Turns this CPU's alarm off.
pub(crate) fn silence() {
    CNTV_CTL_EL0.set(DISABLE);
}

/// The virtual counter. The barrier keeps the read from being done too early.
pub(crate) fn counter() -> u64 {
    isb(crate::regs::SY);
    CNTVCT_EL0.get()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_clock_keeps_time() {
        for frequency in [
            0,
            1_000_000,
            19_200_000,
            24_000_000,
            62_500_000,
            1_000_000_000,
        ] {
            let clock = Clock::new(frequency, 1000);
            let hz = if frequency == 0 { USUAL_HZ } else { frequency };
            let year = 365 * 24 * 3600;
            let found = clock.ns_at(1000 + hz * year);
            let ideal = i64::try_from(year * NS_PER_SECOND).unwrap();
            assert!(
                found <= ideal && ideal - found < 1_000_000_000,
                "{frequency}: {found}"
            );
            assert_eq!(clock.ns_at(0), 0);
        }
    }

    #[test]
    fn alarms_are_late_but_never_early() {
        for frequency in [1_000_000, 19_200_000, 62_500_000, 1_000_000_000] {
            let clock = Clock::new(frequency, 12345);
            for deadline in [-5, 0, 1, 999, 1_000_000, 123_456_789_012, i64::MAX - 1] {
                let ticks = clock.ticks_at(deadline);
                assert!(
                    clock.ns_at(ticks) >= deadline.min(i64::MAX / 2).min(clock.ns_at(u64::MAX)),
                    "{frequency} {deadline}"
                );
            }
            assert!(clock.ns_at(clock.ticks_at(1_000_000_000)) < 1_000_010_000);
        }
    }
}
