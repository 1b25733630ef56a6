//! Exceptions: what a thread raises, whom it is offered to, and what comes of it (spec: tasks.md §5).
//!
//! A thread that raises one stops in [`Wait::Exception`] while a handler holds the exception object.
//! When that is closed the search goes on, or ends. An exception of a system call (a policy's, a
//! bad number) is raised on the way out of the call: until then it is only noted.

use super::exceptionate::Handler;
use super::{Job, Thread, ThreadState, Wait, Work};
use crate::Kernel;
use crate::hal::DynHal;
use crate::mem::Key;
use crate::object::{Handle, ObjectRef, Objects};
use crate::{Access, VirtAddr};
use jacinth_abi::{
    ExceptionInfo, ExceptionReport, ExceptionState, ExceptionStrategy, ExceptionType,
    POLICY_CODE_BAD_SYSCALL, Record, Rights, Status,
};

/// Why a thread stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cause {
    /// An access that the regions do not allow.
    PageFault {
        address: VirtAddr,
        access: Access,
        /// The machine's code.
        code: u64,
        reason: Status,
    },
    /// Something else that the hardware refused.
    Hardware { kind: u32, code: u64, address: u64 },
    /// A number that stands for no system call.
    BadSyscall { number: u64 },
    /// `ZX_EXCP_POLICY_CODE_*`, or the number of a condition.
    Policy { code: u32 },
    /// The first thread of a process is about to run.
    ProcessStarting,
    /// A thread is about to run.
    ThreadStarting,
    /// A thread has left.
    ThreadExiting,
}

impl Cause {
    /// The `ZX_EXCP_*`.
    const fn exception_type(self) -> u32 {
        match self {
            Self::PageFault { .. } => ExceptionType::FatalPageFault.number(),
            Self::Hardware { kind, .. } => kind,
            Self::BadSyscall { .. } | Self::Policy { .. } => ExceptionType::PolicyError.number(),
            Self::ProcessStarting => ExceptionType::ProcessStarting.number(),
            Self::ThreadStarting => ExceptionType::ThreadStarting.number(),
            Self::ThreadExiting => ExceptionType::ThreadExiting.number(),
        }
    }

    /// What `ZX_INFO_THREAD_EXCEPTION_REPORT` tells.
    pub(crate) fn report(self, hal: &DynHal) -> ExceptionReport {
        let (arch, synth_code, synth_data) = match self {
            Self::PageFault {
                address,
                code,
                reason,
                ..
            } => {
                let arch = hal.exception_words(code, address.raw());
                (arch, reason.raw().cast_unsigned(), 0)
            }
            Self::Hardware { code, address, .. } => (hal.exception_words(code, address), 0, 0),
            Self::BadSyscall { number } => {
                let low = u32::try_from(number & u64::from(u32::MAX)).unwrap_or(0);
                ([0; 3], POLICY_CODE_BAD_SYSCALL, low)
            }
            Self::Policy { code } => ([0; 3], code, 0),
            _ => ([0; 3], 0, 0),
        };
        ExceptionReport {
            size: u32::try_from(size_of::<ExceptionReport>()).unwrap_or(0),
            exception_type: self.exception_type(),
            arch,
            synth_code,
            synth_data,
        }
    }
}

/// Whom an exception is offered to, in the order in which they are asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Debugger,
    Thread,
    Process,
    DebuggerAgain,
    Job(Key<Job>),
    JobDebugger(Key<Job>),
    /// Nobody is left.
    Over,
}

/// An exception under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Raised {
    pub(crate) cause: Cause,
    stage: Stage,
    /// What the last handler said.
    state: ExceptionState,
    /// Whether the debugger wants to be asked again.
    strategy: ExceptionStrategy,
    /// How often there was no memory to tell the handler.
    refusals: u8,
}

/// How often a thread waits for its turn, and tries again, when there is no memory to tell a
/// handler. One that cannot be told then handles nothing.
const MOST_REFUSALS: u8 = 16;

impl Raised {
    const fn new(cause: Cause, stage: Stage) -> Self {
        Self {
            cause,
            stage,
            state: ExceptionState::TryNext,
            strategy: ExceptionStrategy::FirstChance,
            refusals: 0,
        }
    }

    /// Takes what a handler said that is done with it.
    pub(crate) const fn handled(&mut self, state: ExceptionState, strategy: ExceptionStrategy) {
        self.state = state;
        if matches!(self.stage, Stage::Debugger) {
            self.strategy = strategy;
        }
    }

    /// Whether one handler at the most is told, whose answer does not count.
    const fn is_notice(&self) -> bool {
        matches!(
            self.cause,
            Cause::ProcessStarting | Cause::ThreadStarting | Cause::ThreadExiting
        )
    }

    /// Whom to ask after the handler of this stage.
    fn next_stage(&self, objects: &Objects, thread: Key<Thread>) -> Stage {
        let job =
            |job: Option<Key<Job>>, stage: fn(Key<Job>) -> Stage| job.map_or(Stage::Over, stage);
        let own_job = || objects.get(objects.get(thread).process).job;
        let above = |key: Key<Job>| objects.jobs.get(key).and_then(|job| job.parent);
        match self.stage {
            Stage::Debugger if self.is_notice() => Stage::Over,
            Stage::Debugger => Stage::Thread,
            Stage::Thread => Stage::Process,
            Stage::Process if self.strategy == ExceptionStrategy::SecondChance => {
                Stage::DebuggerAgain
            }
            Stage::Process | Stage::DebuggerAgain => job(own_job(), Stage::Job),
            Stage::Job(key) => job(above(key), Stage::Job),
            Stage::JobDebugger(key) => job(above(key), Stage::JobDebugger),
            Stage::Over => Stage::Over,
        }
    }
}

impl Thread {
    /// Whether it has left, and a debugger looks at it for the last time.
    pub(crate) fn is_exiting(&self) -> bool {
        self.raised
            .is_some_and(|raised| raised.cause == Cause::ThreadExiting)
    }
}

impl Stage {
    fn handler(self, objects: &Objects, thread: Key<Thread>) -> Option<Handler> {
        let process = objects.get(thread).process;
        match self {
            Self::Debugger | Self::DebuggerAgain => Some(Handler::Debugger(process)),
            Self::Thread => Some(Handler::Thread(thread)),
            Self::Process => Some(Handler::Process(process)),
            Self::Job(key) => Some(Handler::Job(key)),
            Self::JobDebugger(key) => Some(Handler::JobDebugger(key)),
            Self::Over => None,
        }
    }
}

impl Kernel {
    /// Stops a thread for something that happened to it just now.
    pub(crate) fn raise(&mut self, hal: &mut DynHal, thread: Key<Thread>, cause: Cause) {
        self.objects.get_mut(thread).raised = Some(Raised::new(cause, Stage::Debugger));
        self.offer(hal, thread);
    }

    /// Notes an exception that a thread raises when the call that it is in has its answer. The
    /// first one of a call counts.
    pub(crate) fn raise_after_call(&mut self, thread: Key<Thread>, cause: Cause) {
        let thread = self.objects.get_mut(thread);
        thread
            .raised
            .get_or_insert(Raised::new(cause, Stage::Debugger));
        self.is_raising = true;
        self.objects.is_unsettled = true;
    }

    /// Has debuggers told of a thread that starts, before it is on a CPU for the first time.
    pub(super) fn announce_start(&mut self, thread: Key<Thread>, is_first: bool) {
        let process = self.objects.get(self.objects.get(thread).process);
        let job = process.job.filter(|job| is_first && self.is_debugged(*job));
        let raised = match job {
            Some(job) => Raised::new(Cause::ProcessStarting, Stage::JobDebugger(job)),
            None if process.debugger.is_bound(&self.objects) => {
                Raised::new(Cause::ThreadStarting, Stage::Debugger)
            }
            None => return,
        };
        let thread = self.objects.get_mut(thread);
        thread.raised = Some(raised);
        thread.work = Some(Work::Raise);
    }

    /// Whether a debugger listens to a job, or to one above it.
    fn is_debugged(&self, job: Key<Job>) -> bool {
        let mut next = Some(job);
        while let Some(job) = next.and_then(|key| self.objects.jobs.get(key)) {
            if job.debugger.is_bound(&self.objects) {
                return true;
            }
            next = job.parent;
        }
        false
    }

    /// Ends the running thread as it wishes; a debugger sees it go.
    pub(crate) fn exit_thread(&mut self, hal: &mut DynHal, key: Key<Thread>) {
        let process = self.objects.get(key).process;
        if self.objects.get(process).debugger.is_bound(&self.objects) {
            self.raise(hal, key, Cause::ThreadExiting);
        } else {
            self.end_stopped_thread(key);
        }
    }

    /// Offers what a thread raised to those who may handle it, until one takes it; then the thread
    /// waits.
    pub(crate) fn offer(&mut self, hal: &mut DynHal, key: Key<Thread>) {
        while let Some(raised) = self.objects.get(key).raised {
            let Some(handler) = raised.stage.handler(&self.objects, key) else {
                return self.nobody_took(hal, key, raised);
            };
            let told = self.with_heap(hal, |kernel, _| kernel.tell(key, raised.cause, handler));
            match told {
                Ok(true) => return,
                Err(_) if self.may_find_memory(raised) => {
                    let refusals = raised.refusals.saturating_add(1);
                    let thread = self.objects.get_mut(key);
                    thread.raised = Some(Raised { refusals, ..raised });
                    thread.work = Some(Work::Raise);
                    return self.make_ready(key);
                }
                Ok(false) | Err(_) => self.pass_on(key, raised),
            }
        }
    }

    /// Whether it may help to try again later.
    fn may_find_memory(&mut self, raised: Raised) -> bool {
        self.is_behind() || self.reclaim() || raised.refusals < MOST_REFUSALS
    }

    fn pass_on(&mut self, key: Key<Thread>, raised: Raised) {
        let stage = raised.next_stage(&self.objects, key);
        self.objects.get_mut(key).raised = Some(Raised { stage, ..raised });
    }

    /// Tells one handler; false when there is none.
    fn tell(&mut self, key: Key<Thread>, cause: Cause, handler: Handler) -> Result<bool, Status> {
        let Some((reader, rights)) = self.objects.reader_of(handler) else {
            return Ok(false);
        };
        let thread = self.objects.get(key);
        let info = ExceptionInfo {
            pid: self.objects.get(thread.process).head.koid,
            tid: thread.head.koid,
            exception_type: cause.exception_type(),
            padding: 0,
        };
        let budget = &mut self.mem.budget;
        let objects = &mut self.objects;
        objects
            .exceptions
            .reserve(budget)
            .map_err(crate::no_memory)?;
        let message = objects.message_of(&info.to_bytes(), 1, budget);
        let message = message.map_err(crate::no_memory)?;

        // commit
        let exception = objects.new_exception(key, handler.channel_type(), rights);
        let object = ObjectRef::Exception(exception);
        let handle = Handle::new(objects, object, Rights::DEFAULT_EXCEPTION);
        if let Some(message) = objects.messages.get_mut(message) {
            message.push_handle(handle);
        }
        let thread = objects.get_mut(key);
        thread.wait = Some(Wait::Exception(exception));
        thread.state = ThreadState::Blocked;
        self.deliver(reader, message);
        Ok(true)
    }

    /// What comes after the handler that a thread waited for.
    pub(super) fn finish_exception(&mut self, hal: &mut DynHal, key: Key<Thread>) {
        let Some(raised) = self.objects.get(key).raised else {
            return;
        };
        match raised.state {
            ExceptionState::ThreadExit if raised.cause != Cause::ThreadExiting => {
                self.objects.get_mut(key).raised = None;
                self.exit_thread(hal, key);
            }
            ExceptionState::Handled if !raised.is_notice() => {
                self.objects.get_mut(key).raised = None;
                self.make_ready(key);
            }
            _ if raised.is_notice() => self.nobody_took(hal, key, raised),
            _ => {
                self.pass_on(key, raised);
                self.offer(hal, key);
            }
        }
    }

    /// Nobody is left to ask.
    fn nobody_took(&mut self, hal: &mut DynHal, key: Key<Thread>, raised: Raised) {
        let thread = self.objects.get_mut(key);
        thread.raised = None;
        // Whatever CPU it was on is here, and done with it.
        thread.state = ThreadState::Blocked;
        match raised.cause {
            Cause::ProcessStarting => {
                self.announce_start(key, false);
                self.make_ready(key);
            }
            Cause::ThreadStarting => self.make_ready(key),
            Cause::ThreadExiting => self.end_stopped_thread(key),
            fault => self.crash(hal, key, fault),
        }
    }
}
