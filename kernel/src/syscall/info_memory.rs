//! Info topics about the memory of the whole system.

use super::info::{Answer, single};
use crate::call::{Call, HandleValue, SysResult};
use crate::{Kernel, PAGE_SHIFT};
use jacinth_abi::{
    KmemStatsExtendedInfo, KmemStatsInfo, KmemStatsV1Info, Record, SystemBase, Topic,
};

/// `ZX_INFO_KMEM_STATS` and its other forms: for whoever may ask about the system.
pub(super) fn kmem_stats(
    call: &mut Call<'_>,
    handle: HandleValue,
    topic: Topic,
    to: Answer,
) -> SysResult {
    call.check_system(handle, SystemBase::Info)?;
    let now = stats(call.kernel);
    match topic {
        Topic::KMEM_STATS_V1 => single(call, to, &version_1(&now).to_bytes()),
        Topic::KMEM_STATS_EXTENDED => single(call, to, &extended(&now).to_bytes()),
        _ => single(call, to, &now.to_bytes()),
    }
}

/// What the frames of the machine are used for. Every frame of the pool is free, in the heap, a
/// page table, a thread's registers, in a socket, or in a VMO; what the pool never had is wired.
fn stats(kernel: &Kernel) -> KmemStatsInfo {
    let frames = &kernel.mem.frames;
    let (total, free) = (frames.total_frames(), frames.free_frames());
    let (heap, tables) = (kernel.heap_frames, kernel.mem.tables());
    let contexts = u64::from(kernel.objects.threads.len());
    let ipc = u64::from(kernel.objects.segments.len());
    let in_vmos = total
        .saturating_sub(free)
        .saturating_sub(heap)
        .saturating_sub(tables)
        .saturating_sub(contexts)
        .saturating_sub(ipc);
    KmemStatsInfo {
        total_bytes: kernel.ram_bytes,
        free_bytes: free << PAGE_SHIFT,
        wired_bytes: kernel.ram_bytes.saturating_sub(total << PAGE_SHIFT),
        total_heap_bytes: heap << PAGE_SHIFT,
        vmo_bytes: in_vmos << PAGE_SHIFT,
        mmu_overhead_bytes: tables << PAGE_SHIFT,
        ipc_bytes: ipc << PAGE_SHIFT,
        other_bytes: contexts << PAGE_SHIFT,
        ..KmemStatsInfo::default()
    }
}

fn version_1(now: &KmemStatsInfo) -> KmemStatsV1Info {
    KmemStatsV1Info {
        total_bytes: now.total_bytes,
        free_bytes: now.free_bytes,
        wired_bytes: now.wired_bytes,
        total_heap_bytes: now.total_heap_bytes,
        free_heap_bytes: now.free_heap_bytes,
        vmo_bytes: now.vmo_bytes,
        mmu_overhead_bytes: now.mmu_overhead_bytes,
        ipc_bytes: now.ipc_bytes,
        other_bytes: now.other_bytes,
    }
}

fn extended(now: &KmemStatsInfo) -> KmemStatsExtendedInfo {
    KmemStatsExtendedInfo {
        total_bytes: now.total_bytes,
        free_bytes: now.free_bytes,
        wired_bytes: now.wired_bytes,
        total_heap_bytes: now.total_heap_bytes,
        free_heap_bytes: now.free_heap_bytes,
        vmo_bytes: now.vmo_bytes,
        vmo_discardable_locked_bytes: now.vmo_discardable_locked_bytes,
        vmo_discardable_unlocked_bytes: now.vmo_discardable_unlocked_bytes,
        mmu_overhead_bytes: now.mmu_overhead_bytes,
        ipc_bytes: now.ipc_bytes,
        other_bytes: now.other_bytes,
        vmo_reclaim_disabled_bytes: now.vmo_reclaim_disabled_bytes,
        ..KmemStatsExtendedInfo::default()
    }
}
