//! Floating-point and vector state: kept per thread, never used by the kernel.

use core::arch::asm;
use core::sync::atomic::{AtomicU64, Ordering};

use x86_64::registers::control::{Cr0, Cr0Flags, Cr4, Cr4Flags};
use x86_64::registers::xcontrol::{XCr0, XCr0Flags};

use super::context::FP_BYTES;
use super::cpuid::{self, Features};

/// The components that `xsave64` keeps; 0 where `fxsave64` does it. The same on every CPU.
static COMPONENTS: AtomicU64 = AtomicU64::new(0);

/// What is offered to user mode, in falling order of wishes, so that the state fits its area:
/// AVX-512, AVX, SSE. Always x87.
const WISHES: [u64; 3] = [0xe7, 0x07, 0x03];

/// Turns FP and vector instructions on for user mode, on this CPU.
pub(crate) fn enable(features: Features) {
    // SAFETY: the kernel is built for soft floats; these bits concern user mode only.
    unsafe {
        Cr0::update(|flags| {
            flags.remove(Cr0Flags::EMULATE_COPROCESSOR | Cr0Flags::TASK_SWITCHED);
            flags.insert(Cr0Flags::MONITOR_COPROCESSOR | Cr0Flags::NUMERIC_ERROR);
        });
    }
    let mut wanted = Cr4Flags::OSFXSR | Cr4Flags::OSXMMEXCPT_ENABLE;
    wanted.set(Cr4Flags::OSXSAVE, features.xsave);
    // SAFETY: as above.
    unsafe { Cr4::update(|flags| flags.insert(wanted)) };
    if features.xsave {
        COMPONENTS.store(enable_components(), Ordering::Relaxed);
    }
}

/// Sets XCR0 to as much as the processor has and a context block holds; returns what was set.
fn enable_components() -> u64 {
    let offered = cpuid::xsave_components();
    for wish in WISHES {
        let components = offered & wish;
        // AVX-512 comes with all three of its components and AVX, or not at all.
        if components != wish {
            continue;
        }
        // SAFETY: x87 and SSE are set, all bits are offered by the processor, and AVX-512 implies
        // AVX in the wishes.
        unsafe { XCr0::write(XCr0Flags::from_bits_truncate(components)) };
        if usize::try_from(cpuid::xsave_bytes()).is_ok_and(|bytes| bytes <= FP_BYTES) {
            return components;
        }
    }
    XCr0::read_raw()
}

/// The components of threads' state, as in XCR0; 0 where there is only what `fxsave` keeps.
pub(crate) fn components() -> u64 {
    COMPONENTS.load(Ordering::Relaxed)
}

/// Saves the state of this CPU.
///
/// # Safety
/// `area` is the FP area of a living context.
pub(crate) unsafe fn save(area: *mut [u8; FP_BYTES]) {
    let components = COMPONENTS.load(Ordering::Relaxed);
    if components == 0 {
        // SAFETY: the area is aligned and large enough.
        unsafe { asm!("fxsave64 [{}]", in(reg) area, options(nostack, preserves_flags)) };
        return;
    }
    let (low, high) = halves(components);
    // SAFETY: the area is aligned to 64 bytes and large enough for what XCR0 holds.
    unsafe {
        asm!("xsave64 [{}]", in(reg) area, in("eax") low, in("edx") high, options(nostack, preserves_flags))
    };
}

/// Loads a state into this CPU.
///
/// # Safety
/// `area` is the FP area of a living context, whose contents [`save`] or the making of the context wrote.
pub(crate) unsafe fn load(area: *const [u8; FP_BYTES]) {
    let components = COMPONENTS.load(Ordering::Relaxed);
    if components == 0 {
        // SAFETY: the area is aligned, large enough, and holds a valid state.
        unsafe {
            asm!("fxrstor64 [{}]", in(reg) area, options(nostack, preserves_flags, readonly))
        };
        return;
    }
    let (low, high) = halves(components);
    // SAFETY: as above.
    unsafe {
        asm!("xrstor64 [{}]", in(reg) area, in("eax") low, in("edx") high, options(nostack, preserves_flags, readonly))
    };
}

const fn halves(components: u64) -> (u32, u32) {
    (components as u32, (components >> 32) as u32)
}
