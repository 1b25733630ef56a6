//! Ranges of addresses in order: what an address region holds, and the gaps between.
//!
//! A balanced tree whose nodes lie in a [`RegionPool`] that many trees share. Every node knows the
//! first address, the last address and the largest gap of its subtree, which is what finds room
//! in logarithmic time.

use super::avl::{self, AvlNode, insert, remove};
use super::region_node::{Link, RegionNode};
use super::{Budget, Key, NoMemory, Pool};
use crate::{VirtAddr, VirtRange};

/// Where the nodes of trees of `V` lie.
pub type RegionPool<V> = Pool<RegionNode<V>>;

/// One entry of a [`RegionTree`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Region<V> {
    /// The first byte.
    pub start: VirtAddr,
    /// The first byte behind.
    pub end: VirtAddr,
    /// What is there.
    pub value: V,
}

/// What a gap must be like: see [`RegionTree::find_gap`].
#[derive(Clone, Copy, Debug)]
pub struct Gap {
    /// The range that the new one must lie in.
    pub bounds: VirtRange,
    /// How long the new range is, in bytes; not 0.
    pub size: u64,
    /// The lowest start wanted.
    pub from: VirtAddr,
    /// The highest end wanted.
    pub upper_limit: VirtAddr,
    /// The start is `residue` more than a multiple of this; alignment, when `residue` is 0.
    pub modulus: u64,
    /// See `modulus`.
    pub residue: u64,
}

/// Disjoint, non-empty ranges of addresses, each with a value, ordered by start.
#[derive(Debug)]
pub struct RegionTree<V> {
    root: Link<V>,
    len: u32,
    /// The entry that was put in last: the next search is mostly for the same one. A node is in one
    /// tree all its life, so what the key leads to is an entry, if it leads anywhere.
    last: Option<Key<RegionNode<V>>>,
}

impl<V: Copy> Default for RegionTree<V> {
    fn default() -> Self {
        Self::new()
    }
}

impl<V: Copy> RegionTree<V> {
    /// An empty tree.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            root: None,
            len: 0,
            last: None,
        }
    }

    /// How many entries there are.
    #[must_use]
    pub const fn len(&self) -> u32 {
        self.len
    }

    /// Whether there is no entry.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Makes sure that `count` calls of [`RegionTree::insert_reserved`] find room.
    ///
    /// # Errors
    /// [`NoMemory`].
    pub fn reserve(
        pool: &mut RegionPool<V>,
        count: u32,
        budget: &mut Budget,
    ) -> Result<(), NoMemory> {
        pool.reserve_many(count, budget)
    }

    /// Puts an entry in that overlaps no other.
    ///
    /// # Panics
    /// When no room was reserved.
    pub fn insert_reserved(&mut self, pool: &mut RegionPool<V>, region: Region<V>) {
        debug_assert!(
            region.start < region.end,
            "no entry of a region tree is empty"
        );
        debug_assert!(
            self.first_ending_after(pool, region.start)
                .is_none_or(|next| region.end <= next.start),
            "entries of a region tree are disjoint"
        );
        let new = pool.insert_reserved(RegionNode::leaf(region));
        self.root = insert(pool, self.root, new.bare(), region.start);
        self.len = self.len.wrapping_add(1);
        self.last = Some(new);
    }

    /// Takes the entry out that starts at `start`.
    pub fn remove(&mut self, pool: &mut RegionPool<V>, start: VirtAddr) -> Option<Region<V>> {
        let (root, removed) = remove(pool, self.root, start);
        self.root = root;
        let removed = removed?;
        let region = *avl::node(pool, removed).region();
        pool.free(pool.key_of(removed)?);
        self.len = self.len.wrapping_sub(1);
        Some(region)
    }

    /// The entry that `address` is in.
    #[must_use]
    pub fn containing(&self, pool: &RegionPool<V>, address: VirtAddr) -> Option<Region<V>> {
        self.first_ending_after(pool, address)
            .filter(|region| region.start <= address)
    }

    /// The first entry that starts at `address` or behind.
    #[must_use]
    pub fn first_at_or_after(&self, pool: &RegionPool<V>, address: VirtAddr) -> Option<Region<V>> {
        self.first_where(pool, |region| region.start >= address)
    }

    /// The first entry that ends behind `address`: the one that holds it, else the next.
    #[must_use]
    pub fn first_ending_after(&self, pool: &RegionPool<V>, address: VirtAddr) -> Option<Region<V>> {
        let last = self.last.and_then(|key| pool.get(key));
        if let Some(last) = last.map(RegionNode::region)
            && (last.start..last.end).contains(&address)
        {
            return Some(*last);
        }
        self.first_where(pool, |region| region.end > address)
    }

    /// The last entry that starts before `address`.
    #[must_use]
    pub fn last_before(&self, pool: &RegionPool<V>, address: VirtAddr) -> Option<Region<V>> {
        self.last_where(pool, |region| region.start < address)
    }

    /// The entry with the lowest start.
    #[must_use]
    pub fn first(&self, pool: &RegionPool<V>) -> Option<Region<V>> {
        self.first_where(pool, |_| true)
    }

    /// Changes the value of the entry that starts at `start`; false when there is none.
    pub fn set_value(&mut self, pool: &mut RegionPool<V>, start: VirtAddr, value: V) -> bool {
        avl::change(pool, self.root, start, |node| {
            node.region_mut().value = value
        })
    }

    /// Moves the start of the entry that starts at `start`; false when there is none. The entry
    /// stays non-empty and between its neighbours.
    pub fn set_start(
        &mut self,
        pool: &mut RegionPool<V>,
        start: VirtAddr,
        new_start: VirtAddr,
    ) -> bool {
        avl::change(pool, self.root, start, |node| {
            node.region_mut().start = new_start
        })
    }

    /// Moves the end of the entry that starts at `start`; false when there is none. The entry
    /// stays non-empty and between its neighbours.
    pub fn set_end(
        &mut self,
        pool: &mut RegionPool<V>,
        start: VirtAddr,
        new_end: VirtAddr,
    ) -> bool {
        avl::change(pool, self.root, start, |node| {
            node.region_mut().end = new_end
        })
    }

    /// The node at the root, for what walks the whole tree.
    pub(super) const fn root(&self) -> Link<V> {
        self.root
    }

    /// The first entry for which `wanted` holds, which holds for all behind it.
    fn first_where(
        &self,
        pool: &RegionPool<V>,
        wanted: impl Fn(&Region<V>) -> bool,
    ) -> Option<Region<V>> {
        self.outermost(pool, wanted, |(left, right)| (left, right))
    }

    /// The last entry for which `wanted` holds, which holds for all before it.
    fn last_where(
        &self,
        pool: &RegionPool<V>,
        wanted: impl Fn(&Region<V>) -> bool,
    ) -> Option<Region<V>> {
        self.outermost(pool, wanted, |(left, right)| (right, left))
    }

    /// The entry farthest out for which `wanted` holds; `outward_first` puts a node's child on that
    /// side first.
    fn outermost(
        &self,
        pool: &RegionPool<V>,
        wanted: impl Fn(&Region<V>) -> bool,
        outward_first: impl Fn((Link<V>, Link<V>)) -> (Link<V>, Link<V>),
    ) -> Option<Region<V>> {
        let (mut best, mut link) = (None, self.root);
        while let Some(node) = link.and_then(|key| pool.get_bare(key)) {
            let (outward, inward) = outward_first(node.links().children());
            if wanted(node.region()) {
                best = Some(node.region());
                link = outward;
            } else {
                link = inward;
            }
        }
        best.copied()
    }
}
