//! Keys without generations, for links between values that come and go together with the links.

use super::{Key, Pool};
use core::fmt;
use core::marker::PhantomData;
use core::num::NonZeroU32;

/// Names a value in a [`Pool`] that is there: a third of the size of an `Option` of a [`Key`], and
/// followed sooner.
///
/// It does not go stale with the value. So only links hold it that are changed with what they lead
/// to, as those of a tree are: the worst that a mistake can lead to is another node.
pub(in crate::mem) struct BareKey<T> {
    /// One more than the slot.
    number: NonZeroU32,
    of: PhantomData<fn() -> T>,
}

impl<T> Clone for BareKey<T> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<T> Copy for BareKey<T> {}
impl<T> PartialEq for BareKey<T> {
    fn eq(&self, other: &Self) -> bool {
        self.number == other.number
    }
}
impl<T> Eq for BareKey<T> {}
impl<T> fmt::Debug for BareKey<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#{}", self.index())
    }
}

impl<T> BareKey<T> {
    const fn index(self) -> u32 {
        self.number.get().wrapping_sub(1)
    }
}

impl<T> Key<T> {
    /// The slot alone.
    pub(in crate::mem) const fn bare(self) -> BareKey<T> {
        BareKey {
            // No pool has a slot of the highest number.
            number: NonZeroU32::MIN.saturating_add(self.index),
            of: PhantomData,
        }
    }
}

impl<T> Pool<T> {
    /// The value in a slot.
    #[inline]
    pub(in crate::mem) fn get_bare(&self, key: BareKey<T>) -> Option<&T> {
        self.slot(key.index())?.value.as_ref()
    }

    /// The value in a slot.
    #[inline]
    pub(in crate::mem) fn get_bare_mut(&mut self, key: BareKey<T>) -> Option<&mut T> {
        self.slot_mut(key.index())?.value.as_mut()
    }

    /// The key of the value in a slot.
    pub(in crate::mem) fn key_of(&self, key: BareKey<T>) -> Option<Key<T>> {
        let slot = self.slot(key.index())?;
        slot.value.as_ref().map(|_| Key {
            index: key.index(),
            generation: slot.generation,
            of: PhantomData,
        })
    }
}
