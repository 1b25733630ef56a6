//! The big lock under every order in which two or three CPUs can do what they do: loom tries them all,
//! and knows of each pair of accesses to the value whether one surely comes before the other.
//!
//! The source is the kernel's, over loom's atomics and cells.

use std::sync::Arc;

use loom::sync::atomic::{AtomicBool, Ordering};
use loom::thread;
use ticket::BigLock;

#[path = "../src/ticket.rs"]
#[expect(unreachable_pub, reason = "it is the source of a library")]
mod ticket;

/// What the lock is made of here.
mod sync {
    pub(crate) use loom::sync::atomic::{AtomicU64, Ordering};

    macro_rules! possibly_const {
        ($($function:tt)*) => { $($function)* };
    }
    pub(crate) use possibly_const;

    /// A cell that notices two who reach it at once.
    pub(crate) struct ValueCell<T>(loom::cell::UnsafeCell<T>);

    impl<T> ValueCell<T> {
        pub(crate) fn new(value: T) -> Self {
            Self(loom::cell::UnsafeCell::new(value))
        }

        /// As long as it lives, loom counts the value as being changed.
        pub(crate) fn pointer(&self) -> Pointer<T> {
            Pointer(self.0.get_mut())
        }
    }

    pub(crate) struct Pointer<T>(loom::cell::MutPtr<T>);

    impl<T> Pointer<T> {
        pub(crate) unsafe fn deref<'a>(&self) -> &'a T {
            // SAFETY: the caller's promise, which loom checks.
            let value = self.0.with(|value| value.cast_const());
            // SAFETY: as above.
            unsafe { &*value }
        }

        pub(crate) unsafe fn deref_mut<'a>(&mut self) -> &'a mut T {
            let value = self.0.with(|value| value);
            // SAFETY: as above.
            unsafe { &mut *value }
        }
    }
}

/// What a CPU does while it waits; the kernel's trait of this name.
pub(crate) trait Relax {
    /// Does it once.
    fn relax();
}

/// Lets others go on, without which loom would try to wait for ever.
#[derive(Debug)]
pub(crate) struct Pause;

impl Relax for Pause {
    fn relax() {
        thread::yield_now();
    }
}

#[test]
fn one_holds_it_at_a_time_and_sees_what_others_did() {
    loom::model(|| {
        let lock = Arc::new(BigLock::<(u32, u32)>::new((0, 0)));
        let threads: Vec<_> = (0..2)
            .map(|_| {
                let lock = lock.clone();
                thread::spawn(move || {
                    let mut value = lock.lock();
                    value.0 += 1;
                    assert_eq!(value.1 + 1, value.0);
                    value.1 += 1;
                })
            })
            .collect();
        for thread in threads {
            thread.join().expect("it did not panic");
        }
        assert_eq!(*lock.lock(), (2, 2));
    });
}

#[test]
fn who_tries_waits_for_nobody_and_never_gets_a_held_lock() {
    loom::model(|| {
        let lock = Arc::new(BigLock::<u32>::new(0));
        let other = lock.clone();
        let thread = thread::spawn(move || {
            *other.lock() += 1;
        });
        let got = lock.try_lock().map(|mut value| *value += 1);
        thread.join().expect("it did not panic");
        let wanted = if got.is_some() { 2 } else { 1 };
        assert_eq!(*lock.lock(), wanted);
    });
}

loom::lazy_static! {
    /// Whether the holder wants something of the other CPU.
    static ref REQUEST: AtomicBool = AtomicBool::new(false);
    /// Whether the holder is done.
    static ref DONE: AtomicBool = AtomicBool::new(false);
}

/// Answers the holder's request, as the kernel's `Serve` does.
#[derive(Debug)]
struct Serve;

impl Relax for Serve {
    fn relax() {
        if REQUEST.load(Ordering::Acquire) {
            REQUEST.store(false, Ordering::Release);
        }
        thread::yield_now();
    }
}

/// A shootdown: the holder waits for an answer that the other CPU gives wherever it is, in the queue
/// or before and after it, where an interrupt would make it answer.
#[test]
fn who_waits_answers_what_the_holder_waits_for() {
    loom::model(|| {
        let lock = Arc::new(BigLock::<u32, Serve>::new(0));
        let other = lock.clone();
        let thread = thread::spawn(move || {
            *other.lock() += 1;
            while !DONE.load(Ordering::Acquire) {
                Serve::relax();
            }
        });
        {
            let mut value = lock.lock();
            REQUEST.store(true, Ordering::Release);
            while REQUEST.load(Ordering::Acquire) {
                thread::yield_now();
            }
            *value += 1;
        }
        DONE.store(true, Ordering::Release);
        thread.join().expect("it did not panic");
        assert_eq!(*lock.lock(), 2);
    });
}
