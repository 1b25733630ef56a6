//! Threads' registers, seen and changed by others while a thread is stopped (spec: tasks.md §4.6).

use crate::call::{Call, Flow, HandleValue, In, Out, SysResult};
use crate::hal::ContextId;
use crate::mem::Key;
use crate::object::{Object, ObjectRef};
use crate::task::Thread;
use jacinth_abi::{Property, Rights, Status, ThreadStateKind};

type Buffer = [u8; ThreadStateKind::MOST_BYTES];

/// `zx_thread_read_state`
pub(crate) fn thread_read_state(
    call: &mut Call<'_>,
    handle: HandleValue,
    kind: u32,
    buffer: Out<u8>,
    buffer_size: u64,
) -> SysResult {
    let key = call.lookup::<Thread>(handle, Rights::READ)?;
    let (kind, bytes) = check_kind(call, kind, buffer_size)?;
    let context = still(call, key)?;
    let mut all: Buffer = [0; ThreadStateKind::MOST_BYTES];
    let state = all.get_mut(..bytes).ok_or(Status::INTERNAL)?;
    // A thread is never made to stop after each instruction: all zero is the answer.
    if kind != ThreadStateKind::SingleStep {
        call.kernel.sched.save_fp_of(call.hal, context);
        call.hal.context_read_state(context, kind, state);
    }
    call.write_bytes(buffer.0, state)?;
    Ok(Flow::ok())
}

/// `zx_thread_write_state`: what only debuggers need is refused before anything else.
pub(crate) fn thread_write_state(
    call: &mut Call<'_>,
    handle: HandleValue,
    kind: u32,
    buffer: In<u8>,
    buffer_size: u64,
) -> SysResult {
    if kind & ThreadStateKind::DEBUGGING != 0 {
        return Err(Status::NOT_SUPPORTED);
    }
    let key = call.lookup::<Thread>(handle, Rights::WRITE)?;
    let (kind, bytes) = check_kind(call, kind, buffer_size)?;
    let context = still(call, key)?;
    let mut all: Buffer = [0; ThreadStateKind::MOST_BYTES];
    let state = all.get_mut(..bytes).ok_or(Status::INTERNAL)?;
    call.read_bytes(buffer.0, state)?;
    let before = call.hal.context_crash_registers(context).pc;
    call.kernel.sched.save_fp_of(call.hal, context);
    let written = call.hal.context_write_state(context, kind, state);
    written.map_err(|_| Status::INVALID_ARGS)?;

    // commit
    call.kernel.sched.forget_context(context);
    if call.hal.context_crash_registers(context).pc != before {
        call.kernel.leave_call(key);
    }
    Ok(Flow::ok())
}

/// What a kind is, and how many bytes the caller must have for it.
fn check_kind(
    call: &Call<'_>,
    kind: u32,
    buffer_size: u64,
) -> Result<(ThreadStateKind, usize), Status> {
    let kind = ThreadStateKind::from_number(kind).ok_or(Status::INVALID_ARGS)?;
    let bytes = match kind {
        ThreadStateKind::SingleStep => Some(size_of::<u32>()),
        _ => call.hal.context_state_bytes(kind),
    };
    let bytes = bytes.ok_or(Status::NOT_SUPPORTED)?;
    if buffer_size < u64::try_from(bytes).unwrap_or(u64::MAX) {
        return Err(Status::BUFFER_TOO_SMALL);
    }
    Ok((kind, bytes))
}

/// The registers of a thread that has stopped.
fn still(call: &Call<'_>, key: Key<Thread>) -> Result<ContextId, Status> {
    if call.kernel.is_still(key) {
        Ok(call.kernel.objects.get(key).context)
    } else {
        Err(Status::BAD_STATE)
    }
}

/// The register that a property stands for.
pub(super) fn base_register(property: u32) -> Option<ThreadStateKind> {
    match Property::from_number(property)? {
        Property::RegisterFs => Some(ThreadStateKind::FsBase),
        Property::RegisterGs => Some(ThreadStateKind::GsBase),
        _ => None,
    }
}

/// Sets a register that only its own thread may set, where there is one.
///
/// # Errors
/// In this order: NOT_SUPPORTED, BUFFER_TOO_SMALL, WRONG_TYPE, ACCESS_DENIED, INVALID_ARGS (value, or
/// an address that is not the user's).
pub(super) fn set_base_register(
    call: &mut Call<'_>,
    object: ObjectRef,
    kind: ThreadStateKind,
    (value, value_size): (In<u8>, u64),
) -> SysResult {
    let bytes = call.hal.context_state_bytes(kind);
    let bytes = bytes.ok_or(Status::NOT_SUPPORTED)?;
    if value_size < u64::try_from(bytes).unwrap_or(u64::MAX) {
        return Err(Status::BUFFER_TOO_SMALL);
    }
    let thread = Thread::from_ref(object).ok_or(Status::WRONG_TYPE)?;
    if thread != call.thread {
        return Err(Status::ACCESS_DENIED);
    }
    let base: u64 = call.read(In::at(value.0))?;
    set_own_base(call, kind, base)?;
    Ok(Flow::ok())
}

fn set_own_base(call: &mut Call<'_>, kind: ThreadStateKind, base: u64) -> Result<(), Status> {
    let context = call.kernel.objects.get(call.thread).context;
    let loaded_on = call.kernel.sched.save_fp_of(call.hal, context);
    let bytes = base.to_le_bytes();
    let written = call.hal.context_write_state(context, kind, &bytes);
    // Bases are kept with the FP state: what this CPU holds is behind.
    call.kernel.sched.reload_fp(call.hal, loaded_on, context);
    written.map_err(|_| Status::INVALID_ARGS)
}
