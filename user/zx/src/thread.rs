//! Threads.

use alloc::boxed::Box;
use core::mem::ManuallyDrop;

use jacinth_abi::limits::TIME_INFINITE;
use jacinth_abi::{
    Record, Signals, Status, ThreadInfo, ThreadStateKind, Topic, VmOptions, VmoOp, VmoOptions,
};

use crate::handle::{new_handle, object};
use crate::{Process, Region, Vmar, Vmo, seam, sys};

/// The stack of a spawned thread in bytes, and the page below that nobody may touch.
const STACK: u64 = 64 << 10;
const GUARD: u64 = 4 << 10;
/// How far below its end a stack begins, as after a call: the return address that nobody pushed.
pub(crate) const STACK_BIAS: u64 = if cfg!(target_arch = "x86_64") { 8 } else { 0 };

object! {
    /// A thread.
    Thread
}

impl Thread {
    /// Makes a thread that does not run yet.
    ///
    /// # Errors
    /// Those of `zx_thread_create`.
    pub fn create(process: &Process, name: &str) -> Result<Self, Status> {
        let name = sys::Input::Here(name.as_bytes());
        new_handle(|out| sys::thread_create(process.value(), name, 0, out)).map(Self)
    }

    /// Asks how it is.
    ///
    /// # Errors
    /// BAD_HANDLE, ACCESS_DENIED without INSPECT.
    pub fn thread_info(&self) -> Result<ThreadInfo, Status> {
        self.info(Topic::THREAD)
    }

    /// Stops it until the token is dropped.
    ///
    /// # Errors
    /// Those of `zx_task_suspend`.
    pub fn suspend(&self) -> Result<SuspendToken, Status> {
        new_handle(|out| sys::task_suspend(self.value(), out)).map(SuspendToken)
    }

    /// Reads a part of its registers, while it is stopped: a record that the kind has here.
    ///
    /// # Errors
    /// Those of `zx_thread_read_state`.
    pub fn read_state<R: Record>(&self, kind: ThreadStateKind) -> Result<R, Status> {
        let mut bytes = R::zeroed_bytes();
        let buffer = sys::Output::Here(bytes.as_mut());
        sys::thread_read_state(self.value(), kind.number(), buffer)?;
        Ok(R::from_bytes(bytes.as_ref()))
    }

    /// Writes a part of its registers, while it is stopped; it is a thread of another process.
    ///
    /// # Errors
    /// Those of `zx_thread_write_state`.
    ///
    /// # Panics
    /// When it is a thread of this program.
    pub fn write_state<R: Record>(&self, kind: ThreadStateKind, state: &R) -> Result<(), Status> {
        let bytes = state.to_bytes();
        let buffer = sys::Input::Here(bytes.as_ref());
        sys::thread_write_state(self.value(), kind.number(), buffer)
    }
}

object! {
    /// Keeps a thread, or the threads of a process, stopped until it is dropped.
    SuspendToken
}

/// A thread of this program that runs a function.
///
/// Who drops it without [`join`](Spawned::join) lets the thread go on, and leaves it its stack.
#[derive(Debug)]
pub struct Spawned {
    thread: Thread,
    stack: ManuallyDrop<Region>,
}

impl Spawned {
    /// Starts a thread that runs `body` and ends when that does.
    ///
    /// # Errors
    /// Those of making a thread, and memory for its stack.
    pub fn start(
        process: &Process,
        vmar: &Vmar,
        name: &str,
        body: impl FnOnce() + Send + 'static,
    ) -> Result<Self, Status> {
        let thread = Thread::create(process, name)?;
        let stack = ManuallyDrop::new(map_stack(vmar)?);
        let top = stack.base() + stack.bytes() - STACK_BIAS;
        let begin = seam::prepare(Box::new(move || {
            body();
            sys::thread_exit()
        }));
        if let Err(status) = sys::thread_start(thread.value(), &begin, top) {
            seam::forget(begin);
            drop(ManuallyDrop::into_inner(stack));
            return Err(status);
        }
        Ok(Self { thread, stack })
    }

    /// The thread.
    #[must_use]
    pub const fn thread(&self) -> &Thread {
        &self.thread
    }

    /// Waits until it has ended.
    ///
    /// # Errors
    /// Those of waiting: the thread keeps its stack then.
    pub fn join(self) -> Result<(), Status> {
        self.thread.wait(Signals::TASK_TERMINATED, TIME_INFINITE)?;
        drop(ManuallyDrop::into_inner(self.stack));
        Ok(())
    }
}

/// Maps a stack, all of it committed, above a page that faults.
fn map_stack(vmar: &Vmar) -> Result<Region, Status> {
    let vmo = Vmo::create(GUARD + STACK, VmoOptions::empty())?;
    vmo.op_range(VmoOp::Commit, GUARD, STACK)?;
    let options = VmOptions::PERM_READ | VmOptions::PERM_WRITE | VmOptions::MAP_RANGE;
    let stack = vmar.map_at(options, 0, &vmo, 0, GUARD + STACK)?;
    sys::vmar_protect(vmar.value(), VmOptions::empty(), stack.address(0), GUARD)?;
    Ok(stack)
}
