//! Processes: an address space, a handle table, and threads.

use super::{
    CriticalEnd, Exceptionate, Futex, Handler, Job, OfJob, OfProcess, Policy, Thread, Walk,
};
use crate::Kernel;
use crate::hal::{AspaceId, DynHal, EntryCounts};
use crate::mem::{self, Key, Link, Linked, List, WordMap};
use crate::object::{HandleTable, Head, ObjectRef};
use crate::vm::{self, Name, Vmar};
use jacinth_abi::{Property, Signals, Status, limits};

/// Where a process is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ProcessState {
    /// Its first thread has not started.
    Initial,
    /// It runs.
    Running,
    /// It was told to end; handles from this slot of the table on are still to be closed.
    Dying {
        /// The cursor in the handle table.
        next_slot: u32,
    },
    /// Nothing is left of it but its object.
    Dead,
}

/// Words that a process's dynamic linker leaves for debuggers; the kernel has no use for them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct DebugWords {
    address: u64,
    break_on_load: u64,
}

impl DebugWords {
    /// What a property says; 0 for those that are never set.
    pub(crate) const fn get(self, property: Property) -> u64 {
        match property {
            Property::ProcessDebugAddr => self.address,
            Property::ProcessBreakOnLoad => self.break_on_load,
            _ => 0,
        }
    }

    /// Sets one of them.
    ///
    /// # Errors
    /// ACCESS_DENIED for an address when there is one already; INVALID_ARGS for an address of 0.
    pub(crate) const fn set(&mut self, property: Property, word: u64) -> Result<(), Status> {
        match property {
            Property::ProcessDebugAddr if word == 0 => return Err(Status::INVALID_ARGS),
            Property::ProcessDebugAddr if self.address != 0 => return Err(Status::ACCESS_DENIED),
            Property::ProcessDebugAddr => self.address = word,
            _ => self.break_on_load = word,
        }
        Ok(())
    }
}

/// A process.
#[derive(Debug)]
pub(crate) struct Process {
    pub(crate) head: Head,
    pub(crate) name: Name,
    /// The job that it is in, until it is dead.
    pub(crate) job: Option<Key<Job>>,
    /// That job's koid, kept for good.
    pub(crate) job_koid: u64,
    /// What its job lets it do: that cannot change while there are processes.
    pub(crate) policy: Policy,
    /// The job that goes when it does: its own, or one above that.
    pub(crate) critical_to: Option<(Key<Job>, CriticalEnd)>,
    pub(crate) handles: HandleTable,
    pub(crate) aspace: AspaceId,
    /// The root of the region tree; the process holds a use on it.
    pub(crate) root_vmar: Option<Key<Vmar>>,
    /// What its page tables hold.
    pub(crate) entries: EntryCounts,
    pub(crate) state: ProcessState,
    /// The first code that was given; 0 until then.
    pub(crate) return_code: Option<i64>,
    /// When its first thread started, in ns.
    pub(crate) start_time: i64,
    /// Its threads that were started and are not dead.
    pub(crate) threads: List<Thread, OfProcess>,
    /// The addresses that they wait at.
    pub(crate) futexes: WordMap<Futex>,
    /// Who is told of its threads' exceptions.
    pub(crate) exceptionate: Exceptionate,
    /// The debugger, which is told first, and of threads that come and go.
    pub(crate) debugger: Exceptionate,
    /// For debuggers.
    pub(crate) debug: DebugWords,
    /// How many tokens stop its threads.
    pub(crate) suspends: u32,
    /// How far the ending of its threads got, when it was killed.
    pub(crate) walk: Walk,
    /// The next process whose threads are to be ended.
    pub(crate) next_ending: Option<Key<Self>>,
    /// The next process that is being torn down.
    pub(crate) next_torn_down: Option<Key<Process>>,
    /// Its place among the processes of its job.
    pub(crate) of_job: Link<Self>,
}

impl Linked<OfJob> for Process {
    fn link(&mut self) -> &mut Link<Self> {
        &mut self.of_job
    }
}

impl Kernel {
    /// Ends a process, the first code counts: teardown ends its threads, as the first thing that it
    /// does, and then all the rest, bit by bit.
    pub(crate) fn kill_process(&mut self, process: Key<Process>, return_code: i64) {
        let dying = self.objects.get_mut(process);
        dying.return_code.get_or_insert(return_code);
        if matches!(dying.state, ProcessState::Dying { .. } | ProcessState::Dead) {
            return;
        }
        dying.state = ProcessState::Dying { next_slot: 0 };
        self.objects.add_use(ObjectRef::Process(process));
        let next = self.tearing_down.replace(process);
        self.objects.is_unsettled = true;
        self.objects.get_mut(process).next_torn_down = next;
        let next = self.ending.replace(process);
        self.objects.get_mut(process).next_ending = next;
    }

    /// As [`Kernel::kill_process`], because of what one of its threads did: that one is gone at once.
    pub(crate) fn kill_process_of(&mut self, thread: Key<Thread>, return_code: i64) {
        self.kill_process(self.objects.get(thread).process, return_code);
        self.end_thread(thread);
    }

    /// Does some of the teardown of a dying process: handles first, then the address space, then
    /// the signal (tasks.md §3.3). True when it is dead.
    pub(crate) fn tear_down_process(
        &mut self,
        hal: &mut DynHal,
        key: Key<Process>,
        work: &mut mem::Work,
    ) -> bool {
        let process = self.objects.get(key);
        if !process.threads.is_empty() {
            return false;
        }
        let ProcessState::Dying { mut next_slot } = process.state else {
            return true;
        };
        while let Some((value, next)) = self.objects.get(key).handles.next_value(next_slot) {
            if !work.spend() {
                return false;
            }
            if let Some(value) = value {
                self.close_handle(key, value);
            }
            next_slot = next;
            self.objects.get_mut(key).state = ProcessState::Dying { next_slot };
        }
        if let Some(root) = self.objects.get(key).root_vmar {
            if !vm::destroy_some(self, hal, root, work) {
                return false;
            }
            self.objects.get_mut(key).root_vmar = None;
            self.objects.drop_use(ObjectRef::Vmar(root));
            hal.aspace_free(self.objects.get(key).aspace, &mut self.mem);
        }
        self.objects.get_mut(key).state = ProcessState::Dead;
        self.unbind_exceptions(Handler::Process(key));
        self.unbind_exceptions(Handler::Debugger(key));
        self.update_signals(
            ObjectRef::Process(key),
            Signals::empty(),
            Signals::TASK_TERMINATED,
        );
        if self.init == Some(key)
            && let Some(job) = self.objects.get(key).job
        {
            // The machine ends with its first process: all others go as well.
            self.kill_job(job, limits::retcode::SYSCALL_KILL);
        }
        self.tell_critical_job(key);
        self.leave_job(key);
        self.objects.drop_use(ObjectRef::Process(key));
        true
    }
}
