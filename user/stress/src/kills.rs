//! Kills a process at point after point of every call that waits, and of some that take long: before it,
//! in it, while it is being answered, behind it. Nothing may be left of the process or the call.
//!
//! The calls are those of the table that take a deadline. The killer takes a number of turns before
//! it kills; where each step of a program is a turn, all numbers are all points.

use alloc::format;
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;

use zx::abi::{ChannelCallArgs, PortPacket, Record, SYSCALLS, Signals, Status, Syscall};
use zx::abi::{VmOptions, VmoOp, VmoOptions, WaitItem, limits};
use zx::{Channel, Event, Port, Startup, Vmo, sys};

use crate::baseline::{Baseline, settle_in};
use crate::puppet::{Call, DATA, PAGE, Puppet, call};

/// Where in its data a process has what its calls read, and where they write.
const ARGS: u64 = DATA + 0x100;
const ITEMS: u64 = DATA + 0x200;
const BYTES: u64 = DATA + 0x300;
const OUT: u64 = DATA + 0x400;
/// Pages of a long call.
const PAGES: u64 = 300;
/// Turns after which a process waits for certain.
const UNTIL_WAITING: u64 = 60;

/// How many points.
#[derive(Clone, Copy, Debug)]
pub struct Points {
    /// Turns before the kill, when nobody answers the call.
    pub before: u64,
    /// Turns between the answer and the kill.
    pub behind: u64,
}

/// The other side of what a process waits for.
struct Scene {
    puppet: Puppet,
    event: Event,
    port: Port,
    channel: Channel,
    calls: Vec<(String, Call)>,
}

/// Kills at every point; how many processes were killed.
///
/// # Errors
/// What went wrong, and where.
pub fn run(start: &Startup, points: Points) -> Result<u64, String> {
    settle_in();
    let count = Scene::new(start)?.calls.len();
    let mut killed = 0;
    for number in 0..count {
        for turns in 0..points.before {
            kill_one(start, number, turns, None)?;
        }
        for turns in 0..points.behind {
            kill_one(start, number, UNTIL_WAITING, Some(turns))?;
        }
        killed += points.before + points.behind;
    }
    Ok(killed)
}

/// One process, one kill.
fn kill_one(
    start: &Startup,
    number: usize,
    turns: u64,
    answered: Option<u64>,
) -> Result<(), String> {
    let (Some(system), Some(process)) = (&start.system, &start.process) else {
        return Err("a handle that the first process is given is missing".into());
    };
    let counting = |status: Status| format!("counting: {status}");
    let before = Baseline::take(system, process).map_err(counting)?;
    let scene = Scene::new(start)?;
    let name = scene.calls[number].0.clone();
    let came = scene.play(number, turns, answered);
    drop(scene);
    let place = format!("{name} after {turns} turns, {answered:?} behind the answer");
    came.map_err(|status| format!("{place}: {status}"))?;
    before
        .wait(system, process)
        .map_err(|what| format!("{place}: {what}"))
}

fn pass(turns: u64) -> Result<(), Status> {
    (0..turns).try_for_each(|_| sys::thread_legacy_yield(0))
}

impl Scene {
    fn new(start: &Startup) -> Result<Self, String> {
        let job = start.job.as_ref().ok_or("no handle to a job")?;
        let told = |status: Status| format!("the set-up: {status}");
        let puppet = Puppet::new(job, &start.root_vmar).map_err(told)?;
        let (event, port) = (
            Event::create().map_err(told)?,
            Port::create().map_err(told)?,
        );
        let (channel, theirs) = Channel::create().map_err(told)?;
        let vmo = Vmo::create(PAGES * PAGE, VmoOptions::empty()).map_err(told)?;
        let gifts = vec![
            event.duplicate().map_err(told)?,
            port.duplicate().map_err(told)?,
            theirs.into(),
            vmo.into(),
            puppet.vmar.duplicate().map_err(told)?,
        ];
        let values = puppet.give(gifts)?;
        let mut scene = Self {
            puppet,
            event,
            port,
            channel,
            calls: Vec::new(),
        };
        scene.put_records(values[0]);
        scene.calls = calls(&values);
        Ok(scene)
    }

    /// Writes what the calls read.
    fn put_records(&self, event: u32) {
        let args = ChannelCallArgs {
            wr_bytes: BYTES,
            rd_bytes: BYTES + 0x80,
            wr_num_bytes: 16,
            rd_num_bytes: 64,
            ..Default::default()
        };
        self.put(ARGS, args.to_bytes().as_ref());
        let item = |handle| WaitItem {
            handle,
            waitfor: Signals::SIGNALED.bits(),
            pending: 0,
        };
        let items = [item(event), item(event)].map(|item| item.to_bytes());
        self.put(ITEMS, items.as_flattened());
    }

    fn put(&self, at: u64, bytes: &[u8]) {
        for (piece, offset) in bytes.chunks(8).zip((at - DATA..).step_by(8)) {
            let mut word = [0; 8];
            word[..piece.len()].copy_from_slice(piece);
            self.puppet.set_data(offset, u64::from_le_bytes(word));
        }
    }

    /// Lets the process go, and kills it.
    fn play(&self, number: usize, turns: u64, answered: Option<u64>) -> Result<(), Status> {
        let call_it = self.calls[number].1;
        let idle = call("nanosleep", &[0]);
        self.puppet.unleash(&[call_it], &[call_it], &[idle])?;
        pass(turns)?;
        if let Some(turns) = answered {
            self.answer()?;
            pass(turns)?;
        }
        self.puppet.process.kill()
    }

    /// Gives it what it may be waiting for.
    fn answer(&self) -> Result<(), Status> {
        self.event.signal(Signals::empty(), Signals::SIGNALED)?;
        self.port.queue(&PortPacket::default())?;
        match self.channel.read() {
            Ok(request) => self.channel.write(&request.bytes, Vec::new()),
            Err(Status::SHOULD_WAIT) => Ok(()),
            Err(status) => Err(status),
        }
    }
}

/// The calls, with the values of the process's handles: event, port, channel, VMO, region.
fn calls(values: &[u32]) -> Vec<(String, Call)> {
    let waiting = SYSCALLS.iter().filter(|row| {
        let mut arguments = row.arguments.iter();
        arguments.any(|(name, _)| *name == "deadline")
    });
    let waiting = waiting.map(|row| (row.name.into(), waiting_call(row, values)));
    let (vmo, vmar) = (u64::from(values[3]), u64::from(values[4]));
    let bytes = PAGES * PAGE;
    let options = VmOptions::PERM_READ | VmOptions::PERM_WRITE | VmOptions::MAP_RANGE;
    let options = u64::from(options.bits());
    let commit = u64::from(VmoOp::Commit.number());
    let long = [
        call("vmo_op_range", &[vmo, commit, 0, bytes, 0, 0]),
        call("vmar_map", &[vmar, options, 0, vmo, 0, bytes, OUT]),
    ];
    let long = long
        .into_iter()
        .map(|long| (format!("call {}", long.0), long));
    waiting.chain(long).collect()
}

/// A call that waits for ever.
fn waiting_call(row: &Syscall, values: &[u32]) -> Call {
    let mut words = [0; 8];
    for (word, (name, _)) in words.iter_mut().zip(row.arguments) {
        *word = match *name {
            "handle" if row.name.starts_with("port") => values[1].into(),
            "handle" if row.name.starts_with("channel") => values[2].into(),
            "handle" => values[0].into(),
            "signals" => Signals::SIGNALED.bits().into(),
            "deadline" => limits::TIME_INFINITE.cast_unsigned(),
            "args" => ARGS,
            "items" => ITEMS,
            "num_items" => 2,
            // The value at a futex is 0 as well.
            "value_ptr" => OUT + 0x100,
            pointer if pointer.starts_with("actual") => OUT,
            "observed" | "packet" => OUT + 0x40,
            _ => 0,
        };
    }
    (row.number, words)
}
