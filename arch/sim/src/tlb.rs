//! What a processor remembers of page tables: only a flush makes it forget.

use crate::walk::{Leaf, Upper};
use jacinth_kernel::VirtRange;
use jacinth_kernel::hal::AspaceId;
use std::collections::BTreeMap;

const SIZES: [u64; 3] = [1 << 12, 1 << 21, 1 << 30];

/// Translations and last-level tables that a processor has seen.
#[derive(Debug, Default)]
pub(crate) struct Tlb {
    leaves: BTreeMap<(u64, u64), Leaf>,
    tables: BTreeMap<(u64, u64), Upper>,
}

impl Tlb {
    pub(crate) fn leaf(&self, aspace: AspaceId, at: u64) -> Option<Leaf> {
        let hit = |bytes: &u64| {
            self.leaves
                .get(&(aspace.0, at & !(bytes - 1)))
                .filter(|leaf| leaf.bytes == *bytes)
        };
        SIZES.iter().find_map(hit).copied()
    }

    pub(crate) fn table(&self, aspace: AspaceId, at: u64) -> Option<Upper> {
        self.tables.get(&(aspace.0, at >> 21)).copied()
    }

    pub(crate) fn keep_leaf(&mut self, aspace: AspaceId, leaf: Leaf) {
        self.leaves.insert((aspace.0, leaf.base), leaf);
    }

    pub(crate) fn keep_table(&mut self, aspace: AspaceId, at: u64, upper: Upper) {
        self.tables.insert((aspace.0, at >> 21), upper);
    }

    /// Forgets the translations that touch `range`.
    pub(crate) fn drop_leaves(&mut self, aspace: AspaceId, range: VirtRange) {
        let touches =
            |leaf: &Leaf| leaf.base < range.end.raw() && range.start.raw() < leaf.base + leaf.bytes;
        self.leaves
            .retain(|(of, _), leaf| *of != aspace.0 || !touches(leaf));
    }

    /// Forgets every table of an address space.
    pub(crate) fn drop_tables(&mut self, aspace: AspaceId) {
        self.tables.retain(|(of, _), _| *of != aspace.0);
    }

    /// Forgets an address space.
    pub(crate) fn drop_aspace(&mut self, aspace: AspaceId) {
        self.drop_tables(aspace);
        self.leaves.retain(|(of, _), _| *of != aspace.0);
    }

    /// Forgets everything.
    pub(crate) fn clear(&mut self) {
        self.leaves.clear();
        self.tables.clear();
    }

    /// Every table with its address space and the first address that it serves.
    pub(crate) fn tables(&self) -> impl Iterator<Item = (AspaceId, u64, &Upper)> {
        let tables = self.tables.iter();
        tables.map(|((aspace, region), upper)| (AspaceId(*aspace), region << 21, upper))
    }

    /// Every translation with its address space.
    pub(crate) fn leaves(&self) -> impl Iterator<Item = (AspaceId, &Leaf)> {
        self.leaves
            .iter()
            .map(|((aspace, _), leaf)| (AspaceId(*aspace), leaf))
    }
}
