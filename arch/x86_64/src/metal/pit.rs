//! The interval timer of old (8254), as a yardstick at boot where there is no better one.

use core::cell::Cell;

use super::clock::Sample;
use super::port;

const CHANNEL_0: u16 = 0x40;
const COMMAND: u16 = 0x43;
/// Channel 0, both bytes, mode 2: counts down from 65536 again and again.
const RATE_GENERATOR: u8 = 0x34;
const LATCH_CHANNEL_0: u8 = 0x00;
/// 1193182 Hz, in femtoseconds a tick.
const FEMTOSECONDS: u64 = 838_095_345;

/// The running timer.
pub(crate) struct Countdown {
    last: Cell<u16>,
    ticks: Cell<u64>,
}

impl Countdown {
    /// Starts it, if it is there. Its interrupt is masked.
    pub(crate) fn start() -> Option<Self> {
        port::write_u8(COMMAND, RATE_GENERATOR);
        port::write_u8(CHANNEL_0, 0);
        port::write_u8(CHANNEL_0, 0);
        let countdown = Self {
            last: Cell::new(latched()),
            ticks: Cell::new(0),
        };
        // Where there is nothing, all ports read as ones.
        let moves = (0..1000).any(|_| latched() != u16::MAX);
        moves.then_some(countdown)
    }

    /// Reads the ticks since the start; to be read more often than the 55 ms of a round.
    pub(crate) fn read(&self) -> Sample {
        let now = latched();
        let passed = self.last.replace(now).wrapping_sub(now);
        self.ticks.set(self.ticks.get() + u64::from(passed));
        Sample {
            ticks: self.ticks.get(),
            femtoseconds: FEMTOSECONDS,
        }
    }
}

fn latched() -> u16 {
    port::write_u8(COMMAND, LATCH_CHANNEL_0);
    let low = port::read_u8(CHANNEL_0);
    u16::from_le_bytes([low, port::read_u8(CHANNEL_0)])
}
