//! Programs in processes of their own, made wholly from user space.
//!
//! ```ignore
//! let program = Program::from_archive(&bootfs, "driver")?;
//! let child = Builder::new(&job, "driver").arg("hpet").handle("device", vmo).start(&program)?;
//! let answer = child.channel.call(...)?;
//! child.kill()?;
//! ```
//!
//! A child is started as the kernel starts `init`, and reads the same message
//! ([`Startup`](crate::Startup)): it has its process, its thread, its address space, its end of
//! [`Child::channel`], and what it is given by name; no job, no resource, nothing else.

mod child;
mod message;
mod program;

pub use child::Child;
pub use program::Program;

use alloc::borrow::ToOwned;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use jacinth_abi::Status;
use jacinth_abi::limits::PAGE_SIZE;
use jacinth_abi::processargs::{PA_PROC_SELF, PA_THREAD_SELF, PA_USER0, PA_VMAR_ROOT, handle_info};
pub use jacinth_elf::{ElfError, Machine};

use crate::{Channel, Handle, Job, Process, Thread, Vmar};

/// The stack of a program that does not ask for another, in bytes.
const STACK: u64 = 256 << 10;

/// A process to be.
#[derive(Debug)]
pub struct Builder<'a> {
    job: &'a Job,
    name: &'a str,
    args: Vec<String>,
    names: Vec<String>,
    /// What is given away, with `PA_HND` words.
    handles: Vec<(u32, Handle)>,
    stack: Option<u64>,
    word: u64,
}

impl<'a> Builder<'a> {
    /// A process in a job, with nothing but itself.
    #[must_use]
    pub const fn new(job: &'a Job, name: &'a str) -> Self {
        Self {
            job,
            name,
            args: Vec::new(),
            names: Vec::new(),
            handles: Vec::new(),
            stack: None,
            word: 0,
        }
    }

    /// Adds an argument: a word of [`Startup::args`](crate::Startup::args).
    #[must_use]
    pub fn arg(mut self, arg: &str) -> Self {
        self.args.push(arg.to_owned());
        self
    }

    /// Gives a handle away, which the child finds by its name
    /// ([`Startup::take`](crate::Startup::take)).
    #[must_use]
    pub fn handle(mut self, name: &str, handle: impl Into<Handle>) -> Self {
        // More names than a message has handles are refused at the start.
        let index = u32::try_from(self.names.len()).unwrap_or(u32::MAX);
        self.names.push(name.to_owned());
        self.give(handle_info(PA_USER0, index), handle)
    }

    /// Gives a handle away as what a `PA_HND` word says: see
    /// [`processargs`](jacinth_abi::processargs).
    #[must_use]
    pub fn give(mut self, info: u32, handle: impl Into<Handle>) -> Self {
        self.handles.push((info, handle.into()));
        self
    }

    /// Gives it a stack of other than the usual size, whatever the program asks for.
    #[must_use]
    pub const fn stack(mut self, bytes: u64) -> Self {
        self.stack = Some(bytes);
        self
    }

    /// The second argument of its first thread, where Zircon has the address of its vDSO; 0 unless
    /// said.
    #[must_use]
    pub const fn word(mut self, word: u64) -> Self {
        self.word = word;
        self
    }

    /// Starts it.
    ///
    /// # Errors
    /// [`StartError::Refused`]: the handles given to it are gone, and nothing is left of it.
    pub fn start(self, program: &Program) -> Result<Child, StartError> {
        let asked = self.stack.or(program.stack()).unwrap_or(STACK);
        let (process, vmar) =
            Process::create(self.job, self.name).map_err(refused("making the process"))?;
        let thread =
            Thread::create(&process, "initial-thread").map_err(refused("making the thread"))?;
        let base = program.map(&vmar).map_err(refused("mapping the program"))?;
        let stack = map_stack(&vmar, asked).map_err(refused("mapping the stack"))?;
        let (ours, theirs) = Channel::create().map_err(refused("making the channel"))?;

        let own = own_handles(&process, &thread, vmar).map_err(refused("duplicating handles"))?;
        let given = own.into_iter().chain(self.handles);
        let (infos, handles): (Vec<u32>, Vec<Handle>) = given.unzip();
        message::bytes(&infos, &self.args, &self.names)
            .and_then(|bytes| ours.write(&bytes, handles))
            .map_err(refused("writing the message"))?;

        let entry = program.entry().wrapping_add(base);
        process
            .start(&thread, (entry, stack), Some(theirs.into()), self.word)
            .map_err(refused("starting the process"))?;
        Ok(Child {
            process,
            channel: ours,
        })
    }
}

/// What every process has: itself, its first thread, its address space.
fn own_handles(
    process: &Process,
    thread: &Thread,
    vmar: Vmar,
) -> Result<[(u32, Handle); 3], Status> {
    Ok([
        (handle_info(PA_PROC_SELF, 0), process.duplicate()?),
        (handle_info(PA_THREAD_SELF, 0), thread.duplicate()?),
        (handle_info(PA_VMAR_ROOT, 0), vmar.into()),
    ])
}

/// Maps a stack of whole pages, above a page that stays empty; the stack pointer to start with.
fn map_stack(vmar: &Vmar, bytes: u64) -> Result<u64, Status> {
    use crate::thread::STACK_BIAS;
    use crate::{Rights, VmOptions, Vmo, VmoOptions};
    let bytes = bytes
        .checked_next_multiple_of(PAGE_SIZE)
        .filter(|bytes| *bytes > 0)
        .ok_or(Status::OUT_OF_RANGE)?;
    let whole = bytes.checked_add(PAGE_SIZE).ok_or(Status::OUT_OF_RANGE)?;
    let vmo = Vmo::create(bytes, VmoOptions::empty())?;
    vmo.set_name("stack")?;
    let rights = Rights::READ | Rights::WRITE | Rights::MAP;
    let vmo = Vmo::from(Handle::from(vmo).replace(rights)?);
    let may = VmOptions::CAN_MAP_READ | VmOptions::CAN_MAP_WRITE | VmOptions::CAN_MAP_SPECIFIC;
    let (region, span) = vmar.allocate(may, 0, whole)?;
    let options = VmOptions::PERM_READ | VmOptions::PERM_WRITE | VmOptions::SPECIFIC;
    program::map_for_good(&region, options, PAGE_SIZE, &vmo, bytes)?;
    Ok(span.base() + whole - STACK_BIAS)
}

/// Why there is no process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StartError {
    /// The file is no program for this machine.
    Elf(ElfError),
    /// A call answered an error.
    Refused {
        /// What was being done.
        doing: &'static str,
        /// What the call answered.
        status: Status,
    },
}

impl StartError {
    /// The error as a status: IO_DATA_INTEGRITY for a file that is no program.
    #[must_use]
    pub const fn status(&self) -> Status {
        match self {
            Self::Elf(_) => Status::IO_DATA_INTEGRITY,
            Self::Refused { status, .. } => *status,
        }
    }
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Elf(error) => error.fmt(f),
            Self::Refused { doing, status } => write!(f, "{doing}: {status}"),
        }
    }
}

impl core::error::Error for StartError {}

impl From<ElfError> for StartError {
    fn from(error: ElfError) -> Self {
        Self::Elf(error)
    }
}

/// Makes an error of a status.
fn refused(doing: &'static str) -> impl FnOnce(Status) -> StartError {
    move |status| StartError::Refused { doing, status }
}
