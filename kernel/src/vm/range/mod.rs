//! Ranges of a VMO's pages: what `zx_vmo_op_range`, `zx_vmar_op_range` and the calls that change
//! sizes do to them, bit by bit.
//!
//! [`Pages`] says where a long call is. It names offsets of the VMO that holds the pages, so slices
//! and references need no further thought. [`step`] does the work of one event; what is done
//! stays done when a later step fails, as in Zircon.

mod cache;
mod commit;
mod discard;
mod kinds;
mod policy;
mod regions;
mod remove;
mod size;
mod stream;
mod transfer;
mod zero;

pub(crate) use commit::Staged;
pub(crate) use discard::{LockHow, Locks, Spare, forget_locks, lock, resume_lock, unlock};
pub(crate) use kinds::{check, check_inside};
pub(crate) use policy::{PolicyChange, resume_set_cache_policy, set_cache_policy};
pub(crate) use regions::{RegionRange, op_region_range};
pub(crate) use size::{SizeChange, Stale, resume_set_size, set_size, tidy_step};
pub(crate) use stream::{set_content_size, set_stream_size};
pub(crate) use transfer::{Transfer, resume_transfer, transfer};

use super::pages::page_for_write;
use super::reach::revoke;
use super::vmo::{Behind, behind};
use super::{Marks, Vmo};
use crate::Kernel;
use crate::call::{Call, Flow, SysResult};
use crate::hal::{CacheOp, DynHal};
use crate::mem::{self, Key};
use crate::object::{Object, Objects};
use crate::task::Work;
use jacinth_abi::Status;

/// What is done to pages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RangeOp {
    /// Each gets a frame of its own.
    Commit,
    /// They give their frames back, and read zero.
    Decommit,
    /// Their bytes become zero.
    Zero,
    /// As `Zero`, and no page-table entry is left, not even of pages that have no frame.
    Empty,
    /// They stay, and no page-table entry shows them: faults say who may see them now.
    Hide,
    /// Caches are maintained.
    Cache(CacheOp),
}

/// Which pages, and how far that is done. A frame run that is being filled belongs to the call:
/// [`abandon`] gives it back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Pages {
    root: Key<Vmo>,
    /// The first byte that is not done.
    at: u64,
    end: u64,
    staged: Option<Key<Staged>>,
}

impl Pages {
    /// The bytes `offset..offset + bytes` of a VMO, which lie inside it.
    pub(super) fn new(objects: &Objects, vmo: Key<Vmo>, offset: u64, bytes: u64) -> Self {
        Self::of(&behind(objects, vmo), offset, bytes)
    }

    /// As [`Pages::new`], of the VMO that this is behind.
    fn of(behind: &Behind<'_>, offset: u64, bytes: u64) -> Self {
        let at = offset.saturating_add(behind.offset);
        Self {
            root: behind.root,
            at,
            end: at.saturating_add(bytes),
            staged: None,
        }
    }

    /// The VMO that holds them.
    pub(crate) const fn root(&self) -> Key<Vmo> {
        self.root
    }

    /// How many bytes are left.
    pub(super) const fn left(&self) -> u64 {
        self.end.saturating_sub(self.at)
    }
}

/// Whether a VMO still stands for its pages.
fn lives(objects: &Objects, vmo: Key<Vmo>) -> bool {
    objects.vmos.get(vmo).is_some_and(|vmo| {
        let head = vmo.head();
        (head.handles != 0 || head.uses != 0) && !vmo.marks.contains(Marks::HOLLOW)
    })
}

/// Does the work of one event; nothing is [left](Pages::left) when all is done.
///
/// # Errors
/// BAD_STATE (pinned meanwhile), NO_MEMORY. Nothing is owed then.
pub(super) fn step(
    kernel: &mut Kernel,
    hal: &mut DynHal,
    op: RangeOp,
    pages: &mut Pages,
    work: &mut mem::Work,
) -> Result<(), Status> {
    // A root that shrank meanwhile has no more.
    pages.end = pages.end.min(kernel.objects.get(pages.root).size);
    if pages.left() == 0 {
        // Also where it begins inside a page, which is none of its own.
        abandon(kernel, pages);
        return Ok(());
    }
    let result = match op {
        RangeOp::Commit => commit::commit(kernel, hal, pages, work),
        RangeOp::Decommit => remove::decommit(kernel, hal, pages, work),
        RangeOp::Zero => zero::zero(kernel, hal, pages, zero::Entries::OfPages, work),
        RangeOp::Empty => zero::zero(kernel, hal, pages, zero::Entries::All, work),
        RangeOp::Hide => {
            pages.at = revoke(kernel, hal, pages.root, pages.at..pages.end, work);
            Ok(())
        }
        RangeOp::Cache(op) => cache::maintain(kernel, hal, pages, op, work),
    };
    if result.is_err() || pages.left() == 0 {
        abandon(kernel, pages);
    }
    result
}

/// Does something to pages and answers OK in the end.
///
/// # Errors
/// Those of [`step`].
pub(crate) fn run(call: &mut Call<'_>, op: RangeOp, mut pages: Pages) -> SysResult {
    let mut work = mem::Work::new(mem::Work::EVENT);
    step(call.kernel, call.hal, op, &mut pages, &mut work)?;
    Ok(if pages.left() == 0 {
        Flow::ok()
    } else {
        Flow::Again(Work::Range { op, pages })
    })
}

/// Gives back what a call holds that will not go on.
pub(crate) fn abandon(kernel: &mut Kernel, pages: &mut Pages) {
    if let Some(staged) = pages.staged.take() {
        commit::unstage(kernel, staged);
    }
}
