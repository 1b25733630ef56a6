//! Virtual memory objects.

use alloc::vec;
use alloc::vec::Vec;

use jacinth_abi::{CachePolicy, Property, Status, Topic, VmoChildOptions, VmoInfo, VmoOptions};

use crate::handle::{new_handle, object};
use crate::{Resource, sys};

/// How much of a long copy is one call, in bytes.
const PIECE: usize = 64 << 10;

object! {
    /// A virtual memory object: memory, or a window onto physical addresses.
    Vmo
}

impl Vmo {
    /// Creates zero-filled memory that is committed on demand.
    ///
    /// # Errors
    /// INVALID_ARGS, OUT_OF_RANGE, NO_MEMORY.
    pub fn create(size: u64, options: VmoOptions) -> Result<Self, Status> {
        new_handle(|out| sys::vmo_create(size, options.bits(), out)).map(Self)
    }

    /// Creates a VMO for the physical addresses from `paddr`, as far as the resource allows.
    ///
    /// # Errors
    /// INVALID_ARGS, OUT_OF_RANGE, BAD_HANDLE, WRONG_TYPE, ACCESS_DENIED, NO_MEMORY.
    pub fn create_physical(resource: &Resource, paddr: u64, size: u64) -> Result<Self, Status> {
        let resource = resource.value();
        new_handle(|out| sys::vmo_create_physical(resource, paddr, size, out)).map(Self)
    }

    /// Creates a child.
    ///
    /// # Errors
    /// Those of `zx_vmo_create_child`.
    pub fn create_child(
        &self,
        options: VmoChildOptions,
        offset: u64,
        size: u64,
    ) -> Result<Self, Status> {
        let (parent, options) = (self.value(), options.bits());
        new_handle(|out| sys::vmo_create_child(parent, options, offset, size, out)).map(Self)
    }

    /// Creates a child that shows a part of this VMO's pages.
    ///
    /// # Errors
    /// Those of `zx_vmo_create_child`.
    pub fn slice(&self, offset: u64, size: u64) -> Result<Self, Status> {
        self.create_child(VmoChildOptions::SLICE, offset, size)
    }

    /// Reads the size in bytes, whole pages.
    ///
    /// # Errors
    /// BAD_HANDLE.
    pub fn size(&self) -> Result<u64, Status> {
        let mut size = [0; 8];
        sys::vmo_get_size(self.value(), &mut size)?;
        Ok(u64::from_le_bytes(size))
    }

    /// Reads the content size in bytes.
    ///
    /// # Errors
    /// BAD_HANDLE, ACCESS_DENIED without GET_PROPERTY.
    pub fn content_size(&self) -> Result<u64, Status> {
        self.property(Property::VmoContentSize)
    }

    /// Sets the content size in bytes; the VMO keeps its size.
    ///
    /// # Errors
    /// BAD_HANDLE, ACCESS_DENIED without SET_PROPERTY.
    pub fn set_content_size(&self, bytes: u64) -> Result<(), Status> {
        self.set_property(Property::VmoContentSize, bytes)
    }

    /// Asks for everything about it.
    ///
    /// # Errors
    /// BAD_HANDLE.
    pub fn vmo_info(&self) -> Result<VmoInfo, Status> {
        self.info(Topic::VMO)
    }

    /// Copies bytes out of it.
    ///
    /// # Errors
    /// Those of `zx_vmo_read`; NOT_SUPPORTED for a physical VMO.
    pub fn read(&self, offset: u64, buffer: &mut [u8]) -> Result<(), Status> {
        sys::vmo_read(self.value(), sys::Output::Here(buffer), offset)
    }

    /// Copies bytes into it.
    ///
    /// # Errors
    /// Those of `zx_vmo_write`; NOT_SUPPORTED for a physical VMO.
    pub fn write(&self, offset: u64, buffer: &[u8]) -> Result<(), Status> {
        sys::vmo_write(self.value(), sys::Input::Here(buffer), offset)
    }

    /// Copies its whole content out, as many bytes as its content size says.
    ///
    /// # Errors
    /// Those of `zx_vmo_read`.
    pub fn contents(&self) -> Result<Vec<u8>, Status> {
        let bytes = self.content_size()?.min(self.size()?);
        let bytes = usize::try_from(bytes).map_err(|_| Status::NO_MEMORY)?;
        let mut contents = vec![0; bytes];
        self.read_long(0, &mut contents)?;
        Ok(contents)
    }

    /// Copies many bytes out of it, some at a time.
    ///
    /// # Errors
    /// Those of `zx_vmo_read`.
    pub fn read_long(&self, offset: u64, buffer: &mut [u8]) -> Result<(), Status> {
        let offsets = (offset..).step_by(PIECE);
        for (piece, offset) in buffer.chunks_mut(PIECE).zip(offsets) {
            self.read(offset, piece)?;
        }
        Ok(())
    }

    /// Chooses the memory type that mappings get.
    ///
    /// # Errors
    /// BAD_HANDLE, ACCESS_DENIED without MAP, BAD_STATE while it is mapped or has children.
    pub fn set_cache_policy(&self, policy: CachePolicy) -> Result<(), Status> {
        sys::vmo_set_cache_policy(self.value(), policy.number())
    }
}
