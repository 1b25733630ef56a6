//! How many of a list's pages are its own, and which share of the common ones.

use super::node::{BITS, PageNode, key, node};
use super::{Holding, PageList};
use crate::mem::{FramePool, Pool, Work};

/// One page, in units of [`PageTally::scaled`].
const ONE: u128 = PageTally::ONE;

/// A count of a list's pages by their holders. Made bit by bit: what nobody shares is counted
/// without being looked at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PageTally {
    /// The place that is to be looked at next.
    next: u64,
    /// Pages that no other list holds.
    pub private: u64,
    /// Pages, of which each counts by one over its holders, in units of 2^-64. A node with n
    /// holders belongs to each by 1/n, and so does what is below. All lists together have as many
    /// as there are frames in use, but for rounding.
    pub scaled: u128,
}

impl PageTally {
    /// A page that only one list holds, in units of [`PageTally::scaled`].
    pub const ONE: u128 = 1 << 64;

    /// Goes on within `work`, of which a node costs a unit; true when all is counted. What changes
    /// in the list between two steps may be missed.
    pub fn step(
        &mut self,
        list: &PageList,
        pool: &Pool<PageNode>,
        frames: &FramePool,
        work: &mut Work,
    ) -> bool {
        if list.count == 0 || list.height == 0 {
            if self.next == 0 && list.count != 0 {
                let is_alone = matches!(list.holding(pool, frames, 0), Holding::Alone(_));
                self.page(
                    frames.more_holders(super::Page(list.root).frame()),
                    ONE,
                    is_alone,
                );
            }
            self.next = u64::MAX;
            return true;
        }
        let below = Below {
            word: list.root,
            level: list.height.wrapping_sub(1),
            base: 0,
            weight: ONE,
            is_alone: true,
        };
        self.node(pool, frames, below, work).is_some()
    }

    /// Counts what is below a node, from `next` on; `None` when no work is left.
    fn node(
        &mut self,
        pool: &Pool<PageNode>,
        frames: &FramePool,
        at: Below,
        work: &mut Work,
    ) -> Option<()> {
        let shift = BITS * at.level;
        let end_of = |slot: u64| at.base.saturating_add(slot.wrapping_add(1) << shift);
        if !work.spend() {
            return None;
        }
        let here = node(pool, key(at.word));
        let weight = at.weight.checked_div(here.refs.into()).unwrap_or(0);
        let is_alone = at.is_alone && here.refs == 1;
        if !here.is_mixed && self.next <= at.base {
            let pages = here.pages;
            self.scaled = self
                .scaled
                .saturating_add(weight.saturating_mul(pages.into()));
            self.private = self
                .private
                .saturating_add(if is_alone { pages } else { 0 });
            self.next = end_of(super::SLOT_MASK);
            return Some(());
        }
        for (slot, word) in here.held(u64::MAX) {
            if end_of(slot) <= self.next {
                continue;
            }
            match at.level.checked_sub(1) {
                None => {
                    self.page(
                        frames.more_holders(super::Page(word).frame()),
                        weight,
                        is_alone,
                    );
                    self.next = end_of(slot);
                }
                Some(level) => {
                    let base = at.base.saturating_add(slot << shift);
                    let below = Below {
                        word,
                        level,
                        base,
                        weight,
                        is_alone,
                    };
                    self.node(pool, frames, below, work)?;
                }
            }
        }
        self.next = end_of(super::SLOT_MASK);
        Some(())
    }

    /// Counts a page that a leaf holds by `weight`, as so many others do.
    fn page(&mut self, more_holders: u32, weight: u128, is_alone: bool) {
        let holders = u128::from(more_holders).saturating_add(1);
        let part = weight.checked_div(holders).unwrap_or(0);
        self.scaled = self.scaled.saturating_add(part);
        let is_private = is_alone && more_holders == 0;
        self.private = self.private.saturating_add(u64::from(is_private));
    }
}

/// A node, and what is known of the way to it.
#[derive(Clone, Copy)]
struct Below {
    word: u64,
    level: u32,
    /// The first place below it.
    base: u64,
    /// How much of each page below counts for the list.
    weight: u128,
    is_alone: bool,
}

impl PageList {
    /// Counts everything at once: for audits, and where a list is known to be small.
    #[must_use]
    pub fn tally(&self, pool: &Pool<PageNode>, frames: &FramePool) -> PageTally {
        let mut tally = PageTally::default();
        while !tally.step(self, pool, frames, &mut Work::new(u32::MAX)) {}
        tally
    }

    /// By how much the page at `index` counts for the list, in units of [`PageTally::scaled`].
    #[must_use]
    pub fn part_at(&self, pool: &Pool<PageNode>, frames: &FramePool, index: u64) -> Option<u128> {
        let page = self.get(pool, index)?;
        let at = self.place(index);
        let (mut word, mut weight) = (self.root, ONE);
        for level in (0..self.height).rev() {
            let here = node(pool, key(word));
            weight = weight.checked_div(here.refs.into())?;
            word = here.get(super::slot(at, level))?;
        }
        let holders = u128::from(frames.more_holders(page.frame())).saturating_add(1);
        weight.checked_div(holders)
    }

    /// How many pages no other list holds. See [`PageList::tally`].
    #[must_use]
    pub fn private(&self, pool: &Pool<PageNode>, frames: &FramePool) -> u64 {
        self.tally(pool, frames).private
    }

    /// The list's part of the frames in use, in units of 2^-64 pages. See [`PageList::tally`].
    #[must_use]
    pub fn scaled(&self, pool: &Pool<PageNode>, frames: &FramePool) -> u128 {
        self.tally(pool, frames).scaled
    }
}
