//! Suspended threads: stopped at the border to user mode until the last token that stops them is
//! closed (spec: tasks.md §4.5).
//!
//! A thread is to stop while it or its process has tokens. One that is ready stops at once, one that
//! another CPU runs when that CPU is in the kernel, one in a long call when that is over. A blocked
//! one leaves what it waits for and makes its call again when it goes on; only a call through a
//! channel stays where it is, because its message is sent.
//!
//! Whether a thread has stopped is said by its signal THREAD_SUSPENDED and nowhere else.

use super::{Process, Thread, ThreadState, Wait};
use crate::Kernel;
use crate::hal::{CpuId, DynHal};
use crate::mem::Key;
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
        self.suspend_tokens
            .insert_reserved(SuspendToken { head, task })
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

    /// Makes a token for a task, and stops it; room for the token was reserved.
    pub(crate) fn suspend(&mut self, hal: &mut DynHal, task: Suspended) -> Key<SuspendToken> {
        let token = self.objects.new_suspend_token(task);
        match task {
            Suspended::Thread(key) => {
                let thread = self.objects.get_mut(key);
                thread.suspends = thread.suspends.wrapping_add(1);
                self.stop_thread(hal, key);
            }
            Suspended::Process(key) => {
                let process = self.objects.get_mut(key);
                process.suspends = process.suspends.wrapping_add(1);
                self.for_threads_of(key, |kernel, thread| kernel.stop_thread(hal, thread));
            }
        }
        token
    }

    /// The last handle to a token is gone: its task goes on, unless others stop it, too.
    pub(crate) fn close_suspend_token(&mut self, key: Key<SuspendToken>) -> bool {
        let Some(token) = self.objects.suspend_tokens.remove(key) else {
            return true;
        };
        match token.task {
            Suspended::Thread(key) => {
                if let Some(thread) = self.objects.threads.get_mut(key) {
                    thread.suspends = thread.suspends.wrapping_sub(1);
                    self.resume_thread(key);
                }
            }
            Suspended::Process(key) => {
                if let Some(process) = self.objects.processes.get_mut(key) {
                    process.suspends = process.suspends.wrapping_sub(1);
                    self.for_threads_of(key, Self::resume_thread);
                }
            }
        }
        true
    }

    fn for_threads_of(
        &mut self,
        process: Key<Process>,
        mut act: impl FnMut(&mut Self, Key<Thread>),
    ) {
        let mut next = self.objects.get(process).threads.first();
        while let Some(thread) = next {
            next = self.with_threads_of(process, |live, pool| live.next(pool, thread));
            act(self, thread);
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
