//! Memory objects, address regions, and what lies between them.
//!
//! A [`Vmo`] is a range of bytes: physical addresses, or pages that are committed on demand. A
//! [`Vmar`] is a range of addresses that holds [`Mapping`]s. Called by the system calls of the
//! families `vmo` and `vmar`, by page faults, by boot and by teardown.

mod audit;
mod audit_region;
mod audit_vmo;
mod child;
mod contiguous;
mod copy;
mod cow;
mod fault;
mod fill;
mod info;
mod map;
mod maps;
mod name;
mod overwrite;
mod pages;
mod peek;
mod pin;
mod place;
mod protect;
mod range;
mod reach;
mod region;
mod sharing;
mod teardown;
mod unmap;
mod vmar;
mod vmo;

pub(crate) use audit::audit;
pub(crate) use child::{create_reference, create_slice};
pub(crate) use contiguous::{clear_some, create_contiguous};
pub(crate) use copy::{copy, resume_copy, write};
pub(crate) use cow::{NewSnapshot, Snapshot};
pub(crate) use fault::fault;
pub(crate) use fill::{Fill, map_and_fill, resume_fill};
pub(crate) use info::VmoRecord;
pub(crate) use map::{MapRequest, map, map_and_tell, map_for_boot};
pub(crate) use maps::{Maps, MapsVersion};
pub(crate) use name::Name;
pub(crate) use overwrite::{Overwrite, overwrite, resume_overwrite};
pub(crate) use pages::zero_page;
pub(crate) use peek::shown_at;
pub(crate) use pin::{add_pin, is_one_run, pinned_page, remove_pin, reserve_pin};
pub(crate) use place::{Overlap, Placement};
pub(crate) use protect::{Protect, protect};
pub(crate) use range::Pages as RangePages;
pub(crate) use range::{
    LockHow, Locks, PolicyChange, RangeOp, RegionRange, SizeChange, Spare, Staged, Stale, Transfer,
    abandon as abandon_range, check as check_range, check_inside, lock, op_region_range,
    resume_lock, resume_set_cache_policy, resume_set_size, resume_transfer, run as run_range,
    set_cache_policy, set_content_size, set_size, set_stream_size, tidy_step, transfer, unlock,
};
pub(crate) use region::{
    Inner, NewRegion, allocate, destroy, destroy_some, detach, is_half_destroyed, region_at,
    resume_destroy,
};
pub(crate) use teardown::{end_vmo, vmo_end_step};
pub(crate) use unmap::{resume_unmap, unmap};
pub(crate) use vmar::{Mapping, Vmar, VmarNode, root_vmar_reserved};
pub(crate) use vmo::{
    Content, Marks, Vmo, create_adopted, create_paged, create_paged_as, create_physical,
    is_contiguous, round_up, size, sized, stream_size,
};

use crate::hal::MapError;
use jacinth_abi::Status;

/// The status that stands for a mapping that the machine did not make.
pub(crate) const fn map_status(error: MapError) -> Status {
    match error {
        MapError::NoMemory => Status::NO_MEMORY,
        // The second fence said no where the first said yes.
        MapError::Refused => Status::ACCESS_DENIED,
        MapError::AlreadyMapped => Status::INTERNAL,
        // mmu.md: executable and not cached.
        MapError::Unsupported => Status::INVALID_ARGS,
    }
}
