//! A set of small numbers that finds its lowest member in a few steps.

use super::{Budget, KVec, NoMemory};
use arrayvec::ArrayVec;

const WORD_SHIFT: u32 = 6;
const WORD_MASK: usize = 63;
/// Levels of 64-fold fan-out: enough for 2^48 bits.
const MOST_LEVELS: usize = 8;

/// A bitmap with summaries above it: a bit of a summary says whether the word below holds any.
#[derive(Debug)]
pub(super) struct Bitmap {
    /// All levels, one after the other, the bits themselves first.
    words: KVec<u64>,
    /// Where each level starts in `words`; the last level is one word.
    starts: ArrayVec<usize, MOST_LEVELS>,
    bits: usize,
}

impl Bitmap {
    /// Makes an empty set that can hold the numbers below `bits`.
    pub(super) fn new(bits: usize, budget: &mut Budget) -> Result<Self, NoMemory> {
        let mut starts = ArrayVec::new();
        let mut total = 0usize;
        let mut length = bits;
        while starts.is_empty() || length > 1 {
            starts.try_push(total).map_err(|_| NoMemory)?;
            length = length.div_ceil(WORD_MASK.wrapping_add(1));
            total = total.checked_add(length).ok_or(NoMemory)?;
        }
        let mut words = KVec::new();
        words.extend_with(total, 0, budget)?;
        Ok(Self {
            words,
            starts,
            bits,
        })
    }

    /// Whether `number` is in the set; numbers beyond the capacity are not.
    pub(super) fn contains(&self, number: usize) -> bool {
        let word = self.words.get(number >> WORD_SHIFT).copied().unwrap_or(0);
        number < self.bits && word & bit(number) != 0
    }

    /// Puts `number` in. Numbers beyond the capacity are not stored.
    pub(super) fn insert(&mut self, number: usize) {
        if number >= self.bits {
            return;
        }
        let mut number = number;
        for start in &self.starts {
            let Some(word) = self.words.get_mut(start.wrapping_add(number >> WORD_SHIFT)) else {
                return;
            };
            let before = *word;
            *word = before | bit(number);
            if before != 0 {
                return;
            }
            number >>= WORD_SHIFT;
        }
    }

    /// Takes `number` out, and says whether the set is empty now.
    pub(super) fn remove(&mut self, number: usize) -> bool {
        let mut number = number;
        for start in &self.starts {
            let Some(word) = self.words.get_mut(start.wrapping_add(number >> WORD_SHIFT)) else {
                return false;
            };
            *word &= !bit(number);
            if *word != 0 {
                return false;
            }
            number >>= WORD_SHIFT;
        }
        true
    }

    /// The lowest number in the set.
    pub(super) fn first(&self) -> Option<usize> {
        let mut number = 0usize;
        for start in self.starts.iter().rev() {
            let word = *self.words.get(start.wrapping_add(number))?;
            if word == 0 {
                return None;
            }
            number = number << WORD_SHIFT | usize::try_from(word.trailing_zeros()).ok()?;
        }
        Some(number)
    }

    /// All members, ascending.
    pub(super) fn iter(&self) -> impl Iterator<Item = usize> {
        let words = self.level(0).unwrap_or(&[]);
        words
            .iter()
            .zip(0usize..)
            .filter(|(word, _)| **word != 0)
            .flat_map(|(word, index)| {
                (0usize..=WORD_MASK)
                    .filter(move |number| word & bit(*number) != 0)
                    .map(move |number| index << WORD_SHIFT | number)
            })
    }

    /// Whether every summary agrees with what is below it. Walks everything: for audits.
    pub(super) fn audit(&self) -> bool {
        (1..self.starts.len()).all(|upper| {
            let below = self.level(upper.wrapping_sub(1)).unwrap_or(&[]);
            let above = self.level(upper).unwrap_or(&[]);
            below.iter().zip(0usize..).all(|(word, index)| {
                let summary = above.get(index >> WORD_SHIFT).copied().unwrap_or(0);
                (summary & bit(index) != 0) == (*word != 0)
            })
        })
    }

    fn level(&self, level: usize) -> Option<&[u64]> {
        let start = *self.starts.get(level)?;
        let end = self
            .starts
            .get(level.wrapping_add(1))
            .copied()
            .unwrap_or(self.words.len());
        self.words.get(start..end)
    }
}

const fn bit(number: usize) -> u64 {
    1u64 << (number & WORD_MASK)
}
