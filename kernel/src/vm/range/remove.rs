//! Pages that go: DECOMMIT, whole pages of ZERO, and what lies behind a new end.

use super::Pages;
use crate::hal::DynHal;
use crate::mem::{self, Key, PageList};
use crate::object::Objects;
use crate::vm::pin::is_pinned;
use crate::vm::reach::revoke;
use crate::vm::{Content, Vmo};
use crate::{Kernel, PAGE_SHIFT, PAGE_SIZE, no_memory};
use core::ops::Range;
use jacinth_abi::Status;

/// How far entries are removed before the pages behind them go: what a block shows goes at once.
const WINDOW: u64 = 2 << 20;

/// Gives frames back until `work` is gone.
///
/// # Errors
/// BAD_STATE, when a page was pinned meanwhile; NO_MEMORY.
pub(super) fn decommit(
    kernel: &mut Kernel,
    hal: &mut DynHal,
    pages: &mut Pages,
    work: &mut mem::Work,
) -> Result<(), Status> {
    let range = pages.at..pages.end;
    if is_pinned(&kernel.objects, pages.root, &range) {
        return Err(Status::BAD_STATE);
    }
    pages.at = remove_pages(kernel, hal, pages.root, range, work)?;
    Ok(())
}

/// Removes the pages in a range, none of which is pinned, and the entries that show them; the
/// first byte that is not done, or the end.
///
/// # Errors
/// NO_MEMORY, where pages are shared with snapshots. Those before stay removed.
pub(super) fn remove_pages(
    kernel: &mut Kernel,
    hal: &mut DynHal,
    root: Key<Vmo>,
    range: Range<u64>,
    work: &mut mem::Work,
) -> Result<u64, Status> {
    let Range { start: mut at, end } = range;
    while let Some(first) = next_page(&kernel.objects, root, at).filter(|first| *first < end) {
        at = first;
        if work.is_gone() {
            return Ok(at);
        }
        let window = (first & !(WINDOW - 1)).saturating_add(WINDOW).min(end);
        // Nobody can fault a page back in before this event ends.
        let reached = revoke(kernel, hal, root, first..window, work);
        at = take_pages(kernel, root, first..reached, work)?;
        if at < reached {
            return Ok(at);
        }
    }
    Ok(end)
}

/// Takes the pages of a range out, which no entry shows any more; the first byte not done.
pub(super) fn take_pages(
    kernel: &mut Kernel,
    root: Key<Vmo>,
    range: Range<u64>,
    work: &mut mem::Work,
) -> Result<u64, Status> {
    let mut at = range.start;
    while let Some(page) = next_page(&kernel.objects, root, at).filter(|page| *page < range.end) {
        take_page_at(kernel, root, page)?;
        at = page.saturating_add(PAGE_SIZE);
        if !work.spend() {
            return Ok(at.min(range.end));
        }
    }
    Ok(range.end)
}

/// Takes one page out, which no entry shows any more, and frees its frame unless others hold it.
///
/// # Errors
/// NO_MEMORY, with nothing changed, where the page is shared.
pub(super) fn take_page_at(kernel: &mut Kernel, root: Key<Vmo>, at: u64) -> Result<(), Status> {
    let Kernel { objects, mem, .. } = kernel;
    let (list, nodes) = list_mut(objects, root).ok_or(Status::INTERNAL)?;
    let index = at >> PAGE_SHIFT;
    let frame = match list.remove_alone(nodes, &mut mem.frames, index) {
        Some(page) => Some(mem::Frame::claim(page.frame())),
        None => {
            list.reserve_path(index, nodes, &mut mem.budget)
                .map_err(no_memory)?;
            // commit
            list.remove_reserved(nodes, &mut mem.frames, index)
        }
    };
    if let Some(frame) = frame {
        mem.frame_free(frame);
    }
    Ok(())
}

/// The first page that a VMO holds at `at` or behind, also behind its end.
pub(super) fn next_page(objects: &Objects, root: Key<Vmo>, at: u64) -> Option<u64> {
    let Content::Paged(list) = &objects.get(root).content else {
        return None;
    };
    let (index, _) = list.next_at_or_after(&objects.page_nodes, at >> PAGE_SHIFT)?;
    index.checked_mul(PAGE_SIZE)
}

/// A VMO's list of pages and the pool of its nodes.
pub(super) fn list_mut(
    objects: &mut Objects,
    root: Key<Vmo>,
) -> Option<(&mut PageList, &mut mem::Pool<mem::PageNode>)> {
    let Objects {
        vmos, page_nodes, ..
    } = objects;
    match &mut vmos.get_mut(root)?.content {
        Content::Paged(list) => Some((list, page_nodes)),
        _ => None,
    }
}
