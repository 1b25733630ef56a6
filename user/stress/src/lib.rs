//! Programs that try to break the kernel: one misuses every call of the table, one does everything
//! at once for as long as it is told, and both end where they began, to the last frame and handle. One
//! changes what is mapped under threads that touch it.
//!
//! They are plain Rust against `zx`, so that they run in user mode on a booted kernel (this
//! package's program) and on a simulated machine (`tests/host`).
#![cfg_attr(target_os = "none", no_std)]
#![forbid(unsafe_code)]

extern crate alloc;

mod baseline;
pub mod kills;
pub mod misuse;
pub mod puppet;
mod random;
pub mod stale;
pub mod storm;

pub use baseline::{Baseline, settle_in};
pub use random::Random;
