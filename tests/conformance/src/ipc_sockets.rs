//! Sockets (table O).

use crate::env::{Env, P, READ_WRITE};
use crate::ipc_kit::{bad_handles, event};
use crate::kit::{self, H, state};
use crate::tasks_child::spawn;
use crate::{
    Failure, Outcome, Scenario,
    check::{fails, holds, ok, same},
};
use alloc::vec;
use alloc::vec::Vec;
use core::ops::Range;
use jacinth_abi::limits::{
    SOCKET_DATAGRAM, SOCKET_DISPOSITION_WRITE_DISABLED as DISABLED,
    SOCKET_DISPOSITION_WRITE_ENABLED as ENABLED, SOCKET_PEEK, SOCKET_STREAM, TIME_INFINITE,
};
use jacinth_abi::{ObjectType, Property, Rights, Signals, SocketInfo, Status, Topic};
use zx::sys::{self, Answer, Input, Output};
use zx::{Address, Region, Socket};

pub(crate) const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "socket_create",
        rows: &["vmo:386"],
        run: create,
    },
    Scenario {
        name: "socket_stream",
        rows: &["ipc:411"],
        run: stream,
    },
    Scenario {
        name: "socket_stream_fills",
        rows: &[],
        run: fills,
    },
    Scenario {
        name: "socket_refused",
        rows: &["ipc:414"],
        run: refused,
    },
    Scenario {
        name: "socket_bad_buffers",
        rows: &[],
        run: bad_buffers,
    },
    Scenario {
        name: "socket_peer_closed",
        rows: &["ipc:416"],
        run: peer_closed,
    },
    Scenario {
        name: "socket_datagrams",
        rows: &[],
        run: datagrams,
    },
    Scenario {
        name: "socket_datagrams_fill",
        rows: &[],
        run: datagrams_fill,
    },
    Scenario {
        name: "socket_peek",
        rows: &[],
        run: peek,
    },
    Scenario {
        name: "socket_disposition",
        rows: &[],
        run: disposition,
    },
    Scenario {
        name: "socket_disposition_refused",
        rows: &[],
        run: disposition_refused,
    },
    Scenario {
        name: "socket_thresholds",
        rows: &[],
        run: thresholds,
    },
    Scenario {
        name: "socket_threads",
        rows: &[],
        run: threads,
    },
];

#[track_caller]
fn pair() -> Result<(Socket, Socket), Failure> {
    ok(Socket::create_stream())
}

fn info(socket: &Socket) -> Result<SocketInfo, Failure> {
    ok(kit::info(socket.value(), Topic::SOCKET))
}

/// The most bytes that wait in a socket.
fn capacity(socket: &Socket) -> Result<u64, Failure> {
    Ok(info(socket)?.rx_buf_max)
}

/// Bytes that differ from their neighbours.
fn pattern(len: usize) -> Vec<u8> {
    pattern_at(0..len)
}

fn pattern_at(range: Range<usize>) -> Vec<u8> {
    range.map(|at| (at / 251 + at) as u8).collect()
}

/// Checks that a read with room for so many bytes gives these.
#[track_caller]
fn reads(socket: &Socket, room: usize, expected: &[u8]) -> Outcome {
    let mut bytes = vec![0xee; room];
    let len = ok(socket.read(&mut bytes))?;
    same(&bytes[..len], expected)?;
    holds(bytes[len..].iter().all(|byte| *byte == 0xee), "no more")
}

/// Memory for more bytes than fit in one call's arguments on a simulated machine.
struct Memory {
    vmo: H,
    region: Region,
}

impl Memory {
    /// Bytes that the kernel is passed at once.
    const PART: usize = 1 << 16;

    #[track_caller]
    fn new(env: &Env, bytes: &[u8]) -> Result<Self, Failure> {
        let pages = (bytes.len() as u64).div_ceil(P);
        let vmo = env.paged(pages)?;
        let region = ok(env.map(&vmo, READ_WRITE, pages * P))?;
        for (part, offset) in bytes.chunks(Self::PART).zip((0..).step_by(Self::PART)) {
            ok(kit::write(vmo.value(), part, offset))?;
        }
        Ok(Self { vmo, region })
    }

    fn holds(&self, expected: &[u8]) -> Outcome {
        let mut there = vec![0; Self::PART];
        for (part, offset) in expected.chunks(Self::PART).zip((0..).step_by(Self::PART)) {
            let there = &mut there[..part.len()];
            ok(kit::read(self.vmo.value(), there, offset))?;
            holds(there == part, "the bytes that were written")?;
        }
        Ok(())
    }

    /// Writes bytes of it.
    fn write(&self, socket: &Socket, range: Range<usize>) -> Result<usize, Status> {
        let mut actual = [0; 8];
        let input = Input::At(self.region.address(range.start as u64), range.len() as u64);
        sys::socket_write(socket.value(), 0, input, &mut actual)?;
        Ok(u64::from_le_bytes(actual) as usize)
    }

    /// Reads at most so many bytes to a place in it.
    fn read(&self, socket: &Socket, at: usize, room: usize) -> Result<usize, Status> {
        let mut actual = [0; 8];
        let output = Output::At(self.region.address(at as u64), room as u64);
        sys::socket_read(socket.value(), 0, output, &mut actual)?;
        Ok(u64::from_le_bytes(actual) as usize)
    }
}

fn create(_: &mut Env) -> Outcome {
    for socket in [Socket::create_stream(), Socket::create_datagram()] {
        let (a, b) = ok(socket)?;
        for end in [&a, &b] {
            same(state(end)?, Signals::WRITABLE)?;
        }
        let (info_a, info_b) = (ok(a.basic_info())?, ok(b.basic_info())?);
        for (info, other) in [(&info_a, &info_b), (&info_b, &info_a)] {
            same(info.object_type, ObjectType::Socket.number())?;
            same(info.rights, Rights::DEFAULT_SOCKET.bits())?;
            same(info.related_koid, other.koid)?;
        }
        let peer = Signals::USER_1.bits();
        ok(sys::object_signal_peer(a.value(), 0, peer))?;
        same(state(&b)?, Signals::WRITABLE | Signals::USER_1)?;
        drop(b);
        same(ok(a.basic_info())?.related_koid, info_b.koid)?;
        same(state(&a)?, Signals::PEER_CLOSED)?;
    }
    for options in [2, 3, SOCKET_PEEK, u32::MAX] {
        let (mut a, mut b) = ([0; 4], [0; 4]);
        let refused = sys::socket_create(options, &mut a, &mut b);
        fails(refused, Status::INVALID_ARGS)?;
    }
    let mut out = [0; 4];
    let refused = sys::socket_create(0, &mut out, Address::NULL);
    fails(refused, Status::INVALID_ARGS)
}

fn stream(_: &mut Env) -> Outcome {
    let (a, b) = pair()?;
    let mut expected = SocketInfo {
        options: SOCKET_STREAM,
        rx_buf_max: capacity(&a)?,
        tx_buf_max: capacity(&b)?,
        ..SocketInfo::default()
    };
    same(info(&a)?, expected)?;
    same(info(&b)?, expected)?;
    same(ok(a.write(b"eight by"))?, 8)?;
    same(state(&b)?, Signals::READABLE | Signals::WRITABLE)?;
    same(state(&a)?, Signals::WRITABLE)?;
    expected.tx_buf_size = 8;
    same(info(&a)?, expected)?;
    expected.tx_buf_size = 0;
    (expected.rx_buf_size, expected.rx_buf_available) = (8, 8);
    same(info(&b)?, expected)?;
    reads(&b, 4, b"eigh")?;
    same(info(&b)?.rx_buf_size, 4)?;
    reads(&b, 4, b"t by")?;
    same(state(&b)?, Signals::WRITABLE)?;
    fails(b.read(&mut [0; 4]), Status::SHOULD_WAIT)?;
    // Portions do not matter.
    for part in [&b"one"[..], b"", b" and ", b"two"] {
        same(ok(a.write(part))?, part.len())?;
    }
    reads(&b, 100, b"one and two")?;
    // No room is no bytes.
    same(ok(a.write(b"x"))?, 1)?;
    reads(&b, 0, b"")?;
    ok(sys::socket_read(b.value(), 0, Output::NONE, Address::NULL))?;
    let mut byte = [0];
    let output = Output::Here(&mut byte);
    ok(sys::socket_read(b.value(), 0, output, Address::NULL))?;
    same(byte, *b"x")
}

fn fills(env: &mut Env) -> Outcome {
    let (a, b) = pair()?;
    let most = capacity(&a)? as usize;
    let bytes = pattern(most + 1000);
    let from = Memory::new(env, &bytes)?;
    // From where it straddles pages, and in portions that do not end with one.
    let mut written = 0;
    for len in [3, 4096, 5000, 1] {
        same(ok(from.write(&a, written..written + len))?, len)?;
        written += len;
    }
    let rest = ok(from.write(&a, written..bytes.len()))?;
    same(rest, most - written)?;
    same(state(&a)?, Signals::empty())?;
    same(info(&a)?.tx_buf_size, most as u64)?;
    fails(a.write(b"x"), Status::SHOULD_WAIT)?;
    same(ok(a.write(b""))?, 0)?;
    reads(&b, 1, &bytes[..1])?;
    same(state(&a)?, Signals::WRITABLE)?;
    same(ok(from.write(&a, most..most + 2))?, 1)?;
    let to = Memory::new(env, &[bytes[0]; 1].repeat(most + 1))?;
    let mut read = 1;
    for len in [4095, 2, 8192, 777] {
        same(ok(to.read(&b, read, len))?, len)?;
        read += len;
    }
    same(ok(to.read(&b, read, most))?, most + 1 - read)?;
    to.holds(&bytes[..most + 1])?;
    same(state(&b)?, Signals::WRITABLE)?;
    let rounds = env.rounds(40, 2);
    for round in 0..rounds {
        let part = &bytes[round * 100..round * 100 + 6000];
        same(ok(b.write(part))?, 6000)?;
        reads(&a, 5999, &part[..5999])?;
        reads(&a, 2, &part[5999..])?;
    }
    // What nobody reads goes with the end.
    same(ok(from.write(&a, 0..bytes.len()))?, most)?;
    same(ok(b.write(&bytes[..9000]))?, 9000)?;
    drop(b);
    reads(&a, 9000, &bytes[..9000])
}

fn refused(env: &mut Env) -> Outcome {
    let (a, b) = pair()?;
    let mut actual = [0; 8];
    let mut write = |value, options, input| sys::socket_write(value, options, input, &mut actual);
    for options in [1, SOCKET_PEEK, u32::MAX] {
        let refused = write(0, options, Input::Here(b"x"));
        fails(refused, Status::INVALID_ARGS)?;
    }
    let null = || Input::At(Address::NULL, 1);
    fails(write(0, 0, null()), Status::INVALID_ARGS)?;
    let mut actual = [0; 8];
    let mut read = |value, options, output| sys::socket_read(value, options, output, &mut actual);
    for options in [1, 9, u32::MAX] {
        fails(read(0, options, Output::NONE), Status::INVALID_ARGS)?;
    }
    let null = Output::At(Address::NULL, 1);
    fails(read(0, 0, null), Status::INVALID_ARGS)?;
    let event = event()?;
    let bare = env.without(&a, Rights::READ | Rights::WRITE | Rights::MANAGE_SOCKET)?;
    let bad = bad_handles()?.map(|value| (value, Status::BAD_HANDLE));
    let more = [
        (event.value(), Status::WRONG_TYPE),
        (bare.value(), Status::ACCESS_DENIED),
    ];
    for (value, status) in bad.into_iter().chain(more) {
        fails(write(value, 0, Input::Here(b"")), status)?;
        fails(read(value, 0, Output::NONE), status)?;
        fails(sys::socket_set_disposition(value, 0, 0), status)?;
    }
    let info = kit::info::<SocketInfo>(event.value(), Topic::SOCKET);
    fails(info, Status::WRONG_TYPE)?;
    let no_inspect = env.without(&b, Rights::INSPECT)?;
    let info = kit::info::<SocketInfo>(no_inspect.value(), Topic::SOCKET);
    fails(info, Status::ACCESS_DENIED)
}

/// What faults moves nothing.
fn bad_buffers(env: &mut Env) -> Outcome {
    let page = env.paged(2)?;
    let region = ok(env.map(&page, READ_WRITE, 2 * P))?;
    ok(region.unmap_part(P, P))?;
    let nowhere = region.address(P - 8);
    for (a, b) in [ok(Socket::create_stream())?, ok(Socket::create_datagram())?] {
        let mut actual = [0; 8];
        for at in [Address::KERNEL, nowhere] {
            let write = sys::socket_write(a.value(), 0, Input::At(at, 16), &mut actual);
            fails(write, Status::INVALID_ARGS)?;
            let write = sys::socket_write(a.value(), 0, Input::Here(b"text"), Address::KERNEL);
            fails(write, Status::INVALID_ARGS)?;
        }
        same(state(&b)?, Signals::WRITABLE)?;
        same(info(&b)?.rx_buf_size, 0)?;
        same(ok(a.write(b"ten bytes."))?, 10)?;
        for at in [Address::KERNEL, nowhere] {
            let read = sys::socket_read(b.value(), 0, Output::At(at, 16), &mut actual);
            fails(read, Status::INVALID_ARGS)?;
        }
        let read = sys::socket_read(b.value(), 0, Output::Here(&mut actual), Address::KERNEL);
        fails(read, Status::INVALID_ARGS)?;
        reads(&b, 16, b"ten bytes.")?;
    }
    Ok(())
}

fn peer_closed(_: &mut Env) -> Outcome {
    let (a, b) = pair()?;
    same(ok(a.write(b"left"))?, 4)?;
    drop(a);
    same(state(&b)?, Signals::READABLE | Signals::PEER_CLOSED)?;
    for bytes in [&b"text"[..], b""] {
        fails(b.write(bytes), Status::PEER_CLOSED)?;
    }
    same(info(&b)?.tx_buf_max, 0)?;
    reads(&b, 3, b"lef")?;
    reads(&b, 3, b"t")?;
    same(state(&b)?, Signals::PEER_CLOSED)?;
    fails(b.read(&mut [0; 4]), Status::PEER_CLOSED)
}

fn datagrams(_: &mut Env) -> Outcome {
    let (a, b) = ok(Socket::create_datagram())?;
    let long = pattern(9000);
    for part in [&b"first"[..], &long, b"x", b"last one"] {
        same(ok(a.write(part))?, part.len())?;
    }
    let told = info(&b)?;
    same(told.options, SOCKET_DATAGRAM)?;
    same(told.rx_buf_size, 9014)?;
    same(told.rx_buf_available, 5)?;
    reads(&b, 100, b"first")?;
    same(info(&b)?.rx_buf_available, 9000)?;
    // No room takes nothing; too little drops the rest.
    reads(&b, 0, b"")?;
    reads(&b, 5000, &long[..5000])?;
    same(info(&b)?.rx_buf_size, 9)?;
    reads(&b, 1, b"x")?;
    reads(&b, 8, b"last one")?;
    fails(b.read(&mut [0; 4]), Status::SHOULD_WAIT)?;
    same(state(&b)?, Signals::WRITABLE)?;
    // An empty one is none.
    same(ok(a.write(b""))?, 0)?;
    same(state(&b)?, Signals::WRITABLE)
}

fn datagrams_fill(env: &mut Env) -> Outcome {
    let (a, b) = ok(Socket::create_datagram())?;
    let most = capacity(&a)? as usize;
    let bytes = pattern(most + 1);
    let (from, to) = (Memory::new(env, &bytes)?, Memory::new(env, &vec![0; most])?);
    fails(from.write(&a, 0..most + 1), Status::OUT_OF_RANGE)?;
    same(ok(from.write(&a, 0..most))?, most)?;
    same(state(&a)?, Signals::empty())?;
    fails(a.write(b"x"), Status::SHOULD_WAIT)?;
    // There is no room for it, whatever its size.
    fails(from.write(&a, 0..most + 1), Status::SHOULD_WAIT)?;
    same(ok(to.read(&b, 0, most))?, most)?;
    to.holds(&bytes[..most])?;
    same(ok(from.write(&a, 0..most - 10))?, most - 10)?;
    fails(a.write(&bytes[..11]), Status::SHOULD_WAIT)?;
    same(state(&a)?, Signals::WRITABLE)?;
    same(ok(a.write(&bytes[..10]))?, 10)?;
    same(state(&a)?, Signals::empty())?;
    reads(&b, 1, &bytes[..1])?;
    reads(&b, 20, &bytes[..10])?;
    // Small ones, around the ends of frames.
    let rounds = env.rounds(2000, 10);
    for round in 0..rounds {
        same(
            ok(a.write(&bytes[round..round + 1 + round % 9]))?,
            1 + round % 9,
        )?;
    }
    for round in 0..rounds {
        reads(&b, 16, &bytes[round..round + 1 + round % 9])?;
    }
    Ok(())
}

fn peek(_: &mut Env) -> Outcome {
    for (a, b) in [ok(Socket::create_stream())?, ok(Socket::create_datagram())?] {
        fails(b.peek(&mut [0; 4]), Status::SHOULD_WAIT)?;
        same(ok(a.write(b"seen twice"))?, 10)?;
        for room in [4, 10, 20] {
            let mut bytes = vec![0; room];
            let len = ok(b.peek(&mut bytes))?;
            same(&bytes[..len], &b"seen twice"[..room.min(10)])?;
        }
        same(info(&b)?.rx_buf_size, 10)?;
        same(state(&b)?, Signals::READABLE | Signals::WRITABLE)?;
        reads(&b, 20, b"seen twice")?;
    }
    Ok(())
}

fn set(socket: &Socket, own: u32, peer: u32) -> Answer {
    sys::socket_set_disposition(socket.value(), own, peer)
}

fn disposition(_: &mut Env) -> Outcome {
    let (a, b) = pair()?;
    ok(set(&a, 0, 0))?;
    same(ok(a.write(b"before"))?, 6)?;
    ok(set(&a, DISABLED, 0))?;
    same(state(&a)?, Signals::SOCKET_WRITE_DISABLED)?;
    let peer = Signals::SOCKET_PEER_WRITE_DISABLED;
    same(state(&b)?, peer | Signals::READABLE | Signals::WRITABLE)?;
    for bytes in [&b"text"[..], b""] {
        fails(a.write(bytes), Status::BAD_STATE)?;
    }
    // Not back before all was read, whoever asks.
    fails(set(&a, ENABLED, 0), Status::BAD_STATE)?;
    fails(set(&b, DISABLED, ENABLED), Status::BAD_STATE)?;
    same(state(&b)?, peer | Signals::READABLE | Signals::WRITABLE)?;
    reads(&b, 3, b"bef")?;
    reads(&b, 30, b"ore")?;
    fails(b.read(&mut [0; 4]), Status::BAD_STATE)?;
    same(state(&b)?, peer | Signals::WRITABLE)?;
    // The other direction goes on.
    same(ok(b.write(b"reply"))?, 5)?;
    reads(&a, 30, b"reply")?;
    ok(set(&b, 0, ENABLED))?;
    same(state(&a)?, Signals::WRITABLE)?;
    same(state(&b)?, Signals::WRITABLE)?;
    same(ok(a.write(b"again"))?, 5)?;
    reads(&b, 30, b"again")?;
    // Enabled as it is: nothing is in the way, and nothing changes.
    same(ok(a.write(b"more"))?, 4)?;
    ok(set(&a, ENABLED, ENABLED))?;
    same(state(&b)?, Signals::READABLE | Signals::WRITABLE)?;
    // Both at once; and the peer's end is gone.
    ok(set(&a, DISABLED, DISABLED))?;
    let both = Signals::SOCKET_WRITE_DISABLED | peer;
    same(state(&a)?, both)?;
    same(state(&b)?, both | Signals::READABLE)?;
    drop(a);
    reads(&b, 30, b"more")?;
    fails(b.read(&mut [0; 4]), Status::PEER_CLOSED)?;
    fails(b.write(b"text"), Status::PEER_CLOSED)?;
    same(state(&b)?, both | Signals::PEER_CLOSED)
}

fn disposition_refused(env: &mut Env) -> Outcome {
    let (a, _b) = pair()?;
    for bad in [DISABLED | ENABLED, 4, u32::MAX, DISABLED | 8] {
        fails(set(&a, bad, 0), Status::INVALID_ARGS)?;
        fails(set(&a, 0, bad), Status::INVALID_ARGS)?;
        let none = sys::socket_set_disposition(0, bad, DISABLED);
        fails(none, Status::INVALID_ARGS)?;
    }
    same(state(&a)?, Signals::WRITABLE)?;
    let bare = env.without(&a, Rights::MANAGE_SOCKET)?;
    let refused = sys::socket_set_disposition(bare.value(), DISABLED, 0);
    fails(refused, Status::ACCESS_DENIED)
}

fn thresholds(env: &mut Env) -> Outcome {
    const RX: Property = Property::SocketRxThreshold;
    const TX: Property = Property::SocketTxThreshold;
    let (a, b) = pair()?;
    let most = capacity(&a)?;
    let (reached, room) = (
        Signals::SOCKET_READ_THRESHOLD,
        Signals::SOCKET_WRITE_THRESHOLD,
    );
    let set = |socket: &Socket, property, value: u64| {
        kit::set_property(socket.value(), property, &value.to_le_bytes())
    };
    for property in [RX, TX] {
        same(ok(b.property(property))?, 0)?;
        fails(set(&b, property, most + 1), Status::INVALID_ARGS)?;
        ok(set(&b, property, most))?;
        same(ok(b.property(property))?, most)?;
        let short = kit::set_property(b.value(), property, &[0; 7]);
        fails(short, Status::BUFFER_TOO_SMALL)?;
        let event = event()?;
        let all = ok(kit::duplicate(event.value(), Rights::SAME_RIGHTS))?;
        fails(
            kit::set_property(all.value(), property, &[0; 8]),
            Status::ACCESS_DENIED,
        )?;
        let vmo = env.paged(1)?;
        let other = kit::set_property(vmo.value(), property, &[0; 8]);
        fails(other, Status::WRONG_TYPE)?;
        let mut value = [0; 8];
        let other = kit::get_property(vmo.value(), property, &mut value);
        fails(other, Status::WRONG_TYPE)?;
    }
    same(state(&b)?, Signals::WRITABLE | room)?;
    ok(set(&b, RX, 5))?;
    ok(set(&b, TX, 0))?;
    same(state(&b)?, Signals::WRITABLE)?;
    let readable = Signals::READABLE | Signals::WRITABLE;
    same(ok(a.write(b"four"))?, 4)?;
    same(state(&b)?, readable)?;
    same(ok(a.write(b"!"))?, 1)?;
    same(state(&b)?, readable | reached)?;
    reads(&b, 1, b"f")?;
    same(state(&b)?, readable)?;
    ok(set(&b, RX, 4))?;
    same(state(&b)?, readable | reached)?;
    ok(set(&b, RX, 0))?;
    same(state(&b)?, readable)?;
    // Room for all but two bytes, of which four are taken.
    ok(set(&a, TX, most - 2))?;
    same(state(&a)?, Signals::WRITABLE)?;
    reads(&b, 2, b"ou")?;
    same(state(&a)?, Signals::WRITABLE | room)?;
    same(ok(a.write(b"x"))?, 1)?;
    same(state(&a)?, Signals::WRITABLE)?;
    drop(b);
    fails(set(&a, TX, 0), Status::PEER_CLOSED)?;
    ok(set(&a, RX, 0))
}

/// One thread writes what the other reads, each waiting for the other.
fn threads(env: &mut Env) -> Outcome {
    const PART: usize = 30_000;
    let count = env.rounds(900_000, 40_000);
    let (a, b) = pair()?;
    let writer = spawn(env, move || {
        let mut next = 0;
        while next != count {
            match a.write(&pattern_at(next..count.min(next + PART))) {
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
    let (mut next, mut bytes) = (0, vec![0; 70_000]);
    while next != count {
        match b.read(&mut bytes) {
            Ok(moved) => {
                let expected = pattern_at(next..next + moved);
                holds(bytes[..moved] == expected, "what was written")?;
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
