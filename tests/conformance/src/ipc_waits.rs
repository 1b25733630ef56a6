//! Events, event pairs, and waits that need no second thread (tables G and H).

use crate::env::Env;
use crate::ipc_kit::{
    bad_handles, channel, event, event_pair, item, port, read, wait_many, write, write_by,
};
use crate::kit::{self, H, basic, signal, state, wait};
use crate::{
    Outcome, Scenario,
    check::{fails, holds, ok, same},
};
use alloc::vec::Vec;
use jacinth_abi::limits::TIME_INFINITE_PAST;
use jacinth_abi::{ObjectType, Rights, Signals, Status};
use zx::Address;
use zx::sys::{self, Output};

pub(crate) const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "event",
        rows: &[
            "vmo:384", "ipc:158", "ipc:159", "ipc:160", "ipc:164", "ipc:165", "ipc:166", "ipc:177",
        ],
        run: events,
    },
    Scenario {
        name: "eventpair",
        rows: &[
            "vmo:336", "vmo:336", "ipc:168", "ipc:169", "ipc:171", "ipc:173", "ipc:174", "ipc:175",
            "ipc:176",
        ],
        run: event_pairs,
    },
    Scenario {
        name: "wait_one",
        rows: &[
            "ipc:178", "ipc:179", "ipc:180", "ipc:182", "ipc:183", "ipc:184", "ipc:185", "ipc:186",
        ],
        run: one,
    },
    Scenario {
        name: "wait_many",
        rows: &[
            "ipc:192", "ipc:193", "ipc:195", "ipc:201", "ipc:205", "ipc:206",
        ],
        run: many,
    },
    Scenario {
        name: "wait_many_refused",
        rows: &[],
        run: many_refused,
    },
];

const SIGNALED: Signals = Signals::SIGNALED;
const NONE: Signals = Signals::empty();

fn events(env: &mut Env) -> Outcome {
    let event = event()?;
    let info = ok(basic(event.value()))?;
    same(info.object_type, ObjectType::Event.number())?;
    same((info.rights, info.related_koid), (0xD003, 0))?;
    same(state(&event)?, NONE)?;
    let mut out = [0x55; 4];
    fails(sys::event_create(1, &mut out), Status::INVALID_ARGS)?;
    same(out, [0x55; 4])?;
    for at in [Address::NULL, Address::KERNEL, kit::unmapped_page(env)?] {
        fails(sys::event_create(0, at), Status::INVALID_ARGS)?;
    }
    ok(signal(event.value(), NONE, SIGNALED))?;
    same(state(&event)?, SIGNALED)?;
    ok(signal(event.value(), SIGNALED, NONE))?;
    same(state(&event)?, NONE)?;
    ok(signal(event.value(), SIGNALED, SIGNALED))?;
    same(state(&event)?, SIGNALED)?;
    let other = Signals::READABLE;
    fails(signal(event.value(), other, NONE), Status::INVALID_ARGS)?;
    let weak = env.without(&event, Rights::SIGNAL)?;
    fails(signal(weak.value(), NONE, SIGNALED), Status::ACCESS_DENIED)?;
    let peer = |handle| sys::object_signal_peer(handle, 0, 0);
    fails(peer(event.value()), Status::ACCESS_DENIED)?;
    for bad in bad_handles()? {
        fails(signal(bad, NONE, SIGNALED), Status::BAD_HANDLE)?;
        fails(peer(bad), Status::BAD_HANDLE)?;
    }
    let port = port()?;
    fails(signal(port.value(), NONE, NONE), Status::ACCESS_DENIED)
}

fn event_pairs(_env: &mut Env) -> Outcome {
    let (mut a, mut b) = ([0x55; 4], [0x55; 4]);
    let answer = sys::eventpair_create(1, &mut a, &mut b);
    fails(answer, Status::NOT_SUPPORTED)?;
    same((a, b), ([0x55; 4], [0x55; 4]))?;
    let (h0, h1) = event_pair()?;
    let (of0, of1) = (ok(basic(h0.value()))?, ok(basic(h1.value()))?);
    same((of0.related_koid, of1.related_koid), (of1.koid, of0.koid))?;
    same(
        (of0.rights, of0.object_type),
        (0xF003, ObjectType::EventPair.number()),
    )?;
    ok(signal(h0.value(), NONE, Signals::USER_0))?;
    same((state(&h0)?, state(&h1)?), (Signals::USER_0, NONE))?;
    let peer = |clear: Signals, set: Signals| {
        sys::object_signal_peer(h0.value(), clear.bits(), set.bits())
    };
    ok(peer(NONE, Signals::USER_0))?;
    let both = Signals::USER_3 | Signals::USER_4;
    ok(peer(Signals::USER_0, both))?;
    same(state(&h1)?, both)?;
    ok(signal(h0.value(), NONE, SIGNALED))?;
    ok(peer(NONE, SIGNALED))?;
    same(state(&h1)?, both | SIGNALED)?;
    let closed = Signals::PEER_CLOSED;
    fails(signal(h0.value(), NONE, closed), Status::INVALID_ARGS)?;
    let (a, b) = channel()?;
    ok(write(&a, b"", &[h1.into_value()]))?;
    same(state(&h0)?, Signals::USER_0 | SIGNALED)?;
    drop((a, b));
    let last = Signals::USER_0 | SIGNALED | closed;
    let (answer, word) = wait(h0.value(), closed, i64::MAX);
    ok(answer)?;
    same(word, last)?;
    fails(peer(NONE, Signals::USER_0), Status::PEER_CLOSED)?;
    fails(peer(NONE, closed), Status::INVALID_ARGS)?;
    let (first, second): (Vec<H>, Vec<H>) = [event_pair()?, event_pair()?].into_iter().unzip();
    let values: Vec<u32> = first.into_iter().map(H::into_value).collect();
    ok(kit::close_many(&values))?;
    for end in second {
        same(state(&end)?, closed)?;
    }
    Ok(())
}

fn one(env: &mut Env) -> Outcome {
    let event = event()?;
    for past in [0, -1, TIME_INFINITE_PAST] {
        same(
            wait(event.value(), SIGNALED, past),
            (Err(Status::TIMED_OUT), NONE),
        )?;
    }
    let soon = ok(kit::now())?.saturating_add(1_000_000);
    let (answer, word) = wait(event.value(), SIGNALED, soon);
    fails(answer, Status::TIMED_OUT)?;
    same(word, NONE)?;
    holds(ok(kit::now())? >= soon, "not early")?;
    let one = |handle, at: Address| sys::object_wait_one(handle, SIGNALED.bits(), 0, at);
    fails(one(event.value(), Address::NULL), Status::TIMED_OUT)?;
    ok(signal(event.value(), NONE, SIGNALED | Signals::USER_0))?;
    let expected = (Ok(()), SIGNALED | Signals::USER_0);
    same(wait(event.value(), SIGNALED, 0), expected)?;
    let page = kit::unmapped_page(env)?;
    fails(one(event.value(), page), Status::INVALID_ARGS)?;
    let weak = env.without(&event, Rights::WAIT)?;
    fails(one(weak.value(), Address::NULL), Status::ACCESS_DENIED)?;
    fails(one(port()?.value(), Address::NULL), Status::ACCESS_DENIED)?;
    for bad in bad_handles()? {
        fails(one(bad, Address::NULL), Status::BAD_HANDLE)?;
    }
    Ok(())
}

fn many(env: &mut Env) -> Outcome {
    let nothing = || Output::At(Address::NULL, 0);
    let now = ok(kit::now())?;
    for later in [1, 10_000_000] {
        let answer = sys::object_wait_many(nothing(), now.saturating_add(later));
        fails(answer, Status::TIMED_OUT)?;
        holds(ok(kit::now())? >= now.saturating_add(later), "not early")?;
    }
    let count = env.rounds(64, 3);
    let events: Result<Vec<H>, _> = (0..count).map(|_| event()).collect();
    let events = events?;
    let items = || -> Vec<_> {
        events
            .iter()
            .map(|event| item(event.value(), SIGNALED))
            .collect()
    };
    let mut list = items();
    fails(wait_many(&mut list, 0), Status::TIMED_OUT)?;
    holds(
        list.iter().all(|item| item.pending == 0),
        "nothing is active",
    )?;
    let soon = ok(kit::now())?.saturating_add(1_000_000);
    let mut list = items();
    fails(wait_many(&mut list, soon), Status::TIMED_OUT)?;
    holds(
        list.iter().all(|item| item.pending == 0),
        "nothing is active",
    )?;
    for (index, event) in events.iter().enumerate() {
        let user = [Signals::USER_1, Signals::USER_2 | Signals::USER_5][index % 2];
        ok(signal(event.value(), NONE, user))?;
    }
    ok(signal(events[1].value(), NONE, SIGNALED))?;
    let mut list = items();
    ok(wait_many(&mut list, i64::MAX))?;
    for (item, event) in list.iter().zip(&events) {
        same(item.pending, state(event)?.bits())?;
    }
    let twice = events[0].value();
    let mut list = [item(twice, SIGNALED), item(twice, Signals::USER_1)];
    ok(wait_many(&mut list, i64::MAX))?;
    same(list[0].pending, Signals::USER_1.bits())?;
    same(list[1].pending, Signals::USER_1.bits())?;
    let ((a0, a1), (b0, b1)) = (channel()?, channel()?);
    ok(write(&b0, b"", &[]))?;
    let either = Signals::READABLE | Signals::PEER_CLOSED;
    let mut list = [item(a1.value(), either), item(b1.value(), either)];
    ok(wait_many(&mut list, i64::MAX))?;
    same(list[0].pending, Signals::WRITABLE.bits())?;
    same(
        list[1].pending,
        (Signals::WRITABLE | Signals::READABLE).bits(),
    )?;
    ok(read(&b1))?;
    drop(a0);
    Ok(())
}

fn many_refused(env: &mut Env) -> Outcome {
    let event = event()?;
    let null = |count: u64| sys::object_wait_many(Output::At(Address::NULL, count * 12), 0);
    fails(null(65), Status::OUT_OF_RANGE)?;
    fails(null(1), Status::INVALID_ARGS)?;
    let page = kit::unmapped_page(env)?;
    let answer = sys::object_wait_many(Output::At(page, 12), i64::MAX);
    fails(answer, Status::INVALID_ARGS)?;
    let weak = env.without(&event, Rights::WAIT)?;
    let port = port()?;
    let good = item(event.value(), SIGNALED);
    for (bad, status) in [
        (kit::closed_handle()?, Status::BAD_HANDLE),
        (weak.value(), Status::ACCESS_DENIED),
        (port.value(), Status::ACCESS_DENIED),
    ] {
        let mut list = [good, item(bad, SIGNALED)];
        fails(wait_many(&mut list, i64::MAX), status)?;
        same(list[0].pending, 0xeeee_eeee)?;
    }
    let (a, b) = channel()?;
    drop(b);
    fails(write_by(a.value(), 0, b"", &[]), Status::PEER_CLOSED)
}
