//! Jacinth's aarch64 machine: QEMU's `virt` and what is like it.
//!
//! [`Machine`] is what the kernel asks things of (`jacinth_kernel::hal`). Whoever links this crate
//! brings the processor to EL1 with the MMU on, reads the [`devicetree`], makes a [`KernelSpace`]
//! and a [`Machine`], defines `jacinth_enter` and `jacinth_heap_extend`, and calls [`start_cpu`].
//! Everything that needs no processor is tested on the host; there the rest only compiles.

#![cfg_attr(not(test), no_std)]
// On a host nothing calls what only assembly or real registers lead to.
#![cfg_attr(
    not(target_os = "none"),
    expect(dead_code, reason = "the machine runs on the bare target only")
)]

extern crate alloc;

mod asid;
mod cache;
mod context;
mod devices;
pub mod devicetree;
mod entropy;
mod gic;
pub mod layout;
mod machine;
mod mmio;
mod per_cpu;
mod regs;
pub mod runs;
mod semihosting;
mod space;
mod syndrome;
mod tables;
mod timer;
#[cfg(target_os = "none")]
mod trap;
mod uart;

/// What the kernel may do with a mapping of its own.
pub use jacinth_paging::KernelAccess;

pub use devices::{DeviceWindow, Devices, Missing};
pub use machine::{Machine, Parts};
pub use per_cpu::{CpuStacks, MAX_CPUS, current_cpu};
pub use regs::phys_bits;
pub use semihosting::exit;
pub use space::{KernelSpace, Memory};
pub use tables::{Facts, MAX_PRIVATE, Words};
#[cfg(target_os = "none")]
pub use trap::{prepare_cpu, start_cpu};
pub use uart::early_console_write;
