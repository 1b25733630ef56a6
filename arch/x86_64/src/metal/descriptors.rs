//! Segments, the task state segment and the interrupt descriptor table.

use core::cell::UnsafeCell;

use jacinth_kernel::hal::CpuId;
use x86_64::instructions::segmentation::{CS, DS, ES, SS, Segment};
use x86_64::instructions::tables::{lidt, load_tss};
use x86_64::structures::DescriptorTablePointer;
use x86_64::structures::gdt::{Descriptor, GlobalDescriptorTable, SegmentSelector};
use x86_64::structures::tss::TaskStateSegment;
use x86_64::{PrivilegeLevel, VirtAddr};

use super::stacks::{MAX_CPUS, Stack, stack_top};

/// Kernel code, as the table below and the start code's have it.
pub(crate) const KERNEL_CODE: u16 = 0x08;
const KERNEL_DATA: SegmentSelector = SegmentSelector::new(2, PrivilegeLevel::Ring0);
const NULL: SegmentSelector = SegmentSelector::new(0, PrivilegeLevel::Ring0);

/// Interrupt-stack-table slots, counted from 0 (the descriptors count from 1).
const DOUBLE_FAULT_SLOT: u8 = 0;
const NMI_SLOT: u8 = 1;
const MACHINE_CHECK_SLOT: u8 = 2;

const BREAKPOINT: usize = 3;
/// The non-maskable interrupt.
pub(crate) const NMI: usize = 2;
/// The double fault.
pub(crate) const DOUBLE_FAULT: usize = 8;
/// The machine check.
pub(crate) const MACHINE_CHECK: usize = 18;

/// Bytes from one entry stub in `trap.s` to the next.
pub(crate) const STUB_BYTES: usize = 16;
/// How many interrupt vectors there are.
pub(crate) const VECTORS: usize = 256;

/// Memory that this module writes, and the processor.
#[repr(transparent)]
struct Shared<T>(UnsafeCell<T>);

// SAFETY: each CPU writes its own element, before or between the processor's uses of it; the
// interrupt table is written once, by the boot CPU, before others start.
unsafe impl<T> Sync for Shared<T> {}

struct CpuTables {
    segments: GlobalDescriptorTable,
    task: TaskStateSegment,
}

static TABLES: [Shared<CpuTables>; MAX_CPUS] = [const {
    Shared(UnsafeCell::new(CpuTables {
        segments: GlobalDescriptorTable::new(),
        task: TaskStateSegment::new(),
    }))
}; MAX_CPUS];

/// A gate: two words (Intel SDM 3A, figure 7-8).
type Gate = [u64; 2];

static GATES: Shared<[Gate; VECTORS]> = Shared(UnsafeCell::new([[0; 2]; VECTORS]));

/// Fills the interrupt table: one gate per stub.
pub(crate) fn fill_gates(stubs: u64) {
    for vector in 0..VECTORS {
        let slot = match vector {
            DOUBLE_FAULT => Some(DOUBLE_FAULT_SLOT),
            NMI => Some(NMI_SLOT),
            MACHINE_CHECK => Some(MACHINE_CHECK_SLOT),
            _ => None,
        };
        // Only `int3` may be raised by user mode's own instruction.
        let privilege = if vector == BREAKPOINT { 3 } else { 0 };
        let gate = gate(stubs + (vector * STUB_BYTES) as u64, slot, privilege);
        // SAFETY: the boot CPU fills the table before it is used.
        let gates = unsafe { &mut *GATES.0.get() };
        gates[vector] = gate;
    }
}

const fn gate(handler: u64, slot: Option<u8>, privilege: u64) -> Gate {
    const PRESENT_INTERRUPT_GATE: u64 = 0x8e << 40;
    let stack = match slot {
        Some(slot) => slot as u64 + 1,
        None => 0,
    };
    let low = (handler & 0xffff)
        | (KERNEL_CODE as u64) << 16
        | stack << 32
        | PRESENT_INTERRUPT_GATE
        | privilege << 45
        | (handler >> 16 & 0xffff) << 48;
    [low, handler >> 32]
}

/// Loads the tables on this CPU; [`fill_gates`] came before.
pub(crate) fn load(cpu: CpuId) {
    // SAFETY: this CPU's own element, which the processor does not use yet.
    let tables = unsafe { &mut *TABLES[cpu].0.get() };
    for (slot, stack) in [
        (DOUBLE_FAULT_SLOT, Stack::DoubleFault),
        (NMI_SLOT, Stack::Nmi),
        (MACHINE_CHECK_SLOT, Stack::MachineCheck),
    ] {
        tables.task.interrupt_stack_table[usize::from(slot)] = virt(stack_top(cpu, stack).raw());
    }
    tables.task.privilege_stack_table[0] = virt(stack_top(cpu, Stack::Kernel).raw());
    // `sysret` wants user data right before user code.
    tables.segments = GlobalDescriptorTable::new();
    tables.segments.append(Descriptor::kernel_code_segment());
    tables.segments.append(Descriptor::kernel_data_segment());
    tables.segments.append(Descriptor::user_data_segment());
    tables.segments.append(Descriptor::user_code_segment());
    let task = &raw const tables.task;
    // SAFETY: the segment is in a static.
    let task = unsafe { Descriptor::tss_segment_unchecked(task) };
    let task = tables.segments.append(task);
    load_segments(&raw const tables.segments, task);
    let pointer = DescriptorTablePointer {
        limit: (size_of::<[Gate; VECTORS]>() - 1) as u16,
        base: virt(GATES.0.get() as u64),
    };
    // SAFETY: the table is a static and its gates lead to the stubs.
    unsafe { lidt(&pointer) };
}

fn load_segments(table: *const GlobalDescriptorTable, task: SegmentSelector) {
    // SAFETY: the table is in a static and is never moved or changed again but by the processor.
    let table: &'static GlobalDescriptorTable = unsafe { &*table };
    table.load();
    // SAFETY: entry 1 is 64-bit kernel code.
    unsafe { CS::set_reg(SegmentSelector(KERNEL_CODE)) };
    // SAFETY: entry 2 is kernel data.
    unsafe { SS::set_reg(KERNEL_DATA) };
    // SAFETY: data segments are not used in 64-bit mode.
    unsafe { DS::set_reg(NULL) };
    // SAFETY: as above.
    unsafe { ES::set_reg(NULL) };
    // SAFETY: the selector is that of the task state segment in this table.
    unsafe { load_tss(task) };
}

/// Makes traps from user mode push their frames so that they end at `end`.
pub(crate) fn set_trap_frame_end(cpu: CpuId, end: u64) {
    let tables = TABLES[cpu].0.get();
    // SAFETY: a place in this CPU's own element, without a reference: the structure is packed.
    let place = unsafe { &raw mut (*tables).task.privilege_stack_table[0] };
    // SAFETY: as above; the processor reads it at the next trap from user mode, not now.
    unsafe { place.write_unaligned(virt(end)) };
}

fn virt(address: u64) -> VirtAddr {
    VirtAddr::new_truncate(address)
}
