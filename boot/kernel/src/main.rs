//! The bootable Jacinth kernel.
//!
//! The start code of the architecture (`arch`) brings the machine up, describes it in a
//! [`BootInfo`](jacinth_boot::info::BootInfo) and calls `main` on the boot CPU, on its final stack,
//! under its final page tables.
//!
//! What `crate::arch` offers, for both architectures (mostly re-exported from the machine's crate):
//! `Machine` with `fn physmap(&self, at: PhysAddr) -> *const u8`; `unsafe fn start_cpu(Next) -> !`;
//! and, usable from the first instructions on and without a lock, `fn exit(ExitCode) -> !`,
//! `fn early_console_write(&[u8])`, `fn current_cpu() -> CpuId` (0 while nothing is set up),
//! `fn frame_pointer() -> u64` (that of its caller) and `fn stack_of(address: u64) ->
//! Option<(u64, u64)>` (start and end of the mapped kernel stack that holds the address).
#![cfg_attr(target_os = "none", no_std, no_main)]

#[cfg(all(target_os = "none", target_arch = "aarch64"))]
#[path = "aarch64/mod.rs"]
mod arch;
#[cfg(all(target_os = "none", target_arch = "x86_64"))]
#[path = "x86_64/mod.rs"]
mod arch;

#[cfg(target_os = "none")]
mod bring_up;
#[cfg(target_os = "none")]
mod console;
#[cfg(target_os = "none")]
mod enter;
#[cfg(target_os = "none")]
mod heap;
#[cfg(target_os = "none")]
mod panic;
#[cfg(target_os = "none")]
mod watch;

#[cfg(target_os = "none")]
pub(crate) use bring_up::main;

/// Says how to start this program.
#[cfg(not(target_os = "none"))]
fn main() {
    println!("this program runs on a booted kernel: use ./qemu-run.sh");
}
