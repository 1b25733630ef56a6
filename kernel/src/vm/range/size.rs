//! `zx_vmo_set_size`: the new size first, so that nobody sees what lies behind it; then that goes.

use super::remove::{next_page, take_pages};
use super::zero::zero_bytes;
use crate::call::{Call, Flow, SysResult};
use crate::hal::{CacheOp, CachePolicy, DynHal};
use crate::mem::{self, Key};
use crate::object::Object;
use crate::task::Work;
use crate::vm::pages::run_at;
use crate::vm::pin::is_pinned;
use crate::vm::reach::revoke;
use crate::vm::vmo::{holder, sized};
use crate::vm::{Content, Vmo, round_up};
use crate::{Kernel, PAGE_SIZE};
use jacinth_abi::limits::MAX_VMO_SIZE;
use jacinth_abi::{Status, VmoOptions};

/// What lies behind the end of a VMO that shrank: pages, and entries that show them. Until it is
/// gone the VMO does not grow again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stale {
    /// Entries are gone up to here.
    revoked: u64,
    /// The old size, or 0.
    end: u64,
}

impl Stale {
    /// Nothing.
    pub(crate) const NONE: Self = Self { revoked: 0, end: 0 };

    /// Whether there is nothing.
    pub(crate) const fn is_none(self) -> bool {
        self.end == 0
    }

    /// The end of what may be left.
    pub(crate) const fn end(self) -> u64 {
        self.end
    }

    /// Whether entries may still show the page at an offset.
    pub(crate) const fn may_show(self, offset: u64) -> bool {
        self.revoked <= offset && offset < self.end
    }
}

/// A `zx_vmo_set_size` under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SizeChange {
    /// Whose size it is.
    root: Key<Vmo>,
    bytes: u64,
    /// Whether the size is the new one already.
    is_set: bool,
}

impl SizeChange {
    /// The VMO whose size it is.
    pub(crate) const fn root(&self) -> Key<Vmo> {
        self.root
    }

    /// Leaves the rest to teardown.
    pub(crate) fn abandon(self, kernel: &mut Kernel) {
        let is_owed = |vmo: &Vmo| !vmo.stale.is_none();
        if kernel.objects.vmos.get(self.root).is_some_and(is_owed) {
            kernel.objects.queue_dying(Vmo::to_ref(self.root));
        }
    }
}

/// Sets the size of a VMO (vmo.md §10, from step 3 on).
///
/// # Errors
/// UNAVAILABLE, OUT_OF_RANGE, BAD_STATE (pinned pages would go), NO_MEMORY.
pub(crate) fn set_size(call: &mut Call<'_>, vmo: Key<Vmo>, bytes: u64) -> SysResult {
    let objects = &call.kernel.objects;
    let shown = objects.get(vmo);
    let (holder, _) = holder(objects, vmo, 0);
    if !matches!(objects.get(holder).content, Content::Paged(_)) {
        return Err(Status::UNAVAILABLE);
    }
    let size = round_up(bytes).ok_or(Status::OUT_OF_RANGE)?;
    if !shown.options.contains(VmoOptions::RESIZABLE) {
        return Err(Status::UNAVAILABLE);
    }
    if size > MAX_VMO_SIZE {
        return Err(Status::OUT_OF_RANGE);
    }
    let root = sized(objects, vmo);
    let change = SizeChange {
        root,
        bytes,
        is_set: false,
    };
    resume_set_size(call, change)
}

/// Goes on with [`set_size`].
///
/// # Errors
/// As [`set_size`].
pub(crate) fn resume_set_size(call: &mut Call<'_>, mut change: SizeChange) -> SysResult {
    let root = change.root;
    let mut work = mem::Work::new(mem::Work::EVENT);
    if !change.is_set {
        // What an earlier call left behind must not come back to light.
        if !clear_stale(call.kernel, call.hal, root, &mut work)? {
            return Ok(Flow::Again(Work::SetSize(change)));
        }
        apply(call.kernel, call.hal, root, change.bytes)?;
        change.is_set = true;
    }
    // The size is set: want of memory leaves the rest to the next call, or to the VMO's end.
    match clear_stale(call.kernel, call.hal, root, &mut work) {
        Ok(true) | Err(_) => Ok(Flow::ok()),
        Ok(false) => Ok(Flow::Again(Work::SetSize(change))),
    }
}

fn apply(kernel: &mut Kernel, hal: &mut DynHal, root: Key<Vmo>, bytes: u64) -> Result<(), Status> {
    let new = round_up(bytes).ok_or(Status::OUT_OF_RANGE)?;
    let old = kernel.objects.get(root).size;
    if new < old && is_pinned(&kernel.objects, root, &(new..old)) {
        return Err(Status::BAD_STATE);
    }
    if bytes < old {
        zero_tail(kernel, hal, root, bytes, new)?;
    }
    // commit
    let vmo = kernel.objects.get_mut(root);
    vmo.size = new;
    vmo.stream_size = bytes;
    if new < old {
        vmo.stale = Stale {
            revoked: new,
            end: old,
        };
    }
    Ok(())
}

/// Zeroes what is left of the last page behind the new end.
fn zero_tail(
    kernel: &mut Kernel,
    hal: &mut DynHal,
    root: Key<Vmo>,
    from: u64,
    to: u64,
) -> Result<(), Status> {
    zero_bytes(kernel, hal, root, from, to.saturating_sub(from))?;
    if from == to || kernel.objects.get(root).cache == CachePolicy::Cached {
        return Ok(());
    }
    let page = from & !(PAGE_SIZE - 1);
    if let Some(run) = run_at(&kernel.objects, root, page, PAGE_SIZE) {
        hal.cache_op(run.base, PAGE_SIZE, CacheOp::CleanInvalidate)
            .map_err(|_| Status::INTERNAL)?;
    }
    Ok(())
}

/// Removes what lies behind the end until `work` is gone; true when nothing does.
///
/// # Errors
/// NO_MEMORY, where pages are shared with snapshots; no entry shows them any more.
fn clear_stale(
    kernel: &mut Kernel,
    hal: &mut DynHal,
    root: Key<Vmo>,
    work: &mut mem::Work,
) -> Result<bool, Status> {
    let vmo = kernel.objects.get(root);
    let (size, Stale { revoked, end }) = (vmo.size, vmo.stale);
    if revoked < end {
        let reached = revoke(kernel, hal, root, revoked..end, work);
        kernel.objects.get_mut(root).stale.revoked = reached;
        if reached < end {
            return Ok(false);
        }
    }
    if end != 0 && take_pages(kernel, root, size..end, work)? < end && is_any_left(kernel, root) {
        return Ok(false);
    }
    kernel.objects.get_mut(root).stale = Stale::NONE;
    Ok(true)
}

fn is_any_left(kernel: &Kernel, root: Key<Vmo>) -> bool {
    let vmo = kernel.objects.get(root);
    next_page(&kernel.objects, root, vmo.size).is_some_and(|page| page < vmo.stale.end)
}

/// What a living VMO in the queue of the dying needs: contents thrown away, pages behind its end
/// freed. True when nothing is left to do.
pub(crate) fn tidy_step(
    kernel: &mut Kernel,
    hal: &mut DynHal,
    vmo: Key<Vmo>,
    work: &mut mem::Work,
) -> bool {
    if !super::lives(&kernel.objects, vmo) {
        return true;
    }
    super::discard::discard_step(kernel, hal, vmo, work)
        && clear_stale(kernel, hal, vmo, work).unwrap_or(true)
}
