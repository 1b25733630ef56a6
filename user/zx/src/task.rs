//! Jobs and processes.

use alloc::vec::Vec;

use jacinth_abi::{
    HandleExtendedInfo, MapsInfo, ProcessInfo, Signals, Status, Topic, VmoInfo, limits,
};

use crate::handle::{new_handle, object};
use crate::{Handle, SuspendToken, Thread, Vmar, sys};

object! {
    /// A process.
    Process
}

impl Process {
    /// Asks for its handles.
    ///
    /// # Errors
    /// Those of `zx_object_get_info`, as for the other lists.
    pub fn handle_table(&self) -> Result<Vec<HandleExtendedInfo>, Status> {
        self.info_list(Topic::HANDLE_TABLE)
    }

    /// Asks what its address space holds, depth first.
    ///
    /// # Errors
    /// Those of `zx_object_get_info`.
    pub fn maps(&self) -> Result<Vec<MapsInfo>, Status> {
        self.info_list(Topic::PROCESS_MAPS)
    }

    /// Asks for the VMOs that it has handles to or maps.
    ///
    /// # Errors
    /// Those of `zx_object_get_info`.
    pub fn vmos(&self) -> Result<Vec<VmoInfo>, Status> {
        self.info_list(Topic::PROCESS_VMOS)
    }
}

impl Process {
    /// Makes a process with an empty address space in a job; its root region, too.
    ///
    /// # Errors
    /// Those of `zx_process_create`.
    pub fn create(job: &Job, name: &str) -> Result<(Self, Vmar), Status> {
        let (mut process, mut vmar) = ([0; 4], [0; 4]);
        let name = sys::Input::Here(name.as_bytes());
        sys::process_create(job.value(), name, 0, &mut process, &mut vmar)?;
        let owned = |bytes| Handle::from_value(u32::from_le_bytes(bytes));
        Ok((Self::from(owned(process)), Vmar::from(owned(vmar))))
    }

    /// Starts it with its first thread, which is given `gift` and `word`.
    ///
    /// # Errors
    /// Those of `zx_process_start`; the gift is gone in any case.
    pub fn start(
        &self,
        thread: &Thread,
        (entry, stack): (u64, u64),
        gift: Option<Handle>,
        word: u64,
    ) -> Result<(), Status> {
        let gift = gift.map_or(limits::HANDLE_INVALID, Handle::into_value);
        sys::process_start(self.value(), thread.value(), entry, stack, gift, word)
    }

    /// Kills it.
    ///
    /// # Errors
    /// BAD_HANDLE, ACCESS_DENIED without DESTROY.
    pub fn kill(&self) -> Result<(), Status> {
        sys::task_kill(self.value())
    }

    /// Stops all its threads, those that are made later among them, until the token is dropped.
    ///
    /// # Errors
    /// Those of `zx_task_suspend`.
    pub fn suspend(&self) -> Result<SuspendToken, Status> {
        new_handle(|out| sys::task_suspend(self.value(), out)).map(SuspendToken::from)
    }

    /// Asks how it is.
    ///
    /// # Errors
    /// BAD_HANDLE, ACCESS_DENIED without INSPECT.
    pub fn process_info(&self) -> Result<ProcessInfo, Status> {
        self.info(Topic::PROCESS)
    }

    /// Waits until it is over; its return code.
    ///
    /// # Errors
    /// Those of waiting, and of asking.
    pub fn wait_for_end(&self) -> Result<i64, Status> {
        self.wait(Signals::TASK_TERMINATED, limits::TIME_INFINITE)?;
        Ok(self.process_info()?.return_code)
    }
}

object! {
    /// A job: what processes and further jobs are in.
    Job
}

impl Job {
    /// Makes a job in this one.
    ///
    /// # Errors
    /// Those of `zx_job_create`.
    pub fn create_child(&self) -> Result<Self, Status> {
        new_handle(|out| sys::job_create(self.value(), 0, out)).map(Self)
    }

    /// Has this job killed when a process in it, or below it, ends; `options` is 0 or
    /// [`JOB_CRITICAL_PROCESS_RETCODE_NONZERO`](limits::JOB_CRITICAL_PROCESS_RETCODE_NONZERO).
    ///
    /// # Errors
    /// Those of `zx_job_set_critical`.
    pub fn set_critical(&self, options: u32, process: &Process) -> Result<(), Status> {
        sys::job_set_critical(self.value(), options, process.value())
    }

    /// Kills everything in it.
    ///
    /// # Errors
    /// BAD_HANDLE, ACCESS_DENIED without DESTROY.
    pub fn kill(&self) -> Result<(), Status> {
        sys::task_kill(self.value())
    }
}

/// Ends the program.
pub fn exit(return_code: i64) -> ! {
    sys::process_exit(return_code)
}
