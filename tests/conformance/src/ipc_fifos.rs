//! FIFOs (table O).

use crate::env::{Env, P};
use crate::ipc_kit::{bad_handles, event};
use crate::kit::{self, state};
use crate::tasks_child::spawn;
use crate::{
    Failure, Outcome, Scenario,
    check::{fails, ok, same},
};
use alloc::vec;
use alloc::vec::Vec;
use jacinth_abi::limits::TIME_INFINITE;
use jacinth_abi::{ObjectType, Rights, Signals, Status};
use zx::sys::{self, Answer, Input, Output};
use zx::{Address, Fifo};

pub(crate) const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "fifo_create",
        rows: &["ipc:404"],
        run: create,
    },
    Scenario {
        name: "fifo_create_refused",
        rows: &[],
        run: create_refused,
    },
    Scenario {
        name: "fifo_moves",
        rows: &["ipc:406", "ipc:407"],
        run: moves,
    },
    Scenario {
        name: "fifo_refused",
        rows: &["ipc:405"],
        run: refused,
    },
    Scenario {
        name: "fifo_bad_buffers",
        rows: &[],
        run: bad_buffers,
    },
    Scenario {
        name: "fifo_peer_closed",
        rows: &["ipc:408", "ipc:410"],
        run: peer_closed,
    },
    Scenario {
        name: "fifo_threads",
        rows: &[],
        run: threads,
    },
];

/// Bytes of an element of most FIFOs here.
const SIZE: u64 = 8;

#[track_caller]
fn eight() -> Result<(Fifo, Fifo), Failure> {
    ok(Fifo::create(8, SIZE))
}

/// Elements that hold numbers.
fn elements(numbers: core::ops::Range<u64>) -> Vec<u8> {
    numbers.flat_map(u64::to_le_bytes).collect()
}

fn write(fifo: &Fifo, numbers: core::ops::Range<u64>) -> Result<u64, Status> {
    fifo.write(SIZE, &elements(numbers))
}

/// Reads up to so many elements, and checks that they hold these numbers.
#[track_caller]
fn reads(fifo: &Fifo, count: usize, expected: core::ops::Range<u64>) -> Outcome {
    let mut bytes = vec![0xee; count * SIZE as usize];
    let actual = ok(fifo.read(SIZE, &mut bytes))?;
    same(actual, expected.end - expected.start)?;
    bytes.truncate((actual * SIZE) as usize);
    same(bytes, elements(expected))
}

fn try_create(count: u64, size: u64, options: u32) -> Answer {
    let (mut a, mut b) = ([0xee; 4], [0xee; 4]);
    sys::fifo_create(count, size, options, &mut a, &mut b)
}

fn create(_: &mut Env) -> Outcome {
    let (a, b) = eight()?;
    for end in [&a, &b] {
        same(state(end)?, Signals::WRITABLE)?;
    }
    let (info_a, info_b) = (ok(a.basic_info())?, ok(b.basic_info())?);
    for (info, other) in [(&info_a, &info_b), (&info_b, &info_a)] {
        same(info.object_type, ObjectType::Fifo.number())?;
        same(info.rights, Rights::DEFAULT_FIFO.bits())?;
        same(info.related_koid, other.koid)?;
    }
    ok(sys::object_signal_peer(
        a.value(),
        0,
        Signals::USER_1.bits(),
    ))?;
    same(state(&b)?, Signals::WRITABLE | Signals::USER_1)?;
    let readable = sys::object_signal(a.value(), 0, Signals::READABLE.bits());
    fails(readable, Status::INVALID_ARGS)?;
    drop(b);
    same(ok(a.basic_info())?.related_koid, info_b.koid)
}

fn create_refused(env: &mut Env) -> Outcome {
    for options in [1, u32::MAX] {
        fails(try_create(0, 0, options), Status::INVALID_ARGS)?;
    }
    let sizes = [
        (0, 1),
        (1, 0),
        (0, 0),
        (4097, 1),
        (1, 4097),
        (64, 65),
        (1 << 32, 1 << 32),
        (u64::MAX, 2),
        (4097, 0),
    ];
    for (count, size) in sizes {
        fails(try_create(count, size, 0), Status::OUT_OF_RANGE)?;
    }
    // No power of two is asked for.
    for (count, size) in [(4096, 1), (1, 4096), (63, 65), (3, 7)] {
        drop(ok(Fifo::create(count, size))?);
    }
    let nowhere = kit::unmapped_page(env)?;
    let mut out = [0; 4];
    let one = sys::fifo_create(8, 8, 0, &mut out, nowhere);
    fails(one, Status::INVALID_ARGS)?;
    let two = sys::fifo_create(8, 8, 0, nowhere, &mut out);
    fails(two, Status::INVALID_ARGS)
}

fn moves(_: &mut Env) -> Outcome {
    let (a, b) = eight()?;
    same(ok(write(&a, 0..12))?, 8)?;
    same(state(&a)?, Signals::empty())?;
    same(state(&b)?, Signals::READABLE | Signals::WRITABLE)?;
    fails(write(&a, 8..9), Status::SHOULD_WAIT)?;
    reads(&b, 3, 0..3)?;
    same(state(&a)?, Signals::WRITABLE)?;
    // Around the end of the ring, twice.
    same(ok(write(&a, 8..12))?, 3)?;
    same(state(&a)?, Signals::empty())?;
    reads(&b, 9, 3..11)?;
    same(state(&b)?, Signals::WRITABLE)?;
    same(state(&a)?, Signals::WRITABLE)?;
    for round in 0..20 {
        let start = 11 + round * 5;
        same(ok(write(&a, start..start + 5))?, 5)?;
        reads(&b, 2, start..start + 2)?;
        reads(&b, 100, start + 2..start + 5)?;
    }
    // The other way is another ring, and nobody has to be told how many were moved.
    let two = elements(1..3);
    ok(sys::fifo_write(
        b.value(),
        SIZE,
        Input::Here(&two),
        Address::NULL,
    ))?;
    same(state(&a)?, Signals::READABLE | Signals::WRITABLE)?;
    let mut bytes = [0; 16];
    ok(sys::fifo_read(
        a.value(),
        SIZE,
        Output::Here(&mut bytes),
        Address::NULL,
    ))?;
    same(&bytes[..], &two[..])
}

fn refused(env: &mut Env) -> Outcome {
    let (a, b) = eight()?;
    let mut room = [0; 64];
    for size in [7, 9, 0, u64::MAX] {
        fails(a.write(size, &room), Status::OUT_OF_RANGE)?;
        fails(b.read(size, &mut room), Status::OUT_OF_RANGE)?;
    }
    fails(a.write(SIZE, &[]), Status::OUT_OF_RANGE)?;
    fails(b.read(SIZE, &mut []), Status::OUT_OF_RANGE)?;
    fails(b.read(SIZE, &mut room), Status::SHOULD_WAIT)?;
    let event = event()?;
    let cases = |value: u32, status| {
        let (mut actual, mut room) = ([0; 8], [0; 8]);
        let write = sys::fifo_write(value, 7, Input::Here(&[0; 8]), &mut actual);
        fails(write, status)?;
        let read = sys::fifo_read(value, 7, Output::Here(&mut room), &mut actual);
        fails(read, status)
    };
    for bad in bad_handles()? {
        cases(bad, Status::BAD_HANDLE)?;
    }
    cases(event.value(), Status::WRONG_TYPE)?;
    let bare = env.without(&a, Rights::READ | Rights::WRITE)?;
    cases(bare.value(), Status::ACCESS_DENIED)
}

/// What faults moves nothing.
fn bad_buffers(env: &mut Env) -> Outcome {
    let (a, b) = eight()?;
    let nowhere = kit::unmapped_page(env)?;
    let bad = [Address::NULL, Address::KERNEL, nowhere];
    let mut actual = [0; 8];
    for at in bad {
        let write = sys::fifo_write(a.value(), SIZE, Input::At(at, 16), &mut actual);
        fails(write, Status::INVALID_ARGS)?;
    }
    let two = elements(0..2);
    for at in [Address::KERNEL, nowhere] {
        let write = sys::fifo_write(a.value(), SIZE, Input::Here(&two), at);
        fails(write, Status::INVALID_ARGS)?;
    }
    same(state(&b)?, Signals::WRITABLE)?;
    same(ok(write(&a, 0..2))?, 2)?;
    for at in bad {
        let read = sys::fifo_read(b.value(), SIZE, Output::At(at, 8), &mut actual);
        fails(read, Status::INVALID_ARGS)?;
    }
    let read = sys::fifo_read(b.value(), SIZE, Output::Here(&mut actual), nowhere);
    fails(read, Status::INVALID_ARGS)?;
    // Half of it can be written, half cannot.
    let page = env.paged(2)?;
    let region = ok(env.map(&page, crate::env::READ_WRITE, 2 * P))?;
    ok(region.unmap_part(P, P))?;
    let across = Output::At(region.address(P - 8), 16);
    fails(
        sys::fifo_read(b.value(), SIZE, across, &mut actual),
        Status::INVALID_ARGS,
    )?;
    reads(&b, 3, 0..2)
}

fn peer_closed(_: &mut Env) -> Outcome {
    let (a, b) = eight()?;
    fails(b.read(SIZE, &mut [0; 8]), Status::SHOULD_WAIT)?;
    same(ok(write(&a, 0..3))?, 3)?;
    same(ok(write(&b, 0..1))?, 1)?;
    drop(a);
    same(state(&b)?, Signals::READABLE | Signals::PEER_CLOSED)?;
    // That the peer is gone comes before what is wrong with the elements.
    fails(b.write(7, &[]), Status::PEER_CLOSED)?;
    fails(write(&b, 0..1), Status::PEER_CLOSED)?;
    reads(&b, 2, 0..2)?;
    same(state(&b)?, Signals::READABLE | Signals::PEER_CLOSED)?;
    reads(&b, 2, 2..3)?;
    same(state(&b)?, Signals::PEER_CLOSED)?;
    fails(b.read(7, &mut [0; 8]), Status::OUT_OF_RANGE)?;
    fails(b.read(SIZE, &mut [0; 8]), Status::PEER_CLOSED)
}

/// One thread writes what the other reads, each waiting for the other.
fn threads(env: &mut Env) -> Outcome {
    const COUNT: u64 = 200;
    let count = env.rounds(COUNT as usize, 20) as u64;
    let (a, b) = eight()?;
    let writer = spawn(env, move || {
        let mut next = 0;
        while next != count {
            let end = count.min(next + 5);
            match write(&a, next..end) {
                Ok(moved) => next += moved,
                Err(Status::SHOULD_WAIT) => {
                    let writable = kit::wait(a.value(), Signals::WRITABLE, TIME_INFINITE);
                    if writable.0.is_err() {
                        return;
                    }
                }
                Err(_) => return,
            }
        }
    })?;
    let (mut next, mut bytes) = (0, [0; 24]);
    while next != count {
        match b.read(SIZE, &mut bytes) {
            Ok(moved) => {
                let expected = elements(next..next + moved);
                same(&bytes[..expected.len()], &expected[..])?;
                next += moved;
            }
            Err(status) => {
                fails::<()>(Err(status), Status::SHOULD_WAIT)?;
                let wanted = Signals::READABLE | Signals::PEER_CLOSED;
                ok(kit::wait(b.value(), wanted, TIME_INFINITE).0)?;
            }
        }
    }
    ok(writer.join())?;
    same(state(&b)?, Signals::PEER_CLOSED)
}
