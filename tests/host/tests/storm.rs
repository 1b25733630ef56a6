//! Everything at once on the simulated machine: both architectures, one processor and several, many
//! seeds. `JACINTH_SEED` chooses one, `JACINTH_SEEDS` how many there are, `JACINTH_ROUNDS` how much
//! each thread does.

use conformance::Env;
use jacinth_sim::Arch;
use jacinth_tests_host::Bench;
use stress::storm::{self, Done, Plan};
use zx::Startup;

const SEEDS: u64 = 4;
const ROUNDS: u64 = 6;

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok()?.parse().ok()
}

fn in_world(start: &Startup, seed: u64) -> Result<Done, String> {
    let plan = Plan {
        seed,
        workers: 3,
        rounds: number("JACINTH_ROUNDS").unwrap_or(ROUNDS),
        duration_ns: i64::MAX,
        free: Env::new(start)?.facts.free,
    };
    storm::run(start, plan)
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
    assert!(outcome.is_ok(), "{where_it_was}: {outcome:?}");
}

fn seeds(arch: Arch, cpus: &[usize]) {
    let count = number("JACINTH_SEEDS").unwrap_or(SEEDS);
    let seeds = number("JACINTH_SEED").map_or(0..count, |seed| seed..seed + 1);
    for seed in seeds {
        for cpus in cpus {
            run(arch, *cpus, seed);
        }
    }
}

#[test]
fn x86_64() {
    seeds(Arch::X86_64, &[1, 4]);
}

#[test]
fn aarch64() {
    seeds(Arch::Aarch64, &[1, 3]);
}
