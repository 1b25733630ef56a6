//! Configuration space, mapped (ECAM): PCI Express base specification, section 7.2.2.

use alloc::vec::Vec;
use core::fmt;

use crate::Region;

/// Bytes of configuration space that a bus has.
pub const BUS_BYTES: u64 = 1 << 20;
/// What a read answers where there is no function.
const NOTHING: u32 = 0xFFFF_FFFF;

/// Where a function is: bus, device, function.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Bdf {
    /// The bus.
    pub bus: u8,
    /// The device on it, 0 to 31.
    pub device: u8,
    /// The function of the device, 0 to 7.
    pub function: u8,
}

impl fmt::Display for Bdf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02x}:{:02x}.{}", self.bus, self.device, self.function)
    }
}

/// A function that was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Function {
    /// Where it is.
    pub bdf: Bdf,
    /// Who made it.
    pub vendor: u16,
    /// What its maker calls it.
    pub device: u16,
    /// What it is: class, subclass, programming interface.
    pub class: u32,
}

/// A window of configuration space.
#[derive(Debug)]
pub struct Ecam {
    region: Region,
    first_bus: u8,
}

impl Ecam {
    /// Takes a mapping whose first byte is that of `first_bus`.
    #[must_use]
    pub const fn new(region: Region, first_bus: u8) -> Self {
        Self { region, first_bus }
    }

    /// The mapping.
    #[must_use]
    pub const fn region(&self) -> &Region {
        &self.region
    }

    fn offset(&self, bdf: Bdf, register: u64) -> Option<u64> {
        let bus = u64::from(bdf.bus.checked_sub(self.first_bus)?);
        let offset = bus * BUS_BYTES
            + (u64::from(bdf.device) << 15)
            + (u64::from(bdf.function) << 12)
            + register;
        (offset + 4 <= self.region.bytes()).then_some(offset)
    }

    /// Reads a 32-bit register of a function; all ones where there is none.
    ///
    /// # Panics
    /// When `register` is not a multiple of 4.
    #[must_use]
    pub fn read32(&self, bdf: Bdf, register: u64) -> u32 {
        let offset = self.offset(bdf, register);
        offset.map_or(NOTHING, |offset| self.region.read32(offset))
    }

    /// Writes a 32-bit register of a function; nothing happens where there is none.
    ///
    /// # Panics
    /// When `register` is not a multiple of 4.
    pub fn write32(&self, bdf: Bdf, register: u64, value: u32) {
        if let Some(offset) = self.offset(bdf, register) {
            self.region.write32(offset, value);
        }
    }

    /// Reads a 16-bit register of a function; all ones where there is none.
    ///
    /// # Panics
    /// When `register` is not a multiple of 2.
    #[must_use]
    pub fn read16(&self, bdf: Bdf, register: u64) -> u16 {
        let offset = self.offset(bdf, register);
        offset.map_or(u16::MAX, |offset| self.region.read16(offset))
    }

    /// Writes a 16-bit register of a function; nothing happens where there is none.
    ///
    /// # Panics
    /// When `register` is not a multiple of 2.
    pub fn write16(&self, bdf: Bdf, register: u64, value: u16) {
        if let Some(offset) = self.offset(bdf, register) {
            self.region.write16(offset, value);
        }
    }

    /// Looks at one place.
    #[must_use]
    pub fn function(&self, bdf: Bdf) -> Option<Function> {
        let [vendor_low, vendor_high, device_low, device_high] = self.read32(bdf, 0).to_le_bytes();
        let vendor = u16::from_le_bytes([vendor_low, vendor_high]);
        (vendor != 0xFFFF).then(|| Function {
            bdf,
            vendor,
            device: u16::from_le_bytes([device_low, device_high]),
            class: self.read32(bdf, 8) >> 8,
        })
    }

    /// Looks at every place there can be a function, on every bus of the window.
    #[must_use]
    pub fn scan(&self) -> Vec<Function> {
        let buses = self.region.bytes() / BUS_BYTES;
        let mut found = Vec::new();
        for bus in (self.first_bus..=u8::MAX).take(usize::try_from(buses).unwrap_or(usize::MAX)) {
            for device in 0..32 {
                self.scan_device(bus, device, &mut found);
            }
        }
        found
    }

    fn scan_device(&self, bus: u8, device: u8, found: &mut Vec<Function>) {
        let at = |function| Bdf {
            bus,
            device,
            function,
        };
        let Some(first) = self.function(at(0)) else {
            return;
        };
        found.push(first);
        // Header type, bit 7: there are functions besides the first.
        let has_more = self.read32(at(0), 0xC) & 0x0080_0000 != 0;
        if has_more {
            found.extend((1..8).filter_map(|function| self.function(at(function))));
        }
    }
}
