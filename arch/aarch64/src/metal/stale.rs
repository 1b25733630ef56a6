//! Which CPUs may hold translations that are no longer true, of address spaces that they do not use:
//! the decisions are in [`asid`](crate::asid), and made under the big lock.

use core::sync::atomic::Ordering;

use jacinth_kernel::hal::{AspaceId, CpuId};
use jacinth_paging::root_of;

pub(crate) use crate::asid::Reach;
use crate::asid::StaleAsids;
use crate::metal::per_cpu;

/// The CPUs that must forget.
static STALE: StaleAsids = StaleAsids::new();

/// Notes that translations of a space change.
pub(crate) fn note_change(aspace: AspaceId) -> Reach {
    let running = per_cpu::running();
    if running.len() == 1 {
        return Reach::Here;
    }
    let (here, root) = (per_cpu::current_cpu(), root_of(aspace).raw());
    let mut others = running.iter().enumerate().filter(|(cpu, _)| *cpu != here);
    let is_used_elsewhere = others.any(|(_, cpu)| cpu.active.load(Ordering::Relaxed) == root);
    STALE.change(here, aspace, is_used_elsewhere)
}

/// Whether a CPU that is to use a space must forget all of it first; asked once.
pub(crate) fn take(cpu: CpuId, aspace: AspaceId) -> bool {
    STALE.enter(cpu, aspace)
}
