//! Exceptions, and who is told of them (`tasks.md` §5).

use crate::env::{Env, P, READ_WRITE};
use crate::kit::{self, H};
use crate::tasks_child::{Child, job, this, until_state};
use crate::{
    Failure, Outcome, Scenario,
    check::{fails, holds, ok, same},
};
use jacinth_abi::limits::retcode;
use jacinth_abi::{
    EXCEPTION_CHANNEL_DEBUGGER, ExceptionChannelType, ExceptionInfo, ExceptionReport,
    ExceptionState, ExceptionStrategy, ExceptionType, ObjectType, Property, Rights, Signals,
    Status, ThreadState, Topic, VmoOptions,
};
use zx::script::{self, Step};
use zx::sys;
use zx::{Address, Exception, ExceptionChannel, Job, Thread, Vmo};

pub(crate) const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "exception_channel_refused",
        rows: &[],
        run: refused,
    },
    Scenario {
        name: "exception_channel_task_over",
        rows: &[],
        run: task_over,
    },
    Scenario {
        name: "exception_process_crash",
        rows: &[],
        run: crash,
    },
    Scenario {
        name: "exception_process_handled",
        rows: &[],
        run: handled,
    },
    Scenario {
        name: "exception_process_order",
        rows: &[],
        run: order,
    },
    Scenario {
        name: "exception_thread_exit",
        rows: &[],
        run: thread_exit,
    },
    Scenario {
        name: "exception_process_properties",
        rows: &[],
        run: properties,
    },
    Scenario {
        name: "exception_process_closed",
        rows: &[],
        run: closed,
    },
    Scenario {
        name: "exception_process_killed",
        rows: &[],
        run: killed,
    },
];

/// An address of children where nothing is mapped at first.
pub(crate) const NOWHERE: u64 = 0x70_0000;

/// Starts a child whose first instruction that touches memory faults at [`NOWHERE`].
pub(crate) fn start_faulting(child: &Child) -> Result<(), Status> {
    let start = (Child::entry(), 0);
    let word = script::word(NOWHERE);
    child.process.start(&child.thread, start, None, word)
}

/// The koid of an object.
#[track_caller]
pub(crate) fn koid(handle: &H) -> Result<u64, Failure> {
    Ok(ok(handle.basic_info())?.koid)
}

/// Checks whom and what a message is about.
#[track_caller]
pub(crate) fn is_about(info: ExceptionInfo, child: &Child, kind: ExceptionType) -> Outcome {
    let expected = ExceptionInfo {
        pid: koid(&child.process)?,
        tid: koid(&child.thread)?,
        exception_type: kind.number(),
        padding: 0,
    };
    same(info, expected)
}

/// Waits for the next exception of a child, which must be of this kind.
#[track_caller]
pub(crate) fn next(
    channel: &ExceptionChannel,
    child: &Child,
    kind: ExceptionType,
) -> Result<Exception, Failure> {
    let (info, exception) = ok(channel.next())?;
    is_about(info, child, kind)?;
    Ok(exception)
}

/// Closes an exception that was handled.
#[track_caller]
pub(crate) fn resume(exception: Exception) -> Outcome {
    ok(exception.set_state(ExceptionState::Handled))?;
    drop(exception);
    Ok(())
}

/// Whose channel a thread waits for.
#[track_caller]
fn waits_for(thread: &Thread, channel: ExceptionChannelType) -> Outcome {
    let info = ok(thread.thread_info())?;
    same(info.wait_exception_channel_type, channel.number())
}

fn create(task: u32, options: u32) -> Result<H, Status> {
    let mut out = [0; 4];
    sys::task_create_exception_channel(task, options, &mut out)?;
    Ok(H::from_value(u32::from_le_bytes(out)))
}

fn refused(env: &mut Env) -> Outcome {
    let bad = kit::closed_handle()?;
    fails(create(bad, 2), Status::INVALID_ARGS)?;
    fails(create(bad, 0), Status::BAD_HANDLE)?;
    let vmo = env.paged(1)?;
    fails(create(vmo.value(), 0), Status::ACCESS_DENIED)?;
    let child = Child::new(env)?;
    let own = ok(job(env.handles.job).create_child())?;
    let tasks: [&H; 3] = [&child.thread, &child.process, &own];
    for task in tasks {
        let needed = [Rights::INSPECT, Rights::TRANSFER, Rights::MANAGE_THREAD];
        for right in needed.into_iter().chain([Rights::DUPLICATE]) {
            let weak = env.without(task, right)?;
            fails(create(weak.value(), 0), Status::ACCESS_DENIED)?;
        }
    }
    for task in &tasks[1..] {
        let weak = env.without(task, Rights::ENUMERATE)?;
        fails(create(weak.value(), 0), Status::ACCESS_DENIED)?;
    }
    let debugger = create(child.thread.value(), EXCEPTION_CHANNEL_DEBUGGER);
    fails(debugger, Status::INVALID_ARGS)?;
    for task in tasks {
        // A bad place for the handle leaves nothing bound.
        let nowhere = sys::task_create_exception_channel(task.value(), 0, Address::KERNEL);
        fails(nowhere, Status::INVALID_ARGS)?;
        let bound = ok(create(task.value(), 0))?;
        let rights = Rights::TRANSFER | Rights::WAIT | Rights::READ;
        let basic = ok(bound.basic_info())?;
        same(basic.rights, rights.bits())?;
        same(basic.object_type, ObjectType::Channel.number())?;
        fails(create(task.value(), 0), Status::ALREADY_BOUND)?;
        drop(bound);
        drop(ok(create(task.value(), 0))?);
    }
    let mut out = [0; 4];
    let asked = sys::exception_get_thread(vmo.value(), &mut out);
    fails(asked, Status::WRONG_TYPE)?;
    fails(
        sys::exception_get_process(bad, &mut out),
        Status::BAD_HANDLE,
    )
}

/// Who listens sees the end of the task, and nobody can listen to one that is over.
fn task_over(env: &mut Env) -> Outcome {
    let child = Child::new(env)?;
    child.call(0, "process_exit", &[0]);
    let of_process = ok(ExceptionChannel::of_process(&child.process))?;
    let of_thread = ok(ExceptionChannel::of_thread(&child.thread))?;
    ok(child.start(None))?;
    same(child.end()?, 0)?;
    for channel in [&of_process, &of_thread] {
        fails(channel.next(), Status::PEER_CLOSED)?;
    }
    fails(create(child.process.value(), 0), Status::BAD_STATE)?;
    fails(create(child.thread.value(), 0), Status::BAD_STATE)?;
    let own = ok(job(env.handles.job).create_child())?;
    let of_job = ok(ExceptionChannel::of_job(&own))?;
    let debugger = ok(ExceptionChannel::job_debugger(&own))?;
    ok(own.kill())?;
    for channel in [&of_job, &debugger] {
        fails(channel.next(), Status::PEER_CLOSED)?;
    }
    fails(create(own.value(), 0), Status::BAD_STATE)?;
    // A job that nobody has a handle to goes, and takes its end along.
    let other = ok(job(env.handles.job).create_child())?;
    let of_job = ok(ExceptionChannel::of_job(&other))?;
    drop(other);
    fails(of_job.next(), Status::PEER_CLOSED)
}

/// The address that a report tells, and the machine's code for the fault.
fn told(env: &Env, report: &ExceptionReport) -> (u64, u64) {
    let [first, second, third] = report.arch;
    if env.facts.is_x86_64 {
        (third, first)
    } else {
        (second, first >> 26)
    }
}

/// What a crash reporter does: it looks at the thread, and lets it be killed.
fn crash(env: &mut Env) -> Outcome {
    let child = Child::new(env)?;
    let channel = ok(ExceptionChannel::of_process(&child.process))?;
    fails(child.thread.exception_report(), Status::BAD_STATE)?;
    ok(start_faulting(&child))?;
    let exception = next(&channel, &child, ExceptionType::FatalPageFault)?;
    let thread = ok(exception.thread())?;
    same(koid(&thread)?, koid(&child.thread)?)?;
    let process = ok(exception.process())?;
    same(koid(&process)?, koid(&child.process)?)?;
    until_state(&thread, ThreadState::BlockedException)?;
    waits_for(&thread, ExceptionChannelType::Process)?;
    let report = ok(thread.exception_report())?;
    same(report.size, 40)?;
    same(
        report.exception_type,
        ExceptionType::FatalPageFault.number(),
    )?;
    same(report.synth_code.cast_signed(), Status::NOT_FOUND.raw())?;
    let (address, code) = told(env, &report);
    holds(
        (NOWHERE..NOWHERE + Step::BYTES).contains(&address),
        "the fault is where nothing is mapped",
    )?;
    same(code, if env.facts.is_x86_64 { 14 } else { 0x24 })?;
    let mut old = [0; 32];
    let topic = Topic::THREAD_EXCEPTION_REPORT_V1;
    ok(kit::info_into(thread.value(), topic, &mut old).0)?;
    same(old[0], 32)?;
    let weak = env.without(&thread, Rights::INSPECT)?;
    let asked: Result<ExceptionReport, _> = weak.info(Topic::THREAD_EXCEPTION_REPORT);
    fails(asked, Status::ACCESS_DENIED)?;
    drop(exception);
    same(child.end()?, retcode::EXCEPTION_KILL)?;
    fails(thread.exception_report(), Status::BAD_STATE)?;
    waits_for(&thread, ExceptionChannelType::None)?;
    fails(channel.next(), Status::PEER_CLOSED)
}

/// A handler makes good what was wrong: the thread does the same once more.
fn handled(env: &mut Env) -> Outcome {
    let child = Child::new(env)?;
    let list = ok(Vmo::create(P, VmoOptions::empty()))?;
    let here = ok(kit::map(
        env.handles.vmar,
        READ_WRITE,
        0,
        list.value(),
        0,
        P,
    ))?;
    Step::call("process_exit", &[5], 0).put(&here, NOWHERE, 0);
    let channel = ok(ExceptionChannel::of_thread(&child.thread))?;
    ok(start_faulting(&child))?;
    let exception = next(&channel, &child, ExceptionType::FatalPageFault)?;
    waits_for(&child.thread, ExceptionChannelType::Thread)?;
    // Who listens to a thread is not led to its process.
    fails(exception.process(), Status::ACCESS_DENIED)?;
    ok(child.map(&list, READ_WRITE, NOWHERE))?;
    resume(exception)?;
    same(child.end()?, 5)
}

/// All who listen are asked, in the order of the sheet; the debugger twice if it wants to.
fn order(env: &mut Env) -> Outcome {
    use ExceptionChannelType as Of;
    let above = ok(job(env.handles.job).create_child())?;
    let below = ok(above.create_child())?;
    let child = Child::in_job(env, &below)?;
    let debugger = ok(ExceptionChannel::debugger(&child.process))?;
    let others = [
        (ok(ExceptionChannel::of_thread(&child.thread))?, Of::Thread),
        (
            ok(ExceptionChannel::of_process(&child.process))?,
            Of::Process,
        ),
        (ok(ExceptionChannel::of_job(&below))?, Of::Job),
        (ok(ExceptionChannel::of_job(&above))?, Of::Job),
    ];
    ok(start_faulting(&child))?;
    let starts = next(&debugger, &child, ExceptionType::ThreadStarting)?;
    drop(starts);
    let fault = ExceptionType::FatalPageFault;
    let first = next(&debugger, &child, fault)?;
    waits_for(&child.thread, Of::Debugger)?;
    ok(first.set_strategy(ExceptionStrategy::SecondChance))?;
    drop(first);
    for (number, (channel, kind)) in others.iter().enumerate() {
        if number == 2 {
            let again = next(&debugger, &child, fault)?;
            waits_for(&child.thread, Of::Debugger)?;
            drop(again);
        }
        let exception = next(channel, &child, fault)?;
        waits_for(&child.thread, *kind)?;
        for (other, _) in &others {
            fails(other.read(), Status::SHOULD_WAIT)?;
        }
        drop(exception);
    }
    same(child.end()?, retcode::EXCEPTION_KILL)
}

/// The thread of this program that begins at address 0 faults, and is told to end.
fn thread_exit(env: &mut Env) -> Outcome {
    let thread = ok(Thread::create(&this(env), "lost"))?;
    let channel = ok(ExceptionChannel::of_process(&this(env)))?;
    ok(sys::thread_start_nowhere(thread.value(), 0, 0))?;
    let (info, exception) = ok(channel.next())?;
    same(info.tid, koid(&thread)?)?;
    same(info.exception_type, ExceptionType::FatalPageFault.number())?;
    let report = ok(thread.exception_report())?;
    same(told(env, &report).0, 0)?;
    ok(exception.set_state(ExceptionState::ThreadExit))?;
    drop(exception);
    let deadline = jacinth_abi::limits::TIME_INFINITE;
    ok(thread.wait(Signals::TASK_TERMINATED, deadline))?;
    // The last thread of a process takes it along, with the code of an exit.
    let child = Child::new(env)?;
    let channel = ok(ExceptionChannel::of_process(&child.process))?;
    ok(start_faulting(&child))?;
    let exception = next(&channel, &child, ExceptionType::FatalPageFault)?;
    ok(exception.set_state(ExceptionState::ThreadExit))?;
    drop(exception);
    same(child.end()?, 0)
}

fn number(exception: &Exception, property: Property) -> Result<u32, Status> {
    let mut bytes = [0; 4];
    kit::get_property(exception.value(), property, &mut bytes)?;
    Ok(u32::from_le_bytes(bytes))
}

fn properties(env: &mut Env) -> Outcome {
    let (state, strategy) = (Property::ExceptionState, Property::ExceptionStrategy);
    let child = Child::new(env)?;
    let channel = ok(ExceptionChannel::of_process(&child.process))?;
    ok(start_faulting(&child))?;
    let exception = next(&channel, &child, ExceptionType::FatalPageFault)?;
    let value = exception.value();
    let basic = ok(exception.basic_info())?;
    same(basic.rights, Rights::DEFAULT_EXCEPTION.bits())?;
    same(basic.object_type, ObjectType::Exception.number())?;
    let twice = kit::duplicate(value, Rights::SAME_RIGHTS);
    fails(twice, Status::ACCESS_DENIED)?;
    same(ok(number(&exception, state))?, 0)?;
    same(ok(number(&exception, strategy))?, 0)?;
    let short = kit::get_property(value, state, &mut [0; 3]);
    fails(short, Status::BUFFER_TOO_SMALL)?;
    let short = kit::set_property(value, state, &[0; 3]);
    fails(short, Status::BUFFER_TOO_SMALL)?;
    let strange = kit::set_property(value, state, &3u32.to_le_bytes());
    fails(strange, Status::INVALID_ARGS)?;
    let second = exception.set_strategy(ExceptionStrategy::SecondChance);
    fails(second, Status::BAD_STATE)?;
    for told in [ExceptionState::ThreadExit, ExceptionState::TryNext] {
        ok(exception.set_state(told))?;
        same(ok(number(&exception, state))?, told.number())?;
    }
    let other = kit::get_property(child.process.value(), state, &mut [0; 4]);
    fails(other, Status::WRONG_TYPE)?;
    let other = kit::set_property(child.process.value(), strategy, &[0; 4]);
    fails(other, Status::WRONG_TYPE)?;
    drop(exception);
    same(child.end()?, retcode::EXCEPTION_KILL)
}

/// A channel that is closed with a message in it passes the message on.
fn closed(env: &mut Env) -> Outcome {
    let below = ok(job(env.handles.job).create_child())?;
    let child = Child::in_job(env, &below)?;
    let of_process = ok(ExceptionChannel::of_process(&child.process))?;
    let of_job = ok(ExceptionChannel::of_job(&below))?;
    ok(start_faulting(&child))?;
    let deadline = jacinth_abi::limits::TIME_INFINITE;
    ok(of_process.wait(Signals::READABLE, deadline))?;
    fails(of_job.read(), Status::SHOULD_WAIT)?;
    drop(of_process);
    let exception = next(&of_job, &child, ExceptionType::FatalPageFault)?;
    // It can be handed on, like the channel.
    let (here, there) = ok(zx::Channel::create())?;
    ok(here.write(b"look", [exception.into()].into()))?;
    ok(here.write(b"more", [of_job.into()].into()))?;
    let message = ok(there.read())?;
    same(ok(message.handles[0].basic_info())?.object_type, 29)?;
    until_state(&child.thread, ThreadState::BlockedException)?;
    drop(message);
    same(child.end()?, retcode::EXCEPTION_KILL)
}

/// A process that is killed while its thread is stopped is gone; the exception means nothing more.
fn killed(env: &mut Env) -> Outcome {
    let below: Job = ok(job(env.handles.job).create_child())?;
    let child = Child::in_job(env, &below)?;
    let channel = ok(ExceptionChannel::of_job(&below))?;
    ok(start_faulting(&child))?;
    let exception = next(&channel, &child, ExceptionType::FatalPageFault)?;
    ok(child.process.kill())?;
    same(child.end()?, retcode::SYSCALL_KILL)?;
    let thread = ok(exception.thread())?;
    until_state(&thread, ThreadState::Dead)?;
    let process = ok(exception.process())?;
    same(koid(&process)?, koid(&child.process)?)?;
    ok(exception.set_state(ExceptionState::Handled))?;
    drop(exception);
    until_state(&thread, ThreadState::Dead)?;
    // The next one of the job is told all the same, and one that nobody read dies unseen.
    let other = Child::in_job(env, &below)?;
    ok(start_faulting(&other))?;
    let deadline = jacinth_abi::limits::TIME_INFINITE;
    ok(channel.wait(Signals::READABLE, deadline))?;
    other.kill()?;
    let exception = next(&channel, &other, ExceptionType::FatalPageFault)?;
    drop(exception);
    fails(channel.read(), Status::SHOULD_WAIT)
}
