//! A process for scenarios: it makes the calls of a list, which the scenario writes and reads.

use crate::check::ok;
use crate::env::{Env, P, READ_WRITE};
use crate::kit::H;
use crate::{Failure, Outcome};
use core::mem::ManuallyDrop;
use jacinth_abi::{Signals, Status, ThreadInfo, VmOptions, VmoOptions};
use zx::script::{self, Step};
use zx::{Address, Job, Process, Region, Thread, Vmar, Vmo, sys};

/// Where the child has its code and its list.
const CODE: u64 = 0x40_0000;
const LIST: u64 = 0x50_0000;
/// A deadline that has passed already, to which a sleep is no sleep.
const PAST: u64 = 0;

/// A process that is killed, and waited for, when this is dropped.
pub(crate) struct Child {
    pub(crate) process: ManuallyDrop<Process>,
    pub(crate) vmar: Vmar,
    pub(crate) thread: Thread,
    /// The list, as it is mapped here.
    pub(crate) list: Region,
    /// Where its code is.
    pub(crate) code: Address,
}

/// A job by its value, which is not closed here.
pub(crate) fn job(value: u32) -> ManuallyDrop<Job> {
    ManuallyDrop::new(Job::from(H::from_value(value)))
}

/// This process.
pub(crate) fn this(env: &Env) -> ManuallyDrop<Process> {
    ManuallyDrop::new(Process::from(H::from_value(env.handles.process)))
}

fn root(env: &Env) -> ManuallyDrop<Vmar> {
    ManuallyDrop::new(Vmar::from(H::from_value(env.handles.vmar)))
}

/// Runs a function in a thread of this program.
///
/// # Errors
/// A failure of the set-up.
#[track_caller]
pub(crate) fn spawn(
    env: &Env,
    body: impl FnOnce() + Send + 'static,
) -> Result<zx::Spawned, Failure> {
    ok(zx::Spawned::start(&this(env), &root(env), "spawned", body))
}

impl Child {
    /// A process of the root job that has not started.
    ///
    /// # Errors
    /// A failure of the set-up.
    #[track_caller]
    pub(crate) fn new(env: &Env) -> Result<Self, Failure> {
        Self::in_job(env, &job(env.handles.job))
    }

    /// A process that has not started, in a job.
    ///
    /// # Errors
    /// A failure of the set-up.
    #[track_caller]
    pub(crate) fn in_job(env: &Env, job: &Job) -> Result<Self, Failure> {
        let (process, vmar) = ok(Process::create(job, "child"))?;
        let process = ManuallyDrop::new(process);
        let thread = ok(Thread::create(&process, "child-thread"))?;
        let list = ok(Vmo::create(P, VmoOptions::empty()))?;
        let here = ok(root(env).map(&list, READ_WRITE))?;
        let mut child = Self {
            process,
            vmar,
            thread,
            list: here,
            code: Address::NULL,
        };
        ok(child.map(&list, READ_WRITE, LIST))?;
        let code = ok(Vmo::create(P, VmoOptions::empty()))?;
        ok(code.write(0, script::code()))?;
        ok(code.op_range(jacinth_abi::VmoOp::CacheSync, 0, P))?;
        let code = ok(code.replace_as_executable(None))?;
        let execute = VmOptions::PERM_READ | VmOptions::PERM_EXECUTE;
        child.code = ok(child.map(&code, execute, CODE))?;
        Ok(child)
    }

    /// Maps a VMO at an address of the child.
    ///
    /// # Errors
    /// The status.
    pub(crate) fn map(&self, vmo: &Vmo, options: VmOptions, at: u64) -> Result<Address, Status> {
        let base = self.vmar.vmar_info()?.base;
        let options = options | VmOptions::SPECIFIC;
        let region = self.vmar.map_at(options, at - base, vmo, 0, vmo.size()?)?;
        let address = region.address(0);
        // It stays: it goes with its process.
        core::mem::forget(region);
        Ok(address)
    }

    /// Writes a step of its list.
    pub(crate) fn step(&self, index: u64, step: Step) {
        step.put(&self.list, LIST, index);
    }

    /// Writes a step that calls by name.
    pub(crate) fn call(&self, index: u64, name: &str, args: &[u64]) {
        self.step(index, Step::call(name, args, index + 1));
    }

    /// Writes a step after which the child spins in a call that does nothing.
    pub(crate) fn spin(&self, index: u64) {
        self.step(index, Step::call("nanosleep", &[PAST], index));
    }

    /// Starts it with a handle.
    ///
    /// # Errors
    /// The status.
    pub(crate) fn start(&self, gift: Option<H>) -> Result<(), Status> {
        let start = (CODE, 0);
        self.process
            .start(&self.thread, start, gift, script::word(LIST))
    }

    /// Where its code is.
    pub(crate) const fn entry() -> u64 {
        CODE
    }

    /// Where an address in its list is.
    pub(crate) const fn list_at(offset: u64) -> u64 {
        LIST + offset
    }

    /// Waits for its end; its return code.
    ///
    /// # Errors
    /// A failure.
    #[track_caller]
    pub(crate) fn end(&self) -> Result<i64, Failure> {
        ok(self.process.wait_for_end())
    }

    /// Kills it and waits for its end.
    ///
    /// # Errors
    /// A failure.
    #[track_caller]
    pub(crate) fn kill(&self) -> Outcome {
        ok(sys::task_kill(self.process.value()))?;
        self.end().map(|_| ())
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        // A scenario that failed half-way has no other way to be rid of it.
        if self.process.kill().is_ok() {
            self.process.wait_for_end().ok();
        }
        drop(H::from_value(self.process.value()));
    }
}

/// Waits until a thread shows a state.
///
/// # Errors
/// A failure, when it shows none like it for long.
#[track_caller]
pub(crate) fn until_state(thread: &H, state: jacinth_abi::ThreadState) -> Outcome {
    const TRIES: u32 = 20_000;
    for _ in 0..TRIES {
        let info: ThreadInfo = ok(thread.info(jacinth_abi::Topic::THREAD))?;
        if info.state == state.number() {
            return Ok(());
        }
        ok(sys::thread_legacy_yield(0))?;
    }
    crate::check::fail(alloc::format!("the thread never shows {state:?}"))
}

/// The signals of an object that are active now.
///
/// # Errors
/// A failure.
#[track_caller]
pub(crate) fn signals(handle: &H) -> Result<Signals, Failure> {
    ok(handle.pending())
}
