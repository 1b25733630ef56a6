//! Deadlines, of blocked threads and of timers: a binary heap each, with the earliest on top.
//!
//! A thread or timer has at most one deadline, and room for it is reserved when it is made, so
//! that blocking never allocates. Each knows its slot, so that leaving early is O(log n).

use super::Thread;
use crate::mem::{Budget, KVec, Key, NoMemory, Pool};

/// What can have a deadline.
pub(crate) trait Timed {
    /// Its place in the heap of deadlines, while it has one.
    fn slot(&mut self) -> &mut Option<usize>;
}

impl Timed for Thread {
    fn slot(&mut self) -> &mut Option<usize> {
        &mut self.timer_slot
    }
}

/// The earliest deadline first.
#[derive(Debug)]
pub(crate) struct TimerHeap<T> {
    heap: KVec<(i64, Key<T>)>,
    /// How many may have a deadline.
    room: usize,
}

impl<T: Timed> TimerHeap<T> {
    /// No deadlines.
    pub(crate) const fn new() -> Self {
        Self {
            heap: KVec::new(),
            room: 0,
        }
    }

    /// Makes room for one more deadline.
    ///
    /// # Errors
    /// [`NoMemory`], with nothing changed.
    pub(crate) fn add(&mut self, budget: &mut Budget) -> Result<(), NoMemory> {
        let wanted = self.room.wrapping_add(1);
        self.heap
            .reserve(wanted.saturating_sub(self.heap.len()), budget)?;
        self.room = wanted;
        Ok(())
    }

    /// Gives the room of one deadline back.
    pub(crate) const fn give_back(&mut self) {
        self.room = self.room.saturating_sub(1);
    }

    /// How many have a deadline.
    pub(crate) fn len(&self) -> usize {
        self.heap.len()
    }

    /// The earliest deadline in ns; `i64::MAX` when there is none.
    pub(crate) fn first_deadline(&self) -> i64 {
        self.heap
            .first()
            .map_or(i64::MAX, |(deadline, _)| *deadline)
    }

    /// Sets the deadline of what has none.
    pub(crate) fn insert(&mut self, pool: &mut Pool<T>, deadline: i64, key: Key<T>) {
        if deadline == i64::MAX {
            return;
        }
        let slot = self.heap.len();
        self.heap.push_reserved((deadline, key));
        self.place(pool, slot);
        self.rise(pool, slot);
    }

    /// Takes one whose deadline is not behind `now`.
    pub(crate) fn pop_due(&mut self, pool: &mut Pool<T>, now: i64) -> Option<Key<T>> {
        let (deadline, key) = *self.heap.first()?;
        if deadline > now {
            return None;
        }
        self.remove(pool, key);
        Some(key)
    }

    /// Forgets the deadline of what may have one.
    pub(crate) fn remove(&mut self, pool: &mut Pool<T>, key: Key<T>) {
        let Some(slot) = pool.get_mut(key).and_then(|entry| entry.slot().take()) else {
            return;
        };
        let Some(last) = self.heap.len().checked_sub(1) else {
            return;
        };
        self.heap.swap(slot, last);
        self.heap.pop();
        if slot < last {
            self.place(pool, slot);
            self.rise(pool, slot);
            self.sink(pool, slot);
        }
    }

    fn deadline(&self, slot: usize) -> i64 {
        self.heap
            .get(slot)
            .map_or(i64::MAX, |(deadline, _)| *deadline)
    }

    fn place(&self, pool: &mut Pool<T>, slot: usize) {
        if let Some(entry) = self.heap.get(slot).and_then(|(_, key)| pool.get_mut(*key)) {
            *entry.slot() = Some(slot);
        }
    }

    fn swap(&mut self, pool: &mut Pool<T>, a: usize, b: usize) {
        self.heap.swap(a, b);
        self.place(pool, a);
        self.place(pool, b);
    }

    fn rise(&mut self, pool: &mut Pool<T>, mut slot: usize) {
        while let Some(parent) = slot.checked_sub(1).map(|below| below / 2) {
            if self.deadline(parent) <= self.deadline(slot) {
                return;
            }
            self.swap(pool, parent, slot);
            slot = parent;
        }
    }

    fn sink(&mut self, pool: &mut Pool<T>, mut slot: usize) {
        loop {
            let left = slot.saturating_mul(2).saturating_add(1);
            let right = left.saturating_add(1);
            let child = if self.deadline(right) < self.deadline(left) {
                right
            } else {
                left
            };
            if self.deadline(child) >= self.deadline(slot) || child >= self.heap.len() {
                return;
            }
            self.swap(pool, child, slot);
            slot = child;
        }
    }
}
