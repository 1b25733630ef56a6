//! Page tables: the walker of `jacinth-paging` does all the work, over tables in the machine's RAM.

use crate::machine::{Machine, Ram};
use jacinth_kernel::hal::{
    AspaceId, Changed, EntryCounts, Hal, MapAttrs, MapError, Mmu, MmuFlags, NotMemory, Translation,
    read_by_page, write_by_page,
};
use jacinth_kernel::mem::{Frame, Mem, TlbFlush, Work};
use jacinth_kernel::{Access, PhysAddr, PhysRun, VirtAddr, VirtRange};
use jacinth_paging::{Fence, TableMem, TableWords, Walker, X86_64};

impl TableWords for Ram {
    fn read(&self, table: PhysAddr, index: usize) -> u64 {
        self.word(table, index)
    }

    fn write(&mut self, table: PhysAddr, index: usize, entry: u64) {
        self.set_word(table, index, entry);
    }

    fn zero_table(&mut self, table: PhysAddr) {
        self.fill_page(table);
    }

    fn publish(&mut self) {}
}

/// The tables, and the fence that knows which frames they are.
struct Tables<'a> {
    ram: &'a mut Ram,
    fence: &'a mut Fence,
}

impl TableWords for Tables<'_> {
    fn read(&self, table: PhysAddr, index: usize) -> u64 {
        self.ram.read(table, index)
    }

    fn write(&mut self, table: PhysAddr, index: usize, entry: u64) {
        self.ram.write(table, index, entry);
    }

    fn zero_table(&mut self, table: PhysAddr) {
        self.ram.zero_table(table);
    }

    fn publish(&mut self) {}
}

impl TableMem for Tables<'_> {
    // The processor walks the tables at every access: there is nothing to invalidate.
    fn break_entry(&mut self, _aspace: AspaceId, _at: VirtAddr, _bytes: u64) {}

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

impl Hal for Machine {
    fn user_page(
        &mut self,
        aspace: AspaceId,
        at: VirtAddr,
        access: Access,
    ) -> Result<Option<PhysAddr>, NotMemory> {
        let (walker, mut tables) = self.tables();
        let found = walker.find(&mut tables, aspace, at, access);
        found.map_err(|_| NotMemory)
    }

    fn read_user(
        &mut self,
        aspace: AspaceId,
        from: VirtAddr,
        to: &mut [u8],
    ) -> Result<bool, NotMemory> {
        read_by_page(self, aspace, from, to)
    }

    fn write_user(
        &mut self,
        aspace: AspaceId,
        to: VirtAddr,
        from: &[u8],
    ) -> Result<bool, NotMemory> {
        write_by_page(self, aspace, to, from)
    }
}

impl Machine {
    fn tables(&mut self) -> (Walker<X86_64>, Tables<'_>) {
        let tables = Tables {
            ram: &mut self.ram,
            fence: &mut self.fence,
        };
        (self.walker, tables)
    }
}

impl Mmu for Machine {
    fn aspace_new(&mut self, root: Frame) -> AspaceId {
        let (walker, mut tables) = self.tables();
        walker.adopt_root(&mut tables, root, 0)
    }

    fn aspace_free(&mut self, aspace: AspaceId, mem: &mut Mem) {
        self.active = self.active.filter(|active| *active != aspace);
        let (walker, mut tables) = self.tables();
        walker.free_all(&mut tables, aspace, mem);
    }

    fn map(
        &mut self,
        aspace: AspaceId,
        at: VirtAddr,
        run: PhysRun,
        attrs: MapAttrs,
        mem: &mut Mem,
    ) -> Result<EntryCounts, MapError> {
        let (walker, mut tables) = self.tables();
        walker.map(&mut tables, aspace, at, run, attrs, mem)
    }

    fn unmap(
        &mut self,
        aspace: AspaceId,
        range: VirtRange,
        work: &mut Work,
        mem: &mut Mem,
    ) -> Changed {
        let (walker, mut tables) = self.tables();
        walker.unmap(&mut tables, aspace, range, work, mem)
    }

    fn protect(
        &mut self,
        aspace: AspaceId,
        range: VirtRange,
        flags: MmuFlags,
        work: &mut Work,
        mem: &mut Mem,
    ) -> Changed {
        let (walker, mut tables) = self.tables();
        walker.protect(&mut tables, aspace, (range, flags), work, mem)
    }

    fn query(&self, aspace: AspaceId, at: VirtAddr) -> Option<Translation> {
        self.walker.query(&self.ram, aspace, at)
    }

    fn flush(&mut self, _aspace: AspaceId, flush: TlbFlush, mem: &mut Mem) {
        let (walker, mut tables) = self.tables();
        walker.settle(&mut tables, flush, mem);
    }
}
