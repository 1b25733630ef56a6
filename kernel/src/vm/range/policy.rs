//! A change of cache policy: what caches hold of committed pages goes first.

use super::{Pages, RangeOp};
use crate::call::{Call, Flow, SysResult};
use crate::hal::{CacheOp, CachePolicy};
use crate::mem::{self, Key};
use crate::object::Objects;
use crate::task::Work;
use crate::vm::Vmo;
use crate::vm::pin::is_pinned;
use crate::vm::vmo::{holder, size};
use jacinth_abi::{Status, VmoOptions};

/// A `zx_vmo_set_cache_policy` under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct PolicyChange {
    vmo: Key<Vmo>,
    policy: CachePolicy,
    pages: Pages,
}

impl PolicyChange {
    /// The VMO, and the one that holds its pages.
    pub(crate) const fn vmos(&self) -> [Key<Vmo>; 2] {
        [self.vmo, self.pages.root()]
    }
}

/// Sets the policy of a VMO (vmo.md §14, after the lookup).
///
/// # Errors
/// BAD_STATE.
pub(crate) fn set_cache_policy(
    call: &mut Call<'_>,
    vmo: Key<Vmo>,
    policy: CachePolicy,
) -> SysResult {
    let objects = &call.kernel.objects;
    check(objects, vmo, policy)?;
    let shown = objects.get(vmo);
    if shown.is_physical() || shown.cache == policy {
        // Nothing of a device is in caches: the kernel never touches it.
        call.kernel.objects.get_mut(vmo).cache = policy;
        return Ok(Flow::ok());
    }
    let pages = Pages::new(objects, vmo, 0, size(objects, vmo));
    resume_set_cache_policy(call, PolicyChange { vmo, policy, pages })
}

/// Goes on with [`set_cache_policy`].
///
/// On the way out of CACHED, programs would not see what the kernel's zeros or their own stores left
/// in caches. On the way back, the kernel's own view of the pages may have brought lines in
/// meanwhile that are stale by now: they are clean, so that the same operation drops them.
///
/// # Errors
/// BAD_STATE, when the VMO was mapped or got children meanwhile.
pub(crate) fn resume_set_cache_policy(call: &mut Call<'_>, mut change: PolicyChange) -> SysResult {
    let PolicyChange { vmo, policy, .. } = change;
    let mut work = mem::Work::new(mem::Work::EVENT);
    let op = RangeOp::Cache(CacheOp::CleanInvalidate);
    super::step(call.kernel, call.hal, op, &mut change.pages, &mut work)?;
    if change.pages.left() != 0 {
        return Ok(Flow::Again(Work::CachePolicy(change)));
    }
    check(&call.kernel.objects, vmo, policy)?;
    // commit
    call.kernel.objects.get_mut(vmo).cache = policy;
    Ok(Flow::ok())
}

fn check(objects: &Objects, vmo: Key<Vmo>, policy: CachePolicy) -> Result<(), Status> {
    let shown = objects.get(vmo);
    if shown.is_physical() && shown.cache == policy {
        return Ok(());
    }
    let (root, _) = holder(objects, vmo, 0);
    let is_bound = shown.mapping_count != 0 || shown.children != 0 || shown.parent.is_some();
    let is_discardable = shown.options.contains(VmoOptions::DISCARDABLE);
    if is_bound
        || (is_discardable && policy != CachePolicy::Cached)
        || is_pinned(objects, root, &(0..u64::MAX))
    {
        return Err(Status::BAD_STATE);
    }
    Ok(())
}
