//! Where the bytes of a VMO are, and how a page becomes its own.

use super::reach::revoke_now;
use super::vmo::behind;
use super::{Content, Marks, Vmo};
use crate::hal::{Backing, CacheOp, CachePolicy, DynHal};
use crate::mem::{Frame, Holding, Key, Page, Work};
use crate::object::Objects;
use crate::{Kernel, PAGE_SHIFT, PAGE_SIZE, PhysAddr, PhysRun, no_memory};
use jacinth_abi::Status;

/// The run behind all of a VMO, when it is one run for good, and what the machine is to believe
/// of it.
#[inline(always)]
pub(super) fn fixed_run(objects: &Objects, vmo: Key<Vmo>) -> Option<(PhysRun, Backing)> {
    let behind = behind(objects, vmo);
    let (run, backing) = behind.holder.run()?;
    let base = run.base.checked_add(behind.offset)?;
    let pages = behind.size >> PAGE_SHIFT;
    Some((PhysRun { base, pages }, backing))
}

/// The frames from page-aligned `offset` on that lie in a row, at most `most` bytes and inside the
/// VMO; `None` where nothing is committed. Others may hold them too.
pub(super) fn run_at(objects: &Objects, vmo: Key<Vmo>, offset: u64, most: u64) -> Option<PhysRun> {
    let behind = behind(objects, vmo);
    let most = most.min(behind.size.checked_sub(offset)?) >> PAGE_SHIFT;
    let offset = offset.saturating_add(behind.offset);
    match &behind.holder.content {
        Content::Physical(run) | Content::Adopted(run) | Content::Contiguous(run) => {
            let base = run.base.checked_add(offset)?;
            Some(PhysRun { base, pages: most }).filter(|run| run.pages != 0)
        }
        Content::Paged(_) if most == 0 => None,
        Content::Paged(pages) => {
            let (base, pages) = pages.run_at(&objects.page_nodes, offset >> PAGE_SHIFT, most)?;
            Some(PhysRun { base, pages })
        }
        Content::Slice { .. } | Content::Reference { .. } => None,
    }
}

/// As [`run_at`], but only as far as all pages may be written as they are, or none may; which.
pub(super) fn held_run_at(
    kernel: &Kernel,
    vmo: Key<Vmo>,
    offset: u64,
    most: u64,
) -> Option<(PhysRun, bool)> {
    let objects = &kernel.objects;
    let behind = behind(objects, vmo);
    let Content::Paged(pages) = &behind.holder.content else {
        return run_at(objects, vmo, offset, most).map(|run| (run, true));
    };
    let most = most.min(behind.size.checked_sub(offset)?) >> PAGE_SHIFT;
    if most == 0 {
        return None;
    }
    let inner = offset.saturating_add(behind.offset);
    let (nodes, frames) = (&objects.page_nodes, &kernel.mem.frames);
    let (base, pages, first) = pages.run_held_at(nodes, frames, inner >> PAGE_SHIFT, most)?;
    Some((PhysRun { base, pages }, matches!(first, Holding::Alone(_))))
}

/// The offset of the first committed page at `offset` or behind.
pub(super) fn next_committed(objects: &Objects, vmo: Key<Vmo>, offset: u64) -> Option<u64> {
    let behind = behind(objects, vmo);
    let inner = offset.saturating_add(behind.offset);
    let next = match &behind.holder.content {
        Content::Paged(pages) => {
            let (index, _) = pages.next_at_or_after(&objects.page_nodes, inner >> PAGE_SHIFT)?;
            offset.checked_add((index << PAGE_SHIFT).checked_sub(inner)?)?
        }
        _ => offset,
    };
    (next < behind.size).then_some(next)
}

/// The frame behind page-aligned `offset`; `None` where it reads as zeros.
pub(super) fn page_for_read(objects: &Objects, vmo: Key<Vmo>, offset: u64) -> Option<PhysAddr> {
    run_at(objects, vmo, offset, PAGE_SIZE).map(|run| run.base)
}

/// The frame behind page-aligned `offset`, for stores: committed and filled with zeros first if
/// need be, or copied from a frame that others hold too.
///
/// What showed the zeros or the common frame before is taken out of all page tables.
///
/// # Errors
/// OUT_OF_RANGE, NO_MEMORY.
pub(super) fn page_for_write(
    kernel: &mut Kernel,
    hal: &mut DynHal,
    vmo: Key<Vmo>,
    offset: u64,
) -> Result<PhysAddr, Status> {
    let behind = behind(&kernel.objects, vmo);
    if offset >= behind.size {
        return Err(Status::OUT_OF_RANGE);
    }
    let (root, inner) = (behind.root, offset.saturating_add(behind.offset));
    let Content::Paged(pages) = &behind.holder.content else {
        let run = run_at(&kernel.objects, vmo, offset, PAGE_SIZE);
        return run.map(|run| run.base).ok_or(Status::INTERNAL);
    };
    let (nodes, frames) = (&kernel.objects.page_nodes, &kernel.mem.frames);
    match pages.holding(nodes, frames, inner >> PAGE_SHIFT) {
        Holding::Alone(page) => Ok(page.frame()),
        Holding::Shared(page) => own_page(kernel, hal, root, inner, Some(page.frame())),
        Holding::None => own_page(kernel, hal, root, inner, None),
    }
}

/// As [`page_for_write`], of the VMO that holds the pages, at an offset inside it.
///
/// # Errors
/// NO_MEMORY.
pub(super) fn commit_page(
    kernel: &mut Kernel,
    hal: &mut DynHal,
    root: Key<Vmo>,
    offset: u64,
) -> Result<(), Status> {
    let Content::Paged(pages) = &kernel.objects.get(root).content else {
        return Ok(());
    };
    let (nodes, frames) = (&kernel.objects.page_nodes, &kernel.mem.frames);
    let from = match pages.holding(nodes, frames, offset >> PAGE_SHIFT) {
        Holding::Alone(_) => return Ok(()),
        Holding::Shared(page) => Some(page.frame()),
        Holding::None => None,
    };
    own_page(kernel, hal, root, offset, from).map(|_| ())
}

/// Gives a paged VMO a page of its own, with the bytes of a frame or zeros.
fn own_page(
    kernel: &mut Kernel,
    hal: &mut DynHal,
    root: Key<Vmo>,
    offset: u64,
    from: Option<PhysAddr>,
) -> Result<PhysAddr, Status> {
    let index = offset >> PAGE_SHIFT;
    let (is_cached, may_show_zeros) = reserve_page(kernel, root, index)?;
    let frame = kernel.mem.frame_alloc().map_err(no_memory)?;
    let address = frame.address();
    if fill(hal, address, from, is_cached).is_err() {
        kernel.mem.frame_free(frame);
        return Err(Status::INTERNAL);
    }
    // commit
    if from.is_some() || may_show_zeros {
        revoke_now(kernel, hal, root, offset..offset.saturating_add(PAGE_SIZE));
    }
    let Objects {
        vmos, page_nodes, ..
    } = &mut kernel.objects;
    if let Some(Content::Paged(pages)) = vmos.get_mut(root).map(|root| &mut root.content) {
        let frames = &mut kernel.mem.frames;
        let before = pages.insert_reserved(page_nodes, frames, index, Page::new(address, 0));
        if let Some(before) = before {
            kernel.mem.frame_free(before);
        }
    }
    Ok(address)
}

/// Makes room for a page in a VMO that is there for somebody. Whether programs see it through the
/// caches, and whether some may have been shown zeros.
fn reserve_page(kernel: &mut Kernel, root: Key<Vmo>, index: u64) -> Result<(bool, bool), Status> {
    let Objects {
        vmos, page_nodes, ..
    } = &mut kernel.objects;
    let root = vmos.get(root).ok_or(Status::BAD_HANDLE)?;
    let Content::Paged(pages) = &root.content else {
        return Err(Status::INTERNAL);
    };
    if root.marks.contains(Marks::HOLLOW) {
        return Err(Status::BAD_HANDLE);
    }
    pages
        .reserve_path(index, page_nodes, &mut kernel.mem.budget)
        .map_err(no_memory)?;
    let is_cached = root.cache == CachePolicy::Cached;
    Ok((is_cached, root.marks.contains(Marks::ZEROS)))
}

/// Fills a new frame; programs that see it past the caches see what it was filled with.
fn fill(
    hal: &mut DynHal,
    to: PhysAddr,
    from: Option<PhysAddr>,
    is_cached: bool,
) -> Result<(), crate::hal::NotMemory> {
    match from {
        Some(from) => hal.copy(to, from, PAGE_SIZE)?,
        None => hal.zero(PhysRun { base: to, pages: 1 })?,
    }
    if is_cached {
        return Ok(());
    }
    hal.cache_op(to, PAGE_SIZE, CacheOp::CleanInvalidate)
}

/// The page that all reads of what is not committed are shown.
///
/// # Errors
/// NO_MEMORY, the first time.
pub(crate) fn zero_page(kernel: &mut Kernel, hal: &mut DynHal) -> Result<PhysAddr, Status> {
    if let Some(zeros) = kernel.zero_page {
        return Ok(zeros);
    }
    let frame = kernel.mem.frame_alloc().map_err(no_memory)?;
    let base = frame.address();
    if hal.zero(PhysRun { base, pages: 1 }).is_err() {
        kernel.mem.frame_free(frame);
        return Err(Status::INTERNAL);
    }
    // commit
    kernel.zero_page = Some(base);
    Ok(base)
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
            let left = run.pages.checked_sub(1)?;
            if !work.spend() {
                return None;
            }
            run.pages = left;
            let last = run.base.checked_add(run.bytes())?;
            Some(Frame::claim(last))
        }
        _ => None,
    }
}
