//! Calls through channels, ports and waits between threads (tables F, H and I).

use crate::env::Env;
use crate::ipc_kit::{channel, event, item, port, port_wait, read, wait_async, wait_many, write};
use crate::kit::{self, H, signal, state};
use crate::tasks_child::{spawn, until_state};
use crate::{
    Failure, Outcome, Scenario,
    check::{fails, holds, ok, same},
};
use alloc::sync::Arc;
use alloc::vec;
use alloc::vec::Vec;
use core::sync::atomic::{AtomicU64, Ordering};
use jacinth_abi::limits::TIME_INFINITE;
use jacinth_abi::{ReceivedHandle, Record, Signals, Status, ThreadState};
use zx::sys::{self, CallBlock, CallBuffers, Input, Output};
use zx::{Address, Spawned};

pub(crate) const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "channel_call_threads",
        rows: &[
            "ipc:126", "ipc:128", "ipc:129", "ipc:138", "ipc:146", "ipc:155",
        ],
        run: answered,
    },
    Scenario {
        name: "channel_call_threads_bad_buffers",
        rows: &["ipc:139", "ipc:140", "ipc:141"],
        run: bad_buffers,
    },
    Scenario {
        name: "channel_call_threads_closed",
        rows: &["ipc:142", "ipc:144", "ipc:145"],
        run: closed,
    },
    Scenario {
        name: "channel_call_many_threads",
        rows: &["ipc:125"],
        run: many,
    },
    Scenario {
        name: "channel_read_threads",
        rows: &["ipc:45", "ipc:46"],
        run: readers,
    },
    Scenario {
        name: "wait_threads",
        rows: &["ipc:187", "ipc:189", "ipc:190", "ipc:191", "ipc:204"],
        run: waits,
    },
    Scenario {
        name: "port_wait_threads",
        rows: &["ipc:244"],
        run: port_waits,
    },
];

/// What a call in another thread came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Came {
    status: i32,
    bytes: Vec<u8>,
    infos: Vec<[u8; 16]>,
}

/// Where a thread puts what it has to say: a status of its call.
pub(crate) type Told = Arc<AtomicU64>;

fn told(status: sys::Answer) -> u64 {
    // Never 0, which says that nothing came yet.
    u64::from(Status::from_result(status).cast_unsigned()) | 1 << 32
}

fn status(told: &Told) -> i32 {
    (told.load(Ordering::SeqCst) as u32).cast_signed()
}

/// Where the answer of a call goes.
#[derive(Clone, Copy)]
enum Room {
    /// Into buffers with room for so many bytes and handles.
    Here(usize, usize),
    /// Bytes to an address, which is bad.
    BytesAt(Address),
    /// Handles to an address, which is bad.
    HandlesAt(Address),
    /// Into buffers, but the number of bytes to nowhere.
    NoActualBytes,
}

/// A thread that calls; it answers the call's status, and checks what the answer holds.
fn caller(
    env: &Env,
    channel: u32,
    room: Room,
    expected: &'static [u8],
) -> Result<(Spawned, Told), Failure> {
    let outcome = Told::default();
    let place = outcome.clone();
    let thread = spawn(env, move || {
        let answer = call(channel, room, expected);
        place.store(told(answer), Ordering::SeqCst);
    })?;
    Ok((thread, outcome))
}

fn call(channel: u32, room: Room, expected: &[u8]) -> sys::Answer {
    let (most_bytes, most_handles) = match room {
        Room::Here(bytes, handles) => (bytes, handles),
        _ => (16, 2),
    };
    let (mut bytes, mut handles) = (vec![0; most_bytes], vec![0; most_handles * 16]);
    let (mut len, mut count) = ([0xee; 4], [0xee; 4]);
    let buffers = CallBuffers {
        wr_bytes: Input::Here(b"????request"),
        wr_handles: Output::NONE,
        rd_bytes: match room {
            Room::BytesAt(at) => Output::At(at, 16),
            _ => Output::Here(&mut bytes),
        },
        rd_handles: match room {
            Room::HandlesAt(at) => Output::At(at, 32),
            _ => Output::Here(&mut handles),
        },
    };
    let block = CallBlock::Here(buffers);
    match room {
        Room::NoActualBytes => {
            let null = Address::NULL;
            sys::channel_call_etc(channel, 0, TIME_INFINITE, block, null, &mut count)
        }
        _ => sys::channel_call_etc(channel, 0, TIME_INFINITE, block, &mut len, &mut count),
    }?;
    let came = Came {
        status: 0,
        bytes: bytes[4..u32::from_le_bytes(len) as usize].to_vec(),
        infos: handles.as_chunks().0[..u32::from_le_bytes(count) as usize].to_vec(),
    };
    for info in came.infos {
        let info = ReceivedHandle::from_bytes(&info);
        if (info.object_type, info.rights) != (5, 0xD003) {
            return Err(Status::BAD_STATE);
        }
        sys::handle_close(info.handle)?;
    }
    if came.bytes == expected {
        Ok(())
    } else {
        Err(Status::IO)
    }
}

/// Waits for a request; its first four bytes.
fn request(server: &H) -> Result<Vec<u8>, Failure> {
    ok(kit::wait(server.value(), Signals::READABLE, TIME_INFINITE).0)?;
    let request = ok(read(server))?;
    same(&request.bytes[4..], &b"request"[..])?;
    Ok(request.bytes[..4].to_vec())
}

fn reply(server: &H, txid: &[u8], rest: &[u8], handles: &[u32]) -> sys::Answer {
    write(server, &[txid, rest].concat(), handles)
}

fn answered(env: &mut Env) -> Outcome {
    let (a, b) = channel()?;
    let (thread, outcome) = caller(env, a.value(), Room::Here(10, 2), b"answer")?;
    let txid = request(&b)?;
    for text in [&b""[..], b"1", b"22", b"333", b"\x05\0\0\0five"] {
        ok(write(&b, text, &[]))?;
        same(ok(read(&a))?.bytes, text.to_vec())?;
    }
    until_state(thread.thread(), ThreadState::BlockedChannel)?;
    let (e0, e1) = (event()?.into_value(), event()?.into_value());
    ok(reply(&b, &txid, b"answer", &[e0, e1]))?;
    same(state(&a)?, Signals::WRITABLE)?;
    fails(read(&a), Status::SHOULD_WAIT)?;
    ok(thread.join())?;
    same(status(&outcome), 0)?;
    for (room, count) in [(Room::Here(9, 2), 0), (Room::Here(10, 1), 2)] {
        let (thread, outcome) = caller(env, a.value(), room, b"answer")?;
        let txid = request(&b)?;
        let (gone, peer) = crate::ipc_kit::event_pair()?;
        let mut handles = vec![gone.into_value()];
        if count == 2 {
            handles.push(event()?.into_value());
        }
        ok(reply(&b, &txid, b"answer", &handles))?;
        ok(thread.join())?;
        same(status(&outcome), Status::BUFFER_TOO_SMALL.raw())?;
        same(state(&peer)?, Signals::PEER_CLOSED)?;
    }
    Ok(())
}

fn bad_buffers(env: &mut Env) -> Outcome {
    let (a, b) = channel()?;
    let page = kit::unmapped_page(env)?;
    for room in [
        Room::NoActualBytes,
        Room::BytesAt(page),
        Room::HandlesAt(page),
    ] {
        let (thread, outcome) = caller(env, a.value(), room, b"answer")?;
        let txid = request(&b)?;
        let (gone, peer) = crate::ipc_kit::event_pair()?;
        ok(reply(&b, &txid, b"answer", &[gone.into_value()]))?;
        ok(thread.join())?;
        same(status(&outcome), Status::INVALID_ARGS.raw())?;
        same(state(&peer)?, Signals::PEER_CLOSED)?;
    }
    Ok(())
}

fn closed(env: &mut Env) -> Outcome {
    let room = Room::Here(16, 0);
    let (a, b) = channel()?;
    let (thread, outcome) = caller(env, a.value(), room, b"")?;
    request(&b)?;
    until_state(thread.thread(), ThreadState::BlockedChannel)?;
    drop(b);
    ok(thread.join())?;
    same(status(&outcome), Status::PEER_CLOSED.raw())?;
    let (a, b) = channel()?;
    let (thread, outcome) = caller(env, a.value(), room, b"")?;
    request(&b)?;
    until_state(thread.thread(), ThreadState::BlockedChannel)?;
    drop(a);
    ok(thread.join())?;
    same(status(&outcome), Status::CANCELED.raw())?;
    let ((a, b), (c, d)) = (channel()?, channel()?);
    let (thread, outcome) = caller(env, a.value(), room, b"")?;
    request(&b)?;
    until_state(thread.thread(), ThreadState::BlockedChannel)?;
    ok(write(&c, b"", &[a.into_value()]))?;
    until_state(thread.thread(), ThreadState::BlockedChannel)?;
    let received = ok(read(&d))?.handles;
    ok(thread.join())?;
    same(status(&outcome), Status::CANCELED.raw())?;
    ok(kit::close_many(&received))
}

/// All call through one end; the answers come in reverse.
fn many(env: &mut Env) -> Outcome {
    let (a, b) = channel()?;
    let texts: [&[u8]; 4] = [b"zero", b"one", b"two", b"three"];
    let mut all = Vec::new();
    for text in texts {
        let (thread, outcome) = caller(env, a.value(), Room::Here(16, 0), text)?;
        all.push((thread, outcome, request(&b)?, text));
    }
    for (_, _, txid, text) in all.iter().rev() {
        ok(reply(&b, txid, text, &[]))?;
    }
    let mut seen = Vec::new();
    for (thread, outcome, txid, _) in all {
        ok(thread.join())?;
        same(status(&outcome), 0)?;
        holds(!seen.contains(&txid), "ids differ")?;
        seen.push(txid);
    }
    Ok(())
}

/// Each message goes to one reader; one who is alone and was told of it finds it.
fn readers(env: &mut Env) -> Outcome {
    let rounds = env.rounds(200, 6) as u64;
    let (a, b) = channel()?;
    let sum = Told::default();
    let mut threads = Vec::new();
    let value = b.value();
    for _ in 0..2 {
        let sum = sum.clone();
        threads.push(spawn(env, move || {
            let end = core::mem::ManuallyDrop::new(H::from_value(value));
            loop {
                let wanted = Signals::READABLE | Signals::PEER_CLOSED;
                kit::wait(value, wanted, TIME_INFINITE).0.ok();
                match read(&end) {
                    Ok(message) => {
                        let number = message.bytes.iter().map(|byte| u64::from(*byte)).sum();
                        sum.fetch_add(number, Ordering::SeqCst);
                    }
                    Err(Status::SHOULD_WAIT) => {}
                    Err(_) => return,
                }
            }
        })?);
    }
    for number in 1..=rounds {
        ok(write(&a, &[number as u8], &[]))?;
    }
    drop(a);
    for thread in threads {
        ok(thread.join())?;
    }
    same(sum.load(Ordering::SeqCst), rounds * (rounds + 1) / 2)?;
    alone(env)
}

fn alone(env: &mut Env) -> Outcome {
    let rounds = env.rounds(100, 5);
    let (a, b) = channel()?;
    let writer = spawn(env, move || {
        for _ in 0..rounds {
            write(&a, b"x", &[]).ok();
        }
    })?;
    for _ in 0..rounds {
        ok(kit::wait(b.value(), Signals::READABLE, TIME_INFINITE).0)?;
        ok(read(&b))?;
    }
    ok(writer.join())
}

/// A thread that waits for SIGNALED through a handle; what it saw, and its status.
pub(crate) fn waiter(env: &Env, value: u32) -> Result<(Spawned, Told), Failure> {
    let outcome = Told::default();
    let place = outcome.clone();
    let thread = spawn(env, move || {
        let (answer, word) = kit::wait(value, Signals::SIGNALED, TIME_INFINITE);
        let failed = u64::from(answer == Err(Status::CANCELED)) << 32;
        place.store(u64::from(word.bits()) | failed, Ordering::SeqCst);
    })?;
    until_state(thread.thread(), ThreadState::BlockedWaitOne)?;
    Ok((thread, outcome))
}

pub(crate) const CANCELED: u64 = 1 << 32 | 1 << 23;

fn waits(env: &mut Env) -> Outcome {
    let none = Signals::empty();
    let gate = event()?;
    let (thread, outcome) = waiter(env, gate.value())?;
    ok(signal(gate.value(), none, Signals::SIGNALED))?;
    ok(signal(gate.value(), Signals::SIGNALED, none))?;
    ok(thread.join())?;
    same(
        outcome.load(Ordering::SeqCst),
        Signals::SIGNALED.bits().into(),
    )?;
    let duplicate = ok(gate.duplicate())?;
    let (thread, outcome) = waiter(env, gate.value())?;
    drop(duplicate);
    until_state(thread.thread(), ThreadState::BlockedWaitOne)?;
    drop(gate);
    ok(thread.join())?;
    same(outcome.load(Ordering::SeqCst), CANCELED)?;
    let ((a, b), gate) = (channel()?, event()?);
    let (thread, outcome) = waiter(env, gate.value())?;
    ok(write(&a, b"", &[gate.into_value()]))?;
    until_state(thread.thread(), ThreadState::BlockedWaitOne)?;
    let received = ok(read(&b))?.handles;
    ok(thread.join())?;
    same(outcome.load(Ordering::SeqCst), CANCELED)?;
    ok(kit::close_many(&received))?;
    let (e0, e1) = (event()?, event()?);
    let seen = Told::default();
    let place = seen.clone();
    let values = [e0.value(), e1.value()];
    let thread = spawn(env, move || {
        let mut items = values.map(|value| item(value, Signals::SIGNALED));
        let answer = wait_many(&mut items, TIME_INFINITE);
        let failed = u64::from(answer == Err(Status::CANCELED)) << 32;
        let words = u64::from(items[0].pending | items[1].pending);
        place.store(words | failed, Ordering::SeqCst);
    })?;
    until_state(thread.thread(), ThreadState::BlockedWaitMany)?;
    ok(signal(e0.value(), none, Signals::USER_1))?;
    drop(e1);
    ok(thread.join())?;
    let expected = CANCELED | u64::from(Signals::USER_1.bits());
    same(seen.load(Ordering::SeqCst), expected)
}

/// Each of three threads gets one packet.
fn port_waits(env: &mut Env) -> Outcome {
    let (port, gate) = (port()?, event()?);
    let keys = Told::default();
    let mut threads = Vec::new();
    let value = port.value();
    for key in 0..3 {
        let keys = keys.clone();
        let thread = spawn(env, move || {
            let port = core::mem::ManuallyDrop::new(H::from_value(value));
            if let Ok(packet) = port_wait(&port, TIME_INFINITE) {
                keys.fetch_add(1 << (8 * packet.key), Ordering::SeqCst);
            }
        })?;
        until_state(thread.thread(), ThreadState::BlockedPort)?;
        threads.push(thread);
        ok(wait_async(&gate, &port, key, Signals::SIGNALED, 0))?;
    }
    ok(signal(gate.value(), Signals::empty(), Signals::SIGNALED))?;
    for thread in threads {
        ok(thread.join())?;
    }
    same(keys.load(Ordering::SeqCst), 0x01_01_01)?;
    fails(port_wait(&port, 0), Status::TIMED_OUT)
}
