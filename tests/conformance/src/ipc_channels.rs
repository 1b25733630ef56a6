//! Channels: creation, signals, reading (tables A and B).

use crate::env::Env;
use crate::ipc_kit::{Read, bad_handles, channel, event, event_pair, gone, read, read_into, write};
use crate::kit::{self, basic, state};
use crate::{
    Outcome, Scenario,
    check::{fails, holds, ok, same},
};
use alloc::vec;
use jacinth_abi::{
    ObjectType, ReceivedHandle, Record, Rights, Signals, Status, limits::CHANNEL_READ_MAY_DISCARD,
};
use zx::Address;
use zx::sys::{self, Output};

pub(crate) const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "channel_create",
        rows: &["ipc:2", "ipc:4", "ipc:5", "ipc:18"],
        run: create,
    },
    Scenario {
        name: "channel_signals",
        rows: &[
            "ipc:9", "ipc:10", "ipc:12", "ipc:13", "ipc:14", "ipc:15", "ipc:16", "ipc:17",
        ],
        run: signals,
    },
    Scenario {
        name: "channel_read",
        rows: &[
            "ipc:20", "ipc:21", "ipc:22", "ipc:25", "ipc:26", "ipc:27", "ipc:37", "ipc:38",
        ],
        run: reading,
    },
    Scenario {
        name: "channel_read_small",
        rows: &[
            "ipc:29", "ipc:31", "ipc:32", "ipc:33", "ipc:34", "ipc:35", "ipc:36", "ipc:50",
        ],
        run: small,
    },
    Scenario {
        name: "channel_read_bad_buffers",
        rows: &["ipc:39", "ipc:40", "ipc:44"],
        run: bad_buffers,
    },
    Scenario {
        name: "channel_many_messages",
        rows: &["ipc:47"],
        run: many,
    },
];

const READABLE: Signals = Signals::READABLE;
const WRITABLE: Signals = Signals::WRITABLE;
const CLOSED: Signals = Signals::PEER_CLOSED;

fn create(env: &mut Env) -> Outcome {
    for options in [1, 0xff, u32::MAX] {
        let (mut a, mut b) = ([0x55; 4], [0x55; 4]);
        let answer = sys::channel_create(options, &mut a, &mut b);
        fails(answer, Status::INVALID_ARGS)?;
        same((a, b), ([0x55; 4], [0x55; 4]))?;
    }
    let (a, b) = channel()?;
    let (of_a, of_b) = (ok(basic(a.value()))?, ok(basic(b.value()))?);
    same(of_a.object_type, ObjectType::Channel.number())?;
    same(of_a.rights, 0xF00E)?;
    same(of_b.rights, 0xF00E)?;
    same(of_a.koid, of_b.related_koid)?;
    same(of_b.koid, of_a.related_koid)?;
    holds(of_a.koid != 0 && of_a.koid != of_b.koid, "koids differ")?;
    let duplicate = kit::duplicate(a.value(), Rights::SAME_RIGHTS);
    fails(duplicate, Status::ACCESS_DENIED)?;
    drop(b);
    same(ok(basic(a.value()))?.related_koid, of_b.koid)?;
    for at in [Address::NULL, Address::KERNEL, kit::unmapped_page(env)?] {
        let mut out = [0; 4];
        let answer = sys::channel_create(0, &mut out, at);
        fails(answer, Status::INVALID_ARGS)?;
        gone(u32::from_le_bytes(out))?;
        fails(sys::channel_create(0, at, &mut out), Status::INVALID_ARGS)?;
    }
    Ok(())
}

fn signals(_env: &mut Env) -> Outcome {
    let (a, b) = channel()?;
    same((state(&a)?, state(&b)?), (WRITABLE, WRITABLE))?;
    ok(write(&a, b"1", &[]))?;
    ok(write(&a, b"2", &[]))?;
    same((state(&a)?, state(&b)?), (WRITABLE, WRITABLE | READABLE))?;
    ok(read(&b))?;
    same(state(&b)?, WRITABLE | READABLE)?;
    ok(read(&b))?;
    same(state(&b)?, WRITABLE)?;
    for signals in [READABLE, WRITABLE, CLOSED, Signals::SIGNALED] {
        let answer = kit::signal(a.value(), Signals::empty(), signals);
        fails(answer, Status::INVALID_ARGS)?;
    }
    let both = Signals::USER_0 | Signals::USER_7;
    ok(kit::signal(a.value(), Signals::empty(), both))?;
    same((state(&a)?, state(&b)?), (both | WRITABLE, WRITABLE))?;
    let peer = |set: Signals| sys::object_signal_peer(a.value(), 0, set.bits());
    ok(peer(Signals::USER_1))?;
    same(state(&b)?, WRITABLE | Signals::USER_1)?;
    ok(write(&b, b"last", &[]))?;
    drop(b);
    same(state(&a)?, both | READABLE | CLOSED)?;
    same(ok(read(&a))?.bytes, b"last".to_vec())?;
    same(state(&a)?, both | CLOSED)?;
    fails(peer(Signals::USER_1), Status::PEER_CLOSED)?;
    fails(peer(READABLE), Status::INVALID_ARGS)
}

fn reading(_env: &mut Env) -> Outcome {
    let (a, b) = channel()?;
    fails(read(&a), Status::SHOULD_WAIT)?;
    for number in 0..4 {
        ok(write(&a, &[number; 4], &[]))?;
    }
    drop(a);
    for number in 0..4 {
        same(ok(read(&b))?.bytes, vec![number; 4])?;
    }
    fails(read(&b), Status::PEER_CLOSED)?;
    for bad in bad_handles()? {
        let (answer, ..) = read_into(bad, 0, &mut [], &mut []);
        fails(answer, Status::BAD_HANDLE)?;
    }
    let event = event()?;
    let (answer, ..) = read_into(event.value(), 0xff, &mut [], &mut []);
    fails(answer, Status::WRONG_TYPE)?;
    let (a, b) = channel()?;
    let (answer, ..) = read_into(b.value(), 2, &mut [], &mut []);
    fails(answer, Status::NOT_SUPPORTED)?;
    ok(write(&a, b"there", &[]))?;
    let without = ok(basic(b.value()))?.rights & !Rights::READ.bits();
    let b = ok(kit::replace(b.into_value(), without))?;
    fails(read(&b), Status::ACCESS_DENIED)?;
    same(state(&b)?, WRITABLE | READABLE)?;
    let (a, b) = channel()?;
    ok(write(&a, b"", &[]))?;
    same(ok(read(&b))?, Read::default())?;
    fails(read(&b), Status::SHOULD_WAIT)?;
    ok(write(&a, b"4444", &[]))?;
    let mut bytes = [0; 4];
    let answer = sys::channel_read(
        b.value(),
        0,
        Output::Here(&mut bytes),
        Output::NONE,
        Address::NULL,
        Address::NULL,
    );
    ok(answer)?;
    same(&bytes, b"4444")?;
    Ok(())
}

fn small(_env: &mut Env) -> Outcome {
    let (a, b) = channel()?;
    let discard = CHANNEL_READ_MAY_DISCARD;
    let read_small = |options| read_into(b.value(), options, &mut [0; 4], &mut []);
    ok(write(&a, b"55555", &[]))?;
    same(read_small(0), (Err(Status::BUFFER_TOO_SMALL), 5, 0))?;
    same(ok(read(&b))?.bytes, b"55555".to_vec())?;
    let (end, other) = event_pair()?;
    ok(write(&a, b"55555", &[end.into_value()]))?;
    let answer = read_into(b.value(), 0, &mut [], &mut []);
    same(answer, (Err(Status::BUFFER_TOO_SMALL), 5, 1))?;
    let answer = read_into(b.value(), discard, &mut [], &mut []);
    same(answer, (Err(Status::BUFFER_TOO_SMALL), 5, 1))?;
    same(state(&b)?, WRITABLE)?;
    same(state(&other)?, CLOSED)?;
    ok(write(&a, b"55555", &[]))?;
    let mut bytes = [0; 8];
    let answer = read_into(b.value(), discard, &mut bytes, &mut []);
    same(answer, (Ok(()), 5, 0))?;
    same(&bytes, b"55555\0\0\0")?;
    ok(write(&a, b"4444", &[event()?.into_value()]))?;
    let answer = read_small(discard);
    same(answer, (Err(Status::BUFFER_TOO_SMALL), 4, 1))?;
    fails(read(&b), Status::SHOULD_WAIT)?;
    ok(write(&a, b"55555", &[]))?;
    let answer = sys::channel_read(
        b.value(),
        discard,
        Output::Here(&mut [0; 4]),
        Output::NONE,
        Address::NULL,
        Address::NULL,
    );
    fails(answer, Status::BUFFER_TOO_SMALL)?;
    let (answer, ..) = read_small(discard);
    fails(answer, Status::SHOULD_WAIT)?;
    infos(&a, &b)
}

fn infos(a: &kit::H, b: &kit::H) -> Outcome {
    let (e0, e1) = (event()?, event()?);
    let koid = ok(basic(e0.value()))?.koid;
    ok(write(a, b"", &[e0.into_value(), e1.into_value()]))?;
    let read = |infos: &mut [u8]| {
        let (mut bytes, mut handles) = ([0; 4], [0; 4]);
        let answer = sys::channel_read_etc(
            b.value(),
            0,
            Output::NONE,
            Output::Here(infos),
            &mut bytes,
            &mut handles,
        );
        (answer, u32::from_le_bytes(handles))
    };
    same(read(&mut [0; 16]), (Err(Status::BUFFER_TOO_SMALL), 2))?;
    let mut infos = [0xee; 32];
    same(read(&mut infos), (Ok(()), 2))?;
    for info in infos.chunks_exact(16).map(ReceivedHandle::from_bytes) {
        same(info.object_type, ObjectType::Event.number())?;
        same((info.rights, info.unused), (0xD003, 0))?;
        let handle = kit::H::from_value(info.handle);
        holds(ok(basic(handle.value()))?.koid >= koid, "it is the event")?;
    }
    Ok(())
}

fn bad_buffers(env: &mut Env) -> Outcome {
    let (a, b) = channel()?;
    let page = kit::unmapped_page(env)?;
    for at in [page, Address::KERNEL, Address::NON_CANONICAL] {
        ok(write(&a, b"4444", &[]))?;
        let answer = sys::channel_read(
            b.value(),
            0,
            Output::At(at, 4),
            Output::NONE,
            Address::NULL,
            Address::NULL,
        );
        fails(answer, Status::INVALID_ARGS)?;
        ok(write(&a, b"4444", &[]))?;
        let answer = sys::channel_read(
            b.value(),
            0,
            Output::Here(&mut [0; 4]),
            Output::NONE,
            at,
            Address::NULL,
        );
        fails(answer, Status::INVALID_ARGS)?;
        let (end, other) = event_pair()?;
        ok(write(&a, b"", &[event()?.into_value(), end.into_value()]))?;
        let answer = sys::channel_read(
            b.value(),
            0,
            Output::NONE,
            Output::At(at, 8),
            Address::NULL,
            Address::NULL,
        );
        fails(answer, Status::INVALID_ARGS)?;
        same(state(&other)?, CLOSED)?;
        // What met a bad buffer is lost.
        fails(read(&b), Status::SHOULD_WAIT)?;
    }
    Ok(())
}

fn many(env: &mut Env) -> Outcome {
    let (a, b) = channel()?;
    let rounds = env.rounds(1000, 5);
    let mut size = 1u32;
    for _ in 0..rounds {
        size = size.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let len = if env.rounds(1, 0) == 1 {
            (size >> 16) as usize
        } else {
            (size >> 24) as usize
        };
        let bytes = vec![(size >> 8) as u8; len];
        ok(write(&a, &bytes, &[]))?;
        let mut got = vec![0; len];
        let answer = read_into(b.value(), 0, &mut got, &mut []);
        same(answer, (Ok(()), len as u32, 0))?;
        holds(got == bytes, "the message is the one that was written")?;
    }
    Ok(())
}
