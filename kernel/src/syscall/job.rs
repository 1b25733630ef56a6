//! Jobs (spec: tasks.md §2).

use crate::call::{Call, Flow, HandleValue, In, Out, SysResult};
use crate::mem::Key;
use crate::task::{CONDITIONS, CriticalEnd, Job, JobError, OnConflict, PolicyEntry, Process};
use jacinth_abi::{
    Field, PolicyAction, PolicyBasicV1, PolicyBasicV2, PolicyCondition, PolicyTimerSlack, Record,
    Rights, Status, limits, policy,
};

/// `ZX_POLICY_BASIC_MAX`
const MOST_ENTRIES: usize = 32;

/// `zx_job_create`
pub(crate) fn job_create(
    call: &mut Call<'_>,
    parent: HandleValue,
    options: u32,
    out: Out<u32>,
) -> SysResult {
    if options != 0 {
        return Err(Status::INVALID_ARGS);
    }
    let parent = call.lookup::<Job>(parent, Rights::MANAGE_JOB)?;
    call.reserve_handle()?;
    call.touch(out.0, size_of::<u32>())?;
    let job = call.kernel.new_job(Some(parent)).map_err(why_not)?;

    // commit
    call.install_new(job, Rights::DEFAULT_JOB, out)
}

/// `zx_job_set_critical`
pub(crate) fn job_set_critical(
    call: &mut Call<'_>,
    job: HandleValue,
    options: u32,
    process: HandleValue,
) -> SysResult {
    let when = match options {
        0 => CriticalEnd::Any,
        limits::JOB_CRITICAL_PROCESS_RETCODE_NONZERO => CriticalEnd::Nonzero,
        _ => return Err(Status::INVALID_ARGS),
    };
    let job = call.lookup::<Job>(job, Rights::DESTROY)?;
    let process = call.lookup::<Process>(process, Rights::WAIT)?;
    if !call.kernel.is_below(process, job) {
        return Err(Status::INVALID_ARGS);
    }
    let process = call.kernel.objects.get_mut(process);
    if process.critical_to.is_some() {
        return Err(Status::ALREADY_BOUND);
    }

    // commit
    process.critical_to = Some((job, when));
    Ok(Flow::ok())
}

const fn why_not(error: JobError) -> Status {
    match error {
        JobError::TooDeep => Status::OUT_OF_RANGE,
        JobError::ParentKilled => Status::BAD_STATE,
        JobError::NoMemory => Status::NO_MEMORY,
    }
}

/// `zx_job_set_policy`
pub(crate) fn job_set_policy(
    call: &mut Call<'_>,
    handle: HandleValue,
    options: u32,
    topic: u32,
    policy: In<u8>,
    count: u32,
) -> SysResult {
    match topic {
        policy::JOB_POL_TIMER_SLACK => set_slack(call, handle, options, policy, count),
        _ => set_basic(call, handle, options, topic, policy, count),
    }
}

/// The basic topics, whose entries count in their order.
fn set_basic(
    call: &mut Call<'_>,
    handle: HandleValue,
    options: u32,
    topic: u32,
    policy: In<u8>,
    count: u32,
) -> SysResult {
    let entry_bytes = match topic {
        policy::JOB_POL_BASIC_V1 => PolicyBasicV1::SIZE,
        policy::JOB_POL_BASIC_V2 => PolicyBasicV2::SIZE,
        _ => return Err(Status::INVALID_ARGS),
    };
    let on_conflict = match options {
        policy::JOB_POL_RELATIVE => OnConflict::Skip,
        policy::JOB_POL_ABSOLUTE => OnConflict::Refuse,
        _ => return Err(Status::INVALID_ARGS),
    };
    let count = usize::try_from(count).unwrap_or(usize::MAX);
    if policy.is_null() || count == 0 || count > MOST_ENTRIES {
        return Err(Status::INVALID_ARGS);
    }
    let mut bytes = [0; MOST_ENTRIES * PolicyBasicV2::SIZE];
    let used = bytes.get_mut(..count.saturating_mul(entry_bytes));
    let used = used.ok_or(Status::INVALID_ARGS)?;
    call.read_bytes(policy.0, used)?;
    let key = call.lookup::<Job>(handle, Rights::SET_POLICY)?;
    let job = empty_job(call, key)?;
    if count > CONDITIONS {
        return Err(Status::OUT_OF_RANGE);
    }
    let mut changed = job.policy;
    for bytes in used.chunks_exact(entry_bytes) {
        job.policy
            .change(&mut changed, entry(topic, bytes)?, on_conflict)?;
    }

    // commit
    call.kernel.objects.get_mut(key).policy = changed;
    Ok(Flow::ok())
}

/// The least slack of timers. Waits are never longer than they must, so their mode is not kept.
fn set_slack(
    call: &mut Call<'_>,
    handle: HandleValue,
    options: u32,
    policy: In<u8>,
    count: u32,
) -> SysResult {
    if options != policy::JOB_POL_RELATIVE || policy.is_null() || count != 1 {
        return Err(Status::INVALID_ARGS);
    }
    let mut bytes = PolicyTimerSlack::zeroed_bytes();
    call.read_bytes(policy.0, &mut bytes)?;
    let wanted = PolicyTimerSlack::from_bytes(&bytes);
    let key = call.lookup::<Job>(handle, Rights::SET_POLICY)?;
    if wanted.min_slack < 0 || wanted.default_mode > limits::TIMER_SLACK_LATE {
        return Err(Status::INVALID_ARGS);
    }
    empty_job(call, key)?;

    // commit
    let job = call.kernel.objects.get_mut(key);
    job.policy.raise_slack(wanted.min_slack);
    Ok(Flow::ok())
}

/// A job that has no children yet: what is in one keeps its policy.
fn empty_job<'a>(call: &'a Call<'_>, key: Key<Job>) -> Result<&'a Job, Status> {
    let job = call.kernel.objects.get(key);
    if job.jobs.is_empty() && job.processes.is_empty() {
        Ok(job)
    } else {
        Err(Status::BAD_STATE)
    }
}

/// Reads one entry of an array.
fn entry(topic: u32, bytes: &[u8]) -> Result<PolicyEntry, Status> {
    let entry = if topic == policy::JOB_POL_BASIC_V1 {
        let PolicyBasicV1 { condition, policy } = PolicyBasicV1::from_bytes(bytes);
        PolicyBasicV2 {
            condition,
            action: policy,
            flags: policy::POL_OVERRIDE_DENY,
        }
    } else {
        PolicyBasicV2::from_bytes(bytes)
    };
    let is_fixed = match entry.flags {
        policy::POL_OVERRIDE_ALLOW => false,
        policy::POL_OVERRIDE_DENY => true,
        _ => return Err(Status::INVALID_ARGS),
    };
    Ok(PolicyEntry {
        condition: PolicyCondition::from_number(entry.condition).ok_or(Status::INVALID_ARGS)?,
        action: PolicyAction::from_number(entry.action).ok_or(Status::NOT_SUPPORTED)?,
        is_fixed,
    })
}
