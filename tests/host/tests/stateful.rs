//! Random sequences of calls against the model: `JACINTH_SEQUENCES` says how many (10,000 unless
//! told), `JACINTH_SEED` the first seed; see docs/testing.md.

use jacinth_sim::Arch;
use jacinth_tests_host::stateful::run_sequences;

const SEQUENCES: u64 = 10_000;
const SEED: u64 = 1;

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok()?.parse().ok()
}

fn run(arch: Arch, first: u64, count: u64) {
    println!("{arch:?}: seeds {first} to {}", first.wrapping_add(count));
    if let Err(failure) = run_sequences(arch, first, count) {
        panic!("{arch:?}, {}", failure.report());
    }
}

/// Half of the sequences on each architecture; a chosen seed runs on both.
fn run_all(arch: Arch, offset: u64) {
    let count = number("JACINTH_SEQUENCES");
    match number("JACINTH_SEED") {
        Some(seed) => run(arch, seed, count.unwrap_or(1)),
        None => {
            let count = count.unwrap_or(SEQUENCES).div_ceil(2);
            run(arch, SEED + offset * count, count);
        }
    }
}

#[test]
fn x86_64() {
    run_all(Arch::X86_64, 0);
}

#[test]
fn aarch64() {
    run_all(Arch::Aarch64, 1);
}
