//! A process that makes whatever calls it is told to make, one list after the other.
//!
//! It has a channel to whoever pulls its strings: a user signal says that a list is written,
//! another one that all its calls were made.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::mem;

use zx::abi::{Signals, Status, ThreadInfo, ThreadState, Topic, VmOptions, VmoOp, VmoOptions};
use zx::script::{self, Step};
use zx::{Channel, Handle, Job, Process, Region, Thread, Vmar, Vmo, sys, time};

/// Bytes in a page.
pub const PAGE: u64 = 4096;
/// Where a puppet has its code.
pub const CODE: u64 = 0x40_0000;
/// Where it has its list.
pub const LIST: u64 = 0x50_0000;
/// Where it has memory for the arguments of its calls; nothing is mapped behind it.
pub const DATA: u64 = 0x60_0000;
/// Bytes there.
pub const DATA_BYTES: u64 = 4 * PAGE;
/// Where it has a page that cannot be written.
pub const READ_ONLY: u64 = 0x68_0000;
/// Where nothing is mapped.
pub const NOTHING: u64 = 0x6c_0000;
/// Where a page is mapped now and then.
pub const FLICKER: u64 = 0x70_0000;

/// Bytes of the list.
const LIST_BYTES: u64 = 4 * PAGE;
/// The most calls that it is told at a time.
pub const MOST_CALLS: usize = 64;
/// Where in the list the calls begin.
const FIRST: u64 = 3;
/// The step that says that they were made.
const LAST: u64 = 2;
/// Where calls begin that are made over and over.
pub const OVER: u64 = 24;
/// Where those of a second thread begin.
pub const BESIDE: u64 = 100;
/// The most calls of each kind there.
const MOST_LOOP: usize = 72;
/// Says that there is a list.
const GO: Signals = Signals::USER_0;
/// Says that all calls of it were made.
const DONE: Signals = Signals::USER_1;
/// An answer that no call gives: it has not been made.
const UNMADE: i64 = 0x5eed_0000_0000_0000;
/// A deadline that never comes.
const NEVER: u64 = i64::MAX.cast_unsigned();
/// What a last step takes.
const NEARLY_NS: i64 = time::MILLISECOND_NS / 20;
/// How often it is looked at.
const LOOK_NS: i64 = 4 * time::MILLISECOND_NS;
/// How long it may take for a list.
const PATIENCE_NS: i64 = 60 * time::SECOND_NS;
const READ_WRITE: VmOptions = VmOptions::PERM_READ.union(VmOptions::PERM_WRITE);

/// What puppets run. Each has a copy: some calls write where a process itself cannot.
fn code() -> Result<Vmo, Status> {
    let code = Vmo::create(PAGE, VmoOptions::empty())?;
    code.write(0, script::code())?;
    code.op_range(VmoOp::CacheSync, 0, PAGE)?;
    code.replace_as_executable(None)
}

/// A call: its number and its arguments.
pub type Call = (u64, [u64; 8]);

/// How a list came to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Came {
    /// All calls answered.
    Done,
    /// The process ended in a call.
    Ended,
    /// A call waits, and nothing will come.
    Waits,
    /// A call took the strings away.
    Cut,
}

/// What became of a list.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// How it ended.
    pub came: Came,
    /// What was answered; as many as calls were made to the end.
    pub answers: Vec<i64>,
}

/// Such a process. It is killed, with all that is in its job, when this is dropped.
#[derive(Debug)]
pub struct Puppet {
    /// The job that it is alone in.
    pub job: Job,
    /// The process.
    pub process: Process,
    /// Its address space.
    pub vmar: Vmar,
    thread: Thread,
    strings: Channel,
    /// The list and the data behind it, as they are mapped here.
    here: Region,
}

impl Puppet {
    /// Starts one in a new job. It makes no call yet.
    ///
    /// # Errors
    /// The status.
    pub fn new(root: &Job, here: &Vmar) -> Result<Self, Status> {
        let job = root.create_child()?;
        let (process, vmar) = Process::create(&job, "puppet")?;
        let thread = Thread::create(&process, "strings")?;
        let list = Vmo::create(LIST_BYTES + DATA_BYTES, VmoOptions::empty())?;
        list.commit(0, LIST_BYTES + DATA_BYTES)?;
        let here = here.map(&list, READ_WRITE)?;
        let (strings, theirs) = Channel::create()?;
        let this = Self {
            job,
            process,
            vmar,
            thread,
            strings,
            here,
        };
        let constant = Vmo::create(PAGE, VmoOptions::empty())?;
        let execute = VmOptions::PERM_READ | VmOptions::PERM_EXECUTE;
        this.map(execute, &code()?, 0, CODE, PAGE)?;
        this.map(READ_WRITE, &list, 0, LIST, LIST_BYTES)?;
        this.map(READ_WRITE, &list, LIST_BYTES, DATA, DATA_BYTES)?;
        this.map(VmOptions::PERM_READ, &constant, 0, READ_ONLY, PAGE)?;
        this.put_frame();
        let gift = Some(theirs.into());
        this.process
            .start(&this.thread, (CODE, 0), gift, script::word(LIST))?;
        Ok(this)
    }

    /// Maps something at an address of the puppet, for as long as it lives.
    fn map(
        &self,
        options: VmOptions,
        vmo: &Vmo,
        offset: u64,
        at: u64,
        bytes: u64,
    ) -> Result<(), Status> {
        let mapped = map_in(&self.vmar, options, vmo, offset, at, bytes);
        mapped.map(mem::forget)
    }

    /// Its first thread.
    #[must_use]
    pub const fn thread(&self) -> &Thread {
        &self.thread
    }

    /// Its address space, for another thread of this program.
    ///
    /// # Errors
    /// The status.
    pub fn air(&self) -> Result<Air, Status> {
        self.vmar.duplicate().map(|vmar| Air(vmar.into()))
    }

    /// Gives it handles; their values there.
    ///
    /// # Errors
    /// What went wrong.
    pub fn give(&self, handles: Vec<Handle>) -> Result<Vec<u32>, String> {
        let (count, at) = (handles.len() as u64, DATA);
        let sent = self.strings.write(&[], handles);
        sent.map_err(|status| format!("giving handles: {status}"))?;
        let args = [Step::GIFT, 0, 0, at, 0, count, at + 0x800, at + 0x808];
        let outcome = self.make(&[call("channel_read", &args)])?;
        if outcome.answers != [0] {
            return Err(format!("taking handles: {outcome:?}"));
        }
        Ok((0..count).map(|index| self.data32(index * 4)).collect())
    }

    /// Reads four bytes of its data.
    #[must_use]
    pub fn data32(&self, offset: u64) -> u32 {
        self.here.read32(LIST_BYTES + offset)
    }

    /// Writes eight bytes of its data.
    pub fn set_data(&self, offset: u64, value: u64) {
        self.here.write64(LIST_BYTES + offset, value);
    }

    /// Writes the steps around every list: wait for a sign, take it away, make the calls, give a
    /// sign, and so on. They never change, because the puppet may be in one of them.
    fn put_frame(&self) {
        let (go, done) = (u64::from(GO.bits()), u64::from(DONE.bits()));
        let frame = [
            ("object_wait_one", [Step::GIFT, go, NEVER, 0], 1),
            ("object_signal", [Step::GIFT, go, 0, 0], FIRST),
            ("object_signal_peer", [Step::GIFT, 0, done, 0], 0),
        ];
        for (index, (name, args, next)) in (0..).zip(frame) {
            Step::call(name, &args, next).put(&self.here, LIST, index);
        }
    }

    /// Writes the calls of a list.
    fn put_list(&self, calls: &[Call]) {
        let end = FIRST + calls.len() as u64;
        for (index, (number, args)) in (FIRST..).zip(calls) {
            let next = if index + 1 == end { LAST } else { index + 1 };
            let (number, args) = (*number, *args);
            Step { number, args, next }.put(&self.here, LIST, index);
            Step::preset(&self.here, index, UNMADE);
        }
        Step::preset(&self.here, LAST, UNMADE);
    }

    /// Has it make calls.
    ///
    /// # Errors
    /// When it neither makes them, nor ends, nor waits.
    ///
    /// # Panics
    /// When there are none, or more than [`MOST_CALLS`].
    pub fn make(&self, calls: &[Call]) -> Result<Outcome, String> {
        let fits = (1..=MOST_CALLS).contains(&calls.len());
        assert!(fits, "a list of {} calls", calls.len());
        self.put_list(calls);
        let sign = self.strings.signal(DONE, Signals::empty());
        let sign = sign.and_then(|()| {
            let strings = self.strings.value();
            sys::object_signal_peer(strings, 0, GO.bits())
        });
        let came = match sign {
            Ok(()) => self.watch()?,
            // It ended behind its last list.
            Err(Status::PEER_CLOSED) => Came::Ended,
            Err(status) => return Err(format!("a puppet without strings: {status}")),
        };
        let answers = FIRST..FIRST + calls.len() as u64;
        let answers = answers.map(|index| Step::answer(&self.here, index));
        let answers = answers.take_while(|answer| *answer != UNMADE).collect();
        Ok(Outcome { came, answers })
    }

    /// Has it make calls once, and then others over and over until it ends; `beside` for a second
    /// thread that a call may start at [`BESIDE`]. Nobody waits for it.
    ///
    /// # Errors
    /// When it has ended.
    ///
    /// # Panics
    /// When there are none of a kind, or too many.
    pub fn unleash(&self, once: &[Call], over: &[Call], beside: &[Call]) -> Result<(), Status> {
        let places = [
            (FIRST, OVER, once),
            (OVER, OVER, over),
            (BESIDE, BESIDE, beside),
        ];
        for (first, behind, calls) in places {
            let end = first + calls.len() as u64;
            assert!(
                first < end && calls.len() <= MOST_LOOP,
                "a list that does not fit"
            );
            for (index, (number, args)) in (first..).zip(calls) {
                let next = if index + 1 == end { behind } else { index + 1 };
                let (number, args) = (*number, *args);
                Step { number, args, next }.put(&self.here, LIST, index);
            }
        }
        sys::object_signal_peer(self.strings.value(), 0, GO.bits())
    }

    /// Waits for the end of a list.
    fn watch(&self) -> Result<Came, String> {
        let patient_until = time::after_ns(PATIENCE_NS);
        let mut is_waiting = false;
        loop {
            let deadline = time::after_ns(LOOK_NS);
            let signs = self.strings.wait(DONE | Signals::PEER_CLOSED, deadline);
            if is_over(&self.process) {
                return Ok(Came::Ended);
            }
            // A call may have given the sign too early.
            match Step::answer(&self.here, LAST) {
                0 if signs.is_ok_and(|signs| signs.contains(DONE)) => return Ok(Came::Done),
                0 | UNMADE => {}
                _ => return Ok(Came::Cut),
            }
            if signs.is_ok() {
                time::sleep_ns(NEARLY_NS).ok();
            }
            let info: Result<ThreadInfo, Status> = self.thread.info(Topic::THREAD);
            let state = info.map_or(0, |info| info.state);
            let was_waiting = mem::replace(&mut is_waiting, waits(state));
            if is_waiting && was_waiting {
                return Ok(Came::Waits);
            }
            if time::now_ns() > patient_until {
                return Err(format!("a puppet hangs, its thread's state is {state:#x}"));
            }
        }
    }
}

/// The address space of a puppet.
#[derive(Debug)]
pub struct Air(Vmar);

impl Air {
    /// Maps something at an address of the puppet; what is answered unmaps it when it is dropped.
    ///
    /// # Errors
    /// The status.
    pub fn map_for_now(
        &self,
        options: VmOptions,
        vmo: &Vmo,
        offset: u64,
        at: u64,
        bytes: u64,
    ) -> Result<Region, Status> {
        map_in(&self.0, options, vmo, offset, at, bytes)
    }
}

fn map_in(
    vmar: &Vmar,
    options: VmOptions,
    vmo: &Vmo,
    offset: u64,
    at: u64,
    bytes: u64,
) -> Result<Region, Status> {
    let base = vmar.vmar_info()?.base;
    vmar.map_at(options | VmOptions::SPECIFIC, at - base, vmo, offset, bytes)
}

impl Drop for Puppet {
    fn drop(&mut self) {
        self.job.kill().ok();
        self.process.wait_for_end().ok();
    }
}

/// Whether a task has ended.
fn is_over(task: &Handle) -> bool {
    let signals = task.pending().unwrap_or(Signals::empty());
    signals.contains(Signals::TASK_TERMINATED)
}

/// Whether a thread in this state waits for something; one on its way out for whoever debugs it.
fn waits(state: u32) -> bool {
    let waiting = [
        ThreadState::Blocked,
        ThreadState::Suspended,
        ThreadState::Dying,
    ];
    waiting.map(ThreadState::number).contains(&(state & 0xff))
}

/// Where argument `arg` of step `index` of the list is, for calls that write into later ones.
#[must_use]
pub const fn slot(index: u64, arg: u64) -> u64 {
    LIST + index * Step::BYTES + 8 + 8 * arg
}

/// A call by its name.
///
/// # Panics
/// When there is none of that name.
#[must_use]
pub fn call(name: &str, args: &[u64]) -> Call {
    let step = Step::call(name, args, 0);
    (step.number, step.args)
}
