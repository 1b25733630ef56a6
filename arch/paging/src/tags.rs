//! Tags of translations in the TLB: who has which, and who must forget what is under one.
//!
//! A processor with tags (Arm's ASIDs, Intel's PCIDs) keeps the translations of address spaces that
//! it does not use, told apart by tag. They do no harm as long as no table of the space is in use
//! there. So a change of a space is told at once only to the CPUs that use it; the others are noted
//! in [`StaleTags`], and forget all that is under the tag when they use it next, be it for that space
//! or for the one that has the tag after it.
//!
//! 0 is the kernel's own tag, for when no user space is in place.

use core::sync::atomic::{AtomicU64, Ordering};

/// Words of the bitmap. Of Arm's 2^16 tags only 2^12 are given out, which is all that Intel has: so
/// many spaces hardly live at once.
const WORDS: usize = 1 << 6;
const WORD_BITS: u16 = 64;
/// All tags are less.
pub const MOST_TAGS: usize = WORDS * 64;
/// The most CPUs that [`StaleTags`] knows.
pub const MOST_CPUS: usize = 64;

/// Which tags are in use.
#[derive(Debug)]
pub struct Tags {
    used: [u64; WORDS],
    /// The first one that is not given out.
    end: u16,
    /// Where the search goes on: a tag rests as long as can be.
    next: u16,
}

impl Tags {
    /// Makes the set of the tags from 1 to before `end`, of which there is one at least.
    #[must_use]
    pub const fn new(end: u16) -> Self {
        Self {
            used: [0; WORDS],
            end,
            next: 1,
        }
    }

    /// Takes a tag that nobody has, if there is one.
    pub fn take(&mut self) -> Option<u16> {
        let after = self.next..self.end;
        let before = 1..self.next;
        let tag = after.chain(before).find(|&tag| !self.is_used(tag))?;
        self.flip(tag);
        let next = tag.wrapping_add(1);
        self.next = if next < self.end { next } else { 1 };
        Some(tag)
    }

    /// Gives one back. Whoever uses it next forgets first what is under it: see [`StaleTags`].
    pub fn give_back(&mut self, tag: u16) {
        if self.is_used(tag) {
            self.flip(tag);
        }
    }

    fn is_used(&self, tag: u16) -> bool {
        let word = self.used.get(usize::from(tag / WORD_BITS));
        word.is_some_and(|word| word & Self::bit(tag) != 0)
    }

    fn flip(&mut self, tag: u16) {
        if let Some(word) = self.used.get_mut(usize::from(tag / WORD_BITS)) {
            *word ^= Self::bit(tag);
        }
    }

    const fn bit(tag: u16) -> u64 {
        1 << (tag % WORD_BITS)
    }
}

/// A set of CPUs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CpuMask(u64);

impl CpuMask {
    /// One CPU; beyond [`MOST_CPUS`], which no machine starts, none.
    #[must_use]
    pub const fn of(cpu: usize) -> Self {
        if cpu < MOST_CPUS {
            Self(1 << cpu)
        } else {
            Self(0)
        }
    }

    /// All CPUs that are not in this set, whether or not they run.
    #[must_use]
    pub const fn others(self) -> Self {
        Self(!self.0)
    }

    /// This set and another.
    #[must_use]
    pub const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether a CPU is in it.
    #[must_use]
    pub const fn has(self, cpu: usize) -> bool {
        self.0 & Self::of(cpu).0 != 0
    }
}

/// The CPUs that must forget what is under a tag before they use it again.
///
/// All of it is asked and changed under the big lock, which orders it; the words are atomic only so
/// that a machine can have this in a static.
#[derive(Debug)]
pub struct StaleTags {
    cpus: [AtomicU64; MOST_TAGS],
}

impl StaleTags {
    /// Nobody has anything to forget.
    #[must_use]
    #[expect(clippy::new_without_default, reason = "32 KiB are for a static only")]
    pub const fn new() -> Self {
        Self {
            cpus: [const { AtomicU64::new(0) }; MOST_TAGS],
        }
    }

    /// Notes that `cpus` must forget what is under a tag.
    pub fn note(&self, tag: u16, cpus: CpuMask) {
        if let Some(word) = self.cpus.get(usize::from(tag)) {
            word.fetch_or(cpus.0, Ordering::Relaxed);
        }
    }

    /// Whether a CPU that is to use a tag must forget first; asked once. Of tags that there are not
    /// everybody must.
    pub fn take(&self, tag: u16, cpu: usize) -> bool {
        let Some(word) = self.cpus.get(usize::from(tag)) else {
            return true;
        };
        let bit = CpuMask::of(cpu).0;
        // A look first: mostly there is nothing to change.
        word.load(Ordering::Relaxed) & bit != 0
            && word.fetch_and(!bit, Ordering::Relaxed) & bit != 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn each_is_given_out_once() {
        for end in [2, 3, 0xff, 0x1000] {
            let mut tags = Tags::new(end);
            let taken: BTreeSet<u16> = (1..end).map_while(|_| tags.take()).collect();
            assert_eq!(taken, (1..end).collect());
            assert_eq!(tags.take(), None);
            tags.give_back(end - 1);
            assert_eq!(tags.take(), Some(end - 1));
            assert_eq!(tags.take(), None);
        }
    }

    #[test]
    fn one_rests_before_it_is_used_again() {
        let mut tags = Tags::new(5);
        let first = tags.take();
        tags.give_back(1);
        let rest: BTreeSet<_> = (0..3).map(|_| tags.take()).collect();
        assert!(!rest.contains(&first));
        assert_eq!(tags.take(), first);
    }

    #[test]
    fn what_was_not_given_out_cannot_be_given_back() {
        let mut tags = Tags::new(3);
        for never in [0, 2, 3, u16::MAX] {
            tags.give_back(never);
        }
        assert_eq!([tags.take(), tags.take()], [Some(1), Some(2)]);
        assert_eq!(tags.take(), None);
    }

    #[test]
    fn who_is_noted_must_forget_once() {
        static STALE: StaleTags = StaleTags::new();
        STALE.note(7, CpuMask::of(1).with(CpuMask::of(3)).others());
        let forgets = |tag, cpu| STALE.take(tag, cpu);
        assert!(!forgets(7, 1) && !forgets(7, 3) && !forgets(8, 0));
        assert!(forgets(7, 0) && forgets(7, 2) && forgets(7, 63));
        assert!(!forgets(7, 0) && !forgets(7, 2) && !forgets(7, 63));
        // Of a tag that is too large nothing can be noted.
        assert!(forgets(0x1000, 0) && forgets(0x1000, 0));
    }
}
