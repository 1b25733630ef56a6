//! The calls that end tasks, and that stop them for a while (spec: tasks.md §3-4).

use crate::call::{Call, Flow, HandleValue, Out, SysResult};
use crate::mem::Key;
use crate::no_memory;
use crate::object::{Object, ObjectRef};
use crate::task::{Process, ProcessState, SuspendToken, Suspended, Thread, ThreadState};
use jacinth_abi::{Rights, Status, limits};

/// `zx_process_exit`
#[expect(
    clippy::unnecessary_wraps,
    reason = "every system call has one signature"
)]
pub(crate) fn process_exit(call: &mut Call<'_>, return_code: i64) -> SysResult {
    call.kernel.kill_process_of(call.thread, return_code);
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

/// Closes a handle, whatever its value is (there is nobody to tell), and ends the caller.
pub(super) fn close_and_exit(call: &mut Call<'_>, handle: HandleValue) -> SysResult {
    call.kernel.close_handle(call.process, handle);
    thread_exit(call)
}

/// `zx_task_kill`: the right is checked before the type.
pub(crate) fn task_kill(call: &mut Call<'_>, handle: HandleValue) -> SysResult {
    let (task, _) = call.lookup_any(handle, Rights::DESTROY)?;
    match task {
        ObjectRef::Job(job) => call.kernel.kill_job(job, limits::retcode::SYSCALL_KILL),
        ObjectRef::Process(process) => {
            let code = limits::retcode::SYSCALL_KILL;
            if process == call.process {
                call.kernel.kill_process_of(call.thread, code);
            } else {
                call.kernel.kill_process(process, code);
            }
        }
        _ => return Err(Status::WRONG_TYPE),
    }
    Ok(Flow::ok())
}

/// `zx_task_suspend`: the right is checked before the type.
pub(crate) fn task_suspend(call: &mut Call<'_>, handle: HandleValue, token: Out<u32>) -> SysResult {
    let (task, _) = call.lookup_any(handle, Rights::WRITE)?;
    let task = match task {
        ObjectRef::Thread(thread) => thread_to_suspend(call, thread)?,
        ObjectRef::Process(process) => process_to_suspend(call, process)?,
        _ => return Err(Status::WRONG_TYPE),
    };
    call.reserve_handle()?;
    let budget = &mut call.kernel.mem.budget;
    let tokens = &mut call.kernel.objects.suspend_tokens;
    tokens.reserve(budget).map_err(no_memory)?;
    call.touch(token.0, size_of::<u32>())?;

    // commit
    let key = call.kernel.suspend(task);
    let object = SuspendToken::to_ref(key);
    call.install(object, Rights::DEFAULT_SUSPEND_TOKEN, token)
}

fn thread_to_suspend(call: &Call<'_>, key: Key<Thread>) -> Result<Suspended, Status> {
    if key == call.thread {
        return Err(Status::NOT_SUPPORTED);
    }
    let thread = call.kernel.objects.get(key);
    let is_over = match thread.state {
        ThreadState::New => false,
        ThreadState::Dead => true,
        _ => is_ending(call, thread.process) || thread.is_exiting(),
    };
    if is_over {
        return Err(Status::BAD_STATE);
    }
    Ok(Suspended::Thread(key))
}

fn process_to_suspend(call: &Call<'_>, key: Key<Process>) -> Result<Suspended, Status> {
    if key == call.process {
        return Err(Status::NOT_SUPPORTED);
    }
    if is_ending(call, key) {
        return Err(Status::BAD_STATE);
    }
    Ok(Suspended::Process(key))
}

fn is_ending(call: &Call<'_>, process: Key<Process>) -> bool {
    let state = call.kernel.objects.get(process).state;
    matches!(state, ProcessState::Dying { .. } | ProcessState::Dead)
}
