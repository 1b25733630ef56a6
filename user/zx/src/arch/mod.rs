//! The instructions: system calls, single accesses to mapped memory, the counter.

#[cfg(target_arch = "aarch64")]
mod aarch64;
#[cfg(target_arch = "x86_64")]
mod x86_64;

#[cfg(target_arch = "aarch64")]
pub(crate) use aarch64::{load, store, syscall, ticks};
#[cfg(target_arch = "x86_64")]
pub(crate) use x86_64::{load, store, syscall, ticks};
