//! The calls that end tasks (spec: tasks.md §3-4).

use crate::call::{Call, Flow, SysResult};

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
    call.kernel.end_thread(call.thread);
    Ok(Flow::Gone)
}
