//! Processes and threads.

use alloc::vec::Vec;

use jacinth_abi::{HandleExtendedInfo, MapsInfo, Status, Topic, VmoInfo};

use crate::handle::object;
use crate::sys;

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

object! {
    /// A thread.
    Thread
}

/// Ends the program.
pub fn exit(return_code: i64) -> ! {
    sys::process_exit(return_code)
}
