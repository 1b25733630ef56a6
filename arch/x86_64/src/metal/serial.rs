//! The serial console: a 16550 at COM1, polled.
//!
//! No lock and no state: it must work in a panic, whatever was going on.

use super::port;

const COM1: u16 = 0x3f8;
/// The ports of the console: base and count.
pub(super) const PORTS: (u64, u64) = (COM1 as u64, 8);
const DATA: u16 = COM1;
const INTERRUPT_ENABLE: u16 = COM1 + 1;
const FIFO_CONTROL: u16 = COM1 + 2;
const LINE_CONTROL: u16 = COM1 + 3;
const MODEM_CONTROL: u16 = COM1 + 4;
const LINE_STATUS: u16 = COM1 + 5;

const DIVISOR_LATCH: u8 = 0x80;
const EIGHT_BITS_NO_PARITY: u8 = 0x03;
/// 115200 baud.
const DIVISOR: u8 = 1;
const ENABLE_AND_CLEAR_FIFOS: u8 = 0x07;
const DATA_TERMINAL_READY_AND_REQUEST_TO_SEND: u8 = 0x03;
const TRANSMITTER_EMPTY: u8 = 0x20;
/// A port with nothing behind it reads as all ones.
const NO_DEVICE: u8 = 0xff;
/// How often the status is read before a byte is given up: a console must not hang the machine.
const PATIENCE: u32 = 1_000_000;

/// Sets the port up: 115200 baud, 8N1, FIFOs on, no interrupts.
pub(crate) fn init_console() {
    port::write_u8(INTERRUPT_ENABLE, 0);
    port::write_u8(LINE_CONTROL, DIVISOR_LATCH);
    port::write_u8(DATA, DIVISOR);
    port::write_u8(INTERRUPT_ENABLE, 0);
    port::write_u8(LINE_CONTROL, EIGHT_BITS_NO_PARITY);
    port::write_u8(FIFO_CONTROL, ENABLE_AND_CLEAR_FIFOS);
    port::write_u8(MODEM_CONTROL, DATA_TERMINAL_READY_AND_REQUEST_TO_SEND);
}

/// Writes bytes to the console; usable from the first instruction on, and takes no lock.
///
/// A line end gets the carriage return that terminals want.
pub fn early_console_write(bytes: &[u8]) {
    for &byte in bytes {
        if byte == b'\n' {
            send(b'\r');
        }
        send(byte);
    }
}

fn send(byte: u8) {
    for _ in 0..PATIENCE {
        let status = port::read_u8(LINE_STATUS);
        if status == NO_DEVICE {
            return;
        }
        if status & TRANSMITTER_EMPTY != 0 {
            return port::write_u8(DATA, byte);
        }
    }
}
