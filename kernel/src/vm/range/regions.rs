//! `zx_vmar_op_range`: the same by address, mapping after mapping.

use super::kinds::check_inside;
use super::{Pages, RangeOp, abandon, check, step};
use crate::call::{Call, Flow, SysResult};
use crate::hal::{DynHal, MmuFlags};
use crate::mem::{self, Key};
use crate::object::Objects;
use crate::task::Work;
use crate::vm::fill::Fill;
use crate::vm::region::Inner;
use crate::vm::vmar::{next_piece, piece, space};
use crate::vm::vmo::stream_size;
use crate::vm::{Mapping, Vmar, Vmo, round_up};
use crate::{Kernel, VirtAddr, VirtRange};
use jacinth_abi::{Status, VmarOp};

/// An operation on the mappings in a range, and how far it got.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct RegionRange {
    vmar: Key<Vmar>,
    op: VmarOp,
    inner: Inner,
    /// The first address of what is left, and the end.
    range: VirtRange,
    /// What is under way with the mapping there, which ends at `part_end`.
    part: Part,
    part_end: VirtAddr,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    /// The mapping is still to be looked at.
    New,
    /// Its pages.
    Pages(RangeOp, Pages),
    /// They are done, and are to be mapped.
    Mapping,
    /// Its page-table entries.
    Entries(Fill),
    /// Nothing more.
    Done,
}

impl RegionRange {
    /// An operation on `range`, which lies inside the region.
    pub(crate) const fn new(vmar: Key<Vmar>, op: VmarOp, range: VirtRange, inner: Inner) -> Self {
        Self {
            vmar,
            op,
            inner,
            range,
            part: Part::New,
            part_end: range.start,
        }
    }

    /// The VMO whose pages it is in the middle of.
    pub(crate) const fn root(&self) -> Option<Key<Vmo>> {
        match &self.part {
            Part::Pages(_, pages) => Some(pages.root()),
            _ => None,
        }
    }

    /// Gives back what the call holds.
    pub(crate) fn abandon(self, kernel: &mut Kernel) {
        if let Part::Pages(_, mut pages) = self.part {
            abandon(kernel, &mut pages);
        }
    }

    /// Does the work of one event; true when all is done.
    fn step(&mut self, kernel: &mut Kernel, hal: &mut DynHal) -> Result<bool, Status> {
        let mut work = mem::Work::new(mem::Work::EVENT);
        while self.range.start < self.range.end {
            if !work.spend() {
                return Ok(false);
            }
            match &mut self.part {
                Part::New => self.look(&kernel.objects)?,
                Part::Pages(op, pages) => {
                    step(kernel, hal, *op, pages, &mut work)?;
                    if pages.left() != 0 {
                        return Ok(false);
                    }
                    self.part = if self.op == VmarOp::Commit {
                        Part::Mapping
                    } else {
                        Part::Done
                    };
                }
                Part::Mapping => self.part = Part::Entries(self.fill(&kernel.objects)?),
                Part::Entries(fill) => {
                    // One step is as much as an event may do.
                    let is_done = fill.step(kernel, hal)?;
                    if is_done {
                        self.part = Part::Done;
                    }
                    return Ok(is_done && self.go_on());
                }
                Part::Done => {
                    self.go_on();
                }
            }
        }
        Ok(true)
    }

    /// Steps behind the mapping that is done; true when nothing is left.
    const fn go_on(&mut self) -> bool {
        self.part = Part::New;
        self.range.start = self.part_end;
        self.range.start.raw() >= self.range.end.raw()
    }

    /// Looks at the mapping at the cursor (vmar.md §11, steps 8 to 11).
    fn look(&mut self, objects: &Objects) -> Result<(), Status> {
        let (here, is_direct, offset) = self.find(objects)?;
        self.check_rights(here, is_direct)?;
        self.part_end = here.range.end.min(self.range.end);
        let bytes = self.part_end.raw().saturating_sub(self.range.start.raw());
        if here.stream {
            let stream = round_up(stream_size(objects, here.vmo)).unwrap_or(u64::MAX);
            if offset.saturating_add(bytes) > stream {
                return Err(Status::OUT_OF_RANGE);
            }
        }
        self.part = self.begin(objects, here.vmo, offset, bytes)?;
        Ok(())
    }

    /// The mapping at the cursor, whether it is right below the region, and the VMO's byte there.
    fn find<'a>(&self, objects: &'a Objects) -> Result<(&'a Mapping, bool, u64), Status> {
        space(objects, self.vmar).ok_or(Status::BAD_STATE)?;
        let at = self.range.start;
        let (key, is_direct) = next_piece(objects, self.vmar, at).ok_or(Status::BAD_STATE)?;
        let here = piece(objects, key);
        let into = at.raw().saturating_sub(here.range.start.raw());
        Ok((here, is_direct, here.vmo_offset.saturating_add(into)))
    }

    /// The filling of the page tables of the part.
    fn fill(&self, objects: &Objects) -> Result<Fill, Status> {
        let (here, _, offset) = self.find(objects)?;
        let range = VirtRange {
            start: self.range.start,
            end: self.part_end,
        };
        Ok(Fill::new(here.vmar, here.vmo, offset, range))
    }

    fn check_rights(&self, here: &Mapping, is_direct: bool) -> Result<(), Status> {
        let is_direct_only = matches!(
            self.op,
            VmarOp::Commit | VmarOp::Decommit | VmarOp::Prefetch
        );
        if !is_direct && (is_direct_only || self.inner == Inner::Refused) {
            return Err(Status::INVALID_ARGS);
        }
        let needed = match self.op {
            VmarOp::Commit | VmarOp::Decommit | VmarOp::Zero => MmuFlags::WRITE,
            VmarOp::Prefetch => MmuFlags::READ,
            VmarOp::MapRange | VmarOp::DontNeed | VmarOp::AlwaysNeed => MmuFlags::empty(),
        };
        if here.may.contains(needed) {
            Ok(())
        } else {
            Err(Status::ACCESS_DENIED)
        }
    }

    /// What is to be done with the part of a VMO that a mapping shows.
    fn begin(
        &self,
        objects: &Objects,
        vmo: Key<Vmo>,
        offset: u64,
        bytes: u64,
    ) -> Result<Part, Status> {
        let op = match self.op {
            VmarOp::Commit => RangeOp::Commit,
            VmarOp::Decommit => RangeOp::Decommit,
            VmarOp::Zero => RangeOp::Zero,
            VmarOp::MapRange => return Ok(Part::Mapping),
            VmarOp::DontNeed | VmarOp::AlwaysNeed => return Ok(Part::Done),
            VmarOp::Prefetch => {
                // All that could be fetched is there: no VMO has a pager.
                check_inside(objects, vmo, offset, bytes)?;
                return Ok(Part::Done);
            }
        };
        let pages = check(objects, vmo, op, offset, bytes)?;
        Ok(Part::Pages(op, pages))
    }
}

/// Does something to all mappings in a range (vmar.md §11, from step 8 on).
///
/// # Errors
/// BAD_STATE (a gap), INVALID_ARGS (a region in between), ACCESS_DENIED, and those of the operation.
/// What lies before is done then.
pub(crate) fn op_region_range(call: &mut Call<'_>, mut range: RegionRange) -> SysResult {
    if range.step(call.kernel, call.hal)? {
        Ok(Flow::ok())
    } else {
        Ok(Flow::Again(Work::RegionRange(range)))
    }
}
