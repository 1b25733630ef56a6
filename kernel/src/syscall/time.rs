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
        return Ok(Flow::ok());
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
    Ok(Flow::ok())
}

/// `zx_clock_get_boot`, through the kernel: the machine is never suspended, so both clocks agree.
pub(crate) fn clock_get_boot(call: &mut Call<'_>, now: Out<i64>) -> SysResult {
    clock_get_monotonic(call, now)
}

/// `zx_ticks_get`: the clock that the kernel has counts in ns.
pub(crate) fn ticks_get(call: &mut Call<'_>, now: Out<i64>) -> SysResult {
    clock_get_monotonic(call, now)
}

/// `zx_ticks_per_second`
#[expect(
    clippy::unnecessary_wraps,
    reason = "every system call has one signature"
)]
pub(crate) fn ticks_per_second(_call: &mut Call<'_>) -> SysResult {
    Ok(Flow::Done(1_000_000_000))
}
