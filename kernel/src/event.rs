//! What comes in from a machine, and what goes out to it.

use crate::hal::ContextId;
use crate::{PhysRun, VirtAddr, VirtRange, Wander};
use jacinth_abi::ExitCode;

/// What a user access wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// A load.
    Read,
    /// A store.
    Write,
    /// An instruction fetch.
    Execute,
}

/// What a machine tells the kernel. Every event but `Start`, `Timer` and `Kick` comes from the
/// thread that the CPU runs; its registers are already in its context block.
#[derive(Clone, Copy, Debug)]
pub enum Event<'a> {
    /// A CPU is ready for its first thread.
    Start,
    /// The thread made a system call: its number and all eight argument registers.
    Syscall {
        /// `rax`, `x16`: all 64 bits count.
        number: u64,
        /// The argument registers in order.
        args: &'a [u64; 8],
    },
    /// The thread touched memory and the page tables did not allow it.
    PageFault {
        /// The address touched, without an address tag.
        address: VirtAddr,
        /// How.
        access: Access,
        /// The architecture's code, as in [`Event::Exception`].
        code: u64,
    },
    /// The thread did something else that the hardware refused.
    Exception {
        /// The Zircon exception type (`ZX_EXCP_*`).
        kind: u32,
        /// The architecture's code: x86 vector << 32 | error code, or ESR_EL1.
        code: u64,
        /// The address concerned, 0 where there is none.
        address: u64,
    },
    /// The CPU's timer went off.
    Timer,
    /// Another CPU asked this one to look at its work.
    Kick,
}

/// What the CPU does now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// The context that trapped goes on.
    Resume,
    /// This context goes on; its address space and FP state are already in place.
    Switch(ContextId),
    /// Nothing to run: wait for an interrupt, then enter with what it was.
    Idle,
    /// Work is left that may not hold the lock for longer: give the lock up and enter again with
    /// [`Event::Kick`]. Whoever holds the lock does this; a machine's assembly never sees it.
    Again,
    /// The machine ends.
    Halt(ExitCode),
}

/// A physical range that no user may have, and why (the deny list, design §6).
#[derive(Clone, Copy, Debug)]
pub struct Denied {
    /// Whole pages.
    pub run: PhysRun,
    /// What it is, for people.
    pub why: &'static str,
}

/// What the core must know of the machine it starts on.
#[derive(Clone, Copy, Debug)]
pub struct MachineInfo<'a> {
    /// How many CPUs will enter.
    pub cpus: usize,
    /// Whether threads change CPUs without need, which is for tests.
    pub wander: Wander,
    /// Width of physical addresses in bits.
    pub phys_bits: u32,
    /// The addresses that user mappings may take.
    pub user: VirtRange,
    /// All RAM, in bytes: what the pool does not get is the kernel's own, or firmware's.
    pub ram_bytes: u64,
    /// RAM that the pool may hand out.
    pub free_ram: &'a [PhysRun],
    /// What physical VMOs and MMIO resources must never touch: all RAM, and the kernel's devices.
    pub denied: &'a [Denied],
    /// Behind the last physical address that an MMIO resource may name.
    pub mmio_end: u64,
    /// The interrupt vectors that there are: base and count.
    pub irq_span: (u64, u64),
    /// Whether the machine has I/O ports (x86_64).
    pub has_io_ports: bool,
    /// I/O ports that no user may have, as base and count: those of the kernel's own devices.
    pub denied_ports: &'static [(u64, u64)],
    /// Whether the machine has a secure monitor (aarch64).
    pub has_smc: bool,
    /// How far below the end of its stack a first thread's stack pointer starts, in bytes: 8 on
    /// x86_64, as after a `call`, else 0 (tasks.md §6).
    pub stack_bias: u64,
}
