//! Switches of the processor: protection, memory types, the system-call instruction.

use core::arch::asm;
use core::sync::atomic::{AtomicBool, Ordering};

use jacinth_paging::X86_64;
use x86_64::VirtAddr;
use x86_64::instructions::tlb;
use x86_64::registers::control::{Cr0, Cr0Flags, Cr4, Cr4Flags, Efer, EferFlags};
use x86_64::registers::model_specific::{LStar, Msr, SFMask};
use x86_64::registers::rflags::RFlags;

use super::cpuid::Features;
use super::descriptors::KERNEL_CODE;
use super::trap;

const IA32_PAT: u32 = 0x277;
const IA32_STAR: u32 = 0xc000_0081;
/// `sysret` takes user data 8 and user code 16 above this.
const SYSRET_BASE: u64 = 0x13;

/// Whether supervisor code is kept from user memory, and flags must be cleared on traps for it.
static HAS_SMAP: AtomicBool = AtomicBool::new(false);

/// Sets this CPU's protection up; the final page tables are in use.
pub(crate) fn enable(features: Features) {
    // SAFETY: the kernel keeps to what its page tables let it write; alignment concerns user mode.
    unsafe {
        Cr0::update(|flags| flags.insert(Cr0Flags::WRITE_PROTECT | Cr0Flags::ALIGNMENT_MASK));
    }
    // SAFETY: no-execute bits are set where nothing is run; `syscall` is set up before user mode runs.
    unsafe {
        Efer::update(|flags| {
            flags.insert(EferFlags::NO_EXECUTE_ENABLE | EferFlags::SYSTEM_CALL_EXTENSIONS);
        });
    }
    let mut wanted = Cr4Flags::PAGE_GLOBAL;
    wanted.set(
        Cr4Flags::SUPERVISOR_MODE_EXECUTION_PROTECTION,
        features.smep,
    );
    wanted.set(Cr4Flags::SUPERVISOR_MODE_ACCESS_PREVENTION, features.smap);
    wanted.set(Cr4Flags::USER_MODE_INSTRUCTION_PREVENTION, features.umip);
    wanted.set(Cr4Flags::FSGSBASE, features.fsgsbase);
    wanted.set(Cr4Flags::MACHINE_CHECK_EXCEPTION, features.machine_check);
    // Allowed in 64-bit mode while CR3 names tag 0, which is the kernel's own.
    wanted.set(Cr4Flags::PCID, features.pcid);
    set_memory_types();
    // SAFETY: the processor has what is switched on; the kernel neither touches nor runs user pages.
    unsafe { Cr4::update(|flags| flags.insert(wanted)) };
    HAS_SMAP.store(features.smap, Ordering::Relaxed);
    set_syscall();
}

/// Writes IA32_PAT in the order that the manual wants (Intel SDM 3A, 13.11.8 and 13.12.4).
fn set_memory_types() {
    let before = Cr0::read();
    let uncached = (before | Cr0Flags::CACHE_DISABLE) - Cr0Flags::NOT_WRITE_THROUGH;
    // SAFETY: caches off for a moment; memory stays as it is.
    unsafe { Cr0::write(uncached) };
    write_back_caches();
    // Global pages are not on yet, so this forgets everything.
    tlb::flush_all();
    let mut types = Msr::new(IA32_PAT);
    // SAFETY: the entries in use so far, index 0, keep their type.
    unsafe { types.write(X86_64::PAT) };
    tlb::flush_all();
    write_back_caches();
    // SAFETY: caches as before.
    unsafe { Cr0::write(before) };
}

fn write_back_caches() {
    // SAFETY: memory keeps its contents.
    unsafe { asm!("wbinvd", options(nostack, preserves_flags)) };
}

fn set_syscall() {
    let selectors = SYSRET_BASE << 48 | u64::from(KERNEL_CODE) << 32;
    let mut star = Msr::new(IA32_STAR);
    // SAFETY: the segments are those of this crate's descriptor table.
    unsafe { star.write(selectors) };
    LStar::write(VirtAddr::new_truncate(trap::syscall_entry()));
    SFMask::write(
        RFlags::INTERRUPT_FLAG
            | RFlags::DIRECTION_FLAG
            | RFlags::TRAP_FLAG
            | RFlags::ALIGNMENT_CHECK
            | RFlags::NESTED_TASK
            | RFlags::IOPL_LOW
            | RFlags::IOPL_HIGH,
    );
}

/// Keeps the kernel from user memory even if user mode had set the flag that lifts the ban.
pub(crate) fn refuse_user_memory() {
    if HAS_SMAP.load(Ordering::Relaxed) {
        // SAFETY: the processor has the instruction; it clears one flag.
        unsafe { asm!("clac", options(nomem, nostack)) };
    }
}
