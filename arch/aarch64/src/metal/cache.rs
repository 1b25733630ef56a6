//! Instruction caches do not see what stores write, and uncached accesses do not see what is in data
//! caches: both must be pushed through.

use jacinth_kernel::{PhysRun, VirtAddr};

use crate::metal::regs::{self, ISH, SY, dsb, isb};

/// Makes instruction fetches see what is in these frames of RAM (Arm ARM, section B2.4.4).
pub(crate) fn publish_code(at: VirtAddr, run: PhysRun) {
    /// CTR_EL0: no cleaning of data, no invalidating of instructions needed.
    const IDC: u64 = 1 << 28;
    const DIC: u64 = 1 << 29;
    let kind = regs::cache_type();
    if kind & IDC == 0 {
        for address in lines(at, run, DATA) {
            // SAFETY: RAM is mapped in the physmap.
            unsafe { regs::dc_cvau(address) };
        }
    }
    dsb(ISH);
    if kind & DIC == 0 {
        for address in lines(at, run, CODE) {
            // SAFETY: as above.
            unsafe { regs::ic_ivau(address) };
        }
        dsb(ISH);
    }
    isb(SY);
}

/// Writes these frames of RAM back to memory and forgets what caches hold of them (Arm ARM, DC CIVAC).
pub(crate) fn expel(at: VirtAddr, run: PhysRun) {
    for address in lines(at, run, DATA) {
        // SAFETY: RAM is mapped in the physmap.
        unsafe { regs::dc_civac(address) };
    }
    dsb(SY);
}

/// Where CTR_EL0 holds log2 of the words in the smallest line of data and instruction caches.
const DATA: u64 = 16;
const CODE: u64 = 0;

/// The first address of every cache line of a run that is seen at `at`.
fn lines(at: VirtAddr, run: PhysRun, kind: u64) -> impl Iterator<Item = u64> {
    let line = 4_u64 << ((regs::cache_type() >> kind) & 0xf);
    (0..run.bytes() / line).map(move |n| at.raw() + n * line)
}

/// Makes instruction fetches forget all they saw: for code that is not in RAM.
pub(crate) fn forget_code() {
    dsb(ISH);
    regs::ic_ialluis();
    dsb(ISH);
    isb(SY);
}
