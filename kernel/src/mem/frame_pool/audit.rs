//! Whether the pool's records agree with each other.

use super::{Arena, FramePool, MAX_ORDER, address};

impl FramePool {
    /// Whether the records agree with each other. Walks everything.
    #[must_use]
    pub fn audit(&self) -> bool {
        let cached_once = self.cache.iter().zip(1usize..).all(|(number, next)| {
            let again = self.cache.iter().skip(next).any(|other| other == number);
            !again
                && self.owns(address(*number))
                && !self.arenas.iter().any(|arena| arena.is_free(*number))
        });
        let mut free = u64::try_from(self.cache.len()).unwrap_or(0);
        for arena in self.arenas.iter() {
            let Some(frames) = arena.audit() else {
                return false;
            };
            free = free.wrapping_add(frames);
        }
        cached_once && free == self.free
    }
}

impl Arena {
    /// The free frames, if the bitmaps agree with their summaries and no block lies in another
    /// or could be joined with its buddy.
    fn audit(&self) -> Option<u64> {
        let mut free = 0u64;
        for (bitmap, order) in self.orders.iter().zip(0u32..) {
            let is_filled = self.filled & 1 << order != 0;
            if !bitmap.audit() || is_filled != bitmap.first().is_some() {
                return None;
            }
            for index in bitmap.iter() {
                let number = u64::try_from(index).ok()?.wrapping_add(self.first >> order) << order;
                let is_inside =
                    (order.wrapping_add(1)..=MAX_ORDER).any(|upper| self.is_marked(number, upper));
                let is_split = order < MAX_ORDER && self.is_marked(number ^ (1 << order), order);
                if is_inside || is_split || number < self.first {
                    return None;
                }
                free = free.wrapping_add(1 << order);
            }
        }
        Some(free)
    }
}
