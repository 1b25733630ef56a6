//! The machine itself: its parts, and what a test may see and do from outside.

use crate::config::Config;
use crate::device::Device;
use crate::ram::Ram;
use crate::random::Random;
use crate::registers::Registers;
use crate::tables::AnyWalker;
use crate::tlb::Tlb;
use crate::walk::{self, Found, Leaf, Upper};
use crate::{Arch, MemoryType};
use jacinth_abi::{FpRegsX86_64, ThreadStateKind};
use jacinth_kernel::hal::{AspaceId, CacheOp, ContextId, CpuId, ThreadStart};
use jacinth_kernel::{Denied, MachineInfo, PhysAddr, PhysRun};
use jacinth_paging::Fence;
use std::collections::BTreeMap;

/// A processor: what it remembers and what it is set to.
#[derive(Debug)]
pub(crate) struct Processor {
    pub(crate) tlb: Tlb,
    pub(crate) aspace: Option<AspaceId>,
    pub(crate) deadline_ns: i64,
    pub(crate) fp: Option<ContextId>,
    /// Its FP state: a number that the thread which runs counts up.
    pub(crate) fp_state: u64,
    pub(crate) kicked: bool,
}

/// A thread's registers: as much of them as a simulated program has.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Context {
    pub(crate) start: Option<ThreadStart>,
    pub(crate) result: i64,
    pub(crate) registers: Registers,
    /// Whether it is to make the call that it is in again.
    pub(crate) restarts: bool,
    /// Whether it goes on somewhere else than where it was.
    pub(crate) jumps: bool,
    /// Distinguishes contexts that use one frame after each other.
    pub(crate) serial: u64,
    /// Its FP state where it was saved, and as its thread left it.
    pub(crate) fp_saved: u64,
    pub(crate) fp_true: u64,
    /// The rest of it, which no program here uses: what others wrote there.
    pub(crate) vectors: [u8; ThreadStateKind::MOST_BYTES],
    pub(crate) x87: [u8; size_of::<FpRegsX86_64>()],
}

/// How long the instruction is by which a thread makes a system call: that of aarch64, and twice
/// that of x86_64.
pub(crate) const SYSCALL_BYTES: u64 = 4;

/// A simulated machine.
#[derive(Debug)]
pub struct Sim {
    pub(crate) config: Config,
    pub(crate) ram: Ram,
    pub(crate) devices: Vec<Device>,
    pub(crate) fence: Fence,
    pub(crate) walker: AnyWalker,
    pub(crate) processors: Vec<Processor>,
    pub(crate) contexts: BTreeMap<u64, Context>,
    pub(crate) context_serial: u64,
    pub(crate) asids: Asids,
    pub(crate) clock_ns: i64,
    pub(crate) random: Random,
    pub(crate) console: String,
    /// What was asked of the caches, which are not simulated.
    pub(crate) cache_log: Vec<(CacheOp, PhysAddr, u64)>,
}

/// The address-space identifiers that are free; 0 is never used.
#[derive(Debug, Default)]
pub(crate) struct Asids {
    freed: Vec<u16>,
    last: u16,
}

impl Asids {
    pub(crate) fn take(&mut self) -> u16 {
        self.freed.pop().unwrap_or_else(|| {
            self.last = self
                .last
                .checked_add(1)
                .expect("an address-space identifier is free");
            self.last
        })
    }

    pub(crate) fn give(&mut self, asid: u16) {
        self.freed.push(asid);
    }
}

/// The root table that an address space's number names.
#[must_use]
pub const fn root_table(aspace: AspaceId) -> PhysAddr {
    jacinth_paging::root_of(aspace)
}

/// What a [`Sim`] is to the kernel, in memory that outlives the description.
#[derive(Debug)]
pub struct Description {
    free_ram: Vec<PhysRun>,
    denied: Vec<Denied>,
    config: Config,
}

impl Description {
    /// Describes the machine.
    #[must_use]
    pub fn new(config: &Config) -> Self {
        let ram = config.ram.iter().map(|run| Denied {
            run: *run,
            why: "RAM",
        });
        let devices = config.kernel_devices.iter().map(|run| Denied {
            run: *run,
            why: "the kernel's device",
        });
        Self {
            free_ram: free_ram(config),
            denied: ram.chain(devices).collect(),
            config: config.clone(),
        }
    }

    /// The form that `Kernel::new` takes.
    #[must_use]
    pub fn info(&self) -> MachineInfo<'_> {
        MachineInfo {
            cpus: self.config.cpus,
            wander: self.config.wander,
            phys_bits: self.config.phys_bits,
            user: self.config.arch.user(),
            ram_bytes: self.config.ram.iter().map(|run| run.bytes()).sum(),
            free_ram: &self.free_ram,
            denied: &self.denied,
            irq_span: (0, 256),
            mmio_end: match self.config.arch {
                Arch::X86_64 => (1 << self.config.phys_bits) - 1,
                Arch::Aarch64 => u64::MAX,
            },
            has_io_ports: self.config.arch == Arch::X86_64,
            denied_ports: match self.config.arch {
                Arch::X86_64 => Config::DENIED_PORTS,
                Arch::Aarch64 => &[],
            },
            has_smc: self.config.arch == Arch::Aarch64,
            stack_bias: match self.config.arch {
                Arch::X86_64 => 8,
                Arch::Aarch64 => 0,
            },
        }
    }
}

/// RAM without the image, which lies at the start of one run.
fn free_ram(config: &Config) -> Vec<PhysRun> {
    let image = config.image;
    let behind_image = |run: &PhysRun| {
        if run.base != image.base {
            return *run;
        }
        PhysRun {
            base: image.end(),
            pages: run.pages - image.pages,
        }
    };
    config.ram.iter().map(behind_image).collect()
}

impl Sim {
    /// Builds the machine.
    ///
    /// # Panics
    /// When the host has no memory for it.
    #[must_use]
    pub fn new(config: &Config) -> Self {
        let mut private = vec![config.image];
        private.extend(&config.kernel_devices);
        if config.is_fence_open {
            private.clear();
        }
        let processor = |_| Processor {
            tlb: Tlb::default(),
            aspace: None,
            deadline_ns: i64::MAX,
            fp: None,
            fp_state: 0,
            kicked: false,
        };
        Self {
            ram: Ram::new(&config.ram),
            devices: config.devices.iter().map(|run| Device::new(*run)).collect(),
            fence: Fence::new(&config.ram, &private)
                .expect("the host has memory for one bit a frame"),
            walker: AnyWalker::new(config),
            processors: (0..config.cpus).map(processor).collect(),
            contexts: BTreeMap::new(),
            context_serial: 0,
            asids: Asids::default(),
            clock_ns: 1_000_000,
            random: Random::new(config.seed),
            console: String::new(),
            cache_log: Vec::new(),
            config: config.clone(),
        }
    }

    /// Everything the kernel wrote to its console.
    #[must_use]
    pub fn console(&self) -> &str {
        &self.console
    }

    /// Every operation on caches since the beginning: what, from where on, how many bytes.
    #[must_use]
    pub fn cache_log(&self) -> &[(CacheOp, PhysAddr, u64)] {
        &self.cache_log
    }

    /// What the machine was made from.
    #[must_use]
    pub const fn config(&self) -> &Config {
        &self.config
    }

    /// How many frames the machine holds for itself: its image, page tables and contexts.
    #[must_use]
    pub fn private_frames(&self) -> u64 {
        self.fence.private_frames()
    }

    /// The address space that a processor runs.
    #[must_use]
    pub fn current_aspace(&self, cpu: CpuId) -> Option<AspaceId> {
        self.processors[cpu].aspace
    }

    /// The frames that hold threads' registers.
    #[must_use]
    pub fn context_frames(&self) -> Vec<PhysAddr> {
        self.contexts.keys().copied().map(PhysAddr::new).collect()
    }

    /// How a thread was started, once it was.
    #[must_use]
    pub fn start_of(&self, context: ContextId) -> Option<ThreadStart> {
        self.contexts.get(&context.0)?.start
    }

    /// What the result register of a thread holds; `None` when the thread is gone.
    #[must_use]
    pub fn result_of(&self, context: ContextId) -> Option<i64> {
        Some(self.contexts.get(&context.0)?.result)
    }

    /// Whether a thread is to make the call again that it was in; asked once.
    pub fn take_restart(&mut self, context: ContextId) -> bool {
        let context = self.contexts.get_mut(&context.0);
        context.is_some_and(|context| std::mem::take(&mut context.restarts))
    }

    /// The device that holds `at`.
    #[must_use]
    pub fn device(&self, at: PhysAddr) -> Option<&Device> {
        self.devices.iter().find(|device| device.holds(at, 1))
    }

    /// The device that holds `at`, to change its registers.
    pub fn device_mut(&mut self, at: PhysAddr) -> Option<&mut Device> {
        self.devices.iter_mut().find(|device| device.holds(at, 1))
    }

    /// Lets time pass.
    pub fn advance(&mut self, ns: i64) {
        self.clock_ns = self.clock_ns.saturating_add(ns);
    }

    /// Whether `cpu`'s timer has gone off; that disarms it.
    pub fn take_timer(&mut self, cpu: CpuId) -> bool {
        let due = self.processors[cpu].deadline_ns <= self.clock_ns;
        if due {
            self.processors[cpu].deadline_ns = i64::MAX;
        }
        due
    }

    /// Moves the clock to the next armed timer, as an idle machine does; `None` when none is armed.
    pub fn skip_to_timer(&mut self) -> Option<CpuId> {
        let next =
            (0..self.processors.len()).min_by_key(|cpu| self.processors[*cpu].deadline_ns)?;
        let deadline_ns = self.processors[next].deadline_ns;
        if deadline_ns == i64::MAX {
            return None;
        }
        self.clock_ns = self.clock_ns.max(deadline_ns);
        Some(next)
    }

    /// Uses the FP registers of a processor, as the thread that it runs does all the time.
    ///
    /// # Errors
    /// What is wrong with them.
    pub(crate) fn use_fp(&mut self, cpu: CpuId, context: ContextId) -> Result<(), String> {
        let processor = &mut self.processors[cpu];
        let Some(thread) = self.contexts.get_mut(&context.0) else {
            return Err(format!("cpu {cpu} runs a context that is gone"));
        };
        if processor.fp != Some(context) || processor.fp_state != thread.fp_true {
            return Err(format!("cpu {cpu} holds FP state that is not its thread's"));
        }
        thread.fp_true += 1;
        processor.fp_state += 1;
        // It has come some way since it began.
        if thread
            .start
            .is_some_and(|start| start.entry == *thread.registers.pc())
        {
            *thread.registers.pc() += SYSCALL_BYTES;
        }
        Ok(())
    }

    /// Whether somebody kicked `cpu` since this was last asked.
    pub fn take_kick(&mut self, cpu: CpuId) -> bool {
        std::mem::take(&mut self.processors[cpu].kicked)
    }

    /// Walks the page tables as the hardware would, past any TLB.
    pub(crate) fn walk(&self, aspace: AspaceId, at: u64) -> Option<Leaf> {
        let (arch, phys_bits) = (self.config.arch, self.config.phys_bits);
        match walk::upper(arch, phys_bits, &self.ram, root_table(aspace).raw(), at) {
            Found::Nothing => None,
            Found::Block(leaf) => Some(leaf),
            Found::Table(upper) => walk::last_level(arch, phys_bits, &self.ram, upper, at),
        }
    }

    /// What the page tables say of one address: physical address, memory type, bytes of the entry.
    #[must_use]
    pub fn translate(&self, aspace: AspaceId, at: u64) -> Option<(PhysAddr, MemoryType, u64)> {
        self.walk(aspace, at)
            .map(|leaf| (leaf.phys_of(at), leaf.memory, leaf.bytes))
    }

    /// Checks that no TLB holds more than the page tables say: that every flush was made.
    ///
    /// # Errors
    /// A description of the first stale entry.
    pub fn audit_tlbs(&self) -> Result<(), String> {
        for (cpu, processor) in self.processors.iter().enumerate() {
            for (aspace, leaf) in processor.tlb.leaves() {
                self.audit_leaf(aspace, leaf)
                    .map_err(|what| format!("cpu {cpu}: {what}"))?;
            }
            for (aspace, at, upper) in processor.tlb.tables() {
                if !self.is_table_of(aspace, at, upper) {
                    return Err(format!("cpu {cpu}: stale table {upper:x?} for {at:#x}"));
                }
            }
        }
        Ok(())
    }

    /// Whether a table that a walk cache holds is still the one that the tables lead to.
    fn is_table_of(&self, aspace: AspaceId, at: u64, upper: &Upper) -> bool {
        let (arch, phys_bits) = (self.config.arch, self.config.phys_bits);
        let root = root_table(aspace).raw();
        match walk::upper(arch, phys_bits, &self.ram, root, at) {
            Found::Table(now) => now == *upper,
            Found::Nothing | Found::Block(_) => false,
        }
    }

    fn audit_leaf(&self, aspace: AspaceId, leaf: &Leaf) -> Result<(), String> {
        let mut at = leaf.base;
        while at < leaf.base + leaf.bytes {
            let now = self.walk(aspace, at).ok_or_else(|| {
                format!("stale TLB entry {leaf:x?}: {at:#x} is not mapped any more")
            })?;
            if !leaf.is_covered_by(&now) {
                return Err(format!(
                    "stale TLB entry {leaf:x?}: the tables say {now:x?}"
                ));
            }
            at = now.base + now.bytes;
        }
        Ok(())
    }
}
