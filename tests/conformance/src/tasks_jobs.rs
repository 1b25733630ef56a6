//! Jobs: the tree of processes (`tasks.md` §2).

use crate::env::Env;
use crate::kit::{self, H};
use crate::tasks_child::{Child, job, signals};
use crate::{
    Outcome, Scenario,
    check::{fails, ok, same},
};
use alloc::vec;
use alloc::vec::Vec;
use jacinth_abi::limits::{TIME_INFINITE, retcode};
use jacinth_abi::{JobInfo, Rights, Signals, Status, Topic};
use zx::{Job, sys};

pub(crate) const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "job_create",
        rows: &["ipc:373", "ipc:374"],
        run: create,
    },
    Scenario {
        name: "job_depth",
        rows: &[],
        run: depth,
    },
    Scenario {
        name: "job_signals",
        rows: &[],
        run: word,
    },
    Scenario {
        name: "job_kill",
        rows: &["ipc:379"],
        run: kill,
    },
    Scenario {
        name: "job_lists",
        rows: &["vmo:379"],
        run: lists,
    },
    Scenario {
        name: "job_mutual_handles",
        rows: &["ipc:349"],
        run: mutual_handles,
    },
];

/// What a job without children shows.
const EMPTY: Signals = Signals::JOB_NO_JOBS
    .union(Signals::JOB_NO_PROCESSES)
    .union(Signals::JOB_NO_CHILDREN);

fn try_create(parent: u32, options: u32) -> Result<H, Status> {
    let mut value = [0; 4];
    sys::job_create(parent, options, &mut value)?;
    Ok(H::from_value(u32::from_le_bytes(value)))
}

fn create(env: &mut Env) -> Outcome {
    let root = env.handles.job;
    let new = ok(try_create(root, 0))?;
    let info = ok(new.basic_info())?;
    same(info.rights, Rights::DEFAULT_JOB.bits())?;
    same(info.related_koid, ok(kit::basic(root))?.koid)?;
    same(signals(&new)?, EMPTY)?;
    let nested = ok(try_create(new.value(), 0))?;
    same(ok(nested.basic_info())?.related_koid, info.koid)?;
    let bad = kit::closed_handle()?;
    fails(try_create(bad, 1), Status::INVALID_ARGS)?;
    fails(try_create(bad, 0), Status::BAD_HANDLE)?;
    let vmo = env.paged(1)?;
    fails(try_create(vmo.value(), 0), Status::WRONG_TYPE)?;
    let weak = env.without(&new, Rights::MANAGE_JOB)?;
    fails(try_create(weak.value(), 0), Status::ACCESS_DENIED)?;
    let nowhere = kit::unmapped_page(env)?;
    fails(sys::job_create(root, 0, nowhere), Status::INVALID_ARGS)?;
    ok(kit::set_name(new.value(), b"some-job"))?;
    same(ok(kit::get_name(new.value()))?, kit::name(b"some-job"))
}

/// 32 levels below the root, and processes in the deepest.
fn depth(env: &mut Env) -> Outcome {
    let mut chain: Vec<H> = Vec::new();
    for _ in 0..32 {
        let parent = chain.last().map_or(env.handles.job, |job| job.value());
        chain.push(ok(try_create(parent, 0))?);
    }
    let deepest = chain.last().map_or(0, |job| job.value());
    fails(try_create(deepest, 0), Status::OUT_OF_RANGE)?;
    let child = Child::in_job(env, &job(deepest))?;
    child.kill()
}

fn word(env: &mut Env) -> Outcome {
    let top = ok(job(env.handles.job).create_child())?;
    let below = ok(top.create_child())?;
    same(signals(&top)?, Signals::JOB_NO_PROCESSES)?;
    drop(below);
    same(signals(&top)?, EMPTY)?;
    let child = Child::in_job(env, &top)?;
    same(signals(&top)?, Signals::JOB_NO_JOBS)?;
    child.spin(0);
    ok(child.start(None))?;
    same(signals(&top)?, Signals::JOB_NO_JOBS)?;
    child.kill()?;
    // The handle to a dead process does not count.
    ok(top.wait(Signals::JOB_NO_PROCESSES, TIME_INFINITE))?;
    same(signals(&top)?, EMPTY)
}

fn job_info(job: &H) -> Result<JobInfo, Status> {
    job.info(Topic::JOB)
}

fn kill(env: &mut Env) -> Outcome {
    let top = ok(job(env.handles.job).create_child())?;
    let below = ok(top.create_child())?;
    let (first, second) = (Child::in_job(env, &top)?, Child::in_job(env, &below)?);
    first.spin(0);
    ok(first.start(None))?;
    same(ok(job_info(&top))?, JobInfo::default())?;
    let weak = env.without(&top, Rights::DESTROY)?;
    fails(sys::task_kill(weak.value()), Status::ACCESS_DENIED)?;
    ok(top.kill())?;
    for parent in [&top, &below] {
        ok(parent.wait(Signals::JOB_NO_PROCESSES, TIME_INFINITE))?;
        fails(try_create(parent.value(), 0), Status::BAD_STATE)?;
        let process = zx::Process::create(parent, "late");
        fails(process.map(|_| ()), Status::BAD_STATE)?;
        same(ok(job_info(parent))?.exited, 1)?;
    }
    same(first.end()?, retcode::SYSCALL_KILL)?;
    same(second.end()?, retcode::SYSCALL_KILL)?;
    same(signals(&below)?, EMPTY | Signals::TASK_TERMINATED)?;
    drop(below);
    same(signals(&top)?, EMPTY | Signals::TASK_TERMINATED)?;
    // An empty one, and one that is dead.
    ok(top.kill())?;
    let empty = ok(job(env.handles.job).create_child())?;
    ok(empty.kill())?;
    same(signals(&empty)?, EMPTY | Signals::TASK_TERMINATED)?;
    fails(try_create(empty.value(), 0), Status::BAD_STATE)
}

fn lists(env: &mut Env) -> Outcome {
    let top = ok(job(env.handles.job).create_child())?;
    let koids = |job: &Job, topic| ok(job.info_list::<u64>(topic));
    same(koids(&top, Topic::JOB_CHILDREN)?, vec![])?;
    let below = ok(top.create_child())?;
    let child = Child::in_job(env, &top)?;
    let (job_koid, process_koid) = (
        ok(below.basic_info())?.koid,
        ok(child.process.basic_info())?.koid,
    );
    same(koids(&top, Topic::JOB_CHILDREN)?, vec![job_koid])?;
    same(koids(&top, Topic::JOB_PROCESSES)?, vec![process_koid])?;
    let same_rights = Rights::SAME_RIGHTS;
    for koid in [job_koid, process_koid] {
        let mut value = [0; 4];
        ok(sys::object_get_child(
            top.value(),
            koid,
            same_rights,
            &mut value,
        ))?;
        let found = H::from_value(u32::from_le_bytes(value));
        same(ok(found.basic_info())?.koid, koid)?;
    }
    let blind = env.without(&top, Rights::ENUMERATE)?;
    for topic in [Topic::JOB_CHILDREN, Topic::JOB_PROCESSES] {
        fails(blind.info_list::<u64>(topic), Status::ACCESS_DENIED)?;
        let vmo = env.paged(1)?;
        fails(vmo.info_list::<u64>(topic), Status::WRONG_TYPE)?;
    }
    let blind = env.without(&top, Rights::INSPECT)?;
    fails(job_info(&blind), Status::ACCESS_DENIED)?;
    child.kill()?;
    same(koids(&top, Topic::JOB_PROCESSES)?, vec![])
}

/// Two processes that hold each other live until their job is killed.
fn mutual_handles(env: &mut Env) -> Outcome {
    let top = ok(job(env.handles.job).create_child())?;
    let (first, second) = (Child::in_job(env, &top)?, Child::in_job(env, &top)?);
    first.spin(0);
    second.spin(0);
    let to_first = ok(first.process.duplicate())?;
    let to_second = ok(second.process.duplicate())?;
    ok(first.start(Some(to_second)))?;
    ok(second.start(Some(to_first)))?;
    let (first_thread, second_thread) = (
        ok(first.thread.duplicate())?,
        ok(second.thread.duplicate())?,
    );
    for child in [&first, &second] {
        ok(sys::handle_close(child.process.value()))?;
    }
    same(signals(&first_thread)?, Signals::THREAD_RUNNING)?;
    same(signals(&second_thread)?, Signals::THREAD_RUNNING)?;
    ok(top.kill())?;
    for thread in [&first_thread, &second_thread] {
        ok(thread.wait(Signals::TASK_TERMINATED, TIME_INFINITE))?;
    }
    ok(top.wait(Signals::TASK_TERMINATED, TIME_INFINITE)).map(|_| ())
}
