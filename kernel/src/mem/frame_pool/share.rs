//! How many holders a frame has beyond the first: what copy-on-write asks of the pool.

use super::{Arena, FramePool, frame_number};
use crate::PhysAddr;

impl FramePool {
    /// Notes one more holder of a frame that is not free.
    pub fn share(&mut self, at: PhysAddr) {
        if let Some(more) = self.more_holders_mut(at) {
            *more = more.saturating_add(1);
            self.shares = self.shares.wrapping_add(1);
        }
    }

    /// Notes one holder less; true when that was the last one, who gives the frame back then.
    #[must_use]
    pub fn unshare(&mut self, at: PhysAddr) -> bool {
        match self.more_holders_mut(at) {
            Some(more) if *more != 0 => {
                *more = more.saturating_sub(1);
                self.shares = self.shares.wrapping_sub(1);
                false
            }
            _ => true,
        }
    }

    /// Whether a frame has more than one holder.
    #[must_use]
    pub fn is_shared(&self, at: PhysAddr) -> bool {
        self.more_holders(at) != 0
    }

    /// How many holders a frame has beyond the first.
    #[must_use]
    pub fn more_holders(&self, at: PhysAddr) -> u32 {
        let number = frame_number(at);
        self.arenas
            .iter()
            .find_map(|arena| arena.more_holders.get(arena.place(number)?))
            .copied()
            .unwrap_or(0)
    }

    /// The sum of [`FramePool::more_holders`] over all frames. For audits.
    #[must_use]
    pub const fn shares(&self) -> u64 {
        self.shares
    }

    fn more_holders_mut(&mut self, at: PhysAddr) -> Option<&mut u32> {
        let number = frame_number(at);
        self.arenas.iter_mut().find_map(|arena| {
            let place = arena.place(number)?;
            arena.more_holders.get_mut(place)
        })
    }
}

impl Arena {
    /// Where the record of a frame is, if the frame is of this arena.
    fn place(&self, number: u64) -> Option<usize> {
        let place = number.checked_sub(self.first)?;
        (number < self.end).then_some(usize::try_from(place).ok()?)
    }
}
