//! [`Machine`]: what the kernel asks of this architecture.

use core::cell::OnceCell;
use core::sync::atomic::Ordering;

use arrayvec::ArrayVec;
use jacinth_abi::ThreadStateKind;
use jacinth_kernel::hal::{
    AspaceId, CacheOp, CachePolicy, Changed, Console, ContextId, Contexts, Cpu, CpuId,
    CrashRegisters, EntryCounts, MapAttrs, MapError, Mmu, MmuFlags, NotMemory, NotUserState,
    PhysMem, ThreadStart, Translation,
};
use jacinth_kernel::mem::{Frame, Mem, TlbFlush, Work};
use jacinth_kernel::{Access, PAGE_SIZE, PhysAddr, PhysRun, VirtAddr, VirtRange};
use jacinth_paging::{
    Fence, KernelAccess, TABLE_ENTRIES, TableMem, TableWords, Walker, X86_64, root_of,
};

use super::clock::Clock;
use super::cpuid::Features;
use super::kernel_space::{KernelSpace, loaded};
use super::layout::{HEAP, USER};
use super::physmap::Tables;
use super::{
    cache, context, entropy, fp, lapic, per_cpu, physmap, serial, shootdown, state, user_bases,
};
use crate::pcid::{Pcids, root_in};
use crate::rate::Rate;
use crate::runs::RunSet;

/// What a machine is made of, once its boot CPU runs on the final page tables.
#[derive(Clone, Debug)]
pub struct Parts {
    /// The kernel's half of all address spaces.
    pub space: KernelSpace,
    /// What the processor can do.
    pub features: Features,
    /// All RAM.
    pub ram: RunSet,
    /// What the kernel keeps: image, heap, tables, and the devices that it drives.
    pub private: RunSet,
    /// How much of the heap's range is mapped, in bytes.
    pub heap_bytes: u64,
    /// Clock and timer.
    pub timing: Timing,
}

/// A clock that runs and a timer that can be armed.
#[derive(Clone, Copy, Debug)]
pub struct Timing {
    pub(crate) clock: Clock,
    pub(crate) timer_rate: Rate,
}

/// The machine.
#[derive(Debug)]
pub struct Machine {
    space: KernelSpace,
    user: UserTables,
    walker: Walker<X86_64>,
    features: Features,
    pcids: Pcids,
    heap_end: u64,
    /// Frames for tables of the heap's range that were not needed yet.
    spare_tables: ArrayVec<PhysAddr, MOST_SPARE_TABLES>,
    timing: Timing,
}

const MOST_SPARE_TABLES: usize = 64;

impl Machine {
    /// Puts the machine together. Its fence is built with the first use, which needs the heap.
    #[must_use]
    pub fn new(parts: Parts) -> Self {
        let codec = codec(parts.features);
        Self {
            space: parts.space,
            user: UserTables {
                // SAFETY: the walker names tables only, made of frames that were lent to this
                // machine and are in the fence; it writes entries of the user's half.
                words: unsafe { Tables::new() },
                ram: parts.ram,
                private: parts.private,
                fence: OnceCell::new(),
            },
            walker: Walker::new(codec, USER),
            features: parts.features,
            pcids: Pcids::new(parts.features.pcid),
            heap_end: HEAP.start.raw() + parts.heap_bytes,
            spare_tables: ArrayVec::new(),
            timing: parts.timing,
        }
    }

    /// Where RAM and the firmware's tables are seen.
    #[must_use]
    pub fn physmap(&self, at: PhysAddr) -> *const u8 {
        physmap::pointer(at)
    }

    /// Makes this CPU use the kernel's own tables.
    fn leave_aspace(&mut self, cpu: CpuId) {
        // SAFETY: in the kernel, nothing of the user's half is used.
        unsafe { self.space.activate() };
        per_cpu::of(cpu).active.store(0, Ordering::Relaxed);
    }

    /// Where a byte of user memory is that the core copied beside before.
    #[inline(always)]
    pub(super) fn known_user(
        &self,
        aspace: AspaceId,
        at: VirtAddr,
        access: Access,
    ) -> Option<PhysAddr> {
        self.user.known_fence()?.find(aspace, at, access)
    }

    /// Where a byte of user memory is that the fence lets the core copy.
    pub(super) fn find_user(
        &mut self,
        aspace: AspaceId,
        at: VirtAddr,
        access: Access,
    ) -> Result<Option<PhysAddr>, NotMemory> {
        self.walker
            .find(&mut self.user, aspace, at, access)
            .map_err(|_| NotMemory)
    }

    fn check(&self, at: PhysAddr, bytes: u64) -> Result<(), NotMemory> {
        let fence = self.user.fence();
        fence.check_bytes(at, bytes).map_err(|_| NotMemory)
    }
}

/// The codec for the processor.
#[must_use]
pub fn codec(features: Features) -> X86_64 {
    X86_64 {
        gib_pages: features.gib_pages,
        phys_bits: features.phys_bits,
    }
}

/// Page tables of users, and the fence around what they may name.
#[derive(Debug)]
struct UserTables {
    words: Tables,
    ram: RunSet,
    private: RunSet,
    fence: OnceCell<Fence>,
}

impl UserTables {
    /// The fence, if it was made.
    fn known_fence(&self) -> Option<&Fence> {
        self.fence.get()
    }

    fn fence_mut(&mut self) -> &mut Fence {
        self.fence();
        self.fence.get_mut().expect("it was just made")
    }
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
        if let Some(range) = VirtRange::new(at, bytes) {
            shootdown::forget(aspace, range);
        }
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
            Fence::new(&self.ram, &self.private).expect("the first heap holds a bit for each frame")
        })
    }
}

impl Contexts for Machine {
    fn context_new(&mut self, frame: Frame) -> ContextId {
        let at = frame.address();
        self.user.fence_mut().claim(at);
        let context = ContextId(at.raw());
        context::init(context);
        context
    }

    fn context_free(&mut self, context: ContextId) -> Frame {
        let at = PhysAddr::new(context.0);
        self.user.fence_mut().release(at);
        Frame::claim(at)
    }

    fn context_start(&mut self, context: ContextId, start: ThreadStart) {
        context::start(context, start);
    }

    fn context_set_result(&mut self, context: ContextId, result: i64) {
        context::set_result(context, result);
    }

    fn context_crash_registers(&self, context: ContextId) -> CrashRegisters {
        context::crash_registers(context)
    }

    fn context_state_bytes(&self, kind: ThreadStateKind) -> Option<usize> {
        state::bytes(kind)
    }

    fn context_read_state(&self, context: ContextId, kind: ThreadStateKind, to: &mut [u8]) {
        state::read(context, kind, to);
    }

    fn context_write_state(
        &mut self,
        context: ContextId,
        kind: ThreadStateKind,
        from: &[u8],
    ) -> Result<(), NotUserState> {
        state::write(context, kind, from)
    }

    fn context_restart_call(&mut self, context: ContextId) {
        state::restart_call(context);
    }
}

impl PhysMem for Machine {
    fn zero(&mut self, run: PhysRun) -> Result<(), NotMemory> {
        self.check(run.base, run.bytes())?;
        // SAFETY: the fence says that it is RAM, and not the machine's own.
        unsafe { physmap::zero(run.base, run.bytes()) };
        Ok(())
    }

    fn read(&self, from: PhysAddr, to: &mut [u8]) -> Result<(), NotMemory> {
        self.check(from, to.len() as u64)?;
        // SAFETY: as in `zero`.
        unsafe { physmap::read(from, to) };
        Ok(())
    }

    fn write(&mut self, to: PhysAddr, from: &[u8]) -> Result<(), NotMemory> {
        self.check(to, from.len() as u64)?;
        // SAFETY: as in `zero`.
        unsafe { physmap::write(to, from) };
        Ok(())
    }

    fn read_word(&self, from: PhysAddr) -> Result<u32, NotMemory> {
        self.check(from, 4)?;
        assert!(from.is_aligned(4), "one access reads a word");
        // SAFETY: as in `zero`, and aligned.
        Ok(unsafe { physmap::read_word(from) })
    }

    fn write_word(&mut self, to: PhysAddr, word: u32) -> Result<(), NotMemory> {
        self.check(to, 4)?;
        assert!(to.is_aligned(4), "one access writes a word");
        // SAFETY: as in `zero`, and aligned.
        unsafe { physmap::write_word(to, word) };
        Ok(())
    }

    fn copy(&mut self, to: PhysAddr, from: PhysAddr, bytes: u64) -> Result<(), NotMemory> {
        self.check(from, bytes)?;
        self.check(to, bytes)?;
        // SAFETY: as in `zero`.
        unsafe { physmap::copy(to, from, bytes) };
        Ok(())
    }

    fn cache_op(&mut self, at: PhysAddr, bytes: u64, op: CacheOp) -> Result<(), NotMemory> {
        self.check(at, bytes)?;
        cache::maintain(self.features, at, bytes, op);
        Ok(())
    }

    fn heap_grow(&mut self, run: PhysRun) -> Result<(), PhysRun> {
        self.grow(run).ok_or(run)
    }
}

unsafe extern "Rust" {
    /// Tells the kernel's heap, which the program that links this crate defines, that it has
    /// grown by `bytes` mapped bytes at `at`, its end.
    fn jacinth_heap_extend(at: VirtAddr, bytes: u64);
}

impl Machine {
    /// Maps a run behind the heap's end. Frames for tables are taken from the end of the run, and
    /// those that were not needed kept for the next time.
    fn grow(&mut self, run: PhysRun) -> Option<()> {
        // One table for each 2 MiB begun, and one above.
        let most_tables = run.pages.div_ceil(TABLE_ENTRIES as u64) + 2;
        let tables = most_tables.saturating_sub(self.spare_tables.len() as u64);
        let pages = run.pages.checked_sub(tables).filter(|&pages| pages > 0)?;
        let heap = PhysRun {
            base: run.base,
            pages,
        };
        let at = VirtAddr::new(self.heap_end);
        let end = at
            .checked_add(heap.bytes())
            .filter(|&end| end <= HEAP.end)?;
        self.check(run.base, run.bytes()).ok()?;
        if most_tables > MOST_SPARE_TABLES as u64 {
            return None;
        }
        self.user.fence_mut().claim_run(run);
        let spare = (0..tables).filter_map(|table| heap.end().checked_add(table * PAGE_SIZE));
        self.spare_tables.extend(spare);
        let how = (KernelAccess::Write, CachePolicy::Cached);
        let spare_tables = &mut self.spare_tables;
        self.space
            .map(&mut || spare_tables.pop(), at, heap, how)
            .expect("there are tables enough, and nothing is mapped behind the heap");
        self.heap_end = end.raw();
        // SAFETY: the pages were just mapped and belong to nobody else.
        unsafe { jacinth_heap_extend(at, heap.bytes()) };
        Some(())
    }
}

impl Mmu for Machine {
    fn aspace_new(&mut self, root: Frame) -> AspaceId {
        let tag = self.pcids.take();
        let aspace = self.walker.adopt_root(&mut self.user, root, tag);
        self.space.share(&mut self.user, root_of(aspace));
        aspace
    }

    fn aspace_free(&mut self, aspace: AspaceId, mem: &mut Mem) {
        if root_in(loaded()) == root_of(aspace) {
            self.leave_aspace(per_cpu::current_cpu());
        }
        let is_unused = |cpu| {
            let active = per_cpu::of(cpu).active.load(Ordering::Relaxed);
            active != root_of(aspace).raw()
        };
        assert!(
            (0..per_cpu::running()).all(is_unused),
            "no CPU uses an address space that is freed"
        );
        shootdown::end(aspace);
        self.pcids.give_back(aspace);
        self.walker.free_all(&mut self.user, aspace, mem);
    }

    fn map(
        &mut self,
        aspace: AspaceId,
        at: VirtAddr,
        run: PhysRun,
        attrs: MapAttrs,
        mem: &mut Mem,
    ) -> Result<EntryCounts, MapError> {
        self.walker.map(&mut self.user, aspace, at, run, attrs, mem)
    }

    fn unmap(
        &mut self,
        aspace: AspaceId,
        range: VirtRange,
        work: &mut Work,
        mem: &mut Mem,
    ) -> Changed {
        self.walker.unmap(&mut self.user, aspace, range, work, mem)
    }

    fn protect(
        &mut self,
        aspace: AspaceId,
        range: VirtRange,
        flags: MmuFlags,
        work: &mut Work,
        mem: &mut Mem,
    ) -> Changed {
        self.walker
            .protect(&mut self.user, aspace, (range, flags), work, mem)
    }

    fn query(&self, aspace: AspaceId, at: VirtAddr) -> Option<Translation> {
        self.walker.query(&self.user, aspace, at)
    }

    fn flush(&mut self, aspace: AspaceId, flush: TlbFlush, mem: &mut Mem) {
        if let Some(range) = flush.range {
            shootdown::forget(aspace, range);
        }
        self.walker.settle(&mut self.user, flush, mem);
    }
}

impl Cpu for Machine {
    fn now(&self) -> i64 {
        self.timing.clock.now()
    }

    fn arm_timer(&mut self, _cpu: CpuId, deadline_ns: i64) {
        let deadline = (deadline_ns != i64::MAX).then_some(deadline_ns);
        lapic::arm(deadline, &self.timing.clock, self.timing.timer_rate);
    }

    fn activate(&mut self, cpu: CpuId, aspace: AspaceId) {
        let root = root_of(aspace);
        if root_in(loaded()) != root {
            per_cpu::of(cpu).active.store(root.raw(), Ordering::Relaxed);
            // SAFETY: `aspace_new` gave every root the kernel's half.
            unsafe { shootdown::enter(cpu, aspace) };
        }
    }

    fn deactivate(&mut self, cpu: CpuId) {
        self.leave_aspace(cpu);
    }

    fn swap_fp(&mut self, _cpu: CpuId, from: Option<ContextId>, to: Option<ContextId>) {
        let bases = from.map(|from| {
            // SAFETY: the core names living contexts.
            unsafe { fp::save(context::fp_area(from)) };
            user_bases::save(from)
        });
        let Some(to) = to else {
            return;
        };
        // SAFETY: as above.
        unsafe { fp::load(context::fp_area(to)) };
        user_bases::load(to, bases);
    }

    fn kick(&mut self, cpu: CpuId) {
        let apic_id = per_cpu::of(cpu).apic_id.load(Ordering::Relaxed);
        lapic::interrupt(apic_id, lapic::KICK_VECTOR);
    }

    fn exception_words(&self, code: u64, address: u64) -> [u64; 3] {
        [code >> 32, code & u64::from(u32::MAX), address]
    }

    fn entropy(&mut self) -> u64 {
        entropy::word(self.features)
    }
}

impl Console for Machine {
    fn write_console(&mut self, bytes: &[u8]) {
        serial::early_console_write(bytes);
    }
}
