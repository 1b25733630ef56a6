//! A fixed place for mappings, with all the page tables above it, so that a mapping costs the same
//! wherever the kernel puts regions.

use zx::{Region, Status, VmOptions, Vmar, Vmo, VmoOptions};

use crate::device::READ_WRITE;

const PAGE: u64 = 4096;
/// The addresses: a table of 1 GiB in which the tables are ready, and one of that size behind it.
const BYTES: u64 = 2 << 30;
/// Its alignment, as a power of two.
const ALIGNMENT: u8 = 30;

/// A region that begins at a multiple of 1 GiB, with a page mapped at its start.
pub(crate) struct Place {
    vmar: Vmar,
    vmo: Vmo,
    _neighbour: Region,
}

impl Place {
    /// Makes one in a region.
    ///
    /// # Errors
    /// Those of the calls.
    pub(crate) fn new(root: &Vmar) -> Result<Self, Status> {
        let options = VmOptions::CAN_MAP_READ
            | VmOptions::CAN_MAP_WRITE
            | VmOptions::CAN_MAP_SPECIFIC
            | VmOptions::empty().with_alignment(ALIGNMENT);
        let (vmar, _) = root.allocate(options, 0, BYTES)?;
        let vmo = Vmo::create(PAGE, VmoOptions::empty())?;
        vmo.write(0, &[1])?;
        let options = READ_WRITE | VmOptions::SPECIFIC | VmOptions::MAP_RANGE;
        let neighbour = vmar.map_at(options, 0, &vmo, 0, PAGE)?;
        Ok(Self {
            vmar,
            vmo,
            _neighbour: neighbour,
        })
    }

    /// A page of memory, which is committed.
    pub(crate) const fn page(&self) -> &Vmo {
        &self.vmo
    }

    /// Maps a VMO from its start: at its own size, for sizes that are no less than a page and no
    /// more than 1 GiB; there the tables for entries of that size are ready.
    ///
    /// # Errors
    /// Those of `zx_vmar_map`.
    #[inline(always)]
    pub(crate) fn map(&self, options: VmOptions, vmo: &Vmo, bytes: u64) -> Result<Region, Status> {
        let options = READ_WRITE | VmOptions::SPECIFIC | options;
        self.vmar.map_at(options, bytes, vmo, 0, bytes)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.vmar.destroy().ok();
    }
}
