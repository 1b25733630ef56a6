//! Changes of what is mapped under threads that touch it, on the simulated machine, whose processors
//! remember translations until they are told to forget them. `JACINTH_SEED` chooses a seed.

use jacinth_sim::Arch;
use jacinth_tests_host::Bench;
use stress::stale::{self, Done, Plan};
use zx::Startup;

const SEEDS: u64 = 2;
const CHANGES: u64 = 150;

fn in_world(start: &Startup, seed: u64) -> Result<Done, String> {
    let plan = Plan {
        seed,
        threads: 3,
        changes: CHANGES,
        duration_ns: i64::MAX,
    };
    stale::run(start, plan)
}

/// One seed; each third step or so somebody else has a turn.
fn run(arch: Arch, cpus: usize, seed: u64) {
    let mut bench = Bench::new(arch, seed);
    bench.options.config.cpus = cpus;
    bench.options.config.restless = 16;
    let (ended, outcome) = bench.run_program(|start| in_world(start, seed));
    let where_it_was = format!("{arch:?}, {cpus} processors, seed {seed}");
    println!("{where_it_was}: {outcome:?}");
    assert_eq!(ended, Ok(()), "{where_it_was}: {outcome:?}");
    let done = outcome.unwrap_or_else(|what| panic!("{where_it_was}: {what}"));
    assert_eq!(done.changes, CHANGES, "{where_it_was}");
    assert!(done.judged > 0 && done.stopped > 0, "{where_it_was}");
}

fn seeds(arch: Arch) {
    let told = std::env::var("JACINTH_SEED").ok();
    let seed = told.and_then(|text| text.parse().ok());
    // One processor: with several, a simulated thread that makes no calls keeps the others waiting.
    for seed in seed.map_or(0..SEEDS, |seed: u64| seed..seed + 1) {
        run(arch, 1, seed);
    }
}

#[test]
fn x86_64() {
    seeds(Arch::X86_64);
}

#[test]
fn aarch64() {
    seeds(Arch::Aarch64);
}
