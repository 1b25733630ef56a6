//! One page-table walker and a PTE codec per architecture.
//!
//! A machine implements [`TableMem`] over its page tables and holds a [`Walker`] with the codec of
//! its processor ([`X86_64`] or [`Aarch64`]), which then does the work of `hal::Mmu`. Its own
//! mappings it makes with a [`KernelMapper`]. The [`Fence`] is the second fence around physical
//! memory: what no user mapping and no copy may touch, whatever the core believes. [`Tags`] and
//! [`StaleTags`] are for processors whose TLB tells address spaces apart.
//! Everything here is safe code and runs on any host.

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

mod aarch64;
mod codec;
mod fence;
mod kernel_map;
mod recent;
pub mod runs;
mod table;
mod tags;
mod walker;
mod x86_64;

pub use aarch64::Aarch64;
pub use codec::{Entry, KernelAccess, Leaf, Level, PteCodec, TABLE_ENTRIES};
pub use fence::{Fence, Refused};
pub use kernel_map::{KernelMapError, KernelMapper};
pub use table::{TableMem, TableWords, asid_of, aspace_id, root_of};
pub use tags::{CpuMask, MOST_CPUS, MOST_TAGS, StaleTags, Tags};
pub use walker::Walker;
pub use x86_64::X86_64;
