//! Arm semihosting: calls to the debugger or emulator outside ("Semihosting for AArch32 and
//! AArch64", release 3.0). It needs no set-up, so it is how the machine ends and how it speaks
//! before there is a console.
//!
//! Without a host that listens the instruction is undefined; [`is_ending`] keeps that from going
//! round in circles.

use core::sync::atomic::{AtomicBool, Ordering};

use jacinth_abi::ExitCode;

/// Writes the character that the parameter points to.
const SYS_WRITEC: u64 = 0x03;
/// Ends, with a reason and a code.
const SYS_EXIT_EXTENDED: u64 = 0x20;
/// The program ended by itself.
const ADP_STOPPED_APPLICATION_EXIT: u64 = 0x2_0026;

static ENDING: AtomicBool = AtomicBool::new(false);

/// Ends the machine with `code`. Works at any time, from the first instruction on; a host that
/// does not listen leaves the CPU asleep.
pub fn exit(code: ExitCode) -> ! {
    if !ENDING.swap(true, Ordering::Relaxed) {
        let block = [ADP_STOPPED_APPLICATION_EXIT, u64::from(code.number())];
        call(SYS_EXIT_EXTENDED, block.as_ptr().addr());
    }
    loop {
        aarch64_cpu::asm::wfi();
    }
}

/// Whether the machine is ending: a fault now is the exit call that nobody answered.
pub(crate) fn is_ending() -> bool {
    ENDING.load(Ordering::Relaxed)
}

/// Writes text to the host's own console.
pub(crate) fn write(text: &[u8]) {
    for byte in text {
        call(SYS_WRITEC, core::ptr::from_ref(byte).addr());
    }
}

fn call(operation: u64, parameter: usize) {
    // SAFETY: the host reads the parameter block, which the callers keep alive, and writes nothing.
    unsafe {
        core::arch::asm!(
            "hlt #0xf000",
            inout("x0") operation => _,
            in("x1") parameter,
            options(nostack, preserves_flags, readonly)
        );
    }
}
