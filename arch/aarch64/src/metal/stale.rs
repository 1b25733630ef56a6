//! Which CPUs may hold translations that are no longer true, of address spaces that they do not use.
//!
//! A translation of a space does no harm while no table of the space is in TTBR0. So a change is
//! told only to the CPUs that use the space; the others are noted here, by address-space
//! identifier, and forget all of it when they use it next. All of this happens under the big lock.

use core::sync::atomic::Ordering;

use jacinth_kernel::hal::{AspaceId, CpuId};
use jacinth_paging::{CpuMask, StaleTags, asid_of, root_of};

use crate::metal::per_cpu;

/// The CPUs that must forget.
static STALE: StaleTags = StaleTags::new();

/// How far a change must be told at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reach {
    /// This CPU alone uses the space, or none.
    Here,
    /// Others do.
    Everywhere,
}

/// Notes that translations of a space change.
pub(crate) fn note_change(aspace: AspaceId) -> Reach {
    let running = per_cpu::running();
    if running.len() == 1 {
        return Reach::Here;
    }
    let (here, root) = (per_cpu::current_cpu(), root_of(aspace).raw());
    let mut others = running.iter().enumerate().filter(|(cpu, _)| *cpu != here);
    if others.any(|(_, cpu)| cpu.active.load(Ordering::Relaxed) == root) {
        return Reach::Everywhere;
    }
    STALE.note(asid_of(aspace), CpuMask::of(here).others());
    Reach::Here
}

/// Whether a CPU that is to use a space must forget all of it first; asked once.
pub(crate) fn take(cpu: CpuId, aspace: AspaceId) -> bool {
    STALE.take(asid_of(aspace), cpu)
}
