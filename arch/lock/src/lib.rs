//! The big lock: fair, spinning, and awake while it waits.
//!
//! [`BigLock`] is spin's ticket lock with two rules written down. It is taken with interrupts off
//! and in no handler that could interrupt its holder: the kernel runs with interrupts off, so that
//! is so by construction, and nothing is saved or restored here. And who waits for it calls a
//! [`Relax`] hook, because a CPU in the queue must still answer what the holder may wait for (a
//! TLB shootdown). Panics take no lock.

#![no_std]
#![forbid(unsafe_code)]

#[cfg(test)]
extern crate std;

use core::ops::{Deref, DerefMut};

use spin::RelaxStrategy;
use spin::mutex::{TicketMutex, TicketMutexGuard};

/// What a CPU does while it waits for a lock, over and over.
///
/// It must not take the lock it waits for, and must not wait for its holder.
pub trait Relax {
    /// Does it once.
    fn relax();
}

/// Waits by telling the processor that this is a spin loop.
#[derive(Clone, Copy, Debug)]
pub struct Pause;

impl Relax for Pause {
    #[inline]
    fn relax() {
        core::hint::spin_loop();
    }
}

/// Makes a [`Relax`] the strategy that spin asks for.
struct Strategy<R>(core::marker::PhantomData<R>);

impl<R: Relax> RelaxStrategy for Strategy<R> {
    #[inline]
    fn relax() {
        R::relax();
    }
}

/// A lock that serves its waiters in the order in which they came.
pub struct BigLock<T, R = Pause> {
    inner: TicketMutex<T, Strategy<R>>,
}

impl<T, R: Relax> BigLock<T, R> {
    /// Makes an open lock around `value`.
    #[must_use]
    pub const fn new(value: T) -> Self {
        Self {
            inner: TicketMutex::new(value),
        }
    }

    /// Waits for all who came before, calling the hook meanwhile, and takes the lock.
    ///
    /// Interrupts are off on this CPU and stay so until the guard is dropped. A CPU that holds the
    /// lock and asks again waits for ever.
    #[inline]
    pub fn lock(&self) -> Guard<'_, T, R> {
        Guard {
            inner: self.inner.lock(),
        }
    }

    /// Takes the lock if nobody holds it or waits for it.
    #[inline]
    pub fn try_lock(&self) -> Option<Guard<'_, T, R>> {
        self.inner.try_lock().map(|inner| Guard { inner })
    }
}

/// The right to what a [`BigLock`] holds; dropping it serves the next in the queue.
#[must_use = "the lock is given back when the guard is dropped"]
pub struct Guard<'a, T, R = Pause> {
    inner: TicketMutexGuard<'a, T, Strategy<R>>,
}

impl<T, R> Deref for Guard<'_, T, R> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        &self.inner
    }
}

impl<T, R> DerefMut for Guard<'_, T, R> {
    #[inline]
    fn deref_mut(&mut self) -> &mut T {
        &mut self.inner
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::thread;
    use std::vec::Vec;

    use super::{BigLock, Relax};

    /// Gives the processor to the thread that is waited for: tests have fewer CPUs than threads.
    struct Yield;

    impl Relax for Yield {
        fn relax() {
            thread::yield_now();
        }
    }

    #[test]
    fn no_update_is_lost() {
        static COUNTER: BigLock<(u64, u64), Yield> = BigLock::new((0, 0));
        thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..500 {
                        let mut counter = COUNTER.lock();
                        counter.0 += 1;
                        thread::yield_now();
                        counter.1 += 1;
                        assert_eq!(counter.0, counter.1);
                    }
                });
            }
        });
        assert_eq!(*COUNTER.lock(), (2000, 2000));
    }

    std::thread_local! {
        /// The number of a thread that waits.
        static NUMBER: Cell<usize> = const { Cell::new(0) };
    }
    /// Which threads relaxed: those have their place in the queue.
    static QUEUED: [AtomicBool; 4] = [const { AtomicBool::new(false) }; 4];

    struct Report;

    impl Relax for Report {
        fn relax() {
            QUEUED[NUMBER.get()].store(true, Ordering::Relaxed);
            thread::yield_now();
        }
    }

    #[test]
    fn who_waits_calls_its_hook_and_is_served_in_order() {
        let served: BigLock<Vec<usize>, Report> = BigLock::new(Vec::new());
        thread::scope(|scope| {
            let held = served.lock();
            for (number, queued) in QUEUED.iter().enumerate() {
                let served = &served;
                scope.spawn(move || {
                    NUMBER.set(number);
                    served.lock().push(number);
                });
                while !queued.load(Ordering::Relaxed) {
                    thread::yield_now();
                }
            }
            drop(held);
        });
        assert_eq!(*served.lock(), [0, 1, 2, 3]);
    }

    #[test]
    fn a_held_lock_is_not_given_twice() {
        let lock: BigLock<u8> = BigLock::new(7);
        let guard = lock.lock();
        assert!(lock.try_lock().is_none());
        drop(guard);
        assert_eq!(lock.try_lock().map(|guard| *guard), Some(7));
    }
}
