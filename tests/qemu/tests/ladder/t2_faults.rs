//! Rung 2: what a program does wrong ends that program, and is told with its name, address and
//! place; the machine goes on to its orderly end.

use jacinth_tests_qemu::{Arch, Boot, Ran};

use crate::{Outcome, Test, test};

/// The exit status of a machine whose `init` was killed.
const KILLED: u8 = 97;
/// What the program returns when a fault did not end it.
const SURVIVED: u8 = 61;

/// A fault that kills: its name, what the kernel says on x86_64 and on aarch64. In that text `AT`
/// stands for the address that the program announced, `PC` for the first line of the backtrace.
type Fault = (&'static str, &'static str, &'static str);

const X86_UNDEFINED: &str = "UNDEFINED_INSTRUCTION (address 0x0, pc PC, code 0x600000000)";
const X86_PROTECTION: &str = "GENERAL (address 0x0, pc PC, code 0xd00000000)";
const ARM_UNDEFINED: &str = "UNDEFINED_INSTRUCTION (address 0x0, pc PC, code 0x2000000)";
const READ_NOTHING: &str = "page fault (read of AT, pc PC, reason NOT_FOUND)";
const WRITE_NOTHING: &str = "page fault (write to AT, pc PC, reason NOT_FOUND)";
const CALL_NOTHING: &str = "page fault (execution of AT, pc AT, reason NOT_FOUND)";
const WRITE_DENIED: &str = "page fault (write to AT, pc PC, reason ACCESS_DENIED)";
const CALL_DENIED: &str = "page fault (execution of AT, pc AT, reason ACCESS_DENIED)";
const BAD_CALL: &str = "bad system call (number AT, pc PC, reason BAD_SYSCALL)";

const FAULTS: &[Fault] = &[
    ("null-read", READ_NOTHING, READ_NOTHING),
    ("null-write", WRITE_NOTHING, WRITE_NOTHING),
    ("null-call", CALL_NOTHING, CALL_NOTHING),
    ("text-write", WRITE_DENIED, WRITE_DENIED),
    ("constant-write", WRITE_DENIED, WRITE_DENIED),
    ("data-call", CALL_DENIED, CALL_DENIED),
    ("kernel-read", READ_NOTHING, READ_NOTHING),
    ("kernel-write", WRITE_NOTHING, WRITE_NOTHING),
    ("kernel-call", CALL_NOTHING, CALL_NOTHING),
    ("hole-read", X86_PROTECTION, READ_NOTHING),
    ("hole-call", X86_PROTECTION, CALL_NOTHING),
    ("undefined", X86_UNDEFINED, ARM_UNDEFINED),
    (
        "breakpoint",
        "SW_BREAKPOINT (address 0x0, pc PC, code 0x300000000)",
        "SW_BREAKPOINT (address 0x0, pc PC, code 0xf2000001)",
    ),
    (
        "privileged",
        X86_PROTECTION,
        "UNDEFINED_INSTRUCTION (address 0x0, pc PC, code 0x620793e4)",
    ),
    ("privileged-register", X86_PROTECTION, ARM_UNDEFINED),
    ("port", X86_PROTECTION, ARM_UNDEFINED),
    (
        "divide",
        "GENERAL (address 0x0, pc PC, code 0x0)",
        ARM_UNDEFINED,
    ),
    (
        "single-step",
        "HW_BREAKPOINT (address 0x0, pc PC, code 0x100000000)",
        ARM_UNDEFINED,
    ),
    ("no-stack", X86_UNDEFINED, ARM_UNDEFINED),
    ("bad-frame", X86_UNDEFINED, ARM_UNDEFINED),
    ("kernel-frame", X86_UNDEFINED, ARM_UNDEFINED),
    ("bad-call", BAD_CALL, BAD_CALL),
    ("device-code", CALL_DENIED, CALL_DENIED),
    ("device-unmapped", READ_NOTHING, READ_NOTHING),
];

pub(crate) fn tests(arch: Arch) -> Vec<(String, Test)> {
    let mut tests: Vec<_> = FAULTS
        .iter()
        .map(|(name, x86_64, aarch64)| {
            let report = match arch {
                Arch::X86_64 => x86_64,
                Arch::Aarch64 => aarch64,
            };
            test(name.replace('-', "_"), |boot| is_killed(boot, name, report))
        })
        .collect();
    tests.push(test("stack_overflow", stack_overflow));
    tests.push(match arch {
        Arch::X86_64 => test("device_hole", |boot| {
            // Nobody answers, and the bus says so with ones.
            boot.faults("device-hole").run()?.status(SURVIVED)
        }),
        Arch::Aarch64 => test("device_hole", |boot| {
            let report = "GENERAL (address AT, pc PC, code 0x92000010)";
            is_killed(boot.noisy(), "device-hole", report)
        }),
    });
    if arch == Arch::Aarch64 {
        tests.push(test("device_unaligned", |boot| {
            // Newer processors allow it within 16 bytes.
            let report = "UNALIGNED_ACCESS (address AT, pc PC, code 0x92000021)";
            let boot = boot.option("--cpu", "cortex-a72");
            is_killed(boot, "device-unaligned", report)
        }));
    }
    tests
}

fn is_killed(boot: Boot, name: &str, report: &str) -> Outcome {
    let ran = boot.faults(name).run()?;
    ran.status(KILLED)?;
    let announced = ran.line_after(&format!("faults: {name} at "))?;
    let mut trace = ran.lines_after("  user ");
    let first = trace.next().unwrap_or_default();
    let pc = first.split(' ').next().unwrap_or_default();
    let wanted = report.replace("AT", announced).replace("PC", pc);
    let said = reported(&ran)?;
    ran.check(said == wanted, &format!("not reported: {wanted}"))?;
    // Where nothing is, nothing has a name; where the call came from has.
    let has_jumped = pc == announced;
    ran.check(!has_jumped || first == pc, "a name where no program is")?;
    let named = if has_jumped {
        trace.next().unwrap_or_default()
    } else {
        first
    };
    let is_named = named.contains(" (tests/faults/src/") || report == BAD_CALL;
    ran.check(is_named, "no name next to an address")
}

/// What the kernel says about the death of `init`.
fn reported(ran: &Ran) -> Result<&str, String> {
    ran.line_after("jacinth: process init killed: ")
}

fn stack_overflow(boot: Boot) -> Outcome {
    let ran = boot.faults("stack-overflow").run()?;
    ran.status(KILLED)?;
    let said = reported(&ran)?;
    ran.check(
        said.starts_with("page fault (write to 0x"),
        "a write to the stack's guard",
    )?;
    let frames = ran.lines_after("  user ");
    let frames = frames.filter(|line| line.contains("overflow (tests/faults/src/faults.rs:"));
    ran.check(
        (10..=40).contains(&frames.count()),
        "some frames, not all of them",
    )
}
