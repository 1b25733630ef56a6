//! The pages of a VMO: a sparse map from page index to frame, of which lists can share parts.
//!
//! A radix tree of 64-way nodes that lie in a pool shared by all lists; it is as high as the
//! largest index needs. Height 0 has no node: the list itself holds the page. No node is ever
//! empty.
//!
//! A snapshot of a list holds the same nodes, which count their holders. Whoever changes something
//! below a node that others hold too copies the nodes on the way first, and each copy makes
//! what is below it common: nodes by their own counts, frames by those of the [`FramePool`].
//! So a snapshot costs a few nodes at most, and no list ever looks through another.

mod audit;
mod change;
mod node;
mod share;
mod tally;

pub use audit::audit_page_lists;
pub use node::PageNode;
pub use tally::PageTally;

use super::{FramePool, Pool};
use crate::{PAGE_SIZE, PhysAddr};
use node::{BITS, SLOT_MASK, key, next_below, slot};

/// The highest tree has 2^60 places: enough for all indices behind any bias.
const MOST_LEVELS: usize = 10;
/// How many pages [`PageList::run_at`] looks at: what one 2 MiB block holds.
const LONGEST_RUN: u64 = 512;

/// A frame that a list holds, with eight flags of the holder's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Page(u64);

impl Page {
    /// Names a frame, page-aligned, with flags.
    #[must_use]
    pub fn new(frame: PhysAddr, flags: u8) -> Self {
        Self(frame.page().raw() | u64::from(flags))
    }

    /// Where the frame is.
    #[must_use]
    pub const fn frame(self) -> PhysAddr {
        PhysAddr::new(self.0).page()
    }

    /// The flags.
    #[must_use]
    pub const fn flags(self) -> u8 {
        self.0.to_le_bytes()[0]
    }
}

/// Who holds the page at an index.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Holding {
    /// There is no page.
    None,
    /// This list alone: it may change the page.
    Alone(Page),
    /// Other lists too: whoever changes the page copies its bytes first.
    Shared(Page),
}

/// A sparse map from page index to [`Page`].
#[derive(Debug, Default)]
pub struct PageList {
    /// At height 0 the page at 0 in the tree, if there is one; else the node at the root.
    root: u64,
    height: u32,
    count: u64,
    /// Where index 0 is in the tree: snapshots of a part show the tree from there on. An empty
    /// list, or one of height 0, has none.
    bias: u64,
}

impl PageList {
    /// One more than the largest index.
    pub const MOST_PAGES: u64 = 1 << 52;

    /// An empty list.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            root: 0,
            height: 0,
            count: 0,
            bias: 0,
        }
    }

    /// How many pages there are.
    #[must_use]
    pub const fn count(&self) -> u64 {
        self.count
    }

    /// The page at `index`.
    #[must_use]
    pub fn get(&self, pool: &Pool<PageNode>, index: u64) -> Option<Page> {
        let at = self.place(index);
        if self.height == 0 {
            return (at == 0 && self.count != 0).then_some(Page(self.root));
        }
        self.leaf(pool, at)?.get(at).map(Page)
    }

    /// The page at `index`, and whether other lists hold it too.
    #[must_use]
    pub fn holding(&self, pool: &Pool<PageNode>, frames: &FramePool, index: u64) -> Holding {
        self.look(pool, frames, self.place(index))
            .unwrap_or(Holding::None)
    }

    /// The first page at `index` or behind, with its index.
    #[must_use]
    pub fn next_at_or_after(&self, pool: &Pool<PageNode>, index: u64) -> Option<(u64, Page)> {
        if self.height == 0 {
            return self.get(pool, index).map(|page| (index, page));
        }
        let at = self.place(index);
        if at >> (BITS * self.height) != 0 {
            return None;
        }
        let (at, word) = next_below(pool, self.root, self.height.wrapping_sub(1), at)?;
        Some((at.wrapping_sub(self.bias), Page(word)))
    }

    /// The frames from `index` on that lie in a row: the first address and how many, at most
    /// `max_pages` and at most 512; `None` when there is no page at `index`.
    #[must_use]
    pub fn run_at(
        &self,
        pool: &Pool<PageNode>,
        index: u64,
        max_pages: u64,
    ) -> Option<(PhysAddr, u64)> {
        self.run_where(pool, index, max_pages, |_, _, _| true)
    }

    /// As [`PageList::run_at`], but only pages that this list holds alone, or only such that others
    /// hold too: like the first, which the answer tells.
    #[must_use]
    pub fn run_held_at(
        &self,
        pool: &Pool<PageNode>,
        frames: &FramePool,
        index: u64,
        max_pages: u64,
    ) -> Option<(PhysAddr, u64, Holding)> {
        let first = self.holding(pool, frames, index);
        let is_alone = matches!(first, Holding::Alone(_));
        let mut is_path_alone = self.is_path_alone(pool, self.place(index));
        let (base, pages) = self.run_where(pool, index, max_pages, |at, leaf, page| {
            if at & SLOT_MASK == 0 {
                is_path_alone = self.is_path_alone(pool, at);
            }
            let is_shared = leaf.is_mixed && frames.is_shared(page.frame());
            (is_path_alone && !is_shared) == is_alone
        })?;
        Some((base, pages, first))
    }

    /// The frames from `index` on that lie in a row, as long as the pages behind the first are
    /// `wanted`, of which it is told place and leaf.
    fn run_where(
        &self,
        pool: &Pool<PageNode>,
        index: u64,
        max_pages: u64,
        mut wanted: impl FnMut(u64, &PageNode, Page) -> bool,
    ) -> Option<(PhysAddr, u64)> {
        let first = self.get(pool, index)?.frame();
        let at = self.place(index);
        let most = max_pages.min(LONGEST_RUN);
        let mut leaf = self.leaf(pool, at);
        let mut pages = 1;
        while pages < most {
            let next = at.wrapping_add(pages);
            if next & SLOT_MASK == 0 {
                leaf = self.leaf(pool, next);
            }
            let Some((leaf, word)) = leaf.and_then(|leaf| Some((leaf, leaf.get(next)?))) else {
                break;
            };
            let page = Page(word);
            let follows = first.checked_add(pages.wrapping_mul(PAGE_SIZE));
            if Some(page.frame()) != follows || !wanted(next, leaf, page) {
                break;
            }
            pages = pages.wrapping_add(1);
        }
        Some((first, pages))
    }

    /// Where an index is in the tree. Indices are below [`PageList::MOST_PAGES`] where something is
    /// put in, and those that wrap are in no tree.
    const fn place(&self, index: u64) -> u64 {
        index.saturating_add(self.bias)
    }

    /// The node that holds the page at a place.
    fn leaf<'a>(&self, pool: &'a Pool<PageNode>, at: u64) -> Option<&'a PageNode> {
        if self.height == 0 || at >> (BITS * self.height) != 0 {
            return None;
        }
        let mut leaf = pool.get(key(self.root))?;
        for level in (1..self.height).rev() {
            leaf = pool.get(key(leaf.get(slot(at, level))?))?;
        }
        Some(leaf)
    }

    /// The page at a place, and whether others hold it too.
    fn look(&self, pool: &Pool<PageNode>, frames: &FramePool, at: u64) -> Option<Holding> {
        if self.count == 0 || at.checked_shr(BITS * self.height).unwrap_or(0) != 0 {
            return None;
        }
        let (mut word, mut is_alone, mut is_mixed) = (self.root, true, true);
        for level in (0..self.height).rev() {
            let here = pool.get(key(word))?;
            is_alone &= here.refs == 1;
            is_mixed = here.is_mixed;
            word = here.get(slot(at, level))?;
        }
        let page = Page(word);
        // The pool's record need not be looked for where no leaf was ever copied.
        Some(
            if is_alone && !(is_mixed && frames.is_shared(page.frame())) {
                Holding::Alone(page)
            } else {
                Holding::Shared(page)
            },
        )
    }

    /// Whether no node on the way to a place has other holders.
    fn is_path_alone(&self, pool: &Pool<PageNode>, at: u64) -> bool {
        let mut word = self.root;
        for level in (0..self.height).rev() {
            let Some(here) = pool.get(key(word)).filter(|node| node.refs == 1) else {
                return false;
            };
            match here.get(slot(at, level)) {
                Some(below) => word = below,
                None => return true,
            }
        }
        true
    }
}

#[cfg(test)]
#[expect(
    clippy::disallowed_methods,
    reason = "a test may abort when memory is gone"
)]
mod share_tests;
#[cfg(test)]
mod tests;
