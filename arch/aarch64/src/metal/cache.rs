//! Instruction caches do not see what stores write; new code must be pushed through.

use jacinth_kernel::{PhysRun, VirtAddr};

use crate::metal::regs::{self, ISH, SY, dsb, isb};

/// Makes instruction fetches see what is in these frames of RAM (Arm ARM, section B2.4.4).
pub(crate) fn publish_code(at: VirtAddr, run: PhysRun) {
    /// CTR_EL0: no cleaning of data, no invalidating of instructions needed.
    const IDC: u64 = 1 << 28;
    const DIC: u64 = 1 << 29;
    let kind = regs::cache_type();
    let line = |shift: u64| 4_u64 << ((kind >> shift) & 0xf);
    let lines = |line: u64| (0..run.bytes() / line).map(move |n| at.raw() + n * line);
    if kind & IDC == 0 {
        for address in lines(line(16)) {
            // SAFETY: RAM is mapped in the physmap.
            unsafe { regs::dc_cvau(address) };
        }
    }
    dsb(ISH);
    if kind & DIC == 0 {
        for address in lines(line(0)) {
            // SAFETY: as above.
            unsafe { regs::ic_ivau(address) };
        }
        dsb(ISH);
    }
    isb(SY);
}

/// Makes instruction fetches forget all they saw: for code that is not in RAM.
pub(crate) fn forget_code() {
    dsb(ISH);
    regs::ic_ialluis();
    dsb(ISH);
    isb(SY);
}
