//! The pages of a VMO: a sparse map from page index to frame.
//!
//! A radix tree of 64-way nodes that lie in a pool shared by all lists; it is as high as the
//! largest index needs. Height 0 has no node: the list itself holds the page with index 0. No node
//! is ever empty.

use super::{Budget, Key, NoMemory, Pool};
use crate::{PAGE_SIZE, PhysAddr};
use arrayvec::ArrayVec;

/// Index bits per level.
const BITS: u32 = 6;
const WIDTH: usize = 64;
const SLOT_MASK: u64 = 63;
/// Levels for 2^54 pages: more than 64-bit offsets reach.
const MOST_LEVELS: usize = 9;
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

/// A node of a [`PageList`].
#[derive(Debug)]
pub struct PageNode {
    /// Which slots hold something.
    used: u64,
    /// At the lowest level pages, above it nodes.
    words: [u64; WIDTH],
}

impl PageNode {
    const EMPTY: Self = Self {
        used: 0,
        words: [0; WIDTH],
    };

    fn get(&self, slot: u64) -> Option<u64> {
        if self.used & 1 << (slot & SLOT_MASK) == 0 {
            return None;
        }
        self.words
            .get(usize::try_from(slot & SLOT_MASK).ok()?)
            .copied()
    }

    fn set(&mut self, slot: u64, word: u64) {
        let Ok(index) = usize::try_from(slot & SLOT_MASK) else {
            return;
        };
        if let Some(place) = self.words.get_mut(index) {
            *place = word;
            self.used |= 1 << (slot & SLOT_MASK);
        }
    }
}

/// A sparse map from page index to [`Page`].
#[derive(Debug, Default)]
pub struct PageList {
    /// At height 0 the page with index 0, if there is one; else the node at the root.
    root: u64,
    height: u32,
    count: u64,
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
        }
    }

    /// How many pages there are.
    #[must_use]
    pub const fn count(&self) -> u64 {
        self.count
    }

    /// Makes sure that the next [`PageList::insert_reserved`] at `index` finds its nodes.
    ///
    /// # Errors
    /// [`NoMemory`], with nothing changed; also for an index beyond [`PageList::MOST_PAGES`].
    pub fn reserve_path(
        &self,
        index: u64,
        pool: &mut Pool<PageNode>,
        budget: &mut Budget,
    ) -> Result<(), NoMemory> {
        if index >= Self::MOST_PAGES {
            return Err(NoMemory);
        }
        // At worst the tree grows to the height of `index`, and the whole path down is new.
        pool.reserve_many(height_for(index).wrapping_mul(2), budget)
    }

    /// Puts a page in; what was there before.
    ///
    /// # Panics
    /// When nodes are needed and were not reserved.
    pub fn insert_reserved(
        &mut self,
        pool: &mut Pool<PageNode>,
        index: u64,
        page: Page,
    ) -> Option<Page> {
        self.grow(pool, height_for(index));
        let mut level = self.height;
        let mut word = self.root;
        while level > 1 {
            level = level.wrapping_sub(1);
            let (key, slot) = (key(word), slot(index, level));
            word = match node(pool, key).get(slot) {
                Some(child) => child,
                None => {
                    let child = self::word(pool.insert_reserved(PageNode::EMPTY));
                    node_mut(pool, key).set(slot, child);
                    child
                }
            };
        }
        let before = if level == 0 {
            self.root = page.0;
            (self.count != 0).then_some(word)
        } else {
            let leaf = node_mut(pool, key(word));
            let before = leaf.get(index);
            leaf.set(index, page.0);
            before
        };
        if before.is_none() {
            self.count = self.count.wrapping_add(1);
        }
        before.map(Page)
    }

    /// The page at `index`.
    #[must_use]
    pub fn get(&self, pool: &Pool<PageNode>, index: u64) -> Option<Page> {
        if self.height == 0 {
            return (index == 0 && self.count != 0).then_some(Page(self.root));
        }
        self.leaf(pool, index)?.get(index).map(Page)
    }

    /// Changes the flags of the page at `index`; false when there is none.
    pub fn set_flags(&mut self, pool: &mut Pool<PageNode>, index: u64, flags: u8) -> bool {
        let Some(page) = self.get(pool, index) else {
            return false;
        };
        // Every node of the path is there, so nothing need be reserved.
        self.insert_reserved(pool, index, Page::new(page.frame(), flags));
        true
    }

    /// Takes the page at `index` out; nodes that held nothing else are given back to the pool.
    pub fn remove(&mut self, pool: &mut Pool<PageNode>, index: u64) -> Option<Page> {
        let page = self.get(pool, index)?;
        self.count = self.count.wrapping_sub(1);
        let mut path: ArrayVec<u64, MOST_LEVELS> = ArrayVec::new();
        let mut word = self.root;
        for level in (0..self.height).rev() {
            path.push(word);
            word = node(pool, key(word)).get(slot(index, level))?;
        }
        for (word, level) in path.into_iter().rev().zip(0u32..) {
            let here = node_mut(pool, key(word));
            here.used &= !(1 << slot(index, level));
            if here.used != 0 {
                return Some(page);
            }
            pool.remove(key(word));
        }
        (self.root, self.height) = (0, 0);
        Some(page)
    }

    /// The first page at `index` or behind, with its index.
    #[must_use]
    pub fn next_at_or_after(&self, pool: &Pool<PageNode>, index: u64) -> Option<(u64, Page)> {
        if self.height == 0 {
            return self.get(pool, index).map(|page| (index, page));
        }
        if index >> (BITS * self.height) != 0 {
            return None;
        }
        let (index, word) = next_below(pool, self.root, self.height.wrapping_sub(1), index)?;
        Some((index, Page(word)))
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
        let first = self.get(pool, index)?.frame();
        let most = max_pages.min(LONGEST_RUN);
        let mut leaf = self.leaf(pool, index);
        let mut pages = 1;
        while pages < most {
            let next = index.wrapping_add(pages);
            if next & SLOT_MASK == 0 {
                leaf = self.leaf(pool, next);
            }
            let page = leaf
                .and_then(|leaf| leaf.get(next))
                .map(|word| Page(word).frame());
            if page.is_none() || page != first.checked_add(pages.wrapping_mul(PAGE_SIZE)) {
                break;
            }
            pages = pages.wrapping_add(1);
        }
        Some((first, pages))
    }

    /// Whether the count is right and no node is empty. Walks everything: for audits.
    #[must_use]
    pub fn audit(&self, pool: &Pool<PageNode>) -> bool {
        if self.height == 0 {
            return self.count <= 1;
        }
        audit_below(pool, self.root, self.height) == Some(self.count)
    }

    /// The node that holds the page at `index`.
    fn leaf<'a>(&self, pool: &'a Pool<PageNode>, index: u64) -> Option<&'a PageNode> {
        if self.height == 0 || index >> (BITS * self.height) != 0 {
            return None;
        }
        let mut leaf = pool.get(key(self.root))?;
        for level in (1..self.height).rev() {
            leaf = pool.get(key(leaf.get(slot(index, level))?))?;
        }
        Some(leaf)
    }

    /// Puts nodes above the root until the tree is `height` high.
    fn grow(&mut self, pool: &mut Pool<PageNode>, height: u32) {
        while self.height < height {
            let mut above = PageNode::EMPTY;
            if self.height != 0 || self.count != 0 {
                above.set(0, self.root);
            } else {
                // An empty tree is built at its full height at once.
                self.height = height.wrapping_sub(1);
            }
            self.root = word(pool.insert_reserved(above));
            self.height = self.height.wrapping_add(1);
        }
    }
}

/// The first page at `index` or behind, below a node of a level.
fn next_below(pool: &Pool<PageNode>, word: u64, level: u32, index: u64) -> Option<(u64, u64)> {
    let here = pool.get(key(word))?;
    let first = slot(index, level);
    let mut from = index;
    let mut left = here.used & u64::MAX << first;
    while left != 0 {
        let slot = u64::from(left.trailing_zeros());
        let shift = BITS * level;
        if slot != first {
            // Everything in this slot lies behind `index`.
            from = (index >> shift & !SLOT_MASK | slot) << shift;
        }
        let child = here.get(slot)?;
        let found = if level == 0 {
            Some((from, child))
        } else {
            next_below(pool, child, level.wrapping_sub(1), from)
        };
        if found.is_some() {
            return found;
        }
        left &= left.wrapping_sub(1);
    }
    None
}

fn audit_below(pool: &Pool<PageNode>, word: u64, height: u32) -> Option<u64> {
    let here = pool.get(key(word)).filter(|node| node.used != 0)?;
    if height == 1 {
        return Some(u64::from(here.used.count_ones()));
    }
    let mut count = 0u64;
    for slot in 0..=SLOT_MASK {
        if let Some(child) = here.get(slot) {
            count = count.checked_add(audit_below(pool, child, height.wrapping_sub(1))?)?;
        }
    }
    Some(count)
}

/// How high a tree must be to have room for `index`.
const fn height_for(index: u64) -> u32 {
    (u64::BITS - index.leading_zeros()).div_ceil(BITS)
}

const fn slot(index: u64, level: u32) -> u64 {
    index >> (BITS * level) & SLOT_MASK
}

fn node(pool: &Pool<PageNode>, key: Key<PageNode>) -> &PageNode {
    pool.get(key)
        .expect("words above the lowest level of a page list name nodes")
}

fn node_mut(pool: &mut Pool<PageNode>, key: Key<PageNode>) -> &mut PageNode {
    pool.get_mut(key)
        .expect("words above the lowest level of a page list name nodes")
}

/// A node's key as a word.
fn word(key: Key<PageNode>) -> u64 {
    let (index, generation) = key.raw();
    u64::from(generation) << u32::BITS | u64::from(index)
}

/// The key again from its word.
fn key(word: u64) -> Key<PageNode> {
    let [a, b, c, d, e, f, g, h] = word.to_le_bytes();
    Key::from_raw((
        u32::from_le_bytes([a, b, c, d]),
        u32::from_le_bytes([e, f, g, h]),
    ))
}

#[cfg(test)]
#[path = "page_list_tests.rs"]
mod tests;
