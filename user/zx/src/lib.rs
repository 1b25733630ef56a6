//! The user library: raw calls, typed wrappers, start-up.
#![cfg_attr(target_os = "none", no_std)]

mod address;
#[cfg(target_os = "none")]
mod arch;
pub mod raw;
mod seam;

pub use address::Address;
pub use seam::{Arg, Width};
#[cfg(not(target_os = "none"))]
pub use seam::{Seam, set_host};
