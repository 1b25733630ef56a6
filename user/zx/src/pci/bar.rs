//! Base address registers: read, sized, assigned.

use alloc::vec::Vec;

use jacinth_abi::Status;

use super::config::{Bdf, Ecam};
use super::window::{Window, take};

/// The command register: what a function answers to.
const COMMAND: u64 = 0x04;
/// Bits of it: accesses to I/O ports, to memory.
const DECODES: u16 = 0b11;
const DECODES_MEMORY: u16 = 0b10;
/// The header type, in the third byte of this register.
const HEADER: u64 = 0x0C;
/// The first BAR.
const FIRST: u64 = 0x10;
/// Low bits of a memory BAR that are no address.
const MEMORY_FLAGS: u64 = 0xF;
/// Low bits of an I/O BAR that are no address.
const IO_FLAGS: u64 = 0x3;

/// What a BAR is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BarSpace {
    /// I/O ports.
    Io,
    /// Memory below 4 GiB, that of registers.
    Memory32,
    /// Memory anywhere, that of registers: reading may have effects.
    Memory64,
    /// Memory below 4 GiB where reading has no effects.
    Prefetchable32,
    /// Memory anywhere where reading has no effects.
    Prefetchable64,
}

impl BarSpace {
    /// What the low bits of a BAR say.
    const fn new(low: u32) -> Self {
        let is_wide = low & 0b110 == 0b100;
        match (low & 1 != 0, low & 0b1000 != 0, is_wide) {
            (true, ..) => Self::Io,
            (_, false, false) => Self::Memory32,
            (_, false, true) => Self::Memory64,
            (_, true, false) => Self::Prefetchable32,
            (_, true, true) => Self::Prefetchable64,
        }
    }

    /// Is it two registers wide?
    #[must_use]
    pub const fn is_wide(self) -> bool {
        matches!(self, Self::Memory64 | Self::Prefetchable64)
    }

    /// Is it memory?
    #[must_use]
    pub const fn is_memory(self) -> bool {
        !matches!(self, Self::Io)
    }
}

/// A base address register.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bar {
    /// Which of the function's: 0 to 5; a wide one takes the next number, too.
    pub index: u8,
    /// What it is in.
    pub space: BarSpace,
    /// Its address on the bus, 0 for none.
    pub address: u64,
    /// Its size in bytes, a power of two.
    pub bytes: u64,
}

impl Bar {
    /// The register's place in configuration space.
    const fn register(index: u8) -> u64 {
        FIRST + (index as u64) * 4
    }
}

impl Ecam {
    /// Reads and sizes every BAR that a function has, as it is.
    ///
    /// The function answers no access while that goes on: nobody may be using it.
    #[must_use]
    pub fn bars(&self, bdf: Bdf) -> Vec<Bar> {
        let count = match (self.read32(bdf, HEADER) >> 16) & 0x7F {
            0 => 6,
            // A bridge to another bus.
            1 => 2,
            _ => return Vec::new(),
        };
        let command = self.read16(bdf, COMMAND);
        self.write16(bdf, COMMAND, command & !DECODES);
        let mut bars = Vec::new();
        let mut index = 0;
        while index < count {
            let bar = self.size(bdf, index);
            index += bar.map_or(1, |bar| 1 + u8::from(bar.space.is_wide()));
            bars.extend(bar);
        }
        self.write16(bdf, COMMAND, command);
        bars
    }

    /// Sizes one BAR by writing ones: the bits below its size stay as they are.
    fn size(&self, bdf: Bdf, index: u8) -> Option<Bar> {
        let low = self.probe(bdf, Bar::register(index));
        let space = BarSpace::new(low.0);
        let high = match space.is_wide() {
            true => self.probe(bdf, Bar::register(index + 1)),
            // The missing half of the mask, so that the complement below is right.
            false => (0, u32::MAX),
        };
        let wide = |low: u32, high: u32| u64::from(high) << 32 | u64::from(low);
        let flags = if space.is_memory() {
            MEMORY_FLAGS
        } else {
            IO_FLAGS
        };
        let mask = wide(low.1, high.1) & !flags;
        // I/O space has 16 bits on some machines: the upper half of the mask may read as zeros.
        let mask = match (space, low.1 & !(IO_FLAGS as u32)) {
            (BarSpace::Io, 0) => return None,
            (BarSpace::Io, _) => mask | 0xFFFF_0000,
            _ => mask,
        };
        let bytes = (!mask).wrapping_add(1);
        // A memory BAR that is not there keeps no bit at all.
        (low.1 != 0 && bytes != 0).then_some(Bar {
            index,
            space,
            address: wide(low.0, high.0) & !flags,
            bytes,
        })
    }

    /// What a register holds, and what it keeps of ones.
    fn probe(&self, bdf: Bdf, register: u64) -> (u32, u32) {
        let was = self.read32(bdf, register);
        self.write32(bdf, register, u32::MAX);
        let mask = self.read32(bdf, register);
        self.write32(bdf, register, was);
        (was, mask)
    }

    /// Lets a function answer accesses to its memory BARs.
    pub fn enable_memory(&self, bdf: Bdf) {
        let command = self.read16(bdf, COMMAND);
        self.write16(bdf, COMMAND, command | DECODES_MEMORY);
    }

    /// Gives an address out of `windows` to every memory BAR that has none, the largest first, and
    /// lets the functions answer.
    ///
    /// What has an address keeps it, and its neighbours stay away from it.
    ///
    /// # Errors
    /// NO_RESOURCES when the windows are too small; BARs that were assigned until then stay so.
    pub fn assign(&self, windows: &mut [Window]) -> Result<(), Status> {
        let functions = self.scan().into_iter();
        let bars = functions.flat_map(|function| {
            let bars = self.bars(function.bdf).into_iter();
            bars.map(move |bar| (function.bdf, bar))
        });
        let mut bars: Vec<_> = bars.filter(|(_, bar)| bar.space.is_memory()).collect();
        for (_, bar) in bars.iter().filter(|(_, bar)| bar.address != 0) {
            for window in windows.iter_mut() {
                window.avoid(bar.address, bar.bytes);
            }
        }
        bars.sort_by_key(|(_, bar)| core::cmp::Reverse(bar.bytes));
        for (bdf, bar) in &bars {
            if bar.address == 0 {
                let address = take(windows, bar).ok_or(Status::NO_RESOURCES)?;
                self.place(*bdf, bar, address);
            }
        }
        for (bdf, _) in &bars {
            self.enable_memory(*bdf);
        }
        Ok(())
    }

    /// Writes an address into a BAR.
    fn place(&self, bdf: Bdf, bar: &Bar, address: u64) {
        let command = self.read16(bdf, COMMAND);
        self.write16(bdf, COMMAND, command & !DECODES_MEMORY);
        let low = (address & u64::from(u32::MAX)) as u32;
        self.write32(bdf, Bar::register(bar.index), low);
        if bar.space.is_wide() {
            let high = (address >> 32) as u32;
            self.write32(bdf, Bar::register(bar.index + 1), high);
        }
        self.write16(bdf, COMMAND, command);
    }
}
