//! Futexes: words of memory that threads of one process wait at (spec: ipc.md §5).
//!
//! The kernel knows of one while threads wait there, and has room for as many as there are threads:
//! so that to wait, to wake and to requeue needs no memory. Each process has its own in a tree by
//! address. Who owns one is written down and told; nobody runs sooner for it.

use super::{Process, Thread, ThreadState, Wait, Waiting};
use crate::mem::{Budget, Key, List, NoMemory, WordNode};
use crate::object::Objects;
use crate::{Kernel, VirtAddr};

/// What is known of an address that threads wait at.
#[derive(Debug, Default)]
pub(crate) struct Futex {
    /// Those who wait, the oldest first.
    waiters: List<Thread, Waiting>,
    /// The thread that they wait for, as far as anybody said.
    owner: Option<Key<Thread>>,
}

/// A wait at an address.
#[derive(Clone, Copy, Debug)]
pub(crate) struct FutexWait {
    pub(crate) at: VirtAddr,
}

impl FutexWait {
    /// The wait that a thread is in, if it is one at an address.
    const fn of(thread: &mut Thread) -> Option<&mut Self> {
        match &mut thread.wait {
            Some(Wait::Futex(wait)) => Some(wait),
            _ => None,
        }
    }
}

impl Objects {
    /// Makes sure that one more thread finds room for the address that it may wait at.
    ///
    /// # Errors
    /// [`NoMemory`].
    pub(super) fn reserve_futex(&mut self, budget: &mut Budget) -> Result<(), NoMemory> {
        let wanted = self.threads.len().saturating_add(1);
        let more = wanted.saturating_sub(self.futexes.len());
        self.futexes.reserve_many(more, budget)
    }

    fn futex(&self, process: Key<Process>, at: VirtAddr) -> Option<Key<WordNode<Futex>>> {
        self.get(process).futexes.find(&self.futexes, at.raw())
    }

    /// How many threads of a process wait at an address.
    pub(crate) fn futex_waiters(&self, process: Key<Process>, at: VirtAddr) -> u32 {
        let node = self
            .futex(process, at)
            .and_then(|key| self.futexes.get(key));
        node.map_or(0, |node| node.value.waiters.len())
    }

    /// Who owns an address that threads of a process wait at. The dead own nothing.
    pub(crate) fn futex_owner(&self, process: Key<Process>, at: VirtAddr) -> Option<Key<Thread>> {
        let owner = self.futexes.get(self.futex(process, at)?)?.value.owner?;
        let thread = self.threads.get(owner)?;
        (thread.state != ThreadState::Dead).then_some(owner)
    }

    /// Whether a thread waits at an address, and was not woken.
    pub(crate) fn waits_at(&mut self, thread: Key<Thread>, at: VirtAddr) -> bool {
        let thread = self.threads.get_mut(thread);
        let waiting = thread.filter(|thread| thread.wait_end.is_none());
        let wait = waiting.and_then(FutexWait::of);
        wait.is_some_and(|wait| wait.at == at)
    }

    /// Says who owns an address, if threads of the process wait there, and the owner does not.
    pub(crate) fn set_futex_owner(
        &mut self,
        process: Key<Process>,
        at: VirtAddr,
        owner: Option<Key<Thread>>,
    ) {
        let owner = owner.filter(|owner| !self.waits_at(*owner, at));
        let node = self.futex(process, at);
        if let Some(node) = node.and_then(|key| self.futexes.get_mut(key)) {
            node.value.owner = owner;
        }
    }

    /// Makes a thread the last of those that wait at an address. There is room for it: see
    /// [`Objects::reserve_futex`].
    pub(crate) fn join_futex(&mut self, thread: Key<Thread>, at: VirtAddr) {
        let process = self.get(thread).process;
        let key = self.futex(process, at).unwrap_or_else(|| {
            let mut futexes = core::mem::take(&mut self.get_mut(process).futexes);
            let key = futexes.insert_reserved(&mut self.futexes, at.raw(), Futex::default());
            self.get_mut(process).futexes = futexes;
            key
        });
        if let Some(node) = self.futexes.get_mut(key) {
            node.value.waiters.push_back(&mut self.threads, thread);
        }
    }

    /// Takes a thread out of those that wait at an address; false when it was woken.
    pub(crate) fn leave_futex(&mut self, thread: Key<Thread>, at: VirtAddr) -> bool {
        let process = self.get(thread).process;
        let node = self.futex(process, at);
        let Some(node) = node.and_then(|key| self.futexes.get_mut(key)) else {
            return false;
        };
        let was_there = node.value.waiters.remove(&mut self.threads, thread);
        if node.value.waiters.is_empty() {
            let mut futexes = core::mem::take(&mut self.get_mut(process).futexes);
            futexes.remove(&mut self.futexes, at.raw());
            self.get_mut(process).futexes = futexes;
        }
        was_there
    }

    /// The thread that has waited longest at an address.
    fn first_waiter(&self, process: Key<Process>, at: VirtAddr) -> Option<Key<Thread>> {
        let node = self.futexes.get(self.futex(process, at)?)?;
        node.value.waiters.first()
    }
}

impl Kernel {
    /// Wakes the thread that has waited longest at an address.
    pub(crate) fn wake_first(
        &mut self,
        process: Key<Process>,
        at: VirtAddr,
    ) -> Option<Key<Thread>> {
        let thread = self.objects.first_waiter(process, at)?;
        self.objects.leave_futex(thread, at);
        self.wake(thread);
        Some(thread)
    }

    /// Has the thread that has waited longest at an address wait at another one; false when there
    /// is none. Its deadline stays.
    pub(crate) fn requeue_first(
        &mut self,
        process: Key<Process>,
        from: VirtAddr,
        to: VirtAddr,
    ) -> bool {
        let Some(thread) = self.objects.first_waiter(process, from) else {
            return false;
        };
        // The old place is given up first: that is the room for the new one.
        self.objects.leave_futex(thread, from);
        self.objects.join_futex(thread, to);
        if let Some(wait) = FutexWait::of(self.objects.get_mut(thread)) {
            wait.at = to;
        }
        true
    }
}
