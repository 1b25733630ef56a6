//! The nodes of [`PageList`](super::PageList)s: 64 slots each, held by one list or by several.

use super::Page;
use crate::mem::{FramePool, Key, Pool};

/// Index bits per level.
pub(super) const BITS: u32 = 6;
const WIDTH: usize = 64;
pub(super) const SLOT_MASK: u64 = 63;

/// A node of a [`PageList`](super::PageList). Slots hold pages at the lowest level, above it nodes.
#[derive(Debug)]
pub struct PageNode {
    /// Which slots hold something.
    pub(super) used: u64,
    /// How many pages are below.
    pub(super) pages: u64,
    /// How many lists and nodes hold this node.
    pub(super) refs: u32,
    /// Whether something below may have other holders. True is a guess that costs a look; false is
    /// certain.
    pub(super) is_mixed: bool,
    pub(super) words: [u64; WIDTH],
}

impl PageNode {
    pub(super) const EMPTY: Self = Self {
        used: 0,
        pages: 0,
        refs: 1,
        is_mixed: false,
        words: [0; WIDTH],
    };

    pub(super) fn get(&self, slot: u64) -> Option<u64> {
        if self.used & bit(slot) == 0 {
            return None;
        }
        self.words
            .get(usize::try_from(slot & SLOT_MASK).ok()?)
            .copied()
    }

    pub(super) fn set(&mut self, slot: u64, word: u64) {
        let Ok(index) = usize::try_from(slot & SLOT_MASK) else {
            return;
        };
        if let Some(place) = self.words.get_mut(index) {
            *place = word;
            self.used |= bit(slot);
        }
    }

    /// The slots of a mask that hold something, with what they hold.
    pub(super) fn held(&self, mask: u64) -> impl Iterator<Item = (u64, u64)> {
        (0..=SLOT_MASK)
            .filter(move |slot| mask & bit(*slot) != 0)
            .filter_map(|slot| Some((slot, self.get(slot)?)))
    }

    /// The lowest slot that holds something.
    pub(super) fn first_slot(&self) -> u64 {
        u64::from(self.used.trailing_zeros())
    }
}

/// Notes one more holder of what a slot of a node at `level` holds. Whoever holds that node marks
/// it as mixed.
pub(super) fn hold(pool: &mut Pool<PageNode>, frames: &mut FramePool, word: u64, level: u32) {
    if level == 0 {
        frames.share(Page(word).frame());
    } else {
        let below = node_mut(pool, key(word));
        below.refs = below.refs.saturating_add(1);
    }
}

/// Makes a node at `level` the holder's own: itself, unless others hold it too; then a copy, for
/// which a slot was reserved.
pub(super) fn own(pool: &mut Pool<PageNode>, frames: &mut FramePool, node: u64, level: u32) -> u64 {
    if node_mut(pool, key(node)).refs == 1 {
        node
    } else {
        copy(pool, frames, node, level)
    }
}

#[cold]
fn copy(pool: &mut Pool<PageNode>, frames: &mut FramePool, node: u64, level: u32) -> u64 {
    let here = node_mut(pool, key(node));
    here.refs = here.refs.saturating_sub(1);
    here.is_mixed = true;
    let twin = PageNode { refs: 1, ..*here };
    for (_, below) in twin.held(u64::MAX) {
        hold(pool, frames, below, level);
    }
    word(pool.insert_reserved(twin))
}

/// The first page at `index` or behind, below a node of a level.
pub(super) fn next_below(
    pool: &Pool<PageNode>,
    word: u64,
    level: u32,
    index: u64,
) -> Option<(u64, u64)> {
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

/// How high a tree must be to have room for `index`.
pub(super) const fn height_for(index: u64) -> u32 {
    (u64::BITS - index.leading_zeros()).div_ceil(BITS)
}

pub(super) const fn slot(index: u64, level: u32) -> u64 {
    index >> (BITS * level) & SLOT_MASK
}

pub(super) const fn bit(slot: u64) -> u64 {
    1 << (slot & SLOT_MASK)
}

pub(super) fn node(pool: &Pool<PageNode>, key: Key<PageNode>) -> &PageNode {
    pool.get(key)
        .expect("words above the lowest level of a page list name nodes")
}

pub(super) fn node_mut(pool: &mut Pool<PageNode>, key: Key<PageNode>) -> &mut PageNode {
    pool.get_mut(key)
        .expect("words above the lowest level of a page list name nodes")
}

/// A node's key as a word.
pub(super) fn word(key: Key<PageNode>) -> u64 {
    let (index, generation) = key.raw();
    u64::from(generation) << u32::BITS | u64::from(index)
}

/// The key again from its word.
pub(super) fn key(word: u64) -> Key<PageNode> {
    let [a, b, c, d, e, f, g, h] = word.to_le_bytes();
    Key::from_raw((
        u32::from_le_bytes([a, b, c, d]),
        u32::from_le_bytes([e, f, g, h]),
    ))
}
