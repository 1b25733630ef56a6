//! Where a new mapping goes.
//!
//! A region's searches begin at an address that is random once per region, and take the first room
//! behind it: neighbours share page tables, and the whole moves from run to run. Contiguous memory
//! of 2 MiB or more goes where blocks can be used: congruent to its physical address. In a region
//! that was asked to be compact everything goes to the lowest place that fits.

use super::region::first_in;
use super::vmar::Vmar;
use crate::hal::DynHal;
use crate::mem::{Gap, Key};
use crate::object::Objects;
use crate::{PAGE_SIZE, PhysAddr, VirtAddr, VirtRange};
use jacinth_abi::Status;

/// Sizes of blocks in page tables, largest first, in bytes.
pub(super) const BLOCKS: [u64; 2] = [1 << 30, 1 << 21];
/// The room at the low end of a region that a search begins in: 2^30 pages (Zircon's entropy).
const HINT_SPAN: u64 = 1 << 42;

/// What becomes of mappings where a new one is to go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Overlap {
    /// They stay, and the new one is refused.
    Refuse,
    /// They make room.
    Replace,
}

/// Where a new mapping is to go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Placement {
    /// Anywhere that there is room.
    Anywhere,
    /// Anywhere that ends at this offset or below.
    Below(u64),
    /// Exactly at this offset.
    At(u64, Overlap),
}

/// What the placement is for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wanted {
    /// Whole pages, in bytes; not 0.
    pub(super) size: u64,
    /// A power of two, in bytes; 0 for none in particular.
    pub(super) align: u64,
    /// What will be at the start, when it is contiguous memory.
    pub(super) phys: Option<PhysAddr>,
}

/// Finds the range for something new (vmar.md §4.2, steps 23 to 28).
///
/// # Errors
/// INVALID_ARGS, ACCESS_DENIED, ALREADY_EXISTS, NO_RESOURCES.
#[inline]
pub(super) fn place(
    objects: &mut Objects,
    hal: &mut DynHal,
    vmar: Key<Vmar>,
    at: Placement,
    wanted: Wanted,
) -> Result<VirtRange, Status> {
    let region = objects.get(vmar);
    let room = region.size;
    match at {
        Placement::Anywhere => {
            if wanted.size > room {
                return Err(Status::INVALID_ARGS);
            }
            let limit = region.range().end;
            find(objects, hal, vmar, wanted, limit)
        }
        Placement::Below(offset) => {
            check_chosen(region, offset)?;
            if offset > room || wanted.size > room || wanted.size > offset {
                return Err(Status::INVALID_ARGS);
            }
            let limit = region
                .base
                .checked_add(offset)
                .ok_or(Status::INVALID_ARGS)?;
            find(objects, hal, vmar, wanted, limit)
        }
        Placement::At(offset, overlap) => {
            check_chosen(region, offset)?;
            if offset >= room || wanted.size > room.saturating_sub(offset) {
                return Err(Status::INVALID_ARGS);
            }
            let start = region
                .base
                .checked_add(offset)
                .ok_or(Status::INVALID_ARGS)?;
            if !start.is_aligned(wanted.align.max(PAGE_SIZE)) {
                return Err(Status::INVALID_ARGS);
            }
            let range = VirtRange::new(start, wanted.size).ok_or(Status::INVALID_ARGS)?;
            match overlap {
                Overlap::Refuse if !is_free(objects, region, range) => Err(Status::ALREADY_EXISTS),
                // Regions never make room, also where they would be covered.
                Overlap::Replace if first_in(objects, vmar, range).is_some() => {
                    Err(Status::INVALID_ARGS)
                }
                _ => Ok(range),
            }
        }
    }
}

const fn check_chosen(region: &Vmar, offset: u64) -> Result<(), Status> {
    if offset & (PAGE_SIZE - 1) != 0 {
        return Err(Status::INVALID_ARGS);
    }
    if region.can_specific {
        Ok(())
    } else {
        Err(Status::ACCESS_DENIED)
    }
}

fn is_free(objects: &Objects, region: &Vmar, range: VirtRange) -> bool {
    let next = region
        .children
        .first_ending_after(&objects.vmar_nodes, range.start);
    next.is_none_or(|next| next.start >= range.end)
}

/// Tries the places that suit the largest blocks first, and ends with any that is aligned.
fn find(
    objects: &mut Objects,
    hal: &mut DynHal,
    vmar: Key<Vmar>,
    wanted: Wanted,
    limit: VirtAddr,
) -> Result<VirtRange, Status> {
    let align = wanted.align.max(PAGE_SIZE);
    let from = hint(objects, hal, vmar);
    let region = objects.get(vmar);
    let plain = Gap {
        upper_limit: limit,
        ..Gap::aligned(region.range(), wanted.size, align)
    };
    let search = |gap: Gap| {
        let near = region
            .children
            .find_gap(&objects.vmar_nodes, &Gap { from, ..gap });
        near.or_else(|| region.children.find_gap(&objects.vmar_nodes, &gap))
    };
    if region.compact {
        let lowest = region.children.find_gap(&objects.vmar_nodes, &plain);
        let start = lowest.ok_or(Status::NO_RESOURCES)?;
        return VirtRange::new(start, wanted.size).ok_or(Status::NO_RESOURCES);
    }
    let by_blocks = BLOCKS.into_iter().filter_map(|block| {
        let residue = wanted.phys?.raw() & block.wrapping_sub(1);
        let fits = block <= wanted.size && align <= block && residue & align.wrapping_sub(1) == 0;
        fits.then_some(Gap {
            modulus: block,
            residue,
            ..plain
        })
    });
    let start = by_blocks
        .chain([plain])
        .find_map(search)
        .ok_or(Status::NO_RESOURCES)?;
    VirtRange::new(start, wanted.size).ok_or(Status::NO_RESOURCES)
}

/// Where the region's searches begin.
fn hint(objects: &mut Objects, hal: &mut DynHal, vmar: Key<Vmar>) -> VirtAddr {
    let region = objects.get_mut(vmar);
    if let Some(hint) = region.hint {
        return hint;
    }
    let span = (region.size >> 1).clamp(1, HINT_SPAN);
    let more = hal.entropy().checked_rem(span).unwrap_or(0);
    let hint = region
        .base
        .checked_add(more)
        .map_or(region.base, VirtAddr::page);
    region.hint = Some(hint);
    hint
}
