//! Exception channels and exceptions (spec: tasks.md §5).

use super::info::{Answer, single};
use crate::call::{Call, Flow, HandleValue, In, Out, SysResult};
use crate::object::{Exception, Object, ObjectRef};
use crate::task::{Handler, JobState, ProcessState, Thread, ThreadState};
use jacinth_abi::{
    EXCEPTION_CHANNEL_DEBUGGER, ExceptionChannelType, ExceptionState, ExceptionStrategy,
    PolicyCondition, Record, Rights, Status,
};

/// `zx_task_create_exception_channel`: the right is checked before the type.
pub(crate) fn task_create_exception_channel(
    call: &mut Call<'_>,
    handle: HandleValue,
    options: u32,
    out: Out<u32>,
) -> SysResult {
    let wants_debugger = match options {
        0 => false,
        EXCEPTION_CHANNEL_DEBUGGER => true,
        _ => return Err(Status::INVALID_ARGS),
    };
    call.enforce(PolicyCondition::NewChannel)?;
    let needed = Rights::INSPECT | Rights::DUPLICATE | Rights::TRANSFER | Rights::MANAGE_THREAD;
    let (task, rights) = call.lookup_any(handle, needed)?;
    let handler = match (task, wants_debugger) {
        (ObjectRef::Thread(_), true) => return Err(Status::INVALID_ARGS),
        (ObjectRef::Thread(key), false) => Handler::Thread(key),
        (ObjectRef::Process(key), false) => Handler::Process(key),
        (ObjectRef::Process(key), true) => Handler::Debugger(key),
        (ObjectRef::Job(key), false) => Handler::Job(key),
        (ObjectRef::Job(key), true) => Handler::JobDebugger(key),
        _ => return Err(Status::WRONG_TYPE),
    };
    // Who may not reach a task's threads is not given handles to them.
    if !matches!(handler, Handler::Thread(_)) && !rights.contains(Rights::ENUMERATE) {
        return Err(Status::ACCESS_DENIED);
    }
    check_alive(call, task)?;
    call.kernel.check_unbound(handler)?;
    call.kernel
        .objects
        .reserve_channel(&mut call.kernel.mem.budget)
        .map_err(crate::no_memory)?;
    call.reserve_handle()?;
    call.touch(out.0, size_of::<u32>())?;

    // commit
    let (kept, given) = call.kernel.objects.new_channel();
    call.kernel.bind_exceptions(handler, kept, rights);
    let rights = Rights::TRANSFER | Rights::WAIT | Rights::READ;
    call.install_new(given, rights, out)
}

fn check_alive(call: &Call<'_>, task: ObjectRef) -> Result<(), Status> {
    let objects = &call.kernel.objects;
    let is_alive = match task {
        ObjectRef::Thread(key) => objects.get(key).state != ThreadState::Dead,
        ObjectRef::Process(key) => matches!(
            objects.get(key).state,
            ProcessState::Initial | ProcessState::Running
        ),
        ObjectRef::Job(key) => objects.get(key).state == JobState::Alive,
        _ => true,
    };
    if is_alive {
        Ok(())
    } else {
        Err(Status::BAD_STATE)
    }
}

/// `zx_exception_get_thread`
pub(crate) fn exception_get_thread(
    call: &mut Call<'_>,
    handle: HandleValue,
    out: Out<u32>,
) -> SysResult {
    let key = call.lookup::<Exception>(handle, Rights::empty())?;
    let exception = call.kernel.objects.get(key);
    let (thread, rights) = (exception.thread, exception.rights);
    give(call, ObjectRef::Thread(thread), rights, out)
}

/// `zx_exception_get_process`: who listens to a thread learns nothing of its process.
pub(crate) fn exception_get_process(
    call: &mut Call<'_>,
    handle: HandleValue,
    out: Out<u32>,
) -> SysResult {
    let key = call.lookup::<Exception>(handle, Rights::empty())?;
    let exception = call.kernel.objects.get(key);
    if exception.channel_type == ExceptionChannelType::Thread {
        return Err(Status::ACCESS_DENIED);
    }
    let (thread, rights) = (exception.thread, exception.rights);
    let process = call.kernel.objects.get(thread).process;
    give(call, ObjectRef::Process(process), rights, out)
}

fn give(call: &mut Call<'_>, task: ObjectRef, rights: Rights, out: Out<u32>) -> SysResult {
    call.reserve_handle()?;
    call.touch(out.0, size_of::<u32>())?;

    // commit
    call.install(task, rights, out)
}

/// `ZX_INFO_THREAD_EXCEPTION_REPORT`, in a version of so many bytes.
pub(super) fn report(
    call: &mut Call<'_>,
    handle: HandleValue,
    to: Answer,
    version_bytes: usize,
) -> SysResult {
    let key = call.lookup::<Thread>(handle, Rights::INSPECT)?;
    let objects = &call.kernel.objects;
    let is_stopped = objects.exception_of(key).is_some();
    let raised = objects.get(key).raised.filter(|_| is_stopped);
    let report = raised.ok_or(Status::BAD_STATE)?.cause.report(call.hal);
    let mut bytes = report.to_bytes();
    let size = u32::try_from(version_bytes).unwrap_or(0).to_le_bytes();
    bytes.iter_mut().zip(size).for_each(|(to, from)| *to = from);
    single(call, to, bytes.get(..version_bytes).unwrap_or(&bytes))
}

/// The two properties of an exception.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ExceptionProperty {
    State,
    Strategy,
}

pub(super) fn get_property(
    call: &mut Call<'_>,
    object: ObjectRef,
    property: ExceptionProperty,
    value: u64,
) -> SysResult {
    let key = Exception::from_ref(object).ok_or(Status::WRONG_TYPE)?;
    let exception = call.kernel.objects.get(key);
    let number = match property {
        ExceptionProperty::State => exception.state.number(),
        ExceptionProperty::Strategy => exception.strategy.number(),
    };
    call.write_bytes(value, &number.to_le_bytes())?;
    Ok(Flow::ok())
}

/// Sets a property; only a debugger has a strategy.
pub(super) fn set_property(
    call: &mut Call<'_>,
    object: ObjectRef,
    property: ExceptionProperty,
    value: u64,
) -> SysResult {
    let key = Exception::from_ref(object).ok_or(Status::WRONG_TYPE)?;
    let number: u32 = call.read(In::at(value))?;
    let exception = call.kernel.objects.get_mut(key);
    match property {
        ExceptionProperty::State => {
            let state = ExceptionState::from_number(number).ok_or(Status::INVALID_ARGS)?;

            // commit
            exception.state = state;
        }
        ExceptionProperty::Strategy => {
            if exception.channel_type != ExceptionChannelType::Debugger {
                return Err(Status::BAD_STATE);
            }
            let strategy = ExceptionStrategy::from_number(number).ok_or(Status::INVALID_ARGS)?;

            // commit
            exception.strategy = strategy;
        }
    }
    Ok(Flow::ok())
}
