//! COMMIT: frames for pages, in whole blocks where that is possible.

use super::Pages;
use crate::hal::{CacheOp, CachePolicy, DynHal};
use crate::mem::{self, Frame, Key, Page};
use crate::object::Objects;
use crate::vm::pages::commit_page;
use crate::vm::reach::revoke_now;
use crate::vm::{Content, Marks};
use crate::{Kernel, PAGE_SHIFT, PAGE_SIZE, PhysAddr, PhysRun, no_memory};
use jacinth_abi::Status;

/// What the middle size of page-table entries maps: a run of this size can be mapped by one.
const BLOCK: u64 = 2 << 20;
const BLOCK_PAGES: u64 = BLOCK >> PAGE_SHIFT;
const BLOCK_ORDER: u32 = BLOCK_PAGES.trailing_zeros();

/// A block of frames on its way into a VMO: too long to be filled with zeros in one event.
#[derive(Debug)]
pub(crate) struct Staged {
    base: PhysAddr,
    /// How many pages, from the first on, are filled.
    filled: u64,
    /// How many of these are in the VMO already, or free again.
    placed: u64,
}

impl Staged {
    /// How many frames it still holds.
    pub(crate) const fn frames(&self) -> u64 {
        BLOCK_PAGES.saturating_sub(self.placed)
    }
}

/// Commits pages until `work` is gone.
///
/// # Errors
/// NO_MEMORY.
pub(super) fn commit(
    kernel: &mut Kernel,
    hal: &mut DynHal,
    pages: &mut Pages,
    work: &mut mem::Work,
) -> Result<(), Status> {
    if !matches!(kernel.objects.get(pages.root).content, Content::Paged(_)) {
        // All of it is there for good.
        pages.at = pages.end;
    }
    // A step that failed and is made again may have given its block back.
    let is_live = |key: &Key<Staged>| kernel.objects.staged.get(*key).is_some();
    pages.staged = pages.staged.filter(is_live);
    while pages.left() != 0 {
        if pages.staged.is_none() {
            pages.staged = stage(kernel, pages);
        }
        let done = match pages.staged {
            Some(key) if place_staged(kernel, hal, pages, key, work)? => {
                pages.staged = None;
                kernel.objects.staged.remove(key);
                BLOCK
            }
            Some(_) => return Ok(()),
            None => {
                if !work.spend() {
                    return Ok(());
                }
                commit_page(kernel, hal, pages.root, pages.at)?;
                PAGE_SIZE
            }
        };
        pages.at = pages.at.saturating_add(done);
    }
    Ok(())
}

/// Takes a block of frames for the pages at the cursor, if a whole block of them is wanted, none
/// is there, and there is such a block.
fn stage(kernel: &mut Kernel, pages: &Pages) -> Option<Key<Staged>> {
    if pages.at & (BLOCK - 1) != 0 || pages.left() < BLOCK {
        return None;
    }
    let Content::Paged(list) = &kernel.objects.get(pages.root).content else {
        return None;
    };
    let first = pages.at >> PAGE_SHIFT;
    let next = list.next_at_or_after(&kernel.objects.page_nodes, first);
    if next.is_some_and(|(next, _)| next < first.saturating_add(BLOCK_PAGES)) {
        return None;
    }
    let Kernel { objects, mem, .. } = kernel;
    objects.staged.reserve(&mut mem.budget).ok()?;
    let run = mem.run_alloc(BLOCK_ORDER).ok()?;
    Some(objects.staged.insert_reserved(Staged {
        base: run.base,
        filled: 0,
        placed: 0,
    }))
}

/// Fills staged frames with zeros, then puts them in; true when all is done.
fn place_staged(
    kernel: &mut Kernel,
    hal: &mut DynHal,
    pages: &Pages,
    key: Key<Staged>,
    work: &mut mem::Work,
) -> Result<bool, Status> {
    loop {
        let staged = kernel.objects.staged.get_mut(key).ok_or(Status::INTERNAL)?;
        if staged.placed == BLOCK_PAGES {
            return Ok(true);
        }
        if !work.spend() {
            return Ok(false);
        }
        if staged.filled < BLOCK_PAGES {
            let base = staged.base.checked_add(staged.filled << PAGE_SHIFT);
            let base = base.ok_or(Status::INTERNAL)?;
            staged.filled = staged.filled.saturating_add(1);
            hal.zero(PhysRun { base, pages: 1 })
                .map_err(|_| Status::INTERNAL)?;
        } else {
            place_next(kernel, hal, pages, key)?;
        }
    }
}

/// Puts the next staged frame in, unless another thread committed the page meanwhile, or cut it off.
fn place_next(
    kernel: &mut Kernel,
    hal: &mut DynHal,
    pages: &Pages,
    key: Key<Staged>,
) -> Result<(), Status> {
    let root = kernel.objects.get(pages.root);
    let may_show_zeros = root.marks.contains(Marks::ZEROS);
    let is_cached = root.cache == CachePolicy::Cached;
    let Kernel { objects, mem, .. } = kernel;
    let Objects {
        vmos,
        page_nodes,
        staged,
        ..
    } = objects;
    let staged = staged.get_mut(key).ok_or(Status::INTERNAL)?;
    let Some(Content::Paged(list)) = vmos.get_mut(pages.root).map(|root| &mut root.content) else {
        return Err(Status::INTERNAL);
    };
    let index = (pages.at >> PAGE_SHIFT).saturating_add(staged.placed);
    list.reserve_path(index, page_nodes, &mut mem.budget)
        .map_err(no_memory)?;
    let frame = staged
        .base
        .checked_add(staged.placed << PAGE_SHIFT)
        .ok_or(Status::INTERNAL)?;
    if !is_cached {
        // Programs see it past the caches: what it was filled with is written back.
        hal.cache_op(frame, PAGE_SIZE, CacheOp::CleanInvalidate)
            .map_err(|_| Status::INTERNAL)?;
    }
    // commit
    staged.placed = staged.placed.saturating_add(1);
    if list.get(page_nodes, index).is_some() || index << PAGE_SHIFT >= pages.end {
        mem.frame_free(Frame::claim(frame));
        return Ok(());
    }
    list.insert_reserved(page_nodes, &mut mem.frames, index, Page::new(frame, 0));
    if may_show_zeros {
        let at = index << PAGE_SHIFT;
        revoke_now(kernel, hal, pages.root, at..at.saturating_add(PAGE_SIZE));
    }
    Ok(())
}

/// Frees what is left of a block.
pub(super) fn unstage(kernel: &mut Kernel, key: Key<Staged>) {
    let Some(staged) = kernel.objects.staged.remove(key) else {
        return;
    };
    for page in staged.placed..BLOCK_PAGES {
        if let Some(frame) = staged.base.checked_add(page << PAGE_SHIFT) {
            kernel.mem.frame_free(Frame::claim(frame));
        }
    }
}
