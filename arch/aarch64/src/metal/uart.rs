//! The console: a PL011 ("PrimeCell UART (PL011) Technical Reference Manual"), polled.
//!
//! Its address comes from the device tree; until then, and on machines without one, text goes out
//! through semihosting.

use core::sync::atomic::{AtomicUsize, Ordering};

use crate::metal::mmio::Registers;
use crate::metal::semihosting;

/// Bytes of registers.
const BYTES: usize = 0x1000;
/// Data.
const DR: usize = 0x000;
/// Flags.
const FR: usize = 0x018;
/// The transmit FIFO is full.
const FR_TXFF: u32 = 1 << 5;
/// Line control.
const LCR_H: usize = 0x02c;
/// Eight bits, FIFOs on.
const LCR_H_8N1_FIFO: u32 = (0b11 << 5) | (1 << 4);
/// Control.
const CR: usize = 0x030;
/// UART, transmitter and receiver on.
const CR_ON: u32 = (1 << 0) | (1 << 8) | (1 << 9);
/// Interrupt mask.
const IMSC: usize = 0x038;

/// Where the registers are mapped; 0 while that is not known.
static BASE: AtomicUsize = AtomicUsize::new(0);

/// Takes a UART as the console. The baud rate stays as firmware set it.
///
/// # Safety
/// The page at `base` maps a PL011 as device memory, for good.
pub(crate) unsafe fn console_start(base: usize) {
    // SAFETY: by this function's contract; the kernel's UART does no DMA.
    let uart = unsafe { Registers::new(base, BYTES) };
    uart.write(IMSC, 0);
    uart.write(LCR_H, LCR_H_8N1_FIFO);
    uart.write(CR, CR_ON);
    BASE.store(base, Ordering::Release);
}

/// Writes text to the console. Works from the first instruction of Rust on and takes no lock, so
/// that a panic can use it.
pub fn early_console_write(text: &[u8]) {
    let base = BASE.load(Ordering::Acquire);
    if base == 0 {
        return semihosting::write(text);
    }
    // SAFETY: `console_start` was promised that this maps a PL011.
    let uart = unsafe { Registers::new(base, BYTES) };
    for &byte in text {
        if byte == b'\n' {
            put(uart, b'\r');
        }
        put(uart, byte);
    }
}

fn put(uart: Registers, byte: u8) {
    while uart.read(FR) & FR_TXFF != 0 {
        core::hint::spin_loop();
    }
    uart.write(DR, u32::from(byte));
}
