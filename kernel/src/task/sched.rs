//! Who runs next.
//!
//! A thread has one of Zircon's 32 priorities, and **a ready thread never waits while a less urgent
//! one runs on a CPU that it may use**. Fixed priorities rather than fair weights, for three reasons:
//! what a driver needs is to run *now*, which no weight promises; who may take time from others is a
//! matter of authority here, because a priority comes with a profile, which only the holder of the
//! profile resource makes; and a decision takes a few instructions, whatever there is to run. Threads
//! of one priority, which all have unless somebody says otherwise, take turns of [`SLICE_NS`].
//!
//! Each CPU has its queue ([`Queues`](super::queues)); all of them lie under the one lock.
//! - A woken thread goes to a CPU that idles, best to the one that it ran on last; else to one that
//!   runs something less urgent; else it waits where it was woken. Who is given a thread is kicked.
//! - A CPU takes the first of its own queue, or what is more urgent in another one; if it has none it
//!   takes over what waits elsewhere. So none idles while threads that it may run wait.
//! - At the end of a slice a thread goes to a CPU where clearly fewer wait.
//! - **Hand-off**: if the running thread goes to wait in the call that woke another one, this one runs
//!   at once, on this CPU, with the rest of the slice (`zx_channel_call` and its server). When the
//!   server answers, the caller runs at once in the same way, and the server is next. Where another CPU
//!   idles it takes the server over after [`LENT_NS`], not at once: mostly the caller is about to call
//!   again.
//!
//! The clock is read for a slice only when somebody waits for its end, and a timer that is armed too
//! early is left so: it costs one entry that changes nothing.

use super::queues::Queues;
use super::{CpuSet, Process, Thread, ThreadState};
use crate::Kernel;
use crate::hal::{AspaceId, ContextId, CpuId, DynHal};
use crate::mem::{Budget, KVec, Key, List, NoMemory, Pool};
use crate::{Event, Next};

/// How long a thread runs while others as urgent are ready, in ns.
const SLICE_NS: i64 = 10_000_000;
/// How long a thread that lent its CPU waits to have it back while another CPU idles, in ns.
const LENT_NS: i64 = 100_000;
/// How long a thread runs while teardown waits for the kernel to be entered again, in ns.
const PAUSE_NS: i64 = 1_000_000;
/// How long a thread stays on a CPU while threads are made to wander, in ns.
const WANDER_NS: i64 = 500_000;

/// The thread that a CPU runs, with what every system call needs of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Current {
    pub(crate) thread: Key<Thread>,
    pub(crate) process: Key<Process>,
    pub(crate) aspace: AspaceId,
    pub(crate) context: ContextId,
}

/// What one CPU does.
#[derive(Debug, Default)]
pub(super) struct CpuState {
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
    /// When its thread has had its slice, in ns; not known before anybody waits for it.
    pub(super) slice_end: Option<i64>,
    /// The thread to which it is handed, which is ready and in no queue.
    pub(super) next: Option<Key<Thread>>,
    /// Whether the first in its queue lent it the CPU.
    pub(super) is_lent: bool,
    /// What its timer is armed for, in ns.
    armed: i64,
}

/// The ready threads, and what each CPU runs.
#[derive(Debug)]
pub(crate) struct Scheduler {
    pub(crate) queues: Queues,
    pub(super) cpus: KVec<CpuState>,
    /// Threads that became ready in this event and have no place yet.
    pub(super) fresh: List<Thread>,
    /// The thread whose call was answered in this event.
    pub(super) answered: Option<Key<Thread>>,
    /// Whether teardown is left over from the last event.
    is_behind: bool,
    /// Whether threads change CPUs without need, for tests.
    pub(super) wander: Wander,
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
            queues: Queues::new(cpus, budget)?,
            cpus: states,
            fresh: List::new(),
            answered: None,
            is_behind: false,
            wander,
        })
    }

    /// The thread that a CPU runs.
    pub(crate) fn current(&self, cpu: CpuId) -> Option<Current> {
        self.cpus.get(cpu)?.current
    }

    /// Whether teardown was left unfinished by the last event.
    pub(crate) const fn is_behind(&self) -> bool {
        self.is_behind
    }

    /// Notes whether teardown is left over, so that no program can put it off by computing.
    pub(crate) const fn set_behind(&mut self, is_behind: bool) {
        self.is_behind = is_behind;
    }

    /// How many CPUs there are.
    pub(crate) fn cpu_count(&self) -> usize {
        self.cpus.len()
    }

    /// Takes a ready thread out of its queue.
    pub(crate) fn remove(&mut self, threads: &mut Pool<Thread>, key: Key<Thread>) {
        if !self.queues.remove(threads, key) {
            self.fresh.remove(threads, key);
        }
    }

    /// Whether a thread became ready that has no place yet.
    pub(crate) const fn any_fresh(&self) -> bool {
        !self.fresh.is_empty()
    }

    /// Notes that a thread has the answer to its call, for which it lent its CPU.
    pub(crate) const fn note_answered(&mut self, key: Key<Thread>) {
        self.answered = Some(key);
    }

    /// Where a thread may run that is to run on these CPUs: anywhere, if it could not run at all.
    pub(crate) fn cpus_of(&self, wanted: CpuSet) -> CpuSet {
        let cpus = self.queues.all().and(wanted);
        if cpus.is_empty() {
            self.queues.all()
        } else {
            cpus
        }
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
            self.queues.kick(cpu);
        }
    }

    /// Whether some CPU is still to let go of a thread that was ended; it has been kicked.
    pub(crate) fn any_leaving(&self) -> bool {
        self.cpus.iter().any(|state| state.leaving.is_some())
    }

    /// Whether a thread is to end now that its CPU is in the kernel.
    pub(crate) fn has_leaving(&self, cpu: CpuId) -> bool {
        let state = self.cpus.get(cpu);
        state.is_some_and(|state| state.leaving.is_some())
    }

    /// The thread that is to end now that its CPU is in the kernel.
    pub(crate) fn take_leaving(&mut self, cpu: CpuId) -> Option<Key<Thread>> {
        self.cpus.get_mut(cpu)?.leaving.take()
    }
}

impl Kernel {
    /// What `cpu` does after an event: its thread goes on while it can, its slice lasts, and nobody
    /// is more urgent.
    pub(crate) fn choose(&mut self, hal: &mut DynHal, cpu: CpuId, event: &Event<'_>) -> Next {
        let current = self.going_on(cpu);
        if self.sched.any_fresh() {
            self.place_fresh(cpu, current);
        }
        if matches!(event, Event::Timer) {
            self.sched.queues.spread(&mut self.objects.threads, cpu);
        }
        if let Some(current) = current {
            let Some(why) = self.leaves(hal, cpu, event, current) else {
                self.arm(hal, cpu);
                return Next::Resume;
            };
            if self.give_way(cpu, current, why) {
                return self.idle(hal, cpu);
            }
        }
        self.switch(hal, cpu)
    }

    /// Goes on with the thread to which the CPU is handed, or else with the next ready one. One that
    /// is in a long call is chosen for the next entry, which goes on with the call; the machine hears
    /// of it only when it returns to its program.
    fn switch(&mut self, hal: &mut DynHal, cpu: CpuId) -> Next {
        let Some(state) = self.sched.cpus.get_mut(cpu) else {
            return Next::Idle;
        };
        let handed = state.next.take();
        if handed.is_none() && !core::mem::take(&mut state.is_lent) {
            // Else the slice goes on: those who hand a CPU to and fro share one.
            state.slice_end = None;
        }
        let threads = &mut self.objects.threads;
        let Some(key) = handed.or_else(|| self.sched.queues.pop(threads, cpu)) else {
            return self.idle(hal, cpu);
        };
        let thread = self.objects.get_mut(key);
        thread.state = ThreadState::Running(cpu);
        let before = core::mem::replace(&mut thread.standing.last, cpu);
        let (context, process, has_work) = (thread.context, thread.process, thread.work.is_some());
        let level = thread.standing.priority;
        let aspace = self.objects.get(process).aspace;
        if before != cpu {
            // What the other CPU holds of its FP state was saved, and will be out of date.
            self.sched.forget_fp(context);
        }
        self.sched.queues.note_level(cpu, Some(level));
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
            aspace,
            context,
        });
        if has_work {
            return Next::Again;
        }
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
        self.sched.queues.note_level(cpu, None);
        if let Some(state) = self.sched.cpus.get_mut(cpu) {
            (state.current, state.loaded) = (None, None);
            state.is_idle = true;
        }
        self.arm(hal, cpu);
        Next::Idle
    }

    /// Tells other CPUs what an event left for them: threads that were ended under them, and threads
    /// that they were given.
    pub(crate) fn tell_others(&mut self, hal: &mut DynHal, cpu: CpuId) {
        if !self.sched.has_several() {
            return;
        }
        let mut kicks = self.sched.queues.take_kicks();
        kicks.remove(cpu);
        while let Some(other) = kicks.first() {
            kicks.remove(other);
            hal.kick(other);
        }
    }

    /// Arms the timer for what comes first: the end of the slice while others wait, a deadline, or
    /// the next bit of teardown. What it is armed for already may come earlier.
    #[inline]
    pub(crate) fn arm(&mut self, hal: &mut DynHal, cpu: CpuId) {
        let first_deadline = self.first_deadline();
        if !self.sched.is_armed_for(cpu, first_deadline) {
            self.arm_anew(hal, cpu, first_deadline);
        }
    }

    #[inline(never)]
    fn arm_anew(&mut self, hal: &mut DynHal, cpu: CpuId, first_deadline: i64) {
        let mut wanted = first_deadline;
        if self.sched.is_behind {
            wanted = wanted.min(hal.now().saturating_add(PAUSE_NS));
        }
        if self.sched.is_watched(cpu, wanted) {
            wanted = i64::MAX;
        }
        wanted = wanted.min(self.sched.end_of_turn(hal, cpu));
        if let Some(state) = self.sched.cpus.get_mut(cpu)
            && wanted < state.armed
        {
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

    /// Saves the FP state of a thread if a CPU holds the only copy: which CPU. It is the one that
    /// is here, because all others save what they do not go on with.
    pub(crate) fn save_fp_of(&mut self, hal: &mut DynHal, context: ContextId) -> Option<CpuId> {
        let holds = |state: &CpuState| state.fp_owner == Some(context) && state.is_fp_live;
        let cpu = self.cpus.iter().position(holds)?;
        self.save_fp(hal, cpu);
        Some(cpu)
    }

    /// Loads the FP state of a thread anew, on the CPU that held it before its block was written.
    pub(crate) fn reload_fp(&mut self, hal: &mut DynHal, cpu: Option<CpuId>, context: ContextId) {
        self.forget_fp(context);
        if let Some(cpu) = cpu {
            self.load_fp(hal, cpu, context);
        }
    }

    /// Forgets what CPUs hold of a thread whose registers were written.
    pub(crate) fn forget_context(&mut self, context: ContextId) {
        self.forget_fp(context);
        for state in self.cpus.iter_mut() {
            state.loaded = state.loaded.filter(|loaded| *loaded != context);
        }
    }

    /// Loads the FP state of the thread that a CPU goes on with, unless it holds it already. One
    /// that ran elsewhere since was saved there.
    fn load_fp(&mut self, hal: &mut DynHal, cpu: CpuId, context: ContextId) {
        let Some(state) = self.cpus.get_mut(cpu) else {
            return;
        };
        let is_live = core::mem::replace(&mut state.is_fp_live, true);
        let owner = state.fp_owner.replace(context);
        if owner != Some(context) {
            hal.swap_fp(cpu, owner.filter(|_| is_live), Some(context));
        }
    }

    /// Whether the timer of a CPU goes off in time for a deadline and for the end of the slice, which
    /// has begun: so it is while threads hand a CPU to and fro.
    fn is_armed_for(&self, cpu: CpuId, deadline: i64) -> bool {
        let Some(state) = self.cpus.get(cpu) else {
            return false;
        };
        let ends_after = |end| end >= state.armed;
        !self.is_behind
            && deadline >= state.armed
            && state.slice_end.is_some_and(ends_after)
            && !(state.is_lent && self.queues.any_idle())
    }

    /// When what a CPU runs is to be looked at again for the sake of those that wait; `i64::MAX` when
    /// nobody does. A slice begins when somebody waits for its end.
    fn end_of_turn(&mut self, hal: &DynHal, cpu: CpuId) -> i64 {
        let top = self.queues.top(cpu);
        let wanders = self.wander == Wander::Yes;
        let Some(state) = self.cpus.get_mut(cpu) else {
            return i64::MAX;
        };
        if state.is_idle || (top.is_none() && !wanders) {
            return i64::MAX;
        }
        let slice_ns = if wanders { WANDER_NS } else { SLICE_NS };
        let end = match state.slice_end {
            Some(end) => end,
            None => hal.now().saturating_add(slice_ns),
        };
        state.slice_end = Some(end);
        if state.is_lent && self.queues.any_idle() {
            return end.min(hal.now().saturating_add(LENT_NS));
        }
        end
    }

    /// Whether a CPU that idles may sleep through a deadline, because another one will not.
    fn is_watched(&self, cpu: CpuId, deadline: i64) -> bool {
        let is_idle = self.cpus.get(cpu).is_some_and(|state| state.is_idle);
        let mut others = self.cpus.iter().enumerate();
        is_idle && others.any(|(other, state)| other != cpu && state.armed <= deadline)
    }
}
