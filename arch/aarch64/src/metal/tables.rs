//! Page tables in physical memory: the kernel's own and those of user spaces.

use core::cell::OnceCell;

use arrayvec::ArrayVec;
use jacinth_kernel::hal::AspaceId;
use jacinth_kernel::{PAGE_SIZE, PhysAddr, PhysRun, VirtAddr};
use jacinth_paging::{Fence, TABLE_ENTRIES, TableMem, TableWords, asid_of};

use crate::layout::{Image, pointer};
use crate::metal::cache;
use crate::metal::regs::{self, ISH, ISHST, SY, dsb, isb};
use crate::metal::stale::{self, Reach};

/// The most runs that the fence is told of at the start.
pub const MAX_PRIVATE: usize = 96;

/// All RAM, and what of all physical memory the machine keeps for itself.
#[derive(Clone, Debug, Default)]
pub struct Facts {
    /// All RAM.
    pub ram: crate::runs::RunSet,
    /// Image, heap, archive and firmware's tables; the kernel's devices.
    pub private: ArrayVec<PhysRun, MAX_PRIVATE>,
}

/// The words of all tables, reached through the kernel's image and its map of RAM.
#[derive(Clone, Copy, Debug)]
pub struct Words {
    image: Image,
}

impl Words {
    /// Makes the accessor.
    ///
    /// # Safety
    /// The image is mapped where it says; tables that are elsewhere are reached only once the map
    /// of RAM is in place. Only page tables are named to it.
    pub const unsafe fn new(image: Image) -> Self {
        Self { image }
    }

    /// Where the kernel sees physical memory.
    #[must_use]
    pub fn window(&self, at: PhysAddr) -> VirtAddr {
        self.image.window(at)
    }

    fn entry(&self, table: PhysAddr, index: usize) -> *mut u64 {
        assert!(index < TABLE_ENTRIES, "a table has 512 entries");
        pointer::<u64>(self.image.window(table)).wrapping_add(index)
    }
}

impl TableWords for Words {
    fn read(&self, table: PhysAddr, index: usize) -> u64 {
        let entry = self.entry(table, index);
        // SAFETY: an entry of a table that the machine holds, by the contract of `new`; volatile,
        // because the MMU reads it too.
        unsafe { entry.read_volatile() }
    }

    fn write(&mut self, table: PhysAddr, index: usize, value: u64) {
        let entry = self.entry(table, index);
        // SAFETY: as in `read`.
        unsafe { entry.write_volatile(value) };
    }

    fn zero_table(&mut self, table: PhysAddr) {
        // SAFETY: a frame that was given for a table, by the contract of `new`.
        unsafe { cache::zero(self.image.window(table), PAGE_SIZE) };
    }

    fn publish(&mut self) {
        dsb(ISHST);
        isb(SY);
    }
}

/// Page tables of user spaces, with the fence around physical memory.
#[derive(Debug)]
pub(crate) struct UserTables {
    words: Words,
    facts: Facts,
    /// Made of the facts when it is first asked: by then there is a heap.
    fence: OnceCell<Fence>,
}

/// From this many pages on, forgetting a whole address space is the shorter way (Zircon's limit).
const MOST_PAGES: u64 = 16;
const ASID_SHIFT: u32 = 48;
const PAGE_SHIFT: u32 = 12;
/// Bits of a virtual page number in the operand of TLBI.
const PAGE_NUMBER: u64 = (1 << 44) - 1;

impl UserTables {
    pub(crate) const fn new(words: Words, facts: Facts) -> Self {
        Self {
            words,
            facts,
            fence: OnceCell::new(),
        }
    }

    /// Where the kernel sees physical memory.
    pub(crate) fn window(&self, at: PhysAddr) -> VirtAddr {
        self.words.window(at)
    }

    /// The fence, if it was made.
    pub(crate) fn known_fence(&self) -> Option<&Fence> {
        self.fence.get()
    }

    /// The fence, to change it.
    pub(crate) fn fence_mut(&mut self) -> &mut Fence {
        self.fence();
        self.fence.get_mut().expect("it was just made")
    }

    /// Forgets the translations of `bytes` bytes at `at` on every CPU that uses the space, and
    /// waits for it. Only where another one does is it broadcast; those that do not will forget all
    /// of the space before they use it again.
    pub(crate) fn invalidate(aspace: AspaceId, at: VirtAddr, bytes: u64, scope: Scope) {
        let asid = u64::from(asid_of(aspace)) << ASID_SHIFT;
        let reach = stale::note_change(aspace);
        let forget = match (reach, scope) {
            (Reach::Here, Scope::LastLevel) => regs::tlbi_vale1,
            (Reach::Here, Scope::AllLevels) => regs::tlbi_vae1,
            (Reach::Everywhere, Scope::LastLevel) => regs::tlbi_vale1is,
            (Reach::Everywhere, Scope::AllLevels) => regs::tlbi_vae1is,
        };
        dsb(ISHST);
        if bytes <= MOST_PAGES * PAGE_SIZE {
            for page in 0..bytes.div_ceil(PAGE_SIZE) {
                forget(asid | (((at.raw() >> PAGE_SHIFT) + page) & PAGE_NUMBER));
            }
        } else if reach == Reach::Here {
            regs::tlbi_aside1(asid);
        } else {
            regs::tlbi_aside1is(asid);
        }
        dsb(ISH);
        isb(SY);
    }

    /// Forgets all of an address space on this CPU.
    pub(crate) fn forget_here(aspace: AspaceId) {
        regs::tlbi_aside1(u64::from(asid_of(aspace)) << ASID_SHIFT);
        dsb(ISH);
        isb(SY);
    }
}

/// What of a walk is to be forgotten.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scope {
    /// The last entry: no table was unlinked.
    LastLevel,
    /// All of it.
    AllLevels,
}

impl TableWords for UserTables {
    fn read(&self, table: PhysAddr, index: usize) -> u64 {
        self.words.read(table, index)
    }

    fn write(&mut self, table: PhysAddr, index: usize, entry: u64) {
        self.words.write(table, index, entry);
    }

    fn zero_table(&mut self, table: PhysAddr) {
        self.words.zero_table(table);
    }

    fn publish(&mut self) {
        self.words.publish();
    }
}

impl TableMem for UserTables {
    fn break_entry(&mut self, aspace: AspaceId, at: VirtAddr, bytes: u64) {
        Self::invalidate(aspace, at, bytes, Scope::AllLevels);
    }

    fn claim_table(&mut self, table: PhysAddr) {
        self.fence_mut().claim(table);
    }

    fn release_table(&mut self, table: PhysAddr) {
        self.fence_mut().release(table);
    }

    fn fence_mut(&mut self) -> &mut Fence {
        Self::fence_mut(self)
    }

    fn fence(&self) -> &Fence {
        self.fence.get_or_init(|| {
            Fence::new(self.facts.ram.as_slice(), &self.facts.private)
                .expect("the first heap holds the fence")
        })
    }
}
