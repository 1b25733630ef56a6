//! Jacinth's x86_64 machine.
//!
//! A program that links this crate brings its boot CPU up in this order: `init_boot_cpu` with the
//! first instructions of Rust, so that faults are reported; then, with the memory map and the
//! firmware's tables ([`acpi`]) known, `KernelSpace::build` and `activate`, `start_boot_cpu`, and
//! `Machine::new` once there is a heap. It defines the functions that this crate calls:
//! `jacinth_enter` and, for system calls, `jacinth_syscall`, the kernel's entrances, and
//! `jacinth_heap_extend`. `start_cpu` then leaves for user mode. `wake_cpu` lets the other CPUs run start code of the program's, which calls
//! `start_other_cpu` and then goes the same way; a CPU that waits for the big lock calls `serve`.
//!
//! [`acpi`], [`smbios`], [`pcid`], [`rate`] and [`runs`] are safe code that runs anywhere; everything
//! else exists on a bare target alone.

#![cfg_attr(not(test), no_std)]

pub mod acpi;
#[cfg(all(target_os = "none", target_arch = "x86_64"))]
mod metal;
pub mod pcid;
pub mod rate;
pub use jacinth_paging::runs;
pub mod smbios;

#[cfg(all(target_os = "none", target_arch = "x86_64"))]
pub use metal::{
    BOOT_STACK_TOP, Caller, Contents, CpuStacks, Features, HEAP, Image, KERNEL_BASE, KERNEL_PORTS,
    KernelSpace, Machine, Outcome, Parts, STACK_PAGES, STACKS, StackMemory, Timing, USER, codec,
    counter, current_cpu, early_console_write, exit, features, frame_pointer, in_physmap,
    init_boot_cpu, kernel_stack_top, lapic_base, own_apic_id, serve, sleep_for_ever, stack_of,
    start_boot_cpu, start_cpu, start_other_cpu, wake_cpu,
};
