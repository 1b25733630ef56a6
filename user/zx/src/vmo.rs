//! Virtual memory objects.

use alloc::vec;
use alloc::vec::Vec;

use jacinth_abi::{
    CachePolicy, Property, Record, Status, Topic, VmoChildOptions, VmoInfo, VmoLockState, VmoOp,
    VmoOptions,
};

use crate::handle::{new_handle, object};
use crate::{Bti, Handle, Resource, sys};

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

    /// Creates zero-filled memory in one run of physical addresses, which begins at a multiple of
    /// two to the power of `alignment_log2`; 0 stands for the size of a page.
    ///
    /// # Errors
    /// Those of `zx_vmo_create_contiguous`.
    pub fn create_contiguous(bti: &Bti, size: u64, alignment_log2: u32) -> Result<Self, Status> {
        let bti = bti.value();
        new_handle(|out| sys::vmo_create_contiguous(bti, size, alignment_log2, out)).map(Self)
    }

    /// Exchanges the handle for one that may also execute; it is gone either way. Without a VMEX
    /// resource the job's policy must allow it.
    ///
    /// # Errors
    /// Those of `zx_vmo_replace_as_executable`.
    pub fn replace_as_executable(self, vmex: Option<&Resource>) -> Result<Self, Status> {
        let vmex = vmex.map_or(0, |vmex| vmex.value());
        let value = Handle::from(self).into_value();
        new_handle(|out| sys::vmo_replace_as_executable(value, vmex, out)).map(Self)
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

    /// Creates a copy of a part as it is now; both sides then go on alone.
    ///
    /// # Errors
    /// Those of `zx_vmo_create_child`.
    pub fn snapshot(&self, offset: u64, size: u64) -> Result<Self, Status> {
        self.create_child(VmoChildOptions::SNAPSHOT, offset, size)
    }

    /// Creates a child that is the same memory, its size included.
    ///
    /// # Errors
    /// Those of `zx_vmo_create_child`.
    pub fn reference(&self) -> Result<Self, Status> {
        self.create_child(VmoChildOptions::REFERENCE, 0, 0)
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

    /// Changes the size.
    ///
    /// # Errors
    /// Those of `zx_vmo_set_size`; UNAVAILABLE unless it was made RESIZABLE.
    pub fn set_size(&self, size: u64) -> Result<(), Status> {
        sys::vmo_set_size(self.value(), size)
    }

    /// Reads the stream size in bytes: the content size, by another call.
    ///
    /// # Errors
    /// BAD_HANDLE.
    pub fn stream_size(&self) -> Result<u64, Status> {
        let mut size = [0; 8];
        sys::vmo_get_stream_size(self.value(), &mut size)?;
        Ok(u64::from_le_bytes(size))
    }

    /// Sets the stream size in bytes; the VMO keeps its size.
    ///
    /// # Errors
    /// Those of `zx_vmo_set_stream_size`.
    pub fn set_stream_size(&self, bytes: u64) -> Result<(), Status> {
        sys::vmo_set_stream_size(self.value(), bytes)
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

    /// Does something to a range that needs no buffer.
    ///
    /// # Errors
    /// Those of `zx_vmo_op_range`, as for the operations by name below.
    pub fn op_range(&self, op: VmoOp, offset: u64, size: u64) -> Result<(), Status> {
        let buffer = sys::Output::NONE;
        sys::vmo_op_range(self.value(), op.number(), offset, size, buffer)
    }

    /// Gives the range its memory now.
    ///
    /// # Errors
    /// See [`Vmo::op_range`].
    pub fn commit(&self, offset: u64, size: u64) -> Result<(), Status> {
        self.op_range(VmoOp::Commit, offset, size)
    }

    /// Gives whole pages back; they read zero.
    ///
    /// # Errors
    /// See [`Vmo::op_range`].
    pub fn decommit(&self, offset: u64, size: u64) -> Result<(), Status> {
        self.op_range(VmoOp::Decommit, offset, size)
    }

    /// Fills the range with zeros.
    ///
    /// # Errors
    /// See [`Vmo::op_range`].
    pub fn zero(&self, offset: u64, size: u64) -> Result<(), Status> {
        self.op_range(VmoOp::Zero, offset, size)
    }

    /// Says that the range will be used soon.
    ///
    /// # Errors
    /// See [`Vmo::op_range`].
    pub fn prefetch(&self, offset: u64, size: u64) -> Result<(), Status> {
        self.op_range(VmoOp::Prefetch, offset, size)
    }

    /// Makes what was written visible to instruction fetches.
    ///
    /// # Errors
    /// See [`Vmo::op_range`].
    pub fn cache_sync(&self, offset: u64, size: u64) -> Result<(), Status> {
        self.op_range(VmoOp::CacheSync, offset, size)
    }

    /// Makes what was written visible to devices that do not look into caches.
    ///
    /// # Errors
    /// See [`Vmo::op_range`].
    pub fn cache_clean(&self, offset: u64, size: u64) -> Result<(), Status> {
        self.op_range(VmoOp::CacheClean, offset, size)
    }

    /// As [`Vmo::cache_clean`], and makes what such devices write visible here.
    ///
    /// # Errors
    /// See [`Vmo::op_range`].
    pub fn cache_clean_invalidate(&self, offset: u64, size: u64) -> Result<(), Status> {
        self.op_range(VmoOp::CacheCleanInvalidate, offset, size)
    }

    /// Keeps a discardable VMO, and says what it has lost.
    ///
    /// # Errors
    /// See [`Vmo::op_range`]; the range is the whole VMO.
    pub fn lock(&self, offset: u64, size: u64) -> Result<VmoLockState, Status> {
        let mut state = VmoLockState::zeroed_bytes();
        let buffer = sys::Output::Here(&mut state[..]);
        sys::vmo_op_range(self.value(), VmoOp::Lock.number(), offset, size, buffer)?;
        Ok(VmoLockState::from_bytes(&state))
    }

    /// Keeps a discardable VMO if it has lost nothing.
    ///
    /// # Errors
    /// See [`Vmo::op_range`]; the range is the whole VMO. UNAVAILABLE when it has lost something.
    pub fn try_lock(&self, offset: u64, size: u64) -> Result<(), Status> {
        self.op_range(VmoOp::TryLock, offset, size)
    }

    /// Lets a discardable VMO go.
    ///
    /// # Errors
    /// See [`Vmo::op_range`]; the range is the whole VMO.
    pub fn unlock(&self, offset: u64, size: u64) -> Result<(), Status> {
        self.op_range(VmoOp::Unlock, offset, size)
    }

    /// Moves pages of `source` to here, where they replace what was; the source reads zero.
    ///
    /// # Errors
    /// Those of `zx_vmo_transfer_data`.
    pub fn transfer_data(
        &self,
        offset: u64,
        length: u64,
        source: &Self,
        source_offset: u64,
    ) -> Result<(), Status> {
        let (this, source) = (self.value(), source.value());
        sys::vmo_transfer_data(this, 0, offset, length, source, source_offset)
    }
}
