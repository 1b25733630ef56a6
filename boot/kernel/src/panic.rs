//! The end of a kernel that found itself broken: a message, a backtrace, an exit code.
//!
//! It takes no lock and allocates nothing. The runner gives the addresses their names.

use core::panic::PanicInfo;
use core::ptr;
use core::sync::atomic::{AtomicUsize, Ordering};

use jacinth_abi::ExitCode;

use crate::{arch, console};

/// The most frames that are shown.
const MOST_FRAMES: usize = 48;
/// Bytes in a frame record: the caller's frame pointer, then the return address, on both
/// architectures.
const RECORD_BYTES: u64 = 16;
/// Nobody panics.
const NOBODY: usize = usize::MAX;

/// The CPU that panics. Others that join in wait for it to end the machine.
static PANICKING: AtomicUsize = AtomicUsize::new(NOBODY);

#[panic_handler]
fn panic(info: &PanicInfo<'_>) -> ! {
    let cpu = arch::current_cpu();
    match PANICKING.compare_exchange(NOBODY, cpu, Ordering::Relaxed, Ordering::Relaxed) {
        Ok(_) => {}
        // The report itself went wrong: what is out must do.
        Err(first) if first == cpu => arch::exit(ExitCode::KernelPanic),
        Err(_) => loop {
            core::hint::spin_loop();
        },
    }
    let message = info.message();
    match info.location() {
        Some(at) => console::print(format_args!(
            "\njacinth: kernel panic on cpu {cpu}: {message} at {}:{}\n",
            at.file(),
            at.line()
        )),
        None => console::print(format_args!(
            "\njacinth: kernel panic on cpu {cpu}: {message}\n"
        )),
    }
    backtrace(arch::frame_pointer());
    arch::exit(ExitCode::KernelPanic)
}

/// Prints the calls that led to the frame at `frame`, innermost first: addresses inside the call
/// instructions, one byte before the place of return, which may be in another function's line.
fn backtrace(mut frame: u64) {
    for _ in 0..MOST_FRAMES {
        let Some((caller, returns_to)) = record(frame) else {
            return;
        };
        console::print(format_args!("  kernel {:#x}\n", returns_to.wrapping_sub(1)));
        // Stacks grow down: a caller's frame is above, unless the chain is broken.
        if caller <= frame {
            return;
        }
        frame = caller;
    }
}

/// Reads the frame record at an address, if it is one that can be read.
fn record(frame: u64) -> Option<(u64, u64)> {
    let (start, end) = arch::stack_of(frame)?;
    let is_inside = frame >= start && end.checked_sub(frame)? >= RECORD_BYTES;
    if !is_inside || !frame.is_multiple_of(8) {
        return None;
    }
    let words = ptr::with_exposed_provenance::<[u64; 2]>(usize::try_from(frame).ok()?);
    // SAFETY: the sixteen bytes are aligned and inside a mapped kernel stack; whatever is there
    // are two numbers. They are only read, and volatile: the compiler knows of no such object.
    let [caller, returns_to] = unsafe { ptr::read_volatile(words) };
    (returns_to != 0).then_some((caller, returns_to))
}
