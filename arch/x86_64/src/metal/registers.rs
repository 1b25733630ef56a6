//! Memory-mapped registers of the devices that the kernel drives, in the kernel's device window.

use jacinth_kernel::PhysAddr;

use super::layout::in_devices;

/// A device's registers, mapped uncached in the device window.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Registers(u64);

impl Registers {
    /// Names the registers at `at`.
    ///
    /// # Safety
    /// They are mapped in the device window, and writing them cannot break Rust's memory.
    pub(crate) const unsafe fn new(at: PhysAddr) -> Self {
        Self(in_devices(at).raw())
    }

    /// Reads the 32-bit register at a byte offset.
    pub(crate) fn read_u32(self, offset: u64) -> u32 {
        let register = (self.0 + offset) as *const u32;
        // SAFETY: `new` was promised that the device is mapped.
        unsafe { register.read_volatile() }
    }

    /// Writes the 32-bit register at a byte offset.
    pub(crate) fn write_u32(self, offset: u64, value: u32) {
        let register = (self.0 + offset) as *mut u32;
        // SAFETY: as above.
        unsafe { register.write_volatile(value) }
    }

    /// Reads the 64-bit register at a byte offset.
    pub(crate) fn read_u64(self, offset: u64) -> u64 {
        let register = (self.0 + offset) as *const u64;
        // SAFETY: as above.
        unsafe { register.read_volatile() }
    }

    /// Writes the 64-bit register at a byte offset.
    pub(crate) fn write_u64(self, offset: u64, value: u64) {
        let register = (self.0 + offset) as *mut u64;
        // SAFETY: as above.
        unsafe { register.write_volatile(value) }
    }
}
