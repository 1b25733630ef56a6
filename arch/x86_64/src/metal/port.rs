//! I/O ports: one safe function per width.
//!
//! Private to this crate, whose modules name the ports of the UART, the interrupt controllers, the
//! interval timer and QEMU's exit device, and nothing else: none of these can be made to write to
//! memory.

use x86_64::instructions::port::Port;

/// Reads a byte.
pub(crate) fn read_u8(port: u16) -> u8 {
    // SAFETY: reading a port of one of the devices named above has no effect on memory.
    unsafe { Port::new(port).read() }
}

/// Writes a byte.
pub(crate) fn write_u8(port: u16, value: u8) {
    // SAFETY: writing a port of one of the devices named above has no effect on memory.
    unsafe { Port::new(port).write(value) }
}

/// Writes a double word.
pub(crate) fn write_u32(port: u16, value: u32) {
    // SAFETY: writing a port of one of the devices named above has no effect on memory.
    unsafe { Port::new(port).write(value) }
}
