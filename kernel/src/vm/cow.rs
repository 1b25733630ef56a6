//! Snapshots: children that share their parent's pages until one of the two is written.
//!
//! Page tables must not allow stores to a page that two VMOs hold. So all mappings of the parent
//! lose the right to write first, bit by bit; a fault gives it back where a page is held alone. The
//! event that finds that nothing was given back since the pass began takes the snapshot: no store
//! is lost and none comes too late. Who keeps writing meanwhile delays it, but not for ever.

use super::child::adopt;
use super::pin::is_pinned;
use super::reach::revoke_writes;
use super::vmo::{create, holder};
use super::{Content, Marks, Vmo};
use crate::hal::{CachePolicy, DynHal};
use crate::mem::{self, Key, PageList};
use crate::object::Objects;
use crate::{Kernel, PAGE_SHIFT, no_memory};
use core::ops::Range;
use jacinth_abi::{Status, VmoOptions};

/// How often a pass begins again because of stores before the snapshot is taken in one go.
const MOST_PASSES: u32 = 4;

/// What a snapshot is to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NewSnapshot {
    pub(crate) parent: Key<Vmo>,
    /// Where its first byte is in the parent; whole pages, in bytes.
    pub(crate) offset: u64,
    /// Whole pages, in bytes.
    pub(crate) size: u64,
    pub(crate) stream_size: u64,
    pub(crate) options: VmoOptions,
    pub(crate) is_immutable: bool,
}

/// A snapshot that is being prepared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Snapshot {
    new: NewSnapshot,
    /// The first byte of the parent that may still be writable.
    at: u64,
    /// The parent's grants when the pass began.
    grants: u64,
    passes: u32,
}

impl Snapshot {
    /// Begins a snapshot.
    ///
    /// # Errors
    /// Those of [`check`].
    pub(crate) fn new(kernel: &mut Kernel, new: NewSnapshot) -> Result<Self, Status> {
        let root = check(&kernel.objects, new)?;
        let above = kernel.objects.get_mut(root);
        // Who changes permissions from now on leaves stores to faults.
        above.marks.insert(Marks::SHARED);
        Ok(Self {
            new,
            at: new.offset,
            grants: above.write_grants,
            passes: 1,
        })
    }

    /// Does the work of one event; the child, when it is made.
    ///
    /// # Errors
    /// Those of [`check`]; NO_MEMORY. Nothing that a program sees
    /// was changed.
    pub(crate) fn step(
        &mut self,
        kernel: &mut Kernel,
        hal: &mut DynHal,
    ) -> Result<Option<Key<Vmo>>, Status> {
        let root = check(&kernel.objects, self.new)?;
        let Range { start, end } = self.window(&kernel.objects, root);
        let mut work = mem::Work::new(mem::Work::EVENT);
        loop {
            let grants = kernel.objects.get(root).write_grants;
            if self.at >= end && grants == self.grants {
                return take(kernel, root, self.new).map(Some);
            }
            if self.at >= end {
                (self.at, self.grants) = (start, grants);
                self.passes = self.passes.saturating_add(1);
            }
            if work.is_gone() {
                if self.passes <= MOST_PASSES {
                    return Ok(None);
                }
                work = mem::Work::new(mem::Work::EVENT);
            }
            if self.at < end {
                self.at = revoke_writes(kernel, hal, root, self.at..end, &mut work);
            }
        }
    }

    /// The part of the root that the child shows.
    fn window(&self, objects: &Objects, root: Key<Vmo>) -> Range<u64> {
        let end = self.new.offset.saturating_add(self.new.size);
        self.new.offset..end.min(objects.get(root).size)
    }
}

/// Whether there can be a snapshot (vmo.md §18); whose pages it shares.
///
/// # Errors
/// NOT_SUPPORTED, INVALID_ARGS, BAD_STATE.
fn check(objects: &Objects, new: NewSnapshot) -> Result<Key<Vmo>, Status> {
    let above = objects.get(new.parent);
    let (root, _) = holder(objects, new.parent, 0);
    let pages = objects.get(root);
    match pages.content {
        Content::Contiguous(_) => return Err(Status::INVALID_ARGS),
        Content::Paged(_) => {}
        _ => return Err(Status::NOT_SUPPORTED),
    }
    if above.cache != CachePolicy::Cached {
        return Err(Status::BAD_STATE);
    }
    if above.is_slice() {
        return Err(Status::NOT_SUPPORTED);
    }
    if is_pinned(objects, root, &(0..u64::MAX)) {
        return Err(Status::BAD_STATE);
    }
    Ok(root)
}

/// Makes the child, whose pages no page table allows stores to.
fn take(kernel: &mut Kernel, root: Key<Vmo>, new: NewSnapshot) -> Result<Key<Vmo>, Status> {
    // What a VMO that shrank still holds behind its end is nobody's.
    let inside = kernel.objects.get(root).size.saturating_sub(new.offset);
    let (first, pages) = (new.offset >> PAGE_SHIFT, new.size.min(inside) >> PAGE_SHIFT);
    let Objects {
        vmos, page_nodes, ..
    } = &mut kernel.objects;
    let Some(Content::Paged(list)) = vmos.get(root).map(|root| &root.content) else {
        return Err(Status::INTERNAL);
    };
    list.reserve_snapshot(page_nodes, &mut kernel.mem.budget)
        .map_err(no_memory)?;
    let content = Content::Paged(PageList::new());
    let child = create(kernel, |koid| {
        Vmo::new(koid, new.size, new.stream_size, content)
    })?;
    // commit
    let Objects {
        vmos, page_nodes, ..
    } = &mut kernel.objects;
    let mut shared = PageList::new();
    if let Some(Content::Paged(list)) = vmos.get_mut(root).map(|root| &mut root.content) {
        let frames = &mut kernel.mem.frames;
        shared = list.snapshot_reserved(page_nodes, frames, first, pages);
    }
    let snapshot = kernel.objects.get_mut(child);
    snapshot.content = Content::Paged(shared);
    snapshot.options = new.options;
    snapshot.marks.insert(Marks::SHARED);
    snapshot.marks.set(Marks::IMMUTABLE, new.is_immutable);
    adopt(kernel, new.parent, child);
    Ok(child)
}
