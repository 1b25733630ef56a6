//! Where the bytes of a VMO are.

use super::vmo::{holder, size};
use super::{Content, Vmo};
use crate::hal::{Backing, DynHal};
use crate::mem::{Frame, Key, Page, Work};
use crate::object::Objects;
use crate::{Kernel, PAGE_SHIFT, PAGE_SIZE, PhysAddr, PhysRun, no_memory};
use jacinth_abi::Status;

/// The run behind all of a VMO, when it is one run for good, and what the machine is to believe
/// of it.
pub(super) fn fixed_run(objects: &Objects, vmo: Key<Vmo>) -> Option<(PhysRun, Backing)> {
    let (root, offset) = holder(objects, vmo, 0);
    let (run, backing) = objects.get(root).run()?;
    let base = run.base.checked_add(offset)?;
    let pages = size(objects, vmo) >> PAGE_SHIFT;
    Some((PhysRun { base, pages }, backing))
}

/// The frames from page-aligned `offset` on that lie in a row, at most `most` bytes and inside the
/// VMO; `None` where nothing is committed.
pub(super) fn run_at(objects: &Objects, vmo: Key<Vmo>, offset: u64, most: u64) -> Option<PhysRun> {
    let most = most.min(size(objects, vmo).checked_sub(offset)?) >> PAGE_SHIFT;
    let (root, offset) = holder(objects, vmo, offset);
    match &objects.get(root).content {
        Content::Physical(run) | Content::Adopted(run) | Content::Contiguous(run) => {
            let base = run.base.checked_add(offset)?;
            Some(PhysRun { base, pages: most }).filter(|run| run.pages != 0)
        }
        Content::Paged(pages) => {
            let (base, pages) = pages.run_at(&objects.page_nodes, offset >> PAGE_SHIFT, most)?;
            Some(PhysRun { base, pages })
        }
        Content::Slice { .. } | Content::Reference { .. } => None,
    }
}

/// The offset of the first committed page at `offset` or behind.
pub(super) fn next_committed(objects: &Objects, vmo: Key<Vmo>, offset: u64) -> Option<u64> {
    let size = size(objects, vmo);
    let (root, inner) = holder(objects, vmo, offset);
    let next = match &objects.get(root).content {
        Content::Paged(pages) => {
            let (index, _) = pages.next_at_or_after(&objects.page_nodes, inner >> PAGE_SHIFT)?;
            offset.checked_add((index << PAGE_SHIFT).checked_sub(inner)?)?
        }
        _ => offset,
    };
    (next < size).then_some(next)
}

/// The frame behind page-aligned `offset`, committed and filled with zeros first if need be.
///
/// # Errors
/// OUT_OF_RANGE, NO_MEMORY.
pub(super) fn commit_page(
    kernel: &mut Kernel,
    hal: &mut DynHal,
    vmo: Key<Vmo>,
    offset: u64,
) -> Result<PhysAddr, Status> {
    if offset >= size(&kernel.objects, vmo) {
        return Err(Status::OUT_OF_RANGE);
    }
    if let Some(run) = run_at(&kernel.objects, vmo, offset, PAGE_SIZE) {
        return Ok(run.base);
    }
    let (root, offset) = holder(&kernel.objects, vmo, offset);
    let index = offset >> PAGE_SHIFT;
    let Objects {
        vmos, page_nodes, ..
    } = &mut kernel.objects;
    let Some(Content::Paged(pages)) = vmos.get_mut(root).map(|root| &mut root.content) else {
        return Err(Status::INTERNAL);
    };
    pages
        .reserve_path(index, page_nodes, &mut kernel.mem.budget)
        .map_err(no_memory)?;
    let frame = kernel.mem.frame_alloc().map_err(no_memory)?;
    let address = frame.address();
    if hal
        .zero(PhysRun {
            base: address,
            pages: 1,
        })
        .is_err()
    {
        kernel.mem.frame_free(frame);
        return Err(Status::INTERNAL);
    }
    // commit
    let (frames, page) = (&mut kernel.mem.frames, Page::new(address, 0));
    let before = pages.insert_reserved(page_nodes, frames, index, page);
    debug_assert!(before.is_none(), "nothing was committed there");
    Ok(address)
}

/// Lets go of pages of a VMO within `work`, until there is a frame to free: the frame. `None` when
/// nothing is left, or no work.
pub(super) fn take_page(kernel: &mut Kernel, vmo: Key<Vmo>, work: &mut Work) -> Option<Frame> {
    let Objects {
        vmos, page_nodes, ..
    } = &mut kernel.objects;
    match &mut vmos.get_mut(vmo)?.content {
        Content::Paged(pages) => pages.drain_step(page_nodes, &mut kernel.mem.frames, work),
        Content::Contiguous(run) => {
            let pages = run.pages.checked_sub(1)?;
            if !work.spend() {
                return None;
            }
            run.pages = pages;
            let last = run.base.checked_add(run.bytes())?;
            Some(Frame::claim(last))
        }
        _ => None,
    }
}
