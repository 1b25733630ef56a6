//! Ranges of numbers that may overlap: what shows or holds parts of a memory object.
//!
//! A balanced tree in order of start and value, whose nodes lie in a [`SpanPool`] that many trees
//! share. Every node knows the highest end of its subtree, which is what finds the spans that
//! overlap a range in logarithmic time each.

mod node;

pub use node::SpanNode;

use super::avl::{AvlNode, Link, change, insert, node, remove};
use super::{Budget, NoMemory, Pool};
use core::ops::Range;

/// Where the nodes of trees of `V` lie.
pub type SpanPool<V> = Pool<SpanNode<V>>;

/// One entry of a [`SpanTree`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span<V> {
    /// The first number.
    pub start: u64,
    /// The first number behind.
    pub end: u64,
    /// Whose it is.
    pub value: V,
}

impl<V: Copy> Span<V> {
    /// What spans are ordered by, and what names one.
    pub const fn order(&self) -> (u64, V) {
        (self.start, self.value)
    }

    const fn overlaps(&self, range: &Range<u64>) -> bool {
        self.end > range.start && self.start < range.end
    }
}

/// Non-empty ranges, each with a value; no two of them have the same start and value.
///
/// Most memory objects are shown once at a time, so a span that is alone needs no node.
#[derive(Debug)]
pub struct SpanTree<V> {
    root: Link<SpanNode<V>>,
    /// The span that came when there was none, until another comes; then there are no nodes.
    alone: Option<Span<V>>,
    len: u32,
}

impl<V: Copy + Ord> Default for SpanTree<V> {
    fn default() -> Self {
        Self::new()
    }
}

impl<V: Copy + Ord> SpanTree<V> {
    /// An empty tree.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            root: None,
            alone: None,
            len: 0,
        }
    }

    /// How many spans there are.
    #[must_use]
    pub const fn len(&self) -> u32 {
        self.len
    }

    /// Whether there is no span.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Makes sure that `count` calls of [`SpanTree::insert_reserved`] find room.
    ///
    /// # Errors
    /// [`NoMemory`].
    pub fn reserve(
        pool: &mut SpanPool<V>,
        count: u32,
        budget: &mut Budget,
    ) -> Result<(), NoMemory> {
        // One that was alone in its tree gets a node, too.
        pool.reserve_many(count.saturating_mul(2), budget)
    }

    /// Puts a span in.
    ///
    /// # Panics
    /// When no room was reserved.
    pub fn insert_reserved(&mut self, pool: &mut SpanPool<V>, span: Span<V>) {
        debug_assert!(span.start < span.end, "no span is empty");
        if self.len == 0 {
            self.alone = Some(span);
        } else {
            if let Some(first) = self.alone.take() {
                self.link(pool, first);
            }
            self.link(pool, span);
        }
        self.len = self.len.wrapping_add(1);
    }

    /// Gives a span a node.
    fn link(&mut self, pool: &mut SpanPool<V>, span: Span<V>) {
        let new = pool.insert_reserved(SpanNode::leaf(span));
        self.root = insert(pool, self.root, new.bare(), span.order());
    }

    /// Takes the span out that starts at `start` and has this value.
    #[inline]
    pub fn remove(&mut self, pool: &mut SpanPool<V>, start: u64, value: V) -> Option<Span<V>> {
        let Some(alone) = self.alone else {
            return self.unlink(pool, (start, value));
        };
        if alone.order() != (start, value) {
            return None;
        }
        (self.alone, self.len) = (None, 0);
        Some(alone)
    }

    /// Takes a span out that has a node.
    fn unlink(&mut self, pool: &mut SpanPool<V>, order: (u64, V)) -> Option<Span<V>> {
        let (root, removed) = remove(pool, self.root, order);
        self.root = root;
        let removed = removed?;
        let span = node(pool, removed).span();
        pool.free(pool.key_of(removed)?);
        self.len = self.len.wrapping_sub(1);
        Some(span)
    }

    /// Gives the span that starts at `start` and has this value other bounds; false when there is
    /// none. Needs no memory.
    pub fn move_bounds(
        &mut self,
        pool: &mut SpanPool<V>,
        start: u64,
        value: V,
        bounds: Range<u64>,
    ) -> bool {
        if let Some(alone) = self.alone.as_mut() {
            if alone.order() != (start, value) {
                return false;
            }
            (alone.start, alone.end) = (bounds.start, bounds.end);
            return true;
        }
        if bounds.start == start {
            let order = (start, value);
            return change(pool, self.root, order, |node| node.set_end(bounds.end));
        }
        let Some(Span { value, .. }) = self.remove(pool, start, value) else {
            return false;
        };
        // The slot that was just given back is there.
        let Range { start, end } = bounds;
        self.insert_reserved(pool, Span { start, end, value });
        true
    }

    /// The span with the lowest start, and of those the lowest value.
    #[must_use]
    pub fn first(&self, pool: &SpanPool<V>) -> Option<Span<V>> {
        self.first_overlapping(pool, &(0..u64::MAX))
    }

    /// The first span that overlaps a range.
    #[must_use]
    pub fn first_overlapping(&self, pool: &SpanPool<V>, range: &Range<u64>) -> Option<Span<V>> {
        if let Some(alone) = self.alone {
            return Some(alone).filter(|alone| alone.overlaps(range));
        }
        find(pool, self.root, None, range)
    }

    /// The first span behind the one named by `after` that overlaps a range. That one need not be
    /// in the tree (any more).
    #[must_use]
    pub fn next_overlapping(
        &self,
        pool: &SpanPool<V>,
        after: (u64, V),
        range: &Range<u64>,
    ) -> Option<Span<V>> {
        if let Some(alone) = self.alone {
            return Some(alone).filter(|alone| after < alone.order() && alone.overlaps(range));
        }
        find(pool, self.root, Some(after), range)
    }

    /// Whether the tree is in order, balanced, and knows its ends. Walks everything.
    #[must_use]
    pub fn audit(&self, pool: &SpanPool<V>) -> bool {
        if let Some(alone) = self.alone {
            return self.len == 1 && self.root.is_none() && alone.start < alone.end;
        }
        let mut last = None;
        audit_below(pool, self.root, &mut last).map(|(count, _)| count) == Some(self.len)
    }
}

/// The first span below `link`, and behind `after`, that overlaps a range.
///
/// Where all spans are behind `after` and one ends behind the range's start, the first such decides:
/// if it starts too late, so do all that follow. So only the way to `after` is gone in vain.
fn find<V: Copy + Ord>(
    pool: &SpanPool<V>,
    link: Link<SpanNode<V>>,
    after: Option<(u64, V)>,
    range: &Range<u64>,
) -> Option<Span<V>> {
    let here = node(pool, link?);
    if here.last() <= range.start {
        return None;
    }
    let (left, right) = here.links().children();
    let span = here.span();
    if after.is_none_or(|after| after < span.order()) {
        let found = find(pool, left, after, range);
        if found.is_some() {
            return found;
        }
        if span.overlaps(range) {
            return Some(span);
        }
    }
    if span.start >= range.end {
        return None;
    }
    find(pool, right, after, range)
}

/// How many nodes the subtree has, and how high it is, if it is as it should be.
fn audit_below<V: Copy + Ord>(
    pool: &SpanPool<V>,
    link: Link<SpanNode<V>>,
    before: &mut Option<(u64, V)>,
) -> Option<(u32, u32)> {
    let Some(key) = link else {
        return Some((0, 0));
    };
    let here = pool.get_bare(key)?;
    let (left, right) = here.links().children();
    let (count, left_height) = audit_below(pool, left, before)?;
    let is_in_order = before.is_none_or(|before| before < here.order());
    *before = Some(here.order());
    let (more, right_height) = audit_below(pool, right, before)?;
    let of = |link: Link<SpanNode<V>>| link.map(|key| node(pool, key).last());
    let height = left_height.max(right_height).checked_add(1)?;
    let is_right = is_in_order
        && here.span().start < here.span().end
        && left_height.abs_diff(right_height) <= 1
        && here.links().height() == height
        && here.last() == here.summary(of(left), of(right));
    let count = count.checked_add(more)?.checked_add(1)?;
    is_right.then_some((count, height))
}

#[cfg(test)]
#[expect(
    clippy::disallowed_methods,
    reason = "a test may abort when memory is gone"
)]
mod tests;
