//! Scenarios with several threads, under many schedules: on one to five processors, a slice of time
//! passes at any step.

use conformance::{Env, Scenario};
use jacinth_kernel::Wander;
use jacinth_sim::Arch;
use jacinth_sim::world::Control;
use jacinth_tests_host::{Bench, Verdict};

/// Parts of the names of the scenarios that have several threads or processes.
const CHOSEN: [&str; 8] = [
    "thread",
    "process_",
    "job_",
    "futex",
    "suspend",
    "exception",
    "handoff",
    "race_",
];
/// For each machine.
const SEEDS: u64 = 104;
/// In how many tests they run, side by side.
const PARTS: u64 = 2;
/// One step in so many takes a slice.
const RESTLESS: u64 = 12;
/// The machines have one to so many processors.
const MOST_CPUS: u64 = 5;

fn once(scenario: &Scenario, env: &mut Env, _: &Control) -> Result<(), String> {
    (scenario.run)(env).map_err(|failure| failure.to_string())
}

fn run(arch: Arch, part: u64) {
    let only = std::env::var("ONLY").unwrap_or_default();
    for seed in (0..SEEDS).filter(|seed| seed % PARTS == part) {
        let mut bench = Bench::new(arch, 1000 + seed);
        bench.options.config.restless = RESTLESS;
        bench.options.config.cpus = 1 + usize::try_from(seed % MOST_CPUS).unwrap_or(0);
        if seed % 3 == 2 {
            bench.options.config.wander = Wander::Yes;
        }
        let chosen = |scenario: &Scenario| {
            scenario.name.contains(&only) && CHOSEN.iter().any(|part| scenario.name.contains(part))
        };
        let verdicts = bench.run(chosen, once);
        let failed: Vec<&Verdict> = verdicts
            .iter()
            .filter(|verdict| verdict.failure.is_some())
            .collect();
        assert!(failed.is_empty(), "seed {seed}: {failed:?}");
    }
}

#[test]
fn x86_64_even_seeds() {
    run(Arch::X86_64, 0);
}

#[test]
fn x86_64_odd_seeds() {
    run(Arch::X86_64, 1);
}

#[test]
fn aarch64_even_seeds() {
    run(Arch::Aarch64, 0);
}

#[test]
fn aarch64_odd_seeds() {
    run(Arch::Aarch64, 1);
}
