//! Address-space identifiers: Arm's name for tags of translations in the TLB.
//!
//! When all are given out, further spaces share the last one, and whoever switches to one of those
//! flushes it first.

use jacinth_paging::Tags;

/// Which identifiers are in use.
#[derive(Debug)]
pub struct Asids {
    own: Tags,
    /// The last one, which is shared.
    shared: u16,
}

impl Asids {
    /// Makes the set for identifiers of `bits` bits, 8 or 16.
    #[must_use]
    pub const fn new(bits: u32) -> Self {
        let shared = if bits >= 16 { 0xfff } else { 0xff };
        Self {
            own: Tags::new(shared),
            shared,
        }
    }

    /// Takes an identifier; the shared one when there is no other.
    pub fn take(&mut self) -> u16 {
        self.own.take().unwrap_or(self.shared)
    }

    /// Gives one back, of which nothing is left in any TLB, or noted as stale.
    pub fn give_back(&mut self, asid: u16) {
        self.own.give_back(asid);
    }

    /// Whether other spaces may have this identifier too.
    #[must_use]
    pub const fn is_shared(&self, asid: u16) -> bool {
        asid == self.shared
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn when_all_are_given_out_one_is_shared() {
        for (bits, most) in [(8, 0xfe), (16, 0xffe)] {
            let mut asids = Asids::new(bits);
            for _ in 0..most {
                let asid = asids.take();
                assert!(asid != 0 && !asids.is_shared(asid));
            }
            let shared = asids.take();
            assert!(asids.is_shared(shared));
            asids.give_back(shared);
            assert_eq!(asids.take(), shared);
            asids.give_back(77);
            assert_eq!(asids.take(), 77);
        }
    }
}
