//! Processes and threads.

use crate::handle::object;
use crate::sys;

object! {
    /// A process.
    Process
}

object! {
    /// A thread.
    Thread
}

/// Ends the program.
pub fn exit(return_code: i64) -> ! {
    sys::process_exit(return_code)
}
