//! What both sides of Jacinth's trap share: the syscall table, statuses, rights, signals and the
//! layouts of every record that crosses the boundary.
//!
//! The kernel's dispatcher, the user library's stubs, the C header and `docs/syscalls.md` all
//! follow from [`syscalls!`]; nothing else lists system calls. Values and names are Zircon's;
//! system-call numbers are Jacinth's own and private to one build.

#![no_std]
#![forbid(unsafe_code)]
#![deny(
    clippy::as_conversions,
    clippy::indexing_slicing,
    clippy::unwrap_used
)]

mod exit;
mod rights;
mod status;
mod syscalls;

pub use exit::ExitCode;
pub use rights::Rights;
pub use status::Status;
pub use syscalls::{SYSCALLS, Syscall};
