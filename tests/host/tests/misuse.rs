//! Every call of the table is misused, on the simulated machine: both architectures, several seeds
//! and processors, and everything recounted after each event.
//! `JACINTH_SEED` chooses one seed, `ONLY` calls by a part of their name, `JACINTH_DRAWS` how often
//! each bad value is passed.

use conformance::Env;
use jacinth_abi::SYSCALLS;
use jacinth_sim::Arch;
use jacinth_tests_host::Bench;
use stress::misuse::{self, Effort, Tally};
use zx::Startup;

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok()?.parse().ok()
}

fn in_world(start: &Startup, effort: Effort) -> Result<Tally, String> {
    let env = Env::new(start)?;
    let is_verbose = std::env::var("VERBOSE").is_ok();
    misuse::run(start, env.facts.free, effort, |name, tally| {
        if is_verbose {
            println!("{name}: {tally:?}");
        }
    })
}

fn run(bench: &Bench, effort: Effort) {
    let (ended, tally) = bench.run_program(|start| in_world(start, effort));
    let tally = tally.unwrap_or_else(|what| panic!("{what}; {ended:?}"));
    println!("{} calls, {} succeeded", tally.calls, tally.succeeded);
    assert_eq!(tally.failures, Vec::<String>::new(), "seed {}", effort.seed);
    assert_eq!(ended, Ok(()), "seed {}", effort.seed);
    assert!(tally.calls > 10 * SYSCALLS.len() as u64 || !effort.only.is_empty());
}

fn seeds(arch: Arch, cpus: usize, seeds: std::ops::Range<u64>) {
    let only: &str = std::env::var("ONLY").unwrap_or_default().leak();
    let draws = number("JACINTH_DRAWS").unwrap_or(1) as usize;
    let chosen = number("JACINTH_SEED");
    let seeds = chosen.map_or(seeds, |seed| seed..seed + 1);
    for seed in seeds {
        let mut bench = Bench::new(arch, seed);
        bench.options.config.cpus = cpus;
        bench.options.config.restless = if cpus == 1 { 0 } else { 40 };
        run(&bench, Effort { seed, draws, only });
    }
}

#[test]
fn x86_64() {
    seeds(Arch::X86_64, 1, 0..2);
}

#[test]
fn aarch64() {
    seeds(Arch::Aarch64, 1, 2..4);
}

#[test]
fn several_processors() {
    seeds(Arch::X86_64, 4, 4..5);
    seeds(Arch::Aarch64, 3, 5..6);
}
