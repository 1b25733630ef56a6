//! The last words of a kernel that faulted: registers and a backtrace, then the end.

use core::arch::asm;
use core::fmt::{self, Write};

use jacinth_abi::ExitCode;
use x86_64::registers::control::{Cr2, Cr3};

use super::context::{Registers, USER_CODE};
use super::exit::exit;
use super::per_cpu::current_cpu;
use super::serial::early_console_write;
use super::stacks::stack_of;

/// Names of the exceptions (Intel SDM 3A, table 7-1).
const NAMES: [&str; 32] = [
    "divide error",
    "debug exception",
    "non-maskable interrupt",
    "breakpoint",
    "overflow",
    "bound range exceeded",
    "undefined instruction",
    "no floating-point unit",
    "double fault",
    "exception 9",
    "invalid task state segment",
    "segment not present",
    "stack-segment fault",
    "general protection fault",
    "page fault",
    "exception 15",
    "floating-point error",
    "misaligned access",
    "machine check",
    "SIMD floating-point error",
    "virtualization exception",
    "control-flow protection",
    "exception 22",
    "exception 23",
    "exception 24",
    "exception 25",
    "exception 26",
    "exception 27",
    "exception 28",
    "exception 29",
    "exception 30",
    "exception 31",
];
const MOST_FRAMES: usize = 32;

/// The console without a lock.
struct LastWords;

impl Write for LastWords {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        early_console_write(text.as_bytes());
        Ok(())
    }
}

/// Says what happened, and ends the machine. Takes no lock.
pub(crate) fn die(registers: &Registers) -> ! {
    // The console accepts everything.
    report(registers).ok();
    exit(ExitCode::KernelPanic)
}

fn report(registers: &Registers) -> fmt::Result {
    let Registers {
        vector, error, rip, ..
    } = *registers;
    let name = usize::try_from(vector)
        .ok()
        .and_then(|vector| NAMES.get(vector));
    let name = name.copied().unwrap_or("unknown interrupt");
    let cpu = current_cpu();
    let out = &mut LastWords;
    writeln!(
        out,
        "jacinth: kernel panic on cpu {cpu}: {name} (error {error:#x}) at {rip:#x}"
    )?;
    print_registers(out, registers)?;
    let owner = if registers.cs == USER_CODE {
        "user"
    } else {
        "kernel"
    };
    writeln!(out, "  {owner} {rip:#x}")?;
    let mut frame = registers.rbp;
    for _ in 0..MOST_FRAMES {
        let Some((return_address, next)) = read_frame(frame) else {
            break;
        };
        if return_address == 0 {
            break;
        }
        writeln!(out, "  kernel {return_address:#x}")?;
        frame = next;
    }
    Ok(())
}

fn print_registers(out: &mut LastWords, registers: &Registers) -> fmt::Result {
    let [rdi, rsi, rdx, r10, r8, r9, r12, r13] = registers.args;
    let Registers {
        rax,
        rbx,
        rbp,
        rcx,
        r11,
        r14,
        r15,
        ..
    } = *registers;
    let Registers {
        rsp,
        cs,
        ss,
        rflags,
        ..
    } = *registers;
    let (cr2, cr3) = (Cr2::read_raw(), Cr3::read().0.start_address().as_u64());
    writeln!(
        out,
        "  rax {rax:016x} rbx {rbx:016x} rcx {rcx:016x} rdx {rdx:016x}"
    )?;
    writeln!(
        out,
        "  rsi {rsi:016x} rdi {rdi:016x} rbp {rbp:016x} rsp {rsp:016x}"
    )?;
    writeln!(
        out,
        "  r8  {r8:016x} r9  {r9:016x} r10 {r10:016x} r11 {r11:016x}"
    )?;
    writeln!(
        out,
        "  r12 {r12:016x} r13 {r13:016x} r14 {r14:016x} r15 {r15:016x}"
    )?;
    writeln!(
        out,
        "  cs {cs:x} ss {ss:x} rflags {rflags:x} cr2 {cr2:x} cr3 {cr3:x}"
    )
}

/// The return address of the frame at `at`, and the caller's frame, if `at` is on a kernel stack.
fn read_frame(at: u64) -> Option<(u64, u64)> {
    const WORD: u64 = 8;
    let (_, end) = stack_of(at)?;
    if !at.is_multiple_of(WORD) || at + 2 * WORD > end {
        return None;
    }
    let frame = at as *const [u64; 2];
    // SAFETY: both words are on a mapped kernel stack. Volatile, because Rust does not know them.
    let [caller, return_address] = unsafe { frame.read_volatile() };
    Some((return_address, caller))
}

/// The frame pointer of its caller, to begin a backtrace with.
#[must_use]
#[inline(always)]
pub fn frame_pointer() -> u64 {
    let frame_pointer;
    // SAFETY: reads a register.
    unsafe {
        asm!("mov {}, rbp", out(reg) frame_pointer, options(nomem, nostack, preserves_flags))
    };
    frame_pointer
}
