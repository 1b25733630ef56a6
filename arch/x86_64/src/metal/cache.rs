//! Data caches: what a program that reads past them would not see.
//!
//! Devices are no reason: their accesses see the caches, and so do instruction fetches. But memory
//! that programs map uncached is mapped write-back in the kernel's window, where it was zeroed, and
//! only some processors look into their own caches on such accesses (SDM volume 3A, "Programming the
//! PAT").

use jacinth_kernel::PhysAddr;
use jacinth_kernel::hal::CacheOp;

use super::cpuid::Features;
use super::physmap;

/// Does what a program or the core asked for to bytes of RAM.
pub(crate) fn maintain(features: Features, at: PhysAddr, bytes: u64, op: CacheOp) {
    let line = u64::from(features.flush_line_bytes);
    // Without `clflush` (no 64-bit processor lacks it) there is nothing short of all caches.
    if op == CacheOp::Sync || line == 0 {
        return;
    }
    let start = physmap::pointer(at) as u64;
    let first = start - start % line;
    let end = start + bytes;
    for address in (first..end).step_by(features.flush_line_bytes as usize) {
        // SAFETY: the fence said that it is RAM, which the window shows; no byte of it changes.
        unsafe {
            core::arch::asm!("clflush [{}]", in(reg) address, options(nostack, preserves_flags))
        };
    }
    // SAFETY: waits only: the flushes are done before anything that comes after.
    unsafe { core::arch::asm!("mfence", options(nostack, preserves_flags)) };
}
