//! Who runs next: one queue, round robin, and a slice of time while others wait.

use super::{Process, Thread, ThreadState};
use crate::Kernel;
use crate::hal::{AspaceId, ContextId, CpuId, DynHal};
use crate::mem::{Budget, KVec, Key, List, NoMemory, Pool};
use crate::{Event, Next};

/// How long a thread runs while others are ready, in ns.
const SLICE_NS: i64 = 10_000_000;
/// How long a thread runs while teardown waits for the kernel to be entered again, in ns.
const PAUSE_NS: i64 = 1_000_000;
/// How long a thread stays on a CPU while threads are made to wander, in ns.
const WANDER_NS: i64 = 500_000;

/// The thread that a CPU runs, with what every system call needs of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Current {
    pub(crate) thread: Key<Thread>,
    pub(crate) process: Key<Process>,
    pub(crate) context: ContextId,
}

/// What one CPU does.
#[derive(Debug, Default)]
struct CpuState {
    /// The thread that it runs.
    current: Option<Current>,
    /// The context that the machine goes on with at `Next::Resume`: the last one it was given, and
    /// none while it idles.
    loaded: Option<ContextId>,
    /// Whose FP/SIMD registers it holds.
    fp_owner: Option<ContextId>,
    /// Whether they changed since they were saved.
    is_fp_live: bool,
    /// The address space that its page tables show.
    active: Option<AspaceId>,
    /// Whether it waits for an interrupt, and nobody kicked it yet.
    is_idle: bool,
    /// The thread that it ran until somebody ended it; it ends when this CPU is in the kernel.
    leaving: Option<Key<Thread>>,
    /// When its thread has had its slice, in ns.
    slice_end: i64,
    /// What its timer is armed for, in ns.
    armed: i64,
}

/// The ready threads, and what each CPU runs.
#[derive(Debug)]
pub(crate) struct Scheduler {
    ready: List<Thread>,
    cpus: KVec<CpuState>,
    /// Whether teardown is left over from the last event.
    is_behind: bool,
    /// Whether threads change CPUs without need, for tests.
    wander: Wander,
}

/// Whether threads change CPUs without need.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wander {
    /// They stay where they are while they can.
    No,
    /// At the end of each slice they go to the next CPU that idles: for tests.
    Yes,
}

impl Scheduler {
    /// Nothing ready, nothing running.
    ///
    /// # Errors
    /// [`NoMemory`].
    pub(crate) fn new(cpus: usize, wander: Wander, budget: &mut Budget) -> Result<Self, NoMemory> {
        let mut states = KVec::new();
        for _ in 0..cpus {
            states.push(
                CpuState {
                    armed: i64::MAX,
                    ..CpuState::default()
                },
                budget,
            )?;
        }
        Ok(Self {
            ready: List::new(),
            cpus: states,
            is_behind: false,
            wander,
        })
    }

    /// The thread that a CPU runs.
    pub(crate) fn current(&self, cpu: CpuId) -> Option<Current> {
        self.cpus.get(cpu)?.current
    }

    /// Notes whether teardown is left over, so that no program can put it off by computing.
    pub(crate) const fn set_behind(&mut self, is_behind: bool) {
        self.is_behind = is_behind;
    }

    /// How many CPUs there are.
    pub(crate) fn cpu_count(&self) -> usize {
        self.cpus.len()
    }

    /// Takes a thread out of the ready queue.
    pub(crate) fn remove(&mut self, threads: &mut Pool<Thread>, key: Key<Thread>) {
        self.ready.remove(threads, key);
    }

    /// Whether a thread waits for a CPU.
    pub(crate) const fn any_ready(&self) -> bool {
        !self.ready.is_empty()
    }

    /// Forgets a context that is given back.
    pub(crate) fn forget_fp(&mut self, context: ContextId) {
        for cpu in self.cpus.iter_mut() {
            if cpu.fp_owner == Some(context) {
                cpu.fp_owner = None;
            }
        }
    }

    /// Whether there are others than one CPU.
    fn has_several(&self) -> bool {
        self.cpus.len() > 1
    }

    /// Lets a thread that was ended go from the CPU that runs it: that CPU ends it when it is in
    /// the kernel, where nothing uses the thread's registers any more.
    pub(crate) fn leave(&mut self, cpu: CpuId, key: Key<Thread>) {
        if let Some(state) = self.cpus.get_mut(cpu)
            && state.current.is_some_and(|current| current.thread == key)
        {
            state.current = None;
            state.leaving = Some(key);
        }
    }

    /// Whether some CPU is still to let go of a thread that was ended; it has been kicked.
    pub(crate) fn any_leaving(&self) -> bool {
        self.cpus.iter().any(|state| state.leaving.is_some())
    }

    /// The thread that is to end now that its CPU is in the kernel.
    pub(crate) fn take_leaving(&mut self, cpu: CpuId) -> Option<Key<Thread>> {
        self.cpus.get_mut(cpu)?.leaving.take()
    }
}

impl Kernel {
    /// Puts a thread at the end of the ready queue.
    pub(crate) fn make_ready(&mut self, key: Key<Thread>) {
        self.objects.get_mut(key).state = ThreadState::Ready;
        self.sched.ready.push_back(&mut self.objects.threads, key);
    }

    /// What `cpu` does after an event: its thread goes on while it can and its slice lasts.
    pub(crate) fn choose(&mut self, hal: &mut DynHal, cpu: CpuId, event: &Event<'_>) -> Next {
        let current = self.sched.current(cpu).filter(|current| {
            let thread = self.objects.threads.get(current.thread);
            thread.is_some_and(|thread| {
                thread.state == ThreadState::Running(cpu) && thread.work.is_none()
            })
        });
        if let Some(current) = current {
            let wanders = self.sched.wander == Wander::Yes;
            let may_end = self.sched.any_ready() || wanders;
            if !may_end || !self.slice_is_over(hal, cpu, event) {
                self.arm(hal, cpu);
                return Next::Resume;
            }
            self.make_ready(current.thread);
            if wanders && self.kick_idle(hal, cpu) {
                return self.idle(hal, cpu);
            }
        }
        self.switch(hal, cpu)
    }

    /// Whether the thread on `cpu` had its share. Only a timer event asks the clock.
    fn slice_is_over(&self, hal: &DynHal, cpu: CpuId, event: &Event<'_>) -> bool {
        let end = self.sched.cpus.get(cpu).map_or(0, |state| state.slice_end);
        matches!(event, Event::Timer | Event::Kick) && hal.now() >= end
    }

    /// Takes the next ready thread. One that is in a long call is chosen for the next entry, which
    /// goes on with the call; the machine hears of it only when it returns to its program.
    fn switch(&mut self, hal: &mut DynHal, cpu: CpuId) -> Next {
        let Some(key) = self.sched.ready.pop_front(&mut self.objects.threads) else {
            return self.idle(hal, cpu);
        };
        let thread = self.objects.get_mut(key);
        thread.state = ThreadState::Running(cpu);
        let (context, process, has_work) = (thread.context, thread.process, thread.work.is_some());
        let aspace = self.objects.get(process).aspace;
        let now = hal.now();
        let slice_ns = match self.sched.wander {
            Wander::No => SLICE_NS,
            Wander::Yes => WANDER_NS,
        };
        if has_work {
            self.sched.put_away(hal, cpu, Some(aspace));
        }
        let Some(state) = self.sched.cpus.get_mut(cpu) else {
            return Next::Idle;
        };
        state.is_idle = false;
        state.current = Some(Current {
            thread: key,
            process,
            context,
        });
        if has_work {
            return Next::Again;
        }
        state.slice_end = now.saturating_add(slice_ns);
        state.active = Some(aspace);
        let is_loaded = state.loaded.replace(context) == Some(context);
        self.sched.load_fp(hal, cpu, context);
        hal.activate(cpu, aspace);
        self.arm(hal, cpu);
        if is_loaded {
            Next::Resume
        } else {
            Next::Switch(context)
        }
    }

    /// Leaves a CPU without a thread.
    fn idle(&mut self, hal: &mut DynHal, cpu: CpuId) -> Next {
        self.sched.put_away(hal, cpu, None);
        if let Some(state) = self.sched.cpus.get_mut(cpu) {
            (state.current, state.loaded) = (None, None);
            state.is_idle = true;
        }
        self.arm(hal, cpu);
        Next::Idle
    }

    /// Tells other CPUs what an event left for them: threads that were ended under them, and a
    /// ready thread for one that idles. It kicks the next one if there are more.
    pub(crate) fn tell_others(&mut self, hal: &mut DynHal, cpu: CpuId) {
        if !self.sched.has_several() {
            return;
        }
        for (other, state) in self.sched.cpus.iter_mut().enumerate() {
            if other != cpu && state.leaving.is_some() {
                hal.kick(other);
            }
        }
        if self.sched.any_ready() {
            self.kick_idle(hal, cpu);
        }
    }

    /// Kicks the next CPU after `cpu` that idles; whether there was one.
    fn kick_idle(&mut self, hal: &mut DynHal, cpu: CpuId) -> bool {
        let count = self.sched.cpus.len();
        let after = (cpu.saturating_add(1)..count).chain(0..cpu);
        for other in after {
            if let Some(state) = self.sched.cpus.get_mut(other)
                && core::mem::replace(&mut state.is_idle, false)
            {
                hal.kick(other);
                return true;
            }
        }
        false
    }

    /// Arms the timer for what comes first: the end of the slice while others wait, a deadline, or
    /// the next bit of teardown.
    pub(crate) fn arm(&mut self, hal: &mut DynHal, cpu: CpuId) {
        let mut deadline = self.first_deadline();
        if self.sched.is_behind {
            deadline = deadline.min(hal.now().saturating_add(PAUSE_NS));
        }
        let ends_slice = self.sched.any_ready() || self.sched.wander == Wander::Yes;
        if self.sched.is_watched(cpu, deadline) {
            deadline = i64::MAX;
        }
        let Some(state) = self.sched.cpus.get_mut(cpu) else {
            return;
        };
        let wanted = if ends_slice && !state.is_idle {
            deadline.min(state.slice_end)
        } else {
            deadline
        };
        if wanted != state.armed {
            state.armed = wanted;
            hal.arm_timer(cpu, wanted);
        }
    }

    /// Notes that the timer of `cpu` went off, so that it will be armed anew.
    pub(crate) fn timer_fired(&mut self, cpu: CpuId) {
        if let Some(state) = self.sched.cpus.get_mut(cpu) {
            state.armed = i64::MAX;
        }
    }
}

/// What several CPUs need of each other.
impl Scheduler {
    /// Readies a CPU for going without its address space and its thread, which another CPU may
    /// take, or free: saves FP state, and leaves the space unless it is `unless`.
    ///
    /// A machine with one CPU leaves things as they are: it often goes on with the same thread.
    fn put_away(&mut self, hal: &mut DynHal, cpu: CpuId, unless: Option<AspaceId>) {
        if !self.has_several() {
            return;
        }
        self.save_fp(hal, cpu);
        let Some(state) = self.cpus.get_mut(cpu) else {
            return;
        };
        if state.active != unless && state.active.take().is_some() {
            hal.deactivate(cpu);
        }
    }

    /// Saves the FP state that a CPU holds, and keeps it there.
    fn save_fp(&mut self, hal: &mut DynHal, cpu: CpuId) {
        if let Some(state) = self.cpus.get_mut(cpu)
            && core::mem::replace(&mut state.is_fp_live, false)
            && let Some(owner) = state.fp_owner
        {
            hal.swap_fp(cpu, Some(owner), None);
        }
    }

    /// Loads the FP state of the thread that a CPU goes on with, unless it holds it already. One
    /// that ran elsewhere since was saved there.
    fn load_fp(&mut self, hal: &mut DynHal, cpu: CpuId, context: ContextId) {
        let is_here = |state: &CpuState| state.fp_owner == Some(context);
        if !self.cpus.get(cpu).is_some_and(is_here) {
            self.forget_fp(context);
            let Some(state) = self.cpus.get_mut(cpu) else {
                return;
            };
            let from = state.fp_owner.filter(|_| state.is_fp_live);
            hal.swap_fp(cpu, from, Some(context));
            state.fp_owner = Some(context);
        }
        if let Some(state) = self.cpus.get_mut(cpu) {
            state.is_fp_live = true;
        }
    }

    /// Whether a CPU that idles may sleep through a deadline, because another one will not.
    fn is_watched(&self, cpu: CpuId, deadline: i64) -> bool {
        let is_idle = self.cpus.get(cpu).is_some_and(|state| state.is_idle);
        let mut others = self.cpus.iter().enumerate();
        is_idle && others.any(|(other, state)| other != cpu && state.armed <= deadline)
    }
}
