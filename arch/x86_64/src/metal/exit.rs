//! The end of the machine: QEMU's `isa-debug-exit`, else a stopped processor.

use jacinth_abi::ExitCode;
use x86_64::instructions::{hlt, interrupts};

use super::port;

/// The port that the runner gives the device. QEMU ends with status 2·code + 1.
const DEBUG_EXIT: u16 = 0xf4;
/// The ports of the device: base and count.
pub(super) const PORTS: (u64, u64) = (DEBUG_EXIT as u64, 4);

/// Ends the machine; usable from the first instruction on, and takes no lock.
pub fn exit(code: ExitCode) -> ! {
    interrupts::disable();
    port::write_u32(DEBUG_EXIT, u32::from(code.number()));
    loop {
        hlt();
    }
}
