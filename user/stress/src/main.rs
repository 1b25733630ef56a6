//! The program of the package: see the library.
//!
//! Words on the command line: `misuse` runs the misuse of every call, `storm` everything at once,
//! for `seconds=N` by `workers=N` threads, `stale` the change of what threads touch, as long by as many; `seed=N` says what everything follows from, `draws=N` how
//! often each bad value is passed.
#![cfg_attr(target_os = "none", no_std, no_main)]
#![forbid(unsafe_code)]

extern crate alloc;

use alloc::string::String;

use stress::misuse::{self, Effort};
use stress::stale;
use stress::storm::{self, Plan};
use zx::{Startup, time};

zx::main!(run);

/// What the program returns when something was wrong.
const FAILED: i64 = 1;

fn run(start: Startup) -> i64 {
    let says = |wanted| start.args.iter().any(|word| word == wanted);
    let outcome = if says("misuse") {
        misuse_all(&start)
    } else if says("storm") {
        storm_on(&start)
    } else if says("stale") {
        change_under_threads(&start)
    } else {
        Err("which program? misuse, storm or stale".into())
    };
    match outcome {
        Ok(()) => 0,
        Err(what) => {
            zx::println!("\nSTRESS FAILED: {what}");
            FAILED
        }
    }
}

/// A number of the command line.
fn number(start: &Startup, key: &str, otherwise: u64) -> u64 {
    let word = start.args.iter().find_map(|word| word.strip_prefix(key));
    word.and_then(|word| word.parse().ok()).unwrap_or(otherwise)
}

fn storm_on(start: &Startup) -> Result<(), String> {
    let env = conformance::Env::new(start)?;
    let seconds = number(start, "seconds=", 60).cast_signed();
    let plan = Plan {
        seed: number(start, "seed=", 1),
        workers: number(start, "workers=", 6),
        rounds: u64::MAX,
        duration_ns: seconds.saturating_mul(time::SECOND_NS),
        free: env.facts.free,
    };
    let done = storm::run(start, plan)?;
    let (rounds, processes) = (done.rounds, done.processes);
    zx::println!("STRESS end: {rounds} rounds, {processes} processes, at the baseline");
    Ok(())
}

fn change_under_threads(start: &Startup) -> Result<(), String> {
    let seconds = number(start, "seconds=", 60).cast_signed();
    let done = stale::run(
        start,
        stale::Plan {
            seed: number(start, "seed=", 1),
            threads: number(start, "workers=", 3),
            changes: u64::MAX,
            duration_ns: seconds.saturating_mul(time::SECOND_NS),
        },
    )?;
    let stale::Done {
        changes,
        accesses,
        judged,
        stopped,
    } = done;
    zx::println!(
        "STRESS end: {changes} changes, {accesses} accesses, {judged} judged, {stopped} stopped"
    );
    Ok(())
}

fn misuse_all(start: &Startup) -> Result<(), String> {
    let env = conformance::Env::new(start)?;
    let effort = Effort {
        seed: number(start, "seed=", 1),
        draws: number(start, "draws=", 1) as usize,
        only: "",
    };
    // Calls that write to the console leave it in the middle of a line.
    let tally = misuse::run(start, env.facts.free, effort, |name, tally| {
        zx::println!(
            "\nMISUSE {name}: {} calls, {} succeeded, {} ended, {} waited",
            tally.calls,
            tally.succeeded,
            tally.ended,
            tally.waited
        );
        for what in &tally.failures {
            zx::println!("MISUSE FAILED: {what}");
        }
    })?;
    let failed = tally.failures.len();
    zx::println!("MISUSE end: {} calls, {failed} failures", tally.calls);
    if failed == 0 {
        Ok(())
    } else {
        Err("calls that do not answer as they should".into())
    }
}
