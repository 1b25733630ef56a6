//! Everything that needs the very processor.

mod cache;
mod context;
mod devices;
mod gic;
mod machine;
mod mmio;
mod per_cpu;
mod psci;
mod regs;
mod semihosting;
mod space;
mod stale;
mod state;
mod tables;
mod timer;
mod trap;
mod uart;
mod user_memory;

core::arch::global_asm!(include_str!("memory.s"));

/// What the kernel may do with a mapping of its own.
pub use jacinth_paging::KernelAccess;

pub use devices::{DeviceWindow, Devices, Missing};
pub use machine::{Machine, Parts};
pub use per_cpu::{CpuStacks, current_cpu, own_affinity};
pub use psci::cpu_on;
pub use regs::phys_bits;
pub use semihosting::exit;
pub use space::{KernelSpace, Memory};
pub use tables::{Facts, MAX_PRIVATE, Words};
pub use timer::{counter, seconds_from_now};
pub use trap::{Caller, Outcome, prepare_cpu, sleep_for_ever, start_cpu};
pub use uart::early_console_write;
