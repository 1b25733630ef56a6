//! Drawing addresses and ranges of them, and permissions.

use super::call::{Arg, Origin};
use super::draw::{Draw, vmar};
use super::draw_more::WINDOW;
use super::world::Spot;
use crate::model::PAGE;
use jacinth_abi::processargs::PA_VMAR_ROOT;

impl Draw<'_> {
    /// Somewhere in or near something that the kernel told the address of.
    pub(super) fn spot(&mut self) -> Spot {
        let spots = &self.world.spots;
        // The later the likelier: most of the early ones are gone.
        let a = self.random.below(spots.len() as u64);
        let b = self.random.below(spots.len() as u64);
        spots[a.max(b) as usize]
    }

    /// An address at or near something.
    pub(super) fn address(&mut self) -> Arg {
        let spot = self.spot();
        let pages = spot.len.min(600 * PAGE) / PAGE;
        let offset = self.random.below(pages + 1) * PAGE;
        let offset = if self.one_in(3) {
            offset + self.random.below(PAGE)
        } else {
            offset
        };
        Arg::Address(spot.origin, offset + start_of(&spot))
    }

    /// A range of pages at or near something.
    pub(super) fn range(&mut self) -> (Arg, Arg) {
        let spot = self.spot();
        let pages = spot.len.min(600 * PAGE) / PAGE;
        let (first, len) = match self.random.below(4) {
            0 => (0, pages),
            1 => (0, 1 + self.random.below(pages + 1)),
            _ => {
                let first = self.random.below(pages + 1);
                (first, 1 + self.random.below(pages + 2 - first))
            }
        };
        let (mut at, mut len) = (first * PAGE, len.min(64) * PAGE);
        match self.random.below(30) {
            0 => at += 1 + self.random.below(PAGE - 1),
            1 => len -= self.random.below(PAGE),
            2 => len = self.pick_word(&[0, u64::MAX, u64::MAX - PAGE + 1, 1 << 63]),
            3 => at = at.wrapping_sub(PAGE),
            _ => {}
        }
        let at = at.wrapping_add(start_of(&spot));
        (Arg::Address(spot.origin, at), Arg::Word(len))
    }

    /// A region, and a range of pages in it where something is mapped.
    pub(super) fn mapped(&mut self) -> (Arg, Arg, Arg) {
        let model = &self.world.model;
        let mappings: Vec<(u64, u64)> = model.mappings().map(|(at, it)| (at, it.size())).collect();
        if mappings.is_empty() || self.one_in(8) {
            let (at, len) = self.range();
            return (self.handle(vmar), at, len);
        }
        let (at, size) = mappings[self.random.below(mappings.len() as u64) as usize];
        let pages = (size / PAGE).min(64);
        let first = self.random.below(pages);
        let first = if self.one_in(2) { 0 } else { first };
        let len = match self.random.below(10) {
            0 => (1 + self.random.below(2 * pages + 2)) * PAGE,
            1..5 => (pages - first) * PAGE,
            _ => (1 + self.random.below(pages - first)) * PAGE,
        };
        let at = at + first * PAGE;
        let spots = self.world.spots.iter();
        let spot = spots
            .rev()
            .find(|spot| (spot.at..spot.at.saturating_add(spot.len)).contains(&at));
        let spot = *spot.unwrap_or(&self.world.spots[0]);
        let inside = model.find(at).map_or(model.root, |(vmar, _)| vmar);
        let region = if self.one_in(4) { model.root } else { inside };
        let region = match self.handle_to(region) {
            Some(handle) => handle,
            None => self.handle(vmar),
        };
        let address = Arg::Address(spot.origin, at.wrapping_sub(spot.at));
        (region, address, Arg::Word(len))
    }

    /// Permissions for what is mapped already. What becomes of an entry of memory that is not
    /// cached when it is made executable, where that cannot be, is nowhere said: not there.
    pub(super) fn permissions(&mut self) -> Arg {
        let model = &self.world.model;
        let mut mappings = model.mappings();
        let is_uncached = mappings.any(|(_, mapping)| model.cache(mapping.vmo) != 0);
        if model.place.is_code_cached && is_uncached {
            return self.pick(&[1, 1, 1, 3, 3, 3, 0, 2, 0x13, 0x81, 1 << 31]);
        }
        self.pick(&[
            1,
            1,
            1,
            3,
            3,
            3,
            3,
            0,
            5,
            7,
            2,
            4,
            0x4004,
            0x13,
            0x81,
            1 << 31,
        ])
    }
}

/// Where in a spot there is something: in the root region, not at its start.
fn start_of(spot: &Spot) -> u64 {
    if spot.origin == Origin::Given(PA_VMAR_ROOT) {
        WINDOW
    } else {
        0
    }
}
