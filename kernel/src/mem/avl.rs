//! Trees in balance (AVL), whose nodes lie in a pool and know something of what is below them.
//!
//! What a node is and knows is its own affair: see [`AvlNode`]. Recursion is as deep as the tree:
//! 1.44 log2 of its length.

use super::{Key, Pool};
use arrayvec::ArrayVec;

/// A tree of 2^32 nodes is at most this high.
const MOST_LEVELS: usize = 48;

/// A child, or none.
pub(super) type Link<N> = Option<Key<N>>;

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
    type Summary;

    /// What this node is ordered by.
    fn order(&self) -> Self::Order;
    /// Its links.
    fn links(&self) -> &Links<Self>;
    /// Its links.
    fn links_mut(&mut self) -> &mut Links<Self>;
    /// What is to be known of its subtree, given what its children know.
    fn summary(&self, left: Option<&Self>, right: Option<&Self>) -> Self::Summary;
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
pub(super) fn node<N>(pool: &Pool<N>, key: Key<N>) -> &N {
    pool.get(key).expect("links of a tree lead to its nodes")
}

fn node_mut<N>(pool: &mut Pool<N>, key: Key<N>) -> &mut N {
    pool.get_mut(key)
        .expect("links of a tree lead to its nodes")
}

/// Links a new node in below `link`; the new root of the subtree.
pub(super) fn insert_below<N: AvlNode>(
    pool: &mut Pool<N>,
    link: Link<N>,
    new: Key<N>,
    order: N::Order,
) -> Key<N> {
    let Some(key) = link else { return new };
    let parent = node(pool, key);
    let side = Side::of(order, parent);
    let child = parent.links().child(side);
    let now = Some(insert_below(pool, child, new, order));
    if now != child {
        node_mut(pool, key).links_mut().set_child(side, now);
    }
    balance(pool, key)
}

/// Unlinks the node with `order`; what is left, and the node.
pub(super) fn remove_below<N: AvlNode>(
    pool: &mut Pool<N>,
    link: Link<N>,
    order: N::Order,
) -> (Link<N>, Link<N>) {
    let Some(key) = link else { return (None, None) };
    let here = node(pool, key);
    if here.order() != order {
        let side = Side::of(order, here);
        let child = here.links().child(side);
        let (rest, removed) = remove_below(pool, child, order);
        if removed.is_none() {
            return (link, None);
        }
        if rest != child {
            node_mut(pool, key).links_mut().set_child(side, rest);
        }
        return (Some(balance(pool, key)), removed);
    }
    let (left, right) = here.links().children();
    let (Some(_), Some(below)) = (left, right) else {
        return (left.or(right), link);
    };
    let (rest, next) = remove_first(pool, below);
    let heir = node_mut(pool, next).links_mut();
    heir.left = left;
    heir.right = rest;
    (Some(balance(pool, next)), link)
}

/// Unlinks the first node; what is left, and the node.
fn remove_first<N: AvlNode>(pool: &mut Pool<N>, key: Key<N>) -> (Link<N>, Key<N>) {
    let (left, right) = node(pool, key).links().children();
    let Some(left) = left else {
        return (right, key);
    };
    let (rest, first) = remove_first(pool, left);
    node_mut(pool, key).links_mut().left = rest;
    (Some(balance(pool, key)), first)
}

/// Changes the node with `order`, but not its place, and what the nodes above know of it; false
/// when there is none.
pub(super) fn change_below<N: AvlNode>(
    pool: &mut Pool<N>,
    link: Link<N>,
    order: N::Order,
    change: impl FnOnce(&mut N),
) -> bool {
    let mut path: ArrayVec<Key<N>, MOST_LEVELS> = ArrayVec::new();
    let mut link = link;
    while let Some(key) = link {
        path.push(key);
        let here = node_mut(pool, key);
        if here.order() == order {
            change(here);
            while let Some(key) = path.pop() {
                refresh(pool, key);
            }
            return true;
        }
        link = here.links().child(Side::of(order, here));
    }
    false
}

/// Restores the balance at a node whose subtrees are balanced; the new root of the subtree.
fn balance<N: AvlNode>(pool: &mut Pool<N>, key: Key<N>) -> Key<N> {
    let (left, right) = refresh(pool, key);
    let high = if left > right.wrapping_add(1) {
        Side::Left
    } else if right > left.wrapping_add(1) {
        Side::Right
    } else {
        return key;
    };
    rotate_up(pool, key, high)
}

/// Moves a node down, whose subtree on one side is too high; the new root of the subtree.
#[inline(never)]
fn rotate_up<N: AvlNode>(pool: &mut Pool<N>, key: Key<N>, high: Side) -> Key<N> {
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
fn rotate<N: AvlNode>(pool: &mut Pool<N>, key: Key<N>, side: Side) -> Key<N> {
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

/// Computes anew what a node knows of its subtree; how high the left and the right one are.
fn refresh<N: AvlNode>(pool: &mut Pool<N>, key: Key<N>) -> (u32, u32) {
    let here = node(pool, key);
    let (left, right) = here.links().children();
    let (left, right) = (
        left.map(|key| node(pool, key)),
        right.map(|key| node(pool, key)),
    );
    let height = |below: Option<&N>| below.map_or(0, |node| node.links().height);
    let (left_height, right_height) = (height(left), height(right));
    let summary = here.summary(left, right);
    let here = node_mut(pool, key);
    here.set_summary(summary);
    here.links_mut().height = left_height.max(right_height).wrapping_add(1);
    (left_height, right_height)
}
