//! Entries of x86_64 page tables: 4 levels (Intel SDM vol. 3A, chapter "Paging").

use jacinth_kernel::PhysAddr;
use jacinth_kernel::hal::{CachePolicy, MmuFlags};

use crate::codec::{Entry, KernelAccess, Leaf, Level, PteCodec};

bitflags::bitflags! {
    /// The bits of an entry.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    struct Bits: u64 {
        /// P: the entry is valid.
        const PRESENT = 1 << 0;
        /// RW: stores are allowed.
        const WRITE = 1 << 1;
        /// US: user mode may use it.
        const USER = 1 << 2;
        /// PWT: bit 0 of the PAT index.
        const WRITE_THROUGH = 1 << 3;
        /// PCD: bit 1 of the PAT index.
        const CACHE_DISABLE = 1 << 4;
        /// A: set by the processor.
        const ACCESSED = 1 << 5;
        /// D: set by the processor.
        const DIRTY = 1 << 6;
        /// PS: a block, in the entries that can be one.
        const BLOCK = 1 << 7;
        /// PAT: bit 2 of the PAT index, in the entry of a 4 KiB page.
        const PAT_PAGE = 1 << 7;
        /// G: survives a change of address space.
        const GLOBAL = 1 << 8;
        /// PAT: bit 2 of the PAT index, in the entry of a block.
        const PAT_BLOCK = 1 << 12;
        /// NX: no instruction fetches.
        const NO_EXECUTE = 1 << 63;
    }
}

/// The addresses that any entry can hold; blocks hold fewer low bits.
const ADDRESS: u64 = 0x000f_ffff_ffff_f000;
/// Ignored in an entry that points at a table: the number of its entries that are in use.
const LIVE: u64 = 0x3ff << LIVE_SHIFT;
const LIVE_SHIFT: u32 = 52;
/// The most bits of a physical address.
const MOST_PHYS_BITS: u32 = 52;

/// The PTE codec of x86_64.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct X86_64 {
    /// Whether the processor has 1 GiB blocks (CPUID 0x8000_0001 EDX bit 26).
    pub gib_pages: bool,
    /// MAXPHYADDR (CPUID 0x8000_0008 EAX bits 7:0).
    pub phys_bits: u32,
}

impl X86_64 {
    /// What IA32_PAT (MSR 0x277) must hold on every CPU: the power-on value, but index 7 is WC.
    /// Were its PAT bit lost, a write-combining entry would become uncached, never cached.
    pub const PAT: u64 = 0x0107_0406_0007_0406;
}

impl PteCodec for X86_64 {
    fn largest_block(&self) -> Level {
        if self.gib_pages {
            Level::Gib1
        } else {
            Level::Mib2
        }
    }

    fn phys_limit(&self) -> u64 {
        1 << self.phys_bits.min(MOST_PHYS_BITS)
    }

    fn needs_break(&self) -> bool {
        false
    }

    fn supports(&self, _flags: MmuFlags, _cache: CachePolicy) -> bool {
        true
    }

    #[inline]
    fn encode(&self, leaf: Leaf, level: Level) -> u64 {
        let mut bits = Bits::USER | type_bits(leaf.cache, level);
        bits.set(Bits::WRITE, leaf.flags.contains(MmuFlags::WRITE));
        bits.set(Bits::NO_EXECUTE, !leaf.flags.contains(MmuFlags::EXECUTE));
        entry(leaf.phys, level, bits)
    }

    fn encode_kernel(
        &self,
        phys: PhysAddr,
        level: Level,
        access: KernelAccess,
        cache: CachePolicy,
    ) -> u64 {
        let access = match access {
            KernelAccess::Read => Bits::NO_EXECUTE,
            KernelAccess::Write => Bits::WRITE | Bits::NO_EXECUTE,
            KernelAccess::Execute => Bits::empty(),
        };
        entry(phys, level, Bits::GLOBAL | type_bits(cache, level) | access)
    }

    fn encode_table(&self, table: PhysAddr) -> u64 {
        (table.raw() & ADDRESS) | (Bits::PRESENT | Bits::WRITE | Bits::USER).bits()
    }

    fn with_live(&self, entry: u64, live: u64) -> u64 {
        (entry & !LIVE) | (live << LIVE_SHIFT & LIVE)
    }

    fn live(&self, entry: u64) -> u64 {
        (entry & LIVE) >> LIVE_SHIFT
    }

    fn table(&self, entry: u64, level: Level) -> Option<PhysAddr> {
        let is_table = entry & (Bits::PRESENT | Bits::BLOCK).bits() == Bits::PRESENT.bits();
        (is_table && level != Level::Kib4).then_some(PhysAddr::new(entry & ADDRESS))
    }

    fn decode(&self, entry: u64, level: Level) -> Entry {
        let bits = Bits::from_bits_retain(entry);
        if !bits.contains(Bits::PRESENT) {
            return Entry::Empty;
        }
        if let Some(table) = self.table(entry, level) {
            return Entry::Table(table);
        }
        let mut flags = MmuFlags::READ;
        flags.set(MmuFlags::WRITE, bits.contains(Bits::WRITE));
        flags.set(MmuFlags::EXECUTE, !bits.contains(Bits::NO_EXECUTE));
        let phys = PhysAddr::new(entry & ADDRESS & !(level.bytes() - 1));
        Entry::Leaf(Leaf {
            phys,
            flags,
            cache: cache_of(bits, level),
        })
    }

    fn is_same(&self, one: u64, other: u64) -> bool {
        (one ^ other) & !(Bits::ACCESSED | Bits::DIRTY).bits() == 0
    }
}

fn entry(phys: PhysAddr, level: Level, bits: Bits) -> u64 {
    let block = if level == Level::Kib4 {
        Bits::empty()
    } else {
        Bits::BLOCK
    };
    (phys.raw() & ADDRESS & !(level.bytes() - 1)) | (Bits::PRESENT | block | bits).bits()
}

/// PAT index 0 is WB, 3 is UC, 7 is WC. x86 has one uncached type.
fn type_bits(cache: CachePolicy, level: Level) -> Bits {
    let uncached = Bits::WRITE_THROUGH | Bits::CACHE_DISABLE;
    match cache {
        CachePolicy::Cached => Bits::empty(),
        CachePolicy::Uncached | CachePolicy::UncachedDevice => uncached,
        CachePolicy::WriteCombining => uncached | pat(level),
    }
}

fn cache_of(bits: Bits, level: Level) -> CachePolicy {
    if !bits.contains(Bits::CACHE_DISABLE) {
        CachePolicy::Cached
    } else if bits.contains(pat(level)) {
        CachePolicy::WriteCombining
    } else {
        CachePolicy::Uncached
    }
}

/// Where the third bit of the PAT index is: bit 7 says "block" in the entry of a block.
const fn pat(level: Level) -> Bits {
    match level {
        Level::Kib4 => Bits::PAT_PAGE,
        _ => Bits::PAT_BLOCK,
    }
}
