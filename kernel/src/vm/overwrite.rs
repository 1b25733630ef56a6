//! Mapping a VMO over what is mapped already (`ZX_VM_SPECIFIC_OVERWRITE`), bit by bit.
//!
//! The new mapping grows from the front of the range, and what was there shrinks before it: at no
//! time does another thread find a hole (vmar.md §4.2).

use super::fill::finish_map;
use super::map::{MapRequest, place_mapping};
use super::unmap::{clear, cut, cuts};
use super::vmar::{
    Region, Space, child_ending_after, cut_front, insert_piece, move_end, piece, remove_piece,
    reserve_pieces, space,
};
use super::{Mapping, Vmo};
use crate::call::{Call, Flow, Out, SysResult};
use crate::hal::DynHal;
use crate::mem::{self, Key};
use crate::object::Objects;
use crate::task::Work;
use crate::{Kernel, VirtAddr, VirtRange, no_memory};
use jacinth_abi::Status;

/// A mapping that takes the place of others, and how far it got.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Overwrite {
    new: Mapping,
    /// The first address that is not the new mapping's yet.
    at: VirtAddr,
}

/// Maps over what is there, and tells where.
///
/// # Errors
/// Those of placement, NO_MEMORY; nothing was changed then.
pub(crate) fn overwrite(call: &mut Call<'_>, request: MapRequest, out: Out<u64>) -> SysResult {
    let overwrite = Overwrite::begin(call.kernel, call.hal, request)?;
    resume_overwrite(call, overwrite, out)
}

/// Goes on with [`overwrite`].
///
/// # Errors
/// NO_MEMORY, only when other threads changed the new mapping meanwhile.
pub(crate) fn resume_overwrite(
    call: &mut Call<'_>,
    mut overwrite: Overwrite,
    out: Out<u64>,
) -> SysResult {
    let mut work = mem::Work::new(mem::Work::EVENT);
    if overwrite.step(call.kernel, call.hal, &mut work)? {
        return finish_map(call, overwrite.new.vmar, overwrite.new.range, out);
    }
    Ok(Flow::Again(Work::Overwrite {
        overwrite,
        out: out.0,
    }))
}

impl Overwrite {
    /// Cuts what is there at both ends of the range, and makes room for the new mapping.
    ///
    /// # Errors
    /// Those of placement, NO_MEMORY; nothing was changed then.
    pub(super) fn begin(
        kernel: &mut Kernel,
        hal: &mut DynHal,
        request: MapRequest,
    ) -> Result<Self, Status> {
        let new = place_mapping(kernel, hal, &request)?;
        let cuts = cuts(&kernel.objects, new.vmar, new.range);
        reserve_pieces(kernel, cuts.saturating_add(1)).map_err(no_memory)?;
        // commit
        cut(&mut kernel.objects, new.vmar, new.range);
        Ok(Self {
            new,
            at: new.range.start,
        })
    }

    /// The VMO that it shows.
    pub(crate) const fn vmo(&self) -> Key<Vmo> {
        self.new.vmo
    }

    /// Where the new mapping is.
    pub(super) const fn range(&self) -> VirtRange {
        self.new.range
    }

    /// Goes on until `work` is gone; true when all of the range is the new mapping's. The first step
    /// finds the room that [`Overwrite::begin`] made.
    ///
    /// # Errors
    /// NO_MEMORY, only when other threads changed the new mapping meanwhile.
    pub(super) fn step(
        &mut self,
        kernel: &mut Kernel,
        hal: &mut DynHal,
        work: &mut mem::Work,
    ) -> Result<bool, Status> {
        let (vmar, end) = (self.new.vmar, self.new.range.end);
        let Some(space) = space(&kernel.objects, vmar) else {
            return Ok(true);
        };
        while self.at < end && kernel.objects.get(vmar).alive {
            let next = child_ending_after(&kernel.objects, vmar, self.at);
            let Some(next) = next.filter(|next| next.start < end) else {
                self.make_ready(kernel)?;
                self.grow(&mut kernel.objects, end);
                break;
            };
            if !work.spend() {
                return Ok(false);
            }
            let whole = VirtRange {
                start: next.start,
                end: next.end,
            };
            match next.value {
                _ if whole.start > self.at => {
                    self.make_ready(kernel)?;
                    self.grow(&mut kernel.objects, whole.start);
                }
                Region::Mapping(old) if whole.start == self.at && whole.end <= end => {
                    self.make_ready(kernel)?;
                    if !self.replace(kernel, hal, space, old, work) {
                        return Ok(false);
                    }
                }
                // Another thread put it there since the ends were cut.
                _ => self.at = whole.end,
            }
        }
        Ok(true)
    }

    /// Makes sure that the new mapping can grow: as it does unless another thread took its end away.
    fn make_ready(&self, kernel: &mut Kernel) -> Result<(), Status> {
        if self.at == self.new.range.start || self.end_piece(&kernel.objects).is_some() {
            return Ok(());
        }
        reserve_pieces(kernel, 1).map_err(no_memory)
    }

    /// Takes the front of an old piece away and grows over it; true when the piece is gone.
    fn replace(
        &mut self,
        kernel: &mut Kernel,
        hal: &mut DynHal,
        space: Space,
        old: Key<Mapping>,
        work: &mut mem::Work,
    ) -> bool {
        let whole = piece(&kernel.objects, old).range;
        let reached = clear(kernel, hal, space, whole, work);
        let is_gone = reached >= whole.end;
        if is_gone {
            remove_piece(&mut kernel.objects, old);
        } else if reached > whole.start {
            cut_front(&mut kernel.objects, old, reached);
        }
        if reached > whole.start {
            self.grow(&mut kernel.objects, reached);
        }
        is_gone
    }

    /// Makes what lies between the cursor and `to`, where nothing is, part of the new mapping.
    fn grow(&mut self, objects: &mut Objects, to: VirtAddr) {
        let from = core::mem::replace(&mut self.at, to);
        let end_piece = Self { at: from, ..*self }.end_piece(objects);
        if let Some(end_piece) = end_piece {
            move_end(objects, end_piece, to);
            return;
        }
        let into = from.raw().saturating_sub(self.new.range.start.raw());
        insert_piece(
            objects,
            &Mapping {
                range: VirtRange {
                    start: from,
                    end: to,
                },
                vmo_offset: self.new.vmo_offset.saturating_add(into),
                ..self.new
            },
        );
    }

    /// The piece of the new mapping that ends at the cursor, while it is as it was made.
    fn end_piece(&self, objects: &Objects) -> Option<Key<Mapping>> {
        if self.at <= self.new.range.start {
            return None;
        }
        let nodes = &objects.vmar_nodes;
        let before = objects
            .get(self.new.vmar)
            .children
            .last_before(nodes, self.at)?;
        let Region::Mapping(key) = before.value else {
            return None;
        };
        let here = piece(objects, key);
        let into = here
            .range
            .start
            .raw()
            .checked_sub(self.new.range.start.raw())?;
        let is_same = here.range.end == self.at
            && here.vmo == self.new.vmo
            && here.vmo_offset == self.new.vmo_offset.checked_add(into)?
            && (here.flags, here.may, here.stream)
                == (self.new.flags, self.new.may, self.new.stream);
        is_same.then_some(key)
    }
}
