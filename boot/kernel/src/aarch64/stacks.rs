//! The kernel's stacks: two per CPU, each above a page that is never mapped. The boot CPU's are in
//! the image, those of the others in a window of their own.

use core::sync::atomic::{AtomicUsize, Ordering};

use jacinth_aarch64::CpuStacks;
use jacinth_aarch64::layout::STACKS;
use jacinth_kernel::PAGE_SIZE;
use jacinth_kernel::hal::CpuId;

use super::image;

const EMERGENCY_PAGES: u64 = 4;
const MAIN_PAGES: u64 = 64;
/// How many frames the stacks of a CPU take that is not the boot CPU.
pub(super) const PAGES: u64 = EMERGENCY_PAGES + MAIN_PAGES;
/// What they take of the window: each has a guard below.
const SPAN_BYTES: u64 = (PAGES + 2) * PAGE_SIZE;

/// How many CPUs have stacks.
static MAPPED: AtomicUsize = AtomicUsize::new(1);

/// Notes that so many CPUs have their stacks mapped.
pub(super) fn note_mapped(cpus: usize) {
    MAPPED.store(cpus, Ordering::Relaxed);
}

/// Start and end of the stacks of a CPU. The one for faults of the kernel is the lower one, as in
/// the image.
pub(super) fn of(cpu: CpuId) -> [(u64, u64); 2] {
    let Some(other) = cpu.checked_sub(1) else {
        return image::stacks();
    };
    let emergency = STACKS.raw() + other as u64 * SPAN_BYTES + PAGE_SIZE;
    let main = emergency + (EMERGENCY_PAGES + 1) * PAGE_SIZE;
    [
        (emergency, emergency + EMERGENCY_PAGES * PAGE_SIZE),
        (main, main + MAIN_PAGES * PAGE_SIZE),
    ]
}

/// The ends of the stacks of a CPU.
pub(super) fn tops(cpu: CpuId) -> CpuStacks {
    let [(_, emergency), (_, main)] = of(cpu);
    CpuStacks { main, emergency }
}

/// The mapped kernel stack that holds an address: its start and end.
pub(crate) fn stack_of(address: u64) -> Option<(u64, u64)> {
    let cpu = match address.checked_sub(STACKS.raw()).map(|at| at / SPAN_BYTES) {
        Some(other) if other < 1 << 16 => usize::try_from(other).ok()? + 1,
        _ => 0,
    };
    let is_mapped = cpu < MAPPED.load(Ordering::Relaxed);
    of(cpu)
        .into_iter()
        .find(|(start, end)| is_mapped && (*start..*end).contains(&address))
}
