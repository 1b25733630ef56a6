//! Everything that needs the very processor.

mod cache;
mod clock;
mod context;
mod cpuid;
mod descriptors;
mod entropy;
mod exit;
mod fault;
mod features;
mod fp;
mod hpet;
mod io_apic;
mod kernel_space;
mod lapic;
mod layout;
mod machine;
mod per_cpu;
mod physmap;
mod pic;
mod pit;
mod port;
mod registers;
mod serial;
mod shootdown;
mod stacks;
mod start;
mod state;
mod trap;
mod user_bases;
mod user_memory;

pub use clock::read_tsc as counter;
pub use cpuid::{Features, features};
pub use exit::exit;
pub use fault::frame_pointer;
pub use kernel_space::{Contents, Image, KernelSpace};
pub use lapic::lapic_base;
pub use layout::{HEAP, KERNEL_BASE, USER, in_physmap};
pub use machine::{Machine, Parts, Timing, codec};
pub use per_cpu::current_cpu;
pub use serial::early_console_write;
pub use shootdown::serve;
pub use stacks::{
    BOOT_STACK_TOP, CpuStacks, STACK_PAGES, STACKS, StackMemory, kernel_stack_top, stack_of,
};
pub use start::{
    init_boot_cpu, own_apic_id, sleep_for_ever, start_boot_cpu, start_other_cpu, wake_cpu,
};
pub use trap::{Caller, Outcome, start_cpu};

/// I/O ports of devices that are the kernel's, as base and count: no user may have them.
pub const KERNEL_PORTS: &[(u64, u64)] = &[
    pic::MASTER_PORTS,
    pic::SLAVE_PORTS,
    exit::PORTS,
    serial::PORTS,
];
