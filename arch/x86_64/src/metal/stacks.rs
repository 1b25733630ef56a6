//! The kernel's stacks: four per CPU, each above a page that is never mapped. The boot CPU's are in
//! the image, those of the others in a window of their own.
//!
//! There is one stack per CPU, not per thread, because a blocked system call is a value. Double
//! fault, non-maskable interrupt and machine check can come at any instruction, so each has a stack
//! of its own (Intel SDM 3A, 7.14.5).

use core::cell::UnsafeCell;
use core::mem::offset_of;
use core::ops::Range;
use core::sync::atomic::{AtomicUsize, Ordering};

use jacinth_kernel::hal::CpuId;
use jacinth_kernel::{PAGE_SIZE, VirtAddr};

use super::layout::OTHER_STACKS;
pub(crate) use crate::acpi::MAX_CPUS;

const GUARD_BYTES: usize = 4096;
/// Unoptimised code moves its large lists through many copies on the stack.
const KERNEL_BYTES: usize = 256 * 1024;
const EMERGENCY_BYTES: usize = 16 * 1024;

/// The stacks of one CPU, as they lie in memory.
#[repr(C, align(4096))]
pub struct CpuStacks {
    guard: [u8; GUARD_BYTES],
    kernel: [u8; KERNEL_BYTES],
    guard_of_double_fault: [u8; GUARD_BYTES],
    double_fault: [u8; EMERGENCY_BYTES],
    guard_of_nmi: [u8; GUARD_BYTES],
    nmi: [u8; EMERGENCY_BYTES],
    guard_of_machine_check: [u8; GUARD_BYTES],
    machine_check: [u8; EMERGENCY_BYTES],
}

/// Memory that only the processor writes, as stacks.
#[repr(transparent)]
pub struct StackMemory(UnsafeCell<CpuStacks>);

// SAFETY: nothing in Rust reads or writes the cell; it is only known by its address.
unsafe impl Sync for StackMemory {}

/// The boot CPU's stacks; the linker script gives them a part of the image of their own.
#[unsafe(link_section = ".bss.stacks")]
pub static STACKS: StackMemory = StackMemory(UnsafeCell::new(CpuStacks {
    guard: [0; GUARD_BYTES],
    kernel: [0; KERNEL_BYTES],
    guard_of_double_fault: [0; GUARD_BYTES],
    double_fault: [0; EMERGENCY_BYTES],
    guard_of_nmi: [0; GUARD_BYTES],
    nmi: [0; EMERGENCY_BYTES],
    guard_of_machine_check: [0; GUARD_BYTES],
    machine_check: [0; EMERGENCY_BYTES],
}));

/// How many frames the stacks of a CPU take that is not the boot CPU.
pub const STACK_PAGES: u64 = ((KERNEL_BYTES + 3 * EMERGENCY_BYTES) as u64) / PAGE_SIZE;

/// How many CPUs have their stacks mapped.
static MAPPED: AtomicUsize = AtomicUsize::new(1);

/// Where the kernel stack of CPU 0 ends, counted from [`STACKS`]: what start code needs.
pub const BOOT_STACK_TOP: usize = offset_of!(CpuStacks, guard_of_double_fault);

/// One of a CPU's stacks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stack {
    /// What all kernel code runs on.
    Kernel,
    /// For double faults.
    DoubleFault,
    /// For non-maskable interrupts.
    Nmi,
    /// For machine checks.
    MachineCheck,
}

impl Stack {
    const ALL: [Self; 4] = [
        Self::Kernel,
        Self::DoubleFault,
        Self::Nmi,
        Self::MachineCheck,
    ];

    /// Where the stack lies in [`CpuStacks`]; its guard page is right below.
    const fn span(self) -> Range<usize> {
        match self {
            Self::Kernel => {
                offset_of!(CpuStacks, kernel)..offset_of!(CpuStacks, guard_of_double_fault)
            }
            Self::DoubleFault => {
                offset_of!(CpuStacks, double_fault)..offset_of!(CpuStacks, guard_of_nmi)
            }
            Self::Nmi => offset_of!(CpuStacks, nmi)..offset_of!(CpuStacks, guard_of_machine_check),
            Self::MachineCheck => offset_of!(CpuStacks, machine_check)..size_of::<CpuStacks>(),
        }
    }
}

/// The first address behind a stack: where it begins to grow down from.
#[must_use]
pub(crate) fn stack_top(cpu: CpuId, stack: Stack) -> VirtAddr {
    let (_, end) = bounds(cpu, stack);
    VirtAddr::new(end)
}

/// Where the kernel stack of a CPU ends, whose stacks are mapped.
#[must_use]
pub fn kernel_stack_top(cpu: CpuId) -> u64 {
    stack_top(cpu, Stack::Kernel).raw()
}

/// Start and end of the mapped stack that holds `address`.
#[must_use]
pub fn stack_of(address: u64) -> Option<(u64, u64)> {
    let cpu = cpu_of_stack(address)?;
    if cpu >= MAPPED.load(Ordering::Relaxed) {
        return None;
    }
    mapped_stacks(cpu).find(|&(start, end)| start <= address && address < end)
}

/// The CPU whose stacks hold `address`.
#[must_use]
pub(crate) fn cpu_of_stack(address: u64) -> Option<CpuId> {
    let index = |from: u64| {
        let offset = usize::try_from(address.checked_sub(from)?).ok()?;
        Some(offset / size_of::<CpuStacks>())
    };
    if index(base()) == Some(0) {
        return Some(0);
    }
    let other = index(OTHER_STACKS)?.checked_add(1)?;
    Some(other).filter(|&cpu| cpu < MAX_CPUS)
}

/// Start and end of each stack of a CPU: all that is to be mapped of them.
pub(crate) fn mapped_stacks(cpu: CpuId) -> impl Iterator<Item = (u64, u64)> {
    Stack::ALL.into_iter().map(move |stack| bounds(cpu, stack))
}

/// Notes that so many CPUs have their stacks mapped.
pub(crate) fn note_mapped(cpus: usize) {
    MAPPED.store(cpus, Ordering::Relaxed);
}

fn bounds(cpu: CpuId, stack: Stack) -> (u64, u64) {
    let cpu_base = match cpu.checked_sub(1) {
        None => base(),
        Some(other) => OTHER_STACKS + (other * size_of::<CpuStacks>()) as u64,
    };
    let Range { start, end } = stack.span();
    (cpu_base + start as u64, cpu_base + end as u64)
}

fn base() -> u64 {
    STACKS.0.get() as u64
}

const _: () = assert!(GUARD_BYTES as u64 == PAGE_SIZE, "a guard is one page");
