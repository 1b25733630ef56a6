//! Unmapping: page tables first, then the pieces, bit by bit.
//!
//! What is left over for a later event is still mapped in every respect, so that a fault of another
//! thread in between finds page tables and pieces in agreement.

use super::region::{Inner, check_covered, destroy_some};
use super::vmar::{
    Region, Space, child_ending_after, cut_front, is_inside_piece, piece, remove_piece,
    reserve_pieces, space, split_at,
};
use crate::call::{Call, Flow, SysResult};
use crate::hal::DynHal;
use crate::mem::{self, Key};
use crate::object::Objects;
use crate::task::Work;
use crate::vm::{Mapping, Vmar};
use crate::{Kernel, VirtAddr, VirtRange, no_memory};

/// How many pieces cutting at both ends of `range` adds.
pub(super) fn cuts(objects: &Objects, vmar: Key<Vmar>, range: VirtRange) -> u32 {
    let Some(first) = child_ending_after(objects, vmar, range.start) else {
        return 0;
    };
    let is_piece = matches!(first.value, Region::Mapping(_));
    let at_start = u32::from(is_piece && first.start < range.start);
    // Mostly one piece is all of the range: what ends where the range does is not cut there.
    if first.end == range.end {
        return at_start;
    }
    at_start.wrapping_add(u32::from(is_inside_piece(objects, vmar, range.end)))
}

/// Cuts the pieces at both ends of `range`; room was reserved for [`cuts`].
pub(super) fn cut(objects: &mut Objects, vmar: Key<Vmar>, range: VirtRange) {
    split_at(objects, vmar, range.start);
    split_at(objects, vmar, range.end);
}

/// Removes everything in `range`, which lies inside the region (`zx_vmar_unmap`).
///
/// # Errors
/// INVALID_ARGS (a region is in the way, or covered in part); NO_MEMORY: cutting a mapping in two
/// needs one more. Nothing was changed then.
pub(crate) fn unmap(
    call: &mut Call<'_>,
    vmar: Key<Vmar>,
    range: VirtRange,
    inner: Inner,
) -> SysResult {
    let objects = &call.kernel.objects;
    let Some(first) = child_ending_after(objects, vmar, range.start) else {
        return Ok(Flow::ok());
    };
    if let Region::Mapping(key) = first.value
        && (first.start, first.end) == (range.start, range.end)
    {
        return unmap_piece(call, vmar, key, (range, inner));
    }
    check_covered(objects, vmar, range, inner)?;
    let cuts = cuts(objects, vmar, range);
    if cuts != 0 {
        reserve_pieces(call.kernel, cuts).map_err(no_memory)?;
        // commit
        cut(&mut call.kernel.objects, vmar, range);
    }
    resume_unmap(call, vmar, range, inner, 0)
}

/// Removes one piece, which is just what is to be unmapped, as it mostly is: nothing is in the way
/// then, and nothing to be cut.
fn unmap_piece(
    call: &mut Call<'_>,
    vmar: Key<Vmar>,
    key: Key<Mapping>,
    (range, inner): (VirtRange, Inner),
) -> SysResult {
    let Some(space) = space(&call.kernel.objects, vmar) else {
        return Ok(Flow::ok());
    };
    let mut work = mem::Work::new(mem::Work::EVENT);
    work.spend();
    if remove_piece_some(call.kernel, call.hal, space, key, &mut work) {
        return Ok(Flow::ok());
    }
    Ok(Flow::Again(Work::Unmap {
        vmar,
        range,
        inner,
        answer: 0,
    }))
}

/// Goes on with [`unmap`], to say `answer` in the end. A region that is gone by now is unmapped.
pub(crate) fn resume_unmap(
    call: &mut Call<'_>,
    vmar: Key<Vmar>,
    range: VirtRange,
    inner: Inner,
    answer: i64,
) -> SysResult {
    let Some(space) = space(&call.kernel.objects, vmar) else {
        return Ok(Flow::Done(answer));
    };
    let mut work = mem::Work::new(mem::Work::EVENT);
    let reached = remove_some(
        call.kernel,
        call.hal,
        space,
        vmar,
        (range, inner),
        &mut work,
    );
    if reached >= range.end {
        return Ok(Flow::Done(answer));
    }
    let range = VirtRange {
        start: reached,
        end: range.end,
    };
    Ok(Flow::Again(Work::Unmap {
        vmar,
        range,
        inner,
        answer,
    }))
}

/// Removes what is in a range, one after the other, until `work` is gone; the first address that is
/// left over, or the end.
fn remove_some(
    kernel: &mut Kernel,
    hal: &mut DynHal,
    space: Space,
    vmar: Key<Vmar>,
    (range, inner): (VirtRange, Inner),
    work: &mut mem::Work,
) -> VirtAddr {
    let mut at = range.start;
    while at < range.end
        && let Some(next) = child_ending_after(&kernel.objects, vmar, at)
    {
        if next.start >= range.end {
            break;
        }
        if !work.spend() {
            return at;
        }
        let whole = VirtRange {
            start: next.start,
            end: next.end,
        };
        let is_done = match next.value {
            // Another thread put it there since the ends were cut: it is not what was meant.
            _ if !range.covers(whole) => true,
            Region::Vmar(_) if inner == Inner::Refused => true,
            Region::Vmar(below) => destroy_some(kernel, hal, below, work),
            Region::Mapping(key) => remove_piece_some(kernel, hal, space, key, work),
        };
        if !is_done {
            return at.max(whole.start);
        }
        at = whole.end;
    }
    range.end
}

/// Removes a piece from its front on until `work` is gone; true when all of it is gone.
#[inline]
pub(super) fn remove_piece_some(
    kernel: &mut Kernel,
    hal: &mut DynHal,
    space: Space,
    key: Key<Mapping>,
    work: &mut mem::Work,
) -> bool {
    let whole = piece(&kernel.objects, key).range;
    let reached = clear(kernel, hal, space, whole, work);
    if reached >= whole.end {
        remove_piece(&mut kernel.objects, key);
        return true;
    }
    if reached > whole.start {
        cut_front(&mut kernel.objects, key, reached);
    }
    false
}

/// Removes the page-table entries of `range` until `work` is gone and pays for it; how far it got.
pub(super) fn clear(
    kernel: &mut Kernel,
    hal: &mut DynHal,
    space: Space,
    range: VirtRange,
    work: &mut mem::Work,
) -> VirtAddr {
    let mut rest = range;
    loop {
        let changed = hal.unmap(space.aspace, rest, work, &mut kernel.mem);
        rest.start = changed.reached;
        pay(kernel, hal, space, changed);
        if rest.start >= rest.end || work.is_gone() {
            return rest.start;
        }
    }
}

/// Flushes what a change left behind and counts its entries.
#[inline]
pub(super) fn pay(
    kernel: &mut Kernel,
    hal: &mut DynHal,
    space: Space,
    changed: crate::hal::Changed,
) {
    if !changed.flush.is_empty() {
        hal.flush(space.aspace, changed.flush, &mut kernel.mem);
    }
    kernel
        .objects
        .get_mut(space.process)
        .entries
        .add(changed.counts);
}
