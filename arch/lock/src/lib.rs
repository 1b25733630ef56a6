//! The big lock: fair, spinning, and awake while it waits.
//!
//! [`BigLock`] is a ticket lock with two rules written down. It is taken with interrupts off and in no
//! handler that could interrupt its holder: the kernel runs with interrupts off, so that is so by
//! construction, and nothing is saved or restored here. And who waits for it calls a [`Relax`] hook,
//! because a CPU in the queue must still answer what the holder may wait for (a TLB shootdown). Panics
//! take no lock.
//!
//! It is our own, thirty lines of it, so that loom can try every order of events in the very source that
//! the kernel is built of (`tests/loom.rs`).

#![no_std]

#[cfg(test)]
extern crate std;

mod sync;
mod ticket;

pub use ticket::{BigLock, Guard};

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
