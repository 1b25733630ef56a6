//! A recount of what the nodes and frames of all lists count.

use super::node::{BITS, PageNode, key};
use super::{Page, PageList};
use crate::PhysAddr;
use crate::mem::{FramePool, Pool};
use alloc::collections::BTreeMap;

/// Checks all lists whose nodes lie in a pool: that every node and frame counts its holders right,
/// that every page is counted, that no node is empty or without holder, and that no page is free.
/// Returns how many frames the lists hold.
///
/// # Errors
/// What differs first.
pub fn audit_page_lists<'a>(
    lists: impl Iterator<Item = &'a PageList>,
    pool: &Pool<PageNode>,
    frames: &FramePool,
) -> Result<u64, &'static str> {
    let mut recount = Recount {
        pool,
        frames,
        nodes: BTreeMap::new(),
        holders: BTreeMap::new(),
    };
    for list in lists {
        recount.list(list)?;
    }
    for (key, node) in pool.iter() {
        if recount.nodes.get(&key.index()) != Some(&node.refs) {
            return Err("a node of page lists miscounts its holders");
        }
    }
    let mut shares = 0u64;
    for (frame, holders) in &recount.holders {
        let more = frames.more_holders(*frame);
        if more.checked_add(1) != Some(*holders) {
            return Err("a frame miscounts its holders");
        }
        shares = shares.wrapping_add(u64::from(more));
    }
    if shares != frames.shares() {
        return Err("a frame is shared by nobody");
    }
    u64::try_from(recount.holders.len()).map_err(|_| "too many frames")
}

struct Recount<'a> {
    pool: &'a Pool<PageNode>,
    frames: &'a FramePool,
    /// By index: how many hold a node.
    nodes: BTreeMap<u32, u32>,
    /// How many leaves, or lists without nodes, hold a frame.
    holders: BTreeMap<PhysAddr, u32>,
}

impl Recount<'_> {
    fn list(&mut self, list: &PageList) -> Result<(), &'static str> {
        if list.height == 0 {
            if list.count > 1 || list.bias != 0 {
                return Err("a page list without nodes holds more than a page");
            }
            return match list.count {
                0 => Ok(()),
                _ => self.page(Page(list.root)).map(|_| ()),
            };
        }
        if self.below(list.root, list.height)? != list.count {
            return Err("a page list miscounts its pages");
        }
        if list.bias != 0 && list.bias >> (BITS * list.height) != 0 {
            return Err("a page list begins behind its tree");
        }
        match super::next_below(self.pool, list.root, list.height.wrapping_sub(1), 0) {
            Some((first, _)) if first >= list.bias => Ok(()),
            _ => Err("a page list holds pages before its start"),
        }
    }

    /// Counts one more holder of a node, and at the first time all below; the pages below it.
    fn below(&mut self, word: u64, height: u32) -> Result<u64, &'static str> {
        let here = self
            .pool
            .get(key(word))
            .ok_or("a page list holds no node")?;
        let refs = self.nodes.entry(key(word).index()).or_default();
        *refs = refs.wrapping_add(1);
        if *refs != 1 {
            return Ok(here.pages);
        }
        let (mut pages, mut is_mixed) = (0u64, false);
        for (_, word) in here.held(u64::MAX) {
            if height == 1 {
                is_mixed |= self.page(Page(word))?;
                pages = pages.wrapping_add(1);
            } else {
                pages = pages.wrapping_add(self.below(word, height.wrapping_sub(1))?);
                let below = self.pool.get(key(word));
                is_mixed |= below.is_some_and(|below| below.is_mixed || below.refs != 1);
            }
        }
        if is_mixed && !here.is_mixed {
            return Err("a node of page lists takes common pages for its own");
        }
        if pages == 0 || pages != here.pages {
            return Err("a node of page lists miscounts its pages");
        }
        Ok(pages)
    }

    /// Counts one more holder of a page; whether it has others by the pool's records.
    fn page(&mut self, page: Page) -> Result<bool, &'static str> {
        let frame = page.frame();
        let holders = self.holders.entry(frame).or_default();
        *holders = holders.wrapping_add(1);
        if self.frames.is_free(frame) {
            return Err("a committed page is free");
        }
        Ok(self.frames.is_shared(frame))
    }
}
