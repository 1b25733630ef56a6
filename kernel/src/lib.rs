//! The core of the Jacinth microkernel: a deterministic state machine.
//!
//! [`Kernel::enter`] takes an [`Event`] from a machine and answers with a [`Next`]: what the CPU
//! does now. Everything the core asks of the machine goes through the traits of [`hal`]. There is
//! no architecture in here, no static, no unsafe code, and no memory but what comes in.

#![no_std]
#![forbid(unsafe_code)]
#![deny(
    clippy::as_conversions,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::disallowed_methods,
    clippy::disallowed_macros
)]

extern crate alloc;
#[cfg(test)]
extern crate std;

mod addr;
pub mod audit;
pub mod boot;
mod call;
pub mod census;
mod copy;
mod crash;
mod entropy;
mod event;
pub mod hal;
mod kernel;
pub mod mem;
mod object;
mod syscall;
mod task;
mod teardown;
mod vm;

pub use addr::{PAGE_SHIFT, PAGE_SIZE, PhysAddr, PhysRun, VirtAddr, VirtRange};
pub use event::{Access, Denied, Event, MachineInfo, Next};
pub use kernel::Kernel;
pub use task::Wander;

/// What want of memory is called at the syscall edge.
pub(crate) const fn no_memory(_: mem::NoMemory) -> jacinth_abi::Status {
    jacinth_abi::Status::NO_MEMORY
}
