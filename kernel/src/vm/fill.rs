//! Filling the page tables of a new mapping at once (`ZX_VM_MAP_RANGE`), bit by bit.

use super::fault::shown_range;
use super::map::{MapRequest, place_mapping};
use super::pages::{fixed_run, held_run_at, next_committed};
use super::place::BLOCKS;
use super::vmar::{Space, insert_piece, piece, piece_at, reserve_pieces, space};
use super::vmo::holder;
use super::{Inner, Mapping, Vmar, Vmo, map_status};
use crate::call::{Call, Flow, Out, SysResult};
use crate::hal::{Backing, DynHal, MapAttrs, MmuFlags};
use crate::mem::{self, Key};
use crate::task::Work;
use crate::{Kernel, PAGE_SHIFT, PAGE_SIZE, PhysAddr, PhysRun, VirtAddr, VirtRange, no_memory};
use jacinth_abi::Status;

/// How many entries one step makes where the machine has blocks of all sizes.
const STEP: u64 = 64;
/// How far one step goes at the most: some processors have no blocks of this size.
const MOST_BYTES: u64 = 1 << 30;

/// A mapping whose page tables are being filled, and how far that got.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Fill {
    vmar: Key<Vmar>,
    vmo: Key<Vmo>,
    /// The VMO's byte at the start of `range`.
    vmo_offset: u64,
    range: VirtRange,
    /// The first address that was not looked at.
    at: VirtAddr,
}

impl Fill {
    /// A mapping of which nothing is filled yet.
    pub(super) const fn new(
        vmar: Key<Vmar>,
        vmo: Key<Vmo>,
        vmo_offset: u64,
        range: VirtRange,
    ) -> Self {
        Self {
            vmar,
            vmo,
            vmo_offset,
            range,
            at: range.start,
        }
    }

    /// Does the work of one event; true when all is filled that the VMO has.
    ///
    /// # Errors
    /// Those of page tables: NO_MEMORY, ACCESS_DENIED, INVALID_ARGS.
    pub(super) fn step(&mut self, kernel: &mut Kernel, hal: &mut DynHal) -> Result<bool, Status> {
        let mut work = mem::Work::new(mem::Work::EVENT);
        while self.at < self.range.end {
            let Some(key) = self.next_piece(kernel) else {
                // Another thread took the mapping away: what it put there fills itself.
                return Ok(true);
            };
            let here = *piece(&kernel.objects, key);
            if !self.fill_piece(kernel, hal, &here, &mut work)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Goes on in a piece, which shows what this mapping does, until `work` is gone; true when all is
    /// filled there.
    ///
    /// # Errors
    /// As [`Fill::step`].
    #[inline]
    fn fill_piece(
        &mut self,
        kernel: &mut Kernel,
        hal: &mut DynHal,
        here: &Mapping,
        work: &mut mem::Work,
    ) -> Result<bool, Status> {
        let space = space(&kernel.objects, here.vmar).ok_or(Status::BAD_STATE)?;
        let last = here.range.end.min(self.range.end);
        if here.flags.is_empty() {
            self.at = last;
            return Ok(true);
        }
        let fixed = fixed_run(&kernel.objects, self.vmo);
        let to = Target {
            space,
            last,
            end: last.min(shown_range(&kernel.objects, here).end),
            attrs: MapAttrs {
                flags: here.flags,
                cache: kernel.objects.get(self.vmo).cache,
                backing: fixed.map_or(Backing::Memory, |(_, backing)| backing),
            },
        };
        match fixed {
            Some((run, _)) => self.fill_from_run(kernel, hal, to, run, work),
            None => self.fill_from_pages(kernel, hal, to, work),
        }
    }

    /// As [`Fill::fill_piece`], where one run is behind all of the VMO.
    fn fill_from_run(
        &mut self,
        kernel: &mut Kernel,
        hal: &mut DynHal,
        to: Target,
        run: PhysRun,
        work: &mut mem::Work,
    ) -> Result<bool, Status> {
        let shown = self.shown(self.at);
        let end = self
            .at
            .raw()
            .saturating_add(run.bytes().saturating_sub(shown));
        let end = to.end.raw().min(end);
        while self.at.raw() < end {
            if !work.spend() {
                return Ok(false);
            }
            let base = run.base.checked_add(self.shown(self.at));
            let base = base.ok_or(Status::INTERNAL)?;
            let left = end.wrapping_sub(self.at.raw());
            let pages = left.min(most_bytes(self.at, base, left)) >> PAGE_SHIFT;
            self.enter(kernel, hal, to, (self.at, PhysRun { base, pages }), work)?;
        }
        self.at = to.last;
        Ok(true)
    }

    /// As [`Fill::fill_piece`], where pages come and go.
    fn fill_from_pages(
        &mut self,
        kernel: &mut Kernel,
        hal: &mut DynHal,
        to: Target,
        work: &mut mem::Work,
    ) -> Result<bool, Status> {
        while self.at < to.last {
            if !work.spend() {
                return Ok(false);
            }
            let Some((at, run, may_write)) = self.next_run(kernel, to.end) else {
                self.at = to.last;
                break;
            };
            let mut to = to;
            if !may_write {
                to.attrs.flags -= MmuFlags::WRITE;
            } else if to.attrs.flags.contains(MmuFlags::WRITE) {
                let (root, _) = holder(&kernel.objects, self.vmo, 0);
                let root = kernel.objects.get_mut(root);
                root.write_grants = root.write_grants.wrapping_add(1);
            }
            self.enter(kernel, hal, to, (at, run), work)?;
        }
        Ok(true)
    }

    /// The piece at the cursor, while it still shows what this mapping does.
    fn next_piece(&self, kernel: &Kernel) -> Option<Key<Mapping>> {
        space(&kernel.objects, self.vmar)?;
        let key = piece_at(&kernel.objects, self.vmar, self.at)?;
        let here = piece(&kernel.objects, key);
        let into = self.at.raw().wrapping_sub(here.range.start.raw());
        let shown = here.vmo_offset.checked_add(into)?;
        (here.vmo == self.vmo && shown == self.shown(self.at)).then_some(key)
    }

    /// The VMO's byte at an address of the mapping.
    const fn shown(&self, at: VirtAddr) -> u64 {
        let into = at.raw().wrapping_sub(self.range.start.raw());
        self.vmo_offset.wrapping_add(into)
    }

    /// The next run to enter before `end`, and whether it may be written as it is; `None` when the
    /// VMO has no more there.
    fn next_run(&self, kernel: &Kernel, end: VirtAddr) -> Option<(VirtAddr, PhysRun, bool)> {
        let wanted = self.shown(self.at);
        let from = next_committed(&kernel.objects, self.vmo, wanted)?;
        let at = self.at.checked_add(from.wrapping_sub(wanted))?;
        let left = end.raw().checked_sub(at.raw()).filter(|left| *left != 0)?;
        let first = held_run_at(kernel, self.vmo, from, PAGE_SIZE)?;
        let run = match left.min(most_bytes(at, first.0.base, left)) {
            PAGE_SIZE => None,
            most => held_run_at(kernel, self.vmo, from, most),
        };
        let (run, may_write) = run.unwrap_or(first);
        Some((at, run, may_write))
    }

    /// Makes the entries of a run, for the first of which `work` was spent, and goes on behind.
    #[inline(always)]
    fn enter(
        &mut self,
        kernel: &mut Kernel,
        hal: &mut DynHal,
        to: Target,
        (at, run): (VirtAddr, PhysRun),
        work: &mut mem::Work,
    ) -> Result<(), Status> {
        let counts = hal
            .map(to.space.aspace, at, run, to.attrs, &mut kernel.mem)
            .map_err(map_status)?;
        kernel.objects.get_mut(to.space.process).entries.add(counts);
        self.at = at.checked_add(run.bytes()).ok_or(Status::INTERNAL)?;
        work.spend_more(counts.leaves().saturating_sub(1));
        Ok(())
    }
}

/// What the entries of a piece are to be.
#[derive(Clone, Copy)]
struct Target {
    space: Space,
    /// The end of the piece, or of the mapping.
    last: VirtAddr,
    /// As far as the VMO is shown there.
    end: VirtAddr,
    attrs: MapAttrs,
}

/// How far a run is entered in one step: so many entries of the size that fits at `at`, and not
/// past where a larger one may fit.
fn most_bytes(at: VirtAddr, base: PhysAddr, left: u64) -> u64 {
    if left <= STEP.saturating_mul(PAGE_SIZE) {
        return left;
    }
    let (virt, phys) = (at.raw(), base.raw());
    let mut larger = u64::MAX;
    for block in BLOCKS {
        let mask = block.wrapping_sub(1);
        if (virt ^ phys) & mask != 0 {
            continue;
        }
        let to_next = block.wrapping_sub(virt & mask);
        if virt & mask == 0 && left >= block {
            return larger.min(block.saturating_mul(STEP).min(MOST_BYTES));
        }
        larger = larger.min(to_next);
    }
    larger.min(STEP.saturating_mul(PAGE_SIZE))
}

/// Makes a mapping, fills it and tells where it is.
///
/// # Errors
/// As [`map`](super::map()); a mapping that cannot be filled is taken away first.
pub(crate) fn map_and_fill(call: &mut Call<'_>, request: &MapRequest, out: Out<u64>) -> SysResult {
    let new = place_mapping(call.kernel, call.hal, request)?;
    reserve_pieces(call.kernel, 1).map_err(no_memory)?;
    // commit
    insert_piece(&mut call.kernel.objects, &new);
    let mut fill = Fill::new(new.vmar, new.vmo, new.vmo_offset, new.range);
    let mut work = mem::Work::new(mem::Work::EVENT);
    let filled = fill.fill_piece(call.kernel, call.hal, &new, &mut work);
    go_on(call, fill, filled, out)
}

/// Goes on with filling a mapping.
pub(crate) fn resume_fill(call: &mut Call<'_>, mut fill: Fill, out: Out<u64>) -> SysResult {
    let filled = fill.step(call.kernel, call.hal);
    go_on(call, fill, filled, out)
}

/// What comes after a step.
fn go_on(
    call: &mut Call<'_>,
    fill: Fill,
    filled: Result<bool, Status>,
    out: Out<u64>,
) -> SysResult {
    let told = match filled {
        Ok(true) => call.write(out, fill.range.start.raw()),
        Ok(false) => return Ok(Flow::Again(Work::Fill { fill, out: out.0 })),
        Err(status) => Err(status),
    };
    match told {
        Ok(()) => Ok(Flow::ok()),
        // Teardown is about to free some.
        Err(Status::NO_MEMORY) if call.kernel.is_behind() || call.kernel.reclaim() => {
            Ok(Flow::Again(Work::Fill { fill, out: out.0 }))
        }
        Err(status) => Ok(undo(fill.vmar, fill.range, status)),
    }
}

/// Tells where a mapping is; one whose place cannot be told is taken away again.
pub(super) fn finish_map(
    call: &mut Call<'_>,
    vmar: Key<Vmar>,
    range: VirtRange,
    out: Out<u64>,
) -> SysResult {
    match call.write(out, range.start.raw()) {
        Ok(()) => Ok(Flow::ok()),
        Err(status) => Ok(undo(vmar, range, status)),
    }
}

/// Takes a new mapping away and answers why.
fn undo(vmar: Key<Vmar>, range: VirtRange, status: Status) -> Flow {
    let answer = i64::from(status.raw());
    Flow::Again(Work::Unmap {
        vmar,
        range,
        inner: Inner::Refused,
        answer,
    })
}
