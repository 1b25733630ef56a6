//! Discardable VMOs: locks, and what becomes of unlocked contents when memory is short.
//!
//! A VMO that was locked and then unlocked as often joins a queue, from which those go first that
//! have been unlocked longest. What is taken loses all its pages, bit by bit in teardown, and the
//! next lock is told so.

use super::remove::remove_pages;
use crate::Kernel;
use crate::call::{Call, Flow, SysResult};
use crate::hal::DynHal;
use crate::mem::{self, Key, Link, Linked};
use crate::object::{Object, Objects};
use crate::task::Work;
use crate::vm::Vmo;
use crate::vm::pin::is_pinned;
use crate::vm::vmo::size;
use jacinth_abi::{Record, Status, VmoLockState, VmoOptions};

/// What may become of the contents of a discardable VMO.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Contents {
    /// They stay: locked, or never locked yet.
    Kept,
    /// They are in the queue of what may go.
    Spare,
    /// They are being thrown away.
    Going,
    /// They are gone, and nobody was told.
    Gone,
}

/// How often a VMO is locked.
#[derive(Debug)]
pub(crate) struct Locks {
    count: u64,
    contents: Contents,
    link: Link<Vmo>,
}

impl Locks {
    /// Never locked.
    pub(crate) const fn new() -> Self {
        Self {
            count: 0,
            contents: Contents::Kept,
            link: Link::new(),
        }
    }

    /// Whether the VMO is in the queue of what may go.
    pub(crate) const fn is_spare(&self) -> bool {
        self.link.is_linked()
    }
}

/// The queue of VMOs whose contents may go, longest unlocked first.
#[derive(Debug)]
pub(crate) struct Spare;

impl Linked<Spare> for Vmo {
    fn link(&mut self) -> &mut Link<Self> {
        &mut self.locks.link
    }
}

/// Two ways to lock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LockHow {
    /// Whatever became of the contents, which is told there: address and bytes.
    Lock(u64, u64),
    /// Only if the contents are there.
    Try,
}

/// Locks a VMO, after the checks of vmo.md §13.
///
/// # Errors
/// NOT_SUPPORTED (not discardable), OUT_OF_RANGE (not all of it), UNAVAILABLE (gone, and only
/// tried), INVALID_ARGS (no place to tell what is gone; it is not locked then).
pub(crate) fn lock(
    call: &mut Call<'_>,
    vmo: Key<Vmo>,
    how: LockHow,
    offset: u64,
    bytes: u64,
) -> SysResult {
    check(&call.kernel.objects, vmo, offset, bytes)?;
    resume_lock(call, vmo, how)
}

/// Goes on with [`lock`], which waits until contents that are being thrown away are gone.
///
/// # Errors
/// As [`lock`].
pub(crate) fn resume_lock(call: &mut Call<'_>, vmo: Key<Vmo>, how: LockHow) -> SysResult {
    let mut work = mem::Work::new(mem::Work::EVENT);
    if !discard_step(call.kernel, call.hal, vmo, &mut work) {
        return Ok(Flow::Again(Work::Lock { vmo, how }));
    }
    let size = size(&call.kernel.objects, vmo);
    let is_gone = call.kernel.objects.get(vmo).locks.contents == Contents::Gone;
    match how {
        LockHow::Try if is_gone => return Err(Status::UNAVAILABLE),
        LockHow::Try => {}
        LockHow::Lock(buffer, room) => tell(call, buffer, room, size, is_gone)?,
    }
    let locks = &call.kernel.objects.get(vmo).locks;
    let count = locks.count.checked_add(1).ok_or(Status::BAD_STATE)?;

    // commit
    let Objects { vmos, spare, .. } = &mut call.kernel.objects;
    spare.remove(vmos, vmo);
    let locks = &mut call.kernel.objects.get_mut(vmo).locks;
    (locks.count, locks.contents) = (count, Contents::Kept);
    Ok(Flow::ok())
}

/// Tells the caller what is locked and what of it is gone.
fn tell(
    call: &mut Call<'_>,
    buffer: u64,
    room: u64,
    size: u64,
    is_gone: bool,
) -> Result<(), Status> {
    let state = VmoLockState {
        offset: 0,
        size,
        discarded_offset: 0,
        discarded_size: if is_gone { size } else { 0 },
    };
    let bytes = state.to_bytes();
    let wanted = u64::try_from(bytes.len()).map_err(|_| Status::INTERNAL)?;
    if buffer == 0 || room < wanted {
        return Err(Status::INVALID_ARGS);
    }
    call.write_bytes(buffer, &bytes)
}

/// Undoes one lock.
///
/// # Errors
/// NOT_SUPPORTED, OUT_OF_RANGE, BAD_STATE (not locked).
pub(crate) fn unlock(
    objects: &mut Objects,
    vmo: Key<Vmo>,
    offset: u64,
    bytes: u64,
) -> Result<(), Status> {
    check(objects, vmo, offset, bytes)?;
    let locks = &mut objects.get_mut(vmo).locks;
    let count = locks.count.checked_sub(1).ok_or(Status::BAD_STATE)?;
    // commit
    locks.count = count;
    if count == 0 {
        locks.contents = Contents::Spare;
        let Objects { vmos, spare, .. } = objects;
        spare.push_back(vmos, vmo);
    }
    Ok(())
}

fn check(objects: &Objects, vmo: Key<Vmo>, offset: u64, bytes: u64) -> Result<(), Status> {
    let shown = objects.get(vmo);
    if !shown.options.contains(VmoOptions::DISCARDABLE) {
        return Err(Status::NOT_SUPPORTED);
    }
    if offset != 0 || bytes != size(objects, vmo) {
        return Err(Status::OUT_OF_RANGE);
    }
    Ok(())
}

/// Takes a VMO that is about to go out of the queue.
pub(crate) fn forget_locks(objects: &mut Objects, vmo: Key<Vmo>) {
    let Objects { vmos, spare, .. } = objects;
    spare.remove(vmos, vmo);
}

impl Kernel {
    /// Lets the contents go that have been unlocked longest, if frames are short; true when more may
    /// be had from now on: teardown frees some, or not all that may go was looked at.
    pub(crate) fn reclaim(&mut self) -> bool {
        /// The heap asks for 16 in a row, and page tables for a few.
        const FEW_FRAMES: u64 = 64;
        /// How many are looked at in one event.
        const MOST_TRIES: u32 = 64;
        if self.mem.frames.free_frames() >= FEW_FRAMES {
            return false;
        }
        let objects = &mut self.objects;
        if objects.spare_unseen == 0 {
            objects.spare_unseen = objects.spare.len();
        }
        for _ in 0..MOST_TRIES.min(objects.spare_unseen) {
            objects.spare_unseen = objects.spare_unseen.saturating_sub(1);
            let Some(vmo) = objects.spare.pop_front(&mut objects.vmos) else {
                objects.spare_unseen = 0;
                return false;
            };
            let has_pages = objects.get(vmo).holds_pages();
            if has_pages && !is_pinned(objects, vmo, &(0..u64::MAX)) {
                objects.get_mut(vmo).locks.contents = Contents::Going;
                objects.queue_dying(Vmo::to_ref(vmo));
                objects.spare_unseen = 0;
                return true;
            }
            // There is nothing to gain: it waits for its turn again.
            objects.spare.push_back(&mut objects.vmos, vmo);
        }
        objects.spare_unseen != 0
    }
}

/// Throws contents away that are on their way out; true when none are left.
pub(super) fn discard_step(
    kernel: &mut Kernel,
    hal: &mut DynHal,
    vmo: Key<Vmo>,
    work: &mut mem::Work,
) -> bool {
    if kernel.objects.get(vmo).locks.contents != Contents::Going {
        return true;
    }
    let all = 0..size(&kernel.objects, vmo);
    // What a device may write to stays; so do all the others then.
    let is_done = is_pinned(&kernel.objects, vmo, &all)
        || remove_pages(kernel, hal, vmo, all.clone(), work).map_or(true, |at| at == all.end);
    if is_done {
        kernel.objects.get_mut(vmo).locks.contents = Contents::Gone;
    }
    is_done
}
