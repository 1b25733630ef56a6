//! A process that was started here.

use jacinth_abi::{Signals, Status, limits};

use crate::{Channel, Process};

/// A process that was started here.
///
/// Dropping it does not end it: a child that has nobody to talk to sees PEER_CLOSED.
#[derive(Debug)]
pub struct Child {
    /// The process.
    pub process: Process,
    /// This end of the child's bootstrap channel.
    pub channel: Channel,
}

impl Child {
    /// Kills it; [`Child::wait`] answers
    /// [`SYSCALL_KILL`](jacinth_abi::limits::retcode::SYSCALL_KILL) then.
    ///
    /// # Errors
    /// ACCESS_DENIED without DESTROY.
    pub fn kill(&self) -> Result<(), Status> {
        self.process.kill()
    }

    /// Waits until it is over; its return code.
    ///
    /// # Errors
    /// Those of waiting, and of asking.
    pub fn wait(&self) -> Result<i64, Status> {
        self.wait_until(limits::TIME_INFINITE)
    }

    /// Waits until it is over, or until `deadline` (ns, monotonic); its return code.
    ///
    /// # Errors
    /// TIMED_OUT, and those of [`Child::wait`].
    pub fn wait_until(&self, deadline: i64) -> Result<i64, Status> {
        self.process.wait(Signals::TASK_TERMINATED, deadline)?;
        Ok(self.process.process_info()?.return_code)
    }

    /// Its return code, if it is over.
    ///
    /// # Errors
    /// Those of [`Child::wait`].
    pub fn return_code(&self) -> Result<Option<i64>, Status> {
        match self.wait_until(limits::TIME_INFINITE_PAST) {
            Ok(code) => Ok(Some(code)),
            Err(Status::TIMED_OUT) => Ok(None),
            Err(status) => Err(status),
        }
    }
}
