//! Mapped memory.

use core::mem::ManuallyDrop;

use jacinth_abi::{Status, Topic, VmOptions, VmarInfo, VmarOp};

use crate::seam::{self, Width};
use crate::{Address, Handle, Vmo, sys};

/// Memory that a program has mapped; it is unmapped when this is dropped.
///
/// A device, another process or another mapping may change it at any time, so there are no
/// references into it: words are read and written one at a time, each by one instruction of its
/// width, which is what device registers ask for. An access that the mapping does not allow ends
/// the program.
#[derive(Debug)]
pub struct Region {
    vmar: u32,
    base: u64,
    bytes: u64,
}

impl Region {
    pub(crate) const fn new(vmar: u32, base: u64, bytes: u64) -> Self {
        Self { vmar, base, bytes }
    }

    /// Its first address.
    #[must_use]
    pub const fn base(&self) -> u64 {
        self.base
    }

    /// Its length in bytes.
    #[must_use]
    pub const fn bytes(&self) -> u64 {
        self.bytes
    }

    /// The address of a byte in it, or of the first one behind it.
    ///
    /// # Panics
    /// When `offset` lies outside.
    #[must_use]
    pub fn address(&self, offset: u64) -> Address {
        assert!(offset <= self.bytes, "an address outside the region");
        Address::new(self.base + offset)
    }

    /// Where an access of `width` at `offset` goes.
    #[inline]
    fn place(&self, offset: u64, width: Width) -> u64 {
        let end = offset.checked_add(width.bytes());
        assert!(
            end.is_some_and(|end| end <= self.bytes),
            "an access outside the region"
        );
        assert!(
            offset.is_multiple_of(width.bytes()),
            "an access across its alignment"
        );
        self.base + offset
    }

    /// Reads a byte.
    ///
    /// # Panics
    /// When `offset` lies outside.
    #[inline]
    #[must_use]
    pub fn read8(&self, offset: u64) -> u8 {
        seam::load(self.place(offset, Width::Bits8), Width::Bits8) as u8
    }

    /// Reads 16 bits.
    ///
    /// # Panics
    /// When `offset` lies outside or is not aligned, as for the wider ones.
    #[inline]
    #[must_use]
    pub fn read16(&self, offset: u64) -> u16 {
        seam::load(self.place(offset, Width::Bits16), Width::Bits16) as u16
    }

    /// Reads 32 bits.
    ///
    /// # Panics
    /// When `offset` lies outside or is not aligned.
    #[inline]
    #[must_use]
    pub fn read32(&self, offset: u64) -> u32 {
        seam::load(self.place(offset, Width::Bits32), Width::Bits32) as u32
    }

    /// Reads 64 bits.
    ///
    /// # Panics
    /// When `offset` lies outside or is not aligned.
    #[inline]
    #[must_use]
    pub fn read64(&self, offset: u64) -> u64 {
        seam::load(self.place(offset, Width::Bits64), Width::Bits64)
    }

    /// Writes a byte.
    ///
    /// # Panics
    /// When `offset` lies outside.
    #[inline]
    pub fn write8(&self, offset: u64, value: u8) {
        seam::store(
            self.place(offset, Width::Bits8),
            Width::Bits8,
            u64::from(value),
        );
    }

    /// Writes 16 bits.
    ///
    /// # Panics
    /// When `offset` lies outside or is not aligned.
    #[inline]
    pub fn write16(&self, offset: u64, value: u16) {
        seam::store(
            self.place(offset, Width::Bits16),
            Width::Bits16,
            u64::from(value),
        );
    }

    /// Writes 32 bits.
    ///
    /// # Panics
    /// When `offset` lies outside or is not aligned.
    #[inline]
    pub fn write32(&self, offset: u64, value: u32) {
        seam::store(
            self.place(offset, Width::Bits32),
            Width::Bits32,
            u64::from(value),
        );
    }

    /// Writes 64 bits.
    ///
    /// # Panics
    /// When `offset` lies outside or is not aligned.
    #[inline]
    pub fn write64(&self, offset: u64, value: u64) {
        seam::store(self.place(offset, Width::Bits64), Width::Bits64, value);
    }

    /// Reads bytes, one access each.
    ///
    /// # Panics
    /// When they reach outside.
    pub fn read_bytes(&self, offset: u64, buffer: &mut [u8]) {
        for (byte, offset) in buffer.iter_mut().zip(offset..) {
            *byte = self.read8(offset);
        }
    }

    /// Writes bytes, one access each.
    ///
    /// # Panics
    /// When they reach outside.
    pub fn write_bytes(&self, offset: u64, bytes: &[u8]) {
        for (byte, offset) in bytes.iter().zip(offset..) {
            self.write8(offset, *byte);
        }
    }

    /// Changes the permissions of a part.
    ///
    /// # Errors
    /// Those of `zx_vmar_protect`.
    ///
    /// # Panics
    /// When `offset` lies outside.
    pub fn protect(&self, options: VmOptions, offset: u64, len: u64) -> Result<(), Status> {
        sys::vmar_protect(self.vmar, options, self.address(offset), len)
    }

    /// Maps something else over a part.
    ///
    /// # Errors
    /// Those of `zx_vmar_map`.
    ///
    /// # Panics
    /// When the part reaches outside.
    pub fn overwrite(
        &self,
        options: VmOptions,
        offset: u64,
        vmo: &Vmo,
        vmo_offset: u64,
        len: u64,
    ) -> Result<(), Status> {
        let end = offset.checked_add(len);
        assert!(
            end.is_some_and(|end| end <= self.bytes),
            "only the region itself may be overwritten"
        );
        let options = options | VmOptions::SPECIFIC_OVERWRITE;
        let vmar = ManuallyDrop::new(Handle::from_value(self.vmar));
        let info: VmarInfo = vmar.info(Topic::VMAR)?;
        let from = self.base + offset - info.base;
        let mut at = [0; 8];
        sys::vmar_map_over(
            self.vmar,
            options,
            from,
            vmo.value(),
            vmo_offset,
            len,
            &mut at,
        )
    }

    /// Does something to the memory that a part shows.
    ///
    /// # Errors
    /// Those of `zx_vmar_op_range`.
    ///
    /// # Panics
    /// When the part reaches outside.
    pub fn op_range(&self, op: VmarOp, offset: u64, len: u64) -> Result<(), Status> {
        let end = offset.checked_add(len);
        assert!(end.is_some_and(|end| end <= self.bytes), "a part outside");
        let (at, buffer) = (self.address(offset), sys::Output::NONE);
        sys::vmar_op_range(self.vmar, op.number(), at, len, buffer)
    }

    /// Unmaps a part; the addresses stay this region's, touching them ends the program.
    ///
    /// # Errors
    /// Those of `zx_vmar_unmap`.
    ///
    /// # Panics
    /// When the part reaches outside.
    pub fn unmap_part(&self, offset: u64, len: u64) -> Result<(), Status> {
        let end = offset.checked_add(len);
        assert!(end.is_some_and(|end| end <= self.bytes), "a part outside");
        sys::vmar_unmap(self.vmar, self.address(offset), len)
    }

    /// Unmaps all of it.
    ///
    /// # Errors
    /// Those of `zx_vmar_unmap`.
    pub fn unmap(self) -> Result<(), Status> {
        let this = ManuallyDrop::new(self);
        sys::vmar_unmap(this.vmar, this.address(0), this.bytes)
    }

    /// Leaves it mapped for good and answers its first address.
    #[must_use]
    pub fn leak(self) -> u64 {
        ManuallyDrop::new(self).base
    }
}

impl Drop for Region {
    fn drop(&mut self) {
        sys::vmar_unmap(self.vmar, self.address(0), self.bytes).ok();
    }
}
