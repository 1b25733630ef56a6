//! What a job lets its processes do (`tasks.md` §2.5).

use crate::env::Env;
use crate::kit;
use crate::tasks_child::{Child, job};
use crate::{
    Failure, Outcome, Scenario,
    check::{fails, ok, same},
};
use alloc::vec::Vec;
use jacinth_abi::limits::retcode;
use jacinth_abi::policy::{
    JOB_POL_ABSOLUTE, JOB_POL_BASIC_V1, JOB_POL_BASIC_V2, JOB_POL_RELATIVE, POL_OVERRIDE_ALLOW,
    POL_OVERRIDE_DENY,
};
use jacinth_abi::{PolicyAction, PolicyCondition, Rights, Status, Topic};
use zx::script::Step;
use zx::sys::{self, Answer, Input};
use zx::{Address, Job};

pub(crate) const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "job_policy_refused",
        rows: &["ipc:386", "ipc:387", "ipc:388"],
        run: refused,
    },
    Scenario {
        name: "job_policy_conflicts",
        rows: &["ipc:391", "ipc:392"],
        run: conflicts,
    },
    Scenario {
        name: "job_policy_new_vmo",
        rows: &[],
        run: new_vmo,
    },
    Scenario {
        name: "job_policy_kills",
        rows: &["ipc:397", "ipc:398"],
        run: kills,
    },
];

const DENY: u32 = PolicyAction::Deny.number();
const ALLOW: u32 = PolicyAction::Allow.number();
const NEW_ANY: u32 = PolicyCondition::NewAny.number();
const NEW_VMO: u32 = PolicyCondition::NewVmo.number();
const NEW_EVENT: u32 = PolicyCondition::NewEvent.number();

fn bytes_of(words: &[u32]) -> Vec<u8> {
    words.iter().flat_map(|word| word.to_le_bytes()).collect()
}

/// Sets a policy by entries of condition and action.
pub(crate) fn set(job: u32, options: u32, entries: &[[u32; 2]]) -> Answer {
    let bytes = bytes_of(entries.as_flattened());
    let count = u32::try_from(entries.len()).unwrap_or(0);
    sys::job_set_policy(job, options, JOB_POL_BASIC_V1, Input::Here(&bytes), count)
}

pub(crate) fn new_job(env: &Env) -> Result<Job, Failure> {
    ok(job(env.handles.job).create_child())
}

fn refused(env: &mut Env) -> Outcome {
    let new = new_job(env)?;
    let value = new.value();
    let bad = kit::closed_handle()?;
    let entry = bytes_of(&[NEW_VMO, DENY]);
    let call = |handle, options, topic, count| {
        sys::job_set_policy(handle, options, topic, Input::Here(&entry), count)
    };
    fails(call(bad, JOB_POL_RELATIVE, 77, 1), Status::INVALID_ARGS)?;
    fails(call(bad, 2, JOB_POL_BASIC_V1, 1), Status::INVALID_ARGS)?;
    fails(call(bad, JOB_POL_ABSOLUTE, 0, 0), Status::INVALID_ARGS)?;
    fails(call(bad, JOB_POL_ABSOLUTE, 0, 33), Status::INVALID_ARGS)?;
    for (pointer, count) in [(Address::NULL, 0), (Address::NULL, 5), (Address::KERNEL, 1)] {
        let at = Input::At(pointer, 0);
        let refused = sys::job_set_policy(bad, JOB_POL_ABSOLUTE, 0, at, count);
        fails(refused, Status::INVALID_ARGS)?;
    }
    let one = [[NEW_VMO, DENY]];
    fails(set(bad, JOB_POL_ABSOLUTE, &one), Status::BAD_HANDLE)?;
    let vmo = env.paged(1)?;
    fails(set(vmo.value(), JOB_POL_ABSOLUTE, &one), Status::WRONG_TYPE)?;
    let weak = env.without(&new, Rights::SET_POLICY)?;
    fails(
        set(weak.value(), JOB_POL_ABSOLUTE, &one),
        Status::ACCESS_DENIED,
    )?;
    let below = ok(new.create_child())?;
    fails(set(value, JOB_POL_ABSOLUTE, &one), Status::BAD_STATE)?;
    drop(below);
    let many = [[NEW_VMO, DENY]; 19];
    fails(set(value, JOB_POL_ABSOLUTE, &many), Status::OUT_OF_RANGE)?;
    let strange = [[100_001, DENY]];
    fails(set(value, JOB_POL_ABSOLUTE, &strange), Status::INVALID_ARGS)?;
    let strange = [[NEW_VMO, 5]];
    fails(
        set(value, JOB_POL_ABSOLUTE, &strange),
        Status::NOT_SUPPORTED,
    )?;
    let flags = bytes_of(&[NEW_VMO, DENY, 2]);
    let refused = sys::job_set_policy(value, 0, JOB_POL_BASIC_V2, Input::Here(&flags), 1);
    fails(refused, Status::INVALID_ARGS)
}

fn conflicts(env: &mut Env) -> Outcome {
    let top = new_job(env)?;
    ok(set(top.value(), JOB_POL_ABSOLUTE, &[[NEW_VMO, DENY]]))?;
    let below = ok(top.create_child())?;
    let value = below.value();
    let contrary = [[NEW_EVENT, DENY], [NEW_VMO, ALLOW]];
    fails(
        set(value, JOB_POL_ABSOLUTE, &contrary),
        Status::ALREADY_EXISTS,
    )?;
    ok(set(value, JOB_POL_ABSOLUTE, &[[NEW_VMO, DENY]]))?;
    ok(set(value, JOB_POL_RELATIVE, &[[NEW_VMO, ALLOW]]))?;
    same(try_vmo(env, &below)?, Status::ACCESS_DENIED.raw())?;
    // What is not fixed can be changed below.
    for (flags, expected) in [
        (POL_OVERRIDE_ALLOW, Ok(())),
        (POL_OVERRIDE_DENY, Err(Status::ALREADY_EXISTS)),
    ] {
        let top = new_job(env)?;
        let entry = bytes_of(&[NEW_VMO, DENY, flags]);
        let entry = Input::Here(&entry);
        ok(sys::job_set_policy(
            top.value(),
            JOB_POL_ABSOLUTE,
            JOB_POL_BASIC_V2,
            entry,
            1,
        ))?;
        let below = ok(top.create_child())?;
        let changed = set(below.value(), JOB_POL_ABSOLUTE, &[[NEW_VMO, ALLOW]]);
        same(changed, expected)?;
    }
    Ok(())
}

/// What a process of the job is told that makes a VMO.
fn try_vmo(env: &Env, job: &Job) -> Result<i32, Failure> {
    let child = Child::in_job(env, job)?;
    child.call(0, "vmo_create", &[4096, 0, Child::list_at(2048)]);
    child.call(1, "process_exit", &[0]);
    ok(child.start(None))?;
    same(child.end()?, 0)?;
    Ok(i32::try_from(Step::answer(&child.list, 0)).unwrap_or(1))
}

fn new_vmo(env: &mut Env) -> Outcome {
    let free = new_job(env)?;
    same(try_vmo(env, &free)?, 0)?;
    for entries in [
        &[[NEW_VMO, DENY]][..],
        &[[NEW_ANY, DENY]],
        &[[NEW_ANY, DENY], [NEW_EVENT, ALLOW]],
    ] {
        let strict = new_job(env)?;
        ok(set(strict.value(), JOB_POL_ABSOLUTE, entries))?;
        same(try_vmo(env, &strict)?, Status::ACCESS_DENIED.raw())?;
    }
    let lenient = new_job(env)?;
    let entries = [[NEW_ANY, DENY], [NEW_VMO, ALLOW]];
    ok(set(lenient.value(), JOB_POL_ABSOLUTE, &entries))?;
    same(try_vmo(env, &lenient)?, 0)
}

/// A process that does what its job's policy punishes; its return code.
fn punished(env: &Env, entry: [u32; 2], step: Step) -> Result<i64, Failure> {
    let strict = new_job(env)?;
    ok(set(strict.value(), JOB_POL_ABSOLUTE, &[entry]))?;
    let child = Child::in_job(env, &strict)?;
    child.step(0, step);
    child.call(1, "process_exit", &[9]);
    ok(child.start(None))?;
    child.end()
}

fn kills(env: &mut Env) -> Outcome {
    let kill = PolicyAction::Kill.number();
    let exception = PolicyAction::DenyException.number();
    let bad_handle = PolicyCondition::BadHandle.number();
    let create = Step::call("vmo_create", &[4096, 0, Child::list_at(2048)], 1);
    let close = Step::call("handle_close", &[7], 1);
    let valid = u64::from(Topic::HANDLE_VALID.0);
    let ask = Step::call("object_get_info", &[7, valid, 0, 0, 0, 0], 1);
    let codes = [
        ([NEW_VMO, kill], create, retcode::POLICY_KILL),
        ([NEW_VMO, exception], create, retcode::EXCEPTION_KILL),
        ([bad_handle, kill], close, retcode::POLICY_KILL),
        ([bad_handle, exception], close, retcode::EXCEPTION_KILL),
        ([bad_handle, DENY], close, 9),
        ([bad_handle, kill], ask, 9),
        ([bad_handle, exception], ask, 9),
    ];
    for (entry, step, code) in codes {
        same(punished(env, entry, step)?, code)?;
    }
    Ok(())
}
