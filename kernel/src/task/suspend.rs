//! Suspended threads: stopped at the border to user mode until the last token that stops them is
//! closed (spec: tasks.md §4.5).
//!
//! A thread is to stop while it or its process has tokens. One that is ready stops at once, one that
//! another CPU runs when that CPU is in the kernel, one in a long call when that is over. A blocked
//! one leaves what it waits for and makes its call again when it goes on; only a call through a
//! channel stays where it is, because its message is sent.
//!
//! Whether a thread has stopped is said by its signal THREAD_SUSPENDED and nowhere else.

use super::{Process, Thread, ThreadState, Wait, Walk};
use crate::Kernel;
use crate::hal::{CpuId, DynHal};
use crate::mem::{self, Key};
use crate::object::{Head, ObjectRef, Objects};
use jacinth_abi::Signals;

/// What a token stops. It does not keep it alive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Suspended {
    /// One thread.
    Thread(Key<Thread>),
    /// All threads of a process, those that are made later among them.
    Process(Key<Process>),
}

/// A token: what it stops goes on when its last handle is closed, unless others stop it, too.
#[derive(Debug)]
pub(crate) struct SuspendToken {
    pub(crate) head: Head,
    task: Suspended,
    /// How far the stopping of its threads got, or that they go on.
    walk: Walk,
    /// Whether they go on.
    is_over: bool,
}

/// What becomes of a wait whose thread is suspended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Interrupted {
    /// It is given up, and the call is made again.
    Restarts,
    /// It goes on, and the thread sees its end when it goes on itself.
    Stays,
    /// The thread stops behind it.
    Lasts,
}

impl Wait {
    const fn when_suspended(&self) -> Interrupted {
        match self {
            Self::Call(_) => Interrupted::Stays,
            Self::Exception(_) => Interrupted::Lasts,
            _ => Interrupted::Restarts,
        }
    }
}

impl Objects {
    /// Puts a token into a slot that was reserved.
    fn new_suspend_token(&mut self, task: Suspended) -> Key<SuspendToken> {
        let head = Head::new(self.new_koid(), Signals::empty());
        self.suspend_tokens.insert_reserved(SuspendToken {
            head,
            task,
            walk: Walk::Begins,
            is_over: false,
        })
    }
}

impl Kernel {
    /// Whether a thread is to stop, or has stopped.
    pub(crate) fn is_suspended(&self, key: Key<Thread>) -> bool {
        if self.objects.suspend_tokens.is_empty() {
            return false;
        }
        let thread = self.objects.get(key);
        thread.suspends != 0 || self.objects.get(thread.process).suspends != 0
    }

    /// Whether a thread has stopped because it was suspended.
    pub(crate) fn has_stopped(&self, key: Key<Thread>) -> bool {
        let signals = self.objects.get(key).head.signals;
        signals.contains(Signals::THREAD_SUSPENDED)
    }

    /// Whether a thread's registers can be seen and changed: it has stopped, or is in an exception.
    pub(crate) fn is_still(&self, key: Key<Thread>) -> bool {
        let wait = &self.objects.get(key).wait;
        self.has_stopped(key) || matches!(wait, Some(Wait::Exception(_)))
    }

    /// Makes a token for a task; room for it was reserved. Teardown, which comes right behind the
    /// call, stops the task bit by bit.
    pub(crate) fn suspend(&mut self, task: Suspended) -> Key<SuspendToken> {
        let token = self.objects.new_suspend_token(task);
        match task {
            Suspended::Thread(key) => {
                let thread = self.objects.get_mut(key);
                thread.suspends = thread.suspends.wrapping_add(1);
            }
            Suspended::Process(key) => {
                let process = self.objects.get_mut(key);
                process.suspends = process.suspends.wrapping_add(1);
            }
        }
        self.objects.queue_dying(ObjectRef::SuspendToken(token));
        token
    }

    /// Stops the task of a token, or lets it go on when the last handle is gone; false when `work`
    /// ran out before.
    pub(crate) fn tend_suspend_token(
        &mut self,
        hal: &mut DynHal,
        key: Key<SuspendToken>,
        work: &mut mem::Work,
    ) -> bool {
        let token = self.objects.get_mut(key);
        let (task, is_over) = (token.task, token.head.handles == 0);
        if is_over && !core::mem::replace(&mut token.is_over, true) {
            token.walk = Walk::Begins;
            self.lift(task);
        }
        let mut walk = self.objects.get(key).walk;
        let all_met = match task {
            Suspended::Thread(thread) if self.objects.is_counted(thread) => {
                self.stop_or_resume(hal, thread);
                true
            }
            Suspended::Process(process) if self.objects.processes.get(process).is_some() => self
                .walk_threads(process, &mut walk, work, |kernel, thread| {
                    kernel.stop_or_resume(hal, thread);
                }),
            _ => true,
        };
        self.objects.get_mut(key).walk = walk;
        if all_met && is_over {
            self.objects.suspend_tokens.remove(key);
        }
        all_met
    }

    /// Counts one token less for a task.
    fn lift(&mut self, task: Suspended) {
        let suspends = match task {
            Suspended::Thread(key) => {
                let thread = self.objects.threads.get_mut(key);
                thread.map(|thread| &mut thread.suspends)
            }
            Suspended::Process(key) => {
                let process = self.objects.processes.get_mut(key);
                process.map(|process| &mut process.suspends)
            }
        };
        if let Some(suspends) = suspends {
            *suspends = suspends.wrapping_sub(1);
        }
    }

    fn stop_or_resume(&mut self, hal: &mut DynHal, key: Key<Thread>) {
        if self.is_suspended(key) {
            self.stop_thread(hal, key);
        } else {
            self.resume_thread(key);
        }
    }

    /// Stops a thread, or sees to it that it stops soon.
    fn stop_thread(&mut self, hal: &mut DynHal, key: Key<Thread>) {
        let thread = self.objects.get(key);
        match thread.state {
            ThreadState::Ready if thread.work.is_none() => {
                self.sched.remove(&mut self.objects.threads, key);
                self.park(key);
            }
            ThreadState::Running(cpu) => hal.kick(cpu),
            ThreadState::Blocked => self.interrupt(hal, key),
            // What is in a long call stops behind it; a new one when it is started.
            _ => {}
        }
    }

    /// Takes a thread that is to stop off the CPU that enters the kernel.
    pub(crate) fn stop_running(&mut self, cpu: CpuId) {
        let Some(current) = self.sched.current(cpu) else {
            return;
        };
        let Some(thread) = self.objects.threads.get(current.thread) else {
            return;
        };
        let stops = thread.state == ThreadState::Running(cpu) && thread.work.is_none();
        if stops && self.is_suspended(current.thread) {
            self.park(current.thread);
        }
    }

    /// Notes that a thread has stopped that was about to go on in user mode.
    pub(super) fn park(&mut self, key: Key<Thread>) {
        self.objects.get_mut(key).state = ThreadState::Suspended;
        self.show_stopped(key);
    }

    /// Stops a thread that waits, unless its wait is over and only its answer is missing.
    pub(crate) fn interrupt(&mut self, hal: &mut DynHal, key: Key<Thread>) {
        let thread = self.objects.get_mut(key);
        if thread.wait_end.is_some() {
            return;
        }
        match thread.wait.as_ref().map(Wait::when_suspended) {
            Some(Interrupted::Restarts) => {
                hal.context_restart_call(thread.context);
                self.give_up_wait(key);
                self.park(key);
            }
            Some(Interrupted::Stays) => self.show_stopped(key),
            Some(Interrupted::Lasts) | None => {}
        }
    }

    /// Takes a thread out of what it waits for.
    fn give_up_wait(&mut self, key: Key<Thread>) {
        let thread = self.objects.get_mut(key);
        thread.wait_end = None;
        let wait = thread.wait.take();
        self.timers.remove(&mut self.objects.threads, key);
        if let Some(wait) = wait {
            wait.abandon(self, key);
        }
    }

    /// Ends the call of a stopped thread that is to go on somewhere else.
    pub(crate) fn leave_call(&mut self, key: Key<Thread>) {
        let thread = self.objects.get(key);
        if thread.state == ThreadState::Blocked && self.has_stopped(key) {
            self.give_up_wait(key);
            self.objects.get_mut(key).state = ThreadState::Suspended;
        }
    }

    fn show_stopped(&mut self, key: Key<Thread>) {
        self.update_signals(
            ObjectRef::Thread(key),
            Signals::THREAD_RUNNING,
            Signals::THREAD_SUSPENDED,
        );
    }

    /// Lets a thread go on that stopped, when nothing stops it any more.
    fn resume_thread(&mut self, key: Key<Thread>) {
        if !self.has_stopped(key) || self.is_suspended(key) {
            return;
        }
        self.update_signals(
            ObjectRef::Thread(key),
            Signals::THREAD_SUSPENDED,
            Signals::THREAD_RUNNING,
        );
        let thread = self.objects.get(key);
        match thread.state {
            ThreadState::Suspended => self.make_ready(key),
            // Its wait ended meanwhile.
            _ if thread.wait_end.is_some() => {
                self.woken.push_back(&mut self.objects.threads, key);
                self.objects.is_unsettled = true;
            }
            _ => {}
        }
    }
}
