//! System registers and the instructions that go with them: the one place that knows which crate
//! they come from, and the few that it does not have.

pub(crate) use aarch64_cpu::asm::barrier::{ISH, ISHST, SY, dsb, isb};
pub(crate) use aarch64_cpu::asm::wfi;
pub(crate) use aarch64_cpu::registers::{
    CNTFRQ_EL0, CNTKCTL_EL1, CNTV_CTL_EL0, CNTV_CVAL_EL0, CNTVCT_EL0, ID_AA64MMFR0_EL1, MPIDR_EL1,
    TPIDR_EL1, TTBR0_EL1,
};
pub(crate) use aarch64_cpu::registers::{FAR_EL1, ID_AA64ISAR0_EL1, VBAR_EL1};
pub(crate) use aarch64_cpu::registers::{Readable, Writeable};

/// Width of physical addresses in bits, as far as 4 KiB pages can use it.
#[must_use]
pub fn phys_bits() -> u32 {
    const WIDTHS: [u32; 6] = [32, 36, 40, 42, 44, 48];
    let range = ID_AA64MMFR0_EL1.get() & 0xf;
    usize::try_from(range)
        .ok()
        .and_then(|range| WIDTHS.get(range))
        .copied()
        .unwrap_or(48)
}

/// Width of address-space identifiers in bits.
pub(crate) fn asid_bits() -> u32 {
    const WIDE: u64 = 2;
    if (ID_AA64MMFR0_EL1.get() >> 4) & 0xf == WIDE {
        16
    } else {
        8
    }
}

macro_rules! reads {
    ($($(#[$doc:meta])* $name:ident = $register:literal;)*) => {
        $(
            $(#[$doc])*
            pub(crate) fn $name() -> u64 {
                let value: u64;
                // SAFETY: reading the register touches no memory.
                unsafe { core::arch::asm!(concat!("mrs {}, ", $register), out(reg) value, options(nostack, preserves_flags)) };
                value
            }
        )*
    };
}

reads! {
    /// ICC_SRE_EL1: whether the GIC is driven through system registers.
    icc_sre = "S3_0_C12_C12_5";
    /// ICC_IAR1_EL1: reading it takes the most urgent interrupt.
    icc_iar1 = "S3_0_C12_C12_0";
    /// CTR_EL0: what the caches look like.
    cache_type = "ctr_el0";
    /// DCZID_EL0: how much [`dc_zva`] fills, and whether it may be used.
    zero_block = "dczid_el0";
}

macro_rules! writes {
    ($($(#[$doc:meta])* $name:ident = $register:literal;)*) => {
        $(
            $(#[$doc])*
            pub(crate) fn $name(value: u64) {
                // SAFETY: the register steers interrupts only; memory is not touched.
                unsafe { core::arch::asm!(concat!("msr ", $register, ", {}"), in(reg) value, options(nostack, preserves_flags)) };
            }
        )*
    };
}

writes! {
    /// ICC_SRE_EL1: whether the GIC is driven through system registers.
    set_icc_sre = "S3_0_C12_C12_5";
    /// ICC_PMR_EL1: the priority mask.
    set_icc_pmr = "S3_0_C4_C6_0";
    /// ICC_IGRPEN1_EL1: group 1 interrupts on.
    set_icc_igrpen1 = "S3_0_C12_C12_7";
    /// ICC_CTLR_EL1: how interrupts end.
    set_icc_ctlr = "S3_0_C12_C12_4";
    /// ICC_EOIR1_EL1: ends an interrupt.
    set_icc_eoir1 = "S3_0_C12_C12_1";
    /// ICC_SGI1R_EL1: sends an interrupt to other CPUs.
    set_icc_sgi1r = "S3_0_C12_C11_5";
}

/// RNDR: a random number, if the processor has one ready.
pub(crate) fn random() -> Option<u64> {
    const RNDR: u32 = 60;
    if ID_AA64ISAR0_EL1.get() >> RNDR == 0 {
        return None;
    }
    let (value, is_good): (u64, u64);
    // SAFETY: FEAT_RNG is there; reading has no effect but on the flags.
    unsafe {
        core::arch::asm!("mrs {}, S3_3_C2_C4_0", "cset {}, ne", out(reg) value, out(reg) is_good, options(nomem, nostack));
    }
    (is_good != 0).then_some(value)
}

macro_rules! tlb_operations {
    ($($(#[$doc:meta])* $name:ident = $operation:literal;)*) => {
        $(
            $(#[$doc])*
            pub(crate) fn $name(operand: u64) {
                // SAFETY: forgetting translations is always allowed; they are found again.
                unsafe { core::arch::asm!(concat!("tlbi ", $operation, ", {}"), in(reg) operand, options(nostack, preserves_flags)) };
            }
        )*
    };
}

tlb_operations! {
    /// Forgets one page of an address space, walk caches included, on every CPU.
    tlbi_vae1is = "vae1is";
    /// Forgets the last-level entry of one page of an address space, on every CPU.
    tlbi_vale1is = "vale1is";
    /// Forgets one page of an address space, walk caches included, on this CPU.
    tlbi_vae1 = "vae1";
    /// Forgets the last-level entry of one page of an address space, on this CPU.
    tlbi_vale1 = "vale1";
    /// Forgets an address space on every CPU.
    tlbi_aside1is = "aside1is";
    /// Forgets an address space on this CPU.
    tlbi_aside1 = "aside1";
}

macro_rules! cache_operations {
    ($($(#[$doc:meta])* $name:ident = $operation:literal;)*) => {
        $(
            $(#[$doc])*
            ///
            /// # Safety
            /// The address is mapped and readable.
            pub(crate) unsafe fn $name(at: u64) {
                // SAFETY: cleaning, and invalidating what is clean, loses no data.
                unsafe { core::arch::asm!(concat!($operation, ", {}"), in(reg) at, options(nostack, preserves_flags)) };
            }
        )*
    };
}

cache_operations! {
    /// Writes the data-cache line of an address back, so far that instruction fetches see it.
    dc_cvau = "dc cvau";
    /// Writes the data-cache line of an address back to memory.
    dc_cvac = "dc cvac";
    /// Writes the data-cache line of an address back to memory, and forgets it.
    dc_civac = "dc civac";
    /// Forgets the instruction-cache line of an address, on every CPU.
    ic_ivau = "ic ivau";
}

/// Fills the block around an address with zero bytes.
///
/// # Safety
/// The block is cached memory, mapped and writable, and nobody else's.
pub(crate) unsafe fn dc_zva(at: u64) {
    // SAFETY: the caller says so.
    unsafe { core::arch::asm!("dc zva, {}", in(reg) at, options(nostack, preserves_flags)) };
}

/// Forgets all instruction caches, on every CPU.
pub(crate) fn ic_ialluis() {
    // SAFETY: forgetting instructions is always allowed; they are fetched again.
    unsafe { core::arch::asm!("ic ialluis", options(nostack, preserves_flags)) };
}
