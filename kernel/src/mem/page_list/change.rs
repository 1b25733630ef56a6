//! Changes of a list: pages put in, taken out, freed bit by bit.

use super::node::{PageNode, bit, height_for, key, node_mut, own, slot, word};
use super::{Holding, MOST_LEVELS, Page, PageList};
use crate::mem::{Budget, Frame, FramePool, NoMemory, Pool, Work};
use arrayvec::ArrayVec;

/// The nodes on the way to a page from the root on, each with the slot that the way takes.
type Path = ArrayVec<(u64, u64), MOST_LEVELS>;

impl PageList {
    /// Makes sure that the next [`PageList::insert_reserved`] or [`PageList::remove_reserved`] at
    /// `index` finds its nodes.
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
        let at = self.place(index);
        if self.height == 0 && at == 0 {
            // The list itself has room for the page.
            return budget.ask_spare();
        }
        let wanted = height_for(at);
        // At worst every node of the path is copied or new, or the tree grows above its root and
        // the whole path down is new.
        let nodes = if wanted > self.height {
            wanted.wrapping_mul(2)
        } else {
            self.height
        };
        pool.reserve_many(nodes, budget)
    }

    /// Puts a page in that nobody else holds, in the place of what was there; the frame to free,
    /// when that was held by this list alone.
    ///
    /// # Panics
    /// When nodes are needed and were not reserved.
    pub fn insert_reserved(
        &mut self,
        pool: &mut Pool<PageNode>,
        frames: &mut FramePool,
        index: u64,
        page: Page,
    ) -> Option<Frame> {
        let at = self.place(index);
        if self.height != 0 || at != 0 {
            self.grow(pool, frames, height_for(at));
        }
        let before = if self.height == 0 {
            let before = (self.count != 0).then_some(self.root);
            self.root = page.0;
            before
        } else {
            self.insert_below(pool, frames, at, page)
        };
        match before {
            Some(before) => release(frames, Page(before)),
            None => {
                self.count = self.count.wrapping_add(1);
                None
            }
        }
    }

    /// Takes the page at `index` out; the frame to free, when nobody else holds it. Nodes that held
    /// nothing else are given back to the pool.
    ///
    /// # Panics
    /// When nodes are needed and were not reserved.
    pub fn remove_reserved(
        &mut self,
        pool: &mut Pool<PageNode>,
        frames: &mut FramePool,
        index: u64,
    ) -> Option<Frame> {
        // Nothing is copied where there is nothing to take out.
        self.get(pool, index)?;
        let page = self.take(pool, frames, index)?;
        release(frames, page)
    }

    /// Takes the page at `index` out, if this list alone holds it. Needs no memory.
    pub fn remove_alone(
        &mut self,
        pool: &mut Pool<PageNode>,
        frames: &mut FramePool,
        index: u64,
    ) -> Option<Page> {
        match self.holding(pool, frames, index) {
            Holding::Alone(_) => self.take(pool, frames, index),
            Holding::None | Holding::Shared(_) => None,
        }
    }

    /// Changes the flags of the page at `index`, if this list alone holds it; false when it does
    /// not. Needs no memory.
    pub fn set_flags(
        &mut self,
        pool: &mut Pool<PageNode>,
        frames: &FramePool,
        index: u64,
        flags: u8,
    ) -> bool {
        let Holding::Alone(page) = self.holding(pool, frames, index) else {
            return false;
        };
        let page = Page::new(page.frame(), flags);
        let at = self.place(index);
        let mut word = self.root;
        for level in (1..self.height).rev() {
            word = match node_mut(pool, key(word)).get(slot(at, level)) {
                Some(below) => below,
                None => return false,
            };
        }
        if self.height == 0 {
            self.root = page.0;
        } else {
            node_mut(pool, key(word)).set(at, page.0);
        }
        true
    }

    /// Lets go of pages and nodes within `work`, until there is a frame to free: the frame. `None`
    /// when the list is empty, or no work is left: [`PageList::count`] tells which. What others
    /// hold too costs one unit, however much it is.
    #[inline]
    pub fn drain_step(
        &mut self,
        pool: &mut Pool<PageNode>,
        frames: &mut FramePool,
        work: &mut Work,
    ) -> Option<Frame> {
        if self.height == 0 {
            return self.drain_only(frames, work);
        }
        self.drain_nodes(pool, frames, work)
    }

    /// As [`PageList::drain_step`], of a list with nodes.
    fn drain_nodes(
        &mut self,
        pool: &mut Pool<PageNode>,
        frames: &mut FramePool,
        work: &mut Work,
    ) -> Option<Frame> {
        while self.count != 0 && work.spend() {
            let (mut path, mut word) = (Path::new(), self.root);
            let mut shared = None;
            for _ in 0..self.height {
                let here = node_mut(pool, key(word));
                if here.refs != 1 {
                    here.refs = here.refs.saturating_sub(1);
                    shared = Some(here.pages);
                    break;
                }
                let slot = here.first_slot();
                path.push((word, slot));
                word = here.get(slot)?;
            }
            self.cut_off(pool, &path, shared.unwrap_or(1));
            if shared.is_none()
                && let Some(frame) = release(frames, Page(word))
            {
                return Some(frame);
            }
        }
        None
    }

    /// As [`PageList::drain_step`], of a list without nodes.
    fn drain_only(&mut self, frames: &mut FramePool, work: &mut Work) -> Option<Frame> {
        if self.count == 0 || !work.spend() {
            return None;
        }
        let page = Page(self.root);
        *self = Self::new();
        release(frames, page)
    }

    /// Takes the page out that is at `index`, from nodes that are made the list's own.
    fn take(
        &mut self,
        pool: &mut Pool<PageNode>,
        frames: &mut FramePool,
        index: u64,
    ) -> Option<Page> {
        let at = self.place(index);
        let (mut path, mut word) = (Path::new(), self.root);
        for level in (0..self.height).rev() {
            word = self.own_next(pool, frames, path.last().copied(), word, level);
            let slot = slot(at, level);
            path.push((word, slot));
            word = node_mut(pool, key(word)).get(slot)?;
        }
        self.cut_off(pool, &path, 1);
        Some(Page(word))
    }

    /// Empties the last slot of a path of own nodes, below which were so many pages, and gives back
    /// the nodes that held nothing else.
    fn cut_off(&mut self, pool: &mut Pool<PageNode>, path: &Path, pages: u64) {
        let mut is_empty = true;
        for (word, slot) in path.iter().rev() {
            let here = node_mut(pool, key(*word));
            here.pages = here.pages.wrapping_sub(pages);
            if is_empty {
                here.used &= !bit(*slot);
                is_empty = here.used == 0;
                if is_empty {
                    pool.remove(key(*word));
                }
            }
        }
        self.count = self.count.wrapping_sub(pages);
        if is_empty {
            *self = Self::new();
        }
    }

    /// Puts a page in below the root; what was there before.
    fn insert_below(
        &mut self,
        pool: &mut Pool<PageNode>,
        frames: &mut FramePool,
        at: u64,
        page: Page,
    ) -> Option<u64> {
        let (mut above, mut word) = (None, self.root);
        for level in (1..self.height).rev() {
            let mut here = node_mut(pool, key(word));
            if here.refs != 1 {
                word = self.own_next(pool, frames, above, word, level);
                here = node_mut(pool, key(word));
            }
            here.pages = here.pages.wrapping_add(1);
            let slot = slot(at, level);
            above = Some((word, slot));
            word = match here.get(slot) {
                Some(below) => below,
                None => {
                    let below = self::word(pool.insert_reserved(PageNode::EMPTY));
                    node_mut(pool, key(word)).set(slot, below);
                    below
                }
            };
        }
        let mut leaf = node_mut(pool, key(word));
        if leaf.refs != 1 {
            word = self.own_next(pool, frames, above, word, 0);
            leaf = node_mut(pool, key(word));
        }
        let before = leaf.get(at);
        leaf.set(at, page.0);
        if before.is_none() {
            leaf.pages = leaf.pages.wrapping_add(1);
        } else {
            self.uncount(pool, at);
        }
        before
    }

    /// Takes back what [`PageList::insert_below`] counted above a leaf: rare, as pages are replaced
    /// only where others hold them too.
    #[cold]
    fn uncount(&self, pool: &mut Pool<PageNode>, at: u64) {
        let mut word = self.root;
        for level in (1..self.height).rev() {
            let here = node_mut(pool, key(word));
            here.pages = here.pages.wrapping_sub(1);
            word = here.get(slot(at, level)).unwrap_or(word);
        }
    }

    /// Makes a node at `level` the list's own, and links it to the own node and slot above.
    fn own_next(
        &mut self,
        pool: &mut Pool<PageNode>,
        frames: &mut FramePool,
        above: Option<(u64, u64)>,
        word: u64,
        level: u32,
    ) -> u64 {
        let own = own(pool, frames, word, level);
        if own != word {
            match above {
                Some((above, slot)) => node_mut(pool, key(above)).set(slot, own),
                None => self.root = own,
            }
        }
        own
    }

    /// Puts nodes above the root until the tree is `height` high.
    fn grow(&mut self, pool: &mut Pool<PageNode>, frames: &FramePool, height: u32) {
        while self.height < height {
            let mut above = PageNode::EMPTY;
            if self.count != 0 {
                above.set(0, self.root);
                above.pages = self.count;
                above.is_mixed = if self.height == 0 {
                    frames.is_shared(Page(self.root).frame())
                } else {
                    let root = node_mut(pool, key(self.root));
                    root.refs != 1 || root.is_mixed
                };
            } else {
                // An empty tree is built at its full height at once.
                self.height = height.wrapping_sub(1);
            }
            self.root = word(pool.insert_reserved(above));
            self.height = self.height.wrapping_add(1);
        }
    }
}

/// Lets a page go; its frame, when nobody else holds it.
fn release(frames: &mut FramePool, page: Page) -> Option<Frame> {
    frames
        .unshare(page.frame())
        .then(|| Frame::claim(page.frame()))
}
