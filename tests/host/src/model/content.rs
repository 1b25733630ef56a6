//! Contents of memory, as a sparse map of pages that copies share until they are written.

use super::PAGE;
use std::collections::BTreeMap;
use std::rc::Rc;

/// A page that was touched.
#[derive(Clone, Debug)]
struct Page {
    bytes: Rc<[u8]>,
    /// Whether it certainly is committed: reading alone may commit it or not.
    is_sure: bool,
}

/// Pages by number; a page that is not there is zero, and not committed.
#[derive(Clone, Debug, Default)]
pub struct Pages(BTreeMap<u64, Page>);

impl Pages {
    /// Reads bytes.
    pub fn read(&self, offset: u64, to: &mut [u8]) {
        for (index, at, piece) in pieces(offset, to.len()) {
            let to = &mut to[piece];
            match self.0.get(&index) {
                Some(page) => to.copy_from_slice(&page.bytes[at..at + to.len()]),
                None => to.fill(0),
            }
        }
    }

    /// Writes bytes; every page of them is committed.
    pub fn write(&mut self, offset: u64, from: &[u8]) {
        for (index, at, piece) in pieces(offset, from.len()) {
            let page = self.commit(index);
            let from = &from[piece];
            Rc::make_mut(&mut page.bytes)[at..at + from.len()].copy_from_slice(from);
        }
    }

    /// Commits the page at `offset`.
    pub fn commit_page(&mut self, offset: u64) {
        self.commit(offset / PAGE);
    }

    fn commit(&mut self, index: u64) -> &mut Page {
        let page = self.0.entry(index).or_insert_with(zero_page);
        page.is_sure = true;
        page
    }

    /// The page at `offset` was read through a mapping: it may be committed now.
    pub fn touch(&mut self, offset: u64) {
        self.0.entry(offset / PAGE).or_insert_with(zero_page);
    }

    /// The pages from `start` to `end`, which are page bounds, are zero and not committed.
    pub fn free(&mut self, start: u64, end: u64) {
        let inside: Vec<u64> = self.indices(start, end);
        for index in inside {
            self.0.remove(&index);
        }
    }

    /// The bytes from `start` to `end` are zero. What was not committed before stays so; what was
    /// may be given back or not.
    pub fn zero(&mut self, start: u64, end: u64) {
        for index in self.indices(start, end) {
            let from = start.max(index * PAGE);
            let to = end.min((index + 1) * PAGE);
            let Some(page) = self.0.get_mut(&index) else {
                continue;
            };
            let inside = |at: u64| usize::try_from(at - index * PAGE).unwrap_or(0);
            Rc::make_mut(&mut page.bytes)[inside(from)..inside(to)].fill(0);
            page.is_sure &= to - from != PAGE;
        }
    }

    /// A copy of the pages from `start` to `end`, from 0 on.
    #[must_use]
    pub fn copy(&self, start: u64, end: u64) -> Self {
        let first = start / PAGE;
        let pages = self.0.range(first..end.div_ceil(PAGE));
        Self(
            pages
                .map(|(index, page)| (index - first, page.clone()))
                .collect(),
        )
    }

    /// Moves the pages of `from` in, in place of those that are at `offset`.
    pub fn put(&mut self, offset: u64, size: u64, from: Self) {
        self.free(offset, offset + size);
        let pages = from.0.into_iter();
        self.0
            .extend(pages.map(|(index, page)| (index + offset / PAGE, page)));
    }

    /// The least and the most bytes that are committed from `start` to `end`.
    #[must_use]
    pub fn committed(&self, start: u64, end: u64) -> (u64, u64) {
        let pages = self
            .0
            .range(start / PAGE..end.div_ceil(PAGE).max(start / PAGE));
        pages.fold((0, 0), |(least, most), (_, page)| {
            (least + PAGE * u64::from(page.is_sure), most + PAGE)
        })
    }

    fn indices(&self, start: u64, end: u64) -> Vec<u64> {
        if start >= end {
            return Vec::new();
        }
        let range = self.0.range(start / PAGE..end.div_ceil(PAGE));
        range.map(|(index, _)| *index).collect()
    }
}

fn zero_page() -> Page {
    Page {
        bytes: Rc::from([0; 4096].as_slice()),
        is_sure: false,
    }
}

/// Cuts a range at page bounds: page number, offset in the page, part of the buffer.
fn pieces(offset: u64, len: usize) -> impl Iterator<Item = (u64, usize, std::ops::Range<usize>)> {
    let mut done = 0;
    std::iter::from_fn(move || {
        if done == len {
            return None;
        }
        let at = offset + done as u64;
        let inside = usize::try_from(at % PAGE).unwrap_or(0);
        let end = len.min(done + 4096 - inside);
        let piece = done..end;
        done = end;
        Some((at / PAGE, inside, piece))
    })
}
