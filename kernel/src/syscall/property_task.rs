//! Properties of jobs, and those that a process keeps for debuggers (spec: tasks.md §3.5, §10).

use crate::call::{Call, Flow, In, Out, SysResult};
use crate::object::{Object, ObjectRef};
use crate::task::{Job, Process};
use jacinth_abi::{Property, Status};

/// Tells one of them.
pub(super) fn get(
    call: &mut Call<'_>,
    object: ObjectRef,
    property: Property,
    value: Out<u8>,
) -> SysResult {
    if property == Property::JobKillOnOom {
        // Only INFO_JOB tells it.
        return Err(Status::NOT_SUPPORTED);
    }
    let process = Process::from_ref(object).ok_or(Status::WRONG_TYPE)?;
    let word = call.kernel.objects.get(process).debug.get(property);
    call.write_bytes(value.0, &word.to_le_bytes())?;
    Ok(Flow::ok())
}

/// Sets one of them.
pub(super) fn set(
    call: &mut Call<'_>,
    object: ObjectRef,
    property: Property,
    value: In<u64>,
) -> SysResult {
    if property == Property::JobKillOnOom {
        let job = Job::from_ref(object).ok_or(Status::WRONG_TYPE)?;
        let word = call.read(value)?;
        if word > 1 {
            return Err(Status::INVALID_ARGS);
        }

        // commit
        call.kernel.objects.get_mut(job).kill_on_oom = word == 1;
        return Ok(Flow::ok());
    }
    let process = Process::from_ref(object).ok_or(Status::WRONG_TYPE)?;
    let word = call.read(value)?;
    let debug = &mut call.kernel.objects.get_mut(process).debug;
    debug.set(property, word)?;
    Ok(Flow::ok())
}
