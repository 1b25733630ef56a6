//! What each CPU keeps at hand: the block that GS points at while it is in the kernel.

use core::mem::offset_of;
use core::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, AtomicUsize, Ordering};

use jacinth_kernel::hal::CpuId;
use x86_64::VirtAddr;
use x86_64::registers::model_specific::{GsBase, KernelGsBase};

use super::context::Context;
use super::stacks::{MAX_CPUS, Stack, cpu_of_stack, stack_top};

/// The block of one CPU. The first fields are atomic only because Rust wants a `Sync` static: each
/// CPU uses its own. The others are for other CPUs. A cache line each.
#[repr(C, align(64))]
pub(crate) struct PerCpu {
    /// The address of the running thread's context block.
    context: AtomicU64,
    /// The end of the kernel stack.
    kernel_stack: AtomicU64,
    /// Where the user's stack pointer waits a moment in a system call.
    user_stack: AtomicU64,
    /// The CPU's number.
    cpu: AtomicU64,
    /// Interrupts that came while the CPU idled.
    pending: AtomicU64,
    /// The root table of the address space that the CPU uses; 0 for the kernel's own. Written by
    /// the CPU itself, while it has the big lock.
    pub(crate) active: AtomicU64,
    /// Its local APIC.
    pub(crate) apic_id: AtomicU32,
    /// Whether it is asked to forget translations; see `shootdown`.
    pub(crate) is_to_forget: AtomicBool,
}

pub(crate) const CONTEXT: usize = offset_of!(PerCpu, context);
pub(crate) const KERNEL_STACK: usize = offset_of!(PerCpu, kernel_stack);
pub(crate) const USER_STACK: usize = offset_of!(PerCpu, user_stack);
pub(crate) const CPU: usize = offset_of!(PerCpu, cpu);

/// The timer went off.
pub(crate) const PENDING_TIMER: u64 = 1;
/// Another CPU kicked this one.
pub(crate) const PENDING_KICK: u64 = 2;

static BLOCKS: [PerCpu; MAX_CPUS] = [const {
    PerCpu {
        context: AtomicU64::new(0),
        kernel_stack: AtomicU64::new(0),
        user_stack: AtomicU64::new(0),
        cpu: AtomicU64::new(0),
        pending: AtomicU64::new(0),
        active: AtomicU64::new(0),
        apic_id: AtomicU32::new(0),
        is_to_forget: AtomicBool::new(false),
    }
}; MAX_CPUS];

/// How many CPUs run.
static RUNNING: AtomicUsize = AtomicUsize::new(1);

/// The block of a CPU.
pub(crate) fn of(cpu: CpuId) -> &'static PerCpu {
    &BLOCKS[cpu]
}

/// How many CPUs run: those with lower numbers do.
pub(crate) fn running() -> usize {
    RUNNING.load(Ordering::Relaxed)
}

/// Notes that one more CPU runs.
pub(crate) fn note_running(cpu: CpuId) {
    RUNNING.store(cpu + 1, Ordering::Relaxed);
}

/// The number of the CPU that runs this, found by its stack so that it works at any time; 0 on no known stack.
#[must_use]
pub fn current_cpu() -> CpuId {
    let local = 0_u8;
    cpu_of_stack(&raw const local as u64).unwrap_or(0)
}

/// Points GS at the block of this CPU.
pub(crate) fn init(cpu: CpuId) {
    let block = &BLOCKS[cpu];
    let stack = stack_top(cpu, Stack::Kernel);
    block.kernel_stack.store(stack.raw(), Ordering::Relaxed);
    block.cpu.store(cpu as u64, Ordering::Relaxed);
    GsBase::write(VirtAddr::from_ptr(block));
    KernelGsBase::write(VirtAddr::zero());
}

/// Notes the context that runs next.
pub(crate) fn set_context(cpu: CpuId, context: *mut Context) {
    BLOCKS[cpu].context.store(context as u64, Ordering::Relaxed);
}

/// The context that ran last.
pub(crate) fn context(cpu: CpuId) -> *mut Context {
    BLOCKS[cpu].context.load(Ordering::Relaxed) as *mut Context
}

/// Notes an interrupt that came while the CPU idled.
pub(crate) fn add_pending(cpu: CpuId, what: u64) {
    BLOCKS[cpu].pending.fetch_or(what, Ordering::Relaxed);
}

/// Takes what came while the CPU idled.
pub(crate) fn take_pending(cpu: CpuId) -> u64 {
    BLOCKS[cpu].pending.swap(0, Ordering::Relaxed)
}
