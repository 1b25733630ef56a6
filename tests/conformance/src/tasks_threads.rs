//! Threads of this process: made, started, waiting for each other, ended (`tasks.md` §4).

use crate::env::{Env, P};
use crate::kit::{self, H};
use crate::tasks_child::{Child, signals, spawn, this, until_state};
use crate::{
    Outcome, Scenario,
    check::{fails, holds, ok, same},
};
use core::mem::ManuallyDrop;
use jacinth_abi::limits::{MAX_NAME_LEN, TIME_INFINITE};
use jacinth_abi::{Rights, Signals, Status, ThreadState, Topic};
use zx::sys::{self, Input};
use zx::{Address, Thread};

pub(crate) const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "thread_create",
        rows: &["vmo:385"],
        run: create,
    },
    Scenario {
        name: "thread_create_refused",
        rows: &[],
        run: create_refused,
    },
    Scenario {
        name: "thread_life",
        rows: &[],
        run: life,
    },
    Scenario {
        name: "thread_start_refused",
        rows: &["ipc:333"],
        run: start_refused,
    },
    Scenario {
        name: "thread_blocked_states",
        rows: &[],
        run: blocked_states,
    },
    Scenario {
        name: "thread_pulse",
        rows: &[],
        run: pulse,
    },
    Scenario {
        name: "thread_wait_canceled",
        rows: &[],
        run: wait_canceled,
    },
    Scenario {
        name: "thread_closes_last_child",
        rows: &["vmo:203"],
        run: closes_last_child,
    },
    Scenario {
        name: "thread_turns",
        rows: &[],
        run: turns,
    },
    Scenario {
        name: "thread_many",
        rows: &[],
        run: many,
    },
    Scenario {
        name: "thread_yield",
        rows: &[],
        run: yields,
    },
    Scenario {
        name: "object_get_child_thread",
        rows: &["vmo:414", "vmo:415", "vmo:416", "vmo:417", "vmo:418"],
        run: get_child,
    },
    Scenario {
        name: "process_threads",
        rows: &[],
        run: list,
    },
];

/// A thread by its value, which is not closed here.
fn own_thread(env: &Env) -> ManuallyDrop<H> {
    ManuallyDrop::new(H::from_value(env.handles.thread))
}

fn state_of(thread: &Thread) -> Result<u32, Status> {
    thread.thread_info().map(|info| info.state)
}

fn create(env: &mut Env) -> Outcome {
    let thread = ok(Thread::create(&this(env), "a-name"))?;
    let info = ok(thread.basic_info())?;
    let process = ok(kit::basic(env.handles.process))?;
    same(info.rights, Rights::DEFAULT_THREAD.bits())?;
    same(info.related_koid, process.koid)?;
    let job = ok(kit::basic(env.handles.job))?;
    same(process.related_koid, job.koid)?;
    same(job.related_koid, 0)?;
    same(ok(kit::get_name(thread.value()))?, kit::name(b"a-name"))?;
    same(signals(&thread)?, Signals::empty())?;
    same(ok(state_of(&thread))?, ThreadState::New.number())?;
    // A name is cut to 31 bytes.
    let thread = ok(Thread::create(
        &this(env),
        core::str::from_utf8(&[b'x'; 40]).unwrap_or(""),
    ))?;
    let name = ok(kit::get_name(thread.value()))?;
    same(name, kit::name(&[b'x'; MAX_NAME_LEN - 1]))
}

fn try_create(process: u32, name: Input<'_>, options: u32) -> Result<H, Status> {
    let mut value = [0; 4];
    sys::thread_create(process, name, options, &mut value)?;
    Ok(H::from_value(u32::from_le_bytes(value)))
}

fn create_refused(env: &mut Env) -> Outcome {
    let own = env.handles.process;
    let (vmo, bad) = (env.paged(1)?, kit::closed_handle()?);
    let no_right = env.without(&own_process(env), Rights::MANAGE_THREAD)?;
    let named = || Input::Here(b"x");
    fails(try_create(bad, named(), 1), Status::INVALID_ARGS)?;
    for size in [0, 1] {
        let null = Input::At(Address::NULL, size);
        fails(try_create(bad, null, 0), Status::INVALID_ARGS)?;
    }
    let kernel = Input::At(Address::KERNEL, 1);
    fails(try_create(own, kernel, 0), Status::INVALID_ARGS)?;
    fails(try_create(bad, named(), 0), Status::BAD_HANDLE)?;
    fails(try_create(0, named(), 0), Status::BAD_HANDLE)?;
    fails(try_create(vmo.value(), named(), 0), Status::WRONG_TYPE)?;
    fails(
        try_create(no_right.value(), named(), 0),
        Status::ACCESS_DENIED,
    )?;
    let nowhere = kit::unmapped_page(env)?;
    let refused = sys::thread_create(own, named(), 0, nowhere);
    fails(refused, Status::INVALID_ARGS)?;
    let child = Child::new(env)?;
    child.kill()?;
    fails(
        try_create(child.process.value(), named(), 0),
        Status::BAD_STATE,
    )
}

/// It runs, shows that it does, and is over.
fn life(env: &mut Env) -> Outcome {
    let (gate, memory) = (env.paged(1)?, env.paged(1)?);
    let waited = gate.value();
    let memory_here = memory.value();
    let spawned = spawn(env, move || {
        let gate = ManuallyDrop::new(H::from_value(waited));
        gate.wait(Signals::USER_0, TIME_INFINITE).ok();
        kit::write(memory_here, &[7; 8], 0).ok();
    })?;
    let thread = spawned.thread();
    until_state(thread, ThreadState::BlockedWaitOne)?;
    // A thread that waits counts as running.
    same(signals(thread)?, Signals::THREAD_RUNNING)?;
    ok(gate.signal(Signals::empty(), Signals::USER_0))?;
    ok(thread.wait(Signals::TASK_TERMINATED, TIME_INFINITE))?;
    same(signals(thread)?, Signals::TASK_TERMINATED)?;
    same(ok(state_of(thread))?, ThreadState::Dead.number())?;
    let mut bytes = [0; 8];
    ok(kit::read(memory.value(), &mut bytes, 0))?;
    same(bytes, [7; 8])?;
    // Its handle still says what it was.
    let info = ok(thread.basic_info())?;
    same(info.related_koid, ok(kit::basic(env.handles.process))?.koid)?;
    let again = sys::thread_start_nowhere(thread.value(), 0, 0);
    fails(again, Status::BAD_STATE)?;
    ok(spawned.join())
}

fn start_refused(env: &mut Env) -> Outcome {
    const KERNEL: u64 = 0xffff_8000_0000_0000;
    const NON_CANONICAL: u64 = 0x0001_2345_0000_0000;
    let start = sys::thread_start_nowhere;
    let (vmo, bad) = (env.paged(1)?, kit::closed_handle()?);
    fails(start(bad, KERNEL, 0), Status::BAD_HANDLE)?;
    fails(start(vmo.value(), 0, 0), Status::WRONG_TYPE)?;
    let thread = ok(Thread::create(&this(env), "never"))?;
    let no_right = env.without(&thread, Rights::MANAGE_THREAD)?;
    fails(start(no_right.value(), KERNEL, 0), Status::ACCESS_DENIED)?;
    for entry in [KERNEL, NON_CANONICAL, u64::MAX] {
        fails(start(thread.value(), entry, 0), Status::INVALID_ARGS)?;
    }
    same(ok(state_of(&thread))?, ThreadState::New.number())?;
    // One that runs already, and one whose process does not run.
    fails(start(env.handles.thread, KERNEL, 0), Status::BAD_STATE)?;
    let child = Child::new(env)?;
    fails(start(child.thread.value(), KERNEL, 0), Status::BAD_STATE)?;
    child.kill()?;
    fails(start(child.thread.value(), 0, 0), Status::BAD_STATE)
}

fn blocked_states(env: &mut Env) -> Outcome {
    let gate = env.paged(1)?;
    let waited = gate.value();
    let waiter = spawn(env, move || {
        let gate = ManuallyDrop::new(H::from_value(waited));
        gate.wait(Signals::USER_0, TIME_INFINITE).ok();
    })?;
    let until = zx::time::now_ns() + 500_000_000;
    let sleeper = spawn(env, move || {
        sys::nanosleep(until).ok();
    })?;
    until_state(waiter.thread(), ThreadState::BlockedWaitOne)?;
    until_state(sleeper.thread(), ThreadState::BlockedSleeping)?;
    let own = own_thread(env);
    until_state(&own, ThreadState::Running)?;
    ok(sleeper.join())?;
    holds(zx::time::now_ns() >= until, "it slept long enough")?;
    ok(gate.signal(Signals::empty(), Signals::USER_0))?;
    ok(waiter.join())
}

/// W4: a pulse is not lost.
fn pulse(env: &mut Env) -> Outcome {
    let (gate, out) = (env.paged(1)?, env.paged(1)?);
    let (waited, out_value) = (gate.value(), out.value());
    let waiter = spawn(env, move || {
        let gate = ManuallyDrop::new(H::from_value(waited));
        let seen = gate.wait(Signals::USER_0, TIME_INFINITE);
        let bits = seen.map_or(0, |seen| seen.bits());
        kit::write(out_value, &bits.to_le_bytes(), 0).ok();
    })?;
    until_state(waiter.thread(), ThreadState::BlockedWaitOne)?;
    ok(gate.signal(Signals::empty(), Signals::USER_0))?;
    ok(gate.signal(Signals::USER_0, Signals::empty()))?;
    ok(waiter.join())?;
    let mut bits = [0; 4];
    ok(kit::read(out.value(), &mut bits, 0))?;
    let seen = Signals::from_bits_retain(u32::from_le_bytes(bits));
    same(seen, Signals::USER_0 | Signals::VMO_ZERO_CHILDREN)
}

/// W5, W6: a wait ends with the handle that it was made through, and with no other.
fn wait_canceled(env: &mut Env) -> Outcome {
    let (gate, out) = (env.paged(1)?, env.paged(1)?);
    let other = ok(gate.duplicate())?;
    let (waited, out_value) = (gate.value(), out.value());
    let waiter = spawn(env, move || {
        let mut observed = [0; 4];
        let wanted = Signals::USER_0.bits();
        let answer = sys::object_wait_one(waited, wanted, TIME_INFINITE, &mut observed);
        let status = answer.err().map_or(0, Status::raw);
        kit::write(out_value, &observed, 0).ok();
        kit::write(out_value, &status.to_le_bytes(), 4).ok();
    })?;
    until_state(waiter.thread(), ThreadState::BlockedWaitOne)?;
    ok(other.close())?;
    until_state(waiter.thread(), ThreadState::BlockedWaitOne)?;
    ok(gate.close())?;
    ok(waiter.join())?;
    let mut bytes = [0; 8];
    ok(kit::read(out.value(), &mut bytes, 0))?;
    let (observed, status) = (&bytes[..4], &bytes[4..]);
    let expected = Signals::HANDLE_CLOSED | Signals::VMO_ZERO_CHILDREN;
    same(observed, &expected.bits().to_le_bytes()[..])?;
    same(status, &Status::CANCELED.raw().to_le_bytes()[..])
}

fn closes_last_child(env: &mut Env) -> Outcome {
    let parent = env.paged(1)?;
    let child = ok(kit::slice(parent.value(), 0, P))?;
    same(signals(&parent)?, Signals::empty())?;
    let waiting = own_thread(env).value();
    let closer = spawn(env, move || {
        let waiting = ManuallyDrop::new(H::from_value(waiting));
        until_state(&waiting, ThreadState::BlockedWaitOne).ok();
        drop(child);
    })?;
    let seen = ok(parent.wait(Signals::VMO_ZERO_CHILDREN, TIME_INFINITE))?;
    same(seen, Signals::VMO_ZERO_CHILDREN)?;
    ok(closer.join())
}

/// Two threads hand a turn to each other.
fn turns(env: &mut Env) -> Outcome {
    let rounds = env.rounds(200, 10);
    let board = env.paged(1)?;
    let value = board.value();
    let (ping, pong) = (Signals::USER_0, Signals::USER_1);
    let partner = spawn(env, move || {
        let board = ManuallyDrop::new(H::from_value(value));
        for _ in 0..rounds {
            board.wait(ping, TIME_INFINITE).ok();
            board.signal(ping, pong).ok();
        }
    })?;
    for _ in 0..rounds {
        ok(board.signal(Signals::empty(), ping))?;
        ok(board.wait(pong, TIME_INFINITE))?;
        ok(board.signal(pong, Signals::empty()))?;
    }
    ok(partner.join())
}

/// Several threads at once, all of which wait for one signal.
fn many(env: &mut Env) -> Outcome {
    const THREADS: u8 = 5;
    let (gate, out) = (env.paged(1)?, env.paged(1)?);
    let mut all = alloc::vec::Vec::new();
    for number in 0..THREADS {
        let (gate, out) = (gate.value(), out.value());
        all.push(spawn(env, move || {
            let gate = ManuallyDrop::new(H::from_value(gate));
            gate.wait(Signals::USER_3, TIME_INFINITE).ok();
            kit::write(out, &[number + 1], u64::from(number)).ok();
        })?);
    }
    for thread in &all {
        until_state(thread.thread(), ThreadState::BlockedWaitOne)?;
    }
    ok(gate.signal(Signals::empty(), Signals::USER_3))?;
    for thread in all {
        ok(thread.join())?;
    }
    let mut bytes = [0; 5];
    ok(kit::read(out.value(), &mut bytes, 0))?;
    same(bytes, [1, 2, 3, 4, 5])
}

fn yields(_: &mut Env) -> Outcome {
    ok(sys::thread_legacy_yield(0))?;
    fails(sys::thread_legacy_yield(1), Status::INVALID_ARGS)
}

fn child_of(parent: u32, koid: u64, rights: u32) -> Result<H, Status> {
    let mut value = [0; 4];
    sys::object_get_child(parent, koid, rights, &mut value)?;
    Ok(H::from_value(u32::from_le_bytes(value)))
}

fn get_child(env: &mut Env) -> Outcome {
    let (own, same_rights) = (env.handles.process, Rights::SAME_RIGHTS);
    let koid = ok(kit::basic(env.handles.thread))?.koid;
    fails(child_of(0, koid, same_rights), Status::BAD_HANDLE)?;
    let found = ok(child_of(own, koid, same_rights))?;
    let info = ok(found.basic_info())?;
    same(info.koid, koid)?;
    same(info.rights, ok(kit::basic(own))?.rights)?;
    let less = ok(child_of(own, koid, Rights::WAIT.bits()))?;
    same(ok(less.basic_info())?.rights, Rights::WAIT.bits())?;
    let refused = child_of(own, koid, Rights::EXECUTE.bits());
    fails(refused, Status::ACCESS_DENIED)?;
    fails(child_of(own, 1, same_rights), Status::NOT_FOUND)?;
    fails(child_of(own, u64::MAX, same_rights), Status::NOT_FOUND)?;
    let vmo = env.paged(1)?;
    let refused = child_of(vmo.value(), koid, same_rights);
    fails(refused, Status::ACCESS_DENIED)?;
    let blind = env.without(&own_process(env), Rights::ENUMERATE)?;
    let refused = child_of(blind.value(), koid, same_rights);
    fails(refused, Status::ACCESS_DENIED)?;
    let nowhere = kit::unmapped_page(env)?;
    let refused = sys::object_get_child(own, koid, same_rights, nowhere);
    fails(refused, Status::INVALID_ARGS)?;
    // A thread that never started is not among them.
    let thread = ok(Thread::create(&this(env), "never"))?;
    let koid = ok(thread.basic_info())?.koid;
    fails(child_of(own, koid, same_rights), Status::NOT_FOUND)
}

fn own_process(env: &Env) -> ManuallyDrop<H> {
    ManuallyDrop::new(H::from_value(env.handles.process))
}

fn list(env: &mut Env) -> Outcome {
    let own = ok(kit::basic(env.handles.thread))?.koid;
    let koids = || ok(own_process(env).info_list::<u64>(Topic::PROCESS_THREADS));
    same(koids()?, alloc::vec![own])?;
    let gate = env.paged(1)?;
    let waited = gate.value();
    let spawned = spawn(env, move || {
        let gate = ManuallyDrop::new(H::from_value(waited));
        gate.wait(Signals::USER_0, TIME_INFINITE).ok();
    })?;
    let koid = ok(spawned.thread().basic_info())?.koid;
    let mut expected = alloc::vec![own, koid];
    let mut found = koids()?;
    expected.sort_unstable();
    found.sort_unstable();
    same(found, expected)?;
    ok(gate.signal(Signals::empty(), Signals::USER_0))?;
    ok(spawned.join())?;
    same(koids()?, alloc::vec![own])?;
    let blind = env.without(&own_process(env), Rights::ENUMERATE)?;
    let refused = blind.info_list::<u64>(Topic::PROCESS_THREADS);
    fails(refused, Status::ACCESS_DENIED)
}
