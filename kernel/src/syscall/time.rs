//! Clocks and sleep (spec: ipc.md).

use crate::call::{Call, Flow, Out, SysResult};
use crate::task::Wait;

/// `zx_nanosleep`
#[expect(
    clippy::unnecessary_wraps,
    reason = "every system call has one signature"
)]
pub(crate) fn nanosleep(call: &mut Call<'_>, deadline: i64) -> SysResult {
    if deadline <= call.hal.now() {
        return Ok(Flow::OK);
    }
    call.kernel
        .timers
        .insert(&mut call.kernel.objects.threads, deadline, call.thread);
    Ok(Flow::Block(Wait::Sleep))
}

/// `zx_clock_get_monotonic`, through the kernel.
pub(crate) fn clock_get_monotonic(call: &mut Call<'_>, now: Out<i64>) -> SysResult {
    let time = call.hal.now();
    call.write(now, time)?;
    Ok(Flow::OK)
}
