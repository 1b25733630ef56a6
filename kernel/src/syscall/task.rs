//! The calls that end tasks (spec: tasks.md §3-4).

use crate::call::{Call, Flow, HandleValue, SysResult};
use crate::object::ObjectRef;
use jacinth_abi::{Rights, Status, limits};

/// `zx_process_exit`
#[expect(
    clippy::unnecessary_wraps,
    reason = "every system call has one signature"
)]
pub(crate) fn process_exit(call: &mut Call<'_>, return_code: i64) -> SysResult {
    call.kernel.kill_process(call.process, return_code);
    Ok(Flow::Gone)
}

/// `zx_thread_exit`
#[expect(
    clippy::unnecessary_wraps,
    reason = "every system call has one signature"
)]
pub(crate) fn thread_exit(call: &mut Call<'_>) -> SysResult {
    call.kernel.exit_thread(call.hal, call.thread);
    Ok(Flow::Gone)
}

/// `zx_task_kill`: the right is checked before the type.
pub(crate) fn task_kill(call: &mut Call<'_>, handle: HandleValue) -> SysResult {
    let (task, _) = call.lookup_any(handle, Rights::DESTROY)?;
    match task {
        ObjectRef::Job(job) => call.kernel.kill_job(job),
        ObjectRef::Process(process) => {
            let code = limits::retcode::SYSCALL_KILL;
            call.kernel.kill_process(process, code);
        }
        _ => return Err(Status::WRONG_TYPE),
    }
    Ok(Flow::ok())
}
