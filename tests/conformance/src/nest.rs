//! Regions in regions, for scenarios: destroyed when they are dropped.

use crate::env::Env;
use crate::kit::{self, H};
use jacinth_abi::{Status, VmOptions};
use zx::{Address, Region, Span, Vmar};

/// Permission to map everything but code.
pub(crate) const CAN_READ_WRITE: VmOptions =
    VmOptions::CAN_MAP_READ.union(VmOptions::CAN_MAP_WRITE);
/// What most regions here are made with.
pub(crate) const PLAIN: VmOptions = CAN_READ_WRITE.union(VmOptions::CAN_MAP_SPECIFIC);

/// A region, which is destroyed when this is dropped.
#[derive(Debug)]
pub(crate) struct Nest {
    pub(crate) vmar: Vmar,
    pub(crate) span: Span,
}

impl Nest {
    /// A region in another.
    ///
    /// # Errors
    /// The status.
    pub(crate) fn new(
        parent: u32,
        options: VmOptions,
        offset: u64,
        size: u64,
    ) -> Result<Self, Status> {
        let parent = core::mem::ManuallyDrop::new(Vmar::from(H::from_value(parent)));
        let (vmar, span) = parent.allocate(options, offset, size)?;
        Ok(Self { vmar, span })
    }

    /// A region of some pages in the root, with [`PLAIN`] options.
    ///
    /// # Errors
    /// The status.
    pub(crate) fn in_root(env: &Env, size: u64) -> Result<Self, Status> {
        Self::new(env.handles.vmar, PLAIN, 0, size)
    }

    /// A region at an offset of this one, with [`PLAIN`] options.
    ///
    /// # Errors
    /// The status.
    pub(crate) fn inner(&self, offset: u64, size: u64) -> Result<Self, Status> {
        Self::new(self.value(), PLAIN | VmOptions::SPECIFIC, offset, size)
    }

    /// Maps a VMO's first pages at an offset.
    ///
    /// # Errors
    /// The status.
    pub(crate) fn map(
        &self,
        options: VmOptions,
        offset: u64,
        vmo: &H,
        len: u64,
    ) -> Result<Region, Status> {
        let options = options | VmOptions::SPECIFIC;
        kit::map(self.value(), options, offset, vmo.value(), 0, len)
    }

    /// The handle.
    pub(crate) fn value(&self) -> u32 {
        self.vmar.value()
    }

    /// The address of a byte.
    pub(crate) fn at(&self, offset: u64) -> Address {
        self.span.address(offset)
    }
}

impl Drop for Nest {
    fn drop(&mut self) {
        self.vmar.destroy().ok();
    }
}

/// Calls `zx_vmar_allocate` for a region that is not to be made.
pub(crate) fn refused(
    parent: u32,
    options: VmOptions,
    offset: u64,
    size: u64,
) -> Result<(), Status> {
    Nest::new(parent, options, offset, size).map(drop)
}
