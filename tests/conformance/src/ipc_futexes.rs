//! Futexes (table J).

use crate::env::{Env, P, READ_WRITE};
use crate::ipc_kit::{event, event_pair};
use crate::kit::{self, H, state};
use crate::tasks_child::{Child, spawn, this, until_state};
use crate::{
    Failure, Outcome, Scenario,
    check::{fails, holds, ok, same},
};
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::sync::atomic::{AtomicU64, Ordering};
use jacinth_abi::limits::{TIME_INFINITE, TIME_INFINITE_PAST};
use jacinth_abi::{Signals, Status, ThreadState};
use zx::{Address, Region, Spawned, Thread, sys};

pub(crate) const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "futex_wait_refused",
        rows: &["ipc:261", "ipc:262", "ipc:264", "ipc:266", "ipc:267"],
        run: wait_refused,
    },
    Scenario {
        name: "futex_threads_owner_refused",
        rows: &["ipc:282"],
        run: owner_refused,
    },
    Scenario {
        name: "futex_threads_wake",
        rows: &["ipc:268", "ipc:269", "ipc:270"],
        run: wake,
    },
    Scenario {
        name: "futex_threads_time_out",
        rows: &["ipc:271", "ipc:272", "ipc:277"],
        run: time_out,
    },
    Scenario {
        name: "futex_threads_requeue",
        rows: &["ipc:276"],
        run: requeue,
    },
    Scenario {
        name: "futex_threads_requeue_refused",
        rows: &[],
        run: requeue_refused,
    },
    Scenario {
        name: "futex_process_killed",
        rows: &["ipc:278"],
        run: killed,
    },
    Scenario {
        name: "futex_threads_owner",
        rows: &["ipc:284", "ipc:285"],
        run: owner,
    },
    Scenario {
        name: "futex_threads_single_owner",
        rows: &[],
        run: single_owner,
    },
    Scenario {
        name: "futex_threads_many",
        rows: &[],
        run: many,
    },
    Scenario {
        name: "futex_threads_last_words",
        rows: &[],
        run: last_words,
    },
];

/// What all words hold.
const VALUE: i32 = 123;
/// How far futexes are apart, in bytes.
const APART: u64 = 4;

/// A page of words that hold [`VALUE`].
struct Words(Region);

impl Words {
    #[track_caller]
    fn new(env: &Env) -> Result<Self, Failure> {
        let vmo = env.paged(1)?;
        let page = ok(env.map(&vmo, READ_WRITE, P))?;
        for index in 0..8 {
            page.write32(index * APART, VALUE.cast_unsigned());
        }
        Ok(Self(page))
    }

    fn at(&self, index: u64) -> Address {
        self.0.address(index * APART)
    }
}

/// A thread that waits at a word, and then for an event, if there is one.
struct Waiter {
    thread: Spawned,
    told: Arc<AtomicU64>,
}

impl Waiter {
    /// Starts one, and sees it wait.
    #[track_caller]
    fn start(env: &Env, at: Address, deadline: i64) -> Result<Self, Failure> {
        Self::start_with(env, at, deadline, 0, 0)
    }

    #[track_caller]
    fn start_with(
        env: &Env,
        at: Address,
        deadline: i64,
        owner: u32,
        gate: u32,
    ) -> Result<Self, Failure> {
        let told = Arc::<AtomicU64>::default();
        let place = told.clone();
        let thread = spawn(env, move || {
            let answer = sys::futex_wait(at, VALUE, owner, deadline);
            let status = Status::from_result(answer).cast_unsigned();
            place.store(u64::from(status) | 1 << 32, Ordering::SeqCst);
            if gate != 0 {
                kit::wait(gate, Signals::USER_0, TIME_INFINITE).0.ok();
            }
        })?;
        let waiter = Self { thread, told };
        waiter.is_waiting()?;
        Ok(waiter)
    }

    /// Checks that it waits.
    #[track_caller]
    fn is_waiting(&self) -> Outcome {
        until_state(self.thread.thread(), ThreadState::BlockedFutex)?;
        same(self.told.load(Ordering::SeqCst), 0)
    }

    /// Waits for its end; what its wait answered.
    #[track_caller]
    fn end(self) -> Result<i32, Failure> {
        ok(self.thread.join())?;
        Ok((self.told.load(Ordering::SeqCst) as u32).cast_signed())
    }

    #[track_caller]
    fn was_woken(self) -> Outcome {
        same(self.end()?, 0)
    }

    fn koid(&self) -> Result<u64, Failure> {
        Ok(ok(kit::basic(self.thread.thread().value()))?.koid)
    }
}

#[track_caller]
fn waiters(env: &Env, at: Address, count: usize) -> Result<Vec<Waiter>, Failure> {
    (0..count)
        .map(|_| Waiter::start(env, at, TIME_INFINITE))
        .collect()
}

#[track_caller]
fn all_woken(waiters: impl IntoIterator<Item = Waiter>) -> Outcome {
    waiters.into_iter().try_for_each(Waiter::was_woken)
}

fn owner_koid(at: Address) -> Result<u64, Status> {
    let mut koid = [0xee; 8];
    sys::futex_get_owner(at, &mut koid)?;
    Ok(u64::from_le_bytes(koid))
}

fn soon(ns: i64) -> Result<i64, Failure> {
    Ok(ok(kit::now())?.saturating_add(ns))
}

fn wait_refused(env: &mut Env) -> Outcome {
    let words = Words::new(env)?;
    let at = words.at(0);
    for value in [124, -1, 0] {
        let refused = sys::futex_wait(at, value, 0, TIME_INFINITE);
        fails(refused, Status::BAD_STATE)?;
    }
    for past in [0, -1, TIME_INFINITE_PAST, ok(kit::now())?] {
        fails(sys::futex_wait(at, VALUE, 0, past), Status::TIMED_OUT)?;
    }
    let then = soon(1_000_000)?;
    fails(sys::futex_wait(at, VALUE, 0, then), Status::TIMED_OUT)?;
    holds(ok(kit::now())? >= then, "not early")?;
    let misaligned = [1, 2, 3].map(|offset| words.0.address(offset));
    let bad = [Address::NULL, Address::KERNEL].into_iter();
    for at in bad.chain(misaligned) {
        let refused = sys::futex_wait(at, VALUE, 0, TIME_INFINITE);
        fails(refused, Status::INVALID_ARGS)?;
        for count in [0, 1, u32::MAX] {
            fails(sys::futex_wake(at, count), Status::INVALID_ARGS)?;
        }
        fails(sys::futex_wake_single_owner(at), Status::INVALID_ARGS)?;
        fails(owner_koid(at), Status::INVALID_ARGS)?;
    }
    let nowhere = kit::unmapped_page(env)?;
    let refused = sys::futex_wait(nowhere, 0, 0, TIME_INFINITE);
    fails(refused, Status::INVALID_ARGS)?;
    // Waking reads nothing.
    for at in [at, nowhere] {
        for count in [0, 1, u32::MAX] {
            ok(sys::futex_wake(at, count))?;
        }
        ok(sys::futex_wake_single_owner(at))?;
        same(ok(owner_koid(at))?, 0)?;
    }
    // A value that differs is told before the owner is looked at.
    let refused = sys::futex_wait(at, 124, u32::MAX, TIME_INFINITE);
    fails(refused, Status::BAD_STATE)
}

fn owner_refused(env: &mut Env) -> Outcome {
    let words = Words::new(env)?;
    let at = words.at(0);
    let refused = |owner, status| fails(sys::futex_wait(at, VALUE, owner, 0), status);
    for bad in [kit::closed_handle()?, u32::MAX] {
        refused(bad, Status::BAD_HANDLE)?;
    }
    let event = event()?;
    refused(event.value(), Status::WRONG_TYPE)?;
    let new = ok(Thread::create(&this(env), "new"))?;
    refused(new.value(), Status::INVALID_ARGS)?;
    refused(env.handles.thread, Status::INVALID_ARGS)?;
    // Of another process: one that runs, even with no right.
    let child = Child::new(env)?;
    child.spin(0);
    ok(child.start(None))?;
    let bare = ok(kit::duplicate(child.thread.value(), 0))?;
    refused(bare.value(), Status::INVALID_ARGS)?;
    child.kill()?;
    // One that waits there itself; elsewhere it may.
    let waiter = Waiter::start(env, at, TIME_INFINITE)?;
    let thread = waiter.thread.thread().value();
    refused(thread, Status::INVALID_ARGS)?;
    fails(
        sys::futex_wait(words.at(1), VALUE, thread, 0),
        Status::TIMED_OUT,
    )?;
    let dead = ok(kit::duplicate(thread, jacinth_abi::Rights::SAME_RIGHTS))?;
    ok(sys::futex_wake(at, 1))?;
    waiter.was_woken()?;
    // The dead are nobody.
    refused(dead.value(), Status::TIMED_OUT)
}

fn wake(env: &mut Env) -> Outcome {
    let words = Words::new(env)?;
    let at = words.at(0);
    let one = Waiter::start(env, at, TIME_INFINITE)?;
    ok(sys::futex_wake(at, 0))?;
    one.is_waiting()?;
    ok(sys::futex_wake(at, i32::MAX.cast_unsigned()))?;
    one.was_woken()?;
    let mut four = waiters(env, at, 4)?;
    ok(sys::futex_wake(at, 2))?;
    let rest = four.split_off(2);
    all_woken(four)?;
    rest.iter().try_for_each(Waiter::is_waiting)?;
    ok(sys::futex_wake(at, u32::MAX))?;
    all_woken(rest)?;
    let (one, two) = (
        Waiter::start(env, at, TIME_INFINITE)?,
        Waiter::start(env, words.at(1), TIME_INFINITE)?,
    );
    ok(sys::futex_wake(words.at(2), u32::MAX))?;
    one.is_waiting()?;
    two.is_waiting()?;
    ok(sys::futex_wake(at, u32::MAX))?;
    one.was_woken()?;
    two.is_waiting()?;
    ok(sys::futex_wake(words.at(1), u32::MAX))?;
    two.was_woken()
}

fn time_out(env: &mut Env) -> Outcome {
    let words = Words::new(env)?;
    let (at, other) = (words.at(0), words.at(1));
    let brief = || soon(20_000_000);
    let first = spawn_brief(env, at, brief()?)?;
    same(first.end()?, Status::TIMED_OUT.raw())?;
    let new = Waiter::start(env, at, TIME_INFINITE)?;
    ok(sys::futex_wake(at, 1))?;
    new.was_woken()?;
    let one = Waiter::start(env, at, TIME_INFINITE)?;
    let two = spawn_brief(env, at, brief()?)?;
    let three = Waiter::start(env, at, TIME_INFINITE)?;
    same(two.end()?, Status::TIMED_OUT.raw())?;
    ok(sys::futex_wake(at, 2))?;
    all_woken([one, three])?;
    // One that was moved keeps its deadline, and leaves the place that it was moved to.
    let moved = Waiter::start(env, at, soon(200_000_000)?)?;
    ok(sys::futex_requeue(at, 0, VALUE, other, 1, 0))?;
    let stays = Waiter::start(env, other, TIME_INFINITE)?;
    same(moved.end()?, Status::TIMED_OUT.raw())?;
    ok(sys::futex_wake(at, 1))?;
    stays.is_waiting()?;
    ok(sys::futex_wake(other, 1))?;
    stays.was_woken()
}

/// A thread whose wait may be over before anybody sees it.
fn spawn_brief(env: &Env, at: Address, deadline: i64) -> Result<Waiter, Failure> {
    let told = Arc::<AtomicU64>::default();
    let place = told.clone();
    let thread = spawn(env, move || {
        let answer = sys::futex_wait(at, VALUE, 0, deadline);
        let status = Status::from_result(answer).cast_unsigned();
        place.store(u64::from(status) | 1 << 32, Ordering::SeqCst);
    })?;
    Ok(Waiter { thread, told })
}

fn requeue(env: &mut Env) -> Outcome {
    let words = Words::new(env)?;
    let (f1, f2) = (words.at(0), words.at(1));
    let mut first = waiters(env, f1, 6)?;
    ok(sys::futex_requeue(f1, 3, VALUE, f2, 2, 0))?;
    let mut moved = first.split_off(3);
    let stays = moved.split_off(2);
    all_woken(first)?;
    moved.iter().try_for_each(Waiter::is_waiting)?;
    ok(sys::futex_wake(f2, u32::MAX))?;
    all_woken(moved)?;
    stays.iter().try_for_each(Waiter::is_waiting)?;
    // They join those who wait there already, behind them; more are asked for than there are.
    let there = Waiter::start(env, f2, TIME_INFINITE)?;
    ok(sys::futex_requeue(f1, 0, VALUE, f2, u32::MAX, 0))?;
    ok(sys::futex_wake(f1, u32::MAX))?;
    stays.iter().try_for_each(Waiter::is_waiting)?;
    ok(sys::futex_wake(f2, 1))?;
    there.was_woken()?;
    stays.iter().try_for_each(Waiter::is_waiting)?;
    ok(sys::futex_wake(f2, 1))?;
    all_woken(stays)
}

fn requeue_refused(env: &mut Env) -> Outcome {
    let words = Words::new(env)?;
    let (f1, f2) = (words.at(0), words.at(1));
    let both = |from, value, to, owner, status| {
        fails(sys::futex_requeue(from, 1, value, to, 1, owner), status)?;
        fails(
            sys::futex_requeue_single_owner(from, value, to, 1, owner),
            status,
        )
    };
    let bad = [Address::NULL, Address::KERNEL, words.0.address(2)];
    for bad in bad {
        both(bad, 0, f2, u32::MAX, Status::INVALID_ARGS)?;
        both(f1, 0, bad, u32::MAX, Status::INVALID_ARGS)?;
    }
    both(f1, 0, f1, u32::MAX, Status::INVALID_ARGS)?;
    both(f1, 0, f2, u32::MAX, Status::BAD_STATE)?;
    both(f1, VALUE, f2, u32::MAX, Status::BAD_HANDLE)?;
    let event = event()?;
    both(f1, VALUE, f2, event.value(), Status::WRONG_TYPE)?;
    let new = ok(Thread::create(&this(env), "new"))?;
    both(f1, VALUE, f2, new.value(), Status::INVALID_ARGS)?;
    for at in [f1, f2] {
        let waiter = Waiter::start(env, at, TIME_INFINITE)?;
        let thread = waiter.thread.thread().value();
        both(f1, VALUE, f2, thread, Status::INVALID_ARGS)?;
        waiter.is_waiting()?;
        ok(sys::futex_wake(at, 1))?;
        waiter.was_woken()?;
    }
    // The caller may own the second, whose word nobody reads.
    let nowhere = kit::unmapped_page(env)?;
    let own = env.handles.thread;
    ok(sys::futex_requeue(f1, 1, VALUE, nowhere, 1, own))
}

fn killed(env: &mut Env) -> Outcome {
    let child = Child::new(env)?;
    // A word of the list that no step uses.
    let word = Child::list_at(P - 8);
    child.call(
        0,
        "futex_wait",
        &[word, 0, 0, TIME_INFINITE.cast_unsigned()],
    );
    child.call(1, "process_exit", &[5]);
    ok(child.start(None))?;
    until_state(&child.thread, ThreadState::BlockedFutex)?;
    // The same address in another process is another futex.
    let refused = sys::futex_wait(Words::new(env)?.at(0), 0, 0, TIME_INFINITE);
    fails(refused, Status::BAD_STATE)?;
    ok(sys::task_kill(child.process.value()))?;
    same(child.end()?, jacinth_abi::limits::retcode::SYSCALL_KILL)
}

fn owner(env: &mut Env) -> Outcome {
    let words = Words::new(env)?;
    let (f1, f2) = (words.at(0), words.at(1));
    let own = env.handles.thread;
    let koid = ok(kit::basic(own))?.koid;
    let one = Waiter::start_with(env, f1, TIME_INFINITE, own, 0)?;
    same(ok(owner_koid(f1))?, koid)?;
    same(ok(owner_koid(f2))?, 0)?;
    let refused = sys::futex_get_owner(f1, Address::NULL);
    fails(refused, Status::INVALID_ARGS)?;
    // To wake nobody takes the owner away, too.
    ok(sys::futex_wake(f1, 0))?;
    same(ok(owner_koid(f1))?, 0)?;
    // The last who waits says who owns it.
    let two = Waiter::start_with(env, f1, TIME_INFINITE, own, 0)?;
    same(ok(owner_koid(f1))?, koid)?;
    ok(sys::futex_wake(f1, 1))?;
    same(ok(owner_koid(f1))?, 0)?;
    one.was_woken()?;
    two.is_waiting()?;
    ok(sys::futex_requeue(f1, 0, VALUE, f2, 1, own))?;
    same(ok(owner_koid(f2))?, koid)?;
    same(ok(owner_koid(f1))?, 0)?;
    ok(sys::futex_wake(f2, 1))?;
    same(ok(owner_koid(f2))?, 0)?;
    two.was_woken()
}

fn single_owner(env: &mut Env) -> Outcome {
    let words = Words::new(env)?;
    let (f1, f2, gate) = (words.at(0), words.at(1), event()?);
    let start = || Waiter::start_with(env, f1, TIME_INFINITE, 0, gate.value());
    let [one, two, three, four] = [start()?, start()?, start()?, start()?];
    ok(sys::futex_wake_single_owner(f1))?;
    same(ok(owner_koid(f1))?, one.koid()?)?;
    until_state(one.thread.thread(), ThreadState::BlockedWaitOne)?;
    two.is_waiting()?;
    let own = env.handles.thread;
    ok(sys::futex_requeue_single_owner(f1, VALUE, f2, 1, own))?;
    until_state(two.thread.thread(), ThreadState::BlockedWaitOne)?;
    same(ok(owner_koid(f1))?, two.koid()?)?;
    same(ok(owner_koid(f2))?, ok(kit::basic(own))?.koid)?;
    three.is_waiting()?;
    four.is_waiting()?;
    // Who has ended owns nothing.
    ok(kit::signal(gate.value(), Signals::empty(), Signals::USER_0))?;
    all_woken([one, two])?;
    same(ok(owner_koid(f1))?, 0)?;
    for at in [f1, f2] {
        ok(sys::futex_wake_single_owner(at))?;
        same(ok(owner_koid(at))?, 0)?;
    }
    all_woken([three, four])
}

/// More than are woken or moved at once.
fn many(env: &mut Env) -> Outcome {
    let words = Words::new(env)?;
    let (f1, f2) = (words.at(0), words.at(1));
    let count = env.rounds(150, 3);
    let mut all = waiters(env, f1, count)?;
    let half = count as u32 / 2;
    ok(sys::futex_requeue(f1, 1, VALUE, f2, u32::MAX, 0))?;
    let rest = all.split_off(1);
    all_woken(all)?;
    rest.iter().try_for_each(Waiter::is_waiting)?;
    ok(sys::futex_requeue(f2, 0, VALUE, f1, half, 0))?;
    ok(sys::futex_wake(f2, u32::MAX))?;
    ok(sys::futex_wake(f1, u32::MAX))?;
    all_woken(rest)
}

fn last_words(env: &mut Env) -> Outcome {
    let words = Words::new(env)?;
    let at = words.at(0);
    let refused = sys::futex_wake_handle_close_thread_exit(Address::KERNEL, 1, 5, 0);
    fails(refused, Status::INVALID_ARGS)?;
    let (one, two) = event_pair()?;
    let waiter = Waiter::start(env, at, TIME_INFINITE)?;
    let given = one.into_value();
    let thread = spawn(env, move || {
        sys::futex_wake_handle_close_thread_exit(at, u32::MAX, 5, given).ok();
        // Not reached; who waits for `one` to close would notice.
        core::mem::forget(H::from_value(given));
    })?;
    ok(thread.join())?;
    waiter.was_woken()?;
    same(words.0.read32(0), 5)?;
    same(state(&two)?, Signals::PEER_CLOSED)
}
