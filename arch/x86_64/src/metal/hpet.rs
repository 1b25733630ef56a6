//! The high-precision event timer, as a yardstick at boot. Afterwards it is any user's.

use jacinth_kernel::PhysAddr;

use super::clock::Sample;
use super::registers::Registers;

const CAPABILITIES: u64 = 0x00;
const CONFIGURATION: u64 = 0x10;
const COUNTER: u64 = 0xf0;

const ENABLE: u64 = 1;
/// What the specification allows at most: 100 ns a tick.
const MOST_FEMTOSECONDS: u64 = 100_000_000;

/// A timer block whose counter runs.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Hpet {
    registers: Registers,
    femtoseconds: u64,
}

impl Hpet {
    /// Starts the counter, if there is a timer block at `at`.
    ///
    /// # Safety
    /// The registers are mapped in the device window.
    pub(crate) unsafe fn start(at: PhysAddr) -> Option<Self> {
        // SAFETY: the caller says so; the counter reaches no memory.
        let registers = unsafe { Registers::new(at) };
        let femtoseconds = registers.read_u64(CAPABILITIES) >> 32;
        if femtoseconds == 0 || femtoseconds > MOST_FEMTOSECONDS {
            return None;
        }
        let configuration = registers.read_u64(CONFIGURATION);
        registers.write_u64(CONFIGURATION, configuration | ENABLE);
        Some(Self {
            registers,
            femtoseconds,
        })
    }

    /// Reads the counter.
    pub(crate) fn read(self) -> Sample {
        Sample {
            ticks: self.registers.read_u64(COUNTER),
            femtoseconds: self.femtoseconds,
        }
    }
}
