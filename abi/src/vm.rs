//! Options of VMOs and of address-space regions, and memory types.

use crate::numbered::numbered;
use crate::record::record;

bitflags::bitflags! {
    /// `zx_vm_option_t`: permissions and placement (`ZX_VM_*`).
    ///
    /// Bits 24 to 31 hold the alignment, see [`VmOptions::alignment`]; bits 16 to 23 are undefined
    /// and kept as given, so that the kernel can refuse them.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
    #[repr(transparent)]
    pub struct VmOptions: u32 {
        /// Map with read permission.
        const PERM_READ = 1 << 0;
        /// Map with write permission; needs read.
        const PERM_WRITE = 1 << 1;
        /// Map with execute permission; needs read.
        const PERM_EXECUTE = 1 << 2;
        /// Place things inside the new region close together.
        const COMPACT = 1 << 3;
        /// Place exactly at the offset, which must be free.
        const SPECIFIC = 1 << 4;
        /// Place exactly at the offset, replacing mappings there.
        const SPECIFIC_OVERWRITE = 1 << 5;
        /// Placement at chosen offsets is allowed in the new region.
        const CAN_MAP_SPECIFIC = 1 << 6;
        /// Readable mappings are allowed in the new region.
        const CAN_MAP_READ = 1 << 7;
        /// Writable mappings are allowed in the new region.
        const CAN_MAP_WRITE = 1 << 8;
        /// Executable mappings are allowed in the new region.
        const CAN_MAP_EXECUTE = 1 << 9;
        /// Map every page at once.
        const MAP_RANGE = 1 << 10;
        /// Refuse a resizable VMO.
        const REQUIRE_NON_RESIZABLE = 1 << 11;
        /// The mapping may be touched where the VMO has no page.
        const ALLOW_FAULTS = 1 << 12;
        /// The offset is the highest end that the caller accepts.
        const OFFSET_IS_UPPER_LIMIT = 1 << 13;
        /// Add read permission where the machine cannot map execute-only.
        const PERM_READ_IF_XOM_UNSUPPORTED = 1 << 14;
        /// Touching beyond the stream size is a fault.
        const FAULT_BEYOND_STREAM_SIZE = 1 << 15;

        /// Any permission.
        const PERM_ANY = Self::PERM_READ.bits() | Self::PERM_WRITE.bits() | Self::PERM_EXECUTE.bits();
        /// Any of the permissions that mappings in a new region may have.
        const CAN_MAP_ANY = Self::CAN_MAP_READ.bits() | Self::CAN_MAP_WRITE.bits() | Self::CAN_MAP_EXECUTE.bits();
    }
}

/// The alignment field of a [`VmOptions`] word holds no legal value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BadAlignment;

impl VmOptions {
    /// `ZX_VM_ALIGN_BASE`: where the alignment field begins.
    pub const ALIGN_BASE: u32 = 24;

    /// The bits that mean nothing: 16 to 23.
    pub const UNDEFINED: u32 = 0x00FF_0000;

    /// These options with an alignment of two to the power of `log2`, 10 to 32, or 0 for none.
    #[must_use]
    pub const fn with_alignment(self, log2: u8) -> Self {
        let field = u32::from_le_bytes([0, 0, 0, log2]);
        Self::from_bits_retain((self.bits() & 0x00FF_FFFF) | field)
    }

    /// These options without their alignment field.
    #[must_use]
    pub const fn without_alignment(self) -> Self {
        Self::from_bits_retain(self.bits() & 0x00FF_FFFF)
    }

    /// log2 of the alignment asked for: 0 (none) or 10 to 32.
    ///
    /// # Errors
    /// When the field holds anything else.
    pub const fn alignment(self) -> Result<u32, BadAlignment> {
        match self.bits() >> Self::ALIGN_BASE {
            log2 @ (0 | 10..=32) => Ok(log2),
            _ => Err(BadAlignment),
        }
    }

    /// Whether one of the bits 16 to 23 is set.
    #[must_use]
    pub const fn has_undefined(self) -> bool {
        self.bits() & Self::UNDEFINED != 0
    }
}

bitflags::bitflags! {
    /// Options of `zx_vmo_create` (`ZX_VMO_*`).
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
    #[repr(transparent)]
    pub struct VmoOptions: u32 {
        /// The size can be changed later.
        const RESIZABLE = 1 << 1;
        /// Unlocked contents may be thrown away when memory is short.
        const DISCARDABLE = 1 << 2;
        /// Pager VMOs only.
        const TRAP_DIRTY = 1 << 3;
        /// As large as possible; the size given is the stream size.
        const UNBOUNDED = 1 << 4;
    }
}

bitflags::bitflags! {
    /// Options of `zx_vmo_create_child` (`ZX_VMO_CHILD_*`); exactly one must name the type.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
    #[repr(transparent)]
    pub struct VmoChildOptions: u32 {
        /// Type: a copy-on-write snapshot.
        const SNAPSHOT = 1 << 0;
        /// The child can be resized.
        const RESIZABLE = 1 << 2;
        /// Type: a part of the parent's pages.
        const SLICE = 1 << 3;
        /// Type: a snapshot that may see later writes to pages it has not written.
        const SNAPSHOT_AT_LEAST_ON_WRITE = 1 << 4;
        /// The child's handle cannot write.
        const NO_WRITE = 1 << 5;
        /// Type: the same memory.
        const REFERENCE = 1 << 6;
        /// Type: a snapshot of what was modified.
        const SNAPSHOT_MODIFIED = 1 << 7;

        /// Every bit that names a type.
        const TYPES = Self::SNAPSHOT.bits() | Self::SLICE.bits() | Self::SNAPSHOT_AT_LEAST_ON_WRITE.bits()
            | Self::REFERENCE.bits() | Self::SNAPSHOT_MODIFIED.bits();
    }
}

numbered! {
    /// The memory type that mappings of a VMO get (`ZX_CACHE_POLICY_*`).
    CachePolicy {
        /// Ordinary memory, write-back.
        Cached = 0 "CACHED",
        /// Uncacheable; on aarch64 Device-nGnRnE.
        Uncached = 1 "UNCACHED",
        /// Uncacheable; on aarch64 Device-nGnRE.
        UncachedDevice = 2 "UNCACHED_DEVICE",
        /// Write-combining; on aarch64 Normal, non-cacheable.
        WriteCombining = 3 "WRITE_COMBINING",
    }
}

numbered! {
    /// Operations of `zx_vmo_op_range` (`ZX_VMO_OP_*`).
    VmoOp {
        /// Commit pages.
        Commit = 1 "COMMIT",
        /// Give pages back.
        Decommit = 2 "DECOMMIT",
        /// Keep a discardable VMO.
        Lock = 3 "LOCK",
        /// Let a discardable VMO go.
        Unlock = 4 "UNLOCK",
        /// Make instruction and data caches agree.
        CacheSync = 6 "CACHE_SYNC",
        /// Invalidate the data cache.
        CacheInvalidate = 7 "CACHE_INVALIDATE",
        /// Clean the data cache.
        CacheClean = 8 "CACHE_CLEAN",
        /// Clean and invalidate the data cache.
        CacheCleanInvalidate = 9 "CACHE_CLEAN_INVALIDATE",
        /// Fill with zeros.
        Zero = 10 "ZERO",
        /// Keep a discardable VMO unless it is gone already.
        TryLock = 11 "TRY_LOCK",
        /// A hint: may be reclaimed.
        DontNeed = 12 "DONT_NEED",
        /// A hint: keep.
        AlwaysNeed = 13 "ALWAYS_NEED",
        /// A hint: fetch.
        Prefetch = 14 "PREFETCH",
    }
}

numbered! {
    /// Operations of `zx_vmar_op_range` (`ZX_VMAR_OP_*`); those that VMOs have too share the number.
    VmarOp {
        /// Commit pages.
        Commit = 1 "COMMIT",
        /// Give pages back.
        Decommit = 2 "DECOMMIT",
        /// Map what is there.
        MapRange = 3 "MAP_RANGE",
        /// Fill with zeros.
        Zero = 10 "ZERO",
        /// A hint: may be reclaimed.
        DontNeed = 12 "DONT_NEED",
        /// A hint: keep.
        AlwaysNeed = 13 "ALWAYS_NEED",
        /// A hint: fetch.
        Prefetch = 14 "PREFETCH",
    }
}

record! {
    /// `zx_vmo_lock_state_t`: what `LOCK` tells of a discardable VMO.
    pub struct VmoLockState: 32 {
        /// The start of the locked range.
        pub offset: u64 = 0,
        /// Its length in bytes.
        pub size: u64 = 8,
        /// The start of what was thrown away since it was last locked.
        pub discarded_offset: u64 = 16,
        /// How much was, in bytes; 0 when nothing was.
        pub discarded_size: u64 = 24,
    }
}
