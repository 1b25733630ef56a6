//! Rates of counters: from ticks to time and back.

/// A rate in ticks per nanosecond: 32 bits and 32 bits of fraction, both ways.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    ticks_per_ns: u64,
    ns_per_tick: u64,
}

impl Rate {
    /// The rate of `ticks` in `ns` nanoseconds; neither is taken as 0.
    #[must_use]
    pub const fn new(ticks: u64, ns: u64) -> Self {
        Self {
            ticks_per_ns: ratio(ticks, ns),
            ns_per_tick: ratio(ns, ticks),
        }
    }

    /// The ticks in a time, saturating.
    #[must_use]
    pub const fn ticks(self, ns: u64) -> u64 {
        scale(ns, self.ticks_per_ns)
    }

    /// The nanoseconds that ticks since boot took. Nothing is clamped, because a call for the time
    /// has better to do: 63 bits of them are 292 years, whatever the rate.
    #[must_use]
    pub const fn uptime_ns(self, ticks: u64) -> i64 {
        ((ticks as u128 * self.ns_per_tick as u128) >> FRACTION_BITS) as i64
    }

    /// The nanoseconds that ticks take, saturating.
    #[must_use]
    pub const fn ns(self, ticks: u64) -> u64 {
        scale(ticks, self.ns_per_tick)
    }
}

const FRACTION_BITS: u32 = 32;

const fn ratio(one: u64, other: u64) -> u64 {
    let one = if one == 0 { 1 } else { one };
    let other = if other == 0 { 1 } else { other };
    let ratio = ((one as u128) << FRACTION_BITS) / other as u128;
    if ratio > u64::MAX as u128 {
        u64::MAX
    } else {
        ratio as u64
    }
}

const fn scale(value: u64, by: u64) -> u64 {
    let scaled = (value as u128 * by as u128) >> FRACTION_BITS;
    if scaled > u64::MAX as u128 {
        u64::MAX
    } else {
        scaled as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_rates_are_exact() {
        let nanoseconds = Rate::new(1, 1);
        let slow = Rate::new(1, 16);
        for ticks in [0, 1, 1000, 1 << 40, u64::MAX] {
            assert_eq!(nanoseconds.ns(ticks), ticks);
            assert_eq!(nanoseconds.uptime_ns(ticks / 2), (ticks / 2).cast_signed());
            assert_eq!(nanoseconds.ticks(ticks), ticks);
            assert_eq!(slow.ticks(ticks), ticks / 16);
        }
    }

    #[test]
    fn odd_rates_stay_within_a_billionth() {
        const DAY_NS: u64 = 86_400_000_000_000;
        for hertz in [1_193_182, 14_318_180, 2_893_437_500, 5_000_000_000] {
            let rate = Rate::new(hertz, 1_000_000_000);
            let ticks =
                u64::try_from(u128::from(DAY_NS) * u128::from(hertz) / 1_000_000_000).unwrap();
            let error = rate.ns(ticks).abs_diff(DAY_NS);
            assert!(
                error <= DAY_NS / 1_000_000_000,
                "{hertz} Hz: {error} ns a day"
            );
            let error = rate.ticks(DAY_NS).abs_diff(ticks);
            assert!(
                error <= ticks / 1_000_000 + 1,
                "{hertz} Hz: {error} ticks a day"
            );
        }
    }

    #[test]
    fn nonsense_saturates() {
        assert_eq!(Rate::new(u64::MAX, 0).ticks(u64::MAX), u64::MAX);
        assert_eq!(Rate::new(0, u64::MAX).ns(u64::MAX), u64::MAX);
    }
}
