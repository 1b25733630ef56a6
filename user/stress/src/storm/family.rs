//! Processes that have channels to each other, and are killed.

use alloc::vec;
use alloc::vec::Vec;
use core::sync::atomic::Ordering;

use zx::abi::{Signals, Status, VmOptions, VmoOp};
use zx::{Channel, Handle, Thread, script, time};

use crate::puppet::{BESIDE, CODE, Call, DATA, LIST, OVER, PAGE, Puppet, call, slot};

use super::{SHARED_BYTES, Worker};

/// What a process has: the values of its handles.
struct Has {
    vmar: u64,
    thread: u64,
    shared: u64,
    physical: u64,
    channel: u64,
}

/// How long such a process lives at the most, in ns.
const LIFE_NS: u64 = 3_000_000;
/// Where in its data a process keeps handles: those that it sends, those that it receives.
const SENT: u64 = DATA + 0x1000;
const RECEIVED: u64 = DATA + 0x1100;
/// Where sizes go that nobody reads.
const NOWHERE: u64 = DATA + 0x1200;
const READ_WRITE: VmOptions = VmOptions::PERM_READ.union(VmOptions::PERM_WRITE);

/// Makes two processes that talk, lets them, and kills them one way or another.
pub(super) fn live_and_die(worker: &mut Worker) -> Result<(), Status> {
    let (one, two) = Channel::create()?;
    let mut puppets = Vec::new();
    for channel in [one, two] {
        puppets.push(make(worker, channel)?);
        worker.board.processes.fetch_add(1, Ordering::Relaxed);
    }
    time::sleep_ns(worker.random.below(LIFE_NS).cast_signed())?;
    let first = worker.random.below(2) as usize;
    match worker.random.below(4) {
        0 => puppets[first].process.kill()?,
        1 => puppets[first].job.kill()?,
        2 => drop(puppets.remove(first)),
        // Both at once, when they are dropped.
        _ => {}
    }
    Ok(())
}

/// A process that is on its way.
fn make(worker: &mut Worker, channel: Channel) -> Result<Puppet, Status> {
    let puppet = Puppet::new(&worker.job, &worker.vmar)?;
    let second = Thread::create(&puppet.process, "beside")?;
    let gifts: Vec<Handle> = vec![
        puppet.vmar.duplicate()?,
        second.into(),
        worker.shared.duplicate()?,
        worker.physical.duplicate()?,
        channel.into(),
    ];
    let values = puppet.give(gifts).map_err(|_| Status::INTERNAL)?;
    let values: Vec<u64> = values.into_iter().map(u64::from).collect();
    let [vmar, thread, shared, physical, channel] = values[..] else {
        return Err(Status::INTERNAL);
    };
    let has = Has {
        vmar,
        thread,
        shared,
        physical,
        channel,
    };
    let beside = LIST + BESIDE * script::Step::BYTES;
    let start = call(
        "thread_start",
        &[has.thread, CODE, 0, 0, script::word(beside)],
    );
    let (over, beside) = (life(worker, &has, OVER), life(worker, &has, BESIDE));
    puppet.unleash(&[start], &over, &beside)?;
    Ok(puppet)
}

/// Calls that a thread makes over and over, from step `first` of the list on.
fn life(worker: &mut Worker, has: &Has, first: u64) -> Vec<Call> {
    const PARTS: usize = 8;
    let mut calls = Vec::new();
    for _ in 0..PARTS {
        let at = first + calls.len() as u64;
        calls.extend(part(worker, has, at));
    }
    if worker.random.one_in(8) {
        let ends: [&str; 2] = ["process_exit", "thread_exit"];
        let end: &&str = worker.random.pick(&ends);
        calls.push(call(end, &[3]));
    }
    calls
}

/// A few calls that belong together; the first is step `at`.
fn part(worker: &mut Worker, has: &Has, at: u64) -> Vec<Call> {
    let random = &mut worker.random;
    let soon = time::after_ns(random.below(1_000_000).cast_signed()).cast_unsigned();
    let from = random.below(8) * PAGE;
    let op = random
        .pick(&[VmoOp::Commit, VmoOp::Decommit, VmoOp::Zero])
        .number();
    match random.below(9) {
        0 => map(has, READ_WRITE | VmOptions::MAP_RANGE, has.shared, at),
        1 => map(has, READ_WRITE | VmOptions::MAP_RANGE, has.physical, at),
        2 => vec![
            // The handle is never closed: it goes with the process.
            call("vmo_create", &[4 * PAGE, 0, slot(at + 1, 0)]),
            call("vmo_write", &[0, DATA, 100, PAGE]),
        ],
        3 => vec![call(
            "vmo_op_range",
            &[has.shared, op.into(), from, 4 * PAGE, 0, 0],
        )],
        4 => vec![
            call("event_create", &[0, SENT]),
            call("eventpair_create", &[0, SENT + 4, SENT + 8]),
            call("channel_write", &[has.channel, 0, DATA, 200, SENT, 3]),
        ],
        5 | 6 => vec![
            call("channel_read", &read(has)),
            call("handle_close_many", &[RECEIVED, 3]),
        ],
        7 => vec![
            call(
                "vmo_create_child",
                &[has.shared, 1, 0, 8 * PAGE, slot(at + 1, 0)],
            ),
            call("vmo_write", &[0, DATA, from, 64]),
        ],
        _ => {
            let wanted = Signals::READABLE | Signals::PEER_CLOSED;
            let wanted = u64::from(wanted.bits());
            vec![call("object_wait_one", &[has.channel, wanted, soon, 0])]
        }
    }
}

/// Maps a VMO, and unmaps it again.
fn map(has: &Has, options: VmOptions, vmo: u64, at: u64) -> Vec<Call> {
    let (options, bytes) = (options.bits().into(), SHARED_BYTES);
    vec![
        call(
            "vmar_map",
            &[has.vmar, options, 0, vmo, 0, bytes, slot(at + 1, 1)],
        ),
        call("vmar_unmap", &[has.vmar, 0, bytes]),
    ]
}

fn read(has: &Has) -> [u64; 8] {
    let bytes = DATA + 0x2000;
    [
        has.channel,
        0,
        bytes,
        RECEIVED,
        256,
        8,
        NOWHERE,
        NOWHERE + 4,
    ]
}
