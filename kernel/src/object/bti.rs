//! Bus transaction initiators (spec: drivers.md §6): in whose name memory is pinned for a device.

use super::{Head, Iommu, Object, Objects, Pmt};
use crate::mem::{Key, List};
use crate::vm::Name;
use jacinth_abi::{BtiInfo, Signals};

/// A bus transaction initiator. Its number at the IOMMU is not kept: the stub takes every one.
#[derive(Debug)]
pub(crate) struct Bti {
    pub(crate) head: Head,
    pub(crate) name: Name,
    /// Who translates for it; a use is held.
    pub(crate) iommu: Key<Iommu>,
    /// How many ranges are pinned through it, those in quarantine included; each holds a use.
    pub(crate) pins: u32,
    /// Ranges whose holders went away without unpinning; the list holds a use of each.
    pub(crate) quarantine: List<Pmt>,
}

impl Bti {
    /// What `ZX_INFO_BTI` tells.
    pub(crate) fn info(&self) -> BtiInfo {
        BtiInfo {
            minimum_contiguity: Iommu::MINIMUM_CONTIGUITY,
            aspace_size: Iommu::ASPACE_SIZE,
            pmo_count: self.pins.into(),
            quarantine_count: self.quarantine.len().into(),
        }
    }
}

impl Objects {
    /// Puts a new initiator into a slot that was reserved.
    pub(crate) fn new_bti(&mut self, iommu: Key<Iommu>) -> Key<Bti> {
        let koid = self.new_koid();
        self.add_use(Iommu::to_ref(iommu));
        self.btis.insert_reserved(Bti {
            head: Head::new(koid, Signals::empty()),
            name: Name::default(),
            iommu,
            pins: 0,
            quarantine: List::new(),
        })
    }

    /// Forgets an initiator that nothing refers to any more.
    pub(crate) fn free_bti(&mut self, key: Key<Bti>) {
        if let Some(gone) = self.btis.remove(key) {
            self.drop_use(Iommu::to_ref(gone.iommu));
        }
    }
}
