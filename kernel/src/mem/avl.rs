//! Trees in balance (AVL), whose nodes lie in a pool and know something of what is below them.
//!
//! What a node is and knows is its own affair: see [`AvlNode`]. What changes is made known upwards
//! until it is no news any more, which is mostly soon: few changes reach the root of a large tree.

use super::Pool;
use super::pool::BareKey;
use arrayvec::ArrayVec;

/// A tree of 2^32 nodes is at most this high: 1.44 log2 of their number.
const MOST_LEVELS: usize = 48;

/// A child, or none.
pub(super) type Link<N> = Option<BareKey<N>>;

/// A node's place in its tree.
#[derive(Debug)]
pub(super) struct Links<N> {
    left: Link<N>,
    right: Link<N>,
    height: u32,
}

impl<N> Links<N> {
    /// The links of a node without children.
    pub(super) const fn leaf() -> Self {
        Self {
            left: None,
            right: None,
            height: 1,
        }
    }

    /// The left and the right child.
    pub(super) const fn children(&self) -> (Link<N>, Link<N>) {
        (self.left, self.right)
    }

    /// The levels of the subtree.
    pub(super) const fn height(&self) -> u32 {
        self.height
    }

    const fn child(&self, side: Side) -> Link<N> {
        match side {
            Side::Left => self.left,
            Side::Right => self.right,
        }
    }

    const fn set_child(&mut self, side: Side, child: Link<N>) {
        match side {
            Side::Left => self.left = child,
            Side::Right => self.right = child,
        }
    }
}

/// A node of a tree that is kept in balance here.
pub(super) trait AvlNode: Sized {
    /// What nodes of a tree are ordered by; no two have the same.
    type Order: Copy + Ord;
    /// What a node knows of its subtree.
    type Summary: Copy + PartialEq;

    /// What this node is ordered by.
    fn order(&self) -> Self::Order;
    /// Its links.
    fn links(&self) -> &Links<Self>;
    /// Its links.
    fn links_mut(&mut self) -> &mut Links<Self>;
    /// What it knows of its subtree.
    fn known(&self) -> Self::Summary;
    /// What is to be known of its subtree, given what its children know.
    fn summary(&self, left: Option<Self::Summary>, right: Option<Self::Summary>) -> Self::Summary;
    /// Notes that.
    fn set_summary(&mut self, summary: Self::Summary);
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

    /// Where a node with `order` lies, seen from one that has another.
    fn of<N: AvlNode>(order: N::Order, node: &N) -> Self {
        if order < node.order() {
            Self::Left
        } else {
            Self::Right
        }
    }
}

/// The node that a link leads to.
pub(super) fn node<N>(pool: &Pool<N>, key: BareKey<N>) -> &N {
    pool.get_bare(key)
        .expect("links of a tree lead to its nodes")
}

fn node_mut<N>(pool: &mut Pool<N>, key: BareKey<N>) -> &mut N {
    pool.get_bare_mut(key)
        .expect("links of a tree lead to its nodes")
}

/// The nodes from the root of a tree down to one of its links, and the side that each is left by.
type Path<N> = ArrayVec<(BareKey<N>, Side), MOST_LEVELS>;

/// Links a new node in; the new root.
pub(super) fn insert<N: AvlNode>(
    pool: &mut Pool<N>,
    root: Link<N>,
    new: BareKey<N>,
    order: N::Order,
) -> Link<N> {
    let (mut path, mut link) = (Path::new(), root);
    while let Some(key) = link {
        let here = node(pool, key);
        let side = Side::of(order, here);
        path.push((key, side));
        link = here.links().child(side);
    }
    let root = relink(pool, root, &path, Some(new));
    repair(pool, root, &mut path, MOST_LEVELS)
}

/// Unlinks the node with `order`; what is left, and the node.
pub(super) fn remove<N: AvlNode>(
    pool: &mut Pool<N>,
    root: Link<N>,
    order: N::Order,
) -> (Link<N>, Link<N>) {
    let (mut path, mut link) = (Path::new(), root);
    while let Some(key) = link {
        let here = node(pool, key);
        if here.order() == order {
            return (unlink(pool, root, &mut path, key), link);
        }
        let side = Side::of(order, here);
        path.push((key, side));
        link = here.links().child(side);
    }
    (root, None)
}

/// Takes a node out that a path leads to; the new root.
fn unlink<N: AvlNode>(
    pool: &mut Pool<N>,
    root: Link<N>,
    path: &mut Path<N>,
    key: BareKey<N>,
) -> Link<N> {
    let (left, right) = node(pool, key).links().children();
    let (Some(_), Some(below)) = (left, right) else {
        let root = relink(pool, root, path, left.or(right));
        return repair(pool, root, path, MOST_LEVELS);
    };
    // The next node takes its place, and from there on up all is as if it had been there before.
    let at = path.len();
    path.push((key, Side::Right));
    let (mut heir, mut link) = (below, node(pool, below).links().left);
    while let Some(lower) = link {
        path.push((heir, Side::Left));
        (heir, link) = (lower, node(pool, lower).links().left);
    }
    let rest = node(pool, heir).links().right;
    let root = relink(pool, root, path, rest);
    inherit(pool, heir, key);
    if let Some((place, _)) = path.get_mut(at) {
        *place = heir;
    }
    let root = relink(pool, root, path.get(..at).unwrap_or_default(), Some(heir));
    repair(pool, root, path, at)
}

/// Gives a node the links of another, and what that knows of its subtree.
fn inherit<N: AvlNode>(pool: &mut Pool<N>, heir: BareKey<N>, from: BareKey<N>) {
    let from = node(pool, from);
    let (left, right) = from.links().children();
    let (height, known) = (from.links().height, from.known());
    let heir = node_mut(pool, heir);
    *heir.links_mut() = Links {
        left,
        right,
        height,
    };
    heir.set_summary(known);
}

/// Makes a path end in another node, or none; the new root.
fn relink<N: AvlNode>(
    pool: &mut Pool<N>,
    root: Link<N>,
    path: &[(BareKey<N>, Side)],
    to: Link<N>,
) -> Link<N> {
    let Some((above, side)) = path.last() else {
        return to;
    };
    node_mut(pool, *above).links_mut().set_child(*side, to);
    root
}

/// Restores balance and knowledge on a path below whose last node something changed: from there up
/// to the first node that knows nothing new, if that is the one at depth `may_stop` or above it.
/// The new root.
fn repair<N: AvlNode>(
    pool: &mut Pool<N>,
    mut root: Link<N>,
    path: &mut Path<N>,
    may_stop: usize,
) -> Link<N> {
    while let Some((key, _)) = path.pop() {
        let (top, is_same) = balance(pool, key);
        if top != key {
            root = relink(pool, root, path, Some(top));
        } else if is_same && path.len() <= may_stop {
            break;
        }
    }
    root
}

/// Changes the node with `order`, but not its place, and what the nodes above know of it; false
/// when there is none.
pub(super) fn change<N: AvlNode>(
    pool: &mut Pool<N>,
    root: Link<N>,
    order: N::Order,
    change: impl FnOnce(&mut N),
) -> bool {
    let (mut path, mut link) = (Path::new(), root);
    while let Some(key) = link {
        let here = node_mut(pool, key);
        let side = Side::of(order, here);
        path.push((key, side));
        if here.order() == order {
            change(here);
            // No node moves: the root stays.
            repair(pool, root, &mut path, MOST_LEVELS);
            return true;
        }
        link = here.links().child(side);
    }
    false
}

/// Restores the balance at a node whose subtrees are balanced; the new root of the subtree, and
/// whether nothing is new of it.
#[inline]
fn balance<N: AvlNode>(pool: &mut Pool<N>, key: BareKey<N>) -> (BareKey<N>, bool) {
    let Refreshed {
        left,
        right,
        is_same,
    } = refresh(pool, key);
    let high = if left > right.wrapping_add(1) {
        Side::Left
    } else if right > left.wrapping_add(1) {
        Side::Right
    } else {
        return (key, is_same);
    };
    (rotate_up(pool, key, high), false)
}

/// Moves a node down, whose subtree on one side is too high; the new root of the subtree.
#[inline(never)]
fn rotate_up<N: AvlNode>(pool: &mut Pool<N>, key: BareKey<N>, high: Side) -> BareKey<N> {
    let Some(child) = node(pool, key).links().child(high) else {
        return key;
    };
    let below = node(pool, child).links();
    if height(pool, below.child(high.other())) > height(pool, below.child(high)) {
        let child = rotate(pool, child, high);
        node_mut(pool, key).links_mut().set_child(high, Some(child));
    }
    rotate(pool, key, high.other())
}

/// Moves a node down to `side`; the child that takes its place.
fn rotate<N: AvlNode>(pool: &mut Pool<N>, key: BareKey<N>, side: Side) -> BareKey<N> {
    let Some(pivot) = node(pool, key).links().child(side.other()) else {
        return key;
    };
    let inner = node(pool, pivot).links().child(side);
    node_mut(pool, key)
        .links_mut()
        .set_child(side.other(), inner);
    refresh(pool, key);
    node_mut(pool, pivot).links_mut().set_child(side, Some(key));
    refresh(pool, pivot);
    pivot
}

fn height<N: AvlNode>(pool: &Pool<N>, link: Link<N>) -> u32 {
    link.map_or(0, |key| node(pool, key).links().height)
}

/// What came of a look at a node's children.
struct Refreshed {
    /// How high the left one is.
    left: u32,
    right: u32,
    /// Whether the node knew all of it.
    is_same: bool,
}

/// Computes anew what a node knows of its subtree.
#[inline(always)]
fn refresh<N: AvlNode>(pool: &mut Pool<N>, key: BareKey<N>) -> Refreshed {
    let (left, right) = node(pool, key).links().children();
    let (left, left_known) = below(pool, left);
    let (right, right_known) = below(pool, right);
    let height = left.max(right).wrapping_add(1);
    let here = node_mut(pool, key);
    let summary = here.summary(left_known, right_known);
    let is_same = here.known() == summary && here.links().height == height;
    if !is_same {
        here.set_summary(summary);
        here.links_mut().height = height;
    }
    Refreshed {
        left,
        right,
        is_same,
    }
}

/// How high a subtree is, and what its root knows of it.
#[inline(always)]
fn below<N: AvlNode>(pool: &Pool<N>, link: Link<N>) -> (u32, Option<N::Summary>) {
    match link.map(|key| node(pool, key)) {
        Some(root) => (root.links().height, Some(root.known())),
        None => (0, None),
    }
}
