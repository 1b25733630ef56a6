//! When a thread makes room for another one on its CPU, and where those that became ready go: the rules
//! are on the page of [`sched`](super::sched).

use super::queues::Leaves;
use super::ready::Priority;
use super::{CpuSet, Current, Thread, ThreadState, Wander};
use crate::hal::{CpuId, DynHal};
use crate::mem::Key;
use crate::{Event, Kernel};

impl Kernel {
    /// Makes a thread ready. One that was on a CPU stays there, behind others as urgent; for another
    /// one a CPU is found when this event is over. One that is suspended stops instead.
    pub(crate) fn make_ready(&mut self, key: Key<Thread>) {
        if self.is_suspended(key) && self.objects.get(key).work.is_none() {
            return self.park(key);
        }
        let thread = self.objects.get_mut(key);
        let was = core::mem::replace(&mut thread.state, ThreadState::Ready);
        let threads = &mut self.objects.threads;
        match was {
            ThreadState::Running(cpu) => {
                self.sched
                    .queues
                    .put_back(threads, key, cpu, Leaves::AfterCall);
            }
            _ => {
                self.sched.fresh.push_back(threads, key);
                self.objects.is_unsettled = true;
            }
        }
    }

    /// Makes a thread ready whose wait is over, when it is known what goes on on this CPU: so it has
    /// its place at once, unless others were before it.
    pub(crate) fn place_woken(&mut self, here: CpuId, key: Key<Thread>) {
        if self.sched.any_fresh() || self.is_suspended(key) {
            return self.make_ready(key);
        }
        self.objects.get_mut(key).state = ThreadState::Ready;
        let current = self.going_on(here);
        let answered = self.sched.answered.take();
        if !self.hand_to(here, key, current, answered) {
            let threads = &mut self.objects.threads;
            self.sched.queues.place(threads, key, here);
        }
    }

    /// The thread that goes on on a CPU unless it has to make room.
    pub(super) fn going_on(&self, cpu: CpuId) -> Option<Current> {
        self.sched.current(cpu).filter(|current| {
            let thread = self.objects.threads.get(current.thread);
            thread.is_some_and(|thread| {
                thread.state == ThreadState::Running(cpu) && thread.work.is_none()
            })
        })
    }

    /// Finds a CPU for every thread that became ready in this event, while `current` is to go on here,
    /// if there is one.
    pub(super) fn place_fresh(&mut self, here: CpuId, current: Option<Current>) {
        let answered = self.sched.answered.take();
        while let Some(key) = self.sched.fresh.pop_front(&mut self.objects.threads) {
            if !self.hand_to(here, key, current, answered) {
                let threads = &mut self.objects.threads;
                self.sched.queues.place(threads, key, here);
            }
        }
    }

    /// Hands this CPU to a thread, if it is to have it: because nobody goes on here and none more
    /// urgent waits, or because it lent the CPU to the thread that goes on, and has its answer.
    fn hand_to(
        &mut self,
        here: CpuId,
        key: Key<Thread>,
        current: Option<Current>,
        answered: Option<Key<Thread>>,
    ) -> bool {
        let priority = |key| {
            let thread: Option<&Thread> = self.objects.threads.get(key);
            thread.map(|thread| thread.standing.priority)
        };
        let Some(Thread { standing, .. }) = self.objects.threads.get(key) else {
            return false;
        };
        let level = Some(standing.priority);
        let is_next = standing.affinity.contains(here)
            && match current {
                None => level >= self.sched.queues.top(here),
                Some(current) => {
                    answered == Some(key)
                        && standing.last == here
                        && level >= priority(current.thread)
                }
            };
        let Some(state) = self.sched.cpus.get_mut(here) else {
            return false;
        };
        if !is_next || state.next.is_some() {
            return false;
        }
        state.next = Some(key);
        true
    }

    /// Why the thread on `cpu` is to make room though it could go on, if it is to. Only a timer event
    /// asks the clock.
    pub(super) fn leaves(
        &mut self,
        hal: &DynHal,
        cpu: CpuId,
        event: &Event<'_>,
        current: Current,
    ) -> Option<Leaves> {
        let state = self.sched.cpus.get(cpu)?;
        if state.next.is_some() {
            return Some(Leaves::Preempted);
        }
        let standing = &self.objects.threads.get(current.thread)?.standing;
        let level = Some(standing.priority);
        let top = self.sched.queues.top(cpu);
        if top > level || !standing.affinity.contains(cpu) {
            return Some(Leaves::Preempted);
        }
        let shares = top == level || self.sched.wander == Wander::Yes;
        if shares
            && matches!(event, Event::Timer | Event::Kick)
            && state.slice_end.is_some_and(|end| hal.now() >= end)
        {
            return Some(Leaves::AfterSlice);
        }
        self.sched.queues.note_level(cpu, level);
        None
    }

    /// Takes a thread off its CPU that could go on; true when it went to another one and nobody waits
    /// here: then the CPU is to idle, or it would take the thread back.
    pub(super) fn give_way(&mut self, cpu: CpuId, current: Current, why: Leaves) -> bool {
        self.objects.get_mut(current.thread).state = ThreadState::Ready;
        let threads = &mut self.objects.threads;
        let queues = &mut self.sched.queues;
        let Some(state) = self.sched.cpus.get_mut(cpu) else {
            return false;
        };
        if state.next.is_some() {
            // It lends the CPU with the rest of its slice.
            state.is_lent = true;
            queues.push_lender(threads, current.thread, cpu);
            return false;
        }
        state.slice_end = None;
        let wanders = why == Leaves::AfterSlice && self.sched.wander == Wander::Yes;
        if wanders && queues.send_on(threads, current.thread, cpu) {
            state.is_lent = false;
            return queues.top(cpu).is_none();
        }
        queues.put_back(threads, current.thread, cpu, why);
        false
    }

    /// Schedules a thread by another priority, and on other CPUs, from now on.
    pub(crate) fn reschedule(
        &mut self,
        key: Key<Thread>,
        priority: Option<Priority>,
        affinity: Option<CpuSet>,
    ) {
        let affinity = affinity.map(|affinity| self.sched.cpus_of(affinity));
        let state = self.objects.get(key).state;
        if state == ThreadState::Ready {
            // It leaves its queue with the priority that it went in with.
            self.sched.remove(&mut self.objects.threads, key);
        }
        let standing = &mut self.objects.get_mut(key).standing;
        standing.priority = priority.unwrap_or(standing.priority);
        standing.affinity = affinity.unwrap_or(standing.affinity);
        match state {
            ThreadState::Ready => {
                self.sched.fresh.push_back(&mut self.objects.threads, key);
                self.objects.is_unsettled = true;
            }
            ThreadState::Running(cpu) => self.sched.queues.kick(cpu),
            _ => {}
        }
    }
}
