//! Threads.

use alloc::boxed::Box;
use core::mem::ManuallyDrop;

use jacinth_abi::limits::TIME_INFINITE;
use jacinth_abi::{Signals, Status, ThreadInfo, Topic, VmOptions, VmoOp, VmoOptions};

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
