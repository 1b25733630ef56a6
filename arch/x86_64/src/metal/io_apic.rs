//! I/O APICs: silenced at boot, whatever firmware left in them. Nothing uses their lines yet.

use jacinth_kernel::PhysAddr;

use super::registers::Registers;

const SELECT: u64 = 0x00;
const WINDOW: u64 = 0x10;
const VERSION: u32 = 1;
const FIRST_REDIRECTION: u32 = 0x10;
const MASKED: u32 = 1 << 16;

/// Masks every line of the I/O APIC at `at`.
///
/// # Safety
/// Its registers are mapped in the device window.
pub(crate) unsafe fn silence(at: PhysAddr) {
    // SAFETY: the caller says so; masking lines reaches no memory.
    let registers = unsafe { Registers::new(at) };
    registers.write_u32(SELECT, VERSION);
    let last_line = registers.read_u32(WINDOW) >> 16 & 0xff;
    for line in 0..=last_line {
        registers.write_u32(SELECT, FIRST_REDIRECTION + 2 * line);
        registers.write_u32(WINDOW, MASKED);
    }
}
