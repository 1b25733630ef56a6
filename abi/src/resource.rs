//! Resources: the kinds, the flags and the bases of the SYSTEM kind.

use crate::numbered::numbered;

numbered! {
    /// What a resource is about (`ZX_RSRC_KIND_*`); 3 was ROOT and is refused.
    ResourceKind {
        /// Physical addresses, in bytes.
        Mmio = 0 "MMIO",
        /// Interrupt vectors.
        Irq = 1 "IRQ",
        /// x86 I/O ports.
        IoPort = 2 "IOPORT",
        /// Service numbers of the secure monitor, aarch64 only.
        Smc = 4 "SMC",
        /// One of [`SystemBase`], size 1.
        System = 5 "SYSTEM",
    }
}

impl ResourceKind {
    /// `ZX_RSRC_KIND_COUNT`: the first invalid number.
    pub const COUNT: u32 = 6;
}

/// `ZX_RSRC_FLAG_EXCLUSIVE`: nobody else may hold a resource over the range.
pub const RSRC_FLAG_EXCLUSIVE: u32 = 0x0001_0000;
/// `ZX_RSRC_FLAGS_MASK`: every flag there is.
pub const RSRC_FLAGS_MASK: u32 = RSRC_FLAG_EXCLUSIVE;
/// The part of `zx_resource_create`'s options that holds the kind.
pub const RSRC_KIND_MASK: u32 = 0xFFFF;

numbered! {
    /// What a SYSTEM resource allows (`ZX_RSRC_SYSTEM_*_BASE`).
    SystemBase {
        /// Guests.
        Hypervisor = 0 "HYPERVISOR",
        /// Making VMOs executable.
        Vmex = 1 "VMEX",
        /// Debugging the system.
        Debug = 2 "DEBUG",
        /// Statistics of the kernel.
        Info = 3 "INFO",
        /// CPU settings.
        Cpu = 4 "CPU",
        /// Power control.
        Power = 5 "POWER",
        /// Starting another kernel.
        Mexec = 6 "MEXEC",
        /// Energy counters.
        EnergyInfo = 7 "ENERGY_INFO",
        /// IOMMUs.
        Iommu = 8 "IOMMU",
        /// Scheduling profiles.
        Profile = 10 "PROFILE",
        /// Message-signalled interrupts.
        Msi = 11 "MSI",
        /// The debug log.
        DebugLog = 12 "DEBUGLOG",
        /// Stall statistics.
        Stall = 13 "STALL",
        /// Kernel tracing.
        Tracing = 14 "TRACING",
        /// Thread sampling.
        Sampling = 15 "SAMPLING",
    }
}

impl SystemBase {
    /// `ZX_RSRC_SYSTEM_COUNT`: the span of the SYSTEM kind.
    pub const COUNT: u32 = 16;
}
