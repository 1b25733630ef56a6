//! Device registers of the kernel's own devices.
//!
//! The accesses are written in assembly: a compiler may turn a volatile access into an instruction
//! with write-back, which a hypervisor cannot emulate.

use access::{load_32, load_64, store_8, store_32};

/// The registers of one device, mapped for as long as the kernel runs.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Registers {
    base: usize,
    bytes: usize,
}

impl Registers {
    /// Names `bytes` bytes of registers at a virtual address.
    ///
    /// # Safety
    /// They are mapped as device memory, for good, and no access to them breaks memory safety.
    pub(crate) const unsafe fn new(base: usize, bytes: usize) -> Self {
        Self { base, bytes }
    }

    /// The virtual address of the first register.
    pub(crate) const fn base(self) -> usize {
        self.base
    }

    /// The registers `offset` bytes further on, no more than `bytes` bytes of them.
    pub(crate) fn at(self, offset: usize, bytes: usize) -> Self {
        assert!(self.has(offset, bytes), "the device has such registers");
        Self {
            base: self.base + offset,
            bytes,
        }
    }

    /// Whether there are that many registers.
    pub(crate) const fn has(self, offset: usize, bytes: usize) -> bool {
        offset.saturating_add(bytes) <= self.bytes
    }

    /// Reads 32 bits.
    pub(crate) fn read(self, offset: usize) -> u32 {
        self.check(offset, 4);
        // SAFETY: inside the mapped registers, by `new` and the check; reading is harmless.
        unsafe { load_32(self.base + offset) }
    }

    /// Reads 64 bits.
    pub(crate) fn read_64(self, offset: usize) -> u64 {
        self.check(offset, 8);
        // SAFETY: as in `read`.
        unsafe { load_64(self.base + offset) }
    }

    /// Writes 32 bits.
    pub(crate) fn write(self, offset: usize, value: u32) {
        self.check(offset, 4);
        // SAFETY: inside the mapped registers; writing breaks no memory safety, by `new`.
        unsafe { store_32(self.base + offset, value) }
    }

    /// Writes 8 bits.
    pub(crate) fn write_8(self, offset: usize, value: u8) {
        self.check(offset, 1);
        // SAFETY: as in `write`.
        unsafe { store_8(self.base + offset, value) }
    }

    fn check(self, offset: usize, bytes: usize) {
        assert!(
            self.has(offset, bytes) && offset.is_multiple_of(bytes),
            "the device has such a register"
        );
    }
}

mod access {
    use core::arch::asm;

    /// # Safety
    /// `at` is a mapped, aligned device register; the access breaks no memory safety.
    pub(super) unsafe fn load_32(at: usize) -> u32 {
        let value: u32;
        // SAFETY: by this function's contract.
        unsafe {
            asm!("ldr {value:w}, [{at}]", value = out(reg) value, at = in(reg) at, options(nostack, preserves_flags));
        }
        value
    }

    /// # Safety
    /// As for [`load_32`].
    pub(super) unsafe fn load_64(at: usize) -> u64 {
        let value: u64;
        // SAFETY: by this function's contract.
        unsafe {
            asm!("ldr {value}, [{at}]", value = out(reg) value, at = in(reg) at, options(nostack, preserves_flags));
        }
        value
    }

    /// # Safety
    /// As for [`load_32`].
    pub(super) unsafe fn store_32(at: usize, value: u32) {
        // SAFETY: by this function's contract.
        unsafe {
            asm!("str {value:w}, [{at}]", value = in(reg) value, at = in(reg) at, options(nostack, preserves_flags));
        }
    }

    /// # Safety
    /// As for [`load_32`].
    pub(super) unsafe fn store_8(at: usize, value: u8) {
        // SAFETY: by this function's contract.
        unsafe {
            asm!("strb {value:w}, [{at}]", value = in(reg) u32::from(value), at = in(reg) at, options(nostack, preserves_flags));
        }
    }
}
