//! Waits and calls that others get in the way of (`wait-semantics.md` §7, §11; `ipc.md` §1.9, §3.4).

use crate::env::{Env, P, READ_WRITE};
use crate::ipc_kit::{channel, event, event_pair, item, port, read, wait_async, wait_many, write};
use crate::ipc_threads::{CANCELED, Told, waiter};
use crate::kit::{self, H, state};
use crate::tasks_child::{Child, spawn, until_state};
use crate::{
    Outcome, Scenario,
    check::{fails, holds, ok, same},
};
use alloc::boxed::Box;
use alloc::vec;
use core::mem::ManuallyDrop;
use core::sync::atomic::Ordering;
use jacinth_abi::limits::TIME_INFINITE;
use jacinth_abi::{Rights, Signals, Status, ThreadState, VmoOp};
use zx::sys::{self, CallBlock, CallBuffers, Input, Output};
use zx::{Address, Futex, Spawned};

pub(crate) const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "race_wait_and_replace",
        rows: &[],
        run: replaced,
    },
    Scenario {
        name: "race_wait_and_start",
        rows: &[],
        run: given_away,
    },
    Scenario {
        name: "race_port_wait_and_close",
        rows: &[],
        run: port_closed,
    },
    Scenario {
        name: "race_packets_and_waiters",
        rows: &[],
        run: cancelled_packets,
    },
    Scenario {
        name: "channel_call_late_answer",
        rows: &[],
        run: late_answer,
    },
    Scenario {
        name: "race_last_handle_of_long_call",
        rows: &[],
        run: last_handle,
    },
    Scenario {
        name: "thread_all_blocked_states",
        rows: &["ipc:372"],
        run: blocked_states,
    },
    Scenario {
        name: "wait_order_of_checks",
        rows: &[],
        run: order_of_checks,
    },
    Scenario {
        name: "wait_worked_cases",
        rows: &[],
        run: worked_cases,
    },
];

const NONE: Signals = Signals::empty();
const SIGNALED: Signals = Signals::SIGNALED;

/// A handle that is exchanged ends the waits made through it; duplicates do not save them.
fn replaced(env: &mut Env) -> Outcome {
    let gate = event()?;
    let kept = ok(gate.duplicate())?;
    let (thread, outcome) = waiter(env, gate.value())?;
    let new = ok(kit::replace(gate.into_value(), Rights::SAME_RIGHTS))?;
    ok(thread.join())?;
    same(outcome.load(Ordering::SeqCst), CANCELED)?;
    // So does a failed exchange, which ends the handle as well.
    let (thread, outcome) = waiter(env, new.value())?;
    let refused = kit::replace(new.into_value(), Rights::MANAGE_JOB.bits());
    fails(refused.map(drop), Status::INVALID_ARGS)?;
    ok(thread.join())?;
    same(outcome.load(Ordering::SeqCst), CANCELED)?;
    same(state(&kept)?, NONE)
}

/// The handle that a process is started with arrives there at once: waits through it end, and
/// registrations go without a packet.
fn given_away(env: &mut Env) -> Outcome {
    let (gate, port) = (event()?, port()?);
    let kept = ok(gate.duplicate())?;
    ok(wait_async(&gate, &port, 1, SIGNALED, 0))?;
    let (thread, outcome) = waiter(env, gate.value())?;
    let child = Child::new(env)?;
    child.spin(0);
    ok(child.start(Some(gate)))?;
    ok(thread.join())?;
    same(outcome.load(Ordering::SeqCst), CANCELED)?;
    ok(kit::signal(kept.value(), NONE, SIGNALED))?;
    fails(crate::ipc_kit::port_wait(&port, 0), Status::TIMED_OUT)
}

/// Closing a port's last handle wakes nobody: its waiter stays until its deadline.
fn port_closed(env: &mut Env) -> Outcome {
    let (port, gate) = (port()?, event()?);
    ok(wait_async(&gate, &port, 1, SIGNALED, 0))?;
    let value = port.value();
    let until = ok(kit::now())?.saturating_add(500_000_000);
    let outcome = Told::default();
    let place = outcome.clone();
    let thread = spawn(env, move || {
        let port = ManuallyDrop::new(H::from_value(value));
        let timed_out = crate::ipc_kit::port_wait(&port, until) == Err(Status::TIMED_OUT);
        place.store(1 + u64::from(timed_out), Ordering::SeqCst);
    })?;
    until_state(thread.thread(), ThreadState::BlockedPort)?;
    ok(port.close())?;
    // What was registered is forgotten, and nobody minds.
    ok(kit::signal(gate.value(), NONE, SIGNALED))?;
    ok(gate.close())?;
    ok(thread.join())?;
    same(outcome.load(Ordering::SeqCst), 2)?;
    holds(ok(kit::now())? >= until, "not before its deadline")
}

/// Two threads wait at a port while packets come and are cancelled: each packet that was not
/// cancelled arrives once.
fn cancelled_packets(env: &mut Env) -> Outcome {
    let rounds = env.rounds(100, 8) as u64;
    let (port, gate) = (port()?, event()?);
    let sum = Told::default();
    let mut threads = vec![];
    let value = port.value();
    for _ in 0..2 {
        let sum = sum.clone();
        threads.push(spawn(env, move || {
            let port = ManuallyDrop::new(H::from_value(value));
            while let Ok(packet) = crate::ipc_kit::port_wait(&port, TIME_INFINITE) {
                if packet.key == 0 {
                    return;
                }
                sum.fetch_add(packet.key, Ordering::SeqCst);
            }
        })?);
    }
    let mut expected = 0;
    for round in 1..=rounds {
        ok(wait_async(&gate, &port, round, SIGNALED, 0))?;
        ok(kit::signal(gate.value(), NONE, SIGNALED))?;
        ok(kit::signal(gate.value(), SIGNALED, NONE))?;
        // Either it was cancelled, or somebody has it.
        match sys::port_cancel(port.value(), gate.value(), round) {
            Ok(()) => {}
            Err(Status::NOT_FOUND) => expected += round,
            Err(status) => return fails(Err::<(), _>(status), Status::NOT_FOUND),
        }
    }
    for _ in 0..2 {
        ok(crate::ipc_kit::port_queue(&port, 0))?;
    }
    for thread in threads {
        ok(thread.join())?;
    }
    same(sum.load(Ordering::SeqCst), expected)
}

/// An answer that comes when nobody waits for it any more is an ordinary message.
fn late_answer(_env: &mut Env) -> Outcome {
    let (a, b) = channel()?;
    let a = zx::Channel::from(a);
    let soon = ok(kit::now())?.saturating_add(100_000);
    let answer = a.call(b"....what", vec![], soon, (16, 0));
    fails(answer.map(drop), Status::TIMED_OUT)?;
    holds(ok(kit::now())? >= soon, "not early")?;
    let request = ok(read(&b))?.bytes;
    same(&request[4..], &b"what"[..])?;
    holds(request[3] >= 0x80, "an id of the kernel's")?;
    ok(write(&b, &request[..4], &[]))?;
    same(ok(a.pending())?, Signals::READABLE | Signals::WRITABLE)?;
    same(ok(read(&a))?.bytes, request[..4].to_vec())
}

/// A call that takes several turns, on a VMO whose last handle another thread closes meanwhile: what
/// it began is finished all the same, unless it had not begun, and nothing is left.
fn last_handle(env: &mut Env) -> Outcome {
    const PAGES: u64 = 300;
    const LAST: u64 = PAGES * P - 8;
    const MARK: [u8; 8] = [0xa5; 8];
    const DONE: u64 = 1;
    const NOT_BEGUN: u64 = 2;
    /// Where the call that reads is in the list.
    const READS: usize = 3;
    let calls: [fn(u32, Address) -> sys::Answer; 5] = [
        |vmo, _| by_range(vmo, VmoOp::Commit),
        |vmo, _| by_range(vmo, VmoOp::Zero),
        |vmo, at| kit::write_from(vmo, at, 0, PAGES * P),
        |vmo, at| kit::read_to(vmo, at, 0, PAGES * P),
        |vmo, _| sys::vmo_set_size(vmo, P),
    ];
    let memory = env.paged(PAGES)?;
    let buffer = ok(env.map(&memory, READ_WRITE, PAGES * P))?;
    let at = buffer.address(0);
    for (round, call) in calls.into_iter().enumerate() {
        let resizable = jacinth_abi::VmoOptions::RESIZABLE.bits();
        let vmo = ok(kit::vmo_create(PAGES * P, resizable))?;
        for offset in [0, LAST] {
            ok(kit::write(vmo.value(), &MARK, offset))?;
            buffer.write64(offset, 0);
        }
        let value = vmo.value();
        let outcome = Told::default();
        let place = outcome.clone();
        let thread = spawn(env, move || {
            let answer = match call(value, at) {
                Ok(()) => DONE,
                Err(Status::BAD_HANDLE) => NOT_BEGUN,
                Err(_) => 0,
            };
            place.store(answer, Ordering::SeqCst);
        })?;
        for _ in 0..round {
            ok(sys::thread_legacy_yield(0))?;
        }
        ok(vmo.close())?;
        ok(thread.join())?;
        let outcome = outcome.load(Ordering::SeqCst);
        holds(outcome != 0, "done, or not begun")?;
        // Where memory is short a call that copied part of the bytes may be made again, too late.
        let is_done = outcome == DONE;
        if round == READS && (is_done || !env.is_memory_short) {
            let mark = if is_done { u64::from_le_bytes(MARK) } else { 0 };
            same((buffer.read64(0), buffer.read64(LAST)), (mark, mark))?;
        }
    }
    ok(buffer.unmap())?;
    ok(memory.close())?;
    // So much memory goes back bit by bit.
    (0..20).try_for_each(|_| ok(sys::thread_legacy_yield(0)))
}

fn by_range(vmo: u32, op: VmoOp) -> sys::Answer {
    let vmo = ManuallyDrop::new(H::from_value(vmo));
    crate::commit::op(&vmo, op, 0, 300 * P)
}

/// A wait in a thread of its own.
type Body = Box<dyn FnOnce() -> sys::Answer + Send>;

/// Each way to wait shows in its own number, and the thread counts as running.
fn blocked_states(env: &mut Env) -> Outcome {
    let ((a, b), gate, port) = (channel()?, event()?, port()?);
    let words = env.paged(1)?;
    let words = ok(env.map(&words, READ_WRITE, P))?;
    let futex = words.address(0);
    let until = ok(kit::now())?.saturating_add(500_000_000);
    let (call_by, wait_by, port_by) = (a.value(), gate.value(), port.value());
    let run = |number: u32, body: Body| {
        let body = move || {
            body().ok();
        };
        spawn(env, body).map(|thread| (number, thread))
    };
    let threads: [(u32, Spawned); 6] = [
        run(0x203, Box::new(move || sys::nanosleep(until)))?,
        run(
            0x303,
            Box::new(move || sys::futex_wait(futex, 0, 0, TIME_INFINITE)),
        )?,
        run(
            0x403,
            Box::new(move || sys::port_wait(port_by, TIME_INFINITE, &mut [0; 48])),
        )?,
        run(0x503, Box::new(move || request(call_by)))?,
        run(
            0x603,
            Box::new(move || kit::wait(wait_by, SIGNALED, TIME_INFINITE).0),
        )?,
        run(
            0x703,
            Box::new(move || wait_many(&mut [item(wait_by, SIGNALED)], TIME_INFINITE)),
        )?,
    ];
    for (number, thread) in &threads {
        let known = ThreadState::ALL.iter();
        let state = known.copied().find(|state| state.number() == *number);
        let state = ok(state.ok_or(Status::NOT_FOUND))?;
        until_state(thread.thread(), state)?;
        same(ok(thread.thread().pending())?, Signals::THREAD_RUNNING)?;
    }
    ok(Futex::new(&words, 0).wake(1))?;
    ok(crate::ipc_kit::port_queue(&port, 1))?;
    drop(b);
    ok(kit::signal(gate.value(), NONE, SIGNALED))?;
    for (_, thread) in threads {
        ok(thread.join())?;
    }
    Ok(())
}

/// A call whose answer never comes.
fn request(channel: u32) -> sys::Answer {
    let buffers = CallBuffers {
        wr_bytes: Input::Here(b"????"),
        wr_handles: Output::NONE,
        rd_bytes: Output::NONE,
        rd_handles: Output::NONE,
    };
    let block = CallBlock::Here(buffers);
    sys::channel_call(channel, 0, TIME_INFINITE, block, &mut [0; 4], &mut [0; 4])
}

/// Which of several faults is told.
fn order_of_checks(env: &mut Env) -> Outcome {
    let (gate, bad) = (event()?, kit::closed_handle()?);
    // wait_many: the number before the array, the array before what is in it.
    let null = || Output::At(Address::NULL, 65 * 12);
    fails(sys::object_wait_many(null(), 0), Status::OUT_OF_RANGE)?;
    let one = || Output::At(Address::NULL, 12);
    fails(sys::object_wait_many(one(), 0), Status::INVALID_ARGS)?;
    let weak = env.without(&gate, Rights::WAIT)?;
    let mut items = [
        item(gate.value(), SIGNALED),
        item(weak.value(), NONE),
        item(bad, NONE),
    ];
    fails(wait_many(&mut items, 0), Status::ACCESS_DENIED)?;
    same(items[0].pending, 0xeeee_eeee)?;
    items.swap(1, 2);
    fails(wait_many(&mut items, 0), Status::BAD_HANDLE)?;
    // wait_one: the handle before the pointer, which overrules the outcome.
    let nowhere = kit::unmapped_page(env)?;
    let by = |handle: u32| sys::object_wait_one(handle, SIGNALED.bits(), 0, nowhere);
    fails(by(bad), Status::BAD_HANDLE)?;
    fails(by(weak.value()), Status::ACCESS_DENIED)?;
    fails(by(gate.value()), Status::INVALID_ARGS)?;
    // Signals: the right before the masks, the masks before the peer.
    let (one, other) = event_pair()?;
    let mute = env.without(&one, Rights::SIGNAL_PEER)?;
    let strange = Signals::READABLE.bits();
    drop(other);
    let by = |handle: &H, set: u32| sys::object_signal_peer(handle.value(), 0, set);
    fails(by(&mute, strange), Status::ACCESS_DENIED)?;
    fails(by(&one, strange), Status::INVALID_ARGS)?;
    fails(by(&one, SIGNALED.bits()), Status::PEER_CLOSED)?;
    // A bit that no object lets users change, and one that waits alone show.
    for bits in [1 << 23, 1 << 22, 1 << 2, 1] {
        let refused = sys::object_signal(gate.value(), 0, bits);
        fails(refused, Status::INVALID_ARGS)?;
        let refused = sys::object_signal(gate.value(), bits, 0);
        fails(refused, Status::INVALID_ARGS)?;
    }
    // A timer's slack is judged before its handle, a port's options before its handles.
    fails(sys::timer_set(bad, 0, -1), Status::OUT_OF_RANGE)?;
    fails(sys::timer_set(bad, 0, 0), Status::BAD_HANDLE)?;
    fails(sys::timer_set(gate.value(), 0, 0), Status::WRONG_TYPE)?;
    fails(sys::port_cancel_key(bad, 1, 0), Status::INVALID_ARGS)?;
    fails(sys::port_cancel(gate.value(), bad, 0), Status::WRONG_TYPE)?;
    let ports = port()?;
    fails(
        sys::object_wait_async(ports.value(), ports.value(), 0, 1, 0),
        Status::ACCESS_DENIED,
    )
}

/// The cases of `wait-semantics.md` §11 that need one thread.
fn worked_cases(_env: &mut Env) -> Outcome {
    let port = port()?;
    let poll = || crate::ipc_kit::port_wait(&port, 0);
    // W2, W3: all that is active is told; without a wish it is told as well.
    let gate = event()?;
    ok(kit::signal(gate.value(), NONE, SIGNALED | Signals::USER_0))?;
    let both = SIGNALED | Signals::USER_0;
    same(kit::wait(gate.value(), SIGNALED, i64::MIN), (Ok(()), both))?;
    let (a, _b) = channel()?;
    let nothing = kit::wait(a.value(), NONE, 0);
    same(nothing, (Err(Status::TIMED_OUT), Signals::WRITABLE))?;
    // W7, but for the second thread: an item whose handle is not waited for shows its state.
    let mut items = [item(gate.value(), SIGNALED), item(a.value(), NONE)];
    ok(wait_many(&mut items, 0))?;
    same(
        [items[0].pending, items[1].pending],
        [both.bits(), Signals::WRITABLE.bits()],
    )?;
    // A bit that is cleared and set in one step stays, and is not new.
    ok(wait_async(&gate, &port, 9, SIGNALED, 2))?;
    ok(kit::signal(gate.value(), SIGNALED, SIGNALED))?;
    same(state(&gate)?, both)?;
    fails(poll(), Status::TIMED_OUT)?;
    // W10: it is when it was gone between.
    ok(kit::signal(gate.value(), SIGNALED, NONE))?;
    ok(kit::signal(gate.value(), NONE, SIGNALED))?;
    same(ok(poll())?.key, 9)?;
    fails(poll(), Status::TIMED_OUT)?;
    // W12, W13: a packet can be cancelled until it is taken.
    ok(wait_async(&gate, &port, 1, SIGNALED, 0))?;
    ok(sys::port_cancel(port.value(), gate.value(), 1))?;
    fails(poll(), Status::TIMED_OUT)?;
    ok(wait_async(&gate, &port, 1, SIGNALED, 0))?;
    same(ok(poll())?.key, 1)?;
    fails(
        sys::port_cancel(port.value(), gate.value(), 1),
        Status::NOT_FOUND,
    )?;
    // W15, W14: a packet outlives its handle, a registration does not.
    let first = ok(gate.duplicate())?;
    ok(wait_async(&first, &port, 2, SIGNALED, 0))?;
    ok(wait_async(&first, &port, 3, Signals::USER_7, 0))?;
    drop(first);
    ok(kit::signal(gate.value(), NONE, Signals::USER_7))?;
    same(ok(poll())?.key, 2)?;
    fails(poll(), Status::TIMED_OUT)?;
    // A key of another handle to the same object is not this one's.
    let other = ok(gate.duplicate())?;
    ok(wait_async(&gate, &port, 4, Signals::USER_1, 0))?;
    fails(
        sys::port_cancel(port.value(), other.value(), 4),
        Status::NOT_FOUND,
    )?;
    ok(sys::port_cancel(port.value(), gate.value(), 4))
}
