//! Processes are killed at many points of every call that waits, on the simulated machine: the killer
//! takes from no turn to more than a call takes, and turns end at random steps; and with two
//! processors, where somebody else's step may come between the pieces of a call. Everything is
//! recounted after each event.

use jacinth_sim::Arch;
use jacinth_tests_host::Bench;
use stress::kills::{self, Points};

fn run(arch: Arch, (cpus, restless): (usize, u64), seed: u64, points: Points) {
    let mut bench = Bench::new(arch, seed);
    bench.options.config.cpus = cpus;
    bench.options.config.restless = restless;
    let (ended, outcome) = bench.run_program(|start| kills::run(start, points));
    println!("{arch:?}, {cpus} processors, seed {seed}: {outcome:?} killed");
    assert_eq!(ended, Ok(()), "{outcome:?}");
    assert!(outcome.is_ok(), "{outcome:?}");
}

const EVERY: Points = Points {
    before: 30,
    behind: 12,
};
const SOME: Points = Points {
    before: 3,
    behind: 6,
};

#[test]
fn x86_64() {
    run(Arch::X86_64, (1, 12), 1, EVERY);
    run(Arch::X86_64, (2, 6), 2, SOME);
}

#[test]
fn aarch64() {
    run(Arch::Aarch64, (1, 12), 3, EVERY);
    run(Arch::Aarch64, (2, 6), 4, SOME);
}
