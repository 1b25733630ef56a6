//! Rung 4: the tour on many machines. What it reads from devices is compared with what QEMU was
//! told, or with what the host knows.

use std::time::{Duration, UNIX_EPOCH};

use jacinth_tests_qemu::{Arch, Boot, Ran};

use crate::{Outcome, Test, test};

/// No tour has fewer checks.
const LEAST_CHECKS: u32 = 60;
/// No tour with a story of several processes has fewer.
const LEAST_WITH_STORY: u32 = 130;
/// How often the rogue touches what it has not mapped.
const TOUCHES: usize = 3;
/// How long a tour may take whose every step is on another processor, in seconds.
const WANDERING: u32 = 180;
/// How far the guest's clock may be from the host's.
const CLOCK: Duration = Duration::from_secs(2);
/// What the host puts into the firmware configuration.
const HELLO: &str = "a text that only this test knows: 4711";
/// More devices than the tour gets from the runner.
const DEVICES: [&str; 6] = [
    "-device",
    "virtio-rng-pci,disable-legacy=on",
    "-object",
    "memory-backend-ram,id=shared,size=1M",
    "-device",
    "ivshmem-plain,memdev=shared",
];
/// The runner's `edu` and `pci-testdev`, and those from above.
const FOUND: [&str; 4] = ["1234:11e8", "1b36:0005", "1af4:1044", "1af4:1110"];

/// A machine: the test's name, options of `qemu-run.sh`.
type Machine = (&'static str, &'static [(&'static str, &'static str)]);

const ON_BOTH: &[Machine] = &[
    ("usual", &[]),
    ("memory_64m", &[("--mem", "64M")]),
    ("memory_6g", &[("--mem", "6G")]),
    ("two_cpus", &[("--cpus", "2"), ("--append", "wander")]),
    ("four_cpus", &[("--cpus", "4"), ("--append", "wander")]),
];
const ON_X86_64: &[Machine] = &[
    ("cpu_qemu64", &[("--cpu", "qemu64")]),
    ("cpu_nehalem", &[("--cpu", "Nehalem")]),
];
const ON_AARCH64: &[Machine] = &[
    ("cortex_a53", &[("--cpu", "cortex-a53")]),
    ("gic_3", &[("--machine", "virt,gic-version=3")]),
    ("el2", &[("--machine", "virt,virtualization=on")]),
    ("secure_world", &[("--machine", "virt,secure=on")]),
    ("iommu", &[("--machine", "virt,iommu=smmuv3")]),
    ("low_memory_only", &[("--machine", "virt,highmem=off")]),
];

pub(crate) fn tests(arch: Arch) -> Vec<(String, Test)> {
    let own = match arch {
        Arch::X86_64 => ON_X86_64,
        Arch::Aarch64 => ON_AARCH64,
    };
    let machines = ON_BOTH.iter().chain(own);
    let mut tests: Vec<_> = machines
        .map(|(name, options)| test(*name, |boot| tour(with_options(boot, options))))
        .collect();
    if arch == Arch::X86_64 {
        tests.push(test("iommu", |boot| {
            tour(boot.qemu(&["-device", "intel-iommu"]))
        }));
        // No PCI, no HPET: there is less to see.
        tests.push(test("microvm", |boot| {
            all_passed(&boot.option("--machine", "microvm").run()?, LEAST_CHECKS)
        }));
    }
    tests
}

fn with_options(boot: Boot, options: &[(&str, &str)]) -> Boot {
    let add = |boot: Boot, (name, value): &(&str, &str)| boot.option(name, *value);
    options.iter().fold(boot, add)
}

fn tour(boot: Boot) -> Outcome {
    let arch = boot.arch;
    let hello = format!("name=opt/org.jacinth/hello,string={HELLO}");
    let boot = boot.qemu(&DEVICES).qemu(&["-fw_cfg", &hello]);
    let ran = boot.time_limit(WANDERING).run()?;
    all_passed(&ran, LEAST_WITH_STORY)?;
    story(&ran)?;
    functions(&ran, arch)?;
    match arch {
        Arch::X86_64 => ran.says("HPET"),
        Arch::Aarch64 => {
            let text = ran.line_after("fw_cfg ")?;
            ran.check(text == format!("\"{HELLO}\""), "the host's text")?;
            clock(&ran)
        }
    }
}

/// The story of several processes: how they ended, and what the picture shows.
fn story(ran: &Ran) -> Outcome {
    ran.says("driver: panicked at user/driver/src/main.rs:")?;
    let killed = "jacinth: process rogue killed: page fault (read of 0x";
    let killed = ran.lines_after(killed).count();
    ran.check(killed == TOUCHES, "the rogue is killed for each touch")?;
    // The runner finds the names of functions in the file of the program that it was.
    let named = ran
        .lines_after("  user ")
        .filter(|line| line.contains(" in rogue ") && line.contains("user/rogue/src/main.rs:"));
    ran.check(named.count() >= TOUCHES, "the rogue's crashes have names")?;
    let picture = |text: &str| ran.check(ran.console.contains(text), text);
    picture("  | MMIO resource ")?;
    picture("no resource            |  | no resource            |")?;
    picture("mapped 2 times, uncached")?;
    picture("  0 ways in ")
}

fn all_passed(ran: &Ran, least: u32) -> Outcome {
    ran.status(0)?;
    let end = ran.line_after("tour: ")?;
    let count = end.strip_suffix(" checks passed");
    let count = count.and_then(|count| count.parse::<u32>().ok());
    ran.check(count.is_some_and(|count| count >= least), "the last line")?;
    ran.check(!ran.console.contains("FAILED"), "a check failed")
}

/// The PCI functions found are those that there are.
fn functions(ran: &Ran, arch: Arch) -> Outcome {
    let own: &[&str] = match arch {
        // Host bridge, ISA bridge and SMBus; the disk controller is left out.
        Arch::X86_64 => &["8086:29c0", "8086:2918", "8086:2930"],
        Arch::Aarch64 => &["1b36:0008"],
    };
    let mut wanted: Vec<_> = FOUND.iter().chain(own).copied().collect();
    let found = ran.lines_after("pci ");
    let mut found: Vec<_> = found.filter_map(|line| line.split(' ').nth(1)).collect();
    wanted.sort_unstable();
    found.sort_unstable();
    ran.check(
        found == wanted,
        &format!("PCI: {found:?}, there are {wanted:?}"),
    )
}

/// The guest's clock was read at some time of the run, give or take.
fn clock(ran: &Ran) -> Outcome {
    let seconds = ran.line_after("rtc ")?.parse::<u64>();
    let seconds = seconds.map_err(|_| ran.failure("the clock shows no number"))?;
    let read = UNIX_EPOCH + Duration::from_secs(seconds);
    let is_right = read + CLOCK >= ran.began && read <= ran.began + ran.took + CLOCK;
    ran.check(is_right, "the clock is not the host's")
}
