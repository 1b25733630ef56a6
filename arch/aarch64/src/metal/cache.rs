//! Instruction caches do not see what stores write, and uncached accesses do not see what is in data
//! caches: both must be pushed through.

use jacinth_kernel::hal::CacheOp;
use jacinth_kernel::{PhysRun, VirtAddr};

use crate::layout::pointer;
use crate::metal::regs::{self, ISH, SY, dsb, isb};

/// Does what a program or the core asked for to bytes of RAM (Arm ARM, section B2.4 and DC, IC).
pub(crate) fn maintain(at: VirtAddr, bytes: u64, op: CacheOp) {
    match op {
        CacheOp::Sync => publish(at, bytes),
        CacheOp::Clean => {
            for address in lines(at, bytes, DATA) {
                // SAFETY: RAM is mapped in the physmap.
                unsafe { regs::dc_cvac(address) };
            }
            dsb(SY);
        }
        // DC IVAC alone would throw away what was stored to the same line, also beside the range.
        CacheOp::Invalidate | CacheOp::CleanInvalidate => clean_invalidate(at, bytes),
    }
}

/// Makes instruction fetches see what is in these frames of RAM (Arm ARM, section B2.4.4).
pub(crate) fn publish_code(at: VirtAddr, run: PhysRun) {
    publish(at, run.bytes());
}

fn publish(at: VirtAddr, bytes: u64) {
    /// CTR_EL0: no cleaning of data, no invalidating of instructions needed.
    const IDC: u64 = 1 << 28;
    const DIC: u64 = 1 << 29;
    let kind = regs::cache_type();
    if kind & IDC == 0 {
        for address in lines(at, bytes, DATA) {
            // SAFETY: RAM is mapped in the physmap.
            unsafe { regs::dc_cvau(address) };
        }
    }
    dsb(ISH);
    if kind & DIC == 0 {
        for address in lines(at, bytes, CODE) {
            // SAFETY: as above.
            unsafe { regs::ic_ivau(address) };
        }
        dsb(ISH);
    }
    isb(SY);
}

/// Writes these frames of RAM back to memory and forgets what caches hold of them (Arm ARM, DC CIVAC).
pub(crate) fn expel(at: VirtAddr, run: PhysRun) {
    clean_invalidate(at, run.bytes());
}

fn clean_invalidate(at: VirtAddr, bytes: u64) {
    for address in lines(at, bytes, DATA) {
        // SAFETY: RAM is mapped in the physmap.
        unsafe { regs::dc_civac(address) };
    }
    dsb(SY);
}

/// Fills whole frames of RAM with zero bytes (Arm ARM, DC ZVA).
///
/// # Safety
/// They are mapped in the physmap and nobody else's.
pub(crate) unsafe fn zero(at: VirtAddr, bytes: u64) {
    /// DCZID_EL0: DC ZVA is not to be used.
    const PROHIBITED: u64 = 1 << 4;
    let kind = regs::zero_block();
    if kind & PROHIBITED != 0 {
        let start = pointer::<u8>(at);
        // SAFETY: the caller says so.
        unsafe { start.write_bytes(0, usize::try_from(bytes).unwrap_or(0)) };
        return;
    }
    // A frame is a whole number of blocks, which have 2 KiB at the most.
    let block = 4_u64 << (kind & 0xf);
    let (mut next, end) = (at.raw(), at.raw() + bytes);
    while next < end {
        // SAFETY: as above.
        unsafe { regs::dc_zva(next) };
        next = next.wrapping_add(block);
    }
}

/// Where CTR_EL0 holds log2 of the words in the smallest line of data and instruction caches.
const DATA: u64 = 16;
const CODE: u64 = 0;

/// An address in every cache line that the bytes from `at` on touch.
fn lines(at: VirtAddr, bytes: u64, kind: u64) -> impl Iterator<Item = u64> {
    let line = 4_u64 << ((regs::cache_type() >> kind) & 0xf);
    let first = at.raw() & !(line - 1);
    let span = at.raw() - first + bytes;
    (0..span.div_ceil(line)).map(move |n| first + n * line)
}

/// Makes instruction fetches forget all they saw: for code that is not in RAM.
pub(crate) fn forget_code() {
    dsb(ISH);
    regs::ic_ialluis();
    dsb(ISH);
    isb(SY);
}
