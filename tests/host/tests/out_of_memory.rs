//! Every allocation fails once: the call that needed it says NO_MEMORY, the kernel is as it was,
//! and the same call then succeeds, so that the scenario passes as if nothing had been.
//!
//! Where the memory was for a page that the program touched, the program dies of it: a fault has
//! nobody to answer to. Then a new world goes on behind that allocation.

use conformance::{Env, Scenario};
use jacinth_abi::ExitCode;
use jacinth_sim::Arch;
use jacinth_sim::world::{self, Control, Ending, Thread};
use jacinth_tests_host::Bench;
use std::sync::Mutex;

/// How far the failing of one scenario's allocations has come.
struct Progress {
    /// The next allocation to fail.
    next: u64,
    is_done: bool,
    failure: Option<String>,
}

fn free_frames(control: &Control) -> u64 {
    control.with(|_, kernel| kernel.mem().frames.free_frames())
}

/// Fails allocation after allocation until none is left to fail.
fn fail_each(
    scenario: &Scenario,
    env: &mut Env,
    control: &Control,
    progress: &Mutex<Progress>,
) -> Result<(), String> {
    loop {
        let number = progress.lock().expect("not poisoned").next;
        let before = free_frames(control);
        control.fail_allocation(number);
        let outcome = (scenario.run)(env);
        let was_reached = control.stop_failing();
        outcome.map_err(|failure| format!("allocation {number} failed: {failure}"))?;
        if free_frames(control) != before {
            return Err(format!(
                "allocation {number} failed: {before} frames were free, {} are",
                free_frames(control)
            ));
        }
        if !was_reached {
            return Ok(());
        }
        progress.lock().expect("not poisoned").next = number + 1;
    }
}

fn in_world(
    scenario: &Scenario,
    thread: &Thread,
    control: &Control,
    bootstrap: u32,
    progress: &Mutex<Progress>,
) -> i64 {
    let start =
        jacinth_tests_host::start(thread, bootstrap).expect("a program is given what it needs");
    thread.warm_up(u64::MAX);
    let mut env = Env::new(&start).expect("the machine has what scenarios need");
    env.is_memory_short = true;
    let result = fail_each(scenario, &mut env, control, progress);
    let mut progress = progress.lock().expect("not poisoned");
    progress.failure = result.err();
    progress.is_done = true;
    0
}

/// Answers what went wrong, if anything did.
fn run_one(bench: &Bench, scenario: &'static Scenario) -> Option<String> {
    let progress = Mutex::new(Progress {
        next: 0,
        is_done: false,
        failure: None,
    });
    while !progress.lock().expect("not poisoned").is_done {
        let report = world::run(
            &bench.options,
            Box::new(|thread, control, bootstrap| {
                in_world(scenario, thread, control, bootstrap, &progress)
            }),
        );
        let mut progress = progress.lock().expect("not poisoned");
        if progress.is_done {
            break;
        }
        let console = report.sim.console();
        let died_of_it =
            report.ending == Ending::Exit(ExitCode::InitKilled) && console.contains("NO_MEMORY");
        if !died_of_it {
            return Some(format!(
                "allocation {} failed: {:?}; console: {console}",
                progress.next, report.ending
            ));
        }
        progress.next += 1;
    }
    progress.into_inner().expect("not poisoned").failure
}

fn run(arch: Arch, part: usize) {
    const PARTS: usize = 2;
    let only = std::env::var("ONLY").unwrap_or_default();
    let bench = Bench::new(arch, 7);
    let mut failed = 0;
    // Those that grow tables or go to limits make far too many calls for this, and only calls that
    // others make.
    let is_long = |name: &str| name.starts_with("growth") || name.starts_with("limit_");
    let chosen = conformance::scenarios()
        .filter(|scenario| scenario.name.contains(&only) && !is_long(scenario.name));
    for (_, scenario) in chosen
        .enumerate()
        .filter(|(number, _)| number % PARTS == part)
    {
        if let Some(failure) = run_one(&bench, scenario) {
            println!("{}: {failure}", scenario.name);
            failed += 1;
        }
    }
    assert_eq!(failed, 0, "scenarios failed");
}

#[test]
fn x86_64_first_half() {
    run(Arch::X86_64, 0);
}

#[test]
fn x86_64_second_half() {
    run(Arch::X86_64, 1);
}

#[test]
fn aarch64_first_half() {
    run(Arch::Aarch64, 0);
}

#[test]
fn aarch64_second_half() {
    run(Arch::Aarch64, 1);
}
