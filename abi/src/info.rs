//! The records that `zx_object_get_info` hands out.

use crate::limits::MAX_NAME_LEN;
use crate::record::record;

record! {
    /// `zx_info_handle_basic_t`: a handle and its object.
    pub struct HandleBasicInfo: 32 {
        /// The object's koid.
        pub koid: u64 = 0,
        /// The handle's rights.
        pub rights: u32 = 8,
        /// The object's [`ObjectType`](crate::ObjectType).
        pub object_type: u32 = 12,
        /// The peer, the process of a thread, the job of a process, or 0.
        pub related_koid: u64 = 16,
        /// Zero.
        pub reserved: u32 = 24,
    }
}

record! {
    /// `zx_info_handle_extended_t`: one entry of a handle table.
    pub struct HandleExtendedInfo: 40 {
        /// The object's [`ObjectType`](crate::ObjectType).
        pub object_type: u32 = 0,
        /// The handle's value in its process.
        pub handle_value: u32 = 4,
        /// The handle's rights.
        pub rights: u32 = 8,
        /// Zero.
        pub reserved: u32 = 12,
        /// The object's koid.
        pub koid: u64 = 16,
        /// As in [`HandleBasicInfo`].
        pub related_koid: u64 = 24,
        /// Always 0.
        pub peer_owner_koid: u64 = 32,
    }
}

record! {
    /// `zx_info_handle_count_t`: how many handles to the object exist anywhere.
    pub struct HandleCountInfo: 4 {
        /// The count, messages in flight included.
        pub handle_count: u32 = 0,
    }
}

record! {
    /// `zx_info_process_t`
    pub struct ProcessInfo: 24 {
        /// What it returned, or 0.
        pub return_code: i64 = 0,
        /// When its first thread started, in ns, monotonic.
        pub start_time: i64 = 8,
        /// STARTED 1, EXITED 2, DEBUGGER_ATTACHED 4.
        pub flags: u32 = 16,
    }
}

impl ProcessInfo {
    /// `ZX_INFO_PROCESS_FLAG_STARTED`
    pub const STARTED: u32 = 1;
    /// `ZX_INFO_PROCESS_FLAG_EXITED`
    pub const EXITED: u32 = 2;
    /// `ZX_INFO_PROCESS_FLAG_DEBUGGER_ATTACHED`
    pub const DEBUGGER_ATTACHED: u32 = 4;
}

record! {
    /// The record of [`Topic::PROCESS_V1`](crate::Topic::PROCESS_V1).
    pub struct ProcessV1Info: 16 {
        /// What it returned, or 0.
        pub return_code: i64 = 0,
        /// Whether its first thread has started.
        pub started: u8 = 8,
        /// Whether it has ended.
        pub exited: u8 = 9,
        /// Whether a debugger is attached.
        pub debugger_attached: u8 = 10,
    }
}

record! {
    /// `zx_info_job_t`
    pub struct JobInfo: 16 {
        /// The code that its end left; 0 until then.
        pub return_code: i64 = 0,
        /// Whether it was killed.
        pub exited: u8 = 8,
        /// Whether it dies first when memory is short.
        pub kill_on_oom: u8 = 9,
        /// Whether somebody debugs it.
        pub debugger_attached: u8 = 10,
    }
}

record! {
    /// `zx_info_process_handle_stats_t`: how many handles to each kind of object a process has.
    pub struct ProcessHandleStatsInfo: 256 {
        /// The counts, by [`ObjectType`](crate::ObjectType).
        pub handle_count: [u32; 64] = 0,
    }
}

record! {
    /// `zx_info_resource_t`
    pub struct ResourceInfo: 56 {
        /// A [`ResourceKind`](crate::ResourceKind).
        pub kind: u32 = 0,
        /// EXCLUSIVE or 0.
        pub flags: u32 = 4,
        /// The first number that it covers; base 0 and size 0 cover everything of the kind.
        pub base: u64 = 8,
        /// How many.
        pub size: u64 = 16,
        /// The name, padded with NULs.
        pub name: [u8; MAX_NAME_LEN] = 24,
    }
}

record! {
    /// `zx_info_vmo_t`: older topics hand out the first [`VmoInfo::V1_SIZE`], ... bytes.
    pub struct VmoInfo: 176 {
        /// The koid.
        pub koid: u64 = 0,
        /// The name, padded with NULs.
        pub name: [u8; MAX_NAME_LEN] = 8,
        /// The size, whole pages.
        pub size_bytes: u64 = 40,
        /// The parent's koid, or 0.
        pub parent_koid: u64 = 48,
        /// Children that are alive.
        pub num_children: u64 = 56,
        /// Mappings of it.
        pub num_mappings: u64 = 64,
        /// Address spaces that map it, at least 1.
        pub share_count: u64 = 72,
        /// [`VmoInfoFlags`].
        pub flags: u32 = 80,
        /// Bytes of memory that it holds.
        pub committed_bytes: u64 = 88,
        /// The rights of the handle that was asked.
        pub handle_rights: u32 = 96,
        /// A [`CachePolicy`](crate::CachePolicy).
        pub cache_policy: u32 = 100,
        /// Bytes of the kernel's memory that it takes.
        pub metadata_bytes: u64 = 104,
        /// Counts changes of what is committed; opaque.
        pub committed_change_events: u64 = 112,
        /// Bytes that are committed or could be found again.
        pub populated_bytes: u64 = 120,
        /// Committed bytes that are only its own.
        pub committed_private_bytes: u64 = 128,
        /// Populated bytes that are only its own.
        pub populated_private_bytes: u64 = 136,
        /// Committed bytes, shared ones divided by their sharers.
        pub committed_scaled_bytes: u64 = 144,
        /// Populated bytes, shared ones divided by their sharers.
        pub populated_scaled_bytes: u64 = 152,
        /// What is left of a byte behind `committed_scaled_bytes`, in units of 2^-63.
        pub committed_fractional_scaled_bytes: u64 = 160,
        /// What is left of a byte behind `populated_scaled_bytes`, in units of 2^-63.
        pub populated_fractional_scaled_bytes: u64 = 168,
    }
}

impl VmoInfo {
    /// Bytes of the record of [`Topic::VMO_V1`](crate::Topic::VMO_V1).
    pub const V1_SIZE: usize = 104;
    /// Bytes of the record of [`Topic::VMO_V2`](crate::Topic::VMO_V2).
    pub const V2_SIZE: usize = 120;
    /// Bytes of the record of [`Topic::VMO_V3`](crate::Topic::VMO_V3).
    pub const V3_SIZE: usize = 128;
}

bitflags::bitflags! {
    /// The flags of a [`VmoInfo`] (`ZX_INFO_VMO_*`); TYPE_PHYSICAL is the absence of TYPE_PAGED.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
    #[repr(transparent)]
    pub struct VmoInfoFlags: u32 {
        /// It consists of pages that the kernel manages.
        const TYPE_PAGED = 0x1;
        /// Its size can be changed.
        const RESIZABLE = 0x2;
        /// It is a copy-on-write child.
        const IS_COW_CLONE = 0x4;
        /// It was asked about through a handle.
        const VIA_HANDLE = 0x8;
        /// It is reached by a mapping.
        const VIA_MAPPING = 0x10;
        /// A pager supplies its pages.
        const PAGER_BACKED = 0x20;
        /// Its pages are one physical run.
        const CONTIGUOUS = 0x40;
        /// Its contents can be discarded.
        const DISCARDABLE = 0x80;
        /// It cannot be written.
        const IMMUTABLE = 0x100;
        /// It is reached through an I/O buffer.
        const VIA_IOB_HANDLE = 0x200;
    }
}

record! {
    /// `zx_info_vmar_t`: where a region is.
    pub struct VmarInfo: 16 {
        /// Its first address.
        pub base: u64 = 0,
        /// Its length in bytes.
        pub len: u64 = 8,
    }
}

record! {
    /// `zx_info_maps_mapping_t`: the part of [`MapsInfo`] that a mapping fills.
    pub struct MapsMapping: 88 {
        /// Its permissions, `ZX_VM_PERM_*`.
        pub mmu_flags: u32 = 0,
        /// The VMO that it shows.
        pub vmo_koid: u64 = 8,
        /// The first byte of the VMO that it shows.
        pub vmo_offset: u64 = 16,
        /// Committed bytes of the part that it shows.
        pub committed_bytes: u64 = 24,
        /// Populated bytes of the part that it shows.
        pub populated_bytes: u64 = 32,
        /// As in [`VmoInfo`].
        pub committed_private_bytes: u64 = 40,
        /// As in [`VmoInfo`].
        pub populated_private_bytes: u64 = 48,
        /// As in [`VmoInfo`].
        pub committed_scaled_bytes: u64 = 56,
        /// As in [`VmoInfo`].
        pub populated_scaled_bytes: u64 = 64,
        /// As in [`VmoInfo`].
        pub committed_fractional_scaled_bytes: u64 = 72,
        /// As in [`VmoInfo`].
        pub populated_fractional_scaled_bytes: u64 = 80,
    }
}

record! {
    /// `zx_info_maps_t`: one node of an address space, depth first.
    pub struct MapsInfo: 152 {
        /// Its name, padded with NULs.
        pub name: [u8; MAX_NAME_LEN] = 0,
        /// Its first address.
        pub base: u64 = 32,
        /// Its length in bytes.
        pub size: u64 = 40,
        /// Its distance from the root.
        pub depth: u64 = 48,
        /// NONE 0, ASPACE 1, VMAR 2, MAPPING 3.
        pub maps_type: u32 = 56,
        /// What a mapping adds; zero for the others.
        pub mapping: MapsMapping = 64,
    }
}

impl MapsInfo {
    /// Bytes of the record of [`Topic::PROCESS_MAPS_V1`](crate::Topic::PROCESS_MAPS_V1).
    pub const V1_SIZE: usize = 96;
    /// Bytes of the record of [`Topic::PROCESS_MAPS_V2`](crate::Topic::PROCESS_MAPS_V2).
    pub const V2_SIZE: usize = 104;
    /// `ZX_INFO_MAPS_TYPE_ASPACE`
    pub const TYPE_ASPACE: u32 = 1;
    /// `ZX_INFO_MAPS_TYPE_VMAR`
    pub const TYPE_VMAR: u32 = 2;
    /// `ZX_INFO_MAPS_TYPE_MAPPING`
    pub const TYPE_MAPPING: u32 = 3;
}

record! {
    /// `zx_info_bti_t`
    pub struct BtiInfo: 32 {
        /// The smallest run, in bytes, that the IOMMU maps as one.
        pub minimum_contiguity: u64 = 0,
        /// The size of the device's address space in bytes.
        pub aspace_size: u64 = 8,
        /// Ranges that are pinned, those in quarantine included.
        pub pmo_count: u64 = 16,
        /// Ranges in quarantine.
        pub quarantine_count: u64 = 24,
    }
}

record! {
    /// `zx_info_thread_t`
    pub struct ThreadInfo: 72 {
        /// A [`ThreadState`].
        pub state: u32 = 0,
        /// The kind of exception channel that it waits for.
        pub wait_exception_channel_type: u32 = 4,
        /// The CPUs that it may run on.
        pub cpu_affinity_mask: [u64; 8] = 8,
    }
}

crate::numbered::numbered! {
    /// `zx_thread_state_t` (`ZX_THREAD_STATE_*`).
    ThreadState {
        /// Not started.
        New = 0x0 "NEW",
        /// Running, or able to.
        Running = 0x1 "RUNNING",
        /// Suspended.
        Suspended = 0x2 "SUSPENDED",
        /// Blocked in some way; never reported by itself.
        Blocked = 0x3 "BLOCKED",
        /// On its way out.
        Dying = 0x4 "DYING",
        /// Ended.
        Dead = 0x5 "DEAD",
        /// Stopped in an exception.
        BlockedException = 0x103 "BLOCKED_EXCEPTION",
        /// In `zx_nanosleep`.
        BlockedSleeping = 0x203 "BLOCKED_SLEEPING",
        /// In `zx_futex_wait`.
        BlockedFutex = 0x303 "BLOCKED_FUTEX",
        /// In `zx_port_wait`.
        BlockedPort = 0x403 "BLOCKED_PORT",
        /// In `zx_channel_call`.
        BlockedChannel = 0x503 "BLOCKED_CHANNEL",
        /// In `zx_object_wait_one`.
        BlockedWaitOne = 0x603 "BLOCKED_WAIT_ONE",
        /// In `zx_object_wait_many`.
        BlockedWaitMany = 0x703 "BLOCKED_WAIT_MANY",
        /// In `zx_interrupt_wait`.
        BlockedInterrupt = 0x803 "BLOCKED_INTERRUPT",
        /// Waits for a pager.
        BlockedPager = 0x903 "BLOCKED_PAGER",
    }
}

record! {
    /// `zx_info_thread_stats_t`
    pub struct ThreadStatsInfo: 16 {
        /// Time on a CPU, in ns.
        pub total_runtime: i64 = 0,
        /// The CPU that it ran on last, or 0xFFFF_FFFF.
        pub last_scheduled_cpu: u32 = 8,
    }
}

record! {
    /// Jacinth's own: how the page tables of an address space are made up.
    pub struct PageTableInfo: 32 {
        /// Entries for 4 KiB pages.
        pub pages_4k: u64 = 0,
        /// Entries for 2 MiB blocks.
        pub blocks_2m: u64 = 8,
        /// Entries for 1 GiB blocks.
        pub blocks_1g: u64 = 16,
        /// Pages that the tables take.
        pub tables: u64 = 24,
    }
}
