//! Random bits: the processor's own generator where it has one, stirred with the loader's seed and
//! the jitter of the counter; alone, these two are better than nothing and no more.

/// A pool of one word.
#[derive(Debug)]
pub struct Entropy(u64);

impl Entropy {
    /// Starts with the loader's random bits, 0 where there were none.
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// Makes the next 64 bits out of what the machine has: the counter, and perhaps true ones.
    pub fn next(&mut self, counter: u64, random: Option<u64>) -> u64 {
        // SplitMix64 (Steele, Lea and Flood 2014): a good mixer of one word.
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15) ^ counter.rotate_left(32);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31) ^ random.unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bits_differ_from_call_to_call_and_seed_to_seed() {
        let (mut one, mut other) = (Entropy::new(1), Entropy::new(2));
        let first = one.next(5, None);
        assert_ne!(first, one.next(5, None));
        assert_ne!(first, other.next(5, None));
        assert_ne!(one.next(5, Some(1)), one.next(5, Some(1)));
    }
}
