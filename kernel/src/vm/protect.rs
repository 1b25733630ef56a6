//! Changing permissions: the pieces at once, then the page tables bit by bit.
//!
//! Page tables follow what the pieces say when they are reached, so that what other threads do in
//! between is never undone.

use super::unmap::{clear, cut, cuts, pay};
use super::vmar::{
    Space, move_end, piece, piece_at, piece_ending_after, piece_mut, reserve_pieces, space,
    take_piece,
};
use crate::call::{Call, Flow, SysResult};
use crate::hal::{DynHal, MmuFlags};
use crate::mem::{self, Key, Mem};
use crate::object::Objects;
use crate::task::Work;
use crate::vm::{Mapping, Vmar};
use crate::{Kernel, VirtAddr, VirtRange, no_memory};
use jacinth_abi::Status;

/// Sets the permissions of all of `range`, which lies inside the region (`zx_vmar_protect`).
///
/// # Errors
/// NOT_FOUND (a gap), ACCESS_DENIED (more than a mapping may ever allow), NO_MEMORY; nothing was
/// changed then.
pub(crate) fn protect(
    call: &mut Call<'_>,
    vmar: Key<Vmar>,
    range: VirtRange,
    flags: MmuFlags,
) -> SysResult {
    check(&call.kernel.objects, vmar, range, flags)?;
    let cuts = cuts(&call.kernel.objects, vmar, range);
    reserve_pieces(call.kernel, cuts).map_err(no_memory)?;
    call.kernel
        .mem
        .reserve_tables(Mem::MOST_RESERVED_TABLES)
        .map_err(no_memory)?;
    // commit
    cut(&mut call.kernel.objects, vmar, range);
    set_flags(&mut call.kernel.objects, vmar, range, flags);
    resume_protect(call, vmar, range, flags)
}

/// Goes on with [`protect`]. A region that is gone by now has no permissions left.
pub(crate) fn resume_protect(
    call: &mut Call<'_>,
    vmar: Key<Vmar>,
    range: VirtRange,
    flags: MmuFlags,
) -> SysResult {
    let Some(space) = space(&call.kernel.objects, vmar) else {
        return Ok(Flow::OK);
    };
    let mut work = mem::Work::new(mem::Work::EVENT);
    let reached = follow(call.kernel, call.hal, space, vmar, range, &mut work);
    call.kernel.mem.release_tables();
    if reached < range.end {
        let range = VirtRange {
            start: reached,
            end: range.end,
        };
        return Ok(Flow::Again(Work::Protect { vmar, range, flags }));
    }
    Ok(Flow::OK)
}

/// Walks the whole range before anything is changed (vmar.md §7, step 9).
fn check(
    objects: &Objects,
    vmar: Key<Vmar>,
    range: VirtRange,
    flags: MmuFlags,
) -> Result<(), Status> {
    let mut at = range.start;
    while at < range.end {
        let here = piece(
            objects,
            piece_at(objects, vmar, at).ok_or(Status::NOT_FOUND)?,
        );
        if !here.may.contains(flags) {
            return Err(Status::ACCESS_DENIED);
        }
        at = here.range.end;
    }
    Ok(())
}

/// Gives all pieces of `range` their new permissions, and joins those that became alike.
pub(super) fn set_flags(objects: &mut Objects, vmar: Key<Vmar>, range: VirtRange, flags: MmuFlags) {
    let mut at = range.start;
    while at < range.end {
        let Some(key) = piece_at(objects, vmar, at) else {
            return;
        };
        let here = piece_mut(objects, key);
        here.flags = flags;
        let next = here.range.end;
        join(objects, vmar, key);
        at = next;
    }
    if let Some(behind) = piece_at(objects, vmar, range.end) {
        join(objects, vmar, behind);
    }
}

/// Joins a piece to the one it continues, if both allow the same.
fn join(objects: &mut Objects, vmar: Key<Vmar>, key: Key<Mapping>) {
    let here = piece(objects, key);
    let (range, flags) = (here.range, here.flags);
    if !here.continues {
        return;
    }
    let before = objects
        .get(vmar)
        .children
        .last_before(&objects.vmar_nodes, range.start);
    let Some(before) = before.and_then(|before| piece_at(objects, vmar, before.start)) else {
        return;
    };
    if piece(objects, before).flags == flags {
        take_piece(objects, key);
        move_end(objects, before, range.end);
    }
}

/// Makes the page tables of `range` allow what its pieces allow, until `work` is gone; how far.
fn follow(
    kernel: &mut Kernel,
    hal: &mut DynHal,
    space: Space,
    vmar: Key<Vmar>,
    range: VirtRange,
    work: &mut mem::Work,
) -> VirtAddr {
    let mut at = range.start;
    while let Some(key) = piece_ending_after(&kernel.objects, vmar, at) {
        let here = piece(&kernel.objects, key);
        let start = here.range.start.max(at);
        let end = here.range.end.min(range.end);
        let flags = here.flags;
        if start >= range.end {
            break;
        }
        if !work.spend() {
            return at;
        }
        at = follow_piece(kernel, hal, space, VirtRange { start, end }, flags, work);
        if at < end {
            return at;
        }
    }
    range.end
}

fn follow_piece(
    kernel: &mut Kernel,
    hal: &mut DynHal,
    space: Space,
    range: VirtRange,
    flags: MmuFlags,
    work: &mut mem::Work,
) -> VirtAddr {
    // Without tables to split blocks with, entries that are gone do as well: faults bring them back.
    if flags.is_empty()
        || kernel
            .mem
            .reserve_tables(Mem::MOST_RESERVED_TABLES)
            .is_err()
    {
        return clear(kernel, hal, space, range, work);
    }
    let mut rest = range;
    loop {
        let changed = hal.protect(space.aspace, rest, flags, work, &mut kernel.mem);
        rest.start = changed.reached;
        pay(kernel, hal, space, changed);
        if rest.start >= rest.end || work.is_gone() {
            return rest.start;
        }
    }
}
