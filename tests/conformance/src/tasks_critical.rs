//! Jobs that go with one of their processes (`tasks.md` §2.4).

use crate::env::Env;
use crate::kit::{self, H};
use crate::tasks_child::{Child, job, signals};
use crate::{
    Outcome, Scenario,
    check::{fails, ok, same},
};
use jacinth_abi::limits::{JOB_CRITICAL_PROCESS_RETCODE_NONZERO, TIME_INFINITE, retcode};
use jacinth_abi::{JobInfo, Rights, Signals, Status, Topic};
use zx::{Job, sys};

pub(crate) const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "job_set_critical",
        rows: &[],
        run: critical,
    },
    Scenario {
        name: "job_set_critical_nonzero",
        rows: &[],
        run: nonzero,
    },
    Scenario {
        name: "job_set_critical_refused",
        rows: &[],
        run: refused,
    },
];

/// A child that ends at once with a code.
fn ending(env: &Env, job: &Job, code: u64) -> Result<Child, crate::Failure> {
    let child = Child::in_job(env, job)?;
    child.call(0, "process_exit", &[code]);
    Ok(child)
}

/// A child that sleeps.
fn sleeping(env: &Env, job: &Job) -> Result<Child, crate::Failure> {
    let child = Child::in_job(env, job)?;
    child.call(0, "nanosleep", &[TIME_INFINITE.cast_unsigned()]);
    ok(child.start(None))?;
    Ok(child)
}

fn job_code(job: &Job) -> Result<i64, crate::Failure> {
    let info: JobInfo = ok(job.info(Topic::JOB))?;
    Ok(info.return_code)
}

fn critical(env: &mut Env) -> Outcome {
    let above = ok(job(env.handles.job).create_child())?;
    let below = ok(above.create_child())?;
    let child = ending(env, &below, 0)?;
    let (sibling, cousin) = (sleeping(env, &below)?, sleeping(env, &above)?);
    ok(above.set_critical(0, &child.process))?;
    ok(child.start(None))?;
    same(child.end()?, 0)?;
    for other in [&sibling, &cousin] {
        same(other.end()?, retcode::CRITICAL_PROCESS_KILL)?;
    }
    // A job is not empty while somebody holds a handle to one in it.
    drop(below);
    ok(above.wait(Signals::TASK_TERMINATED, TIME_INFINITE))?;
    same(job_code(&above)?, retcode::CRITICAL_PROCESS_KILL)?;
    fails(above.create_child(), Status::BAD_STATE)
}

fn nonzero(env: &mut Env) -> Outcome {
    let above = ok(job(env.handles.job).create_child())?;
    let other = sleeping(env, &above)?;
    let harmless = ending(env, &above, 0)?;
    let when = JOB_CRITICAL_PROCESS_RETCODE_NONZERO;
    ok(above.set_critical(when, &harmless.process))?;
    ok(harmless.start(None))?;
    same(harmless.end()?, 0)?;
    same(signals(&other.process)?, Signals::empty())?;
    let killed = sleeping(env, &above)?;
    ok(above.set_critical(when, &killed.process))?;
    killed.kill()?;
    same(other.end()?, retcode::CRITICAL_PROCESS_KILL)
}

fn set(job: u32, options: u32, process: u32) -> Result<(), Status> {
    sys::job_set_critical(job, options, process)
}

fn refused(env: &mut Env) -> Outcome {
    let root = job(env.handles.job);
    let (above, beside) = (ok(root.create_child())?, ok(root.create_child())?);
    let child = Child::in_job(env, &above)?;
    let (vmo, bad) = (env.paged(1)?, kit::closed_handle()?);
    let (job, process) = (above.value(), child.process.value());
    fails(set(bad, 2, bad), Status::INVALID_ARGS)?;
    fails(set(bad, 0, process), Status::BAD_HANDLE)?;
    fails(set(vmo.value(), 0, process), Status::WRONG_TYPE)?;
    let no_right: H = env.without(&above, Rights::DESTROY)?;
    fails(set(no_right.value(), 0, process), Status::ACCESS_DENIED)?;
    fails(set(job, 0, bad), Status::BAD_HANDLE)?;
    fails(set(job, 0, vmo.value()), Status::WRONG_TYPE)?;
    let no_right: H = env.without(&child.process, Rights::WAIT)?;
    fails(set(job, 0, no_right.value()), Status::ACCESS_DENIED)?;
    fails(set(beside.value(), 0, process), Status::INVALID_ARGS)?;
    ok(set(job, 0, process))?;
    fails(set(job, 0, process), Status::ALREADY_BOUND)?;
    fails(set(env.handles.job, 1, process), Status::ALREADY_BOUND)?;
    fails(set(beside.value(), 0, process), Status::INVALID_ARGS)?;
    // It ends without having run.
    child.kill()?;
    ok(above.wait(Signals::TASK_TERMINATED, TIME_INFINITE))?;
    same(job_code(&above)?, retcode::CRITICAL_PROCESS_KILL)?;
    // The dead are below nobody.
    fails(set(job, 0, process), Status::INVALID_ARGS)
}
