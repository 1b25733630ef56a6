//! Ports, as far as they need no second thread (table I).

use crate::env::Env;
use crate::ipc_kit::{
    bad_handles, channel, event, port, port_queue, port_wait, read, wait_async, write,
};
use crate::kit::{self, H, basic, signal};
use crate::{
    Outcome, Scenario,
    check::{fails, holds, ok, same},
};
use jacinth_abi::{
    ObjectType, PacketSignal, PortPacket, Record, Rights, Signals, Status, WaitAsyncOptions,
};
use zx::Address;
use zx::sys;

pub(crate) const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "port_create",
        rows: &["ipc:208", "ipc:209", "ipc:210"],
        run: create,
    },
    Scenario {
        name: "port_queue",
        rows: &[
            "ipc:211", "ipc:213", "ipc:215", "ipc:216", "ipc:220", "ipc:221",
        ],
        run: queue,
    },
    Scenario {
        name: "port_wait_async",
        rows: &[
            "ipc:224", "ipc:225", "ipc:227", "ipc:228", "ipc:229", "ipc:256",
        ],
        run: waits,
    },
    Scenario {
        name: "port_wait_async_refused",
        rows: &["ipc:231", "ipc:232", "ipc:233", "ipc:235", "ipc:236"],
        run: refused,
    },
    Scenario {
        name: "port_closing",
        rows: &["ipc:226", "ipc:258", "ipc:259"],
        run: closing,
    },
    Scenario {
        name: "port_cancel",
        rows: &[
            "ipc:238", "ipc:239", "ipc:243", "ipc:246", "ipc:247", "ipc:249",
        ],
        run: cancel,
    },
    Scenario {
        name: "port_edges_and_times",
        rows: &["ipc:250", "ipc:252", "ipc:253", "ipc:255"],
        run: edges,
    },
];

const SIGNALED: Signals = Signals::SIGNALED;
const NONE: Signals = Signals::empty();
const EDGE: u32 = WaitAsyncOptions::EDGE.bits();

fn create(env: &mut Env) -> Outcome {
    for options in [0, 1] {
        let mut out = [0; 4];
        ok(sys::port_create(options, &mut out))?;
        let port = H::from_value(u32::from_le_bytes(out));
        let info = ok(basic(port.value()))?;
        same(info.object_type, ObjectType::Port.number())?;
        same((info.rights, info.related_koid), (0x800F, 0))?;
    }
    fails(sys::port_create(2, &mut [0; 4]), Status::INVALID_ARGS)?;
    for at in [Address::NULL, kit::unmapped_page(env)?] {
        fails(sys::port_create(0, at), Status::INVALID_ARGS)?;
    }
    Ok(())
}

fn queue(env: &mut Env) -> Outcome {
    let port = port()?;
    let null = sys::port_queue(port.value(), Address::NULL);
    fails(null, Status::INVALID_ARGS)?;
    let soon = ok(kit::now())?.saturating_add(1000);
    fails(port_wait(&port, soon), Status::TIMED_OUT)?;
    holds(ok(kit::now())? >= soon, "not early")?;
    for key in 1..4 {
        ok(port_queue(&port, key))?;
    }
    for (key, past) in [(1, 0), (2, i64::MIN), (3, i64::MAX)] {
        let packet = ok(port_wait(&port, past))?;
        let expected = PortPacket {
            key,
            packet_type: PortPacket::USER,
            status: -3,
            payload: [key as u8; 32],
        };
        same(packet, expected)?;
    }
    fails(port_wait(&port, 0), Status::TIMED_OUT)?;
    let reader = env.without(&port, Rights::WRITE)?;
    fails(port_queue(&reader, 1), Status::ACCESS_DENIED)?;
    let writer = env.without(&port, Rights::READ)?;
    fails(port_wait(&writer, 0), Status::ACCESS_DENIED)?;
    let event = event()?;
    fails(port_queue(&event, 1), Status::WRONG_TYPE)?;
    fails(port_wait(&event, 0), Status::WRONG_TYPE)?;
    for bad in bad_handles()? {
        let answer = sys::port_queue(bad, Address::NULL);
        fails(answer, Status::BAD_HANDLE)?;
        let answer = sys::port_wait(bad, 0, Address::NULL);
        fails(answer, Status::BAD_HANDLE)?;
    }
    ok(port_queue(&port, 5))?;
    let answer = sys::port_wait(port.value(), 0, Address::NULL);
    fails(answer, Status::INVALID_ARGS)?;
    // It is lost.
    fails(port_wait(&port, 0), Status::TIMED_OUT)
}

/// The packet of a wait, checked but for what was observed, and that.
fn signal_packet(port: &H, key: u64, trigger: Signals) -> Result<Signals, crate::Failure> {
    let packet = ok(port_wait(port, 0))?;
    same((packet.key, packet.packet_type, packet.status), (key, 1, 0))?;
    let told = PacketSignal::from_bytes(&packet.payload);
    same((told.trigger, told.count), (trigger.bits(), 1))?;
    same((told.timestamp, told.reserved), (0, 0))?;
    Ok(Signals::from_bits_retain(told.observed))
}

fn waits(env: &mut Env) -> Outcome {
    let port = port()?;
    let (a, b) = channel()?;
    for _ in 0..5 {
        ok(write(&a, b"", &[]))?;
    }
    drop(a);
    let either = Signals::READABLE | Signals::PEER_CLOSED;
    ok(wait_async(&b, &port, 9, either, 0))?;
    same(signal_packet(&port, 9, either)?, either)?;
    let soon = ok(kit::now())?.saturating_add(200_000);
    fails(port_wait(&port, soon), Status::TIMED_OUT)?;
    let event = event()?;
    for taken in [7, 2] {
        for key in 0..7 {
            ok(wait_async(&event, &port, key, SIGNALED, 0))?;
        }
        fails(port_wait(&port, 0), Status::TIMED_OUT)?;
        ok(signal(event.value(), NONE, SIGNALED))?;
        ok(signal(event.value(), SIGNALED, NONE))?;
        let mut sum = 0;
        for _ in 0..taken {
            let packet = ok(port_wait(&port, 0))?;
            sum |= 1 << packet.key;
        }
        holds(taken != 7 || sum == 0x7f, "every key came once")?;
    }
    drop(port);
    drop(event);
    pulses(env)
}

fn pulses(env: &mut Env) -> Outcome {
    let (port, event) = (crate::ipc_kit::port()?, event()?);
    for round in 0..env.rounds(24, 4) {
        ok(wait_async(&event, &port, 1, SIGNALED, 0))?;
        let set = [SIGNALED, SIGNALED | Signals::USER_2][round % 2];
        ok(signal(event.value(), NONE, set))?;
        ok(signal(event.value(), set, NONE))?;
        same(signal_packet(&port, 1, SIGNALED)?, set)?;
    }
    Ok(())
}

fn refused(env: &mut Env) -> Outcome {
    let (port, event) = (port()?, event()?);
    for options in [20, 8, 0x8000_0000, 5, 7] {
        let answer = wait_async(&event, &port, 0, SIGNALED, options);
        fails(answer, Status::INVALID_ARGS)?;
        let answer = sys::object_wait_async(0, u32::MAX, 0, 0, options);
        fails(answer, Status::INVALID_ARGS)?;
    }
    let by = |event, port| sys::object_wait_async(event, port, 0, SIGNALED.bits(), 0);
    for bad in bad_handles()? {
        fails(by(event.value(), bad), Status::BAD_HANDLE)?;
        fails(by(bad, port.value()), Status::BAD_HANDLE)?;
    }
    fails(by(event.value(), event.value()), Status::WRONG_TYPE)?;
    let weak = env.without(&event, Rights::WAIT)?;
    fails(by(weak.value(), port.value()), Status::ACCESS_DENIED)?;
    let weak = env.without(&port, Rights::WRITE)?;
    fails(by(event.value(), weak.value()), Status::ACCESS_DENIED)
}

fn closing(_env: &mut Env) -> Outcome {
    for order in [
        [0, 1, 2],
        [0, 2, 1],
        [1, 0, 2],
        [1, 2, 0],
        [2, 0, 1],
        [2, 1, 0],
    ] {
        let ((a, b), port) = (channel()?, port()?);
        ok(wait_async(&a, &port, 1, Signals::READABLE, 0))?;
        let mut handles = [Some(a), Some(b), Some(port)];
        for index in order {
            ok(handles[index].take().map_or(Ok(()), H::close))?;
        }
    }
    let (port, event) = (port()?, event()?);
    let duplicate = ok(kit::duplicate(event.value(), Rights::SAME_RIGHTS))?;
    ok(wait_async(&duplicate, &port, 3, SIGNALED, 0))?;
    drop(duplicate);
    ok(signal(event.value(), NONE, SIGNALED))?;
    fails(port_wait(&port, 0), Status::TIMED_OUT)?;
    ok(wait_async(&event, &port, 4, SIGNALED, 0))?;
    drop(event);
    same(ok(port_wait(&port, 0))?.key, 4)?;
    let (a, b) = channel()?;
    let event = crate::ipc_kit::event()?;
    let kept = ok(kit::duplicate(event.value(), Rights::SAME_RIGHTS))?;
    for is_read in [false, true] {
        let moved = ok(kit::duplicate(kept.value(), Rights::SAME_RIGHTS))?;
        ok(wait_async(&moved, &port, 6, SIGNALED, 0))?;
        ok(write(&a, b"", &[moved.into_value()]))?;
        if is_read {
            let received = ok(read(&b))?.handles;
            ok(signal(kept.value(), NONE, SIGNALED))?;
            fails(port_wait(&port, 0), Status::TIMED_OUT)?;
            ok(kit::close_many(&received))?;
        } else {
            // On its way it still is the handle that the wait was made through.
            ok(signal(kept.value(), NONE, SIGNALED))?;
            same(ok(port_wait(&port, 0))?.key, 6)?;
            ok(kit::close_many(&ok(read(&b))?.handles))?;
        }
        ok(signal(kept.value(), SIGNALED, NONE))?;
    }
    Ok(())
}

fn cancel(env: &mut Env) -> Outcome {
    let port = port()?;
    let (e0, e1, e2) = (event()?, event()?, event()?);
    let cancel = |source: &H, key| sys::port_cancel(port.value(), source.value(), key);
    ok(wait_async(&e0, &port, 128, SIGNALED, 0))?;
    ok(wait_async(&e1, &port, 3, SIGNALED, 0))?;
    ok(wait_async(&e2, &port, 3, SIGNALED, 0))?;
    ok(signal(e0.value(), NONE, SIGNALED))?;
    ok(signal(e1.value(), NONE, SIGNALED))?;
    ok(cancel(&e1, 3))?;
    ok(cancel(&e2, 3))?;
    ok(signal(e2.value(), NONE, SIGNALED))?;
    same(signal_packet(&port, 128, SIGNALED)?, SIGNALED)?;
    fails(port_wait(&port, 0), Status::TIMED_OUT)?;
    fails(cancel(&e0, 128), Status::NOT_FOUND)?;
    fails(cancel(&e1, 3), Status::NOT_FOUND)?;
    let reader = env.without(&port, Rights::WRITE)?;
    let answer = sys::port_cancel(reader.value(), e0.value(), 1);
    fails(answer, Status::ACCESS_DENIED)?;
    for bad in bad_handles()? {
        let answer = sys::port_cancel(port.value(), bad, 1);
        fails(answer, Status::BAD_HANDLE)?;
        fails(sys::port_cancel(bad, e0.value(), 1), Status::BAD_HANDLE)?;
    }
    let by_key = |key| sys::port_cancel_key(port.value(), 0, key);
    ok(signal(e0.value(), SIGNALED, NONE))?;
    ok(wait_async(&e0, &port, 5, SIGNALED, 0))?;
    ok(wait_async(&e1, &port, 5, SIGNALED, 0))?;
    ok(port_queue(&port, 5))?;
    ok(by_key(5))?;
    ok(signal(e0.value(), NONE, SIGNALED))?;
    fails(port_wait(&port, 0), Status::TIMED_OUT)?;
    fails(by_key(5), Status::NOT_FOUND)?;
    let answer = sys::port_cancel_key(port.value(), 1, 5);
    fails(answer, Status::INVALID_ARGS)?;
    let answer = sys::port_cancel_key(reader.value(), 0, 5);
    fails(answer, Status::ACCESS_DENIED)?;
    ok(port_queue(&port, 9))?;
    fails(cancel(&e0, 9), Status::NOT_FOUND)?;
    same(ok(port_wait(&port, 0))?.key, 9)
}

fn edges(_env: &mut Env) -> Outcome {
    let (port, event) = (port()?, event()?);
    ok(signal(event.value(), NONE, SIGNALED))?;
    ok(wait_async(&event, &port, 1, SIGNALED, EDGE))?;
    ok(signal(event.value(), NONE, SIGNALED))?;
    fails(port_wait(&port, 0), Status::TIMED_OUT)?;
    ok(signal(event.value(), SIGNALED, NONE))?;
    ok(signal(event.value(), NONE, SIGNALED))?;
    same(signal_packet(&port, 1, SIGNALED)?, SIGNALED)?;
    ok(signal(event.value(), SIGNALED, NONE))?;
    ok(wait_async(&event, &port, 2, SIGNALED, EDGE))?;
    ok(signal(event.value(), NONE, SIGNALED))?;
    same(signal_packet(&port, 2, SIGNALED)?, SIGNALED)?;
    for options in [1, 4] {
        // Active already, and active later.
        for is_active in [true, false] {
            let set = if is_active { SIGNALED } else { NONE };
            ok(signal(event.value(), SIGNALED, set))?;
            let before = ok(kit::now())?;
            ok(wait_async(&event, &port, 1, SIGNALED, options))?;
            ok(signal(event.value(), NONE, SIGNALED))?;
            let after = ok(kit::now())?;
            let packet = ok(port_wait(&port, 0))?;
            let told = PacketSignal::from_bytes(&packet.payload).timestamp;
            holds((before..=after).contains(&told), "the time is told")?;
        }
    }
    Ok(())
}
