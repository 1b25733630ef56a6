//! What the ticket lock is made of on a processor.

use core::cell::UnsafeCell;

pub(crate) use core::sync::atomic::{AtomicU64, Ordering};

/// A function that can make a static: it can here, and cannot with loom's atomics.
macro_rules! possibly_const {
    ($(#[$about:meta])* pub fn $($function:tt)*) => {
        $(#[$about])* pub const fn $($function)*
    };
}
pub(crate) use possibly_const;

/// Where the value is.
pub(crate) struct ValueCell<T>(UnsafeCell<T>);

impl<T> ValueCell<T> {
    pub(crate) const fn new(value: T) -> Self {
        Self(UnsafeCell::new(value))
    }

    /// How the holder of the lock reaches the value.
    #[inline]
    pub(crate) const fn pointer(&self) -> Pointer<T> {
        Pointer(self.0.get())
    }
}

/// The way to the value.
pub(crate) struct Pointer<T>(*mut T);

impl<T> Pointer<T> {
    /// # Safety
    /// Nobody changes the value while the reference lives.
    #[inline]
    pub(crate) unsafe fn deref<'a>(&self) -> &'a T {
        // SAFETY: it points into a living cell, and the rest is the caller's promise.
        unsafe { &*self.0 }
    }

    /// # Safety
    /// Nobody else reaches the value while the reference lives.
    #[inline]
    pub(crate) unsafe fn deref_mut<'a>(&mut self) -> &'a mut T {
        // SAFETY: as above.
        unsafe { &mut *self.0 }
    }
}
