//! Processes are killed at many points of every call that waits, on the simulated machine: the killer
//! takes from no turn to more than a call takes, and turns end at random steps; and with two
//! processors, where somebody else's step may come between the pieces of a call. Everything is
//! recounted after each event.

use jacinth_sim::Arch;
use jacinth_sim::world::{self, Thread};
use jacinth_tests_host::{Bench, judge};
use std::sync::Mutex;
use stress::kills::{self, Points};

fn in_world(thread: &Thread, bootstrap: u32, points: Points) -> Result<u64, String> {
    let start = jacinth_tests_host::start(thread, bootstrap).map_err(|what| what.to_string())?;
    thread.warm_up(u64::MAX);
    kills::run(&start, points)
}

fn run(arch: Arch, (cpus, restless): (usize, u64), seed: u64, points: Points) {
    let mut bench = Bench::new(arch, seed);
    bench.options.config.cpus = cpus;
    bench.options.config.restless = restless;
    let outcome = Mutex::new(Err("the world did not begin".to_owned()));
    let mut report = world::run(
        &bench.options,
        Box::new(|thread, _, bootstrap| {
            let killed = in_world(thread, bootstrap, points);
            *outcome.lock().expect("not poisoned") = killed;
            0
        }),
    );
    let ended = judge(&mut report);
    let outcome = outcome.into_inner().expect("not poisoned");
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
