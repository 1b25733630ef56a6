//! Rung 3: machines with several processors start all of them, and a program that is moved from one
//! to the next all the time (`wander`) does not notice.

use jacinth_tests_qemu::table::Table;
use jacinth_tests_qemu::{Arch, Boot};

use crate::{Outcome, Test, test};

/// A machine: the test's name, its processors, other options of `qemu-run.sh`.
type Machine = (&'static str, u32, &'static [(&'static str, &'static str)]);

const ON_BOTH: &[Machine] = &[
    ("two", 2, &[]),
    ("four", 4, &[]),
    ("twelve", 12, &[]),
    ("memory_16m", 4, &[("--mem", "16M")]),
    ("memory_6g", 4, &[("--mem", "6G")]),
];
const ON_X86_64: &[Machine] = &[
    ("microvm", 4, &[("--machine", "microvm")]),
    ("nehalem", 4, &[("--cpu", "Nehalem")]),
];
const ON_AARCH64: &[Machine] = &[
    ("gic_3", 4, &[("--machine", "virt,gic-version=3")]),
    ("el2", 4, &[("--machine", "virt,virtualization=on")]),
    (
        "el2_gic_3",
        4,
        &[("--machine", "virt,virtualization=on,gic-version=3")],
    ),
    ("secure_world", 4, &[("--machine", "virt,secure=on")]),
    ("cortex_a53", 4, &[("--cpu", "cortex-a53")]),
];

pub(crate) fn tests(arch: Arch) -> Vec<(String, Test)> {
    let own = match arch {
        Arch::X86_64 => ON_X86_64,
        Arch::Aarch64 => ON_AARCH64,
    };
    let machines = ON_BOTH.iter().chain(own).copied();
    let moved =
        machines.map(|(name, cpus, options)| test(name, move |boot| moves(boot, cpus, options)));
    moved.chain([test("entry", begins)]).collect()
}

/// A thread begins with the registers that it has to have.
fn begins(boot: Boot) -> Outcome {
    boot.faults("entry").run()?.status(0)
}

/// All processors start, and vector registers come along.
fn moves(boot: Boot, cpus: u32, options: &[(&str, &str)]) -> Outcome {
    let arch = boot.arch;
    let boot = options
        .iter()
        .fold(boot, |boot, (name, value)| boot.option(name, *value));
    let boot = boot.option("--cpus", cpus.to_string());
    let ran = boot.faults("registers wander").run()?;
    ran.status(0)?;
    let table = Table::read(&ran.console).map_err(|what| ran.failure(&what))?;
    ran.check(table.cpus == cpus, "every processor runs")?;
    let kept = ran.line_after("faults: registers kept on ")?;
    let seen = kept.split(' ').next().and_then(|count| count.parse().ok());
    let seen: u32 = seen.unwrap_or_default();
    // User mode cannot see where it is on aarch64.
    let is_moved = arch == Arch::Aarch64 || seen > 1;
    ran.check(is_moved, "the program was on several processors")
}
