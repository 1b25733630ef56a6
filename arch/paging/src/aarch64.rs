//! Entries of aarch64 page tables: VMSAv8-64, 4 KiB granule, stage 1 (Arm ARM, chapter D8).

use jacinth_kernel::PhysAddr;
use jacinth_kernel::hal::{CachePolicy, MmuFlags};

use crate::codec::{Entry, KernelAccess, Leaf, Level, PteCodec};

bitflags::bitflags! {
    /// The bits of a descriptor.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    struct Bits: u64 {
        /// Bit 0: the entry is valid. Alone, a block.
        const VALID = 1 << 0;
        /// Bit 1: a table above the last level, a page at the last.
        const TABLE_OR_PAGE = 1 << 1;
        /// AP[1]: EL0 may use it.
        const USER = 1 << 6;
        /// AP[2]: no stores, from EL0 or EL1.
        const READ_ONLY = 1 << 7;
        /// SH: inner shareable.
        const INNER_SHAREABLE = 0b11 << 8;
        /// AF: else the first access faults.
        const ACCESSED = 1 << 10;
        /// nG: belongs to one ASID.
        const NOT_GLOBAL = 1 << 11;
        /// PXN: EL1 does not execute it.
        const KERNEL_NO_EXECUTE = 1 << 53;
        /// UXN: EL0 does not execute it.
        const USER_NO_EXECUTE = 1 << 54;
    }
}

/// Bits 47:12. Longer output addresses (LPA) are not used.
const ADDRESS: u64 = 0x0000_ffff_ffff_f000;
/// Ignored in a table descriptor, unless LPA2 or the access flag of tables is switched on: the
/// number of the table's entries that are in use.
const LIVE: u64 = 0x3ff << LIVE_SHIFT;
const LIVE_SHIFT: u32 = 2;
/// The most bits of a physical address.
const MOST_PHYS_BITS: u32 = 48;
/// AttrIndx, the index into MAIR_EL1.
const ATTRIBUTE_SHIFT: u32 = 2;
const ATTRIBUTE_MASK: u64 = 0b111 << ATTRIBUTE_SHIFT;
const DEVICE_NGNRNE: u64 = 0;
const DEVICE_NGNRE: u64 = 1;
const NORMAL_CACHED: u64 = 2;
const NORMAL_UNCACHED: u64 = 3;

/// The PTE codec of aarch64.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Aarch64 {
    /// Bits of a physical address (ID_AA64MMFR0_EL1.PARange).
    pub phys_bits: u32,
}

impl Aarch64 {
    /// What MAIR_EL1 must hold: Device-nGnRnE, Device-nGnRE, Normal write-back read/write-allocate,
    /// Normal non-cacheable; indices 4 to 7 are unused.
    pub const MAIR: u64 = 0x0000_0000_44ff_0400;
}

impl PteCodec for Aarch64 {
    fn largest_block(&self) -> Level {
        Level::Gib1
    }

    fn phys_limit(&self) -> u64 {
        1 << self.phys_bits.min(MOST_PHYS_BITS)
    }

    fn needs_break(&self) -> bool {
        true
    }

    /// Fetching instructions from Device memory is CONSTRAINED UNPREDICTABLE; Zircon refuses all
    /// that is not cached.
    fn supports(&self, flags: MmuFlags, cache: CachePolicy) -> bool {
        cache == CachePolicy::Cached || !flags.contains(MmuFlags::EXECUTE)
    }

    #[inline]
    fn encode(&self, leaf: Leaf, level: Level) -> u64 {
        let executes =
            leaf.flags.contains(MmuFlags::EXECUTE) && self.supports(leaf.flags, leaf.cache);
        let mut bits = Bits::USER | Bits::NOT_GLOBAL | Bits::KERNEL_NO_EXECUTE;
        bits.set(Bits::READ_ONLY, !leaf.flags.contains(MmuFlags::WRITE));
        bits.set(Bits::USER_NO_EXECUTE, !executes);
        entry(leaf.phys, level, leaf.cache, bits)
    }

    fn encode_kernel(
        &self,
        phys: PhysAddr,
        level: Level,
        access: KernelAccess,
        cache: CachePolicy,
    ) -> u64 {
        let bits = match access {
            KernelAccess::Read => Bits::READ_ONLY | Bits::KERNEL_NO_EXECUTE,
            KernelAccess::Write => Bits::KERNEL_NO_EXECUTE,
            KernelAccess::Execute => Bits::READ_ONLY,
        };
        entry(phys, level, cache, bits | Bits::USER_NO_EXECUTE)
    }

    fn encode_table(&self, table: PhysAddr) -> u64 {
        (table.raw() & ADDRESS) | (Bits::VALID | Bits::TABLE_OR_PAGE).bits()
    }

    fn with_live(&self, entry: u64, live: u64) -> u64 {
        (entry & !LIVE) | (live << LIVE_SHIFT & LIVE)
    }

    fn live(&self, entry: u64) -> u64 {
        (entry & LIVE) >> LIVE_SHIFT
    }

    fn table(&self, entry: u64, level: Level) -> Option<PhysAddr> {
        let table = (Bits::VALID | Bits::TABLE_OR_PAGE).bits();
        (entry & table == table && level != Level::Kib4).then_some(PhysAddr::new(entry & ADDRESS))
    }

    fn decode(&self, entry: u64, level: Level) -> Entry {
        let bits = Bits::from_bits_retain(entry);
        if !bits.contains(Bits::VALID) {
            return Entry::Empty;
        }
        if let Some(table) = self.table(entry, level) {
            return Entry::Table(table);
        }
        match (level, bits.contains(Bits::TABLE_OR_PAGE)) {
            // Reserved encodings, which the hardware takes as invalid.
            (Level::Kib4, false) | (Level::Gib512, _) => Entry::Empty,
            _ => Entry::Leaf(leaf(entry, level)),
        }
    }

    fn is_same(&self, one: u64, other: u64) -> bool {
        one == other
    }
}

fn entry(phys: PhysAddr, level: Level, cache: CachePolicy, bits: Bits) -> u64 {
    let (attribute, shareable) = match cache {
        CachePolicy::Cached => (NORMAL_CACHED, Bits::INNER_SHAREABLE),
        CachePolicy::Uncached => (DEVICE_NGNRNE, Bits::empty()),
        CachePolicy::UncachedDevice => (DEVICE_NGNRE, Bits::empty()),
        CachePolicy::WriteCombining => (NORMAL_UNCACHED, Bits::INNER_SHAREABLE),
    };
    let kind = if level == Level::Kib4 {
        Bits::TABLE_OR_PAGE
    } else {
        Bits::empty()
    };
    let address = phys.raw() & ADDRESS & !(level.bytes() - 1);
    address
        | (attribute << ATTRIBUTE_SHIFT)
        | (Bits::VALID | Bits::ACCESSED | kind | shareable | bits).bits()
}

fn leaf(entry: u64, level: Level) -> Leaf {
    let bits = Bits::from_bits_retain(entry);
    let mut flags = MmuFlags::READ;
    flags.set(MmuFlags::WRITE, !bits.contains(Bits::READ_ONLY));
    flags.set(MmuFlags::EXECUTE, !bits.contains(Bits::USER_NO_EXECUTE));
    let cache = match (entry & ATTRIBUTE_MASK) >> ATTRIBUTE_SHIFT {
        NORMAL_CACHED => CachePolicy::Cached,
        DEVICE_NGNRE => CachePolicy::UncachedDevice,
        NORMAL_UNCACHED => CachePolicy::WriteCombining,
        _ => CachePolicy::Uncached,
    };
    Leaf {
        phys: PhysAddr::new(entry & ADDRESS & !(level.bytes() - 1)),
        flags,
        cache,
    }
}
