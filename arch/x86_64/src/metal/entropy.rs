//! Random words: from the processor where it has a source, else from the jitter of its clock.

use core::arch::asm;
use core::sync::atomic::{AtomicU64, Ordering};

use super::clock::read_tsc;
use super::cpuid::Features;

/// What earlier words left behind, so that a weak source does not repeat itself.
static POOL: AtomicU64 = AtomicU64::new(0);

/// A random word.
pub(crate) fn word(features: Features) -> u64 {
    const TRIES: usize = 16;
    let strong = (0..TRIES).find_map(|_| {
        let seed = features.rdseed.then(rdseed).flatten();
        seed.or_else(|| features.rdrand.then(rdrand).flatten())
    });
    let mixed = mix(POOL.load(Ordering::Relaxed) ^ read_tsc());
    POOL.store(mixed, Ordering::Relaxed);
    strong.unwrap_or(0) ^ mixed
}

/// The finalizer of SplitMix64 (Steele, Lea, Flood 2014).
const fn mix(seed: u64) -> u64 {
    let seed = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let seed = (seed ^ seed >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let seed = (seed ^ seed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    seed ^ seed >> 31
}

fn rdseed() -> Option<u64> {
    let (word, is_good): (u64, u8);
    // SAFETY: the processor has the instruction.
    unsafe {
        asm!("rdseed {}", "setc {}", out(reg) word, out(reg_byte) is_good, options(nomem, nostack))
    };
    (is_good == 1).then_some(word)
}

fn rdrand() -> Option<u64> {
    let (word, is_good): (u64, u8);
    // SAFETY: the processor has the instruction.
    unsafe {
        asm!("rdrand {}", "setc {}", out(reg) word, out(reg_byte) is_good, options(nomem, nostack))
    };
    (is_good == 1).then_some(word)
}
