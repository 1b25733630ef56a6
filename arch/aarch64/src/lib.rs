//! Jacinth's aarch64 machine: QEMU's `virt` and what is like it.
//!
//! A program that links this crate brings the boot CPU to EL1 with the MMU on and calls
//! `prepare_cpu`, so that faults are reported; reads the [`devicetree`]; makes a `KernelSpace` and
//! puts it in place; finds its devices through a `DeviceWindow`; makes a `Machine`. It defines the
//! functions that this crate calls: `jacinth_enter` and, for system calls, `jacinth_syscall`, the
//! kernel's entrances, and `jacinth_heap_extend`. `start_cpu` then leaves for user mode. `cpu_on` lets
//! other CPUs run start code of the program's, which calls `prepare_cpu`; `Machine::start_this_cpu` and `start_cpu` follow.
//!
//! What is listed as a module here is safe code that runs anywhere and is tested on the host;
//! everything else exists on a bare target alone.

#![cfg_attr(not(test), no_std)]

pub mod asid;
pub mod clock;
pub mod devicetree;
pub mod entropy;
pub mod layout;
#[cfg(all(target_os = "none", target_arch = "aarch64"))]
mod metal;
pub use jacinth_paging::runs;
pub mod syndrome;

#[cfg(all(target_os = "none", target_arch = "aarch64"))]
pub use metal::{
    Caller, CpuStacks, DeviceWindow, Devices, Facts, KernelAccess, KernelSpace, MAX_PRIVATE,
    Machine, Memory, Missing, Outcome, Parts, Words, counter, cpu_on, current_cpu,
    early_console_write, exit, own_affinity, phys_bits, prepare_cpu, seconds_from_now,
    sleep_for_ever, start_cpu,
};
