//! The first instructions of a program, and its last words.

use core::arch::global_asm;
use core::panic::PanicInfo;

use core::sync::atomic::{AtomicU32, Ordering};

use jacinth_abi::{Property, Status, limits};

use crate::{Channel, Handle, PANIC_RETURN_CODE, Startup, exit, println, sys};

/// What a program returns whose start-up message makes no sense.
const NO_STARTUP_RETURN_CODE: i64 = 62;

#[cfg(target_arch = "x86_64")]
global_asm!(include_str!("arch/start_x86_64.s"));
#[cfg(target_arch = "aarch64")]
global_asm!(include_str!("arch/start_aarch64.s"));

unsafe extern "Rust" {
    /// What [`main!`](crate::main) defines.
    safe fn jacinth_zx_main(start: Startup) -> i64;
}

/// Continues where the assembly ends: relocated, on an aligned stack.
#[unsafe(no_mangle)]
extern "C" fn jacinth_zx_start(bootstrap: u32) -> ! {
    match Startup::read(Channel::from(Handle::from_value(bootstrap))) {
        Ok(start) => exit(jacinth_zx_main(start)),
        Err(status) => fail(status),
    }
}

fn fail(status: Status) -> ! {
    println!("zx: the start-up message cannot be read: {status}");
    exit(NO_STARTUP_RETURN_CODE)
}

/// The handle of the process, 0 until start-up has read it.
static PROCESS: AtomicU32 = AtomicU32::new(0);

/// Says which process this is.
pub(crate) fn is_process(handle: u32) {
    PROCESS.store(handle, Ordering::Relaxed);
}

/// Says who panicked, where and why, on one line: other programs may be printing too.
#[panic_handler]
fn panic(info: &PanicInfo<'_>) -> ! {
    let mut bytes = [0; limits::MAX_NAME_LEN];
    let value = sys::Output::Here(&mut bytes);
    // A program that gave its own handle away has no name any more.
    sys::object_get_property(
        PROCESS.load(Ordering::Relaxed),
        Property::Name.number(),
        value,
    )
    .ok();
    let name = bytes.split(|byte| *byte == 0).next().unwrap_or_default();
    let name = core::str::from_utf8(name).unwrap_or_default();
    let separator = if name.is_empty() { "" } else { ": " };
    match info.location() {
        Some(place) => println!("{name}{separator}panicked at {place}: {}", info.message()),
        None => println!("{name}{separator}panicked: {}", info.message()),
    }
    exit(PANIC_RETURN_CODE)
}
