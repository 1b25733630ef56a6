//! The nodes of [`SpanTree`](super::SpanTree)s.

use super::Span;
use crate::mem::avl::{AvlNode, Links};

/// A span with its place in the tree.
#[derive(Debug)]
pub struct SpanNode<V> {
    span: Span<V>,
    links: Links<Self>,
    /// The highest end in the subtree.
    last: u64,
}

impl<V: Copy> SpanNode<V> {
    /// A node without children.
    pub(super) const fn leaf(span: Span<V>) -> Self {
        Self {
            span,
            links: Links::leaf(),
            last: span.end,
        }
    }

    /// The span.
    pub(super) const fn span(&self) -> Span<V> {
        self.span
    }

    /// Moves the end of the span; for [`change`](crate::mem::avl::change).
    pub(super) const fn set_end(&mut self, end: u64) {
        self.span.end = end;
    }

    /// The highest end in the subtree.
    pub(super) const fn last(&self) -> u64 {
        self.last
    }
}

impl<V: Copy + Ord> AvlNode for SpanNode<V> {
    type Order = (u64, V);
    type Summary = u64;

    fn order(&self) -> (u64, V) {
        self.span.order()
    }

    fn links(&self) -> &Links<Self> {
        &self.links
    }

    fn links_mut(&mut self) -> &mut Links<Self> {
        &mut self.links
    }

    fn known(&self) -> u64 {
        self.last
    }

    fn summary(&self, left: Option<u64>, right: Option<u64>) -> u64 {
        let below = left.unwrap_or(0).max(right.unwrap_or(0));
        self.span.end.max(below)
    }

    fn set_summary(&mut self, last: u64) {
        self.last = last;
    }
}
