//! Jobs (spec: tasks.md §2).

use crate::call::{Call, HandleValue, Out, SysResult};
use crate::object::ObjectRef;
use crate::task::{Job, JobError};
use jacinth_abi::{Rights, Status};

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
    call.install(ObjectRef::Job(job), Rights::DEFAULT_JOB, out)
}

const fn why_not(error: JobError) -> Status {
    match error {
        JobError::TooDeep => Status::OUT_OF_RANGE,
        JobError::ParentKilled => Status::BAD_STATE,
        JobError::NoMemory => Status::NO_MEMORY,
    }
}
