//! The machine as the kernel sees it.

use crate::Arch;
use crate::registers::Registers;
use crate::sim::{Context, Sim, root_table};
use crate::tables::{AnyWalker, Tables};
use jacinth_abi::{Field, FpRegsX86_64, ThreadStateKind, VectorRegsAarch64, VectorRegsX86_64};
use jacinth_kernel::hal::{
    AspaceId, CacheOp, Changed, Console, ContextId, Contexts, Cpu, CpuId, CrashRegisters,
    EntryCounts, MapAttrs, MapError, Mmu, MmuFlags, NotMemory, NotUserState, PhysMem, ThreadStart,
    Translation,
};
use jacinth_kernel::mem::{Frame, Mem, TlbFlush, Work};
use jacinth_kernel::{PhysAddr, PhysRun, VirtAddr, VirtRange};

impl Contexts for Sim {
    fn context_new(&mut self, frame: Frame) -> ContextId {
        let at = frame.address();
        assert!(
            self.fence
                .check_memory(PhysRun { base: at, pages: 1 })
                .is_ok(),
            "a context needs a frame of the pool"
        );
        self.fence.claim(at);
        self.context_serial += 1;
        let context = Context {
            start: None,
            result: 0,
            registers: Registers::new(self.config.arch),
            restarts: false,
            jumps: false,
            serial: self.context_serial,
            fp_saved: 0,
            fp_true: 0,
            vectors: [0; ThreadStateKind::MOST_BYTES],
            x87: [0; size_of::<FpRegsX86_64>()],
        };
        assert!(
            self.contexts.insert(at.raw(), context).is_none(),
            "two contexts in one frame"
        );
        ContextId(at.raw())
    }

    fn context_free(&mut self, context: ContextId) -> Frame {
        self.contexts
            .remove(&context.0)
            .expect("a context that was made");
        for processor in &mut self.processors {
            processor.fp = processor.fp.filter(|fp| *fp != context);
        }
        let at = PhysAddr::new(context.0);
        self.fence.release(at);
        Frame::claim(at)
    }

    fn context_start(&mut self, context: ContextId, start: ThreadStart) {
        let context = self.context_mut(context);
        context.start = Some(start);
        context.registers.start(start);
    }

    fn context_set_result(&mut self, context: ContextId, result: i64) {
        let context = self.context_mut(context);
        context.result = result;
        *context.registers.result() = result.cast_unsigned();
    }

    fn context_crash_registers(&self, context: ContextId) -> CrashRegisters {
        let found = self.contexts.get(&context.0);
        found.map_or_else(CrashRegisters::default, |context| context.registers.crash())
    }

    fn context_state_bytes(&self, kind: ThreadStateKind) -> Option<usize> {
        match (kind, self.config.arch) {
            (ThreadStateKind::General, arch) => Some(Registers::bytes(arch)),
            (ThreadStateKind::Vector, Arch::X86_64) => Some(size_of::<VectorRegsX86_64>()),
            (ThreadStateKind::Vector, Arch::Aarch64) => Some(size_of::<VectorRegsAarch64>()),
            (ThreadStateKind::Fp, Arch::X86_64) => Some(size_of::<FpRegsX86_64>()),
            (ThreadStateKind::FsBase | ThreadStateKind::GsBase, Arch::X86_64) => Some(8),
            _ => None,
        }
    }

    fn context_read_state(&self, context: ContextId, kind: ThreadStateKind, to: &mut [u8]) {
        let mut found = *self
            .contexts
            .get(&context.0)
            .expect("a context that was made");
        assert_eq!(
            found.fp_saved, found.fp_true,
            "FP state is saved before anybody reads registers"
        );
        to.fill(0);
        match kind {
            ThreadStateKind::General => found.registers.read(to),
            ThreadStateKind::Fp => to.copy_from_slice(&found.x87),
            ThreadStateKind::Vector => {
                to.copy_from_slice(&found.vectors[..to.len()]);
                to[self.fp_place()..][..8].copy_from_slice(&found.fp_saved.to_le_bytes());
            }
            kind => {
                if let Some(base) = found.registers.base(kind) {
                    to.copy_from_slice(&base.to_le_bytes());
                }
            }
        }
    }

    fn context_write_state(
        &mut self,
        context: ContextId,
        kind: ThreadStateKind,
        from: &[u8],
    ) -> Result<(), NotUserState> {
        let (user_end, fp_place) = (self.config.arch.user().end.raw(), self.fp_place());
        let context = self.context_mut(context);
        match kind {
            ThreadStateKind::General => {
                let before = *context.registers.pc();
                context.registers.write(from, user_end)?;
                context.jumps |= before != *context.registers.pc();
            }
            ThreadStateKind::Fp => context.x87.copy_from_slice(from),
            ThreadStateKind::Vector => {
                context.vectors[..from.len()].copy_from_slice(from);
                let state = u64::get(from.get(fp_place..).unwrap_or_default());
                (context.fp_saved, context.fp_true) = (state, state);
            }
            kind => {
                let value = u64::get(from);
                if value >= user_end {
                    return Err(NotUserState);
                }
                if let Some(base) = context.registers.base(kind) {
                    *base = value;
                }
            }
        }
        Ok(())
    }

    fn context_restart_call(&mut self, context: ContextId) {
        let context = self.context_mut(context);
        context.restarts = true;
    }
}

impl Sim {
    fn context_mut(&mut self, context: ContextId) -> &mut Context {
        self.contexts
            .get_mut(&context.0)
            .expect("a context that was made")
    }

    /// Where the FP state, which is one number, is in the vector registers.
    const fn fp_place(&self) -> usize {
        match self.config.arch {
            Arch::X86_64 => 0,
            Arch::Aarch64 => 8,
        }
    }

    pub(crate) fn tables(&mut self) -> (AnyWalker, Tables<'_>) {
        let tables = Tables {
            ram: &mut self.ram,
            processors: &mut self.processors,
            fence: &mut self.fence,
        };
        (self.walker, tables)
    }

    /// Counts the entries of an address space by looking at all of them.
    #[must_use]
    pub fn count_entries(&self, aspace: AspaceId) -> EntryCounts {
        self.walker.count(&self.ram, aspace)
    }

    /// Whether a range is memory that the kernel may copy.
    fn pool(&self, at: PhysAddr, bytes: u64) -> Result<(), NotMemory> {
        self.fence.check_bytes(at, bytes).map_err(|_| NotMemory)
    }
}

impl PhysMem for Sim {
    fn zero(&mut self, run: PhysRun) -> Result<(), NotMemory> {
        self.pool(run.base, run.bytes())?;
        self.ram
            .get_mut(run.base, run.bytes())
            .ok_or(NotMemory)?
            .fill(0);
        Ok(())
    }

    fn read(&self, from: PhysAddr, to: &mut [u8]) -> Result<(), NotMemory> {
        self.pool(from, to.len() as u64)?;
        to.copy_from_slice(self.ram.get(from, to.len() as u64).ok_or(NotMemory)?);
        Ok(())
    }

    fn write(&mut self, to: PhysAddr, from: &[u8]) -> Result<(), NotMemory> {
        self.pool(to, from.len() as u64)?;
        self.ram
            .get_mut(to, from.len() as u64)
            .ok_or(NotMemory)?
            .copy_from_slice(from);
        Ok(())
    }

    fn read_word(&self, from: PhysAddr) -> Result<u32, NotMemory> {
        assert!(from.is_aligned(4), "one access reads a word");
        let mut bytes = [0; 4];
        self.read(from, &mut bytes)?;
        Ok(u32::from_le_bytes(bytes))
    }

    fn write_word(&mut self, to: PhysAddr, word: u32) -> Result<(), NotMemory> {
        assert!(to.is_aligned(4), "one access writes a word");
        self.write(to, &word.to_le_bytes())
    }

    fn copy(&mut self, to: PhysAddr, from: PhysAddr, bytes: u64) -> Result<(), NotMemory> {
        self.pool(to, bytes)?;
        self.pool(from, bytes)?;
        let bytes = self.ram.get(from, bytes).ok_or(NotMemory)?.to_vec();
        self.ram
            .get_mut(to, bytes.len() as u64)
            .ok_or(NotMemory)?
            .copy_from_slice(&bytes);
        Ok(())
    }

    fn cache_op(&mut self, at: PhysAddr, bytes: u64, op: CacheOp) -> Result<(), NotMemory> {
        self.pool(at, bytes)?;
        self.cache_log.push((op, at, bytes));
        Ok(())
    }

    fn heap_grow(&mut self, run: PhysRun) -> Result<(), PhysRun> {
        Err(run)
    }
}

impl Mmu for Sim {
    fn aspace_new(&mut self, frame: Frame) -> AspaceId {
        let asid = match self.config.arch {
            Arch::X86_64 => 0,
            Arch::Aarch64 => self.asids.take(),
        };
        let (walker, mut tables) = self.tables();
        walker.adopt_root(&mut tables, frame, asid)
    }

    fn aspace_free(&mut self, aspace: AspaceId, mem: &mut Mem) {
        let mut running = self
            .processors
            .iter_mut()
            .filter(|processor| processor.aspace == Some(aspace));
        if let Some(here) = running.next() {
            here.aspace = None;
        }
        assert!(
            running.next().is_none(),
            "an address space is freed while another processor runs it"
        );
        let (walker, mut tables) = self.tables();
        walker.free_all(&mut tables, aspace, mem);
        for processor in &mut self.processors {
            processor.tlb.drop_aspace(aspace);
        }
        if self.config.arch == Arch::Aarch64 {
            self.asids.give(jacinth_paging::asid_of(aspace));
        }
        assert!(
            !self.fence.is_private(root_table(aspace)),
            "the root table goes back to the pool"
        );
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
        walker.map(&mut tables, aspace, (at, run), attrs, mem)
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

    fn flush(&mut self, aspace: AspaceId, flush: TlbFlush, mem: &mut Mem) {
        let forgets_tables = flush.are_tables_unlinked()
            || (self.config.arch == Arch::X86_64 && flush.range.is_some());
        for processor in &mut self.processors {
            if let Some(range) = flush.range {
                processor.tlb.drop_leaves(aspace, range);
            }
            if forgets_tables {
                processor.tlb.drop_tables(aspace);
            }
        }
        let (walker, mut tables) = self.tables();
        walker.settle(&mut tables, flush, mem);
    }
}

impl Cpu for Sim {
    fn now(&self) -> i64 {
        self.clock_ns
    }

    fn arm_timer(&mut self, cpu: CpuId, deadline_ns: i64) {
        self.processors[cpu].deadline_ns = deadline_ns;
    }

    fn activate(&mut self, cpu: CpuId, aspace: AspaceId) {
        let processor = &mut self.processors[cpu];
        if self.config.arch == Arch::X86_64 && processor.aspace != Some(aspace) {
            processor.tlb.clear();
        }
        processor.aspace = Some(aspace);
    }

    fn deactivate(&mut self, cpu: CpuId) {
        let processor = &mut self.processors[cpu];
        if self.config.arch == Arch::X86_64 {
            processor.tlb.clear();
        }
        processor.aspace = None;
    }

    fn swap_fp(&mut self, cpu: CpuId, from: Option<ContextId>, to: Option<ContextId>) {
        let processor = &mut self.processors[cpu];
        assert!(
            from.is_none() || processor.fp == from,
            "FP state of a thread that is not loaded is saved"
        );
        if let Some(from) = from {
            let context = self.contexts.get_mut(&from.0);
            let context = context.expect("FP state is saved to a context that lives");
            context.fp_saved = processor.fp_state;
        }
        let Some(to) = to else {
            return;
        };
        let saved = self.contexts.get(&to.0).map(|context| context.fp_saved);
        processor.fp_state = saved.expect("FP state of a context that lives is loaded");
        processor.fp = Some(to);
    }

    fn kick(&mut self, cpu: CpuId) {
        self.processors[cpu].kicked = true;
    }

    fn exception_words(&self, code: u64, address: u64) -> [u64; 3] {
        match self.config.arch {
            Arch::X86_64 => [code >> 32, code & u64::from(u32::MAX), address],
            Arch::Aarch64 => [code, address, 0],
        }
    }

    fn entropy(&mut self) -> u64 {
        self.random.next_u64()
    }
}

impl Console for Sim {
    fn write_console(&mut self, bytes: &[u8]) {
        self.console.push_str(&String::from_utf8_lossy(bytes));
    }
}
