//! Every scenario on the simulated machine: both architectures, several seeds, and everything
//! recounted after each event. At its end a scenario has given back every frame.

use conformance::{Env, Scenario};
use jacinth_sim::Arch;
use jacinth_sim::world::Control;
use jacinth_tests_host::{Bench, Verdict};

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

fn run(arch: Arch, seed: u64) {
    run_on(&Bench::new(arch, seed));
}

fn run_on(bench: &Bench) {
    let only = std::env::var("ONLY").unwrap_or_default();
    let verdicts = bench.run(|scenario| scenario.name.contains(&only), once);
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

/// Processors that have nothing to do are entered too, kicked, and told of what was flushed.
#[test]
fn several_processors() {
    for arch in Arch::ALL {
        for cpus in [2, 5] {
            let mut bench = Bench::new(arch, 4);
            bench.options.config.cpus = cpus;
            run_on(&bench);
        }
    }
}
