//! Mapping a VMO (vmar.md §4).

use super::objects::{Id, Kind, Mapping, Region};
use super::state::Model;
use super::vmar::{Spot, promoted, rights_for};
use super::{Outcome, PAGE, Trial, is_aligned, require, round_up};
use jacinth_abi::{Rights, Status, VmOptions};

const PERM: u32 = 7;

impl Model {
    /// vmar.md §4.2.
    pub(super) fn vmar_map(&mut self, t: &Trial) -> Outcome {
        let region = self.lookup_vmar(t.u32(0), Rights::empty())?;
        let shown = self.lookup_vmo(t.u32(3), Rights::empty())?;
        let options = VmOptions::from_bits_retain(t.u32(1));
        let is_bounded = options.contains(VmOptions::FAULT_BEYOND_STREAM_SIZE);
        let (root, _) = self.holder(shown.object, 0);
        let is_run = matches!(self.vmo(root).kind, Kind::Physical(_) | Kind::Contiguous);
        require(!(is_bounded && is_run), Status::NOT_SUPPORTED)?;
        require(shown.rights.contains(Rights::MAP), Status::ACCESS_DENIED)?;
        let options = promoted(t.u32(1));
        check_options(options, region.rights & shown.rights)?;
        let align = options.alignment().map_err(|_| Status::INVALID_ARGS)?;
        self.check_vmo(options, shown.object)?;
        let misplaced = VmOptions::COMPACT | VmOptions::CAN_MAP_SPECIFIC;
        require(!options.intersects(misplaced), Status::INVALID_ARGS)?;
        let wanted = options.bits() & PERM;
        let can = self.vmar(region.object).can;
        require(wanted & !can == 0, Status::ACCESS_DENIED)?;
        let (offset, vmo_offset) = (t.u64(2), t.u64(4));
        require(is_aligned(vmo_offset), Status::INVALID_ARGS)?;
        let size = round_up(t.u64(5)).ok_or(Status::OUT_OF_RANGE)?;
        let end = vmo_offset.checked_add(size);
        require(end.is_some(), Status::OUT_OF_RANGE)?;
        require(self.vmar(region.object).is_alive, Status::BAD_STATE)?;
        require(size != 0, Status::INVALID_ARGS)?;
        let spot = self.spot(region.object, options, offset, size, align)?;
        let replaces = options.contains(VmOptions::SPECIFIC_OVERWRITE);
        if let Spot::At(at) = spot {
            self.check_room(region.object, at, size, replaces)?;
        }
        if let Spot::Below(end) = spot {
            let lowest = self.lowest(region.object, end, size, align);
            require(lowest.is_some(), Status::NO_RESOURCES)?;
        }
        let eager = options.contains(VmOptions::MAP_RANGE);
        if eager && !self.can_map(shown.object, wanted) && vmo_offset < self.size(shown.object) {
            // Of paged memory only pages that are there are mapped.
            let is_physical = matches!(self.vmo(root).kind, Kind::Physical(_));
            let fails = is_physical || t.was(Status::INVALID_ARGS);
            require(!fails, Status::INVALID_ARGS)?;
        }
        if let Spot::At(at) = spot {
            // What is replaced is gone even when the answer cannot be written.
            self.remove(region.object, at, at + size);
        }
        let at = self.choose(t, 6, region.object, &spot, size, align)?;
        self.remove(region.object, at, at + size);
        let rights = region.rights & shown.rights;
        let flags = u8::try_from(wanted).unwrap_or(0);
        let mapping = Mapping {
            vmo: shown.object,
            offset: vmo_offset,
            may: (rights.bits() >> 2) & PERM,
            is_bounded,
            pages: vec![flags; usize::try_from(size / PAGE).expect("the test maps little")],
        };
        let children = &mut self.vmar_mut(region.object).children;
        children.insert(at, Region::Mapping(mapping));
        Ok(())
    }

    /// Steps 12 and 13.
    fn check_vmo(&self, options: VmOptions, vmo: Id) -> Outcome {
        // A reference without RESIZABLE counts as not resizable, whatever it refers to.
        let shown = self.vmo(vmo);
        let refuses = options.contains(VmOptions::REQUIRE_NON_RESIZABLE);
        require(!(refuses && shown.is_resizable), Status::NOT_SUPPORTED)?;
        let may_fault = options.contains(VmOptions::ALLOW_FAULTS);
        require(may_fault || !shown.is_discardable, Status::NOT_SUPPORTED)
    }

    /// Steps 27 and 27′.
    fn check_room(&self, vmar: Id, at: u64, size: u64, replaces: bool) -> Outcome {
        if !replaces {
            return require(self.is_free(vmar, at, at + size), Status::ALREADY_EXISTS);
        }
        let touches_region = self.vmar(vmar).children.iter().any(|(start, region)| {
            matches!(region, Region::Vmar(_))
                && *start < at + size
                && at < start + self.length(region)
        });
        require(!touches_region, Status::INVALID_ARGS)
    }
}

/// Steps 6 to 11.
fn check_options(options: VmOptions, rights: Rights) -> Outcome {
    let wanted = options.bits() & PERM;
    require(wanted == 0 || wanted & 1 != 0, Status::INVALID_ARGS)?;
    let eager = options.contains(VmOptions::MAP_RANGE);
    let replaces = options.contains(VmOptions::SPECIFIC_OVERWRITE);
    require(!(eager && replaces), Status::INVALID_ARGS)?;
    let names_can = options.intersects(VmOptions::CAN_MAP_ANY);
    require(!names_can, Status::INVALID_ARGS)?;
    require(rights.contains(rights_for(wanted)), Status::ACCESS_DENIED)?;
    let is_bounded = options.contains(VmOptions::FAULT_BEYOND_STREAM_SIZE);
    let may_fault = options.contains(VmOptions::ALLOW_FAULTS);
    require(may_fault || !is_bounded, Status::INVALID_ARGS)?;
    require(!options.has_undefined(), Status::INVALID_ARGS)
}
