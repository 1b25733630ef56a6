//! Page tables in simulated RAM, edited by the walker that real machines use.

use crate::Arch;
use crate::config::Config;
use crate::ram::Ram;
use crate::sim::Processor;
use jacinth_kernel::hal::{
    AspaceId, Changed, EntryCounts, MapAttrs, MapError, MmuFlags, Translation,
};
use jacinth_kernel::mem::{Frame, Mem, TlbFlush, Work};
use jacinth_kernel::{Access, PAGE_SIZE, PhysAddr, PhysRun, VirtAddr, VirtRange};
use jacinth_paging::{Aarch64, Fence, Refused, TableMem, TableWords, Walker, X86_64};

/// What the walker may touch of a machine.
pub(crate) struct Tables<'a> {
    pub(crate) ram: &'a mut Ram,
    pub(crate) processors: &'a mut [Processor],
    pub(crate) fence: &'a mut Fence,
}

/// The addresses of `bytes` bytes at `start`.
pub(crate) fn range(start: u64, bytes: u64) -> VirtRange {
    VirtRange::new(VirtAddr::new(start), bytes).expect("a page or block ends within 64 bits")
}

fn word_at(table: PhysAddr, index: usize) -> PhysAddr {
    PhysAddr::new(table.raw() + 8 * index as u64)
}

impl TableWords for Ram {
    fn read(&self, table: PhysAddr, index: usize) -> u64 {
        self.word(word_at(table, index))
    }

    fn write(&mut self, table: PhysAddr, index: usize, entry: u64) {
        self.count_entry();
        self.set_word(word_at(table, index), entry);
    }

    fn zero_table(&mut self, table: PhysAddr) {
        self.get_mut(table, PAGE_SIZE)
            .expect("a table is in RAM")
            .fill(0);
    }

    fn publish(&mut self) {}
}

impl TableWords for Tables<'_> {
    fn read(&self, table: PhysAddr, index: usize) -> u64 {
        self.ram.read(table, index)
    }

    fn write(&mut self, table: PhysAddr, index: usize, entry: u64) {
        assert!(
            self.fence.is_private(table),
            "a page table at {table} that the machine does not hold"
        );
        self.ram.write(table, index, entry);
    }

    fn zero_table(&mut self, table: PhysAddr) {
        self.ram.zero_table(table);
    }

    fn publish(&mut self) {
        self.ram.publish();
    }
}

impl TableMem for Tables<'_> {
    fn break_entry(&mut self, aspace: AspaceId, at: VirtAddr, bytes: u64) {
        for processor in self.processors.iter_mut() {
            processor.tlb.drop_leaves(aspace, range(at.raw(), bytes));
            processor.tlb.drop_tables(aspace);
        }
    }

    fn claim_table(&mut self, table: PhysAddr) {
        self.fence.claim(table);
    }

    fn release_table(&mut self, table: PhysAddr) {
        self.fence.release(table);
    }

    fn fence(&self) -> &Fence {
        self.fence
    }

    fn fence_mut(&mut self) -> &mut Fence {
        self.fence
    }
}

/// The walker with the codec that the machine was given.
#[derive(Clone, Copy, Debug)]
pub(crate) enum AnyWalker {
    X86_64(Walker<X86_64>),
    Aarch64(Walker<Aarch64>),
}

macro_rules! either {
    ($any:expr, $walker:ident => $does:expr) => {
        match $any {
            AnyWalker::X86_64($walker) => $does,
            AnyWalker::Aarch64($walker) => $does,
        }
    };
}

impl AnyWalker {
    pub(crate) fn new(config: &Config) -> Self {
        let (phys_bits, user) = (config.phys_bits, config.arch.user());
        match config.arch {
            Arch::X86_64 => Self::X86_64(Walker::new(
                X86_64 {
                    gib_pages: true,
                    phys_bits,
                },
                user,
            )),
            Arch::Aarch64 => Self::Aarch64(Walker::new(Aarch64 { phys_bits }, user)),
        }
    }

    pub(crate) fn adopt_root(self, tables: &mut Tables<'_>, root: Frame, asid: u16) -> AspaceId {
        either!(self, walker => walker.adopt_root(tables, root, asid))
    }

    pub(crate) fn free_all(self, tables: &mut Tables<'_>, aspace: AspaceId, mem: &mut Mem) {
        either!(self, walker => walker.free_all(tables, aspace, mem));
    }

    pub(crate) fn map(
        self,
        tables: &mut Tables<'_>,
        aspace: AspaceId,
        (at, run): (VirtAddr, PhysRun),
        attrs: MapAttrs,
        mem: &mut Mem,
    ) -> Result<EntryCounts, MapError> {
        either!(self, walker => walker.map(tables, aspace, at, run, attrs, mem))
    }

    pub(crate) fn unmap(
        self,
        tables: &mut Tables<'_>,
        aspace: AspaceId,
        range: VirtRange,
        work: &mut Work,
        mem: &mut Mem,
    ) -> Changed {
        either!(self, walker => walker.unmap(tables, aspace, range, work, mem))
    }

    pub(crate) fn protect(
        self,
        tables: &mut Tables<'_>,
        aspace: AspaceId,
        what: (VirtRange, MmuFlags),
        work: &mut Work,
        mem: &mut Mem,
    ) -> Changed {
        either!(self, walker => walker.protect(tables, aspace, what, work, mem))
    }

    pub(crate) fn find(
        self,
        tables: &mut Tables<'_>,
        aspace: AspaceId,
        (at, access): (VirtAddr, Access),
    ) -> Result<Option<PhysAddr>, Refused> {
        either!(self, walker => walker.find(tables, aspace, at, access))
    }

    pub(crate) fn query(
        self,
        tables: &impl TableWords,
        aspace: AspaceId,
        at: VirtAddr,
    ) -> Option<Translation> {
        either!(self, walker => walker.query(tables, aspace, at))
    }

    pub(crate) fn settle(self, tables: &mut Tables<'_>, flush: TlbFlush, mem: &mut Mem) {
        either!(self, walker => walker.settle(tables, flush, mem));
    }

    pub(crate) fn count(self, tables: &impl TableWords, aspace: AspaceId) -> EntryCounts {
        either!(self, walker => walker.count(tables, aspace))
    }
}
