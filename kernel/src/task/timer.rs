//! The deadlines of blocked threads: a binary heap with the earliest on top.
//!
//! A thread has at most one deadline, and room for it is reserved when the thread is made, so
//! that blocking never allocates. Each thread knows its slot, so that leaving early is O(log n).

use super::Thread;
use crate::mem::{Budget, KVec, Key, NoMemory, Pool};

/// The earliest deadline first.
#[derive(Debug, Default)]
pub(crate) struct TimerHeap {
    heap: KVec<(i64, Key<Thread>)>,
    /// Threads that may have a deadline.
    threads: usize,
}

impl TimerHeap {
    /// No deadlines.
    pub(crate) const fn new() -> Self {
        Self {
            heap: KVec::new(),
            threads: 0,
        }
    }

    /// Makes room for one more thread.
    ///
    /// # Errors
    /// [`NoMemory`], with nothing changed.
    pub(crate) fn add_thread(&mut self, budget: &mut Budget) -> Result<(), NoMemory> {
        let wanted = self.threads.wrapping_add(1);
        self.heap
            .reserve(wanted.saturating_sub(self.heap.len()), budget)?;
        self.threads = wanted;
        Ok(())
    }

    /// Gives the room of one thread back.
    pub(crate) const fn remove_thread(&mut self) {
        self.threads = self.threads.saturating_sub(1);
    }

    /// The earliest deadline in ns; `i64::MAX` when there is none.
    pub(crate) fn first_deadline(&self) -> i64 {
        self.heap
            .first()
            .map_or(i64::MAX, |(deadline, _)| *deadline)
    }

    /// Sets the deadline of a thread that has none.
    pub(crate) fn insert(
        &mut self,
        threads: &mut Pool<Thread>,
        deadline: i64,
        thread: Key<Thread>,
    ) {
        if deadline == i64::MAX {
            return;
        }
        let slot = self.heap.len();
        self.heap.push_reserved((deadline, thread));
        self.place(threads, slot);
        self.rise(threads, slot);
    }

    /// Takes the thread whose deadline is not behind `now`.
    pub(crate) fn pop_due(&mut self, threads: &mut Pool<Thread>, now: i64) -> Option<Key<Thread>> {
        let (deadline, thread) = *self.heap.first()?;
        if deadline > now {
            return None;
        }
        self.remove(threads, thread);
        Some(thread)
    }

    /// Forgets the deadline of a thread, if it has one.
    pub(crate) fn remove(&mut self, threads: &mut Pool<Thread>, thread: Key<Thread>) {
        let Some(slot) = threads
            .get_mut(thread)
            .and_then(|thread| thread.timer_slot.take())
        else {
            return;
        };
        let Some(last) = self.heap.len().checked_sub(1) else {
            return;
        };
        self.heap.swap(slot, last);
        self.heap.pop();
        if slot < last {
            self.place(threads, slot);
            self.rise(threads, slot);
            self.sink(threads, slot);
        }
    }

    fn deadline(&self, slot: usize) -> i64 {
        self.heap
            .get(slot)
            .map_or(i64::MAX, |(deadline, _)| *deadline)
    }

    fn place(&self, threads: &mut Pool<Thread>, slot: usize) {
        if let Some(thread) = self
            .heap
            .get(slot)
            .and_then(|(_, key)| threads.get_mut(*key))
        {
            thread.timer_slot = Some(slot);
        }
    }

    fn swap(&mut self, threads: &mut Pool<Thread>, a: usize, b: usize) {
        self.heap.swap(a, b);
        self.place(threads, a);
        self.place(threads, b);
    }

    fn rise(&mut self, threads: &mut Pool<Thread>, mut slot: usize) {
        while let Some(parent) = slot.checked_sub(1).map(|below| below / 2) {
            if self.deadline(parent) <= self.deadline(slot) {
                return;
            }
            self.swap(threads, parent, slot);
            slot = parent;
        }
    }

    fn sink(&mut self, threads: &mut Pool<Thread>, mut slot: usize) {
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
            self.swap(threads, child, slot);
            slot = child;
        }
    }
}
