//! Typed slabs: objects that are named by generational keys.

mod bare;

pub(super) use bare::BareKey;

use super::{Budget, KVec, NoMemory};
use alloc::boxed::Box;
use core::cmp::Ordering;
use core::fmt;
use core::marker::PhantomData;

/// Slots per chunk. A pool grows by whole chunks and never moves what it holds.
const CHUNK: usize = 64;
const CHUNK_SHIFT: u32 = CHUNK.trailing_zeros();
const CHUNK_U32: u32 = 1 << CHUNK_SHIFT;
const NONE: u32 = u32::MAX;

/// Names a value in a [`Pool`]; stale once the value is gone.
pub struct Key<T> {
    index: u32,
    generation: u32,
    of: PhantomData<fn() -> T>,
}

impl<T> Key<T> {
    /// The slot, for tables beside the pool and for audits.
    #[must_use]
    pub const fn index(self) -> u32 {
        self.index
    }

    /// Slot and generation, for tables of plain numbers.
    #[must_use]
    pub const fn raw(self) -> (u32, u32) {
        (self.index, self.generation)
    }

    /// The key again from [`Key::raw`].
    #[must_use]
    pub const fn from_raw(raw: (u32, u32)) -> Self {
        Self {
            index: raw.0,
            generation: raw.1,
            of: PhantomData,
        }
    }
}

impl<T> Clone for Key<T> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<T> Copy for Key<T> {}
impl<T> PartialEq for Key<T> {
    fn eq(&self, other: &Self) -> bool {
        self.raw() == other.raw()
    }
}
impl<T> Eq for Key<T> {}
impl<T> PartialOrd for Key<T> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}
impl<T> Ord for Key<T> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.raw().cmp(&other.raw())
    }
}
impl<T> core::hash::Hash for Key<T> {
    fn hash<H: core::hash::Hasher>(&self, state: &mut H) {
        self.raw().hash(state);
    }
}
impl<T> fmt::Debug for Key<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#{}.{}", self.index, self.generation)
    }
}

#[derive(Debug)]
struct Slot<T> {
    generation: u32,
    next_free: u32,
    value: Option<T>,
}

/// A typed slab: constant-time insert, lookup and removal; grows by chunks, never moves values.
#[derive(Debug)]
pub struct Pool<T> {
    chunks: KVec<Box<[Slot<T>; CHUNK]>>,
    first_free: u32,
    live: u32,
}

impl<T> Default for Pool<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T> Pool<T> {
    /// An empty pool; allocates nothing.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            chunks: KVec::new(),
            first_free: NONE,
            live: 0,
        }
    }

    /// How many values are in it.
    #[must_use]
    pub const fn len(&self) -> u32 {
        self.live
    }

    /// Whether nothing is in it.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.live == 0
    }

    /// Makes sure that the next [`Pool::insert_reserved`] finds a slot.
    ///
    /// # Errors
    /// [`NoMemory`], with nothing changed.
    pub fn reserve(&mut self, budget: &mut Budget) -> Result<(), NoMemory> {
        if self.first_free != NONE {
            return budget.ask_spare();
        }
        self.grow(budget)
    }

    /// Makes sure that the next `count` calls of [`Pool::insert_reserved`] find slots.
    ///
    /// # Errors
    /// [`NoMemory`]; room made before that stays for later.
    #[inline]
    pub fn reserve_many(&mut self, count: u32, budget: &mut Budget) -> Result<(), NoMemory> {
        budget.ask_spare()?;
        while self.room() < count {
            self.grow(budget)?;
        }
        Ok(())
    }

    /// How many slots are free.
    fn room(&self) -> u32 {
        let slots = u32::try_from(self.chunks.len() << CHUNK_SHIFT).unwrap_or(u32::MAX);
        slots.wrapping_sub(self.live)
    }

    /// Puts a value into a slot that was reserved.
    ///
    /// # Panics
    /// When nothing was reserved: a mistake of the core, never of a user.
    pub fn insert_reserved(&mut self, value: T) -> Key<T> {
        let index = self.first_free;
        let slot = self
            .slot_mut(index)
            .expect("a slot was reserved before the commit");
        slot.value = Some(value);
        let generation = slot.generation;
        let next = slot.next_free;
        self.first_free = next;
        self.live = self.live.wrapping_add(1);
        Key {
            index,
            generation,
            of: PhantomData,
        }
    }

    /// Puts a value in.
    ///
    /// # Errors
    /// [`NoMemory`]; the value is dropped.
    pub fn insert(&mut self, value: T, budget: &mut Budget) -> Result<Key<T>, NoMemory> {
        self.reserve(budget)?;
        Ok(self.insert_reserved(value))
    }

    /// The value, unless the key is stale.
    #[must_use]
    pub fn get(&self, key: Key<T>) -> Option<&T> {
        let slot = self.slot(key.index)?;
        if slot.generation == key.generation {
            slot.value.as_ref()
        } else {
            None
        }
    }

    /// The value, unless the key is stale.
    #[must_use]
    pub fn get_mut(&mut self, key: Key<T>) -> Option<&mut T> {
        let slot = self.slot_mut(key.index)?;
        if slot.generation == key.generation {
            slot.value.as_mut()
        } else {
            None
        }
    }

    /// Drops the value, without moving it; its key and all copies are stale from now on. False when
    /// the key was.
    pub fn free(&mut self, key: Key<T>) -> bool {
        self.free_if(key, |_| true)
    }

    /// As [`Pool::free`], if the value is there and `may_go`.
    pub fn free_if(&mut self, key: Key<T>, may_go: impl FnOnce(&mut T) -> bool) -> bool {
        let first_free = self.first_free;
        let Some(slot) = self.slot_mut(key.index) else {
            return false;
        };
        if slot.generation != key.generation || !slot.value.as_mut().is_some_and(may_go) {
            return false;
        }
        slot.value = None;
        slot.generation = slot.generation.wrapping_add(1);
        slot.next_free = first_free;
        self.first_free = key.index;
        self.live = self.live.wrapping_sub(1);
        true
    }

    /// Takes the value out; its key and all copies are stale from now on.
    pub fn remove(&mut self, key: Key<T>) -> Option<T> {
        let first_free = self.first_free;
        let slot = self.slot_mut(key.index)?;
        if slot.generation != key.generation {
            return None;
        }
        let value = slot.value.take()?;
        slot.generation = slot.generation.wrapping_add(1);
        slot.next_free = first_free;
        self.first_free = key.index;
        self.live = self.live.wrapping_sub(1);
        Some(value)
    }

    /// All values with their keys, in slot order. For audits and lists, not for hot paths.
    pub fn iter(&self) -> impl Iterator<Item = (Key<T>, &T)> {
        self.chunks
            .iter()
            .flat_map(|chunk| chunk.iter())
            .zip(0u32..)
            .filter_map(|(slot, index)| {
                let key = Key {
                    index,
                    generation: slot.generation,
                    of: PhantomData,
                };
                slot.value.as_ref().map(|value| (key, value))
            })
    }

    /// The value in a slot, for lists that are made bit by bit: `None` behind the last slot,
    /// `Some(None)` for one that is empty.
    #[must_use]
    pub fn at(&self, index: u32) -> Option<Option<(Key<T>, &T)>> {
        let slot = self.slot(index)?;
        let key = Key {
            index,
            generation: slot.generation,
            of: PhantomData,
        };
        Some(slot.value.as_ref().map(|value| (key, value)))
    }

    fn slot(&self, index: u32) -> Option<&Slot<T>> {
        let index = usize::try_from(index).ok()?;
        self.chunks
            .get(index >> CHUNK_SHIFT)?
            .get(index & (CHUNK - 1))
    }

    fn slot_mut(&mut self, index: u32) -> Option<&mut Slot<T>> {
        let index = usize::try_from(index).ok()?;
        self.chunks
            .get_mut(index >> CHUNK_SHIFT)?
            .get_mut(index & (CHUNK - 1))
    }

    #[cold]
    #[inline(never)]
    fn grow(&mut self, budget: &mut Budget) -> Result<(), NoMemory> {
        let base = self
            .chunks
            .len()
            .checked_mul(CHUNK)
            .and_then(|base| u32::try_from(base).ok())
            .ok_or(NoMemory)?;
        let last = base
            .checked_add(CHUNK_U32)
            .filter(|end| *end != NONE)
            .ok_or(NoMemory)?;
        self.chunks.reserve(1, budget)?;
        let first_free = self.first_free;
        let mut next = base;
        let chunk = KVec::array(
            |_| {
                next = next.wrapping_add(1);
                Slot {
                    generation: 0,
                    next_free: if next == last { first_free } else { next },
                    value: None,
                }
            },
            budget,
        )?;
        self.chunks.push_reserved(chunk);
        self.first_free = base;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_go_stale_and_slots_are_reused() {
        let mut budget = Budget::new();
        let mut pool = Pool::new();
        let a = pool.insert(1u32, &mut budget).unwrap();
        assert_eq!(pool.remove(a), Some(1));
        assert_eq!(pool.get(a), None);
        let b = pool.insert(2, &mut budget).unwrap();
        assert_eq!(a.index(), b.index());
        assert_ne!(a, b);
        assert_eq!(pool.remove(a), None);
        assert_eq!(pool.len(), 1);
    }

    #[test]
    fn reserved_slots_need_no_memory() {
        let mut budget = Budget::new();
        let mut pool = Pool::new();
        pool.insert(0u32, &mut budget).unwrap();
        pool.reserve_many(200, &mut budget).unwrap();
        budget.fail_after(Some(0));
        assert!(pool.reserve_many(200, &mut budget).is_ok());
        for n in 1..=200 {
            pool.insert_reserved(n);
        }
        let mut all: std::vec::Vec<_> = pool.iter().map(|(_, value)| *value).collect();
        all.sort_unstable();
        assert!(all.into_iter().eq(0..=200));
    }

    #[test]
    fn growth_that_fails_changes_nothing() {
        let mut budget = Budget::new();
        let mut pool = Pool::new();
        for n in 0..200u32 {
            budget.fail_after(Some(0));
            if pool.insert(n, &mut budget).is_err() {
                budget.fail_after(None);
                pool.insert(n, &mut budget).unwrap();
            }
        }
        assert_eq!(pool.len(), 200);
        assert!(pool.iter().map(|(_, value)| *value).eq(0..200));
    }
}
