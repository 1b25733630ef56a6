//! How processes and threads are made, and how threads start.

use super::{DebugWords, Exceptionate, Job, Process, ProcessState, Thread, Walk};
use crate::Kernel;
use crate::hal::{DynHal, EntryCounts, ThreadStart};
use crate::mem::{Key, Link, List, NoMemory, WordMap};
use crate::object::{HandleTable, Head, ObjectRef};
use crate::vm::{self, Name, Vmar};
use jacinth_abi::Signals;

impl Kernel {
    /// Makes a process with an empty address space, in a job that takes it; its root region, too.
    ///
    /// # Errors
    /// [`NoMemory`], with nothing changed.
    pub(crate) fn new_process(
        &mut self,
        hal: &mut DynHal,
        job: Key<Job>,
        name: Name,
    ) -> Result<(Key<Process>, Key<Vmar>), NoMemory> {
        self.objects.processes.reserve(&mut self.mem.budget)?;
        self.objects.vmars.reserve(&mut self.mem.budget)?;
        let frame = self.mem.table_alloc()?;

        // commit
        let aspace = hal.aspace_new(frame);
        let [a, b, c, d, ..] = hal.entropy().to_le_bytes();
        let koid = self.objects.new_koid();
        let owner = self.objects.get(job);
        let (job_koid, policy) = (owner.head.koid, owner.policy);
        let key = self.objects.processes.insert_reserved(Process {
            head: Head::new(koid, Signals::empty()),
            name,
            job: Some(job),
            job_koid,
            policy,
            critical_to: None,
            handles: HandleTable::new(u32::from_le_bytes([a, b, c, d])),
            aspace,
            root_vmar: None,
            entries: EntryCounts::default(),
            state: ProcessState::Initial,
            return_code: None,
            start_time: 0,
            threads: List::new(),
            futexes: WordMap::new(),
            exceptionate: Exceptionate::default(),
            debugger: Exceptionate::default(),
            debug: DebugWords::default(),
            suspends: 0,
            walk: Walk::default(),
            next_ending: None,
            next_torn_down: None,
            of_job: Link::new(),
        });
        self.join_job(job, key);
        let root = vm::root_vmar_reserved(self, key);
        self.objects.get_mut(key).root_vmar = Some(root);
        self.objects.add_use(ObjectRef::Vmar(root));
        Ok((key, root))
    }

    /// Makes a thread that is not started. Its process does not count it until then.
    ///
    /// # Errors
    /// [`NoMemory`], with nothing changed.
    pub(crate) fn new_thread(
        &mut self,
        hal: &mut DynHal,
        process: Key<Process>,
        name: Name,
    ) -> Result<Key<Thread>, NoMemory> {
        self.objects.threads.reserve(&mut self.mem.budget)?;
        self.objects.reserve_futex(&mut self.mem.budget)?;
        let frame = self.mem.frame_alloc()?;
        if let Err(error) = self.timers.add(&mut self.mem.budget) {
            self.mem.frame_free(frame);
            return Err(error);
        }

        // commit
        let context = hal.context_new(frame);
        let koid = self.objects.new_koid();
        let thread = Thread::new(koid, process, context, name);
        let key = self.objects.threads.insert_reserved(thread);
        self.objects.add_use(ObjectRef::Process(process));
        Ok(key)
    }

    /// Starts a thread that never ran, and its process with it.
    pub(crate) fn start_thread(&mut self, hal: &mut DynHal, key: Key<Thread>, start: ThreadStart) {
        let thread = self.objects.get(key);
        let (context, process) = (thread.context, thread.process);
        hal.context_start(context, start);
        let owner = self.objects.get_mut(process);
        let is_first = owner.state == ProcessState::Initial;
        if is_first {
            owner.state = ProcessState::Running;
            owner.start_time = hal.now();
        }
        self.with_threads_of(process, |live, pool| live.push_back(pool, key));
        self.objects.add_use(ObjectRef::Thread(key));
        self.announce_start(key, is_first);
        if self.objects.get(key).work.is_none() && self.is_suspended(key) {
            // Not one instruction before that, and no signal that says so.
            return self.park(key);
        }
        self.update_signals(
            ObjectRef::Thread(key),
            Signals::empty(),
            Signals::THREAD_RUNNING,
        );
        self.make_ready(key);
    }
}
