//! The free frames: a buddy allocator that keeps its records beside the memory, never in it.
//!
//! Each run of RAM is an arena. A free block of 2^order frames is one bit of the arena's bitmap of
//! that order, never of another; single frames also wait in a small stack, from which nearly all
//! allocations are served. A number per frame counts the holders of frames that several VMOs show.

mod audit;
mod share;

use super::bitmap::Bitmap;
use super::{Budget, Frame, KVec, NoMemory};
use crate::{PAGE_SHIFT, PhysAddr, PhysRun};
use arrayvec::ArrayVec;

/// The largest block has 2^18 frames: 1 GiB.
const MAX_ORDER: u32 = 18;
const ORDERS: usize = 19;
/// Single frames that wait outside the bitmaps.
const CACHE: usize = 64;
/// The block that refills the stack: half of it.
const REFILL_ORDER: u32 = 5;

/// The free frames of the machine.
#[derive(Debug)]
pub struct FramePool {
    /// Sorted by address.
    arenas: KVec<Arena>,
    /// Numbers of free frames that no bitmap holds.
    cache: ArrayVec<u64, CACHE>,
    free: u64,
    total: u64,
    /// The sum of the arenas' `more_holders`.
    shares: u64,
}

impl FramePool {
    /// The largest order of [`FramePool::alloc_order`].
    pub const MAX_ORDER: u32 = MAX_ORDER;

    /// Takes over the runs of free RAM; runs must not overlap.
    ///
    /// # Errors
    /// [`NoMemory`] when the heap cannot hold the records.
    pub fn new(ram: &[PhysRun], budget: &mut Budget) -> Result<Self, NoMemory> {
        let mut runs: KVec<(u64, u64)> = KVec::new();
        runs.reserve(ram.len(), budget)?;
        for run in ram.iter().filter(|run| run.pages != 0) {
            let first = frame_number(run.base);
            runs.push((first, first.saturating_add(run.pages)), budget)?;
        }
        runs.sort_unstable();
        let mut arenas: KVec<Arena> = KVec::new();
        arenas.reserve(runs.len(), budget)?;
        let mut waiting: Option<(u64, u64)> = None;
        for (first, end) in runs.iter().copied() {
            waiting = match waiting {
                Some((start, seam)) if seam == first => Some((start, end)),
                Some((start, other)) => {
                    arenas.push(Arena::new(start, other, budget)?, budget)?;
                    Some((first, end))
                }
                None => Some((first, end)),
            };
        }
        if let Some((first, end)) = waiting {
            arenas.push(Arena::new(first, end, budget)?, budget)?;
        }
        let total = arenas.iter().map(Arena::frames).sum();
        Ok(Self {
            arenas,
            cache: ArrayVec::new(),
            free: total,
            total,
            shares: 0,
        })
    }

    /// Takes one frame; contents unknown.
    ///
    /// # Errors
    /// [`NoMemory`].
    pub fn alloc(&mut self) -> Result<Frame, NoMemory> {
        let number = match self.cache.pop() {
            Some(number) => number,
            None => self.refill()?,
        };
        self.free = self.free.wrapping_sub(1);
        Ok(Frame::claim(address(number)))
    }

    /// Gives a frame back. A frame from outside the pool's runs is left to nobody.
    pub fn free(&mut self, frame: Frame) {
        debug_assert!(!self.is_free(frame.address()), "a frame is free once");
        debug_assert!(
            !self.is_shared(frame.address()),
            "a free frame has no holder"
        );
        if !self.owns(frame.address()) {
            return;
        }
        if self.cache.is_full() {
            self.flush(CACHE / 2);
        }
        self.cache.push(frame_number(frame.address()));
        self.free = self.free.wrapping_add(1);
    }

    /// Takes 2^`order` frames in a row, aligned to their size.
    ///
    /// # Errors
    /// [`NoMemory`].
    pub fn alloc_order(&mut self, order: u32) -> Result<PhysRun, NoMemory> {
        if order > MAX_ORDER {
            return Err(NoMemory);
        }
        let number = match self.take(order) {
            Some(number) => number,
            None => {
                // Cached frames may be what keeps a block apart.
                self.flush(0);
                self.take(order).ok_or(NoMemory)?
            }
        };
        self.free = self.free.wrapping_sub(1 << order);
        Ok(PhysRun {
            base: address(number),
            pages: 1 << order,
        })
    }

    /// Gives 2^`order` frames back, whole or in parts; `base` is aligned to their size.
    pub fn free_order(&mut self, base: PhysAddr, order: u32) {
        let number = frame_number(base);
        let Some(end) = 1u64
            .checked_shl(order)
            .and_then(|frames| number.checked_add(frames))
        else {
            return;
        };
        let arena = self
            .arenas
            .iter_mut()
            .find(|arena| arena.first <= number && end <= arena.end);
        let Some(arena) = arena else { return };
        debug_assert!(
            !self
                .cache
                .iter()
                .any(|cached| (number..end).contains(cached)),
            "a frame is free once"
        );
        arena.insert(number, order);
        self.free = self.free.wrapping_add(1 << order);
    }

    /// How many frames are free.
    #[must_use]
    pub const fn free_frames(&self) -> u64 {
        self.free
    }

    /// How many frames there are, free or not.
    #[must_use]
    pub const fn total_frames(&self) -> u64 {
        self.total
    }

    /// Whether the frame at `at` is one of the pool's, free or not.
    #[must_use]
    pub fn owns(&self, at: PhysAddr) -> bool {
        let number = frame_number(at);
        self.arenas
            .iter()
            .any(|arena| arena.first <= number && number < arena.end)
    }

    /// Whether the frame at `at` is free. For audits, not for hot paths.
    #[must_use]
    pub fn is_free(&self, at: PhysAddr) -> bool {
        let number = frame_number(at);
        self.cache.contains(&number) || self.arenas.iter().any(|arena| arena.is_free(number))
    }

    /// Takes a block out of the bitmaps: one frame of it is the answer, the others are cached.
    fn refill(&mut self) -> Result<u64, NoMemory> {
        let (arena, found) = lowest_order(&mut self.arenas, 0).ok_or(NoMemory)?;
        let order = found.min(REFILL_ORDER);
        let first = arena.take(found, order).ok_or(NoMemory)?;
        // The stack is empty here and holds twice as many; the lowest address comes out first.
        for number in (first.wrapping_add(1)..first.wrapping_add(1 << order)).rev() {
            self.cache.push(number);
        }
        Ok(first)
    }

    fn take(&mut self, order: u32) -> Option<u64> {
        let (arena, found) = lowest_order(&mut self.arenas, order)?;
        arena.take(found, order)
    }

    /// Puts cached frames back into the bitmaps until `left` are left.
    fn flush(&mut self, left: usize) {
        while self.cache.len() > left {
            let Some(number) = self.cache.pop() else {
                return;
            };
            let arena = self
                .arenas
                .iter_mut()
                .find(|arena| arena.first <= number && number < arena.end);
            arena
                .expect("every cached frame is one of the pool's")
                .insert(number, 0);
        }
    }
}

/// The arena that has a free block of the lowest order from `order` on, and that order.
fn lowest_order(arenas: &mut [Arena], order: u32) -> Option<(&mut Arena, u32)> {
    let wanted = u32::MAX.checked_shl(order)?;
    let of = |arena: &Arena| (arena.filled & wanted).trailing_zeros();
    let arena = arenas.iter_mut().min_by_key(|arena| of(arena))?;
    let order = of(arena);
    if order > MAX_ORDER {
        None
    } else {
        Some((arena, order))
    }
}

/// One run of RAM: frames `first..end`, numbered by physical address / page size.
#[derive(Debug)]
struct Arena {
    first: u64,
    end: u64,
    /// Bit n: there is a free block of order n.
    filled: u32,
    /// By order: the free blocks, numbered by address from the block that `first` lies in.
    orders: ArrayVec<Bitmap, ORDERS>,
    /// By frame: how many holders it has beyond the first; 0 for free frames.
    more_holders: KVec<u32>,
}

impl Arena {
    /// An arena whose frames are all free.
    fn new(first: u64, end: u64, budget: &mut Budget) -> Result<Self, NoMemory> {
        let mut orders = ArrayVec::new();
        for order in 0..=MAX_ORDER {
            // The last block that fits whole; none does when the arena is small.
            let blocks = (end >> order).saturating_sub(first >> order);
            orders.push(Bitmap::new(
                usize::try_from(blocks).map_err(|_| NoMemory)?,
                budget,
            )?);
        }
        let frames = end.checked_sub(first).map(usize::try_from);
        let mut more_holders = KVec::new();
        more_holders.extend_with(frames.and_then(Result::ok).ok_or(NoMemory)?, 0, budget)?;
        let mut arena = Self {
            first,
            end,
            filled: 0,
            orders,
            more_holders,
        };
        let mut number = first;
        while number < end {
            let fits = end.wrapping_sub(number).ilog2();
            let order = number.trailing_zeros().min(fits).min(MAX_ORDER);
            arena.mark(number, order);
            number = number.wrapping_add(1 << order);
        }
        Ok(arena)
    }

    fn frames(&self) -> u64 {
        self.end.wrapping_sub(self.first)
    }

    /// Takes the lowest block of order `found`, keeps its first 2^`order` frames and puts the
    /// others back.
    fn take(&mut self, found: u32, order: u32) -> Option<u64> {
        let index = self.bitmap(found)?.first()?;
        let number = u64::try_from(index).ok()?.wrapping_add(self.first >> found) << found;
        self.unmark(number, found);
        for half in order..found {
            self.mark(number.wrapping_add(1 << half), half);
        }
        Some(number)
    }

    /// Makes a block free and joins it with its free buddies.
    fn insert(&mut self, number: u64, order: u32) {
        debug_assert!(!self.is_free(number), "a frame is free once");
        let (mut number, mut order) = (number, order);
        while order < MAX_ORDER {
            let buddy = number ^ (1 << order);
            if !self.is_marked(buddy, order) {
                break;
            }
            self.unmark(buddy, order);
            number &= !(1 << order);
            order = order.wrapping_add(1);
        }
        self.mark(number, order);
    }

    fn is_free(&self, number: u64) -> bool {
        (0..=MAX_ORDER).any(|order| self.is_marked(number, order))
    }

    fn bitmap(&self, order: u32) -> Option<&Bitmap> {
        self.orders.get(usize::try_from(order).ok()?)
    }

    fn bitmap_mut(&mut self, order: u32) -> Option<&mut Bitmap> {
        self.orders.get_mut(usize::try_from(order).ok()?)
    }

    /// The bit of the block that frame `number` lies in; beyond every bitmap when outside.
    fn index(&self, number: u64, order: u32) -> usize {
        let index = (number >> order).wrapping_sub(self.first >> order);
        usize::try_from(index).unwrap_or(usize::MAX)
    }

    fn is_marked(&self, number: u64, order: u32) -> bool {
        let index = self.index(number, order);
        self.bitmap(order)
            .is_some_and(|bitmap| bitmap.contains(index))
    }

    fn mark(&mut self, number: u64, order: u32) {
        let index = self.index(number, order);
        let Some(bitmap) = self.bitmap_mut(order) else {
            return;
        };
        bitmap.insert(index);
        self.filled |= 1 << order;
    }

    fn unmark(&mut self, number: u64, order: u32) {
        let index = self.index(number, order);
        let Some(bitmap) = self.bitmap_mut(order) else {
            return;
        };
        if bitmap.remove(index) {
            self.filled &= !(1 << order);
        }
    }
}

const fn frame_number(at: PhysAddr) -> u64 {
    at.raw() >> PAGE_SHIFT
}

const fn address(number: u64) -> PhysAddr {
    PhysAddr::new(number << PAGE_SHIFT)
}

#[cfg(test)]
#[expect(
    clippy::disallowed_methods,
    reason = "a test may abort when memory is gone"
)]
#[path = "frame_pool_tests.rs"]
mod tests;
