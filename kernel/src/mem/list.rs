//! Lists of pool values that need no memory: the links are in the values.
//!
//! A marker type names which of a value's links a list uses, so that one value can be in several
//! lists at once, each at most once. Where a value has one link only, the marker is left out.

use super::{Key, Pool};
use core::marker::PhantomData;

/// A value's place in one list.
#[derive(Debug)]
pub struct Link<T> {
    prev: Option<Key<T>>,
    next: Option<Key<T>>,
    is_linked: bool,
}

impl<T> Link<T> {
    /// The link of a value that is in no list.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            prev: None,
            next: None,
            is_linked: false,
        }
    }

    /// The value behind it in its list.
    #[must_use]
    pub const fn next(&self) -> Option<Key<T>> {
        self.next
    }

    /// Whether the value is in a list.
    #[must_use]
    pub const fn is_linked(&self) -> bool {
        self.is_linked
    }
}

impl<T> Default for Link<T> {
    fn default() -> Self {
        Self::new()
    }
}

/// A value that can be in a list of kind `L`.
pub trait Linked<L = ()>: Sized {
    /// Its link for lists of kind `L`.
    fn link(&mut self) -> &mut Link<Self>;
}

/// A doubly linked list of values in a pool. A value leaves its list before it leaves the pool.
#[derive(Debug)]
pub struct List<T, L = ()> {
    first: Option<Key<T>>,
    last: Option<Key<T>>,
    len: u32,
    kind: PhantomData<fn() -> L>,
}

impl<T, L> Default for List<T, L> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T, L> List<T, L> {
    /// An empty list.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            first: None,
            last: None,
            len: 0,
            kind: PhantomData,
        }
    }

    /// How many values are in it.
    #[must_use]
    pub const fn len(&self) -> u32 {
        self.len
    }

    /// Whether nothing is in it.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The first value.
    #[must_use]
    pub const fn first(&self) -> Option<Key<T>> {
        self.first
    }

    /// The last value.
    #[must_use]
    pub const fn last(&self) -> Option<Key<T>> {
        self.last
    }
}

impl<T: Linked<L>, L> List<T, L> {
    /// Puts a value at the end; false, with nothing changed, when it is in a list of this kind
    /// already, or gone.
    #[inline]
    pub fn push_back(&mut self, pool: &mut Pool<T>, key: Key<T>) -> bool {
        let last = self.last;
        if !self.claim(pool, key, last, None) {
            return false;
        }
        match last.and_then(|last| pool.get_mut(last)) {
            Some(last) => last.link().next = Some(key),
            None => self.first = Some(key),
        }
        self.last = Some(key);
        true
    }

    /// Puts a value at the front; false, with nothing changed, when it is in a list of this kind
    /// already, or gone.
    #[inline]
    pub fn push_front(&mut self, pool: &mut Pool<T>, key: Key<T>) -> bool {
        let first = self.first;
        if !self.claim(pool, key, None, first) {
            return false;
        }
        match first.and_then(|first| pool.get_mut(first)) {
            Some(first) => first.link().prev = Some(key),
            None => self.last = Some(key),
        }
        self.first = Some(key);
        true
    }

    /// Takes a value out; false when it is in no list of this kind. If it is in one, it is this.
    pub fn remove(&mut self, pool: &mut Pool<T>, key: Key<T>) -> bool {
        let Some(link) = pool
            .get_mut(key)
            .map(Linked::link)
            .filter(|link| link.is_linked)
        else {
            return false;
        };
        let (prev, next) = (link.prev, link.next);
        *link = Link::new();
        match prev.and_then(|prev| pool.get_mut(prev)) {
            Some(prev) => prev.link().next = next,
            None => self.first = next,
        }
        match next.and_then(|next| pool.get_mut(next)) {
            Some(next) => next.link().prev = prev,
            None => self.last = prev,
        }
        self.len = self.len.wrapping_sub(1);
        true
    }

    /// Takes the first value out.
    #[inline]
    pub fn pop_front(&mut self, pool: &mut Pool<T>) -> Option<Key<T>> {
        let first = self.first?;
        let link = pool.get_mut(first)?.link();
        let next = link.next;
        *link = Link::new();
        match next.and_then(|next| pool.get_mut(next)) {
            Some(next) => next.link().prev = None,
            None => self.last = None,
        }
        self.first = next;
        self.len = self.len.wrapping_sub(1);
        Some(first)
    }

    /// The value behind one that is in this list. Needs the pool mutably only to reach the link.
    pub fn next(&self, pool: &mut Pool<T>, key: Key<T>) -> Option<Key<T>> {
        pool.get_mut(key)?.link().next
    }

    /// Whether the links lead from end to end in both directions. Walks everything: for audits.
    pub fn audit(&self, pool: &mut Pool<T>) -> bool {
        let (mut at, mut before, mut count) = (self.first, None, 0u32);
        while let Some(key) = at {
            let Some(link) = pool.get_mut(key).map(Linked::link) else {
                return false;
            };
            if !link.is_linked || link.prev != before || count == self.len {
                return false;
            }
            (at, before, count) = (link.next, Some(key), count.wrapping_add(1));
        }
        before == self.last && count == self.len
    }

    /// Links a value to its neighbours-to-be, and counts it.
    fn claim(
        &mut self,
        pool: &mut Pool<T>,
        key: Key<T>,
        prev: Option<Key<T>>,
        next: Option<Key<T>>,
    ) -> bool {
        let Some(link) = pool
            .get_mut(key)
            .map(Linked::link)
            .filter(|link| !link.is_linked)
        else {
            return false;
        };
        *link = Link {
            prev,
            next,
            is_linked: true,
        };
        self.len = self.len.wrapping_add(1);
        true
    }
}

#[cfg(test)]
#[path = "list_tests.rs"]
mod tests;
