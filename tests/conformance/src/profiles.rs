//! Profiles: who may make them, and what a thread gains by one. All of it holds on one CPU and on
//! several, because the threads of a scenario are bound to one.

use crate::check::{fails, holds, ok, same};
use crate::env::Env;
use crate::ipc_kit::{channel, event};
use crate::kit::{self, H};
use crate::tasks_child::{spawn, until_state};
use crate::{Failure, Outcome, Scenario};
use alloc::sync::Arc;
use core::mem::ManuallyDrop;
use core::sync::atomic::{AtomicU64, Ordering};
use jacinth_abi::limits::TIME_INFINITE;
use jacinth_abi::{
    ObjectType, ProfileInfo, Record, ResourceKind, Rights, Signals, Status, SystemBase, ThreadInfo,
    ThreadState, Topic,
};
use zx::sys::{self, Input};
use zx::{Address, Channel, Spawned};

pub(crate) const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "profile_create",
        rows: &[],
        run: create,
    },
    Scenario {
        name: "profile_set_refused",
        rows: &[],
        run: set_refused,
    },
    Scenario {
        name: "thread_profile_cpus",
        rows: &[],
        run: cpus,
    },
    Scenario {
        name: "thread_profile_priorities",
        rows: &[],
        run: priorities,
    },
    Scenario {
        name: "thread_call_hands_over",
        rows: &[],
        run: hands_over,
    },
];

const DEFAULT: i32 = 16;

/// A profile's record with a priority and a set of CPUs, of the first 64.
fn record(priority: i32, cpus: u64) -> ProfileInfo {
    ProfileInfo {
        flags: ProfileInfo::PRIORITY | ProfileInfo::CPU_MASK,
        priority,
        cpu_affinity_mask: [cpus, 0, 0, 0, 0, 0, 0, 0],
        ..ProfileInfo::default()
    }
}

fn resource(env: &Env) -> Result<H, Failure> {
    let base = u64::from(SystemBase::Profile.number());
    let kind = ResourceKind::System.number();
    ok(kit::resource_create(
        env.handles.system,
        kind,
        base,
        1,
        b"profiles",
    ))
}

fn make(resource: u32, options: u32, info: &ProfileInfo) -> Result<H, Status> {
    let mut out = [0; 4];
    let bytes = info.to_bytes();
    sys::profile_create(resource, options, Input::Here(&bytes), &mut out)?;
    Ok(H::from_value(u32::from_le_bytes(out)))
}

fn profile(env: &Env, priority: i32, cpus: u64) -> Result<H, Failure> {
    ok(make(resource(env)?.value(), 0, &record(priority, cpus)))
}

fn apply(thread: u32, profile: &H) -> Outcome {
    ok(sys::object_set_profile(thread, profile.value(), 0))
}

/// Does something with this thread on the first CPU.
fn on_first_cpu(env: &mut Env, act: fn(&mut Env) -> Outcome) -> Outcome {
    let own = env.handles.thread;
    apply(own, &profile(env, DEFAULT, 1)?)?;
    let outcome = act(env);
    apply(own, &profile(env, DEFAULT, u64::MAX)?)?;
    outcome
}

fn create(env: &mut Env) -> Outcome {
    let resource = resource(env)?;
    let good = record(31, 1);
    let made = ok(make(resource.value(), 0, &good))?;
    let info = ok(kit::basic(made.value()))?;
    same(info.object_type, ObjectType::Profile.number())?;
    same(info.rights, Rights::DEFAULT_PROFILE.bits())?;
    fails(made.wait(Signals::all(), 0), Status::ACCESS_DENIED)?;

    let try_with = |info: ProfileInfo| make(resource.value(), 0, &info);
    let flags = |flags| ProfileInfo { flags, ..good };
    for priority in [-1, 32, i32::MIN, i32::MAX] {
        fails(try_with(record(priority, 1)), Status::INVALID_ARGS)?;
    }
    let two = ProfileInfo::PRIORITY | ProfileInfo::DEADLINE;
    for bad in [0, 1 << 5, 1 << 31 | 1, two] {
        fails(try_with(flags(bad)), Status::INVALID_ARGS)?;
    }
    for other in [ProfileInfo::DEADLINE, ProfileInfo::MEMORY_PRIORITY] {
        fails(try_with(flags(other)), Status::NOT_SUPPORTED)?;
    }
    // A priority that does not count may be anything.
    let cpus_alone = ProfileInfo {
        flags: ProfileInfo::CPU_MASK,
        ..record(77, 1)
    };
    ok(try_with(cpus_alone))?;
    fails(make(resource.value(), 1, &good), Status::INVALID_ARGS)?;
    create_refused(env, &resource, &good)
}

/// The resource comes first, then options, then what the record says.
fn create_refused(env: &Env, resource: &H, good: &ProfileInfo) -> Outcome {
    let closed = kit::closed_handle()?;
    fails(make(closed, 1, good), Status::BAD_HANDLE)?;
    fails(make(env.handles.process, 1, good), Status::WRONG_TYPE)?;
    fails(make(env.handles.mmio, 1, good), Status::WRONG_TYPE)?;
    let bytes = good.to_bytes();
    for at in [Address::NULL, Address::KERNEL] {
        let record = Input::At(at, 96);
        let answer = sys::profile_create(resource.value(), 0, record, &mut [0; 4]);
        fails(answer, Status::INVALID_ARGS)?;
        let answer = sys::profile_create(resource.value(), 0, Input::Here(&bytes), at);
        fails(answer, Status::INVALID_ARGS)?;
    }
    Ok(())
}

fn set_refused(env: &mut Env) -> Outcome {
    let (own, closed) = (env.handles.thread, kit::closed_handle()?);
    let profile = profile(env, DEFAULT, u64::MAX)?;
    let set = sys::object_set_profile;
    fails(set(closed, closed, 1), Status::INVALID_ARGS)?;
    fails(set(closed, closed, 0), Status::BAD_HANDLE)?;
    fails(set(env.handles.process, closed, 0), Status::WRONG_TYPE)?;
    fails(set(own, closed, 0), Status::BAD_HANDLE)?;
    fails(set(own, own, 0), Status::WRONG_TYPE)?;
    let bare = env.without(&profile, Rights::APPLY_PROFILE)?;
    fails(set(own, bare.value(), 0), Status::ACCESS_DENIED)?;
    let thread = ManuallyDrop::new(H::from_value(own));
    let unmanaged = env.without(&thread, Rights::MANAGE_THREAD)?;
    fails(
        set(unmanaged.value(), profile.value(), 0),
        Status::ACCESS_DENIED,
    )?;

    let over = spawn(env, || {})?;
    ok(over.thread().wait(Signals::TASK_TERMINATED, TIME_INFINITE))?;
    fails(
        set(over.thread().value(), profile.value(), 0),
        Status::BAD_STATE,
    )?;
    ok(over.join())
}

fn mask(thread: u32) -> Result<u64, Failure> {
    let info: ThreadInfo = ok(kit::info(thread, Topic::THREAD))?;
    Ok(info.cpu_affinity_mask[0])
}

/// A thread goes where it may run, and says where that is; threads bound to each CPU all run.
fn cpus(env: &mut Env) -> Outcome {
    let own = env.handles.thread;
    let count = sys::system_get_num_cpus().min(64);
    let all = u64::MAX >> (64 - count);
    same(mask(own)?, all)?;
    let mut threads = alloc::vec::Vec::new();
    for cpu in 0..count {
        let there = profile(env, DEFAULT, 1 << cpu)?;
        apply(own, &there)?;
        same(mask(own)?, 1 << cpu)?;
        sys::thread_legacy_yield(0).ok();
        let gate = event()?;
        let value = gate.value();
        let thread = spawn(env, move || {
            kit::wait(value, Signals::SIGNALED, TIME_INFINITE).0.ok();
        })?;
        apply(thread.thread().value(), &there)?;
        threads.push((thread, gate));
    }
    // Nothing is left of a set without a CPU.
    apply(own, &profile(env, DEFAULT, 0)?)?;
    same(mask(own)?, all)?;
    for (thread, gate) in threads {
        ok(kit::signal(
            gate.value(),
            Signals::empty(),
            Signals::SIGNALED,
        ))?;
        ok(thread.join())?;
    }
    apply(own, &profile(env, DEFAULT, u64::MAX)?)?;
    same(mask(own)?, all)
}

/// A thread on the first CPU that waits for a gate, then counts itself.
struct Runner {
    thread: Spawned,
    gate: H,
    count: Arc<AtomicU64>,
}

impl Runner {
    fn start(env: &Env, priority: i32) -> Result<Self, Failure> {
        let gate = event()?;
        let (value, count) = (gate.value(), Arc::new(AtomicU64::new(0)));
        let place = count.clone();
        let thread = spawn(env, move || {
            kit::wait(value, Signals::SIGNALED, TIME_INFINITE).0.ok();
            place.fetch_add(1, Ordering::SeqCst);
        })?;
        until_state(thread.thread(), ThreadState::BlockedWaitOne)?;
        apply(thread.thread().value(), &profile(env, priority, 1)?)?;
        Ok(Self {
            thread,
            gate,
            count,
        })
    }

    fn open(&self) -> Outcome {
        ok(kit::signal(
            self.gate.value(),
            Signals::empty(),
            Signals::SIGNALED,
        ))
    }

    fn has_run(&self) -> bool {
        self.count.load(Ordering::SeqCst) != 0
    }
}

fn priorities(env: &mut Env) -> Outcome {
    on_first_cpu(env, |env| {
        let urgent = Runner::start(env, DEFAULT + 1)?;
        urgent.open()?;
        holds(urgent.has_run(), "who is more urgent runs at once")?;
        let patient = Runner::start(env, DEFAULT - 1)?;
        patient.open()?;
        for _ in 0..10 {
            ok(sys::thread_legacy_yield(0))?;
        }
        holds(!patient.has_run(), "who is less urgent waits")?;
        // One that waits its turn is moved up.
        apply(
            patient.thread.thread().value(),
            &profile(env, DEFAULT + 1, 1)?,
        )?;
        holds(patient.has_run(), "or is made more urgent")?;
        ok(urgent.thread.join())?;
        ok(patient.thread.join())
    })
}

/// Calls go to and fro between two threads while a third one, as urgent, waits for its turn.
fn hands_over(env: &mut Env) -> Outcome {
    /// Less than any slice.
    const SHORT_NS: i64 = 400_000;
    const CALLS: usize = 4;
    on_first_cpu(env, |env| {
        let (client, server) = channel()?;
        let value = server.value();
        let serving = spawn(env, move || serve(value))?;
        apply(serving.thread().value(), &profile(env, DEFAULT, 1)?)?;
        let third = Runner::start(env, DEFAULT)?;
        let client = Channel::from(client);
        ok(client.call(b"0000", alloc::vec![], TIME_INFINITE, (8, 0)))?;
        let began = ok(kit::now())?;
        third.open()?;
        for _ in 0..CALLS {
            let answer = ok(client.call(b"0000more", alloc::vec![], TIME_INFINITE, (8, 0)))?;
            same(&answer.bytes[4..], b"more")?;
        }
        let has_run = third.has_run();
        let took = ok(kit::now())? - began;
        holds(!has_run || took > SHORT_NS, "the calls share one slice")?;
        drop(client);
        ok(serving.join())?;
        ok(third.thread.join())
    })
}

/// Answers each message with itself.
fn serve(value: u32) {
    let end = ManuallyDrop::new(Channel::from(H::from_value(value)));
    let wanted = Signals::READABLE | Signals::PEER_CLOSED;
    while kit::wait(value, wanted, TIME_INFINITE)
        .1
        .contains(Signals::READABLE)
    {
        let Ok(message) = end.read() else {
            return;
        };
        end.write(&message.bytes, alloc::vec![]).ok();
    }
}
