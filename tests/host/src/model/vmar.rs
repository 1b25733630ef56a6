//! Regions: made, unmapped, protected, destroyed (vmar.md §3, §5-7, §10).

use super::objects::{Body, Id, Mapping, Region, Vmar};
use super::state::Model;
use super::{Outcome, PAGE, Trial, is_aligned, require, round_up};
use jacinth_abi::{Rights, Status, VmOptions};
use std::collections::BTreeMap;

const PERM: u32 = 7;

/// A part of a mapping: which, and from where to where.
#[derive(Clone, Copy, Debug)]
pub struct Piece {
    /// The region that it is in.
    pub vmar: Id,
    /// Where the mapping begins.
    pub mapping: u64,
    /// The first address of the part.
    pub start: u64,
    /// The address behind it.
    pub end: u64,
}

/// Where something is to be put.
pub(super) enum Spot {
    /// Exactly here.
    At(u64),
    /// Anywhere, if it ends below.
    Below(u64),
}

impl Vmar {
    const fn end(&self) -> u64 {
        self.base + self.size
    }
}

impl Mapping {
    /// Bytes.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.pages.len() as u64 * PAGE
    }
}

impl Model {
    /// vmar.md §3.1.
    pub(super) fn vmar_allocate(&mut self, t: &Trial) -> Outcome {
        let bits = t.u32(1);
        let mut options = VmOptions::from_bits_retain(bits);
        let (offset, size) = (t.u64(2), t.u64(3));
        let can = (bits >> 7) & PERM;
        let held = self.lookup_vmar(t.u32(0), rights_for(can))?;
        let align = options.alignment().map_err(|_| Status::INVALID_ARGS)?;
        options -= VmOptions::PERM_READ_IF_XOM_UNSUPPORTED;
        let known = VmOptions::SPECIFIC
            | VmOptions::CAN_MAP_SPECIFIC
            | VmOptions::COMPACT
            | VmOptions::CAN_MAP_ANY
            | VmOptions::OFFSET_IS_UPPER_LIMIT;
        require(
            known.contains(options.without_alignment()),
            Status::INVALID_ARGS,
        )?;
        require(is_aligned(size), Status::INVALID_ARGS)?;
        require(self.vmar(held.object).is_alive, Status::BAD_STATE)?;
        require(size != 0, Status::INVALID_ARGS)?;
        require(
            can & !self.vmar(held.object).can == 0,
            Status::ACCESS_DENIED,
        )?;
        let spot = self.spot(held.object, options, offset, size, align)?;
        if let Spot::At(base) = spot {
            let is_free = self.is_free(held.object, base, base + size);
            require(is_free, Status::ALREADY_EXISTS)?;
        }
        let base = self.choose(t, 5, held.object, &spot, size, align)?;
        require(t.outs[4].is_some(), Status::INVALID_ARGS)?;
        let id = self.add(Body::Vmar(Vmar {
            base,
            size,
            can,
            is_specific: options.contains(VmOptions::CAN_MAP_SPECIFIC),
            is_compact: options.contains(VmOptions::COMPACT),
            parent: Some(held.object),
            is_alive: true,
            children: BTreeMap::new(),
        }));
        self.vmar_mut(held.object)
            .children
            .insert(base, Region::Vmar(id));
        self.install(t, 4, id, Rights::DEFAULT_VMAR | rights_for(can))
    }

    /// Where something goes: vmar.md §3.1, steps 11 to 16; §4.2, steps 21 to 26.
    pub(super) fn spot(
        &self,
        vmar: Id,
        options: VmOptions,
        offset: u64,
        size: u64,
        align: u32,
    ) -> Result<Spot, Status> {
        let region = self.vmar(vmar);
        let specific = VmOptions::SPECIFIC | VmOptions::SPECIFIC_OVERWRITE;
        let is_at = options.intersects(specific);
        let is_below = options.contains(VmOptions::OFFSET_IS_UPPER_LIMIT);
        require(!(is_at && is_below), Status::INVALID_ARGS)?;
        require(is_at || is_below || offset == 0, Status::INVALID_ARGS)?;
        require(is_aligned(offset), Status::INVALID_ARGS)?;
        let may = region.is_specific || !(is_at || is_below);
        require(may, Status::ACCESS_DENIED)?;
        let fits = if is_below {
            offset <= region.size && size <= offset
        } else {
            offset < region.size && size <= region.size - offset
        };
        require(fits, Status::INVALID_ARGS)?;
        if is_below {
            return Ok(Spot::Below(region.base + offset));
        }
        if !is_at {
            return Ok(Spot::Below(region.end()));
        }
        let at = region.base + offset;
        require(at.is_multiple_of(1 << align), Status::INVALID_ARGS)?;
        Ok(Spot::At(at))
    }

    /// The place that the kernel chose, told in argument `out`, if it is a good one.
    pub(super) fn choose(
        &mut self,
        t: &Trial,
        out: usize,
        vmar: Id,
        spot: &Spot,
        size: u64,
        align: u32,
    ) -> Result<u64, Status> {
        let expected = match *spot {
            Spot::At(at) => at,
            Spot::Below(end) => self
                .lowest(vmar, end, size, align)
                .ok_or(Status::NO_RESOURCES)?,
        };
        if t.outs[out].is_none() {
            self.write(t, out, &expected.to_le_bytes())?;
            return Err(Status::INVALID_ARGS);
        }
        let chosen = t.out_u64(out);
        let is_good = match *spot {
            Spot::At(at) => chosen == at,
            Spot::Below(_) if self.vmar(vmar).is_compact => chosen == expected,
            Spot::Below(end) => {
                let ends = chosen.checked_add(size).is_some_and(|last| last <= end);
                chosen.is_multiple_of((1 << align).max(PAGE))
                    && chosen >= self.vmar(vmar).base
                    && ends
                    && self.is_free(vmar, chosen, chosen + size)
            }
        };
        let chosen = if is_good { chosen } else { expected };
        self.patches.push((out, 0, chosen.to_le_bytes().to_vec()));
        Ok(chosen)
    }

    /// Whether nothing in a region is between two addresses.
    pub(super) fn is_free(&self, vmar: Id, start: u64, end: u64) -> bool {
        let before = self.vmar(vmar).children.range(..end).next_back();
        before.is_none_or(|(at, region)| at + self.length(region) <= start)
    }

    /// The lowest place that fits.
    pub(super) fn lowest(&self, vmar: Id, end: u64, size: u64, align: u32) -> Option<u64> {
        let region = self.vmar(vmar);
        let align = (1u64 << align).max(PAGE);
        let mut gap = region.base;
        let children = region.children.iter();
        let mut gaps: Vec<(u64, u64)> = children
            .map(|(at, child)| {
                let before = (gap, *at);
                gap = at + self.length(child);
                before
            })
            .collect();
        gaps.push((gap, region.end()));
        gaps.into_iter().find_map(|(start, stop)| {
            let at = start.checked_next_multiple_of(align)?;
            let last = at.checked_add(size)?;
            (last <= stop.min(end)).then_some(at)
        })
    }

    /// vmar.md §5.
    pub(super) fn vmar_unmap(&mut self, t: &Trial) -> Outcome {
        let held = self.lookup_vmar(t.u32(0), Rights::empty())?;
        let (start, end) = self.range(held.object, t.u64(1), t.u64(2), Status::INVALID_ARGS)?;
        for (at, region) in &self.vmar(held.object).children {
            let Region::Vmar(inner) = region else {
                continue;
            };
            let inner_end = at + self.vmar(*inner).size;
            if *at < end && start < inner_end {
                let is_whole = start <= *at && inner_end <= end;
                let may = held.rights.contains(Rights::OP_CHILDREN);
                require(is_whole && may, Status::INVALID_ARGS)?;
            }
        }
        self.remove(held.object, start, end);
        Ok(())
    }

    /// The range of a call on addresses: steps 2 to 5 of unmap, 4 and 6 to 8 of protect.
    fn range(&self, vmar: Id, at: u64, len: u64, outside: Status) -> Result<(u64, u64), Status> {
        require(is_aligned(at), Status::INVALID_ARGS)?;
        let size = round_up(len).ok_or(Status::INVALID_ARGS)?;
        require(size != 0, Status::INVALID_ARGS)?;
        let region = self.vmar(vmar);
        require(region.is_alive, Status::BAD_STATE)?;
        let end = at.checked_add(size).ok_or(outside)?;
        require(region.base <= at && end <= region.end(), outside)?;
        Ok((at, end))
    }

    /// Removes everything of a region between two addresses; no region lies across them.
    pub(super) fn remove(&mut self, vmar: Id, start: u64, end: u64) {
        self.cut(vmar, start);
        self.cut(vmar, end);
        let children = &mut self.vmar_mut(vmar).children;
        let inside: Vec<u64> = children.range(start..end).map(|(at, _)| *at).collect();
        for at in inside {
            if let Some(Region::Vmar(inner)) = self.vmar_mut(vmar).children.remove(&at) {
                self.kill(inner);
            }
        }
    }

    /// Cuts the mapping that lies across an address in two.
    fn cut(&mut self, vmar: Id, at: u64) {
        let Some((start, Region::Mapping(mapping))) =
            self.vmar_mut(vmar).children.range_mut(..at).next_back()
        else {
            return;
        };
        let before = at - start;
        if before < mapping.size() {
            let mut behind = mapping.clone();
            behind.pages = mapping
                .pages
                .split_off(usize::try_from(before / PAGE).unwrap_or(0));
            behind.offset += before;
            let children = &mut self.vmar_mut(vmar).children;
            children.insert(at, Region::Mapping(behind));
        }
    }

    /// vmar.md §6.
    pub(super) fn vmar_destroy(&mut self, t: &Trial) -> Outcome {
        let held = self.lookup_vmar(t.u32(0), Rights::OP_CHILDREN)?;
        require(held.object != self.root, Status::NOT_SUPPORTED)?;
        let region = self.vmar(held.object);
        require(region.is_alive, Status::BAD_STATE)?;
        let (parent, base) = (region.parent, region.base);
        if let Some(parent) = parent {
            self.vmar_mut(parent).children.remove(&base);
        }
        self.kill(held.object);
        Ok(())
    }

    /// A region and all in it are dead from now on.
    fn kill(&mut self, vmar: Id) {
        let region = self.vmar_mut(vmar);
        region.is_alive = false;
        let children = std::mem::take(&mut region.children);
        for child in children.into_values() {
            if let Region::Vmar(inner) = child {
                self.kill(inner);
            }
        }
    }

    /// vmar.md §7.
    pub(super) fn vmar_protect(&mut self, t: &Trial) -> Outcome {
        let options = promoted(t.u32(1));
        let wanted = options.bits() & PERM;
        let held = self.lookup_vmar(t.u32(0), rights_for(wanted))?;
        require(wanted == 0 || wanted & 1 != 0, Status::INVALID_ARGS)?;
        require(is_aligned(t.u64(2)), Status::INVALID_ARGS)?;
        require(options.bits() & !PERM == 0, Status::INVALID_ARGS)?;
        let (start, end) = self.range(held.object, t.u64(2), t.u64(3), Status::INVALID_ARGS)?;
        let may_inside = held.rights.contains(Rights::OP_CHILDREN);
        let pieces = self.pieces(held.object, start, end);
        let mut reached = start;
        for piece in &pieces {
            require(piece.start == reached, Status::NOT_FOUND)?;
            reached = piece.end;
            let mapping = self.mapping(*piece);
            require(wanted & !mapping.may == 0, Status::ACCESS_DENIED)?;
            if piece.vmar != held.object {
                require(may_inside, Status::INVALID_ARGS)?;
                let adds = |flags: &u8| wanted & !u32::from(*flags) != 0;
                let is_more = mapping.pages[piece.pages()].iter().any(adds);
                require(!is_more, Status::ACCESS_DENIED)?;
            }
        }
        require(reached == end, Status::NOT_FOUND)?;
        for piece in pieces {
            let flags = u8::try_from(wanted).unwrap_or(0);
            self.mapping_mut(piece).pages[piece.pages()].fill(flags);
        }
        Ok(())
    }

    /// The parts of mappings between two addresses, those of regions inside too, in order.
    #[must_use]
    pub fn pieces(&self, vmar: Id, start: u64, end: u64) -> Vec<Piece> {
        let mut pieces = Vec::new();
        for (at, region) in &self.vmar(vmar).children {
            let (first, last) = (start.max(*at), end.min(at + self.length(region)));
            if first >= last {
                continue;
            }
            match region {
                Region::Vmar(inner) => pieces.extend(self.pieces(*inner, first, last)),
                Region::Mapping(_) => pieces.push(Piece {
                    vmar,
                    mapping: *at,
                    start: first,
                    end: last,
                }),
                Region::Foreign(_) => {}
            }
        }
        pieces
    }

    /// The mapping that a piece is of.
    ///
    /// # Panics
    /// When there is none.
    #[must_use]
    pub fn mapping(&self, piece: Piece) -> &Mapping {
        match &self.vmar(piece.vmar).children[&piece.mapping] {
            Region::Mapping(mapping) => mapping,
            other => panic!("no mapping: {other:?}"),
        }
    }

    fn mapping_mut(&mut self, piece: Piece) -> &mut Mapping {
        let children = &mut self.vmar_mut(piece.vmar).children;
        match children.get_mut(&piece.mapping) {
            Some(Region::Mapping(mapping)) => mapping,
            other => panic!("no mapping: {other:?}"),
        }
    }

    /// The range of `zx_vmar_op_range`, which answers another status for what is outside.
    pub(super) fn op_range(&self, vmar: Id, at: u64, len: u64) -> Result<(u64, u64), Status> {
        let size = round_up(len).ok_or(Status::INVALID_ARGS)?;
        require(size != 0, Status::INVALID_ARGS)?;
        require(is_aligned(at), Status::INVALID_ARGS)?;
        let region = self.vmar(vmar);
        let end = at.checked_add(size).ok_or(Status::OUT_OF_RANGE)?;
        let is_inside = region.base <= at && end <= region.end();
        require(is_inside, Status::OUT_OF_RANGE)?;
        require(region.is_alive, Status::BAD_STATE)?;
        Ok((at, end))
    }
}

impl Piece {
    /// The pages of the mapping that it is.
    #[must_use]
    pub fn pages(self) -> std::ops::Range<usize> {
        let page = |at: u64| usize::try_from((at - self.mapping) / PAGE).unwrap_or(usize::MAX);
        page(self.start)..page(self.end)
    }
}

/// No machine maps execute-only: READ is added where that was asked for.
pub(super) fn promoted(options: u32) -> VmOptions {
    let mut options = VmOptions::from_bits_retain(options);
    if options.contains(VmOptions::PERM_READ_IF_XOM_UNSUPPORTED) {
        options -= VmOptions::PERM_READ_IF_XOM_UNSUPPORTED;
        options |= VmOptions::PERM_READ;
    }
    options
}

/// The rights for permissions: READ, WRITE, EXECUTE stand in the same order in both.
pub(super) const fn rights_for(permissions: u32) -> Rights {
    Rights::from_bits_truncate((permissions & PERM) << 2)
}
