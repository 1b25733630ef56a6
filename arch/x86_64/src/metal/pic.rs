//! The two 8259 interrupt controllers of old: moved out of the way and silenced.

use super::port;

const MASTER_COMMAND: u16 = 0x20;
const MASTER_DATA: u16 = 0x21;
const SLAVE_COMMAND: u16 = 0xa0;
const SLAVE_DATA: u16 = 0xa1;

/// The ports of both: base and count.
pub(super) const MASTER_PORTS: (u64, u64) = (MASTER_COMMAND as u64, 2);
pub(super) const SLAVE_PORTS: (u64, u64) = (SLAVE_COMMAND as u64, 2);

const INITIALIZE_WITH_FOUR_WORDS: u8 = 0x11;
/// Vectors of the spurious interrupts that even a silenced controller can raise.
const MASTER_VECTOR: u8 = 0x20;
const SLAVE_VECTOR: u8 = 0x28;
const SLAVE_ON_LINE_2: u8 = 0x04;
const SLAVE_IDENTITY: u8 = 0x02;
const MODE_8086: u8 = 0x01;
const ALL_MASKED: u8 = 0xff;

/// Silences both: their interrupts are not used.
pub(crate) fn disable() {
    for (command, data, vector, cascade) in [
        (MASTER_COMMAND, MASTER_DATA, MASTER_VECTOR, SLAVE_ON_LINE_2),
        (SLAVE_COMMAND, SLAVE_DATA, SLAVE_VECTOR, SLAVE_IDENTITY),
    ] {
        port::write_u8(command, INITIALIZE_WITH_FOUR_WORDS);
        port::write_u8(data, vector);
        port::write_u8(data, cascade);
        port::write_u8(data, MODE_8086);
        port::write_u8(data, ALL_MASKED);
    }
}
