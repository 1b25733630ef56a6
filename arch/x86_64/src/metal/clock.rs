//! Time: the TSC, and how fast it goes.
//!
//! Its rate comes from the processor or the hypervisor where they tell it; otherwise it is measured
//! once against the HPET, or the interval timer of old.

use core::arch::x86_64::_rdtsc;

use crate::rate::Rate;

use super::cpuid::{self, Features};
use super::hpet::Hpet;
use super::pit;

/// Nanoseconds since boot, from the TSC.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    base: u64,
    rate: Rate,
}

impl Clock {
    /// Starts the clock at 0.
    pub(crate) fn start(rate: Rate) -> Self {
        Self {
            base: read_tsc(),
            rate,
        }
    }

    /// Nanoseconds since the start.
    pub(crate) fn now(&self) -> i64 {
        self.rate.uptime_ns(read_tsc().saturating_sub(self.base))
    }

    /// The TSC's value at a time.
    pub(crate) fn tsc_at(&self, ns: i64) -> u64 {
        self.base
            .saturating_add(self.rate.ticks(ns.max(0).unsigned_abs()))
    }
}

/// Reads the TSC.
pub fn read_tsc() -> u64 {
    // SAFETY: every 64-bit processor has it.
    unsafe { _rdtsc() }
}

/// Finds the rate of the TSC by the best means there are.
pub(crate) fn tsc_rate(features: Features, hpet: Option<Hpet>) -> Rate {
    told_rate(features)
        .or_else(|| hpet.and_then(|hpet| measure(|| hpet.read())))
        .or_else(|| pit::Countdown::start().and_then(|pit| measure(|| pit.read())))
        // QEMU's own emulation counts nanoseconds.
        .unwrap_or(Rate::new(1, 1))
}

/// The rate as the processor (Intel SDM 3A, 20.7.3) or the hypervisor tells it.
fn told_rate(features: Features) -> Option<Rate> {
    const LEAF_BASIC: u32 = 0;
    const LEAF_TSC: u32 = 0x15;
    const LEAF_HYPERVISOR: u32 = 0x4000_0000;
    const LEAF_FREQUENCIES: u32 = 0x4000_0010;
    const NS_PER_SECOND: u64 = 1_000_000_000;
    const NS_PER_MILLISECOND: u64 = 1_000_000;
    let told = cpuid::leaf_if_present(LEAF_BASIC, LEAF_TSC);
    if let Some(told) = told.filter(|told| told.eax != 0 && told.ebx != 0 && told.ecx != 0) {
        let hertz = u64::from(told.ecx) * u64::from(told.ebx) / u64::from(told.eax);
        return Some(Rate::new(hertz, NS_PER_SECOND));
    }
    if !features.hypervisor {
        return None;
    }
    let told = cpuid::leaf_if_present(LEAF_HYPERVISOR, LEAF_FREQUENCIES)?;
    (told.eax != 0).then(|| Rate::new(u64::from(told.eax), NS_PER_MILLISECOND))
}

/// A counter's value, and the time that one of its ticks takes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sample {
    /// Ticks, counting up.
    pub(crate) ticks: u64,
    /// Femtoseconds a tick.
    pub(crate) femtoseconds: u64,
}

/// What was read from a counter, with the TSC's value at the same moment, as near as can be had.
#[derive(Clone, Copy)]
struct Moment<T> {
    read: T,
    tsc: u64,
    /// TSC ticks that reading took.
    width: u64,
}

const FEMTOSECONDS_PER_NS: u64 = 1_000_000;
const MEASURED_NS: u64 = 10_000_000;

/// Measures the TSC against a counter; `None` when the counter stands still.
fn measure(read: impl Fn() -> Sample) -> Option<Rate> {
    const MOST_READS: u32 = 10_000_000;
    const READS_UNTIL_STILL: u32 = 10_000;
    let first = moment(&read);
    let elapsed = |sample: Sample| {
        let ticks = u128::from(sample.ticks.wrapping_sub(first.read.ticks));
        let femtoseconds = ticks * u128::from(sample.femtoseconds);
        u64::try_from(femtoseconds / u128::from(FEMTOSECONDS_PER_NS)).unwrap_or(0)
    };
    for reads in 0..MOST_READS {
        let passed = elapsed(read());
        if passed >= MEASURED_NS {
            let last = moment(&read);
            return Some(Rate::new(last.tsc - first.tsc, elapsed(last.read)));
        }
        if passed == 0 && reads == READS_UNTIL_STILL {
            return None;
        }
    }
    None
}

impl Clock {
    /// Measures another counter against this clock.
    pub(crate) fn measure(&self, read: impl Fn() -> u64) -> Rate {
        let first = moment(&read);
        let end = self.now() + MEASURED_NS.cast_signed() / 2;
        while self.now() < end {
            core::hint::spin_loop();
        }
        let last = moment(&read);
        Rate::new(
            last.read.saturating_sub(first.read),
            self.rate.ns(last.tsc - first.tsc),
        )
    }
}

/// Reads both counters a few times and keeps the closest pair: a host may take the CPU away in
/// between.
fn moment<T: Copy>(read: &impl Fn() -> T) -> Moment<T> {
    const TRIES: usize = 8;
    let take = || {
        let before = read_tsc();
        let read = read();
        let width = read_tsc().saturating_sub(before);
        Moment {
            read,
            tsc: before + width / 2,
            width,
        }
    };
    let mut best = take();
    for _ in 1..TRIES {
        let next = take();
        if next.width < best.width {
            best = next;
        }
    }
    best
}

/// Stands for a rate that nobody asks.
pub(crate) const NO_RATE: Rate = Rate::new(1, 1);
