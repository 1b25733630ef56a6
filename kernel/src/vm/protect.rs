//! Changing permissions: all pieces are looked at first, then each is changed with its page tables,
//! bit by bit.
//!
//! Page tables follow what the pieces say when they are reached, so that what other threads do in
//! between is never undone. A piece that came in between is looked at when it is reached.

use super::region::Inner;
use super::unmap::{clear, pay};
use super::vmar::{
    Space, move_end, next_piece, piece, piece_at, piece_mut, reserve_pieces, space, split_at,
    take_piece,
};
use super::vmo::holder;
use crate::call::{Call, Flow, SysResult};
use crate::hal::{DynHal, MmuFlags};
use crate::mem::{self, Key, Mem};
use crate::object::Objects;
use crate::task::Work;
use crate::vm::{Mapping, Vmar};
use crate::{Kernel, VirtAddr, VirtRange, no_memory};
use jacinth_abi::Status;

/// A change of permissions, and how far it got.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Protect {
    vmar: Key<Vmar>,
    range: VirtRange,
    flags: MmuFlags,
    inner: Inner,
    phase: Phase,
    /// The first address that was not looked at, or not changed.
    at: VirtAddr,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// Nothing is changed yet.
    Checking,
    Changing,
}

impl Protect {
    /// The setting of the permissions of all of `range`, which lies inside the region.
    pub(crate) const fn new(
        vmar: Key<Vmar>,
        range: VirtRange,
        flags: MmuFlags,
        inner: Inner,
    ) -> Self {
        Self {
            vmar,
            range,
            flags,
            inner,
            phase: Phase::Checking,
            at: range.start,
        }
    }
}

/// Changes permissions (`zx_vmar_protect`).
///
/// # Errors
/// NOT_FOUND (a gap), ACCESS_DENIED (more than a mapping may ever allow, or than one in a region
/// below does now), INVALID_ARGS (a region below is in the way), NO_MEMORY. Nothing was changed
/// then, unless another thread changed the range meanwhile or memory came to an end.
pub(crate) fn protect(call: &mut Call<'_>, mut protect: Protect) -> SysResult {
    let mut work = mem::Work::new(mem::Work::EVENT);
    let result = protect.step(call.kernel, call.hal, &mut work);
    call.kernel.mem.release_tables();
    if result? {
        Ok(Flow::ok())
    } else {
        Ok(Flow::Again(Work::Protect(protect)))
    }
}

impl Protect {
    /// Does the work of one event; true when all is done.
    fn step(
        &mut self,
        kernel: &mut Kernel,
        hal: &mut DynHal,
        work: &mut mem::Work,
    ) -> Result<bool, Status> {
        let Some(space) = space(&kernel.objects, self.vmar) else {
            // A region that is gone by now has no permissions left.
            return Ok(true);
        };
        if self.phase == Phase::Checking && !self.check_all(&kernel.objects, work)? {
            return Ok(false);
        }
        // For the cuts at the two ends; other pieces end where the next begins.
        reserve_pieces(kernel, 2).map_err(no_memory)?;
        if self.phase == Phase::Checking {
            let tables = Mem::MOST_RESERVED_TABLES;
            kernel.mem.reserve_tables(tables).map_err(no_memory)?;
            (self.phase, self.at) = (Phase::Changing, self.range.start);
        }
        while self.at < self.range.end {
            if !work.spend() {
                return Ok(false);
            }
            let (key, _) = self.check(&kernel.objects)?;
            // commit
            let (part, flags) = self.change(&mut kernel.objects, key);
            self.at = follow(kernel, hal, space, part, flags, work);
            if self.at < part.end {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Looks at all pieces before anything is changed; false when `work` ran out before.
    fn check_all(&mut self, objects: &Objects, work: &mut mem::Work) -> Result<bool, Status> {
        while self.at < self.range.end {
            if !work.spend() {
                return Ok(false);
            }
            (_, self.at) = self.check(objects)?;
        }
        Ok(true)
    }

    /// Whether the piece at the cursor may be changed (vmar.md §7, step 9); it, and its end.
    fn check(&self, objects: &Objects) -> Result<(Key<Mapping>, VirtAddr), Status> {
        let (key, is_direct) = next_piece(objects, self.vmar, self.at).ok_or(Status::NOT_FOUND)?;
        let here = piece(objects, key);
        if !here.may.contains(self.flags) {
            return Err(Status::ACCESS_DENIED);
        }
        if !is_direct && self.inner == Inner::Refused {
            return Err(Status::INVALID_ARGS);
        }
        if !is_direct && !here.flags.contains(self.flags) {
            return Err(Status::ACCESS_DENIED);
        }
        Ok((key, here.range.end))
    }

    /// Gives the part of a piece that is in the range its new permissions; that part, and what the
    /// page tables there may allow. Room for two cuts was reserved.
    fn change(&self, objects: &mut Objects, key: Key<Mapping>) -> (VirtRange, MmuFlags) {
        let here = piece(objects, key);
        let (root, _) = holder(objects, here.vmo, 0);
        let part = VirtRange {
            start: self.at,
            end: here.range.end.min(self.range.end),
        };
        if here.flags != self.flags {
            set_flags(objects, here.vmar, part, self.flags);
        }
        let mut entries = self.flags;
        if !objects.get(root).is_plain() {
            // A fault finds out which pages are ready for stores.
            entries -= MmuFlags::WRITE;
        }
        (part, entries)
    }
}

/// Gives a part of one piece other permissions, and joins it to its neighbours where they are alike
/// now. Room for two cuts was reserved.
pub(super) fn set_flags(objects: &mut Objects, vmar: Key<Vmar>, part: VirtRange, flags: MmuFlags) {
    split_at(objects, vmar, part.start);
    split_at(objects, vmar, part.end);
    let Some(key) = piece_at(objects, vmar, part.start) else {
        return;
    };
    piece_mut(objects, key).flags = flags;
    join(objects, vmar, key);
    if let Some(behind) = piece_at(objects, vmar, part.end) {
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

/// Makes the page tables of `range` allow no more than `flags`, until `work` is gone; how far.
fn follow(
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
