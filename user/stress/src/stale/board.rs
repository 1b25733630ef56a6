//! The pages, what is said about each, and the threads that touch them.

use alloc::format;
use alloc::string::String;
use core::ops::Range;
use core::sync::atomic::{AtomicBool, AtomicU64, Ordering, fence};

use zx::abi::{Status, VmOptions, VmoOptions};
use zx::{Region, Vmar, Vmo};

use crate::puppet::PAGE;
use crate::random::Random;

/// How many pages are touched.
pub(super) const PAGES: u64 = 8;
/// A page's words: its generation, then one for each thread.
pub(super) const WORD: u64 = 8;

/// What may be done with a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// A change is on its way: anything may happen.
    Changing,
    /// It is read and written.
    Open,
    /// It is read; a write stops its thread.
    ReadOnly,
    /// Every access stops its thread.
    Closed,
}

impl Phase {
    const fn of(word: u64) -> Self {
        match word % 4 {
            0 => Self::Changing,
            1 => Self::Open,
            2 => Self::ReadOnly,
            _ => Self::Closed,
        }
    }
}

/// What an access was.
#[derive(Clone, Copy, Debug)]
enum Access {
    Read(u64),
    Write,
}

/// What all threads know.
#[derive(Debug)]
pub(super) struct Board {
    /// The addresses that are touched.
    pub(super) region: Region,
    /// For each page its phase, and the generation that is to be found in it.
    said: [AtomicU64; PAGES as usize],
    is_over: AtomicBool,
    /// The page, the word that was said of it, and what was read: of the first failure.
    has_failed: AtomicBool,
    failure: [AtomicU64; 3],
    accesses: AtomicU64,
    judged: AtomicU64,
}

impl Board {
    pub(super) fn new(vmar: &Vmar) -> Result<Self, Status> {
        // It holds the addresses; the pages come later.
        let nothing = Vmo::create(PAGES * PAGE, VmoOptions::empty())?;
        Ok(Self {
            region: vmar.map_at(VmOptions::PERM_READ, 0, &nothing, 0, PAGES * PAGE)?,
            said: [const { AtomicU64::new(0) }; PAGES as usize],
            is_over: AtomicBool::new(false),
            has_failed: AtomicBool::new(false),
            failure: [const { AtomicU64::new(0) }; 3],
            accesses: AtomicU64::new(0),
            judged: AtomicU64::new(0),
        })
    }

    /// Says of pages what is so from now on, or that it no longer is.
    pub(super) fn say(&self, pages: Range<u64>, phase: Phase, generation: u64) {
        for page in pages {
            let word = generation << 2 | phase as u64;
            self.said[page as usize].store(word, Ordering::SeqCst);
        }
    }

    /// What is said of a page.
    pub(super) fn phase(&self, page: u64) -> Phase {
        Phase::of(self.said[page as usize].load(Ordering::SeqCst))
    }

    /// The generation that a page has.
    pub(super) fn generation(&self, page: u64) -> u64 {
        self.said[page as usize].load(Ordering::SeqCst) >> 2
    }

    pub(super) fn stop(&self) {
        self.is_over.store(true, Ordering::SeqCst);
    }

    pub(super) fn has_failed(&self) -> bool {
        self.has_failed.load(Ordering::SeqCst)
    }

    /// What the first failure was.
    pub(super) fn failure(&self) -> Option<String> {
        let [page, said, found] = [0, 1, 2].map(|index| self.failure[index].load(Ordering::SeqCst));
        let (phase, generation) = (Phase::of(said), said >> 2);
        let what = format!(
            "page {page} was {phase:?} with {generation} in it, and an access found {found}"
        );
        self.has_failed().then_some(what)
    }

    pub(super) fn accesses(&self) -> u64 {
        self.accesses.load(Ordering::SeqCst)
    }

    pub(super) fn judged(&self) -> u64 {
        self.judged.load(Ordering::SeqCst)
    }

    /// What a thread does: touches pages until it is over.
    pub(super) fn touch(&self, thread: u64, mut random: Random) {
        let mut count = 0;
        while !self.is_over.load(Ordering::Relaxed) {
            count += 1;
            let page = random.below(PAGES);
            let said = self.said[page as usize].load(Ordering::SeqCst);
            // The access lies between two looks at what is said: not before one, not after the other.
            fence(Ordering::SeqCst);
            let access = if random.one_in(2) {
                let at = page * PAGE + (1 + thread) * WORD;
                self.region.write64(at, count);
                Access::Write
            } else {
                Access::Read(self.region.read64(page * PAGE))
            };
            fence(Ordering::SeqCst);
            if self.said[page as usize].load(Ordering::SeqCst) == said {
                self.judge(page, said, access);
            }
        }
        self.accesses.fetch_add(count, Ordering::SeqCst);
    }

    /// Judges an access that came to be while this was said of the page all the time.
    fn judge(&self, page: u64, said: u64, access: Access) {
        let is_right = match (Phase::of(said), access) {
            (Phase::Changing, _) => return,
            (Phase::Open, Access::Write) => true,
            (Phase::Open | Phase::ReadOnly, Access::Read(found)) => found == said >> 2,
            (Phase::ReadOnly, Access::Write) | (Phase::Closed, _) => false,
        };
        self.judged.fetch_add(1, Ordering::Relaxed);
        if is_right || self.has_failed.swap(true, Ordering::SeqCst) {
            return;
        }
        let found = match access {
            Access::Read(found) => found,
            Access::Write => u64::MAX,
        };
        for (place, value) in self.failure.iter().zip([page, said, found]) {
            place.store(value, Ordering::SeqCst);
        }
    }
}
