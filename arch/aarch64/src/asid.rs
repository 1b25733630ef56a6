//! Address-space identifiers: the tags of translations in the TLB.
//!
//! 0 is the kernel's own, for when no user space is in place. When all are given out, further
//! spaces share the last one, and whoever switches to one of those flushes it first.

/// Words of the bitmap. Of 2^16 identifiers only 2^12 are given out: so many spaces hardly live at
/// once, and those that do only share the last one.
const WORDS: usize = 1 << 6;
const WORD_BITS: u16 = 64;
/// All identifiers that are given out are less.
pub const MOST_ASIDS: usize = WORDS * 64;

/// Which identifiers are in use.
#[derive(Debug)]
pub struct Asids {
    used: [u64; WORDS],
    /// The last one, which is shared.
    shared: u16,
    /// Where the search goes on: an identifier rests as long as can be.
    next: u16,
}

impl Asids {
    /// Makes the set for identifiers of `bits` bits, 8 or 16.
    pub const fn new(bits: u32) -> Self {
        let shared = if bits >= 16 { 0xfff } else { 0xff };
        Self {
            used: [0; WORDS],
            shared,
            next: 1,
        }
    }

    /// Takes an identifier; the shared one when there is no other.
    pub fn take(&mut self) -> u16 {
        let after = self.next..self.shared;
        let before = 1..self.next;
        let Some(asid) = after.chain(before).find(|&asid| !self.is_used(asid)) else {
            return self.shared;
        };
        self.flip(asid);
        self.next = asid.saturating_add(1).min(self.shared - 1);
        asid
    }

    /// Gives one back, of which nothing is left in any TLB.
    pub fn give_back(&mut self, asid: u16) {
        if asid != 0 && asid != self.shared && self.is_used(asid) {
            self.flip(asid);
        }
    }

    /// Whether other spaces may have this identifier too.
    pub const fn is_shared(&self, asid: u16) -> bool {
        asid == self.shared
    }

    fn is_used(&self, asid: u16) -> bool {
        self.used[usize::from(asid / WORD_BITS)] & (1 << (asid % WORD_BITS)) != 0
    }

    fn flip(&mut self, asid: u16) {
        self.used[usize::from(asid / WORD_BITS)] ^= 1 << (asid % WORD_BITS);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn all_are_given_out_once_then_one_is_shared() {
        for (bits, most) in [(8, 0xfe), (16, 0xffe)] {
            let mut asids = Asids::new(bits);
            let taken: BTreeSet<u16> = (0..most).map(|_| asids.take()).collect();
            assert_eq!(taken.len(), most);
            assert!(!taken.contains(&0));
            assert!(taken.iter().all(|&asid| !asids.is_shared(asid)));
            let shared = asids.take();
            assert!(asids.is_shared(shared) && asids.is_shared(asids.shared));
            asids.give_back(shared);
            let again = asids.take();
            assert!(asids.is_shared(again));
            asids.give_back(77);
            assert_eq!(asids.take(), 77);
        }
    }

    #[test]
    fn an_identifier_rests_before_it_is_used_again() {
        let mut asids = Asids::new(8);
        let first = asids.take();
        asids.give_back(first);
        assert_ne!(asids.take(), first);
    }
}
