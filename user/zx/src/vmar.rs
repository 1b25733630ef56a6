//! Regions of an address space.

use jacinth_abi::{PageTableInfo, Status, Topic, VmOptions, VmarInfo};

use crate::handle::object;
use crate::{Region, Vmo, sys};

object! {
    /// A region of an address space, in which VMOs are mapped.
    Vmar
}

impl Vmar {
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
