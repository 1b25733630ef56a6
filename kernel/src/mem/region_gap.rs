//! Finding room between the entries of a [`RegionTree`], and checking one.

use super::avl::{AvlNode, node};
use super::region_node::{Extent, Link};
use super::{Gap, RegionPool, RegionTree};
use crate::{VirtAddr, VirtRange};

/// How many gaps that are long enough, but hold no suitable start, are looked into.
const MOST_PROBES: u32 = 64;

impl Gap {
    /// Room for `size` bytes anywhere in `bounds`, at a multiple of `align`.
    #[must_use]
    pub const fn aligned(bounds: VirtRange, size: u64, align: u64) -> Self {
        Self {
            bounds,
            size,
            from: bounds.start,
            upper_limit: bounds.end,
            modulus: align,
            residue: 0,
        }
    }

    /// The lowest suitable start in the gap from `low` to `high`.
    fn fit(&self, low: u64, high: u64) -> Option<u64> {
        let modulus = self.modulus.max(1);
        let (have, want) = (
            low.checked_rem(modulus)?,
            self.residue.checked_rem(modulus)?,
        );
        let more = if want >= have {
            want.wrapping_sub(have)
        } else {
            modulus.wrapping_sub(have.wrapping_sub(want))
        };
        let start = low.checked_add(more)?;
        let end = start.checked_add(self.size)?;
        (end <= high).then_some(start)
    }

    fn lowest(&self) -> u64 {
        self.bounds.start.max(self.from).raw()
    }

    fn highest(&self) -> u64 {
        self.bounds.end.min(self.upper_limit).raw()
    }
}

impl<V: Copy> RegionTree<V> {
    /// The lowest suitable start of a free range.
    ///
    /// Logarithmic: after 64 gaps that are long enough but badly aligned, only gaps
    /// so long that alignment cannot matter are considered.
    #[must_use]
    pub fn find_gap(&self, pool: &RegionPool<V>, gap: &Gap) -> Option<VirtAddr> {
        let (low, high) = (gap.lowest(), gap.highest());
        let mut search = Search {
            pool,
            gap,
            bounds: (low, high),
            length: gap.size,
            probes: MOST_PROBES,
        };
        let mut found = search.below(self.root(), low, high);
        if found.is_none() && search.probes == 0 {
            search.length = gap.size.saturating_add(gap.modulus.saturating_sub(1));
            search.probes = MOST_PROBES;
            found = search.below(self.root(), low, high);
        }
        found.map(VirtAddr::new)
    }

    /// Whether the tree is in order, balanced, and knows its gaps. Walks everything.
    #[must_use]
    pub fn audit(&self, pool: &RegionPool<V>) -> bool {
        audit_below(pool, self.root()) == Some(self.len())
    }
}

struct Search<'a, V> {
    pool: &'a RegionPool<V>,
    gap: &'a Gap,
    /// The lowest and the highest address that the new one may take.
    bounds: (u64, u64),
    /// The gaps that are looked into are as long as this.
    length: u64,
    probes: u32,
}

impl<V> Search<'_, V> {
    /// Looks through the gaps of a subtree, whose neighbours leave `low..high` to it.
    fn below(&mut self, link: Link<V>, low: u64, high: u64) -> Option<u64> {
        let (mut link, mut low) = (link, low);
        while self.has_room(low, high) {
            let Some(key) = link else {
                return self.probe(low, high);
            };
            let here = node(self.pool, key);
            let Extent { first, last, gap } = here.extent();
            let outer = first.saturating_sub(low).max(high.saturating_sub(last));
            if outer.max(gap) < self.length {
                return None;
            }
            let (left, right) = here.links().children();
            let (start, end) = (here.region().start.raw(), here.region().end.raw());
            if self.has_room(low, start) {
                let found = self.below(left, low, start);
                if found.is_some() {
                    return found;
                }
            }
            (link, low) = (right, end);
        }
        None
    }

    /// Whether `low..high` could hold a gap that is worth a look.
    const fn has_room(&self, low: u64, high: u64) -> bool {
        let (lowest, highest) = self.bounds;
        let low = if low < lowest { lowest } else { low };
        let high = if high > highest { highest } else { high };
        high.saturating_sub(low) >= self.length && self.probes != 0
    }

    /// The lowest suitable start in a gap.
    fn probe(&mut self, low: u64, high: u64) -> Option<u64> {
        let (lowest, highest) = self.bounds;
        let found = self.gap.fit(low.max(lowest), high.min(highest));
        if found.is_none() {
            self.probes = self.probes.saturating_sub(1);
        }
        found
    }
}

/// How many nodes the subtree has, if it is as it should be.
fn audit_below<V>(pool: &RegionPool<V>, link: Link<V>) -> Option<u32> {
    let Some(key) = link else { return Some(0) };
    let here = pool.get_bare(key)?;
    let (left, right) = here.links().children();
    let (start, end) = (here.region().start.raw(), here.region().end.raw());
    let mut count = 1u32;
    let (mut left_height, mut right_height) = (0, 0);
    let (mut is_before, mut is_behind) = (true, true);
    if let Some(below) = left.map(|key| node(pool, key)) {
        count = count.checked_add(audit_below(pool, left)?)?;
        left_height = below.links().height();
        is_before = below.extent().last <= start;
    }
    if let Some(below) = right.map(|key| node(pool, key)) {
        count = count.checked_add(audit_below(pool, right)?)?;
        right_height = below.links().height();
        is_behind = end <= below.extent().first;
    }
    let of = |link: Link<V>| link.map(|key| node(pool, key).extent());
    let is_known = here.extent() == here.summary(of(left), of(right));
    let is_balanced = left_height.abs_diff(right_height) <= 1;
    let is_high = here.links().height().checked_sub(1)? == left_height.max(right_height);
    (start < end && is_before && is_behind && is_balanced && is_high && is_known).then_some(count)
}

#[cfg(test)]
#[path = "region_tests.rs"]
mod tests;
