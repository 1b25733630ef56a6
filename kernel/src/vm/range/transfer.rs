//! `zx_vmo_transfer_data`: pages that change hands, one after the other.

use super::page_for_write;
use super::remove::list_mut;
use crate::call::{Call, Flow, SysResult};
use crate::hal::{CachePolicy, DynHal};
use crate::mem::{self, Holding, Key};
use crate::object::Objects;
use crate::task::Work;
use crate::vm::pin::is_pinned;
use crate::vm::reach::revoke_now;
use crate::vm::vmo::holder;
use crate::vm::{Content, Vmo};
use crate::{Kernel, PAGE_SHIFT, PAGE_SIZE, no_memory};
use jacinth_abi::Status;

/// How many bytes move at once or not at all.
const CHUNK: u64 = 16 * PAGE_SIZE;
/// How many nodes a chunk of pages takes at the most: paths down to two leaves, each copied or new
/// below a root that grows.
const MOST_NODES: u32 = 40;

/// Some pages of a VMO that holds them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct End {
    root: Key<Vmo>,
    at: u64,
}

impl End {
    /// `pages` pages further on.
    const fn page(self, pages: u64) -> Self {
        Self {
            root: self.root,
            at: self.at.saturating_add(pages << PAGE_SHIFT),
        }
    }

    const fn index(self) -> u64 {
        self.at >> PAGE_SHIFT
    }
}

/// A transfer under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Transfer {
    from: End,
    to: End,
    /// How many bytes are left of both.
    left: u64,
    /// Whether the last page goes first: where the ranges overlap, no page is replaced before it
    /// has moved.
    is_backward: bool,
}

/// Moves `bytes` bytes from `src` to `dst`, each a VMO and an offset, all of it page-aligned
/// (vmo.md §23, after the lookups).
///
/// # Errors
/// NOT_SUPPORTED (physical or contiguous), OUT_OF_RANGE, BAD_STATE (pinned, not cached), NO_MEMORY.
pub(crate) fn transfer(
    call: &mut Call<'_>,
    dst: (Key<Vmo>, u64),
    src: (Key<Vmo>, u64),
    bytes: u64,
) -> SysResult {
    let objects = &call.kernel.objects;
    let (from, to) = (end(objects, src)?, end(objects, dst)?);
    if src == dst {
        return Ok(Flow::ok());
    }
    for (vmo, offset) in [dst, src] {
        super::kinds::check_inside(objects, vmo, offset, bytes)?;
        if objects.get(vmo).cache != CachePolicy::Cached {
            return Err(Status::BAD_STATE);
        }
    }
    let is_backward = from.root == to.root && from.at < to.at;
    let transfer = Transfer {
        from,
        to,
        left: bytes,
        is_backward,
    };
    resume_transfer(call, transfer)
}

fn end(objects: &Objects, (vmo, offset): (Key<Vmo>, u64)) -> Result<End, Status> {
    let (root, at) = holder(objects, vmo, offset);
    match objects.get(root).content {
        Content::Paged(_) => Ok(End { root, at }),
        _ => Err(Status::NOT_SUPPORTED),
    }
}

impl Transfer {
    /// The VMOs that hold the pages on both sides.
    pub(crate) const fn roots(&self) -> [Key<Vmo>; 2] {
        [self.from.root, self.to.root]
    }

    /// The chunk that moves next, on both sides, and what is left then.
    const fn next(self) -> (End, End, Self) {
        let (mut from, mut to, mut rest) = (self.from, self.to, self);
        rest.left = self.left.saturating_sub(CHUNK);
        let moved = self.left.wrapping_sub(rest.left);
        if self.is_backward {
            from.at = from.at.saturating_add(rest.left);
            to.at = to.at.saturating_add(rest.left);
        } else {
            rest.from.at = from.at.saturating_add(moved);
            rest.to.at = to.at.saturating_add(moved);
        }
        (from, to, rest)
    }
}

/// Goes on with [`transfer`].
///
/// # Errors
/// BAD_STATE, OUT_OF_RANGE (one of them shrank), NO_MEMORY.
pub(crate) fn resume_transfer(call: &mut Call<'_>, mut transfer: Transfer) -> SysResult {
    let Transfer { from, to, left, .. } = transfer;
    for End { root, at } in [from, to] {
        let range = at..at.saturating_add(left);
        if range.end > call.kernel.objects.get(root).size {
            return Err(Status::OUT_OF_RANGE);
        }
        if is_pinned(&call.kernel.objects, root, &range) {
            return Err(Status::BAD_STATE);
        }
    }
    if from == to {
        return Ok(Flow::ok());
    }
    let mut work = mem::Work::new(mem::Work::EVENT);
    while transfer.left != 0 {
        let pages = transfer.left.min(CHUNK) >> PAGE_SHIFT;
        // A page that moves is looked for twice, and may be shown on both sides.
        for _ in 0..pages.saturating_mul(2) {
            if !work.spend() {
                return Ok(Flow::Again(Work::Transfer(transfer)));
            }
        }
        let (from, to, rest) = transfer.next();
        match move_chunk(
            call.kernel,
            call.hal,
            (from, to),
            pages,
            transfer.is_backward,
        ) {
            Ok(()) => transfer = rest,
            // A step that fails has moved nothing: it may be made again when there is memory.
            Err(_) if transfer.left != left => return Ok(Flow::Again(Work::Transfer(transfer))),
            Err(status) => return Err(status),
        }
    }
    Ok(Flow::ok())
}

/// Moves a chunk: all of it, or nothing.
///
/// # Errors
/// NO_MEMORY.
fn move_chunk(
    kernel: &mut Kernel,
    hal: &mut DynHal,
    (from, to): (End, End),
    pages: u64,
    is_backward: bool,
) -> Result<(), Status> {
    for page in 0..pages {
        // What snapshots share stays theirs; a copy moves.
        if let Holding::Shared(_) = holding(kernel, from.page(page)) {
            page_for_write(kernel, hal, from.root, from.page(page).at)?;
        }
    }
    let Kernel { objects, mem, .. } = kernel;
    objects
        .page_nodes
        .reserve_many(MOST_NODES, &mut mem.budget)
        .map_err(no_memory)?;

    // commit
    for end in [from, to] {
        revoke_now(kernel, hal, end.root, end.at..end.page(pages).at);
    }
    for page in 0..pages {
        let page = if is_backward {
            pages.wrapping_sub(1).wrapping_sub(page)
        } else {
            page
        };
        move_page(kernel, from.page(page), to.page(page));
    }
    Ok(())
}

/// Moves one page, for which nodes are reserved; where there is none, none is on the other side
/// afterwards.
fn move_page(kernel: &mut Kernel, from: End, to: End) {
    let Kernel { objects, mem, .. } = kernel;
    let moved = list_mut(objects, from.root)
        .and_then(|(list, nodes)| list.remove_alone(nodes, &mut mem.frames, from.index()));
    let Some((list, nodes)) = list_mut(objects, to.root) else {
        return;
    };
    let before = match moved {
        Some(page) => list.insert_reserved(nodes, &mut mem.frames, to.index(), page),
        None => list.remove_reserved(nodes, &mut mem.frames, to.index()),
    };
    if let Some(before) = before {
        mem.frame_free(before);
    }
}

fn holding(kernel: &mut Kernel, end: End) -> Holding {
    let frames = &kernel.mem.frames;
    match list_mut(&mut kernel.objects, end.root) {
        Some((list, nodes)) => list.holding(nodes, frames, end.index()),
        None => Holding::None,
    }
}
