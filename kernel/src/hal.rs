//! What the kernel asks of a machine.
//!
//! Small object-safe traits without default methods, so that a machine which forgets one does not
//! compile. Idling, halting and returning to user mode are [`Next`](crate::Next) values, not
//! methods. A machine trusts nothing it is told about physical memory: see [`Backing`].

mod by_page;

pub use by_page::{read_by_page, write_by_page};

use crate::mem::{Frame, Mem, TlbFlush, Work};
use crate::{Access, PhysAddr, PhysRun, VirtAddr, VirtRange};
use jacinth_abi::ThreadStateKind;

/// The machine as all of the core names it; one alias, so that it can become a type parameter.
pub type DynHal = dyn Hal;

/// A whole machine, and user memory as the core reaches it.
///
/// The machine may remember what it found of a page, as long as it forgets it when the page tables
/// or its fence say something else.
pub trait Hal: Contexts + PhysMem + Mmu + Cpu + Console {
    /// Where a byte of user memory is; `None` where the page tables do not allow the access. The
    /// rest of its page is behind it, until the page tables change.
    ///
    /// # Errors
    /// [`NotMemory`]: a device is mapped there.
    fn user_page(
        &mut self,
        aspace: AspaceId,
        at: VirtAddr,
        access: Access,
    ) -> Result<Option<PhysAddr>, NotMemory>;
    /// Copies bytes out of user memory; false, with nothing read, where the page tables do not
    /// allow it, and when it is not one byte or more in one page.
    ///
    /// # Errors
    /// [`NotMemory`]: a device is mapped there.
    fn read_user(
        &mut self,
        aspace: AspaceId,
        from: VirtAddr,
        to: &mut [u8],
    ) -> Result<bool, NotMemory>;
    /// Copies bytes into user memory; false, with nothing written, where the page tables do not
    /// allow it, and when it is not one byte or more in one page.
    ///
    /// # Errors
    /// [`NotMemory`]: a device is mapped there.
    fn write_user(
        &mut self,
        aspace: AspaceId,
        to: VirtAddr,
        from: &[u8],
    ) -> Result<bool, NotMemory>;
}

/// Names one CPU, counted from 0.
pub type CpuId = usize;

/// Names a thread's context block: the page where the machine keeps its registers and FP state.
///
/// Only the machine makes them; the number is its own business (a physical address on metal).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ContextId(pub u64);

/// Names an address space of the machine; the number is the machine's own business.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct AspaceId(pub u64);

/// Where a new thread begins (Zircon `zx_process_start`): all other registers are zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ThreadStart {
    /// The first instruction.
    pub entry: u64,
    /// The stack pointer, taken as it is.
    pub stack: u64,
    /// The first argument (`rdi`, `x0`).
    pub arg1: u64,
    /// The second argument (`rsi`, `x1`).
    pub arg2: u64,
}

/// The registers that a report about a thread shows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CrashRegisters {
    /// The program counter.
    pub pc: u64,
    /// The stack pointer.
    pub sp: u64,
    /// The frame pointer (`rbp`, `x29`).
    pub frame_pointer: u64,
}

/// Threads' register contexts.
pub trait Contexts {
    /// Takes a frame for a new thread's registers, all zero, in user mode, interrupts on.
    fn context_new(&mut self, frame: Frame) -> ContextId;
    /// Gives the frame of a dead thread back.
    fn context_free(&mut self, context: ContextId) -> Frame;
    /// Sets where a thread that never ran begins.
    fn context_start(&mut self, context: ContextId, start: ThreadStart);
    /// Sets the answer of the system call that the thread is in (`rax`, `x0`).
    fn context_set_result(&mut self, context: ContextId, result: i64);
    /// Reads what a crash report shows.
    fn context_crash_registers(&self, context: ContextId) -> CrashRegisters;
    /// The bytes that a part of the registers takes in the ABI's form; `None` where the
    /// architecture, or this machine, has no such part.
    fn context_state_bytes(&self, kind: ThreadStateKind) -> Option<usize>;
    /// Reads a part of the registers of a thread that is on no CPU and whose FP state was saved:
    /// as many bytes as [`context_state_bytes`](Contexts::context_state_bytes) says.
    fn context_read_state(&self, context: ContextId, kind: ThreadStateKind, to: &mut [u8]);
    /// Writes a part of the registers of such a thread; of flags only those that user mode may
    /// change. The machine must then go on with it by [`Next::Switch`](crate::Next::Switch), and its
    /// FP state must be loaded anew.
    ///
    /// # Errors
    /// [`NotUserState`], with nothing written.
    fn context_write_state(
        &mut self,
        context: ContextId,
        kind: ThreadStateKind,
        from: &[u8],
    ) -> Result<(), NotUserState>;
    /// Makes a thread that is in a system call, and has no answer yet, make it again when it goes
    /// on.
    fn context_restart_call(&mut self, context: ContextId);
}

/// The registers hold what user mode must not: an address of the kernel's half, or of none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotUserState;

/// What is done to the caches that hold a piece of memory (`ZX_VMO_OP_CACHE_*`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CacheOp {
    /// Data caches write back what they hold: a device that reads past them sees it.
    Clean,
    /// Data caches forget what they hold: the processor sees what a device wrote past them. What
    /// was stored and not written back may reach memory first: nobody gains by losing it.
    Invalidate,
    /// Both.
    CleanInvalidate,
    /// Instruction fetches see what was stored.
    Sync,
}

/// The physical address is not memory that the pool hands out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotMemory;

/// Copies to and from frames that the pool handed out: the second fence (design §6).
///
/// Every method refuses what is not pool memory, and frames that the machine itself holds (page
/// tables, contexts, heap). A range never crosses the end of its run of frames.
pub trait PhysMem {
    /// Fills whole frames with zero bytes.
    ///
    /// # Errors
    /// [`NotMemory`], with nothing written.
    fn zero(&mut self, run: PhysRun) -> Result<(), NotMemory>;
    /// Copies bytes out of memory.
    ///
    /// # Errors
    /// [`NotMemory`], with nothing read.
    fn read(&self, from: PhysAddr, to: &mut [u8]) -> Result<(), NotMemory>;
    /// Copies bytes into memory.
    ///
    /// # Errors
    /// [`NotMemory`], with nothing written.
    fn write(&mut self, to: PhysAddr, from: &[u8]) -> Result<(), NotMemory>;
    /// Reads four bytes, aligned to as much, as one access: never halves of two that were written.
    ///
    /// # Errors
    /// [`NotMemory`].
    fn read_word(&self, from: PhysAddr) -> Result<u32, NotMemory>;
    /// Writes four bytes, aligned to as much, as one access.
    ///
    /// # Errors
    /// [`NotMemory`], with nothing written.
    fn write_word(&mut self, to: PhysAddr, word: u32) -> Result<(), NotMemory>;
    /// Copies `bytes` bytes from memory to memory; the two ranges do not overlap.
    ///
    /// # Errors
    /// [`NotMemory`], with nothing written.
    fn copy(&mut self, to: PhysAddr, from: PhysAddr, bytes: u64) -> Result<(), NotMemory>;
    /// Maintains the caches for `bytes` bytes of memory; whole cache lines, so bytes beside them
    /// may be written back as well.
    ///
    /// # Errors
    /// [`NotMemory`], with nothing done.
    fn cache_op(&mut self, at: PhysAddr, bytes: u64, op: CacheOp) -> Result<(), NotMemory>;
    /// Takes frames for the kernel's own heap, for good.
    ///
    /// # Errors
    /// The run, when the machine's heap cannot grow (as on a host).
    fn heap_grow(&mut self, run: PhysRun) -> Result<(), PhysRun>;
}

bitflags::bitflags! {
    /// What a user-mode mapping allows. All of it positive; none of it means "not mapped".
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
    pub struct MmuFlags: u8 {
        /// Loads.
        const READ = 1;
        /// Stores.
        const WRITE = 2;
        /// Instruction fetches.
        const EXECUTE = 4;
    }
}

/// The memory type of a mapping (`ZX_CACHE_POLICY_*`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CachePolicy {
    /// Write-back.
    Cached,
    /// The strongest device type: x86 UC, Arm Device-nGnRnE.
    Uncached,
    /// Device memory with early write acknowledgement: x86 UC, Arm Device-nGnRE.
    UncachedDevice,
    /// x86 WC, Arm Normal non-cacheable.
    WriteCombining,
}

impl CachePolicy {
    /// The policy with this `ZX_CACHE_POLICY_*` number.
    #[must_use]
    pub const fn from_raw(raw: u32) -> Option<Self> {
        match raw {
            0 => Some(Self::Cached),
            1 => Some(Self::Uncached),
            2 => Some(Self::UncachedDevice),
            3 => Some(Self::WriteCombining),
            _ => None,
        }
    }

    /// The `ZX_CACHE_POLICY_*` number.
    #[must_use]
    pub const fn raw(self) -> u32 {
        match self {
            Self::Cached => 0,
            Self::Uncached => 1,
            Self::UncachedDevice => 2,
            Self::WriteCombining => 3,
        }
    }
}

/// What the core believes a physical range is; the machine checks it against its own records.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Backing {
    /// Frames of the pool. The machine refuses anything else, and frames it holds itself.
    Memory,
    /// A device. The machine refuses anything that touches RAM or its own registers.
    Device,
}

/// How a range is to be mapped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MapAttrs {
    /// Permissions; READ always among them.
    pub flags: MmuFlags,
    /// Memory type.
    pub cache: CachePolicy,
    /// What lies behind.
    pub backing: Backing,
}

/// Why a mapping was not made. Nothing was changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MapError {
    /// No frame for a page table.
    NoMemory,
    /// The second fence: not user addresses, or physical pages that must not be mapped so.
    Refused,
    /// Another frame is mapped in the range.
    AlreadyMapped,
    /// The architecture has no such mapping (executable and not cached, on aarch64).
    Unsupported,
}

/// How many leaf entries of each size, and how many tables, a change added or took away.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct EntryCounts {
    /// 4 KiB entries.
    pub pages_4k: i64,
    /// 2 MiB blocks.
    pub blocks_2m: i64,
    /// 1 GiB blocks.
    pub blocks_1g: i64,
    /// Page-table frames below the root.
    pub tables: i64,
}

impl EntryCounts {
    /// How many entries a change added.
    #[must_use]
    pub fn leaves(self) -> u32 {
        let leaves = self
            .pages_4k
            .wrapping_add(self.blocks_2m)
            .wrapping_add(self.blocks_1g);
        u32::try_from(leaves).unwrap_or(0)
    }

    /// Adds another change.
    pub fn add(&mut self, other: Self) {
        self.pages_4k = self.pages_4k.wrapping_add(other.pages_4k);
        self.blocks_2m = self.blocks_2m.wrapping_add(other.blocks_2m);
        self.blocks_1g = self.blocks_1g.wrapping_add(other.blocks_1g);
        self.tables = self.tables.wrapping_add(other.tables);
    }
}

/// How far an operation on a range of page tables got.
#[derive(Debug)]
#[must_use = "the flush is a debt"]
pub struct Changed {
    /// The first address that was not looked at; the end of the range when it is done. Less than
    /// that when `Work` ran out, or the machine wants the flush paid first: go on from here.
    pub reached: VirtAddr,
    /// What must be flushed before the frames behind may be used again.
    pub flush: TlbFlush,
    /// What became of the entries.
    pub counts: EntryCounts,
}

/// One translation, as the hardware would find it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Translation {
    /// The physical address of the very byte asked for.
    pub phys: PhysAddr,
    /// Permissions in user mode.
    pub flags: MmuFlags,
    /// Memory type; on x86_64 UNCACHED and UNCACHED_DEVICE are one type, reported as Uncached.
    pub cache: CachePolicy,
    /// The size of the entry in bytes: 4 KiB, 2 MiB or 1 GiB.
    pub entry_bytes: u64,
}

/// Page tables of user address spaces.
pub trait Mmu {
    /// Makes an empty address space whose root table is `root` (contents unknown on entry).
    fn aspace_new(&mut self, root: Frame) -> AspaceId;
    /// Frees an address space in which nothing is mapped; gives its frames, the root included, back
    /// to the pool. No thread runs in it any more, but the CPU that called may still have it active:
    /// the machine leaves it first.
    fn aspace_free(&mut self, aspace: AspaceId, mem: &mut Mem);
    /// Maps `run` at `at`, by the largest blocks that fit, taking frames for tables from `mem`.
    ///
    /// An entry that maps the very same frame with the same type has its permissions set;
    /// another one is an error. All or nothing: on an error every entry made is taken back.
    ///
    /// # Errors
    /// See [`MapError`].
    fn map(
        &mut self,
        aspace: AspaceId,
        at: VirtAddr,
        run: PhysRun,
        attrs: MapAttrs,
        mem: &mut Mem,
    ) -> Result<EntryCounts, MapError>;
    /// Removes the entries in `range`, splitting blocks at its ends. Where a block cannot be split
    /// for lack of memory the whole block goes (a fault brings the rest back). Spends one unit of
    /// `work` per entry written, and stops early when it is gone.
    fn unmap(
        &mut self,
        aspace: AspaceId,
        range: VirtRange,
        work: &mut Work,
        mem: &mut Mem,
    ) -> Changed;
    /// Sets the permissions of the entries that exist in `range`; what is not mapped stays so.
    /// Empty `flags` is for [`unmap`](Mmu::unmap). Splits take frames that were reserved before by
    /// the caller in `mem` (see `Mem::reserve_tables`), so this cannot fail.
    fn protect(
        &mut self,
        aspace: AspaceId,
        range: VirtRange,
        flags: MmuFlags,
        work: &mut Work,
        mem: &mut Mem,
    ) -> Changed;
    /// Looks one address up.
    fn query(&self, aspace: AspaceId, at: VirtAddr) -> Option<Translation>;
    /// Invalidates on every CPU that runs the space, then frees the table frames of the debt.
    fn flush(&mut self, aspace: AspaceId, flush: TlbFlush, mem: &mut Mem);
}

/// The processors and their clocks.
pub trait Cpu {
    /// Nanoseconds since boot, never going back.
    fn now(&self) -> i64;
    /// Arms `cpu`'s timer for an absolute time in ns; an earlier arming is forgotten.
    /// `i64::MAX` disarms.
    fn arm_timer(&mut self, cpu: CpuId, deadline_ns: i64);
    /// Makes `cpu` use an address space from the next return to user mode on.
    fn activate(&mut self, cpu: CpuId, aspace: AspaceId);
    /// Makes `cpu`, which calls, use no address space until the next `activate`: the one that it
    /// used may then be freed by any CPU.
    fn deactivate(&mut self, cpu: CpuId);
    /// Saves the FP/SIMD state of `from` and loads that of `to`, on `cpu`, which calls. Without a
    /// `to` it keeps what it holds.
    fn swap_fp(&mut self, cpu: CpuId, from: Option<ContextId>, to: Option<ContextId>);
    /// Makes another CPU enter the kernel soon ([`Event::Kick`](crate::Event::Kick)).
    fn kick(&mut self, cpu: CpuId);
    /// What an exception report tells of an event's code and address
    /// (`zx_exception_context_t.arch`).
    fn exception_words(&self, code: u64, address: u64) -> [u64; 3];
    /// 64 random bits, as good as the machine has them.
    fn entropy(&mut self) -> u64;
}

/// The kernel's text output.
pub trait Console {
    /// Writes bytes to the console, waiting for it where it must.
    fn write_console(&mut self, bytes: &[u8]);
}
