//! Random bytes for programs: the machine's, and what programs stirred in.

use crate::hal::DynHal;

/// What programs stirred in. It is only ever added to what the machine draws, so that no program
/// can make that worse.
#[derive(Debug, Default)]
pub(crate) struct Stirred(u64);

impl Stirred {
    /// Nothing yet.
    pub(crate) const fn new() -> Self {
        Self(0)
    }

    /// Stirs bytes in.
    pub(crate) fn add(&mut self, bytes: &[u8]) {
        for chunk in bytes.chunks(8) {
            let mut word = [0; 8];
            word.iter_mut()
                .zip(chunk)
                .for_each(|(to, from)| *to = *from);
            self.0 = mix(self.0 ^ u64::from_le_bytes(word));
        }
    }

    /// Draws eight bytes.
    pub(crate) fn draw(&mut self, hal: &mut DynHal) -> [u8; 8] {
        // The golden ratio's odd 64 bits: each draw is made of another word.
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        (hal.entropy() ^ mix(self.0)).to_le_bytes()
    }
}

/// SplitMix64's finalizer (Steele, Lea and Flood 2014): no two words become the same.
const fn mix(word: u64) -> u64 {
    let word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    word ^ (word >> 31)
}

#[cfg(test)]
mod tests {
    use super::Stirred;

    #[test]
    fn every_byte_counts() {
        let stirred = |bytes: &[u8]| {
            let mut pool = Stirred::new();
            pool.add(bytes);
            pool.0
        };
        assert_ne!(stirred(b"12345678"), stirred(b"12345679"));
        assert_ne!(stirred(b"12345678a"), stirred(b"12345678b"));
        assert_ne!(stirred(b"12345678"), stirred(b"1234567812345678"));
    }
}
