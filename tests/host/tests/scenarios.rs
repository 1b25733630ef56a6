//! Every scenario on the simulated machine: both architectures, several seeds, and everything
//! recounted after each event. At its end a scenario has given back every frame.
//!
//! What they answer is recorded for `docs/conformance.md`, unless `ONLY` names some of them.

use conformance::{Env, Scenario};
use jacinth_kernel::Wander;
use jacinth_sim::Arch;
use jacinth_sim::world::Control;
use jacinth_tests_host::{Bench, Verdict};
use jacinth_tests_table::{Machine, folder, record};
use std::path::Path;

fn free_frames(control: &Control) -> u64 {
    control.with(|_, kernel| kernel.mem().frames.free_frames())
}

fn once(scenario: &Scenario, env: &mut Env, control: &Control) -> Result<(), String> {
    let before = free_frames(control);
    (scenario.run)(env).map_err(|failure| failure.to_string())?;
    let after = free_frames(control);
    if after == before {
        Ok(())
    } else {
        Err(format!("{before} frames were free before, {after} are now"))
    }
}

/// Those that go to a limit do the same thing very often, so that one schedule of them is enough.
fn is_long(name: &str) -> bool {
    name.starts_with("limit_")
}

fn run(arch: Arch, seed: u64) {
    let bench = Bench::new(arch, seed);
    run_chosen(&bench, &format!("seed-{seed}"), |name| {
        seed == 1 || !is_long(name)
    });
}

fn run_on(bench: &Bench, part: &str) {
    run_chosen(bench, part, |name| !is_long(name));
}

fn run_chosen(bench: &Bench, part: &str, is_chosen: impl Fn(&str) -> bool) {
    let only = std::env::var("ONLY").unwrap_or_default();
    let chosen = |scenario: &Scenario| scenario.name.contains(&only) && is_chosen(scenario.name);
    let verdicts = bench.run(chosen, once);
    if only.is_empty() {
        write_down(&verdicts, bench.options.config.arch, part);
    }
    let failed: Vec<&Verdict> = verdicts
        .iter()
        .filter(|verdict| verdict.failure.is_some())
        .collect();
    for verdict in &failed {
        println!(
            "{}: {}",
            verdict.name,
            verdict.failure.as_deref().unwrap_or_default()
        );
    }
    assert!(
        failed.is_empty(),
        "{} of {} scenarios failed",
        failed.len(),
        verdicts.len()
    );
}

fn write_down(verdicts: &[Verdict], arch: Arch, part: &str) {
    let machine = match arch {
        Arch::X86_64 => Machine::SimX86_64,
        Arch::Aarch64 => Machine::SimAarch64,
    };
    let target = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let folder = folder(target.parent().expect("it lies in cargo's target folder"));
    let lines = verdicts
        .iter()
        .map(|verdict| (verdict.name, verdict.failure.is_none()));
    record(&folder, machine, part, lines).expect("cargo's target folder can be written");
}

#[test]
fn x86_64_seed_1() {
    run(Arch::X86_64, 1);
}

#[test]
fn x86_64_seed_2() {
    run(Arch::X86_64, 2);
}

#[test]
fn x86_64_seed_3() {
    run(Arch::X86_64, 3);
}

#[test]
fn aarch64_seed_1() {
    run(Arch::Aarch64, 1);
}

#[test]
fn aarch64_seed_2() {
    run(Arch::Aarch64, 2);
}

#[test]
fn aarch64_seed_3() {
    run(Arch::Aarch64, 3);
}

/// The program goes from processor to processor; those that have nothing to do are entered too,
/// kicked, and told of what was flushed.
#[test]
fn several_processors() {
    for arch in Arch::ALL {
        for cpus in [2, 5] {
            let mut bench = Bench::new(arch, 4);
            bench.options.config.cpus = cpus;
            bench.options.config.wander = Wander::Yes;
            run_on(&bench, &format!("cpus-{cpus}"));
        }
    }
}
