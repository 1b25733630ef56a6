//! Timers (spec: ipc.md §6).

use crate::call::{Call, Flow, HandleValue, Out, SysResult};
use crate::object::Timer;
use crate::task::ThreadState;
use jacinth_abi::{PolicyCondition, Rights, Status, limits};

/// `zx_timer_create`
pub(crate) fn timer_create(
    call: &mut Call<'_>,
    options: u32,
    clock_id: u32,
    out: Out<u32>,
) -> SysResult {
    if clock_id > limits::CLOCK_BOOT {
        return Err(Status::INVALID_ARGS);
    }
    call.enforce(PolicyCondition::NewTimer)?;
    if options > limits::TIMER_SLACK_LATE {
        return Err(Status::INVALID_ARGS);
    }
    let kernel = &mut *call.kernel;
    let budget = &mut kernel.mem.budget;
    let timers = &mut kernel.objects.timers;
    timers.reserve(budget).map_err(crate::no_memory)?;
    call.reserve_handle()?;
    let kernel = &mut *call.kernel;
    // Arming needs no memory later.
    let room = kernel.alarms.add(&mut kernel.mem.budget);
    room.map_err(crate::no_memory)?;

    // commit
    let timer = call.kernel.objects.new_timer(options, clock_id);
    call.install_new(timer, Rights::DEFAULT_TIMER, out)
}

/// `zx_timer_set`: the slack is judged before the handle.
pub(crate) fn timer_set(
    call: &mut Call<'_>,
    handle: HandleValue,
    deadline: i64,
    slack: i64,
) -> SysResult {
    if slack < 0 {
        return Err(Status::OUT_OF_RANGE);
    }
    let timer = call.lookup::<Timer>(handle, Rights::WRITE)?;
    let slack = call.kernel.objects.get(call.process).policy.slack(slack);
    let now = call.hal.now();

    // commit
    call.kernel.disarm_alarm(timer);
    call.kernel.arm_alarm(timer, deadline, slack, now);
    // The thread may go on at once, without the kernel looking at deadlines.
    if let ThreadState::Running(cpu) = call.kernel.objects.get(call.thread).state {
        call.kernel.arm(call.hal, cpu);
    }
    Ok(Flow::ok())
}

/// `zx_timer_cancel`
pub(crate) fn timer_cancel(call: &mut Call<'_>, handle: HandleValue) -> SysResult {
    let timer = call.lookup::<Timer>(handle, Rights::WRITE)?;

    // commit
    call.kernel.disarm_alarm(timer);
    Ok(Flow::ok())
}
