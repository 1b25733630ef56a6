//! Jobs: the tree that processes are in (spec: tasks.md §2).

use super::{Exceptionate, Handler, Policy, Process};
use crate::Kernel;
use crate::mem::{self, Key, Link, Linked, List, NoMemory};
use crate::object::{Head, ObjectRef};
use crate::vm::Name;
use jacinth_abi::{Signals, limits};

/// Levels of jobs below the root at the most.
const MOST_DEPTH: u32 = 32;

/// Where a job is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum JobState {
    /// It takes children.
    Alive,
    /// It was killed; so many of its jobs and processes are still to be told.
    Killed {
        /// Jobs from the front of the list on.
        jobs: u32,
        /// Processes from the front of the list on.
        processes: u32,
    },
}

/// A job.
#[derive(Debug)]
pub(crate) struct Job {
    pub(crate) head: Head,
    pub(crate) name: Name,
    /// What it is in; a use is held there.
    pub(crate) parent: Option<Key<Self>>,
    /// Levels above it.
    depth: u32,
    pub(crate) state: JobState,
    /// What its end left, 0 until then.
    pub(crate) return_code: i64,
    /// Whether it would be the first to go when memory is short; nothing kills for that yet.
    pub(crate) kill_on_oom: bool,
    /// What its processes may do.
    pub(crate) policy: Policy,
    /// Who is told of exceptions in it that its processes do not handle.
    pub(crate) exceptionate: Exceptionate,
    /// Who is told of processes that start in it.
    pub(crate) debugger: Exceptionate,
    /// The jobs in it.
    pub(crate) jobs: List<Self>,
    /// The processes in it that are not dead.
    pub(crate) processes: List<Process, OfJob>,
    /// Its place among its parent's jobs.
    link: Link<Self>,
}

impl Linked for Job {
    fn link(&mut self) -> &mut Link<Self> {
        &mut self.link
    }
}

/// Lists of the processes of one job.
#[derive(Debug)]
pub(crate) struct OfJob;

/// Which end of a critical process ends its job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CriticalEnd {
    /// Every one.
    Any,
    /// One with another code than 0.
    Nonzero,
}

/// Why no job was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum JobError {
    /// It would be too far below the root.
    TooDeep,
    /// The parent was killed.
    ParentKilled,
    /// Memory is gone.
    NoMemory,
}

impl From<NoMemory> for JobError {
    fn from(_: NoMemory) -> Self {
        Self::NoMemory
    }
}

impl Kernel {
    /// Makes a job; without a parent it is the root.
    ///
    /// # Errors
    /// See [`JobError`]; nothing is changed.
    pub(crate) fn new_job(&mut self, parent: Option<Key<Job>>) -> Result<Key<Job>, JobError> {
        let above = parent.map(|parent| self.objects.get(parent));
        let depth = above.map_or(0, |above| above.depth.saturating_add(1));
        if depth > MOST_DEPTH {
            return Err(JobError::TooDeep);
        }
        if above.is_some_and(|above| above.state != JobState::Alive) {
            return Err(JobError::ParentKilled);
        }
        let policy = above.map_or(Policy::new(), |above| above.policy);
        self.objects.jobs.reserve(&mut self.mem.budget)?;

        // commit
        let koid = self.objects.new_koid();
        let empty = Signals::JOB_NO_JOBS | Signals::JOB_NO_PROCESSES | Signals::JOB_NO_CHILDREN;
        let key = self.objects.jobs.insert_reserved(Job {
            head: Head::new(koid, empty),
            name: Name::EMPTY,
            parent,
            depth,
            state: JobState::Alive,
            return_code: 0,
            kill_on_oom: false,
            policy,
            exceptionate: Exceptionate::default(),
            debugger: Exceptionate::default(),
            jobs: List::new(),
            processes: List::new(),
            link: Link::new(),
        });
        if let Some(parent) = parent {
            self.objects.add_use(ObjectRef::Job(parent));
            let mut jobs = core::mem::take(&mut self.objects.get_mut(parent).jobs);
            jobs.push_back(&mut self.objects.jobs, key);
            self.objects.get_mut(parent).jobs = jobs;
            self.count_children(parent);
        }
        Ok(key)
    }

    /// Puts a new process into a job.
    pub(crate) fn join_job(&mut self, job: Key<Job>, process: Key<Process>) {
        self.objects.add_use(ObjectRef::Job(job));
        let list = &mut self.objects.jobs.get_mut(job);
        if let Some(job) = list {
            job.processes
                .push_back(&mut self.objects.processes, process);
        }
        self.count_children(job);
    }

    /// Takes a process that is dead out of its job.
    pub(crate) fn leave_job(&mut self, process: Key<Process>) {
        let Some(job) = self.objects.get_mut(process).job.take() else {
            return;
        };
        if let Some(job) = self.objects.jobs.get_mut(job) {
            job.processes.remove(&mut self.objects.processes, process);
        }
        self.count_children(job);
        self.objects.drop_use(ObjectRef::Job(job));
    }

    /// Frees a job that nothing refers to.
    pub(crate) fn free_job(&mut self, key: Key<Job>) {
        self.unbind_job(key);
        let Some(parent) = self.objects.get(key).parent else {
            self.objects.jobs.remove(key);
            return;
        };
        let mut jobs = core::mem::take(&mut self.objects.get_mut(parent).jobs);
        jobs.remove(&mut self.objects.jobs, key);
        self.objects.get_mut(parent).jobs = jobs;
        self.objects.jobs.remove(key);
        self.count_children(parent);
        self.objects.drop_use(ObjectRef::Job(parent));
    }

    /// Kills a job: it takes no more children, and those that it has are killed bit by bit, with
    /// the code that the job was killed with.
    pub(crate) fn kill_job(&mut self, key: Key<Job>, return_code: i64) {
        let job = self.objects.get_mut(key);
        if job.state != JobState::Alive {
            return;
        }
        job.state = JobState::Killed {
            jobs: job.jobs.len(),
            processes: job.processes.len(),
        };
        job.return_code = return_code;
        self.count_children(key);
        self.unbind_job(key);
        self.objects.queue_dying(ObjectRef::Job(key));
    }

    fn unbind_job(&mut self, key: Key<Job>) {
        self.unbind_exceptions(Handler::Job(key));
        self.unbind_exceptions(Handler::JobDebugger(key));
    }

    /// Kills some of a killed job's children, the jobs first; false when `work` ran out before.
    ///
    /// Each step moves a child to the end of its list: one that died meanwhile is in none, so all
    /// are told.
    pub(crate) fn kill_children(&mut self, key: Key<Job>, work: &mut mem::Work) -> bool {
        loop {
            let job = self.objects.get_mut(key);
            let JobState::Killed { jobs, processes } = &mut job.state else {
                return true;
            };
            let (is_job, left) = (*jobs != 0, if *jobs == 0 { processes } else { jobs });
            if *left == 0 {
                return true;
            }
            if !work.spend() {
                return false;
            }
            *left = left.saturating_sub(1);
            let code = job.return_code;
            if is_job {
                if let Some(child) = self.rotate_jobs(key) {
                    self.kill_job(child, code);
                }
            } else if let Some(process) = self.rotate_processes(key) {
                self.kill_process(process, code);
            }
        }
    }

    /// Kills the job that a process was critical to, now that it has ended.
    pub(super) fn tell_critical_job(&mut self, process: Key<Process>) {
        let process = self.objects.get_mut(process);
        let code = process.return_code.unwrap_or(0);
        if let Some((job, when)) = process.critical_to.take()
            && (when == CriticalEnd::Any || code != 0)
        {
            self.kill_job(job, limits::retcode::CRITICAL_PROCESS_KILL);
        }
    }

    /// Whether a process is in a job, or in one below it.
    pub(crate) fn is_below(&self, process: Key<Process>, job: Key<Job>) -> bool {
        let mut above = self.objects.get(process).job;
        while let Some(next) = above {
            if next == job {
                return true;
            }
            above = self.objects.get(next).parent;
        }
        false
    }

    fn rotate_jobs(&mut self, key: Key<Job>) -> Option<Key<Job>> {
        let mut jobs = core::mem::take(&mut self.objects.get_mut(key).jobs);
        let child = jobs.pop_front(&mut self.objects.jobs);
        if let Some(child) = child {
            jobs.push_back(&mut self.objects.jobs, child);
        }
        self.objects.get_mut(key).jobs = jobs;
        child
    }

    fn rotate_processes(&mut self, key: Key<Job>) -> Option<Key<Process>> {
        let job = self.objects.jobs.get_mut(key)?;
        let process = job.processes.pop_front(&mut self.objects.processes)?;
        job.processes
            .push_back(&mut self.objects.processes, process);
        Some(process)
    }

    /// Brings a job's signals in line with what is in it.
    fn count_children(&mut self, key: Key<Job>) {
        let job = self.objects.get(key);
        let (no_jobs, no_processes) = (job.jobs.is_empty(), job.processes.is_empty());
        let is_killed = job.state != JobState::Alive;
        let is_empty = no_jobs && no_processes;
        let mut set = Signals::empty();
        set.set(Signals::JOB_NO_JOBS, no_jobs);
        set.set(Signals::JOB_NO_PROCESSES, no_processes);
        set.set(Signals::JOB_NO_CHILDREN, is_empty);
        set.set(Signals::TASK_TERMINATED, is_empty && is_killed);
        let all = Signals::JOB_NO_JOBS | Signals::JOB_NO_PROCESSES | Signals::JOB_NO_CHILDREN;
        self.update_signals(ObjectRef::Job(key), all & !set, set);
    }
}
