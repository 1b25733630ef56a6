//! Threads that are stopped and go on (`tasks.md` §4.5).

use crate::env::{Env, P, READ_WRITE};
use crate::ipc_kit::{channel, event, port, port_queue, port_wait, read, write};
use crate::kit::{self, H, signal, state};
use crate::tasks_child::{Child, job, signals, spawn, this, until_state};
use crate::{
    Failure, Outcome, Scenario,
    check::{fails, holds, ok, same},
};
use core::mem::ManuallyDrop;
use jacinth_abi::limits::{TIME_INFINITE, retcode};
use jacinth_abi::{ObjectType, Rights, Signals, Status, ThreadState};
use zx::script::Step;
use zx::sys::{self, CallBlock, CallBuffers, Input, Output};
use zx::{Address, SuspendToken, Thread};

pub(crate) const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "thread_suspend_spinning",
        rows: &["ipc:353", "ipc:354"],
        run: spinning,
    },
    Scenario {
        name: "thread_suspend_refused",
        rows: &["ipc:355", "ipc:356"],
        run: refused,
    },
    Scenario {
        name: "thread_suspend_twice",
        rows: &["ipc:357"],
        run: twice,
    },
    Scenario {
        name: "process_suspend_before_start",
        rows: &["ipc:359"],
        run: before_start,
    },
    Scenario {
        name: "thread_suspend_sleeping",
        rows: &["ipc:361"],
        run: sleeping,
    },
    Scenario {
        name: "thread_suspend_waiting",
        rows: &["ipc:362"],
        run: waiting,
    },
    Scenario {
        name: "thread_suspend_in_call",
        rows: &["ipc:150", "ipc:151"],
        run: in_call,
    },
    Scenario {
        name: "thread_suspend_at_port",
        rows: &[],
        run: at_port,
    },
    Scenario {
        name: "thread_suspend_at_futex",
        rows: &["ipc:279"],
        run: at_futex,
    },
    Scenario {
        name: "thread_suspend_kill",
        rows: &[],
        run: kill,
    },
];

/// Where in its list a child keeps the time that it saw last, and the one of its other loop.
pub(crate) const CLOCK: u64 = 2048;

/// Makes a child's step `index` a loop that shows that it runs.
pub(crate) fn count_at(child: &Child, index: u64, offset: u64) {
    let at = [Child::list_at(offset)];
    let step = Step::call("clock_get_monotonic", &at, index);
    child.step(index, step);
}

/// Waits until a loop has gone round once more.
///
/// # Errors
/// A failure, when it does not.
#[track_caller]
pub(crate) fn until_counts(child: &Child, offset: u64) -> Outcome {
    const TRIES: u32 = 20_000;
    let before = child.list.read64(offset);
    for _ in 0..TRIES {
        if child.list.read64(offset) != before {
            return Ok(());
        }
        ok(sys::thread_legacy_yield(0))?;
    }
    crate::check::fail("the child does not go on")
}

/// Checks that a loop stands still while others run.
#[track_caller]
pub(crate) fn stands_still(child: &Child, offset: u64) -> Outcome {
    let before = child.list.read64(offset);
    ok(sys::nanosleep(zx::time::now_ns() + 3_000_000))?;
    same(child.list.read64(offset), before)
}

/// Stops a thread, and waits until it has stopped.
///
/// # Errors
/// A failure.
#[track_caller]
pub(crate) fn stop(thread: &Thread) -> Result<SuspendToken, Failure> {
    let token = ok(thread.suspend())?;
    ok(thread.wait(Signals::THREAD_SUSPENDED, TIME_INFINITE))?;
    same(signals(thread)?, Signals::THREAD_SUSPENDED)?;
    same(
        ok(thread.thread_info())?.state,
        ThreadState::Suspended.number(),
    )?;
    Ok(token)
}

/// Lets a stopped thread go on that nothing else stops, and waits until it does.
#[track_caller]
pub(crate) fn go_on(thread: &Thread, token: SuspendToken) -> Outcome {
    drop(token);
    ok(thread.wait(Signals::THREAD_RUNNING, TIME_INFINITE))?;
    same(signals(thread)?, Signals::THREAD_RUNNING)
}

/// A child that counts.
#[track_caller]
pub(crate) fn counting(env: &Env) -> Result<Child, Failure> {
    let child = Child::new(env)?;
    count_at(&child, 0, CLOCK);
    ok(child.start(None))?;
    until_counts(&child, CLOCK)?;
    Ok(child)
}

fn spinning(env: &mut Env) -> Outcome {
    let child = counting(env)?;
    same(signals(&child.thread)?, Signals::THREAD_RUNNING)?;
    let token = stop(&child.thread)?;
    let info = ok(token.basic_info())?;
    same(info.rights, Rights::DEFAULT_SUSPEND_TOKEN.bits())?;
    same(info.object_type, ObjectType::SuspendToken.number())?;
    same(info.related_koid, 0)?;
    stands_still(&child, CLOCK)?;
    go_on(&child.thread, token)?;
    until_counts(&child, CLOCK)?;
    // All threads of a process by one token.
    let token = ok(child.process.suspend())?;
    ok(child.thread.wait(Signals::THREAD_SUSPENDED, TIME_INFINITE))?;
    stands_still(&child, CLOCK)?;
    go_on(&child.thread, token)?;
    until_counts(&child, CLOCK)?;
    child.kill()
}

fn suspend(handle: u32) -> Result<H, Status> {
    let mut value = [0; 4];
    sys::task_suspend(handle, &mut value)?;
    Ok(H::from_value(u32::from_le_bytes(value)))
}

fn refused(env: &mut Env) -> Outcome {
    let (vmo, bad) = (env.paged(1)?, kit::closed_handle()?);
    fails(suspend(0), Status::BAD_HANDLE)?;
    fails(suspend(bad), Status::BAD_HANDLE)?;
    fails(suspend(env.handles.thread), Status::NOT_SUPPORTED)?;
    fails(suspend(env.handles.process), Status::NOT_SUPPORTED)?;
    fails(suspend(env.handles.job), Status::WRONG_TYPE)?;
    fails(suspend(vmo.value()), Status::WRONG_TYPE)?;
    // The right comes before the type.
    let no_right = env.without(&vmo, Rights::WRITE)?;
    fails(suspend(no_right.value()), Status::ACCESS_DENIED)?;
    let child = counting(env)?;
    let no_right = env.without(&child.thread, Rights::WRITE)?;
    fails(suspend(no_right.value()), Status::ACCESS_DENIED)?;
    let no_right = env.without(&child.process, Rights::WRITE)?;
    fails(suspend(no_right.value()), Status::ACCESS_DENIED)?;
    // Nowhere to put the token: nothing stops it.
    let refused = sys::task_suspend(child.thread.value(), Address::NULL);
    fails(refused, Status::INVALID_ARGS)?;
    until_counts(&child, CLOCK)?;
    child.kill()?;
    fails(suspend(child.thread.value()), Status::BAD_STATE)?;
    fails(suspend(child.process.value()), Status::BAD_STATE)
}

fn twice(env: &mut Env) -> Outcome {
    let child = counting(env)?;
    let first = stop(&child.thread)?;
    let second = ok(child.thread.suspend())?;
    let third = ok(child.process.suspend())?;
    drop(first);
    stands_still(&child, CLOCK)?;
    drop(third);
    stands_still(&child, CLOCK)?;
    same(signals(&child.thread)?, Signals::THREAD_SUSPENDED)?;
    go_on(&child.thread, second)?;
    until_counts(&child, CLOCK)?;
    // One that is closed before it took effect.
    drop(ok(child.thread.suspend())?);
    until_counts(&child, CLOCK)?;
    child.kill()
}

fn before_start(env: &mut Env) -> Outcome {
    let child = Child::new(env)?;
    count_at(&child, 0, CLOCK);
    let token = ok(child.process.suspend())?;
    let thread = ok(Thread::create(&child.process, "later"))?;
    same(signals(&thread)?, Signals::empty())?;
    ok(child.start(None))?;
    same(signals(&child.thread)?, Signals::THREAD_SUSPENDED)?;
    stands_still(&child, CLOCK)?;
    same(child.list.read64(CLOCK), 0)?;
    go_on(&child.thread, token)?;
    until_counts(&child, CLOCK)?;
    child.kill()?;
    // A thread that is stopped before it starts.
    let child = Child::new(env)?;
    count_at(&child, 0, CLOCK);
    let token = ok(child.thread.suspend())?;
    same(
        ok(child.thread.thread_info())?.state,
        ThreadState::New.number(),
    )?;
    ok(child.start(None))?;
    same(signals(&child.thread)?, Signals::THREAD_SUSPENDED)?;
    same(child.list.read64(CLOCK), 0)?;
    go_on(&child.thread, token)?;
    until_counts(&child, CLOCK)?;
    child.kill()
}

fn sleeping(env: &mut Env) -> Outcome {
    // Before the deadline, and beyond it.
    for (sleep_ns, stop_ns) in [(300_000_000, 1_000_000), (300_000_000, 400_000_000)] {
        let until = zx::time::now_ns() + sleep_ns;
        let out = env.paged(1)?;
        let value = out.value();
        let sleeper = spawn(env, move || {
            let answer = sys::nanosleep(until);
            let late = answer.is_ok() && zx::time::now_ns() >= until;
            kit::write(value, &[u8::from(late)], 0).ok();
        })?;
        let token = stop(sleeper.thread())?;
        ok(sys::nanosleep(zx::time::now_ns() + stop_ns))?;
        drop(token);
        ok(sleeper.join())?;
        let mut late = [0];
        ok(kit::read(out.value(), &mut late, 0))?;
        same(late, [1])?;
    }
    Ok(())
}

/// Where a thread of this program puts what a call answered.
#[track_caller]
fn answered(out: &H) -> Result<i32, Failure> {
    let mut bytes = [0; 4];
    ok(kit::read(out.value(), &mut bytes, 0))?;
    Ok(i32::from_le_bytes(bytes))
}

fn put(out: u32, answer: Result<(), Status>) {
    let status = Status::from_result(answer);
    kit::write(out, &(status + 1).to_le_bytes(), 0).ok();
}

fn waiting(env: &mut Env) -> Outcome {
    let (gate, out) = (event()?, env.paged(1)?);
    let (waited, value) = (gate.value(), out.value());
    let waiter = spawn(env, move || {
        let mut observed = [0; 4];
        let wanted = Signals::USER_0.bits();
        put(
            value,
            sys::object_wait_one(waited, wanted, TIME_INFINITE, &mut observed),
        );
    })?;
    until_state(waiter.thread(), ThreadState::BlockedWaitOne)?;
    // One that comes and goes while it is stopped is not seen.
    let token = stop(waiter.thread())?;
    ok(signal(gate.value(), Signals::empty(), Signals::USER_0))?;
    ok(signal(gate.value(), Signals::USER_0, Signals::empty()))?;
    go_on(waiter.thread(), token)?;
    until_state(waiter.thread(), ThreadState::BlockedWaitOne)?;
    let token = stop(waiter.thread())?;
    ok(signal(gate.value(), Signals::empty(), Signals::USER_0))?;
    ok(sys::nanosleep(zx::time::now_ns() + 2_000_000))?;
    same(answered(&out)?, 0)?;
    drop(token);
    ok(waiter.join())?;
    same(answered(&out)?, 1)
}

/// A thread that calls through a channel with four bytes, and expects four.
#[track_caller]
fn caller(env: &Env, channel: &H, out: &H) -> Result<zx::Spawned, Failure> {
    let (channel, value) = (channel.value(), out.value());
    spawn(env, move || {
        let mut bytes = [0; 4];
        let (mut len, mut count) = ([0; 4], [0; 4]);
        let block = CallBlock::Here(CallBuffers {
            wr_bytes: Input::Here(b"ask?"),
            wr_handles: Output::NONE,
            rd_bytes: Output::Here(&mut bytes),
            rd_handles: Output::NONE,
        });
        let answer = sys::channel_call(channel, 0, TIME_INFINITE, block, &mut len, &mut count);
        put(value, answer);
    })
}

fn in_call(env: &mut Env) -> Outcome {
    let (near, far) = channel()?;
    let out = env.paged(1)?;
    let caller = caller(env, &near, &out)?;
    ok(far.wait(Signals::READABLE, TIME_INFINITE))?;
    let request = ok(read(&far))?;
    until_state(caller.thread(), ThreadState::BlockedChannel)?;
    // Nothing is asked twice.
    let token = stop(caller.thread())?;
    go_on(caller.thread(), token)?;
    until_state(caller.thread(), ThreadState::BlockedChannel)?;
    same(state(&far)?, Signals::WRITABLE)?;
    // An answer that comes while it is stopped is kept for it.
    let token = stop(caller.thread())?;
    ok(write(&far, &request.bytes, &[]))?;
    same(state(&near)?, Signals::WRITABLE)?;
    fails(read(&near), Status::SHOULD_WAIT)?;
    ok(sys::nanosleep(zx::time::now_ns() + 2_000_000))?;
    same(answered(&out)?, 0)?;
    drop(token);
    ok(caller.join())?;
    same(answered(&out)?, 1)
}

/// A packet is not kept for a thread that has stopped.
fn at_port(env: &mut Env) -> Outcome {
    let (port, out) = (port()?, env.paged(1)?);
    let (waited, value) = (port.value(), out.value());
    let waiter = spawn(env, move || {
        let port = ManuallyDrop::new(H::from_value(waited));
        put(value, port_wait(&port, TIME_INFINITE).map(|_| ()));
    })?;
    until_state(waiter.thread(), ThreadState::BlockedPort)?;
    let token = stop(waiter.thread())?;
    ok(port_queue(&port, 7))?;
    same(ok(port_wait(&port, 0))?.key, 7)?;
    go_on(waiter.thread(), token)?;
    until_state(waiter.thread(), ThreadState::BlockedPort)?;
    let token = stop(waiter.thread())?;
    ok(port_queue(&port, 8))?;
    same(answered(&out)?, 0)?;
    drop(token);
    ok(waiter.join())?;
    same(answered(&out)?, 1)
}

fn at_futex(env: &mut Env) -> Outcome {
    let word = ok(env.map(&env.paged(1)?, READ_WRITE, P))?;
    let (at, out) = (word.address(0), env.paged(1)?);
    let value = out.value();
    let waiter = spawn(env, move || {
        put(value, sys::futex_wait(at, 0, 0, TIME_INFINITE));
    })?;
    until_state(waiter.thread(), ThreadState::BlockedFutex)?;
    let token = stop(waiter.thread())?;
    // Nobody waits there now.
    ok(sys::futex_wake(at, 1))?;
    go_on(waiter.thread(), token)?;
    until_state(waiter.thread(), ThreadState::BlockedFutex)?;
    same(answered(&out)?, 0)?;
    ok(sys::futex_wake(at, 1))?;
    ok(waiter.join())?;
    same(answered(&out)?, 1)
}

/// Whoever is killed while it is stopped does nothing more, whatever it was in.
fn kill(env: &mut Env) -> Outcome {
    let child = counting(env)?;
    let token = stop(&child.thread)?;
    let before = child.list.read64(CLOCK);
    ok(child.process.kill())?;
    same(child.end()?, retcode::SYSCALL_KILL)?;
    same(signals(&child.thread)?, Signals::TASK_TERMINATED)?;
    drop(token);
    same(child.list.read64(CLOCK), before)?;
    same(signals(&child.thread)?, Signals::TASK_TERMINATED)?;
    // In a wait; by its job; with the token of its process open.
    let above = ok(job(env.handles.job).create_child())?;
    let child = Child::in_job(env, &above)?;
    child.call(0, "nanosleep", &[TIME_INFINITE.cast_unsigned()]);
    ok(child.start(None))?;
    until_state(&child.thread, ThreadState::BlockedSleeping)?;
    let token = ok(child.process.suspend())?;
    same(signals(&child.thread)?, Signals::THREAD_SUSPENDED)?;
    ok(above.kill())?;
    same(child.end()?, retcode::SYSCALL_KILL)?;
    drop(token);
    // A token may outlive what it stopped.
    let never = ok(Thread::create(&this(env), "never"))?;
    let token = ok(never.suspend())?;
    drop(never);
    holds(ok(token.basic_info())?.koid != 0, "the token lives")
}
