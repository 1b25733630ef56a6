//! Channels: writing, and what becomes of handles (tables C and D).

use crate::env::Env;
use crate::ipc_kit::{
    bad_handles, channel, event, event_pair, gone, read, read_into, values, write, write_by,
};
use crate::kit::{self, H, basic, state};
use crate::{
    Failure, Outcome, Scenario,
    check::{fails, ok, same},
};
use alloc::vec;
use alloc::vec::Vec;
use jacinth_abi::limits::CHANNEL_WRITE_USE_IOVEC;
use jacinth_abi::{Rights, Signals, Status};
use zx::Address;
use zx::sys::{self, Input};

pub(crate) const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "channel_write",
        rows: &["ipc:51", "ipc:53", "ipc:54", "ipc:67"],
        run: writing,
    },
    Scenario {
        name: "channel_write_consumes",
        rows: &[
            "ipc:55", "ipc:57", "ipc:58", "ipc:59", "ipc:60", "ipc:62", "ipc:63", "ipc:64",
            "ipc:65",
        ],
        run: consumes,
    },
    Scenario {
        name: "channel_write_into_itself",
        rows: &[],
        run: into_itself,
    },
    Scenario {
        name: "channel_write_bad_buffers",
        rows: &["ipc:68", "ipc:69", "ipc:70", "ipc:71"],
        run: bad_buffers,
    },
    Scenario {
        name: "channel_handles_in_messages",
        rows: &["vmo:195", "vmo:357", "vmo:359", "ipc:73", "ipc:74"],
        run: in_messages,
    },
    Scenario {
        name: "channel_chain",
        rows: &["ipc:75"],
        run: chain,
    },
    Scenario {
        name: "channel_write_iovec",
        rows: &["ipc:80", "ipc:81", "ipc:87", "ipc:88"],
        run: pieces,
    },
    Scenario {
        name: "channel_write_iovec_bad",
        rows: &["ipc:82", "ipc:83", "ipc:84"],
        run: bad_pieces,
    },
];

fn events(count: usize) -> Result<Vec<u32>, Failure> {
    (0..count).map(|_| event().map(H::into_value)).collect()
}

fn writing(env: &mut Env) -> Outcome {
    let (a, b) = channel()?;
    ok(write(&a, b"", &[]))?;
    same(state(&b)?, Signals::WRITABLE | Signals::READABLE)?;
    same(read_into(b.value(), 0, &mut [], &mut []), (Ok(()), 0, 0))?;
    let most = vec![5; 65_536];
    ok(write(&a, &most, &[]))?;
    let mut got = vec![0; 65_536];
    same(
        read_into(b.value(), 0, &mut got, &mut []),
        (Ok(()), 65_536, 0),
    )?;
    same(got == most, true)?;
    fails(write(&a, &vec![5; 65_537], &[]), Status::OUT_OF_RANGE)?;
    same(state(&b)?, Signals::WRITABLE)?;
    let count = env.rounds(64, 3);
    let sent = events(count)?;
    let koid = ok(basic(sent[count - 1]))?.koid;
    ok(write(&a, b"with handles", &sent))?;
    for value in &sent {
        gone(*value)?;
    }
    let message = ok(read(&b))?;
    same(message.handles.len(), count)?;
    same(ok(basic(message.handles[count - 1]))?.koid, koid)?;
    ok(kit::close_many(&message.handles))?;
    // The peer's own end may be sent to it: nobody reads it ever again.
    ok(write(&a, b"", &[b.into_value()]))
}

fn consumes(env: &mut Env) -> Outcome {
    let (a, b) = channel()?;
    let attempt = |channel: u32, options: u32, handles: &[u32], status: Status| {
        fails(write_by(channel, options, b"x", handles), status)?;
        handles.iter().try_for_each(|value| gone(*value))
    };
    let many = env.rounds(65, 65);
    attempt(a.value(), 0, &events(many)?, Status::OUT_OF_RANGE)?;
    attempt(a.value(), 0xff, &events(2)?, Status::INVALID_ARGS)?;
    for bad in bad_handles()? {
        attempt(bad, 0, &events(1)?, Status::BAD_HANDLE)?;
    }
    let other = event()?;
    attempt(other.value(), 0, &events(1)?, Status::WRONG_TYPE)?;
    let rights = ok(basic(b.value()))?.rights & !Rights::WRITE.bits();
    let b = ok(kit::replace(b.into_value(), rights))?;
    attempt(b.value(), 0, &events(1)?, Status::ACCESS_DENIED)?;
    let stuck = ok(kit::duplicate(other.value(), Rights::WAIT.bits()))?;
    let two = [stuck.into_value(), event()?.into_value()];
    attempt(a.value(), 0, &two, Status::ACCESS_DENIED)?;
    let closed = kit::closed_handle()?;
    let three = [event()?.into_value(), closed, event()?.into_value()];
    attempt(a.value(), 0, &three, Status::BAD_HANDLE)?;
    let twice = event()?.into_value();
    attempt(a.value(), 0, &[twice, twice], Status::BAD_HANDLE)?;
    same(state(&b)?, Signals::WRITABLE)?;
    drop(b);
    let stuck = ok(kit::duplicate(other.value(), Rights::WAIT.bits()))?;
    attempt(a.value(), 0, &[stuck.into_value()], Status::ACCESS_DENIED)?;
    attempt(a.value(), 0, &events(2)?, Status::PEER_CLOSED)
}

fn into_itself(_env: &mut Env) -> Outcome {
    let (a, b) = channel()?;
    let value = a.into_value();
    fails(write_by(value, 0, b"", &[value]), Status::NOT_SUPPORTED)?;
    gone(value)?;
    same(state(&b)?, Signals::PEER_CLOSED)
}

fn bad_buffers(env: &mut Env) -> Outcome {
    let (a, b) = channel()?;
    let page = kit::unmapped_page(env)?;
    for at in [Address::NULL, page, Address::KERNEL, Address::NON_CANONICAL] {
        let sent = event()?.into_value();
        let handles = values(&[sent]);
        let answer = sys::channel_write(a.value(), 0, Input::At(at, 4), Input::Here(&handles));
        fails(answer, Status::INVALID_ARGS)?;
        gone(sent)?;
        let answer = sys::channel_write(a.value(), 0, Input::Here(b"x"), Input::At(at, 4));
        fails(answer, Status::INVALID_ARGS)?;
    }
    same(state(&b)?, Signals::WRITABLE)?;
    let nothing = Input::At(Address::NULL, 0);
    let answer = sys::channel_write(a.value(), 0, nothing, Input::At(Address::NULL, 0));
    ok(answer)
}

fn in_messages(env: &mut Env) -> Outcome {
    let (a, b) = channel()?;
    let (end, other) = event_pair()?;
    ok(write(&a, b"", &[end.into_value()]))?;
    same(state(&other)?, Signals::empty())?;
    drop(b);
    same(state(&other)?, Signals::PEER_CLOSED)?;
    let (a, b) = channel()?;
    let (c0, c1) = channel()?;
    ok(write(&c1, b"1", &[]))?;
    ok(write(&a, b"", &[c0.into_value()]))?;
    ok(write(&c1, b"2", &[]))?;
    let received = H::from_value(ok(read(&b))?.handles[0]);
    ok(write(&c1, b"3", &[]))?;
    for text in [b"1", b"2", b"3"] {
        same(ok(read(&received))?.bytes, text.to_vec())?;
    }
    vmos(env, &a, &b)
}

/// A child counts while a handle to it is on its way.
fn vmos(env: &Env, a: &H, b: &H) -> Outcome {
    let parent = env.physical(2)?;
    for is_read in [true, false] {
        let child = ok(kit::slice(parent.value(), 0, 4096))?;
        ok(write(a, b"", &[child.into_value()]))?;
        kit::has_children(&parent)?;
        if is_read {
            let received = ok(read(b))?.handles;
            kit::has_children(&parent)?;
            ok(kit::close_many(&received))?;
        } else {
            let (answer, ..) = read_into(b.value(), 1, &mut [], &mut []);
            fails(answer, Status::BUFFER_TOO_SMALL)?;
        }
        kit::childless(&parent)?;
    }
    let stuck = env.without(&parent, Rights::TRANSFER)?.into_value();
    fails(write(a, b"", &[stuck]), Status::ACCESS_DENIED)?;
    gone(stuck)
}

/// Each channel lies in a message of the next; all go at once.
fn chain(env: &mut Env) -> Outcome {
    let (innermost, mut outer) = channel()?;
    for _ in 0..env.rounds(500, 5) {
        let (a, b) = channel()?;
        ok(write(&a, b"", &[outer.into_value()]))?;
        outer = b;
    }
    same(state(&innermost)?, Signals::WRITABLE)?;
    drop(outer);
    let (answer, word) = kit::wait(innermost.value(), Signals::PEER_CLOSED, i64::MAX);
    ok(answer)?;
    same(word, Signals::PEER_CLOSED)
}

fn pieces(env: &mut Env) -> Outcome {
    let (a, b) = channel()?;
    let none = || Input::At(Address::NULL, 0);
    for count in [0, 1, 2, 16, env.rounds(64, 3)] {
        let text: Vec<u8> = (0..count * 3).map(|byte| byte as u8).collect();
        let pieces = text.chunks(3).map(Input::Here).collect();
        ok(sys::channel_write_iovec(a.value(), 0, pieces, 0, none()))?;
        let mut got = vec![0; 200];
        let answer = read_into(b.value(), 0, &mut got, &mut []);
        same(answer, (Ok(()), text.len() as u32, 0))?;
        same(&got[..text.len()], &text[..])?;
    }
    let count = env.rounds(1500, 20);
    let many = (0..count).map(|_| Input::Here(b"8 bytes.")).collect();
    ok(sys::channel_write_iovec(a.value(), 0, many, 0, none()))?;
    let (answer, len, _) = read_into(b.value(), 1, &mut [], &mut []);
    fails(answer, Status::BUFFER_TOO_SMALL)?;
    same(len as usize, count * 8)?;
    ok(sys::channel_write_iovec(
        a.value(),
        0,
        vec![none(), Input::Here(b"z")],
        0,
        none(),
    ))?;
    same(ok(read(&b))?.bytes, b"z".to_vec())?;
    let null = Input::At(Address::NULL, 1);
    let answer = sys::channel_write_iovec(a.value(), 0, vec![null], 0, none());
    fails(answer, Status::INVALID_ARGS)
}

fn bad_pieces(env: &mut Env) -> Outcome {
    let (a, _b) = channel()?;
    let none = || Input::At(Address::NULL, 0);
    let at = |address, count| {
        let array = Input::At(address, count);
        sys::channel_write(a.value(), CHANNEL_WRITE_USE_IOVEC, array, none())
    };
    fails(at(Address::NULL, 8193), Status::OUT_OF_RANGE)?;
    fails(at(Address::NULL, 1), Status::INVALID_ARGS)?;
    fails(at(kit::unmapped_page(env)?, 1), Status::INVALID_ARGS)?;
    fails(at(Address::KERNEL, 1), Status::INVALID_ARGS)?;
    let sent = event()?.into_value();
    let handles = values(&[sent]);
    let answer = sys::channel_write_iovec(
        a.value(),
        0,
        vec![Input::Here(b"x")],
        1,
        Input::Here(&handles),
    );
    fails(answer, Status::INVALID_ARGS)?;
    gone(sent)?;
    let half = vec![0; 32_769];
    let two = vec![Input::Here(&half), Input::Here(&half)];
    let answer = sys::channel_write_iovec(a.value(), 0, two, 0, none());
    fails(answer, Status::OUT_OF_RANGE)
}
