//! The machine as a value: what the kernel asks of it.

use jacinth_abi::ThreadStateKind;
use jacinth_kernel::hal::{
    AspaceId, Backing, CacheOp, CachePolicy, Changed, Console, ContextId, Contexts, Cpu, CpuId,
    CrashRegisters, EntryCounts, MapAttrs, MapError, Mmu, MmuFlags, NotMemory, NotUserState,
    PhysMem, ThreadStart, Translation,
};
use jacinth_kernel::mem::{Frame, Mem, TlbFlush, Work};
use jacinth_kernel::{Access, PAGE_SIZE, PhysAddr, PhysRun, VirtAddr, VirtRange};
use jacinth_paging::{
    Aarch64, Entry, Leaf, Level, PteCodec, TableMem, TableWords, Walker, asid_of, root_of,
};

use core::sync::atomic::Ordering;

use crate::asid::Asids;
use crate::clock::Clock;
use crate::entropy::Entropy;
use crate::layout::{HEAP, USER, pointer};
use crate::metal::devices::Devices;
use crate::metal::per_cpu::{self, PerCpu};
use crate::metal::regs::random;
use crate::metal::regs::{self, SY, TTBR0_EL1, Writeable, isb};
use crate::metal::space::KernelSpace;
use crate::metal::stale;
use crate::metal::tables::{Facts, Scope, UserTables, Words};
use crate::metal::timer;
use crate::metal::trap::{fp_load, fp_save};
use crate::metal::uart::early_console_write;
use crate::metal::{cache, context, gic, state};

/// What a machine is made of; the start code prepares it.
#[derive(Debug)]
pub struct Parts {
    /// The kernel's page tables, live.
    pub space: KernelSpace,
    /// Access to all page tables.
    pub words: Words,
    /// An empty table, for when no user space is in place.
    pub no_user: PhysAddr,
    /// What all RAM is, and what of physical memory is nobody's but the machine's.
    pub facts: Facts,
    /// The kernel's devices, mapped.
    pub devices: Devices,
    /// The first address behind the heap.
    pub heap_end: VirtAddr,
    /// Random bits from the loader, or 0.
    pub seed: u64,
}

/// An aarch64 machine.
#[derive(Debug)]
pub struct Machine {
    space: KernelSpace,
    tables: UserTables,
    walker: Walker<Aarch64>,
    no_user: PhysAddr,
    asids: Asids,
    devices: Devices,
    clock: Clock,
    heap_end: VirtAddr,
    entropy: Entropy,
}

impl Machine {
    /// Makes the machine of its parts and sets its devices up.
    ///
    /// # Safety
    /// The parts say the truth: the kernel's tables are the live ones and map all of `facts.ram`
    /// but the image in the physmap; the frames of the free RAM are handed out by one pool.
    #[must_use]
    pub unsafe fn new(parts: Parts) -> Self {
        let codec = Aarch64 {
            phys_bits: regs::phys_bits(),
        };
        gic::start(&parts.devices.gic, parts.devices.timer_irq);
        Self {
            space: parts.space,
            tables: UserTables::new(parts.words, parts.facts),
            walker: Walker::new(codec, USER),
            no_user: parts.no_user,
            asids: Asids::new(regs::asid_bits()),
            devices: parts.devices,
            clock: timer::clock(),
            heap_end: parts.heap_end,
            entropy: Entropy::new(parts.seed),
        }
    }

    /// Lets the CPU that runs this take interrupts; `prepare_cpu` came first.
    pub fn start_this_cpu(&self) {
        timer::start_cpu();
        gic::start_cpu(&self.devices.gic);
    }

    /// The number of interrupts that the controller can tell apart.
    #[must_use]
    pub fn interrupts(&self) -> u64 {
        gic::interrupts(&self.devices.gic)
    }

    /// Where the kernel sees a byte of RAM.
    #[must_use]
    pub fn physmap(&self, at: PhysAddr) -> *const u8 {
        pointer(self.tables.window(at))
    }

    /// The bytes from `at` on, if they are memory of the pool.
    fn memory(&self, at: PhysAddr, bytes: u64) -> Result<*mut u8, NotMemory> {
        let fence = self.tables.fence();
        fence.check_bytes(at, bytes).map_err(|_| NotMemory)?;
        Ok(pointer(self.tables.window(at)))
    }

    /// Where a byte of user memory is that the core copied beside before.
    #[inline(always)]
    pub(crate) fn known_user(
        &self,
        aspace: AspaceId,
        at: VirtAddr,
        access: Access,
    ) -> Option<PhysAddr> {
        self.tables.known_fence()?.find(aspace, at, access)
    }

    /// Where a byte of user memory is that the fence lets the core copy.
    pub(crate) fn find_user(
        &mut self,
        aspace: AspaceId,
        at: VirtAddr,
        access: Access,
    ) -> Result<Option<PhysAddr>, NotMemory> {
        self.walker
            .find(&mut self.tables, aspace, at, access)
            .map_err(|_| NotMemory)
    }

    /// Puts a root table and its ASID into TTBR0.
    fn set_user(&self, cpu: CpuId, table: PhysAddr, asid: u16) {
        TTBR0_EL1.set(table.raw() | (u64::from(asid) << 48));
        isb(SY);
        per_cpu::of(cpu)
            .active
            .store(table.raw(), Ordering::Relaxed);
    }

    /// Writes what the kernel cached of these frames back before a program reads past the caches:
    /// else it would see what was there before they were zeroed.
    fn expel(&self, run: PhysRun, attrs: MapAttrs) {
        let is_uncached_memory =
            attrs.backing == Backing::Memory && attrs.cache != CachePolicy::Cached;
        if is_uncached_memory && self.tables.fence().check_memory(run).is_ok() {
            cache::expel(self.tables.window(run.base), run);
        }
    }

    /// Makes instruction fetches see what became executable.
    fn publish_code(&self, run: PhysRun, attrs: MapAttrs) {
        if !attrs.flags.contains(MmuFlags::EXECUTE) || attrs.cache != CachePolicy::Cached {
            return;
        }
        match attrs.backing {
            Backing::Memory if self.tables.fence().check_memory(run).is_ok() => {
                cache::publish_code(self.tables.window(run.base), run);
            }
            Backing::Memory | Backing::Device => cache::forget_code(),
        }
    }
}

impl Contexts for Machine {
    fn context_new(&mut self, frame: Frame) -> ContextId {
        let id = ContextId(frame.address().raw());
        self.tables.fence_mut().claim(frame.address());
        // SAFETY: the frame is the machine's now.
        unsafe { context::clear(id) };
        id
    }

    fn context_free(&mut self, context: ContextId) -> Frame {
        let address = PhysAddr::new(context.0);
        self.tables.fence_mut().release(address);
        Frame::claim(address)
    }

    fn context_start(&mut self, context: ContextId, start: ThreadStart) {
        // SAFETY: the kernel names contexts that `context_new` made and that it did not free.
        unsafe { context::start(context, start) };
    }

    fn context_set_result(&mut self, context: ContextId, result: i64) {
        // SAFETY: as above; a thread in a call has its registers saved.
        unsafe { context::set_result(context, result) };
    }

    fn context_crash_registers(&self, context: ContextId) -> CrashRegisters {
        // SAFETY: as above.
        unsafe { context::crash_registers(context) }
    }

    fn context_state_bytes(&self, kind: ThreadStateKind) -> Option<usize> {
        state::bytes(kind)
    }

    fn context_read_state(&self, context: ContextId, kind: ThreadStateKind, to: &mut [u8]) {
        // SAFETY: as above; the kernel asks about threads that are on no CPU.
        unsafe { state::read(context, kind, to) };
    }

    fn context_write_state(
        &mut self,
        context: ContextId,
        kind: ThreadStateKind,
        from: &[u8],
    ) -> Result<(), NotUserState> {
        // SAFETY: as above.
        unsafe { state::write(context, kind, from) };
        Ok(())
    }

    fn context_restart_call(&mut self, context: ContextId) {
        // SAFETY: as above; a thread in a call has its registers saved.
        unsafe { state::restart_call(context) };
    }
}

impl PhysMem for Machine {
    fn zero(&mut self, run: PhysRun) -> Result<(), NotMemory> {
        self.memory(run.base, run.bytes())?;
        // SAFETY: the fence says that it is pool memory, which no Rust object lives in.
        unsafe { cache::zero(self.tables.window(run.base), run.bytes()) };
        Ok(())
    }

    fn read(&self, from: PhysAddr, to: &mut [u8]) -> Result<(), NotMemory> {
        let start = self.memory(from, bytes_of(to))?;
        // SAFETY: as in `zero`; the kernel's own buffer is somewhere else.
        unsafe { start.copy_to_nonoverlapping(to.as_mut_ptr(), to.len()) };
        Ok(())
    }

    fn write(&mut self, to: PhysAddr, from: &[u8]) -> Result<(), NotMemory> {
        let start = self.memory(to, bytes_of(from))?;
        // SAFETY: as in `read`.
        unsafe { start.copy_from_nonoverlapping(from.as_ptr(), from.len()) };
        Ok(())
    }

    fn read_word(&self, from: PhysAddr) -> Result<u32, NotMemory> {
        assert!(from.is_aligned(4), "one access reads a word");
        let start = self.memory(from, 4)?.cast::<u32>();
        // SAFETY: as in `read`, and aligned.
        Ok(unsafe { start.read_volatile() })
    }

    fn write_word(&mut self, to: PhysAddr, word: u32) -> Result<(), NotMemory> {
        assert!(to.is_aligned(4), "one access writes a word");
        let start = self.memory(to, 4)?.cast::<u32>();
        // SAFETY: as in `read_word`.
        unsafe { start.write_volatile(word) };
        Ok(())
    }

    fn copy(&mut self, to: PhysAddr, from: PhysAddr, bytes: u64) -> Result<(), NotMemory> {
        let (target, source) = (self.memory(to, bytes)?, self.memory(from, bytes)?);
        let bytes = usize::try_from(bytes).map_err(|_| NotMemory)?;
        // SAFETY: as in `zero`, on both sides; were the two to overlap, this is still right.
        unsafe { target.copy_from(source, bytes) };
        Ok(())
    }

    fn cache_op(&mut self, at: PhysAddr, bytes: u64, op: CacheOp) -> Result<(), NotMemory> {
        self.memory(at, bytes)?;
        cache::maintain(self.tables.window(at), bytes, op);
        Ok(())
    }

    fn heap_grow(&mut self, run: PhysRun) -> Result<(), PhysRun> {
        let is_ours = self.tables.fence().check_memory(run).is_ok();
        let has_room = self
            .heap_end
            .checked_add(run.bytes())
            .is_some_and(|end| end <= HEAP.end);
        if !is_ours || !has_room {
            return Err(run);
        }
        self.tables.fence_mut().claim_run(run);
        let bytes = self
            .space
            .extend(self.heap_end, run)
            .expect("nothing is mapped behind the heap");
        let at = self.heap_end;
        self.heap_end = VirtAddr::new(at.raw() + bytes);
        extend_heap(at, bytes);
        Ok(())
    }
}

impl Mmu for Machine {
    fn aspace_new(&mut self, root: Frame) -> AspaceId {
        let asid = self.asids.take();
        self.walker.adopt_root(&mut self.tables, root, asid)
    }

    fn aspace_free(&mut self, aspace: AspaceId, mem: &mut Mem) {
        let cpu = per_cpu::current_cpu();
        if per_cpu::of(cpu).active.load(Ordering::Relaxed) == root_of(aspace).raw() {
            self.set_user(cpu, self.no_user, 0);
        }
        let is_unused = |cpu: &PerCpu| cpu.active.load(Ordering::Relaxed) != root_of(aspace).raw();
        assert!(
            per_cpu::running().iter().all(is_unused),
            "no CPU uses an address space that is freed"
        );
        let all = VirtRange {
            start: USER.start,
            end: USER.end,
        };
        UserTables::invalidate(aspace, all.start, all.bytes(), Scope::AllLevels);
        self.asids.give_back(asid_of(aspace));
        self.walker.free_all(&mut self.tables, aspace, mem);
    }

    fn map(
        &mut self,
        aspace: AspaceId,
        at: VirtAddr,
        run: PhysRun,
        attrs: MapAttrs,
        mem: &mut Mem,
    ) -> Result<EntryCounts, MapError> {
        self.expel(run, attrs);
        let counts = self
            .walker
            .map(&mut self.tables, aspace, at, run, attrs, mem)?;
        self.publish_code(run, attrs);
        Ok(counts)
    }

    fn unmap(
        &mut self,
        aspace: AspaceId,
        range: VirtRange,
        work: &mut Work,
        mem: &mut Mem,
    ) -> Changed {
        self.walker
            .unmap(&mut self.tables, aspace, range, work, mem)
    }

    fn protect(
        &mut self,
        aspace: AspaceId,
        range: VirtRange,
        flags: MmuFlags,
        work: &mut Work,
        mem: &mut Mem,
    ) -> Changed {
        let changed = self
            .walker
            .protect(&mut self.tables, aspace, (range, flags), work, mem);
        if flags.contains(MmuFlags::EXECUTE) {
            self.publish_mapped_code(
                aspace,
                VirtRange {
                    start: range.start,
                    end: changed.reached,
                },
            );
        }
        changed
    }

    fn query(&self, aspace: AspaceId, at: VirtAddr) -> Option<Translation> {
        self.walker.query(&self.tables, aspace, at)
    }

    fn flush(&mut self, aspace: AspaceId, flush: TlbFlush, mem: &mut Mem) {
        if let Some(range) = flush.range {
            let scope = if flush.are_tables_unlinked() {
                Scope::AllLevels
            } else {
                Scope::LastLevel
            };
            UserTables::invalidate(aspace, range.start, range.bytes(), scope);
        }
        self.walker.settle(&mut self.tables, flush, mem);
    }
}

impl Machine {
    /// Makes instruction fetches see what is mapped in a range.
    fn publish_mapped_code(&self, aspace: AspaceId, range: VirtRange) {
        let mut at = range.start;
        while at < range.end {
            let (entry, bytes) = self.entry(aspace, at);
            if let Some(leaf) = entry {
                let run = PhysRun {
                    base: leaf.phys,
                    pages: bytes / PAGE_SIZE,
                };
                let (flags, cache) = (leaf.flags, leaf.cache);
                let backing = Backing::Memory;
                self.publish_code(
                    run,
                    MapAttrs {
                        flags,
                        cache,
                        backing,
                    },
                );
            }
            let rest = bytes - (at.raw() & (bytes - 1));
            let Some(next) = at.checked_add(rest) else {
                return;
            };
            at = next;
        }
    }

    /// The last entry on the way to an address, if it maps something, and how many bytes it covers.
    fn entry(&self, aspace: AspaceId, at: VirtAddr) -> (Option<Leaf>, u64) {
        let codec = self.walker.codec();
        let (mut table, mut level) = (root_of(aspace), Level::ROOT);
        loop {
            let word = self.tables.read(table, level.index(at.raw()));
            match codec.decode(word, level) {
                Entry::Empty => return (None, level.bytes()),
                Entry::Leaf(leaf) => return (Some(leaf), level.bytes()),
                Entry::Table(next) => table = next,
            }
            level = level.below();
        }
    }
}

impl Cpu for Machine {
    fn now(&self) -> i64 {
        self.clock.ns_at(timer::counter())
    }

    fn arm_timer(&mut self, cpu: CpuId, deadline_ns: i64) {
        // Alarms are registers of their own CPU; the kernel arms another's by kicking it.
        debug_assert_eq!(cpu, per_cpu::current_cpu(), "each CPU arms its own alarm");
        timer::arm(&self.clock, deadline_ns);
    }

    fn activate(&mut self, cpu: CpuId, aspace: AspaceId) {
        let (table, asid) = (root_of(aspace), asid_of(aspace));
        if per_cpu::of(cpu).active.load(Ordering::Relaxed) == table.raw() {
            return;
        }
        self.set_user(cpu, table, asid);
        let is_stale = stale::take(cpu, aspace);
        if is_stale || self.asids.is_shared(asid) {
            UserTables::forget_here(aspace);
        }
    }

    fn deactivate(&mut self, cpu: CpuId) {
        self.set_user(cpu, self.no_user, 0);
    }

    fn swap_fp(&mut self, _cpu: CpuId, from: Option<ContextId>, to: Option<ContextId>) {
        if let Some(from) = from {
            // SAFETY: the kernel names living contexts.
            unsafe { fp_save(from) };
        }
        if let Some(to) = to {
            // SAFETY: as above.
            unsafe { fp_load(to) };
        }
    }

    fn kick(&mut self, cpu: CpuId) {
        gic::kick(cpu);
    }

    fn exception_words(&self, code: u64, address: u64) -> [u64; 3] {
        // ESR_EL1 is told without its upper half, which the record has no room for.
        [code & u64::from(u32::MAX), address, 0]
    }

    fn entropy(&mut self) -> u64 {
        self.entropy.next(timer::counter(), random())
    }
}

impl Console for Machine {
    fn write_console(&mut self, bytes: &[u8]) {
        early_console_write(bytes);
    }
}

/// The length of a buffer.
pub(crate) fn bytes_of(buffer: &[u8]) -> u64 {
    u64::try_from(buffer.len()).unwrap_or(u64::MAX)
}

fn extend_heap(at: VirtAddr, bytes: u64) {
    unsafe extern "Rust" {
        /// Takes mapped memory behind the heap's end: defined by whoever links this crate.
        fn jacinth_heap_extend(at: VirtAddr, bytes: u64);
    }
    // SAFETY: just mapped right behind the heap, of frames that are claimed for good.
    unsafe { jacinth_heap_extend(at, bytes) };
}
