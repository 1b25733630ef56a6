//! The first instructions of a program, and its last words.

use core::arch::global_asm;
use core::panic::PanicInfo;

use jacinth_abi::Status;

use crate::{Channel, Handle, Startup, exit, println};

/// What a program returns that panicked.
pub const PANIC_RETURN_CODE: i64 = 63;
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

#[panic_handler]
fn panic(info: &PanicInfo<'_>) -> ! {
    println!("{info}");
    exit(PANIC_RETURN_CODE)
}
