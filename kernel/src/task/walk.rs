//! Walks over the threads of a process, bit by bit: a program decides how many there are.

use super::{Process, Thread};
use crate::Kernel;
use crate::mem::{self, Key};

/// How far a walk got.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Walk {
    /// Nobody was met.
    #[default]
    Begins,
    /// This thread is next, unless it has ended: then all are met again.
    At(Key<Thread>),
}

impl Kernel {
    /// Does something to each thread of a process until `work` is gone; true when all were met.
    ///
    /// Threads that start meanwhile may be met or not. Whoever is met twice must not mind.
    pub(super) fn walk_threads(
        &mut self,
        process: Key<Process>,
        walk: &mut Walk,
        work: &mut mem::Work,
        mut act: impl FnMut(&mut Self, Key<Thread>),
    ) -> bool {
        let mut next = match *walk {
            Walk::At(key) if self.objects.is_counted(key) => Some(key),
            _ => self.objects.get(process).threads.first(),
        };
        while let Some(thread) = next {
            if !work.spend() {
                *walk = Walk::At(thread);
                return false;
            }
            next = self.with_threads_of(process, |live, pool| live.next(pool, thread));
            act(self, thread);
        }
        true
    }

    /// Ends the threads of processes that were killed, the process that was killed last first; false
    /// when `work` ran out before.
    pub(crate) fn end_threads(&mut self, work: &mut mem::Work) -> bool {
        while let Some(process) = self.ending {
            let mut walk = self.objects.get(process).walk;
            if !self.walk_threads(process, &mut walk, work, Self::end_thread) {
                self.objects.get_mut(process).walk = walk;
                return false;
            }
            self.ending = self.objects.get_mut(process).next_ending.take();
        }
        true
    }
}
