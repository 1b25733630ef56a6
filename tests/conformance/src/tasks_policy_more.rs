//! What a job's policy says of new objects and of timers, and properties of jobs and processes.

use crate::env::Env;
use crate::ipc_kit::{channel, read};
use crate::kit::{self, H};
use crate::tasks_child::Child;
use crate::tasks_ends::argument_at;
use crate::tasks_policy::{new_job, set};
use crate::{
    Failure, Outcome, Scenario,
    check::{fails, holds, ok, same},
};
use jacinth_abi::policy::{JOB_POL_ABSOLUTE, JOB_POL_RELATIVE, JOB_POL_TIMER_SLACK};
use jacinth_abi::{
    JobInfo, PolicyAction, PolicyCondition, PolicyTimerSlack, Property, Record, Rights, Status,
    TimerInfo, Topic,
};
use zx::Job;
use zx::script::Step;
use zx::sys::{self, Answer, Input};

pub(crate) const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "job_policy_new_objects",
        rows: &["ipc:394", "ipc:395"],
        run: new_objects,
    },
    Scenario {
        name: "job_policy_inherited",
        rows: &[],
        run: inherited,
    },
    Scenario {
        name: "job_policy_slack",
        rows: &[],
        run: slack,
    },
    Scenario {
        name: "job_policy_slack_refused",
        rows: &[],
        run: slack_refused,
    },
    Scenario {
        name: "job_kill_on_oom",
        rows: &["ipc:381"],
        run: kill_on_oom,
    },
    Scenario {
        name: "process_debug_words",
        rows: &[],
        run: debug_words,
    },
    Scenario {
        name: "job_outlives_handle",
        rows: &[],
        run: outlives_handle,
    },
];

const DENY: u32 = PolicyAction::Deny.number();
const ALLOW: u32 = PolicyAction::Allow.number();
const NEW_ANY: u32 = PolicyCondition::NewAny.number();
const NEW_EVENT: u32 = PolicyCondition::NewEvent.number();
const OK: i32 = 0;
const DENIED: i32 = Status::ACCESS_DENIED.raw();
const INVALID: i32 = Status::INVALID_ARGS.raw();
const OUT_OF_RANGE: i32 = Status::OUT_OF_RANGE.raw();
const NOT_SUPPORTED: i32 = Status::NOT_SUPPORTED.raw();

/// What a process of a job is told in calls that make things: name, arguments, whether it is
/// allowed, and whether it is denied first.
const CALLS: [(&str, [u64; 5], i32, i32); 18] = [
    ("event_create", [0, ROOM, 0, 0, 0], OK, DENIED),
    ("event_create", [1, ROOM, 0, 0, 0], INVALID, INVALID),
    ("eventpair_create", [0, ROOM, ROOM + 4, 0, 0], OK, DENIED),
    (
        "eventpair_create",
        [1, ROOM, ROOM + 4, 0, 0],
        NOT_SUPPORTED,
        NOT_SUPPORTED,
    ),
    ("channel_create", [0, ROOM, ROOM + 4, 0, 0], OK, DENIED),
    (
        "channel_create",
        [1, ROOM, ROOM + 4, 0, 0],
        INVALID,
        INVALID,
    ),
    ("port_create", [0, ROOM, 0, 0, 0], OK, DENIED),
    ("port_create", [2, ROOM, 0, 0, 0], INVALID, DENIED),
    ("timer_create", [0, 0, ROOM, 0, 0], OK, DENIED),
    ("timer_create", [0, 7, ROOM, 0, 0], INVALID, INVALID),
    ("timer_create", [3, 0, ROOM, 0, 0], INVALID, DENIED),
    ("fifo_create", [8, 8, 0, ROOM, ROOM + 4], OK, DENIED),
    (
        "fifo_create",
        [0, 8, 0, ROOM, ROOM + 4],
        OUT_OF_RANGE,
        DENIED,
    ),
    ("fifo_create", [0, 8, 1, ROOM, ROOM + 4], INVALID, INVALID),
    ("socket_create", [0, ROOM, ROOM + 4, 0, 0], OK, DENIED),
    ("socket_create", [1, ROOM, ROOM + 4, 0, 0], OK, DENIED),
    ("socket_create", [2, ROOM, ROOM + 4, 0, 0], INVALID, DENIED),
    ("vmo_create", [4096, 0, ROOM, 0, 0], OK, DENIED),
];
const ROOM: u64 = Child::list_at(2048);

/// Lets a process of the job make the calls; each must be answered as `expected` says.
fn make_all(env: &Env, job: &Job, expected: impl Fn(usize) -> i32) -> Outcome {
    let child = Child::in_job(env, job)?;
    for (index, (name, args, ..)) in (0..).zip(CALLS) {
        child.call(index, name, &args);
    }
    child.call(CALLS.len() as u64, "process_exit", &[0]);
    ok(child.start(None))?;
    same(child.end()?, 0)?;
    for (index, (name, ..)) in CALLS.iter().enumerate() {
        let answer = Step::answer(&child.list, index as u64);
        let checked = same(answer, expected(index).into());
        checked.map_err(|failure| failure.in_case(name))?;
    }
    Ok(())
}

fn new_objects(env: &mut Env) -> Outcome {
    make_all(env, &new_job(env)?, |index| CALLS[index].2)?;
    let strict = new_job(env)?;
    ok(set(strict.value(), JOB_POL_ABSOLUTE, &[[NEW_ANY, DENY]]))?;
    make_all(env, &strict, |index| CALLS[index].3)?;
    let mixed = new_job(env)?;
    let entries = [[NEW_ANY, DENY], [NEW_EVENT, ALLOW]];
    ok(set(mixed.value(), JOB_POL_ABSOLUTE, &entries))?;
    make_all(env, &mixed, |index| match index {
        0 => OK,
        _ => CALLS[index].3,
    })
}

/// A job begins with all that its parent says.
fn inherited(env: &mut Env) -> Outcome {
    let top = new_job(env)?;
    ok(set(top.value(), JOB_POL_ABSOLUTE, &[[NEW_ANY, DENY]]))?;
    let below = ok(ok(top.create_child())?.create_child())?;
    make_all(env, &below, |index| CALLS[index].3)?;
    // A policy on new processes is the maker's, not the new process's.
    drop(Child::in_job(env, &below)?);
    Ok(())
}

fn set_slack(job: u32, options: u32, min_slack: i64, default_mode: u32) -> Answer {
    let bytes = PolicyTimerSlack {
        min_slack,
        default_mode,
    }
    .to_bytes();
    let entry = Input::Here(&bytes);
    sys::job_set_policy(job, options, JOB_POL_TIMER_SLACK, entry, 1)
}

/// The slack of a timer that a process of this job set; it sends it here.
fn slack_of(env: &Env, job: &Job, asked: u64) -> Result<i64, Failure> {
    let (here, there) = channel()?;
    let child = Child::in_job(env, job)?;
    let handle = argument_at(1, 0);
    child.call(0, "timer_create", &[0, 0, handle]);
    child.call(1, "timer_set", &[0, 1 << 62, asked]);
    child.call(2, "channel_write", &[Step::GIFT, 0, 0, 0, handle, 1]);
    child.call(3, "process_exit", &[0]);
    ok(child.start(Some(there)))?;
    same(child.end()?, 0)?;
    let timers = ok(read(&here))?.handles;
    let timer = H::from_value(timers[0]);
    let info: TimerInfo = ok(timer.info(Topic::TIMER))?;
    same(info.deadline, 1 << 62)?;
    Ok(info.slack)
}

fn slack(env: &mut Env) -> Outcome {
    let top = new_job(env)?;
    ok(set_slack(top.value(), JOB_POL_RELATIVE, 5000, 0))?;
    // It never shrinks, here or below.
    ok(set_slack(top.value(), JOB_POL_RELATIVE, 10, 2))?;
    let below = ok(top.create_child())?;
    ok(set_slack(below.value(), JOB_POL_RELATIVE, 9000, 1))?;
    for (job, asked, expected) in [(&top, 1, 5000), (&top, 6000, 6000), (&below, 6000, 9000)] {
        same(slack_of(env, job, asked)?, expected)?;
    }
    Ok(())
}

fn slack_refused(env: &mut Env) -> Outcome {
    let new = new_job(env)?;
    let (value, bad) = (new.value(), kit::closed_handle()?);
    fails(set_slack(bad, JOB_POL_ABSOLUTE, 0, 0), Status::INVALID_ARGS)?;
    let entry = PolicyTimerSlack::default().to_bytes();
    let call = |at, count| sys::job_set_policy(bad, 0, JOB_POL_TIMER_SLACK, at, count);
    for count in [0, 2] {
        fails(call(Input::Here(&entry), count), Status::INVALID_ARGS)?;
    }
    for at in [zx::Address::NULL, zx::Address::KERNEL] {
        fails(call(Input::At(at, 16), 1), Status::INVALID_ARGS)?;
    }
    // What it says is looked at behind the handle.
    fails(set_slack(bad, 0, -1, 0), Status::BAD_HANDLE)?;
    let weak = env.without(&new, Rights::SET_POLICY)?;
    fails(set_slack(weak.value(), 0, -1, 0), Status::ACCESS_DENIED)?;
    let below = ok(new.create_child())?;
    fails(set_slack(value, 0, -1, 0), Status::INVALID_ARGS)?;
    fails(set_slack(value, 0, 0, 3), Status::INVALID_ARGS)?;
    fails(set_slack(value, 0, 0, 0), Status::BAD_STATE)?;
    drop(below);
    ok(set_slack(value, 0, 0, 0))
}

fn kill_on_oom(env: &mut Env) -> Outcome {
    let new = new_job(env)?;
    let set = |value: u64| {
        let bytes = value.to_le_bytes();
        kit::set_property(new.value(), Property::JobKillOnOom, &bytes)
    };
    let told = || ok(new.info::<JobInfo>(Topic::JOB)).map(|info| info.kill_on_oom);
    same(told()?, 0)?;
    for (value, is_set) in [(1, 1), (0, 0), (1, 1)] {
        ok(set(value))?;
        same(told()?, is_set)?;
    }
    fails(set(2), Status::INVALID_ARGS)?;
    same(told()?, 1)?;
    let short = kit::set_property(new.value(), Property::JobKillOnOom, &[0; 7]);
    fails(short, Status::BUFFER_TOO_SMALL)?;
    let vmo = env.paged(1)?;
    let refused = kit::set_property(vmo.value(), Property::JobKillOnOom, &[0; 8]);
    fails(refused, Status::WRONG_TYPE)?;
    let weak = env.without(&new, Rights::SET_PROPERTY)?;
    let refused = kit::set_property(weak.value(), Property::JobKillOnOom, &[0; 8]);
    fails(refused, Status::ACCESS_DENIED)
}

/// Words for debuggers: the first can be set once.
fn debug_words(env: &mut Env) -> Outcome {
    let child = Child::new(env)?;
    let value = child.process.value();
    let get = |property| {
        let mut bytes = [0xee; 8];
        kit::get_property(value, property, &mut bytes).map(|()| u64::from_le_bytes(bytes))
    };
    let set = |property, word: u64| kit::set_property(value, property, &word.to_le_bytes());
    let (address, stops) = (Property::ProcessDebugAddr, Property::ProcessBreakOnLoad);
    for property in [address, stops, Property::ProcessVdsoBaseAddress] {
        same(ok(get(property))?, 0)?;
        let short = kit::get_property(value, property, &mut [0; 7]);
        fails(short, Status::BUFFER_TOO_SMALL)?;
        let vmo = env.paged(1)?;
        let refused = kit::get_property(vmo.value(), property, &mut [0; 8]);
        fails(refused, Status::WRONG_TYPE)?;
    }
    ok(set(address, 0x1234))?;
    fails(set(address, 0x5678), Status::ACCESS_DENIED)?;
    same(ok(get(address))?, 0x1234)?;
    for word in [7, 0] {
        ok(set(stops, word))?;
        same(ok(get(stops))?, word)?;
    }
    holds(
        set(Property::ProcessVdsoBaseAddress, 1).is_err(),
        "read-only",
    )
}

/// A job without handles lives as long as there is something in it.
fn outlives_handle(env: &mut Env) -> Outcome {
    let top = new_job(env)?;
    let middle = ok(top.create_child())?;
    let koid = ok(middle.basic_info())?.koid;
    let child = Child::in_job(env, &middle)?;
    drop(middle);
    let mut value = [0; 4];
    let rights = Rights::SAME_RIGHTS;
    ok(sys::object_get_child(top.value(), koid, rights, &mut value))?;
    drop(H::from_value(u32::from_le_bytes(value)));
    same(ok(child.process.basic_info())?.related_koid, koid)?;
    child.kill()?;
    let gone = jacinth_abi::Signals::JOB_NO_JOBS;
    ok(top.wait(gone, jacinth_abi::limits::TIME_INFINITE))?;
    let found = sys::object_get_child(top.value(), koid, rights, &mut value);
    fails(found, Status::NOT_FOUND)
}
