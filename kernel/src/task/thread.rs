//! Threads, and what a blocked one waits for: the continuation as data.

use super::queues::Standing;
use super::wait::Ended;
use super::{Exceptionate, Handler, Process, Raised, Wait};
use crate::call::Out;
use crate::hal::{ContextId, CpuId, DynHal};
use crate::mem::{self, Key, Link, Linked, Pool};
use crate::object::{Bti, Cancel, Head, ObjectRef, Objects};
use crate::syscall::{
    Child, Consume, List, Peek, Pin, Reply, Requeue, SnapshotCall, VmoCall, WakeSome,
};
use crate::vm::{
    Fill, Inner, LockHow, Name, Overwrite, PolicyChange, Protect, RangeOp, RangePages, RegionRange,
    SizeChange, Transfer, Vmar, Vmo,
};
use crate::{Kernel, VirtRange};
use jacinth_abi::{Signals, Status};

/// Where a thread is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ThreadState {
    /// Never started.
    New,
    /// Waits for a CPU.
    Ready,
    /// On this CPU.
    Running(usize),
    /// In a wait.
    Blocked,
    /// Stopped until nobody suspends it any more.
    Suspended,
    /// Over; its context is given back by the teardown.
    Dead,
}

/// A call whose work is not finished: the thread is ready, and goes on here when it is chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Work {
    /// All of a call that found no memory while teardown was about to free some.
    Call { number: u64, args: [u64; 8] },
    /// `zx_vmar_unmap`, or the undoing of a mapping: what to answer when it is done.
    Unmap {
        vmar: Key<Vmar>,
        range: VirtRange,
        inner: Inner,
        answer: i64,
    },
    /// `zx_vmar_unmap_handle_close_thread_exit`
    UnmapAndExit {
        vmar: Key<Vmar>,
        range: VirtRange,
        inner: Inner,
        close_handle: u32,
    },
    /// `zx_vmar_destroy`
    Destroy { vmar: Key<Vmar> },
    /// `zx_vmar_map` with MAP_RANGE, and where its answer goes.
    Fill { fill: Fill, out: u64 },
    /// `zx_vmar_map` with SPECIFIC_OVERWRITE, and where its answer goes.
    Overwrite { overwrite: Overwrite, out: u64 },
    /// `zx_vmar_protect`
    Protect(Protect),
    /// `zx_vmo_read`, `zx_vmo_write`
    Copy {
        vmo: Key<Vmo>,
        offset: u64,
        buffer: u64,
        len: u64,
        to_user: bool,
    },
    /// `zx_object_get_info` of a VMO that shares pages.
    VmoInfo(VmoCall),
    /// `zx_object_get_info` of a topic that lists records.
    List(List),
    /// `zx_vmo_create_child` for a snapshot.
    Snapshot(SnapshotCall),
    /// `zx_vmo_op_range`, `zx_vmo_set_stream_size`
    Range { op: RangeOp, pages: RangePages },
    /// `zx_vmar_op_range`
    RegionRange(RegionRange),
    /// `ZX_VMO_OP_LOCK`, `ZX_VMO_OP_TRY_LOCK`
    Lock { vmo: Key<Vmo>, how: LockHow },
    /// `zx_vmo_set_size`
    SetSize(SizeChange),
    /// `zx_vmo_set_cache_policy`
    CachePolicy(PolicyChange),
    /// `zx_vmo_transfer_data`
    Transfer(Transfer),
    /// `zx_handle_close_many`: the rest of the array, and whether an entry was bad so far.
    CloseMany {
        handles: u64,
        count: u64,
        any_bad: bool,
    },
    /// `zx_bti_pin`; holds a use of the pinned range.
    Pin(Pin),
    /// `zx_vmo_create_contiguous`: the first page that is still to be cleared, and where the answer
    /// goes; holds a use of the VMO.
    Clear {
        vmo: Key<Vmo>,
        done: u64,
        out: Out<u32>,
    },
    /// `zx_object_get_child`
    Child(Child),
    /// `zx_process_read_memory`, `zx_process_write_memory`
    Peek(Peek),
    /// `zx_bti_release_quarantine`: how many ranges are still to be unpinned.
    ReleaseQuarantine { bti: Key<Bti>, left: u32 },
    /// A write to a channel that failed: the rest of its handles, which are gone all the same.
    Consume(Consume),
    /// The answer to `zx_channel_call`; owns the message.
    Reply(Reply),
    /// `zx_port_cancel`, `zx_port_cancel_key`
    Cancel(Cancel),
    /// `zx_futex_wake`
    Wake(WakeSome),
    /// `zx_futex_requeue`
    Requeue(Requeue),
    /// No call: what the thread raised is still to be offered.
    Raise,
}

/// How a wait ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum WaitEnd {
    /// What it waited for came, or was cancelled.
    Event,
    /// The deadline passed.
    Deadline,
}

/// A thread.
#[derive(Debug)]
pub(crate) struct Thread {
    pub(crate) head: Head,
    pub(crate) name: Name,
    pub(crate) process: Key<Process>,
    pub(crate) context: ContextId,
    pub(crate) state: ThreadState,
    pub(crate) wait: Option<Wait>,
    pub(crate) work: Option<Work>,
    pub(crate) wait_end: Option<WaitEnd>,
    /// The exception that it is in, or will be when its call is over.
    pub(crate) raised: Option<Raised>,
    /// Who is told of its exceptions.
    pub(crate) exceptionate: Exceptionate,
    /// What the scheduler knows of it.
    pub(crate) standing: Standing,
    /// How many tokens stop it, those of its process apart.
    pub(crate) suspends: u32,
    /// Its place in the heap of deadlines, while it has one.
    pub(crate) timer_slot: Option<usize>,
    /// Its place in the ready queue or in the queue of the woken; never in both.
    link: Link<Self>,
    /// Its place among the threads of its process, until it is dead.
    of_process: Link<Self>,
    /// Its place among the threads that wait for the same thing.
    pub(super) waiting: Link<Self>,
}

impl Linked for Thread {
    fn link(&mut self) -> &mut Link<Self> {
        &mut self.link
    }
}

/// Lists of the threads of one process.
#[derive(Debug)]
pub(crate) struct OfProcess;

impl Linked<OfProcess> for Thread {
    fn link(&mut self) -> &mut Link<Self> {
        &mut self.of_process
    }
}

impl Thread {
    /// A thread that was never started.
    pub(crate) fn new(koid: u64, process: Key<Process>, context: ContextId, name: Name) -> Self {
        Self {
            head: Head::new(koid, Signals::empty()),
            name,
            process,
            context,
            state: ThreadState::New,
            wait: None,
            work: None,
            wait_end: None,
            raised: None,
            exceptionate: Exceptionate::default(),
            standing: Standing::new(),
            suspends: 0,
            timer_slot: None,
            link: Link::new(),
            of_process: Link::new(),
            waiting: Link::new(),
        }
    }
}

impl Objects {
    /// Whether a thread was started and is not dead: then it is among those of its process.
    pub(super) fn is_counted(&self, key: Key<Thread>) -> bool {
        let thread = self.threads.get(key);
        thread.is_some_and(|thread| thread.of_process.is_linked())
    }
}

impl Kernel {
    /// Ends the wait of a thread: it joins the queue of the woken, which `enter` drains.
    pub(crate) fn wake(&mut self, thread: Key<Thread>) {
        self.wake_with(thread, WaitEnd::Event);
    }

    /// As [`Kernel::wake`], saying why. Only the first reason counts.
    pub(crate) fn wake_with(&mut self, key: Key<Thread>, end: WaitEnd) {
        let thread = self.objects.get_mut(key);
        if thread.state == ThreadState::Blocked && thread.wait_end.is_none() {
            thread.wait_end = Some(end);
            // One that has stopped hears of it when it goes on.
            if !thread.head.signals.contains(Signals::THREAD_SUSPENDED) {
                self.woken.push_back(&mut self.objects.threads, key);
                self.objects.is_unsettled = true;
            }
        }
    }

    /// Gives woken threads their answers and makes them ready, as many as an event may; true when
    /// none is left. What `cpu` runs has its own already.
    pub(crate) fn finish_waits(&mut self, hal: &mut DynHal, cpu: CpuId) -> bool {
        let mut work = mem::Work::new(mem::Work::EVENT);
        while !self.woken.is_empty() {
            if !work.spend() {
                return false;
            }
            let Some(key) = self.woken.pop_front(&mut self.objects.threads) else {
                break;
            };
            let thread = self.objects.get_mut(key);
            let (wait, end) = (thread.wait.take(), thread.wait_end.take());
            if thread.timer_slot.is_some() {
                self.timers.remove(&mut self.objects.threads, key);
            }
            if let (Some(wait), Some(end)) = (wait, end) {
                let ended = self.finish_wait(hal, key, wait, end);
                if matches!(ended, Ended::Seen) {
                    continue;
                }
                let thread = self.objects.get_mut(key);
                match ended {
                    Ended::GoesOn(reply) => thread.work = Some(Work::Reply(reply)),
                    Ended::Answer(answer) => {
                        let status = Status::from_result(answer);
                        hal.context_set_result(thread.context, i64::from(status));
                        if thread.raised.is_some() {
                            self.offer(hal, key);
                            continue;
                        }
                    }
                    Ended::Seen => {}
                }
                self.place_woken(cpu, key);
            }
        }
        true
    }

    /// Ends a thread wherever it is. One that is on a CPU ends when that CPU is in the kernel and
    /// done with it, at once or after a kick: until then the CPU may run it and uses its registers.
    pub(crate) fn end_thread(&mut self, key: Key<Thread>) {
        match self.objects.get(key).state {
            ThreadState::Dead => {}
            ThreadState::Running(cpu) => self.sched.leave(cpu, key),
            _ => self.end_stopped_thread(key),
        }
    }

    /// Ends a thread that is on no CPU, or on the one that is here: it never runs user code again.
    pub(crate) fn end_stopped_thread(&mut self, key: Key<Thread>) {
        let thread = self.objects.get_mut(key);
        let was = core::mem::replace(&mut thread.state, ThreadState::Dead);
        let (wait, woken, process) = (
            thread.wait.take(),
            thread.wait_end.take().is_some(),
            thread.process,
        );
        thread.raised = None;
        let work = thread.work.take();
        if let Some(work) = work {
            work.abandon(self);
            self.objects.let_go(&work);
        }
        if woken {
            self.woken.remove(&mut self.objects.threads, key);
        }
        if was == ThreadState::Ready {
            self.sched.remove(&mut self.objects.threads, key);
        }
        self.timers.remove(&mut self.objects.threads, key);
        if let Some(wait) = wait {
            wait.abandon(self, key);
        }
        self.unbind_exceptions(Handler::Thread(key));
        self.update_signals(
            ObjectRef::Thread(key),
            Signals::THREAD_RUNNING | Signals::THREAD_SUSPENDED,
            Signals::TASK_TERMINATED,
        );
        if was == ThreadState::New {
            return;
        }
        let is_last = self.with_threads_of(process, |live, pool| {
            live.remove(pool, key);
            live.is_empty()
        });
        self.objects.drop_use(ObjectRef::Thread(key));
        if is_last {
            self.kill_process(process, 0);
        }
    }

    /// Lends the list of a process's threads together with the pool that holds them.
    pub(crate) fn with_threads_of<R>(
        &mut self,
        process: Key<Process>,
        act: impl FnOnce(&mut mem::List<Thread, OfProcess>, &mut Pool<Thread>) -> R,
    ) -> R {
        let Objects {
            processes, threads, ..
        } = &mut self.objects;
        let process = processes.get_mut(process);
        let process = process.expect("a counted reference names a live object");
        act(&mut process.threads, threads)
    }
}
