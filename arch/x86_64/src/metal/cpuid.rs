//! What the processor can do.

use core::arch::x86_64::{__cpuid, __cpuid_count, CpuidResult};

/// The features that this machine uses where they are present.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Features {
    /// Width of physical addresses in bits.
    pub phys_bits: u32,
    /// 1 GiB blocks.
    pub gib_pages: bool,
    /// Supervisor code cannot run user pages.
    pub smep: bool,
    /// Supervisor code cannot touch user pages.
    pub smap: bool,
    /// User mode cannot read descriptor-table addresses.
    pub umip: bool,
    /// User mode can set its own FS and GS bases.
    pub fsgsbase: bool,
    /// `xsave`, with which state components beyond SSE.
    pub xsave: bool,
    /// The local APIC timer can be armed with an absolute TSC value.
    pub tsc_deadline: bool,
    /// `rdrand`.
    pub rdrand: bool,
    /// `rdseed`.
    pub rdseed: bool,
    /// Bytes that `clflush` writes back at a time; 0 where there is no such instruction.
    pub flush_line_bytes: u32,
    /// Tags of translations in the TLB: process-context identifiers.
    pub pcid: bool,
    /// Machine-check exceptions.
    pub machine_check: bool,
    /// A hypervisor is there and has leaves of its own.
    pub hypervisor: bool,
}

const LEAF_BASIC: u32 = 0;
const LEAF_FEATURES: u32 = 1;
const LEAF_MORE_FEATURES: u32 = 7;
const LEAF_XSAVE: u32 = 0xd;
const LEAF_EXTENDED: u32 = 0x8000_0000;
const LEAF_EXTENDED_FEATURES: u32 = 0x8000_0001;
const LEAF_ADDRESS_SIZES: u32 = 0x8000_0008;
const DEFAULT_PHYS_BITS: u32 = 36;

/// Asks the processor.
#[must_use]
pub fn features() -> Features {
    let basic = leaf(LEAF_FEATURES);
    let more = leaf_if_present(LEAF_BASIC, LEAF_MORE_FEATURES).unwrap_or(NONE);
    let extended = leaf_if_present(LEAF_EXTENDED, LEAF_EXTENDED_FEATURES).unwrap_or(NONE);
    let sizes = leaf_if_present(LEAF_EXTENDED, LEAF_ADDRESS_SIZES);
    Features {
        phys_bits: sizes.map_or(DEFAULT_PHYS_BITS, |sizes| sizes.eax & 0xff),
        gib_pages: has(extended.edx, 26),
        smep: has(more.ebx, 7),
        smap: has(more.ebx, 20),
        umip: has(more.ecx, 2),
        fsgsbase: has(more.ebx, 0),
        xsave: has(basic.ecx, 26),
        tsc_deadline: has(basic.ecx, 24),
        rdrand: has(basic.ecx, 30),
        rdseed: has(more.ebx, 18),
        flush_line_bytes: if has(basic.edx, 19) {
            (basic.ebx >> 8 & 0xff) * 8
        } else {
            0
        },
        pcid: has(basic.ecx, 17),
        machine_check: has(basic.edx, 7),
        hypervisor: has(basic.ecx, 31),
    }
}

/// The state components that `xsave` can keep (the value that XCR0 may take).
#[must_use]
pub(crate) fn xsave_components() -> u64 {
    let leaf = __cpuid_count(LEAF_XSAVE, 0);
    u64::from(leaf.eax) | u64::from(leaf.edx) << 32
}

/// The size in bytes of an `xsave` area with the components that XCR0 holds now.
#[must_use]
pub(crate) fn xsave_bytes() -> u32 {
    __cpuid_count(LEAF_XSAVE, 0).ebx
}

/// Where a component is in an `xsave` area, in bytes from its start.
#[must_use]
pub(crate) fn xsave_offset(component: u32) -> u32 {
    __cpuid_count(LEAF_XSAVE, component).ebx
}

/// The registers of `number`, if the range of leaves that `range` begins has it.
pub(crate) fn leaf_if_present(range: u32, number: u32) -> Option<CpuidResult> {
    (leaf(range).eax >= number).then(|| leaf(number))
}

fn leaf(number: u32) -> CpuidResult {
    __cpuid(number)
}

const NONE: CpuidResult = CpuidResult {
    eax: 0,
    ebx: 0,
    ecx: 0,
    edx: 0,
};

const fn has(register: u32, bit: u32) -> bool {
    register >> bit & 1 == 1
}
