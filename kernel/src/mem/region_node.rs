//! The nodes of a [`RegionTree`](super::RegionTree).

use super::Region;
use super::avl::{self, AvlNode, Links};
use crate::VirtAddr;

/// A child, or none.
pub(super) type Link<V> = avl::Link<RegionNode<V>>;

/// An entry with its place in the tree.
#[derive(Debug)]
pub struct RegionNode<V> {
    region: Region<V>,
    links: Links<Self>,
    extent: Extent,
}

/// What a node knows of its subtree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Extent {
    /// The first address.
    pub(super) first: u64,
    /// The first address behind.
    pub(super) last: u64,
    /// The largest gap between two neighbours, in bytes.
    pub(super) gap: u64,
}

impl<V> RegionNode<V> {
    /// A node without children.
    pub(super) const fn leaf(region: Region<V>) -> Self {
        let (first, last) = (region.start.raw(), region.end.raw());
        Self {
            region,
            links: Links::leaf(),
            extent: Extent {
                first,
                last,
                gap: 0,
            },
        }
    }

    /// The entry.
    pub(super) const fn region(&self) -> &Region<V> {
        &self.region
    }

    /// The entry, to be changed by [`avl::change`].
    pub(super) const fn region_mut(&mut self) -> &mut Region<V> {
        &mut self.region
    }

    /// What it knows of its subtree.
    pub(super) const fn extent(&self) -> Extent {
        self.extent
    }
}

impl<V> AvlNode for RegionNode<V> {
    type Order = VirtAddr;
    type Summary = Extent;

    fn order(&self) -> VirtAddr {
        self.region.start
    }

    fn links(&self) -> &Links<Self> {
        &self.links
    }

    fn links_mut(&mut self) -> &mut Links<Self> {
        &mut self.links
    }

    fn known(&self) -> Extent {
        self.extent
    }

    fn summary(&self, left: Option<Extent>, right: Option<Extent>) -> Extent {
        let (start, end) = (self.region.start.raw(), self.region.end.raw());
        let mut extent = Extent {
            first: start,
            last: end,
            gap: 0,
        };
        if let Some(left) = left {
            extent.first = left.first;
            extent.gap = left.gap.max(start.wrapping_sub(left.last));
        }
        if let Some(right) = right {
            extent.last = right.last;
            extent.gap = extent.gap.max(right.gap).max(right.first.wrapping_sub(end));
        }
        extent
    }

    fn set_summary(&mut self, summary: Extent) {
        self.extent = summary;
    }
}
