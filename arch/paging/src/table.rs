//! How the walker reaches the tables.

use jacinth_kernel::PhysAddr;
use jacinth_kernel::VirtAddr;
use jacinth_kernel::hal::AspaceId;

use crate::Fence;

/// The words of page tables, as physical memory holds them.
pub trait TableWords {
    /// Reads one entry.
    fn read(&self, table: PhysAddr, index: usize) -> u64;
    /// Writes one entry in one 64-bit store.
    fn write(&mut self, table: PhysAddr, index: usize, entry: u64);
    /// Fills a whole table with zeroes; its contents were unknown.
    fn zero_table(&mut self, table: PhysAddr);
    /// Makes the writes so far visible to table walks on every CPU, before any write that comes
    /// after (Arm: DSB ISHST, and ISB for the kernel's own addresses; x86: nothing).
    fn publish(&mut self);
}

/// Page tables of user address spaces.
pub trait TableMem: TableWords {
    /// Invalidates the translations of `bytes` bytes at `at`, walk caches included, on every CPU
    /// that runs the space, and waits until that is done. The walker published before. Used where
    /// a debt is not possible: between break and make, and when `map` changes a live entry.
    fn break_entry(&mut self, aspace: AspaceId, at: VirtAddr, bytes: u64);
    /// Notes that the machine holds this frame as a table: [`Fence::claim`].
    fn claim_table(&mut self, table: PhysAddr);
    /// Notes that the frame goes back to the pool: [`Fence::release`].
    fn release_table(&mut self, table: PhysAddr);
    /// The second fence, which `map` and `find` ask.
    fn fence(&self) -> &Fence;
    /// The same, to tell it of pages that were found, and that must be forgotten.
    fn fence_mut(&mut self) -> &mut Fence;
}

const ROOT_MASK: u64 = 0x0000_ffff_ffff_f000;
const ASID_SHIFT: u32 = 48;

/// The name of the address space with this root table and this ASID (0 where there are none).
#[must_use]
pub fn aspace_id(root: PhysAddr, asid: u16) -> AspaceId {
    AspaceId((root.raw() & ROOT_MASK) | (u64::from(asid) << ASID_SHIFT))
}

/// The root table of an address space.
#[must_use]
pub const fn root_of(aspace: AspaceId) -> PhysAddr {
    PhysAddr::new(aspace.0 & ROOT_MASK)
}

/// The ASID of an address space.
#[must_use]
pub fn asid_of(aspace: AspaceId) -> u16 {
    u16::try_from(aspace.0 >> ASID_SHIFT).unwrap_or(0)
}
