//! The arithmetic of the clock: ticks of a counter to nanoseconds and back.

const NS_PER_SECOND: u64 = 1_000_000_000;
/// A counter that says 0 Hz was not set up by firmware; this is what QEMU's runs at.
const USUAL_HZ: u64 = 62_500_000;
/// Binary places of the conversion factors.
const SCALE: u32 = 32;

/// A clock that is made of a counter.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    /// What the counter said at boot.
    start: u64,
    /// Nanoseconds per tick, times 2^32, rounded down.
    ns_per_tick: u64,
    /// Ticks per nanosecond, times 2^32, rounded up: an alarm is never early.
    ticks_per_ns: u64,
}

impl Clock {
    /// Makes a clock that says 0 when the counter says `start`; `frequency` is the counter's, in Hz.
    #[must_use]
    pub fn new(frequency: u64, start: u64) -> Self {
        let frequency = u128::from(if frequency == 0 { USUAL_HZ } else { frequency });
        let second = u128::from(NS_PER_SECOND);
        let narrow = |factor| u64::try_from(factor).unwrap_or(u64::MAX);
        Self {
            start,
            ns_per_tick: narrow((second << SCALE) / frequency),
            ticks_per_ns: narrow((frequency << SCALE).div_ceil(second)),
        }
    }

    /// The time in ns when the counter says `counter`.
    #[must_use]
    pub fn ns_at(&self, counter: u64) -> i64 {
        let ticks = u128::from(counter.saturating_sub(self.start));
        i64::try_from((ticks * u128::from(self.ns_per_tick)) >> SCALE).unwrap_or(i64::MAX)
    }

    /// The first value of the counter at which it is that late.
    #[must_use]
    pub fn ticks_at(&self, time_ns: i64) -> u64 {
        let time_ns = u128::from(time_ns.max(0).unsigned_abs());
        let ticks = (time_ns * u128::from(self.ticks_per_ns)) >> SCALE;
        let ticks = u64::try_from(ticks).unwrap_or(u64::MAX);
        self.start.saturating_add(ticks).saturating_add(1)
    }
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
