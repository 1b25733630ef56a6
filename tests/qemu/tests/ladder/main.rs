//! The ladder: each rung needs the ones below it. Every test boots QEMU once or a few times, with
//! a time limit and log files of its own (in `jacinth/ladder` below the target folder), and fails
//! when QEMU itself complained about the guest.
//!
//! ```text
//! cargo test -p jacinth-tests-qemu                    # everything
//! cargo test -p jacinth-tests-qemu -- t4              # one rung
//! cargo test -p jacinth-tests-qemu -- aarch64::t2     # one rung on one architecture
//! JACINTH_BUILT=1 cargo test -p jacinth-tests-qemu    # without building kernel and programs first
//! ```
//!
//! A kernel panic is not among the tests: no program can provoke one.

mod t0_runner;
mod t1_boot;
mod t2_broken;
mod t2_faults;
mod t3_cpus;
mod t4_tour;
mod t5_conformance;
mod t6_outside;
mod t7_devices;
mod t8_stress;
mod t9_bench;

use std::process::ExitCode;

use jacinth_tests_qemu::{Arch, Boot, Place};
use libtest_mimic::{Arguments, Trial};

/// How many machines run at the same time, unless the command line says.
const PARALLEL: usize = 2;

/// What a test answers: nothing, or the text of a failure.
type Outcome = Result<(), String>;

/// A test that knows how it is called; most begin with a boot under that name.
type Test = Box<dyn FnOnce(Boot) -> Outcome + Send>;

fn main() -> ExitCode {
    let mut arguments = Arguments::from_args();
    arguments.test_threads.get_or_insert(PARALLEL);
    if !arguments.list
        && let Err(what) = Place::find().build()
    {
        eprintln!("{what}");
        return ExitCode::FAILURE;
    }
    let mut trials = t0_runner::trials();
    for arch in Arch::ALL {
        let mut rung = |rung: &str, tests: Vec<(String, Test)>| {
            trials.extend(tests.into_iter().map(|(name, test)| {
                let name = format!("{}::{rung}::{name}", arch.name());
                let boot = Boot::new(arch, &name);
                Trial::test(name, move || test(boot).map_err(Into::into))
            }));
        };
        rung("t1_boot", t1_boot::tests(arch));
        rung("t2_broken", t2_broken::tests());
        rung("t2_faults", t2_faults::tests(arch));
        rung("t3_cpus", t3_cpus::tests(arch));
        rung("t4_tour", t4_tour::tests(arch));
        rung("t5_conformance", t5_conformance::tests());
        rung("t6_outside", t6_outside::tests());
        rung("t7_devices", t7_devices::tests(arch));
        rung("t8_stress", t8_stress::tests());
        rung("t9_bench", t9_bench::tests(arch));
    }
    libtest_mimic::run(&arguments, trials).exit_code()
}

/// Names a test.
fn test(
    name: impl Into<String>,
    test: impl FnOnce(Boot) -> Outcome + Send + 'static,
) -> (String, Test) {
    (name.into(), Box::new(test))
}
