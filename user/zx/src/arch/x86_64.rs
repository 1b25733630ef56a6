//! x86_64: `syscall`, `mov` of each width, `rdtsc`.

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
    // SAFETY: the caller's promise; every register that the trap or the kernel changes is named.
    unsafe {
        asm!(
            "syscall",
            inlateout("rax") number => result,
            inlateout("rdi") a0 => _,
            inlateout("rsi") a1 => _,
            inlateout("rdx") a2 => _,
            inlateout("r10") a3 => _,
            inlateout("r8") a4 => _,
            inlateout("r9") a5 => _,
            in("r12") a6,
            in("r13") a7,
            lateout("rcx") _,
            lateout("r11") _,
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
            asm!("movzx {0:e}, byte ptr [{1}]", lateout(reg) value, in(reg) at, options(nostack, preserves_flags));
        },
        // SAFETY: as above.
        Width::Bits16 => unsafe {
            asm!("movzx {0:e}, word ptr [{1}]", lateout(reg) value, in(reg) at, options(nostack, preserves_flags));
        },
        // SAFETY: as above.
        Width::Bits32 => unsafe {
            asm!("mov {0:e}, dword ptr [{1}]", lateout(reg) value, in(reg) at, options(nostack, preserves_flags));
        },
        // SAFETY: as above.
        Width::Bits64 => unsafe {
            asm!("mov {0}, qword ptr [{1}]", lateout(reg) value, in(reg) at, options(nostack, preserves_flags));
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
            asm!("mov byte ptr [{0}], {1}", in(reg) at, in(reg_byte) value as u8, options(nostack, preserves_flags));
        },
        // SAFETY: as above.
        Width::Bits16 => unsafe {
            asm!("mov word ptr [{0}], {1:x}", in(reg) at, in(reg) value, options(nostack, preserves_flags));
        },
        // SAFETY: as above.
        Width::Bits32 => unsafe {
            asm!("mov dword ptr [{0}], {1:e}", in(reg) at, in(reg) value, options(nostack, preserves_flags));
        },
        // SAFETY: as above.
        Width::Bits64 => unsafe {
            asm!("mov qword ptr [{0}], {1}", in(reg) at, in(reg) value, options(nostack, preserves_flags));
        },
    }
}

/// Reads the time-stamp counter, once all before it is done.
#[inline(always)]
pub(crate) fn ticks() -> u64 {
    let (low, high): (u64, u64);
    // SAFETY: it reads the counter, which user mode may, and changes two registers.
    unsafe {
        asm!("lfence", "rdtsc", lateout("rax") low, lateout("rdx") high, options(nostack, preserves_flags));
    }
    high << 32 | low
}
