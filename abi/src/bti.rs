//! Bus transaction initiators and IOMMUs: options and types (drivers.md §5, §6).

use crate::numbered::numbered;

bitflags::bitflags! {
    /// The options of `zx_bti_pin` (`ZX_BTI_*`).
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
    #[repr(transparent)]
    pub struct BtiOptions: u32 {
        /// The device reads.
        const PERM_READ = 1;
        /// The device writes.
        const PERM_WRITE = 2;
        /// The device fetches instructions.
        const PERM_EXECUTE = 4;
        /// One address for each minimum contiguity of the IOMMU.
        const COMPRESS = 8;
        /// One address for all: the VMO is one physical run.
        const CONTIGUOUS = 16;

        /// What the device may do.
        const PERMS = Self::PERM_READ.bits() | Self::PERM_WRITE.bits() | Self::PERM_EXECUTE.bits();
    }
}

numbered! {
    /// The type of an IOMMU (`ZX_IOMMU_TYPE_*`).
    IommuType {
        /// None: a device's addresses are physical ones (older name: DUMMY).
        Stub = 0 "STUB",
        /// Intel's VT-d.
        Intel = 1 "INTEL",
        /// Arm's system memory management unit.
        ArmSmmu = 2 "ARM_SMMU",
    }
}
