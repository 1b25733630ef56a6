//! What `zx_vmo_op_range` asks of the VMO and the range before it begins (vmo.md §5, §13).

use super::{Pages, RangeOp};
use crate::PAGE_SIZE;
use crate::hal::CachePolicy;
use crate::mem::Key;
use crate::object::Objects;
use crate::vm::pin::is_pinned;
use crate::vm::vmo::{Behind, behind, size};
use crate::vm::{Content, Vmo, round_up};
use jacinth_abi::Status;

/// Checks an operation on `offset..offset + bytes`; the pages to work on.
///
/// # Errors
/// NOT_SUPPORTED, INVALID_ARGS, OUT_OF_RANGE, BAD_STATE.
pub(crate) fn check(
    objects: &Objects,
    vmo: Key<Vmo>,
    op: RangeOp,
    offset: u64,
    bytes: u64,
) -> Result<Pages, Status> {
    let shown = objects.get(vmo);
    if shown.is_physical() {
        return Err(Status::NOT_SUPPORTED);
    }
    let behind = behind(objects, vmo);
    match op {
        RangeOp::Commit => {
            let end = end_inside(offset, bytes, behind.size)?;
            if bytes == 0 {
                return Ok(Pages::of(&behind, offset, 0));
            }
            let start = offset & !(PAGE_SIZE - 1);
            let end = round_up(end).ok_or(Status::OUT_OF_RANGE)?;
            Ok(Pages::of(&behind, start, end.saturating_sub(start)))
        }
        RangeOp::Decommit => check_decommit(objects, &behind, offset, bytes),
        // A ZERO is a write (vmo.md §12).
        RangeOp::Zero | RangeOp::Empty | RangeOp::Hide => {
            offset.checked_add(bytes).ok_or(Status::OUT_OF_RANGE)?;
            if shown.cache != CachePolicy::Cached {
                return Err(Status::BAD_STATE);
            }
            end_inside(offset, bytes, behind.size)?;
            Ok(Pages::of(&behind, offset, bytes))
        }
        RangeOp::Cache(_) => {
            if bytes == 0 {
                return Err(Status::INVALID_ARGS);
            }
            end_inside(offset, bytes, behind.size)?;
            Ok(Pages::of(&behind, offset, bytes))
        }
    }
}

/// The end of a range, which must lie inside the VMO.
///
/// # Errors
/// OUT_OF_RANGE.
pub(crate) fn check_inside(
    objects: &Objects,
    vmo: Key<Vmo>,
    offset: u64,
    bytes: u64,
) -> Result<u64, Status> {
    end_inside(offset, bytes, size(objects, vmo))
}

fn end_inside(offset: u64, bytes: u64, size: u64) -> Result<u64, Status> {
    offset
        .checked_add(bytes)
        .filter(|end| *end <= size)
        .ok_or(Status::OUT_OF_RANGE)
}

fn check_decommit(
    objects: &Objects,
    behind: &Behind<'_>,
    offset: u64,
    bytes: u64,
) -> Result<Pages, Status> {
    if !matches!(behind.holder.content, Content::Paged(_)) {
        // Contiguous memory is one run for good.
        return Err(Status::NOT_SUPPORTED);
    }
    end_inside(offset, bytes, behind.size)?;
    let pages = Pages::of(behind, offset, bytes);
    if bytes == 0 {
        return Ok(pages);
    }
    if (offset | bytes) & (PAGE_SIZE - 1) != 0 {
        return Err(Status::INVALID_ARGS);
    }
    if is_clone_or_cloned(behind.holder) {
        return Err(Status::NOT_SUPPORTED);
    }
    if is_pinned(objects, behind.root, &(pages.at..pages.end)) {
        return Err(Status::BAD_STATE);
    }
    Ok(pages)
}

/// Whether a VMO has a snapshot, or is one: what its missing pages mean is no longer only zeros
/// (vmo.md §13).
const fn is_clone_or_cloned(root: &Vmo) -> bool {
    root.is_snapshot() || root.snapshots != 0
}
