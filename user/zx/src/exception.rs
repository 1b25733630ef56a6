//! Exceptions: being told of what threads do that nobody meant them to.
//!
//! A program that is to see the crashes of others holds an [`ExceptionChannel`] of a thread, a
//! process or a job. It reads an [`Exception`], looks at the thread that is stopped in it, says what
//! is to come of it, and drops it.

use jacinth_abi::limits::TIME_INFINITE;
use jacinth_abi::{
    EXCEPTION_CHANNEL_DEBUGGER, ExceptionInfo, ExceptionReport, ExceptionState, ExceptionStrategy,
    Property, Record, Signals, Status, Topic,
};

use crate::handle::{new_handle, object};
use crate::{Channel, Handle, Job, Process, Thread, sys};

object! {
    /// The end of a channel on which the exceptions of a task are told.
    ExceptionChannel
}

impl ExceptionChannel {
    /// Those of a thread.
    ///
    /// # Errors
    /// Those of `zx_task_create_exception_channel`, as for the others.
    pub fn of_thread(thread: &Thread) -> Result<Self, Status> {
        Self::of_task(thread, 0)
    }

    /// Those of a process.
    ///
    /// # Errors
    /// Those of `zx_task_create_exception_channel`.
    pub fn of_process(process: &Process) -> Result<Self, Status> {
        Self::of_task(process, 0)
    }

    /// Those of a process, before anybody else is asked; threads that start and end are told, too.
    ///
    /// # Errors
    /// Those of `zx_task_create_exception_channel`.
    pub fn debugger(process: &Process) -> Result<Self, Status> {
        Self::of_task(process, EXCEPTION_CHANNEL_DEBUGGER)
    }

    /// Those of a job and all in it.
    ///
    /// # Errors
    /// Those of `zx_task_create_exception_channel`.
    pub fn of_job(job: &Job) -> Result<Self, Status> {
        Self::of_task(job, 0)
    }

    /// The starts of processes in a job.
    ///
    /// # Errors
    /// Those of `zx_task_create_exception_channel`.
    pub fn job_debugger(job: &Job) -> Result<Self, Status> {
        Self::of_task(job, EXCEPTION_CHANNEL_DEBUGGER)
    }

    fn of_task(task: &Handle, options: u32) -> Result<Self, Status> {
        new_handle(|out| sys::task_create_exception_channel(task.value(), options, out)).map(Self)
    }

    /// Takes the next exception.
    ///
    /// # Errors
    /// SHOULD_WAIT when there is none, PEER_CLOSED when there will be none.
    pub fn read(&self) -> Result<(ExceptionInfo, Exception), Status> {
        let mut bytes = ExceptionInfo::zeroed_bytes();
        let mut handle = [0; 4];
        let (mut bytes_read, mut handles_read) = ([0; 4], [0; 4]);
        sys::channel_read(
            self.value(),
            0,
            sys::Output::Here(&mut bytes),
            sys::Output::Here(&mut handle),
            &mut bytes_read,
            &mut handles_read,
        )?;
        let exception = Exception::from(crate::channel::handle_at(&handle));
        Ok((ExceptionInfo::from_bytes(&bytes), exception))
    }

    /// Waits for an exception and takes it.
    ///
    /// # Errors
    /// Those of waiting; PEER_CLOSED when the task is over.
    pub fn next(&self) -> Result<(ExceptionInfo, Exception), Status> {
        loop {
            match self.read() {
                Err(Status::SHOULD_WAIT) => {}
                read => return read,
            }
            self.wait(Signals::READABLE | Signals::PEER_CLOSED, TIME_INFINITE)?;
        }
    }
}

impl From<ExceptionChannel> for Channel {
    fn from(channel: ExceptionChannel) -> Self {
        Self::from(Handle::from_value(Handle::from(channel).into_value()))
    }
}

object! {
    /// A thread that is stopped. It goes on, or is offered to the next handler, when this is closed.
    Exception
}

impl Exception {
    /// The thread.
    ///
    /// # Errors
    /// BAD_HANDLE, NO_MEMORY.
    pub fn thread(&self) -> Result<Thread, Status> {
        let thread = new_handle(|out| sys::exception_get_thread(self.value(), out))?;
        Ok(Thread::from(thread))
    }

    /// Its process.
    ///
    /// # Errors
    /// BAD_HANDLE, NO_MEMORY; ACCESS_DENIED when the channel is a thread's.
    pub fn process(&self) -> Result<Process, Status> {
        let process = new_handle(|out| sys::exception_get_process(self.value(), out))?;
        Ok(Process::from(process))
    }

    /// Says what closing it does; otherwise the next handler is asked.
    ///
    /// # Errors
    /// BAD_HANDLE, ACCESS_DENIED without SET_PROPERTY.
    pub fn set_state(&self, state: ExceptionState) -> Result<(), Status> {
        self.set_number(Property::ExceptionState, state.number())
    }

    /// Asks to be told once more, for a debugger.
    ///
    /// # Errors
    /// BAD_HANDLE, ACCESS_DENIED without SET_PROPERTY, BAD_STATE for any other handler.
    pub fn set_strategy(&self, strategy: ExceptionStrategy) -> Result<(), Status> {
        self.set_number(Property::ExceptionStrategy, strategy.number())
    }

    fn set_number(&self, property: Property, number: u32) -> Result<(), Status> {
        let bytes = number.to_le_bytes();
        sys::object_set_property(self.value(), property.number(), sys::Input::Here(&bytes))
    }
}

impl Thread {
    /// Says what it is stopped for.
    ///
    /// # Errors
    /// BAD_STATE when it is in no exception, BAD_HANDLE, ACCESS_DENIED without INSPECT.
    pub fn exception_report(&self) -> Result<ExceptionReport, Status> {
        self.info(Topic::THREAD_EXCEPTION_REPORT)
    }
}
