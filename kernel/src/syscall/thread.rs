//! Threads: made, started, yielding (spec: tasks.md §4).

use crate::call::{Call, Flow, HandleValue, In, Out, SysResult};
use crate::hal::ThreadStart;
use crate::task::{Process, ProcessState, Thread, ThreadState};
use crate::{VirtAddr, no_memory};
use jacinth_abi::{Rights, Status};

/// `zx_thread_create`
pub(crate) fn thread_create(
    call: &mut Call<'_>,
    process: HandleValue,
    name: In<u8>,
    name_size: u64,
    options: u32,
    out: Out<u32>,
) -> SysResult {
    if options != 0 || name.is_null() {
        return Err(Status::INVALID_ARGS);
    }
    let name = call.read_name(name.0, name_size)?;
    let process = call.lookup::<Process>(process, Rights::MANAGE_THREAD)?;
    let state = call.kernel.objects.get(process).state;
    if !matches!(state, ProcessState::Initial | ProcessState::Running) {
        return Err(Status::BAD_STATE);
    }
    call.reserve_handle()?;
    call.touch(out.0, size_of::<u32>())?;
    let thread = call.kernel.new_thread(call.hal, process, name);
    let thread = thread.map_err(no_memory)?;

    // commit
    call.install_new(thread, Rights::DEFAULT_THREAD, out)
}

/// `zx_thread_start`
pub(crate) fn thread_start(
    call: &mut Call<'_>,
    handle: HandleValue,
    entry: u64,
    stack: u64,
    arg1: u64,
    arg2: u64,
) -> SysResult {
    let key = call.lookup::<Thread>(handle, Rights::MANAGE_THREAD)?;
    let thread = call.kernel.objects.get(key);
    let process = call.kernel.objects.get(thread.process);
    if thread.state != ThreadState::New || process.state != ProcessState::Running {
        return Err(Status::BAD_STATE);
    }
    check_entry(call, entry)?;

    // commit
    let start = ThreadStart {
        entry,
        stack,
        arg1,
        arg2,
    };
    call.kernel.start_thread(call.hal, key, start);
    Ok(Flow::Yield(0))
}

/// Checks the first instruction of a thread: 0, where it will fault, or an address that user mode
/// may have. On x86_64 a return to any other would fault in the kernel.
pub(super) fn check_entry(call: &Call<'_>, entry: u64) -> Result<(), Status> {
    if VirtAddr::new(entry) < call.kernel.user.end {
        Ok(())
    } else {
        Err(Status::INVALID_ARGS)
    }
}

/// `zx_thread_legacy_yield`
pub(crate) fn thread_legacy_yield(_call: &mut Call<'_>, options: u32) -> SysResult {
    if options == 0 {
        Ok(Flow::Yield(0))
    } else {
        Err(Status::INVALID_ARGS)
    }
}
