//! Rung 1: many machines boot, say what they are, and end with what `init` returns.

use jacinth_tests_qemu::table::Table;
use jacinth_tests_qemu::{Arch, Boot, Ran};

use crate::{Outcome, Test, test};

const MIB: f64 = 1024.0 * 1024.0;
/// What the kernel may take of all RAM for itself: its image, and a heap of 1 MiB and a 256th.
const OWN: f64 = 16.0 * MIB;

/// The exit status of a machine whose kernel cannot run, or not start `init`.
const CANNOT_BOOT: u8 = 98;

/// A machine: the test's name, options of `qemu-run.sh`, MiB of memory.
type Machine = (&'static str, &'static [(&'static str, &'static str)], u32);

const ON_BOTH: &[Machine] = &[
    ("memory_16m", &[("--mem", "16M")], 16),
    ("memory_64m", &[("--mem", "64M")], 64),
    ("memory_256m", &[], 256),
    ("memory_3g", &[("--mem", "3G")], 3072),
    ("memory_6g", &[("--mem", "6G")], 6144),
    ("memory_odd", &[("--mem", "333M")], 333),
    ("four_cpus", &[("--cpus", "4")], 256),
    ("cpu_max", &[("--cpu", "max")], 256),
];
const ON_X86_64: &[Machine] = &[
    ("cpu_qemu64", &[("--cpu", "qemu64")], 256),
    ("cpu_nehalem", &[("--cpu", "Nehalem")], 256),
    ("microvm", &[("--machine", "microvm")], 256),
    (
        "microvm_6g",
        &[("--machine", "microvm"), ("--mem", "6G")],
        6144,
    ),
    ("no_hpet", &[("--machine", "q35,hpet=off")], 256),
];
const ON_AARCH64: &[Machine] = &[
    ("cortex_a53", &[("--cpu", "cortex-a53")], 256),
    ("cortex_a72", &[("--cpu", "cortex-a72")], 256),
    ("gic_2", &[("--machine", "virt,gic-version=2")], 256),
    ("gic_3", &[("--machine", "virt,gic-version=3")], 256),
    (
        "el2_gic_2",
        &[("--machine", "virt,virtualization=on,gic-version=2")],
        256,
    ),
    (
        "el2_gic_3",
        &[("--machine", "virt,virtualization=on,gic-version=3")],
        256,
    ),
    (
        "low_memory_only",
        &[("--machine", "virt,highmem=off"), ("--mem", "3G")],
        3072,
    ),
];

pub(crate) fn tests(arch: Arch) -> Vec<(String, Test)> {
    let own = match arch {
        Arch::X86_64 => ON_X86_64,
        Arch::Aarch64 => ON_AARCH64,
    };
    let machines = ON_BOTH.iter().chain(own).copied();
    let mut tests: Vec<_> = machines
        .map(|(name, options, memory_mib)| test(name, move |boot| boots(boot, options, memory_mib)))
        .collect();
    tests.push(test("return_codes", return_codes));
    if arch == Arch::X86_64 {
        let what = "the processor has no 64-bit mode or no no-execute pages";
        tests.push(test("old_processor", move |boot| {
            is_refused(boot.option("--cpu", "pentium"), what)
        }));
        tests.push(test("too_little_memory", |boot| {
            is_refused(boot.option("--mem", "4M"), "there is too little memory")
        }));
    }
    tests
}

fn boots(boot: Boot, options: &[(&str, &str)], memory_mib: u32) -> Outcome {
    let arch = boot.arch;
    let boot = options
        .iter()
        .fold(boot, |boot, (name, value)| boot.option(name, *value));
    let ran = boot.faults("return=7").run()?;
    ran.status(7)?;
    let table = Table::read(&ran.console).map_err(|what| ran.failure(&what))?;
    let checked = check_table(&ran, arch, &table, f64::from(memory_mib) * MIB);
    checked.map_err(|what| format!("{what}\n{table:#x?}"))
}

/// Checks that the table names everything, tells who may have it, and that the sums are right.
fn check_table(ran: &Ran, arch: Arch, table: &Table, memory: f64) -> Outcome {
    ran.check(table.arch == arch.name(), "the architecture's name")?;
    ran.check(!table.machine.is_empty(), "the machine's name")?;
    let bases = table.rows.iter().map(|row| row.base);
    ran.check(bases.is_sorted(), "regions by address")?;
    for kind in ["ram", "kernel", "archive", "firmware", "mmio"] {
        let what = format!("a region of the kind {kind}");
        ran.check(table.bytes_of(kind) > 0.0, &what)?;
    }
    for row in &table.rows {
        let is_right = match row.kind.as_str() {
            "ram" | "kernel" | "archive" => row.user == "no (RAM)",
            _ => ["resource", "no (kernel)", "no (RAM)"].contains(&row.user.as_str()),
        };
        ran.check(is_right, &format!("who may map {}", row.name))?;
    }
    let devices = || table.rows.iter().filter(|row| row.kind == "mmio");
    let is_open = devices().any(|row| row.user == "resource");
    let is_denied = devices().any(|row| row.user == "no (kernel)");
    ran.check(
        is_open && is_denied,
        "devices for users, and for the kernel only",
    )?;
    // Firmware keeps up to a MiB; sizes are cut to a tenth of their unit.
    let tenth = memory / 10.0;
    let is_near = table.ram <= memory && table.ram >= memory - 2.0 * MIB - tenth;
    ran.check(is_near, "all RAM is as much as QEMU was told")?;
    let free = table.bytes_of("ram");
    let least = memory - memory / 256.0 - OWN - tenth;
    ran.check(free <= memory && free >= least, "most RAM is free")
}

/// A machine on which the kernel cannot run says why, and ends at once.
fn is_refused(boot: Boot, why: &str) -> Outcome {
    let ran = boot.faults("return=0").run()?;
    ran.status(CANNOT_BOOT)?;
    let said = ran.line_after("jacinth: cannot boot: ")?;
    ran.check(said == why, why)
}

fn return_codes(boot: Boot) -> Outcome {
    let arch = boot.arch;
    for (word, status) in [
        ("return=0", 0),
        ("return=1", 1),
        ("return=63", 63),
        ("return=64", 96),
        ("return=-1", 96),
        ("return=256", 96),
        ("panic", 63),
    ] {
        let name = format!("{}::t1_boot::{word}", arch.name());
        let ran = Boot::new(arch, &name).faults(word).run()?;
        ran.status(status)?;
    }
    Ok(())
}
