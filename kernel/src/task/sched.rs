//! Who runs next: one queue, round robin, and a slice of time while others wait.

use super::{Process, Thread, ThreadState};
use crate::Kernel;
use crate::hal::{ContextId, CpuId, DynHal};
use crate::mem::{Budget, KVec, Key, List, NoMemory, Pool};
use crate::{Event, Next};

/// How long a thread runs while others are ready, in ns.
const SLICE_NS: i64 = 10_000_000;
/// How long a thread runs while teardown waits for the kernel to be entered again, in ns.
const PAUSE_NS: i64 = 1_000_000;

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
}

impl Scheduler {
    /// Nothing ready, nothing running.
    ///
    /// # Errors
    /// [`NoMemory`].
    pub(crate) fn new(cpus: usize, budget: &mut Budget) -> Result<Self, NoMemory> {
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
            if !self.sched.any_ready() || !self.slice_is_over(hal, cpu, event) {
                self.arm(hal, cpu);
                return Next::Resume;
            }
            self.make_ready(current.thread);
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
            if let Some(state) = self.sched.cpus.get_mut(cpu) {
                (state.current, state.loaded) = (None, None);
            }
            self.arm(hal, cpu);
            return Next::Idle;
        };
        let thread = self.objects.get_mut(key);
        thread.state = ThreadState::Running(cpu);
        let (context, process, has_work) = (thread.context, thread.process, thread.work.is_some());
        let now = hal.now();
        let Some(state) = self.sched.cpus.get_mut(cpu) else {
            return Next::Idle;
        };
        state.current = Some(Current {
            thread: key,
            process,
            context,
        });
        if has_work {
            return Next::Again;
        }
        state.slice_end = now.saturating_add(SLICE_NS);
        if state.fp_owner != Some(context) {
            hal.swap_fp(cpu, state.fp_owner, context);
            state.fp_owner = Some(context);
        }
        let is_loaded = state.loaded.replace(context) == Some(context);
        hal.activate(cpu, self.objects.get(process).aspace);
        self.arm(hal, cpu);
        if is_loaded {
            Next::Resume
        } else {
            Next::Switch(context)
        }
    }

    /// Arms the timer for what comes first: the end of the slice while others wait, a deadline, or
    /// the next bit of teardown.
    fn arm(&mut self, hal: &mut DynHal, cpu: CpuId) {
        let mut deadline = self.timers.first_deadline();
        if self.sched.is_behind {
            deadline = deadline.min(hal.now().saturating_add(PAUSE_NS));
        }
        let any_ready = self.sched.any_ready();
        let Some(state) = self.sched.cpus.get_mut(cpu) else {
            return;
        };
        let wanted = if any_ready {
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
