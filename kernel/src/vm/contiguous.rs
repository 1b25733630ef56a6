//! Memory objects whose frames lie in a row (vmo.md §9), for devices that need it so.

use super::{Content, Vmo};
use crate::hal::DynHal;
use crate::mem::{self, FramePool, Key, Mem, NoMemory};
use crate::{Kernel, PAGE_SHIFT, PhysAddr, PhysRun, no_memory};
use jacinth_abi::Status;

/// Makes a VMO of `pages` frames in a row whose first is aligned to `2^alignment_log2` bytes. What
/// they hold is unknown: nobody may see them before [`clear_some`] is done.
///
/// # Errors
/// NO_MEMORY, also where there is memory but no such run.
pub(crate) fn create_contiguous(
    kernel: &mut Kernel,
    pages: u64,
    alignment_log2: u32,
) -> Result<Key<Vmo>, Status> {
    let run = take_run(&mut kernel.mem, pages, alignment_log2).map_err(no_memory)?;
    let bytes = run.bytes();
    let created = super::vmo::create(kernel, |koid| {
        Vmo::new(koid, bytes, bytes, Content::Contiguous(run))
    });
    if created.is_err() {
        give_back(&mut kernel.mem, run);
    }
    created
}

/// Takes a run of exactly so many frames: the rest of the block that they come from goes back.
fn take_run(mem: &mut Mem, pages: u64, alignment_log2: u32) -> Result<PhysRun, NoMemory> {
    let block = pages.checked_next_power_of_two().ok_or(NoMemory)?;
    let order = block.ilog2().max(alignment_log2.saturating_sub(PAGE_SHIFT));
    let whole = mem.run_alloc(order)?;
    let run = PhysRun { pages, ..whole };
    give_back(
        mem,
        PhysRun {
            base: run.end(),
            pages: whole.pages.saturating_sub(pages),
        },
    );
    Ok(run)
}

/// Gives a run back by the largest blocks that fit.
fn give_back(mem: &mut Mem, run: PhysRun) {
    let mut number = run.base.raw() >> PAGE_SHIFT;
    let mut left = run.pages;
    while left != 0 {
        let order = number.trailing_zeros().min(left.ilog2());
        let order = order.min(FramePool::MAX_ORDER);
        mem.frames
            .free_order(PhysAddr::new(number << PAGE_SHIFT), order);
        number = number.wrapping_add(1 << order);
        left = left.wrapping_sub(1 << order);
    }
}

/// Fills the frames of a contiguous VMO with zeros from page `done` on, as far as `work` goes; the
/// first page that is not filled, or `None` when all are.
///
/// # Errors
/// INTERNAL, should the machine not take the frames for memory.
pub(crate) fn clear_some(
    kernel: &Kernel,
    hal: &mut DynHal,
    vmo: Key<Vmo>,
    done: u64,
    work: &mut mem::Work,
) -> Result<Option<u64>, Status> {
    let Content::Contiguous(run) = kernel.objects.get(vmo).content else {
        return Err(Status::INTERNAL);
    };
    for page in done..run.pages {
        if !work.spend() {
            return Ok(Some(page));
        }
        let base = run.base.checked_add(page << PAGE_SHIFT);
        let base = base.ok_or(Status::INTERNAL)?;
        hal.zero(PhysRun { base, pages: 1 })
            .map_err(|_| Status::INTERNAL)?;
    }
    Ok(None)
}
