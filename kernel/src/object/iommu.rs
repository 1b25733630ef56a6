//! IOMMUs (spec: drivers.md §5): who translates what a device addresses.
//!
//! There is the stub only: a device's addresses are physical addresses, every initiator is known,
//! and nothing is kept from any of them.

use super::{Head, Objects};
use crate::PAGE_SIZE;
use crate::mem::Key;
use jacinth_abi::Signals;

/// A stub IOMMU.
#[derive(Debug)]
pub(crate) struct Iommu {
    pub(crate) head: Head,
}

impl Iommu {
    /// The smallest run that is mapped as one, in bytes.
    pub(crate) const MINIMUM_CONTIGUITY: u64 = PAGE_SIZE;
    /// The size of a device's address space, in bytes.
    pub(crate) const ASPACE_SIZE: u64 = u64::MAX;
}

impl Objects {
    /// Puts a new IOMMU into a slot that was reserved.
    pub(crate) fn new_iommu(&mut self) -> Key<Iommu> {
        let koid = self.new_koid();
        self.iommus.insert_reserved(Iommu {
            head: Head::new(koid, Signals::empty()),
        })
    }
}
