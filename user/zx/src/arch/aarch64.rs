//! aarch64: `svc #0`, and loads and stores in the addressing mode that hypervisors can emulate,
//! and the virtual counter.

use core::arch::asm;
use core::mem::MaybeUninit;

use crate::Width;

/// Makes a system call. A register that the call has no argument for may hold anything.
///
/// # Safety
/// The kernel may read and write the memory that the arguments of call `number` name.
#[inline(always)]
pub(crate) unsafe fn syscall(number: u64, args: [MaybeUninit<u64>; 8]) -> i64 {
    let [a0, a1, a2, a3, a4, a5, a6, a7] = args;
    let result;
    // SAFETY: the caller's promise; every register that the kernel may change is named.
    unsafe {
        asm!(
            "svc #0",
            in("x16") number,
            inlateout("x0") a0 => result,
            inlateout("x1") a1 => _,
            inlateout("x2") a2 => _,
            inlateout("x3") a3 => _,
            inlateout("x4") a4 => _,
            inlateout("x5") a5 => _,
            inlateout("x6") a6 => _,
            inlateout("x7") a7 => _,
            options(nostack),
        );
    }
    result
}

/// Reads `width` at `at`.
///
/// # Safety
/// No Rust object lives there.
#[inline(always)]
pub(crate) unsafe fn load(at: u64, width: Width) -> u64 {
    let value: u64;
    match width {
        // SAFETY: the caller's promise; an address that is not mapped is a fault, not undefined.
        Width::Bits8 => unsafe {
            asm!("ldrb {0:w}, [{1}]", lateout(reg) value, in(reg) at, options(nostack, preserves_flags));
        },
        // SAFETY: as above.
        Width::Bits16 => unsafe {
            asm!("ldrh {0:w}, [{1}]", lateout(reg) value, in(reg) at, options(nostack, preserves_flags));
        },
        // SAFETY: as above.
        Width::Bits32 => unsafe {
            asm!("ldr {0:w}, [{1}]", lateout(reg) value, in(reg) at, options(nostack, preserves_flags));
        },
        // SAFETY: as above.
        Width::Bits64 => unsafe {
            asm!("ldr {0:x}, [{1}]", lateout(reg) value, in(reg) at, options(nostack, preserves_flags));
        },
    }
    value
}

/// Writes the low `width` of `value` at `at`.
///
/// # Safety
/// No Rust object lives there.
#[inline(always)]
pub(crate) unsafe fn store(at: u64, width: Width, value: u64) {
    match width {
        // SAFETY: the caller's promise; an address that is not mapped is a fault, not undefined.
        Width::Bits8 => unsafe {
            asm!("strb {1:w}, [{0}]", in(reg) at, in(reg) value, options(nostack, preserves_flags));
        },
        // SAFETY: as above.
        Width::Bits16 => unsafe {
            asm!("strh {1:w}, [{0}]", in(reg) at, in(reg) value, options(nostack, preserves_flags));
        },
        // SAFETY: as above.
        Width::Bits32 => unsafe {
            asm!("str {1:w}, [{0}]", in(reg) at, in(reg) value, options(nostack, preserves_flags));
        },
        // SAFETY: as above.
        Width::Bits64 => unsafe {
            asm!("str {1:x}, [{0}]", in(reg) at, in(reg) value, options(nostack, preserves_flags));
        },
    }
}

/// Reads the virtual counter, once all before it is done.
#[inline(always)]
pub(crate) fn ticks() -> u64 {
    let ticks;
    // SAFETY: it reads the counter, which user mode may.
    unsafe {
        asm!("isb", "mrs {0}, cntvct_el0", lateout(reg) ticks, options(nostack, preserves_flags));
    }
    ticks
}
