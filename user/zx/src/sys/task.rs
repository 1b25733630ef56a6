//! Calls on tasks: jobs, processes, threads.

use super::{Answer, Input, Output, Place, call};
use crate::Address;
use crate::seam::Begin;
use jacinth_abi::policy::JOB_POL_BASIC_V2;

/// The entries of a policy that a call takes at the most.
const MOST: u32 = 32;

/// `zx_thread_create`
///
/// # Errors
/// See `docs/syscalls.md`, as for all calls here.
pub fn thread_create<'a>(
    process: u32,
    name: Input<'_>,
    options: u32,
    out: impl Into<Place<'a, 4>>,
) -> Answer {
    let name_size = name.len();
    let out = out.into().arg();
    call!(thread_create(process, name.arg(), name_size, options, out))
}

/// `zx_thread_legacy_yield`
///
/// # Errors
/// See `docs/syscalls.md`.
pub fn thread_legacy_yield(options: u32) -> Answer {
    call!(thread_legacy_yield(options))
}

/// `zx_task_kill`
///
/// # Errors
/// See `docs/syscalls.md`.
pub fn task_kill(handle: u32) -> Answer {
    call!(task_kill(handle))
}

/// `zx_process_create`
///
/// # Errors
/// See `docs/syscalls.md`.
pub fn process_create<'a, 'b>(
    job: u32,
    name: Input<'_>,
    options: u32,
    process: impl Into<Place<'a, 4>>,
    vmar: impl Into<Place<'b, 4>>,
) -> Answer {
    let name_size = name.len();
    let (process, vmar) = (process.into().arg(), vmar.into().arg());
    call!(process_create(
        job,
        name.arg(),
        name_size,
        options,
        process,
        vmar
    ))
}

/// `zx_process_read_memory`
///
/// # Errors
/// See `docs/syscalls.md`.
pub fn process_read_memory<'a>(
    handle: u32,
    vaddr: u64,
    buffer: Output<'_>,
    actual: impl Into<Place<'a, 8>>,
) -> Answer {
    let size = buffer.len();
    let actual = actual.into().arg();
    call!(process_read_memory(
        handle,
        vaddr,
        buffer.arg(),
        size,
        actual
    ))
}

/// `zx_job_create`
///
/// # Errors
/// See `docs/syscalls.md`.
pub fn job_create<'a>(parent: u32, options: u32, out: impl Into<Place<'a, 4>>) -> Answer {
    let out = out.into().arg();
    call!(job_create(parent, options, out))
}

/// `zx_object_get_child`
///
/// # Errors
/// See `docs/syscalls.md`.
pub fn object_get_child<'a>(
    handle: u32,
    koid: u64,
    rights: u32,
    out: impl Into<Place<'a, 4>>,
) -> Answer {
    let out = out.into().arg();
    call!(object_get_child(handle, koid, rights, out))
}

/// `zx_process_write_memory`
///
/// # Errors
/// See `docs/syscalls.md`.
pub fn process_write_memory<'a>(
    handle: u32,
    vaddr: Address,
    buffer: Input<'_>,
    actual: impl Into<Place<'a, 8>>,
) -> Answer {
    let (vaddr, size) = (vaddr.raw(), buffer.len());
    let actual = actual.into().arg();
    call!(process_write_memory(
        handle,
        vaddr,
        buffer.arg(),
        size,
        actual
    ))
}

/// `zx_process_start`: it has an address space of its own, so its code is nobody else's business.
///
/// # Errors
/// See `docs/syscalls.md`.
pub fn process_start(
    process: u32,
    thread: u32,
    entry: u64,
    stack: u64,
    arg1: u32,
    arg2: u64,
) -> Answer {
    call!(process_start(process, thread, entry, stack, arg1, arg2))
}

/// `zx_thread_start`, for a thread that has nothing to do: `entry` is 0 or beyond all addresses of
/// user mode. See [`Spawned`](crate::Spawned) for one that has.
///
/// # Errors
/// See `docs/syscalls.md`.
///
/// # Panics
/// When there might be code at `entry`.
pub fn thread_start_nowhere(handle: u32, entry: u64, stack: u64) -> Answer {
    const BEYOND: u64 = 1 << 48;
    assert!(entry == 0 || entry >= BEYOND, "an address of user mode");
    call!(thread_start(handle, entry, stack, 0, 0))
}

/// `zx_thread_start`, where [`prepare`](crate::seam::prepare) says.
pub(crate) fn thread_start(handle: u32, begin: &Begin, stack: u64) -> Answer {
    let (entry, [arg1, arg2]) = (begin.entry, begin.args);
    call!(thread_start(handle, entry, stack, arg1, arg2))
}

/// `zx_job_set_policy`: the entries as bytes, `count` of them.
///
/// # Errors
/// See `docs/syscalls.md`.
///
/// # Panics
/// When the entries take more bytes than there are.
pub fn job_set_policy(
    handle: u32,
    options: u32,
    topic: u32,
    policy: Input<'_>,
    count: u32,
) -> Answer {
    const SMALLEST: u64 = 8;
    // The kernel reads what the topic says; a count that it refuses reads nothing.
    let needed = if topic == JOB_POL_BASIC_V2 {
        12
    } else {
        SMALLEST
    } * u64::from(count);
    assert!(
        count > MOST || needed <= policy.len() || matches!(policy, Input::At(..)),
        "entries beyond the end"
    );
    call!(job_set_policy(handle, options, topic, policy.arg(), count))
}

/// `zx_profile_create`: the record as bytes.
///
/// # Errors
/// See `docs/syscalls.md`.
///
/// # Panics
/// When the record takes more bytes than there are.
pub fn profile_create<'a>(
    resource: u32,
    options: u32,
    profile: Input<'_>,
    out: impl Into<Place<'a, 4>>,
) -> Answer {
    const RECORD: u64 = 96;
    assert!(
        profile.len() >= RECORD || matches!(profile, Input::At(..)),
        "a record beyond the end"
    );
    let out = out.into().arg();
    call!(profile_create(resource, options, profile.arg(), out))
}

/// `zx_object_set_profile`
///
/// # Errors
/// See `docs/syscalls.md`.
pub fn object_set_profile(handle: u32, profile: u32, options: u32) -> Answer {
    call!(object_set_profile(handle, profile, options))
}
