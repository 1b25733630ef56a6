//! Calls that stop tasks, look at their registers and change them.

use super::{Answer, Input, Output, Place, call};
use core::sync::atomic::{AtomicU64, Ordering};
use jacinth_abi::{HandleBasicInfo, ObjectType, Record, Topic};

/// The koid of this process, where it is known: a thread of its own would run on with other
/// registers in the middle of what Rust does.
static OWN_PROCESS: AtomicU64 = AtomicU64::new(0);

/// Takes note of a handle to this process.
pub(crate) fn note_own_process(process: u32) {
    // One host process plays many simulated ones, whose threads' memory is not its own.
    if cfg!(target_os = "none")
        && let Some(info) = basic_info(process)
    {
        OWN_PROCESS.store(info.koid, Ordering::Relaxed);
    }
}

fn basic_info(handle: u32) -> Option<HandleBasicInfo> {
    let mut bytes = HandleBasicInfo::zeroed_bytes();
    let (mut actual, mut avail) = ([0; 8], [0; 8]);
    let buffer = Output::Here(&mut bytes);
    let topic = Topic::HANDLE_BASIC.0;
    super::object_get_info(handle, topic, buffer, &mut actual, &mut avail).ok()?;
    Some(HandleBasicInfo::from_bytes(&bytes))
}

/// `zx_task_suspend`
///
/// # Errors
/// See `docs/syscalls.md`, as for all calls here.
pub fn task_suspend<'a>(handle: u32, token: impl Into<Place<'a, 4>>) -> Answer {
    call!(task_suspend(handle, token.into().arg()))
}

/// `zx_thread_read_state`
///
/// # Errors
/// See `docs/syscalls.md`.
pub fn thread_read_state(handle: u32, kind: u32, buffer: Output<'_>) -> Answer {
    let size = buffer.len();
    call!(thread_read_state(handle, kind, buffer.arg(), size))
}

/// `zx_thread_write_state`, for threads of other processes.
///
/// # Errors
/// See `docs/syscalls.md`.
///
/// # Panics
/// When the thread is one of this program's.
pub fn thread_write_state(handle: u32, kind: u32, buffer: Input<'_>) -> Answer {
    if cfg!(target_os = "none")
        && let Some(info) = basic_info(handle)
    {
        let own = OWN_PROCESS.load(Ordering::Relaxed);
        let is_thread = info.object_type == ObjectType::Thread.number();
        let is_foreign = own != 0 && info.related_koid != own;
        assert!(!is_thread || is_foreign, "a thread of another process");
    }
    let size = buffer.len();
    call!(thread_write_state(handle, kind, buffer.arg(), size))
}

/// `zx_job_set_critical`
///
/// # Errors
/// See `docs/syscalls.md`.
pub fn job_set_critical(job: u32, options: u32, process: u32) -> Answer {
    call!(job_set_critical(job, options, process))
}
