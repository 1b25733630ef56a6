//! The records about the kernel's own memory.

use crate::record::record;

record! {
    /// `zx_info_kmem_stats_t`: what the machine's memory is used for, in bytes.
    pub struct KmemStatsInfo: 152 {
        /// All memory that the kernel manages.
        pub total_bytes: u64 = 0,
        /// Free memory.
        pub free_bytes: u64 = 8,
        /// Free memory that is lent out.
        pub free_loaned_bytes: u64 = 16,
        /// Memory of the kernel's image and what it reserved at boot.
        pub wired_bytes: u64 = 24,
        /// The kernel's heap.
        pub total_heap_bytes: u64 = 32,
        /// The free part of it.
        pub free_heap_bytes: u64 = 40,
        /// Memory that VMOs hold; not that of physical ones.
        pub vmo_bytes: u64 = 48,
        /// Page tables.
        pub mmu_overhead_bytes: u64 = 56,
        /// Messages under way.
        pub ipc_bytes: u64 = 64,
        /// Caches of pages.
        pub cache_bytes: u64 = 72,
        /// Slabs.
        pub slab_bytes: u64 = 80,
        /// Compressed pages.
        pub zram_bytes: u64 = 88,
        /// The rest.
        pub other_bytes: u64 = 96,
        /// What could be reclaimed.
        pub vmo_reclaim_total_bytes: u64 = 104,
        /// Of it what was used last.
        pub vmo_reclaim_newest_bytes: u64 = 112,
        /// Of it what was not used for the longest time.
        pub vmo_reclaim_oldest_bytes: u64 = 120,
        /// What could be reclaimed if that were not switched off.
        pub vmo_reclaim_disabled_bytes: u64 = 128,
        /// Memory of discardable VMOs that are locked.
        pub vmo_discardable_locked_bytes: u64 = 136,
        /// Memory of discardable VMOs that are not.
        pub vmo_discardable_unlocked_bytes: u64 = 144,
    }
}

record! {
    /// The record of [`Topic::KMEM_STATS_V1`](crate::Topic::KMEM_STATS_V1).
    pub struct KmemStatsV1Info: 72 {
        /// As in [`KmemStatsInfo`], and so are all others.
        pub total_bytes: u64 = 0,
        /// See [`KmemStatsInfo`].
        pub free_bytes: u64 = 8,
        /// See [`KmemStatsInfo`].
        pub wired_bytes: u64 = 16,
        /// See [`KmemStatsInfo`].
        pub total_heap_bytes: u64 = 24,
        /// See [`KmemStatsInfo`].
        pub free_heap_bytes: u64 = 32,
        /// See [`KmemStatsInfo`].
        pub vmo_bytes: u64 = 40,
        /// See [`KmemStatsInfo`].
        pub mmu_overhead_bytes: u64 = 48,
        /// See [`KmemStatsInfo`].
        pub ipc_bytes: u64 = 56,
        /// See [`KmemStatsInfo`].
        pub other_bytes: u64 = 64,
    }
}

record! {
    /// `zx_info_kmem_stats_extended_t`
    pub struct KmemStatsExtendedInfo: 120 {
        /// As in [`KmemStatsInfo`], and so are all others of the same name.
        pub total_bytes: u64 = 0,
        /// See [`KmemStatsInfo`].
        pub free_bytes: u64 = 8,
        /// See [`KmemStatsInfo`].
        pub wired_bytes: u64 = 16,
        /// See [`KmemStatsInfo`].
        pub total_heap_bytes: u64 = 24,
        /// See [`KmemStatsInfo`].
        pub free_heap_bytes: u64 = 32,
        /// See [`KmemStatsInfo`].
        pub vmo_bytes: u64 = 40,
        /// Memory that a pager supplied.
        pub vmo_pager_total_bytes: u64 = 48,
        /// Of it what was used last.
        pub vmo_pager_newest_bytes: u64 = 56,
        /// Of it what was not used for the longest time.
        pub vmo_pager_oldest_bytes: u64 = 64,
        /// See [`KmemStatsInfo`].
        pub vmo_discardable_locked_bytes: u64 = 72,
        /// See [`KmemStatsInfo`].
        pub vmo_discardable_unlocked_bytes: u64 = 80,
        /// See [`KmemStatsInfo`].
        pub mmu_overhead_bytes: u64 = 88,
        /// See [`KmemStatsInfo`].
        pub ipc_bytes: u64 = 96,
        /// See [`KmemStatsInfo`].
        pub other_bytes: u64 = 104,
        /// See [`KmemStatsInfo`].
        pub vmo_reclaim_disabled_bytes: u64 = 112,
    }
}
