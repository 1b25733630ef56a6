//! The threads that wait for one CPU: a list for each priority, and a word that says which of the
//! lists hold something, so that the most urgent thread is found without a search.

use super::Thread;
use crate::mem::{Key, List, Pool};

/// How urgent a thread is: Zircon's 32 levels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Priority(u8);

impl Priority {
    /// How many there are.
    pub(crate) const COUNT: usize = 32;
    /// What a new thread has (`ZX_PRIORITY_DEFAULT`).
    pub(crate) const DEFAULT: Self = Self(16);

    /// The priority with a number, 0 (lowest) to 31.
    pub(crate) fn new(number: i32) -> Option<Self> {
        let number = u8::try_from(number).ok()?;
        (usize::from(number) < Self::COUNT).then_some(Self(number))
    }

    /// Its number.
    pub(crate) fn index(self) -> usize {
        usize::from(self.0)
    }
}

/// Some priorities, in one word.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Levels(u32);

impl Levels {
    /// Adds a priority, or takes it out.
    pub(crate) fn set(&mut self, level: Priority, is_in: bool) {
        let bit = 1u32.wrapping_shl(u32::from(level.0));
        if is_in {
            self.0 |= bit;
        } else {
            self.0 &= !bit;
        }
    }

    /// The most urgent one.
    pub(crate) fn highest(self) -> Option<Priority> {
        let number = self.0.checked_ilog2()?;
        u8::try_from(number).ok().map(Priority)
    }

    /// The least urgent one.
    pub(crate) fn lowest(self) -> Option<Priority> {
        let number = u8::try_from(self.0.trailing_zeros()).ok()?;
        (self.0 != 0).then_some(Priority(number))
    }
}

/// Where a thread goes among those that are as urgent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// It is next: it lent its CPU, or had to leave it before its slice was over.
    Front,
    /// It is last.
    Back,
}

/// Threads that wait, the most urgent first, and among equals in their order.
#[derive(Debug, Default)]
pub(crate) struct ReadyQueue {
    lists: [List<Thread>; Priority::COUNT],
    filled: Levels,
    len: u32,
}

impl ReadyQueue {
    /// How many wait.
    pub(crate) const fn len(&self) -> u32 {
        self.len
    }

    /// The priority of the first.
    pub(crate) fn top(&self) -> Option<Priority> {
        self.filled.highest()
    }

    /// Whether any thread of this priority waits.
    pub(crate) fn has(&self, level: Priority) -> bool {
        let list = self.lists.get(level.index());
        list.is_some_and(|list| !list.is_empty())
    }

    /// The first.
    pub(crate) fn first(&self) -> Option<Key<Thread>> {
        self.lists.get(self.top()?.index())?.first()
    }

    /// Puts a thread in that is in no queue.
    #[inline(always)]
    pub(crate) fn push(
        &mut self,
        threads: &mut Pool<Thread>,
        key: Key<Thread>,
        level: Priority,
        end: End,
    ) {
        if let Some(list) = self.lists.get_mut(level.index()) {
            let is_new = match end {
                End::Front => list.push_front(threads, key),
                End::Back => list.push_back(threads, key),
            };
            self.filled.set(level, true);
            self.len = self.len.wrapping_add(u32::from(is_new));
        }
    }

    /// Takes the first of a priority out; whether others wait that have it, too.
    pub(crate) fn pop(
        &mut self,
        threads: &mut Pool<Thread>,
        level: Priority,
    ) -> Option<(Key<Thread>, bool)> {
        let list = self.lists.get_mut(level.index())?;
        let key = list.pop_front(threads)?;
        let has_more = !list.is_empty();
        self.filled.set(level, has_more);
        self.len = self.len.wrapping_sub(1);
        Some((key, has_more))
    }

    /// Takes a thread out that is in this queue.
    pub(crate) fn remove(&mut self, threads: &mut Pool<Thread>, key: Key<Thread>, level: Priority) {
        if let Some(list) = self.lists.get_mut(level.index()) {
            let was_in = list.remove(threads, key);
            self.filled.set(level, !list.is_empty());
            self.len = self.len.wrapping_sub(u32::from(was_in));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Levels, Priority};

    fn level(number: i32) -> Priority {
        Priority::new(number).expect("there are 32")
    }

    #[test]
    fn priorities_are_thirty_two() {
        assert!(Priority::new(-1).is_none() && Priority::new(32).is_none());
        assert_eq!(Priority::new(16), Some(Priority::DEFAULT));
        assert!(level(0) < level(31));
    }

    #[test]
    fn the_most_and_the_least_urgent_are_found() {
        let mut levels = Levels::default();
        assert_eq!((levels.highest(), levels.lowest()), (None, None));
        for number in [0, 16, 31] {
            levels.set(level(number), true);
        }
        assert_eq!(levels.highest(), Some(level(31)));
        assert_eq!(levels.lowest(), Some(level(0)));
        levels.set(level(31), false);
        levels.set(level(0), false);
        assert_eq!(levels.highest(), levels.lowest());
        assert_eq!(levels.lowest(), Some(Priority::DEFAULT));
    }
}
