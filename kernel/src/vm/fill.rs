//! Filling the page tables of a new mapping at once (`ZX_VM_MAP_RANGE`), bit by bit.

use super::fault::shown_range;
use super::pages::{fixed_run, held_run_at, next_committed};
use super::place::BLOCKS;
use super::vmar::{piece, piece_at, space};
use super::vmo::holder;
use super::{Inner, Mapping, Vmar, Vmo, map_status};
use crate::call::{Call, Flow, Out, SysResult};
use crate::hal::{Backing, DynHal, EntryCounts, MapAttrs, MmuFlags};
use crate::mem::{self, Key};
use crate::task::Work;
use crate::{Kernel, PAGE_SIZE, PhysRun, VirtAddr, VirtRange};
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
            if !work.spend() {
                return Ok(false);
            }
            let next = self.next_run(kernel, piece(&kernel.objects, key));
            let Some((at, run, may_write)) = next else {
                continue;
            };
            let counts = self.enter(kernel, hal, key, (at, run, may_write))?;
            self.at = at.checked_add(run.bytes()).ok_or(Status::INTERNAL)?;
            let entries = [counts.pages_4k, counts.blocks_2m, counts.blocks_1g];
            let entries: i64 = entries.into_iter().fold(0, i64::saturating_add);
            for _ in 1..entries {
                work.spend();
            }
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

    /// The next run to enter in a piece, and whether it may be written as it is. Where there is none the cursor moves behind the piece, or
    /// to the end when the VMO has no more.
    fn next_run(&mut self, kernel: &Kernel, here: &Mapping) -> Option<(VirtAddr, PhysRun, bool)> {
        let last = here.range.end.min(self.range.end);
        let end = last.min(shown_range(&kernel.objects, here).end);
        let wanted = self.shown(self.at);
        let from = if here.flags.is_empty() {
            None
        } else {
            next_committed(&kernel.objects, self.vmo, wanted)
        };
        let at = from.and_then(|from| self.at.checked_add(from.wrapping_sub(wanted)));
        let (Some(from), Some(at)) = (from, at.filter(|at| *at < end)) else {
            self.at = last;
            return None;
        };
        let left = end.raw().wrapping_sub(at.raw());
        let first = held_run_at(kernel, self.vmo, from, PAGE_SIZE);
        let run = first.and_then(|(first, _)| match left.min(most_bytes(at, first, left)) {
            PAGE_SIZE => None,
            most => held_run_at(kernel, self.vmo, from, most),
        });
        let run = run.or(first);
        if run.is_none() {
            self.at = last;
        }
        run.map(|(run, may_write)| (at, run, may_write))
    }

    fn enter(
        &self,
        kernel: &mut Kernel,
        hal: &mut DynHal,
        key: Key<Mapping>,
        (at, run, may_write): (VirtAddr, PhysRun, bool),
    ) -> Result<EntryCounts, Status> {
        let space = space(&kernel.objects, self.vmar).ok_or(Status::BAD_STATE)?;
        let fixed = fixed_run(&kernel.objects, self.vmo);
        let backing = fixed.map_or(Backing::Memory, |(_, backing)| backing);
        let mut flags = piece(&kernel.objects, key).flags;
        if !may_write {
            flags -= MmuFlags::WRITE;
        } else if flags.contains(MmuFlags::WRITE) {
            let (root, _) = holder(&kernel.objects, self.vmo, 0);
            let root = kernel.objects.get_mut(root);
            root.write_grants = root.write_grants.wrapping_add(1);
        }
        let attrs = MapAttrs {
            flags,
            cache: kernel.objects.get(self.vmo).cache,
            backing,
        };
        let counts = hal
            .map(space.aspace, at, run, attrs, &mut kernel.mem)
            .map_err(map_status)?;
        kernel.objects.get_mut(space.process).entries.add(counts);
        Ok(counts)
    }
}

/// How far a run is entered in one step: so many entries of the size that fits at `at`, and not
/// past where a larger one may fit.
fn most_bytes(at: VirtAddr, run: PhysRun, left: u64) -> u64 {
    let (virt, phys) = (at.raw(), run.base.raw());
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

/// Fills a new mapping and tells where it is.
///
/// # Errors
/// None: a mapping that cannot be filled is taken away first.
pub(crate) fn fill(
    call: &mut Call<'_>,
    (vmar, vmo): (Key<Vmar>, Key<Vmo>),
    vmo_offset: u64,
    range: VirtRange,
    out: Out<u64>,
) -> SysResult {
    resume_fill(call, Fill::new(vmar, vmo, vmo_offset, range), out)
}

/// Goes on with [`fill`].
pub(crate) fn resume_fill(call: &mut Call<'_>, mut fill: Fill, out: Out<u64>) -> SysResult {
    match fill.step(call.kernel, call.hal) {
        Ok(true) => finish_map(call, fill.vmar, fill.range, out),
        Ok(false) => Ok(Flow::Again(Work::Fill { fill, out: out.0 })),
        // Teardown is about to free some.
        Err(Status::NO_MEMORY) if call.kernel.is_behind() => {
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
