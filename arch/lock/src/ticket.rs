//! The ticket lock itself, over whatever atomics and cells `super::sync` offers: the processor's in the
//! kernel, loom's in the test that tries every order of events.
//!
//! Why it is sound: tickets are handed out by one counter, each once; the holder alone has the ticket
//! that is being served, so there is one guard at a time. Whoever gives the lock back stores the next
//! number with Release, and whoever finds its own number there has loaded it with Acquire, so it sees all
//! that was done under the lock before. The counters have 64 bits and do not come round.

use core::marker::PhantomData;

use super::Relax;
use super::sync::{AtomicU64, Ordering, Pointer, ValueCell};

/// A lock that serves its waiters in the order in which they came.
pub struct BigLock<T, R = super::Pause> {
    /// The ticket that the next one who comes is given.
    next: AtomicU64,
    /// The ticket that is being served.
    serving: AtomicU64,
    value: ValueCell<T>,
    relax: PhantomData<fn() -> R>,
}

// SAFETY: only the holder reaches the value, one CPU at a time; so the value changes hands, which `Send`
// allows, and is never shared.
unsafe impl<T: Send, R> Sync for BigLock<T, R> {}

impl<T, R: Relax> BigLock<T, R> {
    super::sync::possibly_const! {
        /// Makes an open lock around `value`.
        #[must_use]
        pub fn new(value: T) -> Self {
            Self {
                next: AtomicU64::new(0),
                serving: AtomicU64::new(0),
                value: ValueCell::new(value),
                relax: PhantomData,
            }
        }
    }

    /// Waits for all who came before, calling the hook meanwhile, and takes the lock.
    ///
    /// Interrupts are off on this CPU and stay so until the guard is dropped. A CPU that holds the
    /// lock and asks again waits for ever.
    #[inline]
    pub fn lock(&self) -> Guard<'_, T, R> {
        let ticket = self.next.fetch_add(1, Ordering::Relaxed);
        if self.serving.load(Ordering::Acquire) != ticket {
            self.wait_for(ticket);
        }
        self.guard()
    }

    /// Waits until a ticket is served. Apart, so that who need not wait saves no registers for it.
    #[cold]
    #[inline(never)]
    fn wait_for(&self, ticket: u64) {
        while self.serving.load(Ordering::Acquire) != ticket {
            R::relax();
        }
    }

    /// Takes the lock if nobody holds it or waits for it.
    #[inline]
    pub fn try_lock(&self) -> Option<Guard<'_, T, R>> {
        let ticket = self.serving.load(Ordering::Acquire);
        let after = ticket.wrapping_add(1);
        self.next
            .compare_exchange(ticket, after, Ordering::Relaxed, Ordering::Relaxed)
            .ok()
            .map(|_| self.guard())
    }

    /// The guard of whoever has the ticket that is being served.
    #[inline]
    fn guard(&self) -> Guard<'_, T, R> {
        Guard {
            value: self.value.pointer(),
            _turn: Turn(&self.serving),
            relax: PhantomData,
        }
    }
}

/// The right to what a [`BigLock`] holds; dropping it serves the next in the queue.
#[must_use = "the lock is given back when the guard is dropped"]
pub struct Guard<'a, T, R = super::Pause> {
    // Dropped before the turn is passed on: fields are, in their order.
    value: Pointer<T>,
    _turn: Turn<'a>,
    relax: PhantomData<fn() -> R>,
}

impl<T, R> core::ops::Deref for Guard<'_, T, R> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        // SAFETY: this guard's holder alone reaches the value, and the reference lives no longer.
        unsafe { self.value.deref() }
    }
}

impl<T, R> core::ops::DerefMut for Guard<'_, T, R> {
    #[inline]
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: as above; the guard is borrowed for as long.
        unsafe { self.value.deref_mut() }
    }
}

/// The place of whoever is served.
struct Turn<'a>(&'a AtomicU64);

impl Drop for Turn<'_> {
    #[inline]
    fn drop(&mut self) {
        // Nobody else writes it meanwhile: it is the holder's own ticket.
        let ticket = self.0.load(Ordering::Relaxed);
        self.0.store(ticket.wrapping_add(1), Ordering::Release);
    }
}
