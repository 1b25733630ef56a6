//! Rung 3: machines with several processors start all of them, and a program that is moved from one
//! to the next all the time (`wander`) does not notice. Without those that never come it goes on.

use std::fs;
use std::process::Command;

use jacinth_tests_qemu::table::Table;
use jacinth_tests_qemu::{Arch, Boot, Ran};

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
    let others = match arch {
        Arch::X86_64 => test("empty_sockets", has_room),
        Arch::Aarch64 => test("refused", is_refused),
    };
    let others = [test("entry", begins), test("absent", lacks), others];
    moved.chain(others).collect()
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

/// The machine names two processors, and the firmware promises to start the second, which never
/// comes: its first instruction, in the kernel's file, jumps to itself.
fn lacks(boot: Boot) -> Outcome {
    let (stuck, place) = (boot.file("kernel"), boot.place());
    let (kernel, first, nowhere): (_, &[u8], &[u8]) = match boot.arch {
        // cli; cld; mov eax, …; mov cr4, eax
        Arch::X86_64 => (
            place.kernel(boot.arch),
            b"\xfa\xfc\x66\xb8\x20\0\0\0\x0f\x22\xe0",
            b"\xeb\xfe",
        ),
        // mov x21, #1; what QEMU loads is what the runner made of the kernel for the boot before.
        Arch::Aarch64 => {
            let before = Boot::new(boot.arch, "aarch64::t3_cpus::present");
            let ran = before.option("--cpus", "2").faults("return=0").run()?;
            has_cpus(&ran, 2)?;
            (place.image(), b"\x35\x00\x80\xd2", b"\0\0\0\x14")
        }
    };
    let mut bytes = fs::read(&kernel).map_err(|error| format!("{}: {error}", kernel.display()))?;
    let mut found = (0..bytes.len()).filter(|&at| bytes[at..].starts_with(first));
    let at = found.next().ok_or("the first instructions are others")?;
    if boot.arch == Arch::X86_64 && found.next().is_some() {
        return Err("the first instructions are there twice".into());
    }
    bytes[at..at + nowhere.len()].copy_from_slice(nowhere);
    fs::write(&stuck, bytes).map_err(|error| error.to_string())?;
    let stuck = stuck.to_string_lossy().into_owned();
    let boot = boot.option("--cpus", "2").faults("return=0");
    let ran = boot.qemu(&["-kernel", &stuck]).run()?;
    has_cpus(&ran, 1)?;
    ran.says("jacinth: processor 0x1 does not start, going on without it")
}

/// A machine with room for more processors than it has starts those that it has, and misses none.
fn has_room(boot: Boot) -> Outcome {
    let boot = boot.option("--cpus", "2").faults("return=0");
    let ran = boot.qemu(&["-smp", "cpus=2,maxcpus=4"]).run()?;
    has_cpus(&ran, 2)?;
    let missed = ran.lines_after("jacinth: processor").count();
    ran.check(missed == 0, "no processor is missed")
}

/// The device tree names a processor that the firmware does not have.
fn is_refused(boot: Boot) -> Outcome {
    const NAME: &[u8] = b"cpu@1\0\0\0";
    const NUMBER: [u8; 4] = [0, 0, 0, 1];
    const ANOTHER: [u8; 4] = [0, 0, 0, 0x77];
    let tree = boot.file("dtb");
    fs::create_dir_all(boot.place().scratch()).map_err(|error| error.to_string())?;
    let machine = format!("virt,dumpdtb={}", tree.display());
    let dumped = Command::new("qemu-system-aarch64")
        .args(["-machine", &machine, "-smp", "2", "-display", "none"])
        .output();
    dumped.map_err(|error| format!("QEMU shows no device tree: {error}"))?;
    let mut bytes = fs::read(&tree).map_err(|error| format!("{}: {error}", tree.display()))?;
    let mut places = (0..bytes.len()).step_by(4);
    let name = places.find(|&at| bytes[at..].starts_with(NAME));
    let number = places.find(|&at| bytes[at..].starts_with(&NUMBER));
    let (Some(_), Some(number)) = (name, number) else {
        return Err("the second processor is not in the device tree".into());
    };
    bytes[number..number + ANOTHER.len()].copy_from_slice(&ANOTHER);
    fs::write(&tree, bytes).map_err(|error| error.to_string())?;
    let tree = tree.to_string_lossy().into_owned();
    // QEMU says that it was asked for a processor that it does not have.
    let boot = boot.option("--cpus", "2").faults("return=0").noisy();
    let ran = boot.qemu(&["-dtb", &tree]).run()?;
    has_cpus(&ran, 1)?;
    ran.says("jacinth: processor 0x77 does not start, going on without it")
}

/// The program ran, on so many processors.
fn has_cpus(ran: &Ran, cpus: u32) -> Outcome {
    ran.status(0)?;
    let table = Table::read(&ran.console).map_err(|what| ran.failure(&what))?;
    ran.check(table.cpus == cpus, &format!("{cpus} processors run"))
}
