//! CACHE_*: maintenance of the caches for what is committed.

use super::Pages;
use crate::hal::{CacheOp, DynHal};
use crate::mem;
use crate::vm::pages::{next_committed, run_at};
use crate::{Kernel, PAGE_SIZE};
use jacinth_abi::Status;

/// Maintains caches until `work` is gone; pages that have no frame are in no cache.
///
/// # Errors
/// INTERNAL, when the machine disowns a frame.
pub(super) fn maintain(
    kernel: &Kernel,
    hal: &mut DynHal,
    pages: &mut Pages,
    op: CacheOp,
    work: &mut mem::Work,
) -> Result<(), Status> {
    while pages.left() != 0 {
        let inside = pages.at & (PAGE_SIZE - 1);
        let page = pages.at.wrapping_sub(inside);
        let next = next_committed(&kernel.objects, pages.root, page);
        let Some(next) = next.filter(|next| *next < pages.end) else {
            pages.at = pages.end;
            break;
        };
        if !work.spend() {
            break;
        }
        let from = pages.at.max(next);
        let end = next.saturating_add(PAGE_SIZE).min(pages.end);
        if let Some(run) = run_at(&kernel.objects, pages.root, next, PAGE_SIZE) {
            let at = run.base.checked_add(from.saturating_sub(next));
            let at = at.ok_or(Status::INTERNAL)?;
            hal.cache_op(at, end.saturating_sub(from), op)
                .map_err(|_| Status::INTERNAL)?;
        }
        pages.at = end;
    }
    Ok(())
}
