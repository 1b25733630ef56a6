//! A growable array that asks before it grows.

use super::{Budget, NoMemory};
use alloc::boxed::Box;
use alloc::vec::Vec;

/// A growable array whose growth can be refused.
#[derive(Debug)]
pub struct KVec<T>(Vec<T>);

impl<T> Default for KVec<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T> KVec<T> {
    /// An empty array; allocates nothing.
    #[must_use]
    pub const fn new() -> Self {
        Self(Vec::new())
    }

    /// Makes room for `more` further elements.
    ///
    /// # Errors
    /// [`NoMemory`], with nothing changed.
    pub fn reserve(&mut self, more: usize, budget: &mut Budget) -> Result<(), NoMemory> {
        if self.0.capacity().wrapping_sub(self.0.len()) >= more {
            return Ok(());
        }
        budget.ask()?;
        self.0.try_reserve(more).map_err(|_| {
            budget.note_heap_failure();
            NoMemory
        })
    }

    /// Appends an element.
    ///
    /// # Errors
    /// [`NoMemory`], with nothing changed.
    pub fn push(&mut self, value: T, budget: &mut Budget) -> Result<(), NoMemory> {
        self.reserve(1, budget)?;
        self.push_reserved(value);
        Ok(())
    }

    /// Appends an element for which [`KVec::reserve`] made room.
    #[expect(
        clippy::disallowed_methods,
        reason = "room was reserved, so this cannot allocate"
    )]
    pub fn push_reserved(&mut self, value: T) {
        self.0.push(value);
    }

    /// Appends `count` copies of `value`.
    ///
    /// # Errors
    /// [`NoMemory`], with nothing changed.
    pub fn extend_with(
        &mut self,
        count: usize,
        value: T,
        budget: &mut Budget,
    ) -> Result<(), NoMemory>
    where
        T: Clone,
    {
        self.reserve(count, budget)?;
        let length = self.0.len().saturating_add(count);
        self.0.resize(length, value);
        Ok(())
    }

    /// Appends copies of all elements of a slice.
    ///
    /// # Errors
    /// [`NoMemory`], with nothing changed.
    pub fn extend_from_slice(&mut self, values: &[T], budget: &mut Budget) -> Result<(), NoMemory>
    where
        T: Clone,
    {
        self.reserve(values.len(), budget)?;
        self.0.extend_from_slice(values);
        Ok(())
    }

    /// An array of `N` elements that `make` makes of their numbers: whoever indexes it with a number
    /// that is known to be small enough pays for no check.
    ///
    /// # Errors
    /// [`NoMemory`].
    pub(crate) fn array<const N: usize>(
        mut make: impl FnMut(usize) -> T,
        budget: &mut Budget,
    ) -> Result<Box<[T; N]>, NoMemory> {
        budget.ask()?;
        let mut elements = Vec::new();
        elements.try_reserve_exact(N).map_err(|_| {
            budget.note_heap_failure();
            NoMemory
        })?;
        elements.extend((0..N).map(&mut make));
        elements.into_boxed_slice().try_into().map_err(|_| NoMemory)
    }

    /// Takes the last element away.
    pub fn pop(&mut self) -> Option<T> {
        self.0.pop()
    }
}

impl<T> core::ops::Deref for KVec<T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        &self.0
    }
}

impl<T> core::ops::DerefMut for KVec<T> {
    fn deref_mut(&mut self) -> &mut [T] {
        &mut self.0
    }
}
