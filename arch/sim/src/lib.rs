//! A simulated machine as a value: the kernel's machine in tests.
//!
//! [`Sim`] implements the traits of `jacinth_kernel::hal`: RAM as bytes with holes, page tables in
//! it in the true bits of either architecture, a TLB per processor that only a flush clears, a
//! clock that moves when told, devices that remember who touched them how, and a console that is a
//! string. It refuses what hardware refuses, and reads page tables with a walker of its own.
//! [`world`] puts a kernel and programs on it.

#![forbid(unsafe_code)]

mod access;
mod config;
mod device;
mod hal;
mod ram;
mod random;
mod registers;
mod sim;
mod tables;
mod tlb;
mod user_memory;
mod walk;
pub mod world;

pub use access::Refused;
pub use config::{Arch, Config, run};
pub use device::{Device, Touch};
pub use ram::Changes;
pub use random::Random;
pub use sim::{Description, Sim, root_table};

/// What a mapping makes of an access, in the words of the architectures' manuals.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MemoryType {
    /// Cached, write-back (x86 WB; Arm Normal, 0xFF).
    WriteBack,
    /// x86 UC.
    Uncacheable,
    /// x86 WC.
    WriteCombining,
    /// Arm Device-nGnRnE.
    DeviceNGnRnE,
    /// Arm Device-nGnRE.
    DeviceNGnRE,
    /// Arm Normal, non-cacheable (0x44).
    NonCacheable,
}
