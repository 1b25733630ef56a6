//! Random sequences of calls against the model: `JACINTH_SEQUENCES` says how many (10,000 unless
//! told), `JACINTH_SEED` the first seed; see docs/testing.md.

use jacinth_abi::{SYSCALLS, Status};
use jacinth_sim::Arch;
use jacinth_tests_host::stateful::{Tally, WEIGHTS, run_sequences};

const SEQUENCES: u64 = 10_000;
const SEED: u64 = 1;

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok()?.parse().ok()
}

fn run(arch: Arch, first: u64, count: u64) {
    println!("{arch:?}: seeds {first} to {}", first.wrapping_add(count));
    match run_sequences(arch, first, count) {
        Ok(tally) => judge(&tally, count),
        Err(failure) => panic!("{arch:?}, {}", failure.report()),
    }
}

/// Prints how often each call was answered how. A test whose calls always fail tests little: each
/// must succeed now and then.
fn judge(tally: &Tally, count: u64) {
    for (number, _) in WEIGHTS {
        let row = SYSCALLS.iter().find(|row| row.number == *number);
        let name = row.map_or("?", |row| row.name);
        let answers = tally.iter().filter(|((call, _), _)| call == number);
        print!("{name}:");
        for ((_, answer), times) in answers {
            match i32::try_from(*answer).map(Status::check) {
                Ok(Err(status)) => print!(" {status:?} {times}"),
                _ => print!(" OK {times}"),
            }
        }
        println!();
        let good = tally.get(&(*number, 0)).copied().unwrap_or(0);
        assert!(
            count < 100 || good > count / 20,
            "{name} hardly ever succeeds"
        );
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
