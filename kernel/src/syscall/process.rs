//! Processes: made, started, looked into (spec: tasks.md §3, vmar.md §8.4).

use super::thread::check_entry;
use crate::call::{Call, Flow, FromReg, HandleValue, In, Out, SysResult};
use crate::hal::ThreadStart;
use crate::mem::Key;
use crate::object::{Handle, ObjectRef};
use crate::task::{Job, JobState, Process, ProcessState, Thread, ThreadState, Work};
use crate::vm::{self, Vmo};
use crate::{VirtAddr, no_memory};
use jacinth_abi::{PolicyCondition, Rights, Status, limits};

/// `ZX_PROCESS_SHARED`: part of the address space may be shared, which nothing here makes use of.
const SHARED: u32 = 1;
/// The most that one call copies (Zircon: 64 MiB).
const MOST_PEEK_BYTES: u64 = 64 << 20;

/// `zx_process_create`
pub(crate) fn process_create(
    call: &mut Call<'_>,
    job: HandleValue,
    name: In<u8>,
    name_size: u64,
    options: u32,
    process: Out<u32>,
    vmar: Out<u32>,
) -> SysResult {
    if options & !SHARED != 0 {
        return Err(Status::INVALID_ARGS);
    }
    call.enforce(PolicyCondition::NewProcess)?;
    if name.is_null() {
        return Err(Status::INVALID_ARGS);
    }
    let name = call.read_name(name.0, name_size)?;
    let job = call.lookup::<Job>(job, Rights::MANAGE_PROCESS)?;
    if call.kernel.objects.get(job).state != JobState::Alive {
        return Err(Status::BAD_STATE);
    }
    call.kernel.reserve_handles(call.process, 2)?;
    call.touch(process.0, size_of::<u32>())?;
    call.touch(vmar.0, size_of::<u32>())?;
    let new = call.kernel.new_process(call.hal, job, name);
    let (key, root) = new.map_err(no_memory)?;

    // commit
    let vmar_rights = Rights::DEFAULT_VMAR | Rights::IO | Rights::EXECUTE;
    let first = insert(call, ObjectRef::Process(key), Rights::DEFAULT_PROCESS);
    let second = insert(call, ObjectRef::Vmar(root), vmar_rights);
    let written = call.write(process, first);
    let written = written.and_then(|()| call.write(vmar, second));
    if let Err(status) = written {
        // Nobody knows the values: the process goes, too.
        call.kernel.close_handle(call.process, second);
        call.kernel.close_handle(call.process, first);
        return Err(status);
    }
    Ok(Flow::ok())
}

/// Puts a new handle into a slot of the caller's table that was reserved; its value.
fn insert(call: &mut Call<'_>, object: ObjectRef, rights: Rights) -> u32 {
    let handle = Handle::new(&mut call.kernel.objects, object, rights);
    let process = call.kernel.objects.get_mut(call.process);
    process.handles.insert_reserved(handle)
}

/// `zx_process_start`: `arg1` is gone in every case but want of memory.
pub(crate) fn process_start(
    call: &mut Call<'_>,
    process: HandleValue,
    thread: HandleValue,
    entry: u64,
    stack: u64,
    arg1: HandleValue,
    arg2: u64,
) -> SysResult {
    let checked = check_start(call, process, thread, entry, arg1);
    let (process, thread) = match checked {
        Ok(checked) => checked,
        Err(Status::NO_MEMORY) => return Err(Status::NO_MEMORY),
        Err(status) => {
            call.kernel.close_handle(call.process, arg1);
            return Err(status);
        }
    };

    // commit
    let arg1 = move_handle(call, process, arg1);
    let start = ThreadStart {
        entry,
        stack,
        arg1: u64::from(arg1),
        arg2,
    };
    call.kernel.start_thread(call.hal, thread, start);
    Ok(Flow::Yield(0))
}

/// The checks of `zx_process_start`, in its order, and a slot for the handle.
fn check_start(
    call: &mut Call<'_>,
    process: HandleValue,
    thread: HandleValue,
    entry: u64,
    arg1: HandleValue,
) -> Result<(Key<Process>, Key<Thread>), Status> {
    let process = call.lookup::<Process>(process, Rights::WRITE)?;
    let thread = call.lookup::<Thread>(thread, Rights::WRITE)?;
    let state = call.kernel.objects.get(thread);
    if state.process != process {
        return Err(Status::ACCESS_DENIED);
    }
    if arg1 != limits::HANDLE_INVALID {
        call.lookup_any(arg1, Rights::TRANSFER)?;
    }
    if call.kernel.objects.get(process).state != ProcessState::Initial
        || state.state != ThreadState::New
    {
        return Err(Status::BAD_STATE);
    }
    check_entry(call, entry)?;
    if arg1 != limits::HANDLE_INVALID {
        let budget = &mut call.kernel.mem.budget;
        let target = call.kernel.objects.get_mut(process);
        // It only moves: the system will have no more than before.
        target.handles.reserve(1, 0, budget).map_err(no_memory)?;
    }
    Ok((process, thread))
}

/// Moves a handle of the caller into another process, where a slot was reserved; its value there,
/// 0 for none.
fn move_handle(call: &mut Call<'_>, to: Key<Process>, value: HandleValue) -> u32 {
    let caller = call.kernel.objects.get_mut(call.process);
    let Some(handle) = caller.handles.remove(value) else {
        return limits::HANDLE_INVALID;
    };
    call.kernel.cancel_waits(handle.object(), handle.id());
    let target = call.kernel.objects.get_mut(to);
    target.handles.insert_reserved(handle)
}

/// A copy from or to another process under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Peek {
    vmo: Key<Vmo>,
    offset: u64,
    buffer: u64,
    len: u64,
    to_user: bool,
    /// All that will have been copied, and where that is told.
    total: u64,
    actual: u64,
}

impl Peek {
    /// The VMO that is shown there.
    pub(crate) const fn vmo(&self) -> Key<Vmo> {
        self.vmo
    }
}

/// `zx_process_read_memory`
pub(crate) fn process_read_memory(
    call: &mut Call<'_>,
    handle: HandleValue,
    vaddr: u64,
    buffer: Out<u8>,
    buffer_size: u64,
    actual: Out<u64>,
) -> SysResult {
    let rights = Rights::READ | Rights::WRITE;
    let (vmo, offset, len) = find(call, handle, rights, vaddr, (buffer.0, buffer_size))?;
    let peek = Peek {
        vmo,
        offset,
        buffer: buffer.0,
        len,
        to_user: true,
        total: len,
        actual: actual.0,
    };
    begin(call, peek)
}

/// `zx_process_write_memory`
pub(crate) fn process_write_memory(
    call: &mut Call<'_>,
    handle: HandleValue,
    vaddr: u64,
    buffer: In<u8>,
    buffer_size: u64,
    actual: Out<u64>,
) -> SysResult {
    let (vmo, offset, len) = find(call, handle, Rights::WRITE, vaddr, (buffer.0, buffer_size))?;
    let peek = Peek {
        vmo,
        offset,
        buffer: buffer.0,
        len,
        to_user: false,
        total: len,
        actual: actual.0,
    };
    begin(call, peek)
}

/// What is mapped at an address of a process: the VMO, where in it, and how much of the buffer
/// there is up to the mapping's end.
fn find(
    call: &Call<'_>,
    handle: HandleValue,
    rights: Rights,
    vaddr: u64,
    (buffer, size): (u64, u64),
) -> Result<(Key<Vmo>, u64, u64), Status> {
    if buffer == 0 || size == 0 || size > MOST_PEEK_BYTES {
        return Err(Status::INVALID_ARGS);
    }
    let process = call.lookup::<Process>(handle, rights)?;
    let objects = &call.kernel.objects;
    if !matches!(
        objects.get(process).state,
        ProcessState::Initial | ProcessState::Running
    ) {
        return Err(Status::BAD_STATE);
    }
    let shown = vm::shown_at(objects, process, VirtAddr::new(vaddr));
    let (vmo, offset, bytes) = shown.ok_or(Status::NOT_FOUND)?;
    Ok((vmo, offset, bytes.min(size)))
}

fn begin(call: &mut Call<'_>, peek: Peek) -> SysResult {
    let Peek {
        vmo,
        offset,
        buffer,
        len,
        to_user,
        ..
    } = peek;
    let flow = vm::copy(call, vmo, offset, buffer, len, to_user)?;
    after(call, peek, flow)
}

/// Goes on with a copy.
///
/// # Errors
/// Those of the copying of a VMO.
pub(super) fn go_on(call: &mut Call<'_>, peek: Peek) -> SysResult {
    let Peek {
        vmo,
        offset,
        buffer,
        len,
        to_user,
        ..
    } = peek;
    let flow = vm::resume_copy(call, vmo, offset, buffer, len, to_user)?;
    after(call, peek, flow)
}

fn after(call: &mut Call<'_>, peek: Peek, flow: Flow) -> SysResult {
    if let Flow::Again(Work::Copy {
        offset,
        buffer,
        len,
        ..
    }) = flow
    {
        return Ok(Flow::Again(Work::Peek(Peek {
            offset,
            buffer,
            len,
            ..peek
        })));
    }
    let actual: Out<u64> = FromReg::from_reg(peek.actual);
    if !actual.is_null() {
        call.write(actual, peek.total)?;
    }
    Ok(flow)
}
