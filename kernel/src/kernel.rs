//! The state machine: events in, what to do next out.

use crate::call::{Call, Flow, SysResult};
use crate::entropy::Stirred;
use crate::hal::{CpuId, DynHal};
use crate::mem::{self, Budget, Frame, Key, List, Mem, NoMemory};
use crate::object::{HandleTable, Objects, Packet, Resources, Timer, Unstamped};
use crate::syscall;
use crate::task::{Process, Scheduler, Thread, ThreadState, TimerHeap, WaitEnd, Work};
use crate::{Event, MachineInfo, Next, PhysAddr, VirtRange};
use jacinth_abi::{ExitCode, PolicyCondition, Status};

/// The whole state of the kernel, behind one lock that the machine's owner holds around `enter`.
#[derive(Debug)]
pub struct Kernel {
    pub(crate) mem: Mem,
    pub(crate) objects: Objects,
    pub(crate) resources: Resources,
    pub(crate) sched: Scheduler,
    /// The deadlines of threads.
    pub(crate) timers: TimerHeap<Thread>,
    /// The deadlines of timers.
    pub(crate) alarms: TimerHeap<Timer>,
    /// Threads whose wait is over and whose answer is still to be set.
    pub(crate) woken: List<Thread>,
    /// Whether the call of this event raises an exception when it has its answer.
    pub(crate) is_raising: bool,
    /// Packets that are to be told what time it is, before the event is over.
    pub(crate) unstamped: List<Packet, Unstamped>,
    /// Processes that were killed and whose threads are still to be ended.
    pub(crate) ending: Option<Key<Process>>,
    /// Processes that are being torn down.
    pub(crate) tearing_down: Option<Key<Process>>,
    /// The first process: when it is dead the machine ends.
    pub(crate) init: Option<Key<Process>>,
    /// Whether `init` ended by an exception.
    pub(crate) init_crashed: bool,
    /// Width of physical addresses in bits.
    pub(crate) phys_bits: u32,
    /// The addresses that user mappings may take.
    pub(crate) user: VirtRange,
    /// How far below the end of a stack a first thread starts, in bytes.
    pub(crate) stack_bias: u64,
    /// Frames that the machine's heap took for good.
    pub(crate) heap_frames: u64,
    /// The page of zeros that reads are shown where memory is not committed.
    pub(crate) zero_page: Option<PhysAddr>,
    /// All RAM of the machine, in bytes.
    pub(crate) ram_bytes: u64,
    /// What programs stirred into what is random.
    pub(crate) stirred: Stirred,
}

/// A system call with what is needed when it is not over at once. All of it is in memory, where
/// the call itself must be: registers would have to be saved by every call.
struct Entered<'a, 'e> {
    call: Call<'a>,
    cpu: CpuId,
    number: u64,
    args: &'e [u64; 8],
}

impl Entered<'_, '_> {
    /// What comes after a call that failed, waits, goes on later, or left something to do.
    #[inline(never)]
    fn after_call(&mut self, mut result: SysResult) -> Next {
        let Self {
            ref mut call,
            cpu,
            number,
            args,
        } = *self;
        if matches!(result, Err(Status::NO_MEMORY)) {
            let (thread, process, aspace) = (call.thread, call.process, call.aspace);
            // An error leaves the kernel as it was, so the call can be made again.
            result = call
                .kernel
                .with_larger_heap(call.hal, result, |kernel, hal| {
                    let mut again = Call {
                        kernel,
                        hal,
                        thread,
                        process,
                        aspace,
                    };
                    syscall::dispatch(&mut again, number, args)
                });
            let args = *args;
            result = call
                .kernel
                .unless_behind(result, || Work::Call { number, args });
        }
        let Call {
            ref mut kernel,
            ref mut hal,
            thread,
            process,
            ..
        } = *call;
        if matches!(result, Err(Status::BAD_HANDLE)) && !syscall::only_asks(number, args) {
            // The answer stays the same; the policy may end the process.
            kernel
                .enforce(process, thread, PolicyCondition::BadHandle)
                .ok();
        }
        kernel.is_raising = false;
        if kernel.answer(*hal, thread, result) && (kernel.nothing_pending() || kernel.buries(*hal))
        {
            return Next::Resume;
        }
        kernel.settle(*hal, cpu, &Event::Syscall { number, args })
    }
}

impl Kernel {
    /// Makes the kernel of a machine; no process yet.
    ///
    /// # Errors
    /// [`NoMemory`] when the heap cannot hold the records of the machine's memory.
    pub fn new(info: &MachineInfo<'_>) -> Result<Self, NoMemory> {
        let mut mem = Mem::new(info.free_ram)?;
        let resources = Resources::new(info, &mut mem)?;
        let sched = Scheduler::new(info.cpus, info.wander, &mut mem.budget)?;
        Ok(Self {
            mem,
            objects: Objects::new(),
            resources,
            sched,
            timers: TimerHeap::new(),
            alarms: TimerHeap::new(),
            woken: List::new(),
            is_raising: false,
            unstamped: List::new(),
            ending: None,
            tearing_down: None,
            init: None,
            init_crashed: false,
            phys_bits: info.phys_bits,
            user: info.user,
            stack_bias: info.stack_bias,
            heap_frames: 0,
            zero_page: None,
            ram_bytes: info.ram_bytes,
            stirred: Stirred::new(),
        })
    }

    /// The free frames and the budget: for tests that count, and that fail allocations.
    pub const fn mem(&mut self) -> &mut Mem {
        &mut self.mem
    }

    /// Takes an event from the machine and says what `cpu` does now.
    #[inline]
    pub fn enter(&mut self, hal: &mut DynHal, cpu: CpuId, event: Event<'_>) -> Next {
        let Event::Syscall { number, args } = event else {
            return self.other_event(hal, cpu, &event);
        };
        match self.syscall(hal, cpu, number, args) {
            Ok(answer) => {
                if let Some(current) = self.sched.current(cpu) {
                    hal.context_set_result(current.context, answer);
                }
                Next::Resume
            }
            Err(next) => next,
        }
    }

    /// Takes a system call, as [`Kernel::enter`] does.
    ///
    /// The shortest way through is a call that is over at once and leaves nothing to do: its answer
    /// is for the caller to put where the thread finds it, and all that is rare is kept out of this
    /// function, so that it needs few registers.
    ///
    /// # Errors
    /// What `cpu` does now if it is not that simple; the answer, if there is one, is in the context.
    #[inline(always)]
    pub fn syscall(
        &mut self,
        hal: &mut DynHal,
        cpu: CpuId,
        number: u64,
        args: &[u64; 8],
    ) -> Result<i64, Next> {
        let Some(current) = self.sched.current(cpu) else {
            return Err(self.settle(hal, cpu, &Event::Syscall { number, args }));
        };
        let mut entered = Entered {
            call: Call {
                kernel: self,
                hal,
                thread: current.thread,
                process: current.process,
                aspace: current.aspace,
            },
            cpu,
            number,
            args,
        };
        let result = syscall::dispatch(&mut entered.call, number, args);
        match result {
            Ok(Flow::Done(answer)) if entered.call.kernel.nothing_pending() => Ok(answer),
            result => Err(entered.after_call(result)),
        }
    }

    /// Tears objects down when that is all there is to do, as after most calls that close the last
    /// handle to something; true when it is done and the running thread may simply go on.
    fn buries(&mut self, hal: &mut DynHal) -> bool {
        let is_all = self.woken.is_empty() && self.unstamped.is_empty();
        if !is_all || self.tearing_down.is_some() || self.sched.is_behind() {
            return false;
        }
        let mut work = mem::Work::new(mem::Work::EVENT);
        self.tear_down(hal, &mut work) && self.nothing_pending() && !self.sched.any_leaving()
    }

    /// Takes an event that is no system call.
    #[inline(never)]
    fn other_event(&mut self, hal: &mut DynHal, cpu: CpuId, event: &Event<'_>) -> Next {
        match *event {
            Event::PageFault {
                address,
                access,
                code,
            } => {
                if self.page_fault(hal, cpu, address, access, code) && self.nothing_pending() {
                    return Next::Resume;
                }
            }
            Event::Exception {
                kind,
                code,
                address,
            } => self.exception(hal, cpu, kind, code, address),
            Event::Timer => self.timer_fired(cpu),
            Event::Syscall { .. } | Event::Start | Event::Kick => {}
        }
        self.settle(hal, cpu, event)
    }

    /// Whether the running thread may simply go on.
    #[inline]
    fn nothing_pending(&mut self) -> bool {
        if self.objects.is_unsettled {
            self.objects.is_unsettled = !self.is_settled();
        }
        debug_assert!(
            self.objects.is_unsettled || self.is_settled(),
            "whoever leaves something to do says so"
        );
        !self.objects.is_unsettled
    }

    /// Looks for all that an event can leave to do.
    const fn is_settled(&self) -> bool {
        self.woken.is_empty()
            && !self.sched.any_fresh()
            && self.unstamped.is_empty()
            && !self.is_raising
            && !self.is_behind()
    }

    /// Does what an event left to do, and chooses a thread.
    ///
    /// Most events that come here are calls which wait, or end the wait of somebody: they have
    /// nothing more to do than that.
    #[inline(never)]
    fn settle(&mut self, hal: &mut DynHal, cpu: CpuId, event: &Event<'_>) -> Next {
        let is_call = matches!(event, Event::Syscall { .. });
        let mut has_chores = !is_call || self.has_chores(cpu);
        if !has_chores {
            let all_answered = self.finish_waits(hal, cpu);
            has_chores = !all_answered || self.has_chores(cpu);
        }
        if has_chores && let Some(code) = self.do_chores(hal, cpu) {
            return Next::Halt(code);
        }
        let next = self.choose(hal, cpu, event);
        self.tell_others(hal, cpu);
        match next {
            // What waits for a thread to leave another CPU goes on there.
            Next::Idle if self.sched.is_behind() && !self.sched.any_leaving() => Next::Again,
            next => next,
        }
    }

    /// Whether a call left more to do than to wake threads and to choose one. No deadlines: the
    /// timer says when they are over.
    fn has_chores(&self, cpu: CpuId) -> bool {
        self.is_behind()
            || self.sched.is_behind()
            || !self.unstamped.is_empty()
            || !self.objects.suspend_tokens.is_empty()
            || self.sched.has_leaving(cpu)
    }

    /// Long calls, deadlines, teardown, and the waits that end with them; the exit code when the
    /// machine is to halt.
    #[inline(never)]
    fn do_chores(&mut self, hal: &mut DynHal, cpu: CpuId) -> Option<ExitCode> {
        if let Some(thread) = self.sched.take_leaving(cpu) {
            self.end_stopped_thread(thread);
        }
        self.continue_work(hal, cpu);
        self.is_raising = false;
        self.stop_running(cpu);
        if self.first_deadline() != i64::MAX {
            let now = hal.now();
            // What is left over is due at once, when the timer goes off.
            self.fire_alarms(now);
            let mut work = mem::Work::new(mem::Work::EVENT);
            while work.spend()
                && let Some(thread) = self.timers.pop_due(&mut self.objects.threads, now)
            {
                self.wake_with(thread, WaitEnd::Deadline);
            }
        }
        let mut work = mem::Work::new(mem::Work::EVENT);
        let all_done = self.tear_down(hal, &mut work);
        if !self.objects.suspend_tokens.is_empty() {
            // Teardown stops threads as well.
            self.stop_running(cpu);
        }
        if !self.unstamped.is_empty() {
            self.stamp_packets(hal.now());
        }
        self.finish_waits(hal, cpu);
        while let Some(thread) = self.sched.take_leaving(cpu) {
            // An exception that nobody handled took this CPU's thread along.
            self.end_stopped_thread(thread);
            self.finish_waits(hal, cpu);
        }
        let all_done = all_done && self.woken.is_empty() && !self.is_behind();
        self.sched.set_behind(!all_done);
        if !all_done {
            return None;
        }
        let code = self.verdict()?;
        // Nothing shows it any more, and whoever counts frames now finds them all.
        if let Some(zeros) = self.zero_page.take() {
            self.mem.frame_free(Frame::claim(zeros));
        }
        Some(code)
    }

    /// The earliest deadline in ns; `i64::MAX` when there is none.
    pub(crate) fn first_deadline(&self) -> i64 {
        self.timers
            .first_deadline()
            .min(self.alarms.first_deadline())
    }

    /// The machine's exit code, once `init` is dead and torn down.
    fn verdict(&self) -> Option<ExitCode> {
        let init = self.objects.get(self.init?);
        if init.state != crate::task::ProcessState::Dead {
            return None;
        }
        if self.init_crashed {
            return Some(ExitCode::InitKilled);
        }
        Some(ExitCode::from_init(init.return_code.unwrap_or(0)))
    }

    /// Takes the outcome of a call, or of a piece of one; true when the thread goes on.
    fn answer(&mut self, hal: &mut DynHal, key: Key<Thread>, result: SysResult) -> bool {
        let context = match self.objects.threads.get(key) {
            Some(thread) if thread.state != ThreadState::Dead => thread.context,
            _ => return false,
        };
        let value = match result {
            Ok(Flow::Done(value)) => value,
            Err(status) => {
                if status == Status::NO_MEMORY {
                    // The call left everything as it was: it raised nothing, either.
                    self.objects.get_mut(key).raised = None;
                }
                i64::from(status.raw())
            }
            Ok(Flow::Block(wait)) => {
                self.objects.get_mut(key).wait = Some(wait);
                self.block(hal, key);
                return false;
            }
            Ok(Flow::Waits) => {
                self.block(hal, key);
                return false;
            }
            Ok(Flow::Yield(value)) => {
                hal.context_set_result(context, value);
                if self.objects.get(key).raised.is_some() {
                    self.offer(hal, key);
                } else {
                    self.make_ready(key);
                }
                return false;
            }
            Ok(Flow::Again(work)) => {
                self.objects.put_off(key, work);
                self.make_ready(key);
                return false;
            }
            Ok(Flow::Gone) => return false,
        };
        hal.context_set_result(context, value);
        if self.objects.get(key).raised.is_some() {
            self.offer(hal, key);
            return false;
        }
        true
    }

    /// Takes a thread that knows what it waits for off its CPU.
    fn block(&mut self, hal: &mut DynHal, key: Key<Thread>) {
        self.objects.get_mut(key).state = ThreadState::Blocked;
        if self.is_suspended(key) {
            self.interrupt(hal, key);
        }
    }

    /// Goes on with the long call of the thread that `cpu` was given, if it is in one.
    fn continue_work(&mut self, hal: &mut DynHal, cpu: CpuId) {
        let Some(current) = self.sched.current(cpu) else {
            return;
        };
        let Some(thread) = self.objects.threads.get_mut(current.thread) else {
            return;
        };
        if thread.state != ThreadState::Running(cpu) {
            return;
        }
        let Some(work) = thread.work.take() else {
            return;
        };
        if work == Work::Raise {
            return self.offer(hal, current.thread);
        }
        let result = self.with_heap(hal, |kernel, hal| {
            let mut call = Call {
                kernel,
                hal,
                thread: current.thread,
                process: current.process,
                aspace: current.aspace,
            };
            syscall::go_on(&mut call, work)
        });
        let result = self.unless_behind(result, || work);
        if result.is_err() {
            work.abandon(self);
        }
        let goes_on = self.answer(hal, current.thread, result);
        self.objects.let_go(&work);
        if goes_on {
            // It was chosen for its work only: it still needs its address space and a fair turn.
            self.make_ready(current.thread);
        }
    }

    /// Tears down what died, within `work`; true when nothing is left to do.
    fn tear_down(&mut self, hal: &mut DynHal, work: &mut mem::Work) -> bool {
        while self.end_threads(work)
            && let Some(object) = self.objects.pop_dying()
        {
            if !self.tear_down_object(hal, object, work) {
                self.objects.queue_dying(object);
                return false;
            }
            if !work.spend() {
                return self.nothing_pending();
            }
        }
        if !self.end_threads(work) {
            return false;
        }
        while let Some(process) = self.tearing_down {
            if !self.tear_down_process(hal, process, work) {
                return false;
            }
            self.tearing_down = self
                .objects
                .processes
                .get(process)
                .and_then(|dead| dead.next_torn_down);
        }
        self.objects.none_dying()
    }

    /// Does something that leaves the kernel as it was when memory is short; if it was the heap
    /// that refused, grows it and tries once more.
    #[inline]
    pub(crate) fn with_heap<T>(
        &mut self,
        hal: &mut DynHal,
        act: impl Fn(&mut Self, &mut DynHal) -> Result<T, Status>,
    ) -> Result<T, Status> {
        let result = act(self, hal);
        self.with_larger_heap(hal, result, act)
    }

    /// Tries once more what came to `result`, if the heap refused and can be grown.
    #[inline]
    fn with_larger_heap<T>(
        &mut self,
        hal: &mut DynHal,
        result: Result<T, Status>,
        act: impl Fn(&mut Self, &mut DynHal) -> Result<T, Status>,
    ) -> Result<T, Status> {
        let is_short =
            matches!(result, Err(Status::NO_MEMORY)) && self.mem.budget.take_heap_failure();
        if is_short && self.grow_heap(hal) {
            return act(self, hal);
        }
        result
    }

    /// Whether teardown is under way, which may bring memory back.
    #[must_use]
    pub const fn is_behind(&self) -> bool {
        !self.objects.none_dying() || self.tearing_down.is_some()
    }

    /// The outcome of a call, unless memory is short while teardown is under way: then the call is
    /// made again, as `work`, when there is more.
    #[inline]
    fn unless_behind(&mut self, result: SysResult, work: impl FnOnce() -> Work) -> SysResult {
        if matches!(result, Err(Status::NO_MEMORY)) && (self.is_behind() || self.reclaim()) {
            return Ok(Flow::Again(work()));
        }
        result
    }

    /// Grows the machine's heap by frames of the pool.
    fn grow_heap(&mut self, hal: &mut DynHal) -> bool {
        // 2 MiB at a time; less when memory is scattered or nearly gone.
        for order in [9, 6, 4] {
            if let Ok(run) = self.mem.frames.alloc_order(order) {
                if let Err(run) = hal.heap_grow(run) {
                    self.mem.frames.free_order(run.base, order);
                    return false;
                }
                self.heap_frames = self.heap_frames.wrapping_add(run.pages);
                return true;
            }
        }
        false
    }

    /// Makes sure that a process can take `count` more handles.
    #[inline]
    pub(crate) fn reserve_handles(
        &mut self,
        process: Key<Process>,
        count: u32,
    ) -> Result<(), Status> {
        let (table, in_all, budget) = self.table(process);
        table
            .reserve(count, in_all, budget)
            .map_err(crate::no_memory)
    }

    /// A process's handles, and what [`HandleTable::reserve`] asks for.
    pub(crate) fn table(&mut self, process: Key<Process>) -> (&mut HandleTable, u32, &mut Budget) {
        let in_all = self.objects.handle_count;
        let table = &mut self.objects.get_mut(process).handles;
        (table, in_all, &mut self.mem.budget)
    }

    /// Closes a handle of a process, cancelling the waits made through it.
    ///
    /// Returns whether there was one.
    pub(crate) fn close_handle(&mut self, process: Key<Process>, value: u32) -> bool {
        let Some(handle) = self.objects.get_mut(process).handles.remove(value) else {
            return false;
        };
        self.end_handle(handle);
        true
    }
}
