//! What assembly knows of each CPU, found through TPIDR_EL1.

use core::mem::offset_of;
use core::sync::atomic::{AtomicU32, AtomicU64, AtomicUsize, Ordering};

use jacinth_kernel::hal::CpuId;

use crate::devicetree::MAX_CPUS;
use crate::metal::regs::{MPIDR_EL1, Readable, TPIDR_EL1, Writeable};

/// One CPU's block. Others read how to reach it and what it uses; the fields are atomic because that makes
/// plain shared code of it, at no cost. A cache line each.
#[repr(C, align(64))]
pub(crate) struct PerCpu {
    /// The end of its kernel stack.
    stack_top: AtomicU64,
    /// Its number.
    cpu: AtomicUsize,
    /// The end of the stack for faults of the kernel itself.
    emergency_top: AtomicU64,
    /// Its affinity (MPIDR_EL1), by which others reach it.
    affinity: AtomicU64,
    /// How a GICv2's distributor names it: one bit.
    pub(crate) gic_target: AtomicU32,
    /// The root table that TTBR0 holds; 0 is none. Written by the CPU itself, while it has the big
    /// lock.
    pub(crate) active: AtomicU64,
}

/// Offset of `stack_top`, for assembly.
pub(crate) const STACK_TOP: usize = offset_of!(PerCpu, stack_top);
/// Offset of `emergency_top`, for assembly.
pub(crate) const EMERGENCY_TOP: usize = offset_of!(PerCpu, emergency_top);

const _: () = assert!(
    offset_of!(PerCpu, cpu) == STACK_TOP + 8,
    "trap.s loads them as a pair"
);

static BLOCKS: [PerCpu; MAX_CPUS] = [const {
    PerCpu {
        stack_top: AtomicU64::new(0),
        cpu: AtomicUsize::new(0),
        emergency_top: AtomicU64::new(0),
        affinity: AtomicU64::new(0),
        gic_target: AtomicU32::new(0),
        active: AtomicU64::new(0),
    }
}; MAX_CPUS];

/// How many CPUs run: those with lower numbers do.
static RUNNING: AtomicUsize = AtomicUsize::new(1);

/// The stacks of one CPU: the first addresses behind them.
#[derive(Clone, Copy, Debug)]
pub struct CpuStacks {
    /// The stack of traps, calls and interrupts.
    pub main: u64,
    /// The stack of faults of the kernel itself.
    pub emergency: u64,
}

/// Makes the block of the CPU that runs this.
pub(crate) fn start(cpu: CpuId, stacks: CpuStacks) {
    let block = of(cpu);
    block.stack_top.store(stacks.main, Ordering::Relaxed);
    block
        .emergency_top
        .store(stacks.emergency, Ordering::Relaxed);
    block.cpu.store(cpu, Ordering::Relaxed);
    block.affinity.store(own_affinity(), Ordering::Relaxed);
    RUNNING.fetch_max(cpu + 1, Ordering::Relaxed);
    let at = core::ptr::from_ref(block).expose_provenance();
    TPIDR_EL1.set(u64::try_from(at).unwrap_or(0));
}

/// The number of the CPU that runs this; 0 while nothing is set up.
#[must_use]
pub fn current_cpu() -> CpuId {
    let at = usize::try_from(TPIDR_EL1.get()).unwrap_or(0);
    let first = core::ptr::from_ref(&BLOCKS).addr();
    at.checked_sub(first)
        .map_or(0, |offset| offset / size_of::<PerCpu>())
}

/// The affinity of the CPU that runs this: the fields of MPIDR_EL1 by which the device tree and
/// others name it.
#[must_use]
pub fn own_affinity() -> u64 {
    const AFFINITY: u64 = 0xff_00ff_ffff;
    MPIDR_EL1.get() & AFFINITY
}

/// The blocks of the CPUs that run.
pub(crate) fn running() -> &'static [PerCpu] {
    &BLOCKS[..RUNNING.load(Ordering::Relaxed)]
}

/// The affinity of a CPU that was started.
pub(crate) fn affinity(cpu: CpuId) -> u64 {
    of(cpu).affinity.load(Ordering::Relaxed)
}

/// A CPU's block.
pub(crate) fn of(cpu: CpuId) -> &'static PerCpu {
    BLOCKS
        .get(cpu)
        .expect("no more CPUs are started than there are blocks")
}
