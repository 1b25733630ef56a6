//! Snapshots: a list that holds the same nodes as another.

use super::PageList;
use super::node::{
    BITS, PageNode, SLOT_MASK, bit, hold, key, next_below, node, node_mut, slot, word,
};
use crate::mem::{Budget, FramePool, NoMemory, Pool};

/// Places below a node, counted from its first one on; the last one is in it.
#[derive(Clone, Copy)]
struct Window {
    first: u64,
    last: u64,
}

impl Window {
    /// The slots of a node at `level` that lie in it, if only in part.
    const fn slots(self, level: u32) -> u64 {
        let (first, last) = (self.first >> (BITS * level), self.last >> (BITS * level));
        if first > SLOT_MASK {
            return 0;
        }
        let behind = SLOT_MASK.saturating_sub(last);
        u64::MAX << first & u64::MAX >> behind
    }

    /// The part of it that lies in a slot of a node at `level`.
    fn inside(self, slot: u64, level: u32) -> Self {
        let base = slot << (BITS * level);
        Self {
            first: self.first.saturating_sub(base),
            last: self.last.saturating_sub(base).min(last_place(level)),
        }
    }
}

/// The last place below one slot of a node at `level`.
const fn last_place(level: u32) -> u64 {
    (1 << (BITS * level)) - 1
}

impl PageList {
    /// Makes sure that the next [`PageList::snapshot_reserved`] finds its nodes.
    ///
    /// # Errors
    /// [`NoMemory`], with nothing changed.
    pub fn reserve_snapshot(
        &self,
        pool: &mut Pool<PageNode>,
        budget: &mut Budget,
    ) -> Result<(), NoMemory> {
        // The nodes at both ends of the window, where they reach beyond it.
        pool.reserve_many(self.height.wrapping_mul(2), budget)
    }

    /// Makes a list that shares the pages `first..first + pages` with this one; `first` is its
    /// index 0. It holds nothing outside. Costs a few nodes at most, however many pages it has.
    ///
    /// # Panics
    /// When nodes are needed and were not reserved.
    pub fn snapshot_reserved(
        &self,
        pool: &mut Pool<PageNode>,
        frames: &mut FramePool,
        first: u64,
        pages: u64,
    ) -> Self {
        let window = Window {
            first: self.place(first),
            last: self.place(first.saturating_add(pages.saturating_sub(1))),
        };
        let is_outside = window.first.checked_shr(BITS * self.height).unwrap_or(0) != 0;
        if self.count == 0 || pages == 0 || is_outside {
            return Self::new();
        }
        share(pool, frames, self.root, self.height, window).unwrap_or_default()
    }
}

/// A list of what lies in a window below a root, which is the list's own page at height 0.
fn share(
    pool: &mut Pool<PageNode>,
    frames: &mut FramePool,
    root: u64,
    height: u32,
    window: Window,
) -> Option<PageList> {
    let (mut window, mut word, mut height) = (window, root, height);
    // The smallest tree that holds the window's start and all pages behind it will do. This also
    // keeps the bias below 2^54: a list has less than 2^52 places behind its bias, so a window that
    // lies in more than one slot of the highest node begins in the first slot.
    for level in (0..height).rev() {
        let here = node_mut(pool, key(word));
        let first = slot(window.first, level);
        if here.used & window.slots(level) != bit(first) {
            break;
        }
        here.is_mixed = true;
        word = here.get(first)?;
        window = window.inside(first, level);
        height = level;
    }
    let Some(level) = height.checked_sub(1) else {
        hold(pool, frames, word, 0);
        return Some(PageList {
            root: word,
            height,
            count: 1,
            bias: 0,
        });
    };
    let (root, count) = cut(pool, frames, word, level, window)?;
    Some(PageList {
        root,
        height,
        count,
        bias: window.first,
    })
}

/// A node at `level` that holds what lies in a window below another one, with the number of its
/// pages: the other itself, if nothing lies outside.
fn cut(
    pool: &mut Pool<PageNode>,
    frames: &mut FramePool,
    from: u64,
    level: u32,
    window: Window,
) -> Option<(u64, u64)> {
    if is_all_inside(pool, from, level, window) {
        hold(pool, frames, from, level.wrapping_add(1));
        return Some((from, node(pool, key(from)).pages));
    }
    let here = node_mut(pool, key(from));
    here.is_mixed = true;
    let whole = PageNode { ..*here };
    let mut part = PageNode {
        is_mixed: true,
        ..PageNode::EMPTY
    };
    for (slot, below) in whole.held(window.slots(level)) {
        let (below, pages) = match level.checked_sub(1) {
            None => {
                hold(pool, frames, below, level);
                (below, 1)
            }
            Some(lower) => {
                let inside = window.inside(slot, level);
                match cut(pool, frames, below, lower, inside) {
                    Some(cut) => cut,
                    None => continue,
                }
            }
        };
        part.set(slot, below);
        part.pages = part.pages.wrapping_add(pages);
    }
    let pages = part.pages;
    (pages != 0).then(|| (word(pool.insert_reserved(part)), pages))
}

/// Whether all pages below a node lie in a window.
fn is_all_inside(pool: &Pool<PageNode>, word: u64, level: u32, window: Window) -> bool {
    let starts = window.first == 0
        || next_below(pool, word, level, 0).is_none_or(|(first, _)| window.first <= first);
    let end = last_place(level.wrapping_add(1));
    let ends =
        window.last >= end || next_below(pool, word, level, window.last.wrapping_add(1)).is_none();
    starts && ends
}
