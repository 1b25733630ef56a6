//! The nodes of a [`RegionTree`](super::RegionTree), and how the tree is kept in balance.

use super::{Key, Region, RegionPool};
use crate::VirtAddr;
use arrayvec::ArrayVec;

/// An AVL tree of 2^32 nodes is at most this high.
const MOST_LEVELS: usize = 48;

/// A child, or none.
pub(super) type Link<V> = Option<Key<RegionNode<V>>>;

/// An entry with its place in the tree.
#[derive(Debug)]
pub struct RegionNode<V> {
    region: Region<V>,
    left: Link<V>,
    right: Link<V>,
    height: u32,
    /// The first address of the subtree.
    first: u64,
    /// The first address behind the subtree.
    last: u64,
    /// The largest gap between two neighbours of the subtree, in bytes.
    gap: u64,
}

impl<V> RegionNode<V> {
    /// A node without children.
    pub(super) const fn leaf(region: Region<V>) -> Self {
        let (first, last) = (region.start.raw(), region.end.raw());
        Self {
            region,
            left: None,
            right: None,
            height: 1,
            first,
            last,
            gap: 0,
        }
    }

    /// The entry.
    pub(super) const fn region(&self) -> &Region<V> {
        &self.region
    }

    /// The left and the right child.
    pub(super) const fn children(&self) -> (Link<V>, Link<V>) {
        (self.left, self.right)
    }

    /// The subtree's first address, the first one behind it, and its largest gap.
    pub(super) const fn extent(&self) -> (u64, u64, u64) {
        (self.first, self.last, self.gap)
    }

    /// The levels of the subtree.
    pub(super) const fn height(&self) -> u32 {
        self.height
    }

    const fn child(&self, side: Side) -> Link<V> {
        match side {
            Side::Left => self.left,
            Side::Right => self.right,
        }
    }

    const fn set_child(&mut self, side: Side, child: Link<V>) {
        match side {
            Side::Left => self.left = child,
            Side::Right => self.right = child,
        }
    }
}

#[derive(Clone, Copy)]
enum Side {
    Left,
    Right,
}

impl Side {
    const fn other(self) -> Self {
        match self {
            Self::Left => Self::Right,
            Self::Right => Self::Left,
        }
    }

    /// Where an entry with `start` lies, seen from a node with another start.
    fn of<V>(start: VirtAddr, node: &RegionNode<V>) -> Self {
        if start < node.region.start {
            Self::Left
        } else {
            Self::Right
        }
    }
}

/// The node that a link leads to.
pub(super) fn node<V>(pool: &RegionPool<V>, key: Key<RegionNode<V>>) -> &RegionNode<V> {
    pool.get(key)
        .expect("links of a region tree lead to its nodes")
}

fn node_mut<V>(pool: &mut RegionPool<V>, key: Key<RegionNode<V>>) -> &mut RegionNode<V> {
    pool.get_mut(key)
        .expect("links of a region tree lead to its nodes")
}

/// Links a new node in below `link`; the new root of the subtree.
pub(super) fn insert_below<V>(
    pool: &mut RegionPool<V>,
    link: Link<V>,
    new: Key<RegionNode<V>>,
    start: VirtAddr,
) -> Key<RegionNode<V>> {
    let Some(key) = link else { return new };
    let parent = node(pool, key);
    let side = Side::of(start, parent);
    let child = insert_below(pool, parent.child(side), new, start);
    node_mut(pool, key).set_child(side, Some(child));
    balance(pool, key)
}

/// Unlinks the node with `start`; what is left, and the node.
pub(super) fn remove_below<V>(
    pool: &mut RegionPool<V>,
    link: Link<V>,
    start: VirtAddr,
) -> (Link<V>, Link<V>) {
    let Some(key) = link else { return (None, None) };
    let here = node(pool, key);
    if here.region.start != start {
        let side = Side::of(start, here);
        let (rest, removed) = remove_below(pool, here.child(side), start);
        if removed.is_none() {
            return (link, None);
        }
        node_mut(pool, key).set_child(side, rest);
        return (Some(balance(pool, key)), removed);
    }
    let (left, right) = (here.left, here.right);
    let (Some(_), Some(below)) = (left, right) else {
        return (left.or(right), link);
    };
    let (rest, next) = remove_first(pool, below);
    let heir = node_mut(pool, next);
    heir.left = left;
    heir.right = rest;
    (Some(balance(pool, next)), link)
}

/// Unlinks the first node; what is left, and the node.
fn remove_first<V>(
    pool: &mut RegionPool<V>,
    key: Key<RegionNode<V>>,
) -> (Link<V>, Key<RegionNode<V>>) {
    let here = node(pool, key);
    let Some(left) = here.left else {
        return (here.right, key);
    };
    let (rest, first) = remove_first(pool, left);
    node_mut(pool, key).left = rest;
    (Some(balance(pool, key)), first)
}

/// Changes the entry with `start`, and what the nodes above know of it; false when there is none.
pub(super) fn change_below<V>(
    pool: &mut RegionPool<V>,
    link: Link<V>,
    start: VirtAddr,
    change: impl FnOnce(&mut Region<V>),
) -> bool {
    let mut path: ArrayVec<Key<RegionNode<V>>, MOST_LEVELS> = ArrayVec::new();
    let mut link = link;
    while let Some(key) = link {
        path.push(key);
        let here = node_mut(pool, key);
        if here.region.start == start {
            change(&mut here.region);
            while let Some(key) = path.pop() {
                refresh(pool, key);
            }
            return true;
        }
        link = here.child(Side::of(start, here));
    }
    false
}

/// Restores the balance at a node whose subtrees are balanced; the new root of the subtree.
fn balance<V>(pool: &mut RegionPool<V>, key: Key<RegionNode<V>>) -> Key<RegionNode<V>> {
    let (left, right) = node(pool, key).children();
    let (left_height, right_height) = (height(pool, left), height(pool, right));
    let (high, child) = match (left, right) {
        (Some(left), _) if left_height > right_height.wrapping_add(1) => (Side::Left, left),
        (_, Some(right)) if right_height > left_height.wrapping_add(1) => (Side::Right, right),
        _ => {
            refresh(pool, key);
            return key;
        }
    };
    let below = node(pool, child);
    if height(pool, below.child(high.other())) > height(pool, below.child(high)) {
        let child = rotate(pool, child, high);
        node_mut(pool, key).set_child(high, Some(child));
    }
    rotate(pool, key, high.other())
}

/// Moves a node down to `side`; the child that takes its place.
fn rotate<V>(pool: &mut RegionPool<V>, key: Key<RegionNode<V>>, side: Side) -> Key<RegionNode<V>> {
    let Some(pivot) = node(pool, key).child(side.other()) else {
        return key;
    };
    let inner = node(pool, pivot).child(side);
    node_mut(pool, key).set_child(side.other(), inner);
    refresh(pool, key);
    node_mut(pool, pivot).set_child(side, Some(key));
    refresh(pool, pivot);
    pivot
}

fn height<V>(pool: &RegionPool<V>, link: Link<V>) -> u32 {
    link.map_or(0, |key| node(pool, key).height)
}

/// Computes anew what a node knows of its subtree.
fn refresh<V>(pool: &mut RegionPool<V>, key: Key<RegionNode<V>>) {
    let here = node(pool, key);
    let (start, end) = (here.region.start.raw(), here.region.end.raw());
    let (mut height, mut first, mut last, mut gap) = (0, start, end, 0);
    if let Some(left) = here.left.map(|key| node(pool, key)) {
        (height, first) = (left.height, left.first);
        gap = left.gap.max(start.wrapping_sub(left.last));
    }
    if let Some(right) = here.right.map(|key| node(pool, key)) {
        (height, last) = (right.height.max(height), right.last);
        gap = gap.max(right.gap).max(right.first.wrapping_sub(end));
    }
    let here = node_mut(pool, key);
    (here.height, here.first, here.last, here.gap) = (height.wrapping_add(1), first, last, gap);
}
