//! Regions of an address space.

use alloc::vec::Vec;

use jacinth_abi::{MapsInfo, PageTableInfo, Status, Topic, VmOptions, VmarInfo, VmarOp};

use crate::handle::{Handle, object};
use crate::{Address, Region, Vmo, sys};

object! {
    /// A region of an address space, in which VMOs are mapped.
    Vmar
}

/// The addresses of a region that [`Vmar::allocate`] made: nothing of Rust's is ever placed there.
///
/// The numbers only: the region lives on when this is dropped, until [`Vmar::destroy`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    base: u64,
    bytes: u64,
}

impl Span {
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
}

impl Vmar {
    /// Makes a region inside this one; without a placement option the kernel chooses where, and
    /// `offset` is 0.
    ///
    /// # Errors
    /// Those of `zx_vmar_allocate`.
    pub fn allocate(
        &self,
        options: VmOptions,
        offset: u64,
        size: u64,
    ) -> Result<(Self, Span), Status> {
        let (mut child, mut at) = ([0; 4], [0; 8]);
        sys::vmar_allocate(self.value(), options, offset, size, &mut child, &mut at)?;
        let child = Handle::from_value(u32::from_le_bytes(child));
        let base = u64::from_le_bytes(at);
        Ok((Self(child), Span { base, bytes: size }))
    }

    /// Unmaps everything in the region and gives its addresses back; the handle stays.
    ///
    /// # Errors
    /// Those of `zx_vmar_destroy`.
    pub fn destroy(&self) -> Result<(), Status> {
        sys::vmar_destroy(self.value())
    }

    /// Does something to the memory mapped from `at` on.
    ///
    /// # Errors
    /// Those of `zx_vmar_op_range`.
    pub fn op_range(&self, op: VmarOp, at: Address, size: u64) -> Result<(), Status> {
        sys::vmar_op_range(self.value(), op.number(), at, size, sys::Output::NONE)
    }

    /// Asks what is in the region: it, and what lies below it, depth first.
    ///
    /// # Errors
    /// Those of `zx_object_get_info`.
    pub fn maps(&self) -> Result<Vec<MapsInfo>, Status> {
        self.info_list(Topic::VMAR_MAPS)
    }

    /// Maps `len` bytes of a VMO; without a placement option the kernel chooses where, and
    /// `vmar_offset` is 0.
    ///
    /// # Errors
    /// Those of `zx_vmar_map`.
    ///
    /// # Panics
    /// When the options hold SPECIFIC_OVERWRITE: see [`Region::overwrite`].
    pub fn map_at(
        &self,
        options: VmOptions,
        vmar_offset: u64,
        vmo: &Vmo,
        vmo_offset: u64,
        len: u64,
    ) -> Result<Region, Status> {
        let (this, vmo) = (self.value(), vmo.value());
        let mut at = [0; 8];
        sys::vmar_map(this, options, vmar_offset, vmo, vmo_offset, len, &mut at)?;
        Ok(Region::new(this, u64::from_le_bytes(at), len))
    }

    /// Maps a whole VMO, every page at once, where the kernel likes.
    ///
    /// # Errors
    /// Those of `zx_vmar_map`.
    pub fn map(&self, vmo: &Vmo, options: VmOptions) -> Result<Region, Status> {
        let len = vmo.size()?;
        self.map_at(options | VmOptions::MAP_RANGE, 0, vmo, 0, len)
    }

    /// Asks where the region is.
    ///
    /// # Errors
    /// BAD_HANDLE, ACCESS_DENIED without INSPECT.
    pub fn vmar_info(&self) -> Result<VmarInfo, Status> {
        self.info(Topic::VMAR)
    }

    /// Asks how the page tables of the whole address space are made up.
    ///
    /// # Errors
    /// BAD_HANDLE, ACCESS_DENIED without INSPECT.
    pub fn page_table_info(&self) -> Result<PageTableInfo, Status> {
        self.info(Topic::JACINTH_INFO_PAGE_TABLE)
    }
}
