//! What a page-table entry means, apart from its bits.

use jacinth_kernel::hal::{CachePolicy, MmuFlags};
use jacinth_kernel::{PAGE_SHIFT, PhysAddr};

/// Entries in a table, on both architectures and at every level.
pub const TABLE_ENTRIES: usize = 512;
/// log2 of the entries in a table.
const TABLE_SHIFT: u32 = 9;

/// A level of the tree, named by how much one entry covers. The manuals count in opposite
/// directions: Intel's level 1 is Arm's level 3.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// The last level: pages (x86 PTE, Arm L3).
    Kib4,
    /// Tables or 2 MiB blocks (x86 PDE, Arm L2).
    Mib2,
    /// Tables or 1 GiB blocks (x86 PDPTE, Arm L1).
    Gib1,
    /// The root: tables only (x86 PML4E, Arm L0).
    Gib512,
}

impl Level {
    /// The level of the root table.
    pub const ROOT: Self = Self::Gib512;

    /// All levels, from the root down.
    pub const ALL: [Self; 4] = [Self::Gib512, Self::Gib1, Self::Mib2, Self::Kib4];
    /// The levels whose entries can point at tables, from the root down.
    pub const WITH_TABLES: [Self; 3] = [Self::Gib512, Self::Gib1, Self::Mib2];

    /// log2 of the bytes that one entry covers.
    #[must_use]
    pub const fn shift(self) -> u32 {
        match self {
            Self::Kib4 => PAGE_SHIFT,
            Self::Mib2 => PAGE_SHIFT + TABLE_SHIFT,
            Self::Gib1 => PAGE_SHIFT + 2 * TABLE_SHIFT,
            Self::Gib512 => PAGE_SHIFT + 3 * TABLE_SHIFT,
        }
    }

    /// Bytes that one entry covers.
    #[must_use]
    pub const fn bytes(self) -> u64 {
        1_u64.wrapping_shl(self.shift())
    }

    /// The level of the tables that entries of this level point at; the last level is its own.
    #[must_use]
    pub const fn below(self) -> Self {
        match self {
            Self::Kib4 | Self::Mib2 => Self::Kib4,
            Self::Gib1 => Self::Mib2,
            Self::Gib512 => Self::Gib1,
        }
    }

    /// The index of the entry for a virtual address, in a table of this level.
    #[must_use]
    pub fn index(self, at: u64) -> usize {
        const MASK: u64 = 0x1ff;
        usize::try_from((at >> self.shift()) & MASK).unwrap_or(0)
    }
}

/// What a leaf entry of a user address space says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Leaf {
    /// Where the page or block is; aligned to its size.
    pub phys: PhysAddr,
    /// What user mode may do. READ cannot be withheld: a present entry is readable.
    pub flags: MmuFlags,
    /// The memory type.
    pub cache: CachePolicy,
}

/// What an entry is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Entry {
    /// Nothing: the hardware faults.
    Empty,
    /// The next table.
    Table(PhysAddr),
    /// A page or a block.
    Leaf(Leaf),
}

/// What the kernel may do with a mapping of its own. Never both write and execute.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KernelAccess {
    /// Loads.
    Read,
    /// Loads and stores.
    Write,
    /// Loads and instruction fetches.
    Execute,
}

/// The bits of an architecture's entries. A value, because processors differ in what they can do.
pub trait PteCodec: Copy {
    /// The largest block the processor has: [`Level::Mib2`] or [`Level::Gib1`].
    fn largest_block(&self) -> Level;
    /// The first physical address that an entry cannot name.
    fn phys_limit(&self) -> u64;
    /// Whether a live entry must be made invalid, and its translation invalidated, before a block
    /// becomes a table (Arm's break-before-make).
    fn needs_break(&self) -> bool;
    /// Whether the processor has such mappings.
    fn supports(&self, flags: MmuFlags, cache: CachePolicy) -> bool;
    /// Makes the leaf entry of a user mapping. EXECUTE is left out where it is not supported. The
    /// address is in the entry as it is: one entry and what it covers in bytes is the next in a row.
    fn encode(&self, leaf: Leaf, level: Level) -> u64;
    /// Makes the leaf entry of a kernel mapping, global in all address spaces.
    fn encode_kernel(
        &self,
        phys: PhysAddr,
        level: Level,
        access: KernelAccess,
        cache: CachePolicy,
    ) -> u64;
    /// Makes an entry that points at a table; permissions are decided by the leaf alone.
    fn encode_table(&self, table: PhysAddr) -> u64;
    /// Notes in an entry that points at a table how many entries of that table are in use, at most
    /// [`TABLE_ENTRIES`]: in bits that the hardware ignores there, so that this may be done to a
    /// live entry, and no translation changes.
    fn with_live(&self, entry: u64, live: u64) -> u64;
    /// How many entries of the table that an entry points at are in use, by [`Self::with_live`].
    fn live(&self, entry: u64) -> u64;
    /// The table that an entry points at, when it does.
    fn table(&self, entry: u64, level: Level) -> Option<PhysAddr>;
    /// Reads an entry. Of a kernel leaf, only `phys` and `cache` mean something.
    fn decode(&self, entry: u64, level: Level) -> Entry;
    /// Whether two leaf entries of one level say the same, apart from what the hardware marks.
    fn is_same(&self, one: u64, other: u64) -> bool;
}
