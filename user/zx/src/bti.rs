//! Memory for devices that read and write it themselves.

use alloc::vec;
use alloc::vec::Vec;

use jacinth_abi::{BtiInfo, BtiOptions, IommuType, Status, Topic};

use crate::handle::{Handle, new_handle, object};
use crate::{Resource, Vmo, sys};

object! {
    /// An IOMMU: it translates the addresses that devices use.
    Iommu
}

impl Iommu {
    /// Makes the one that translates nothing: device addresses are physical ones.
    ///
    /// # Errors
    /// Those of `zx_iommu_create`.
    pub fn create_stub(system: &Resource) -> Result<Self, Status> {
        let (system, desc) = (system.value(), sys::Input::Here(&[0]));
        new_handle(|out| sys::iommu_create(system, IommuType::Stub.number(), desc, out)).map(Self)
    }
}

object! {
    /// A bus transaction initiator: a device, as the one who reads and writes memory.
    Bti
}

impl Bti {
    /// Makes one; `id` says which device it is.
    ///
    /// # Errors
    /// Those of `zx_bti_create`.
    pub fn create(iommu: &Iommu, id: u64) -> Result<Self, Status> {
        new_handle(|out| sys::bti_create(iommu.value(), 0, id, out)).map(Self)
    }

    /// Pins a range of a VMO and answers `count` device addresses: one for each page, or one alone
    /// with CONTIGUOUS.
    ///
    /// # Errors
    /// Those of `zx_bti_pin`.
    pub fn pin(
        &self,
        options: BtiOptions,
        vmo: &Vmo,
        offset: u64,
        size: u64,
        count: usize,
    ) -> Result<(Pmt, Vec<u64>), Status> {
        let (this, options, vmo) = (self.value(), options.bits(), vmo.value());
        let mut bytes = vec![0; count * 8];
        let addrs = sys::Output::Here(&mut bytes[..]);
        let pmt = new_handle(|out| sys::bti_pin(this, options, vmo, offset, size, addrs, out))?;
        Ok((Pmt(pmt), bytes.chunks_exact(8).map(word).collect()))
    }

    /// Asks how many pins it has, and how many their holders left behind.
    ///
    /// # Errors
    /// BAD_HANDLE, ACCESS_DENIED without INSPECT.
    pub fn bti_info(&self) -> Result<BtiInfo, Status> {
        self.info(Topic::BTI)
    }

    /// Unpins what dead holders of pins left behind.
    ///
    /// # Errors
    /// BAD_HANDLE, ACCESS_DENIED without WRITE.
    pub fn release_quarantine(&self) -> Result<(), Status> {
        sys::bti_release_quarantine(self.value())
    }
}

object! {
    /// Pinned memory.
    ///
    /// Dropping it does not unpin: a device may still be at work on it. See [`Pmt::unpin`].
    Pmt
}

impl Pmt {
    /// Unpins: no device uses the memory any more.
    ///
    /// # Errors
    /// BAD_HANDLE.
    pub fn unpin(self) -> Result<(), Status> {
        sys::pmt_unpin(Handle::from(self).into_value())
    }
}

fn word(bytes: &[u8]) -> u64 {
    let mut word = [0; 8];
    word.copy_from_slice(bytes);
    u64::from_le_bytes(word)
}
