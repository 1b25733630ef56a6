//! The user library: system calls, typed objects, start-up, and what a driver needs to find its
//! device.
//!
//! A program is a function that takes what the kernel gave it and answers a return code:
//!
//! ```ignore
//! #![no_std]
//! #![no_main]
//!
//! zx::main!(main);
//!
//! fn main(start: zx::Startup) -> i64 {
//!     zx::println!("hello from {} words", start.args.len());
//!     0
//! }
//! ```
//!
//! It builds with plain cargo for `x86_64-unknown-none` and `aarch64-unknown-none`: the entry
//! point, the panic handler and a heap come from here. On a host the library is the same, but its
//! calls go to a simulated machine: see [`Seam`].
//!
//! - [`Handle`], [`Vmo`], [`Vmar`], [`Resource`], [`Channel`], [`Process`], [`Thread`], [`Iommu`],
//!   [`Bti`], [`Pmt`], [`Event`], [`EventPair`], [`Exception`], [`Port`], [`Timer`]: objects.
//! - [`Region`]: mapped memory, ordinary or a device's, read and written a word at a time.
//! - [`process`]: programs from the boot archive as processes of their own.
//! - [`sys`]: every system call, safe; [`raw`]: the stubs underneath.
//! - [`acpi`], [`device_tree`], [`pci`], [`cpio`]: where things are.
#![cfg_attr(target_os = "none", no_std)]

extern crate alloc;

pub mod acpi;
mod address;
#[cfg(target_os = "none")]
mod arch;
mod bti;
mod channel;
pub mod console;
pub mod cpio;
pub mod device_tree;
mod event;
mod exception;
mod fifo;
mod futex;
mod handle;
#[cfg(all(target_os = "none", feature = "global-allocator"))]
mod heap;
pub mod pci;
pub mod process;
pub mod raw;
mod region;
mod resource;
pub mod script;
mod seam;
mod socket;
#[cfg(target_os = "none")]
mod start;
mod startup;
pub mod sys;
mod task;
mod thread;
pub mod time;
mod vmar;
mod vmo;

pub use jacinth_abi as abi;
pub use jacinth_abi::{
    BtiOptions, CachePolicy, Rights, Signals, Status, VmOptions, VmarOp, VmoChildOptions, VmoOp,
    VmoOptions,
};

pub use address::Address;
pub use bti::{Bti, Iommu, Pmt};
pub use channel::{Channel, Message};
pub use event::{Event, EventPair, Port, Timer};
pub use exception::{Exception, ExceptionChannel};
pub use fifo::Fifo;
pub use futex::Futex;
pub use handle::Handle;
pub use region::Region;
pub use resource::Resource;
pub use seam::{Arg, Width};
#[cfg(not(target_os = "none"))]
pub use seam::{Seam, set_host};
pub use socket::Socket;
pub use startup::{PANIC_RETURN_CODE, Startup, Tables};
pub use task::{Job, Process, exit};
pub use thread::{Spawned, SuspendToken, Thread};
pub use time::fill_random;
pub use vmar::{Span, Vmar};
pub use vmo::Vmo;

/// Makes `$main`, a `fn(Startup) -> i64`, the program's main function.
///
/// Its return code is the process's. On a host there is nothing to start: the program then says
/// how it is started.
#[macro_export]
macro_rules! main {
    ($main:path) => {
        const _: () = {
            #[cfg(target_os = "none")]
            #[unsafe(no_mangle)]
            extern "Rust" fn jacinth_zx_main(start: $crate::Startup) -> i64 {
                let main: fn($crate::Startup) -> i64 = $main;
                main(start)
            }
        };

        #[cfg(not(target_os = "none"))]
        fn main() {
            const _: fn($crate::Startup) -> i64 = $main;
            $crate::__host_main();
        }
    };
}

/// What a program does that was started on a host.
#[cfg(not(target_os = "none"))]
#[doc(hidden)]
pub fn __host_main() {
    std::println!("this program runs on a booted kernel: use ./qemu-run.sh");
}
