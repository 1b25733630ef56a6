//! What processes have in hand when they end, and what is seen of it elsewhere (tables C, H, I, M).

use crate::env::{Env, P};
use crate::ipc_kit::{channel, event, event_pair, port, read, write};
use crate::kit::{self, H, state};
use crate::tasks_child::{Child, job, signals, until_state};
use crate::{
    Failure, Outcome, Scenario,
    check::{fails, ok, same},
};
use jacinth_abi::limits::{TIME_INFINITE, retcode};
use jacinth_abi::{ProcessInfo, Rights, Signals, Status, ThreadState, Topic};
use zx::Process;
use zx::script::{self, Step};
use zx::sys::{self, Input};

pub(crate) const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "process_bootstrap",
        rows: &["ipc:325"],
        run: bootstrap,
    },
    Scenario {
        name: "process_end_closes_handles",
        rows: &["ipc:78"],
        run: closes_handles,
    },
    Scenario {
        name: "process_kill_waiting_for_many",
        rows: &["ipc:207"],
        run: waiting_for_many,
    },
    Scenario {
        name: "process_stores_nowhere",
        rows: &["ipc:345"],
        run: stores_nowhere,
    },
    Scenario {
        name: "process_first_code_counts",
        rows: &[],
        run: first_code_counts,
    },
    Scenario {
        name: "process_never_started",
        rows: &[],
        run: never_started,
    },
    Scenario {
        name: "process_rights",
        rows: &["ipc:334", "ipc:384"],
        run: rights,
    },
    Scenario {
        name: "limit_of_messages",
        rows: &["ipc:76"],
        run: most_messages,
    },
    Scenario {
        name: "limit_of_requests",
        rows: &[],
        run: most_requests,
    },
    Scenario {
        name: "limit_of_packets",
        rows: &[],
        run: most_packets,
    },
    Scenario {
        name: "limit_of_registrations",
        rows: &["ipc:260"],
        run: most_registrations,
    },
];

/// Where in its list a child has room for what a call reads or writes.
const ROOM: u64 = 2048;
const FOREVER: u64 = i64::MAX.cast_unsigned();

/// Where an argument of a step is, in the child.
pub(crate) fn argument_at(step: u64, argument: u64) -> u64 {
    Child::list_at(step * Step::BYTES + 8 + argument * 8)
}

/// Lets a child wait in step `index` until what it was started with is closed elsewhere.
pub(crate) fn stay(child: &Child, index: u64) {
    let closed = u64::from(Signals::PEER_CLOSED.bits());
    child.call(index, "object_wait_one", &[Step::GIFT, closed, FOREVER, 0]);
}

/// It makes an event, says something through the channel that it was started with, and leaves.
fn bootstrap(env: &mut Env) -> Outcome {
    let (here, there) = channel()?;
    let child = Child::new(env)?;
    let at = Child::list_at(ROOM);
    (0..5).for_each(|byte| child.list.write8(ROOM + byte, b"hello"[byte as usize]));
    child.call(0, "event_create", &[0, at + 64]);
    child.call(1, "channel_write", &[Step::GIFT, 0, at, 5, 0, 0]);
    child.call(2, "process_exit", &[7]);
    ok(child.start(Some(there)))?;
    ok(kit::wait(here.value(), Signals::PEER_CLOSED, TIME_INFINITE).0)?;
    same(ok(read(&here))?.bytes, b"hello".to_vec())?;
    fails(read(&here), Status::PEER_CLOSED)?;
    same(child.end()?, 7)?;
    same(
        (Step::answer(&child.list, 0), Step::answer(&child.list, 1)),
        (0, 0),
    )
}

/// Whoever sees that a process is over sees that its handles are closed: those in messages, too.
fn closes_handles(env: &mut Env) -> Outcome {
    let (here, there) = channel()?;
    let (kept, sent) = event_pair()?;
    ok(write(&here, b"", &[sent.into_value()]))?;
    let child = Child::new(env)?;
    stay(&child, 0);
    ok(child.start(Some(there)))?;
    until_state(&child.thread, ThreadState::BlockedWaitOne)?;
    same(state(&kept)?, Signals::empty())?;
    child.kill()?;
    same(state(&here)?, Signals::PEER_CLOSED)?;
    same(state(&kept)?, Signals::PEER_CLOSED)?;
    fails(write(&here, b"", &[]), Status::PEER_CLOSED)
}

/// It dies in a wait for an event of its own and one of ours.
fn waiting_for_many(env: &mut Env) -> Outcome {
    let (here, there) = channel()?;
    let ours = event()?;
    let moved = ok(ours.duplicate())?;
    ok(write(&here, b"", &[moved.into_value()]))?;
    let child = Child::new(env)?;
    let items = Child::list_at(ROOM);
    let wanted = Signals::SIGNALED.bits();
    child.list.write32(ROOM + 4, wanted);
    child.list.write32(ROOM + 16, wanted);
    child.call(0, "channel_read", &[Step::GIFT, 0, 0, items, 0, 1, 0, 0]);
    child.call(1, "event_create", &[0, items + 12]);
    child.call(2, "object_wait_many", &[items, 2, FOREVER]);
    child.call(3, "process_exit", &[3]);
    ok(child.start(Some(there)))?;
    until_state(&child.thread, ThreadState::BlockedWaitMany)?;
    same(ok(kit::handle_count(ours.value()))?, 2)?;
    child.kill()?;
    same(child.end()?, retcode::SYSCALL_KILL)?;
    same(ok(kit::handle_count(ours.value()))?, 1)?;
    ok(kit::signal(
        ours.value(),
        Signals::empty(),
        Signals::SIGNALED,
    ))?;
    ok(ours.close())?;
    ok(here.close())
}

/// A load from address 0, and a store where nothing is mapped.
fn stores_nowhere(env: &mut Env) -> Outcome {
    let child = Child::new(env)?;
    let start = (Child::entry(), 0);
    ok(child
        .process
        .start(&child.thread, start, None, script::word(0)))?;
    same(child.end()?, retcode::EXCEPTION_KILL)?;
    // The second step's answer goes to the page behind the list.
    const ANSWER: u64 = 72;
    const NEXT: u64 = 80;
    let child = Child::new(env)?;
    let step = Step::call("thread_legacy_yield", &[0], 0);
    child.step(0, step);
    child.list.write64(NEXT, Child::list_at(P - ANSWER));
    child.list.write64(P - ANSWER, step.number);
    ok(child.start(None))?;
    same(child.end()?, retcode::EXCEPTION_KILL)?;
    same(signals(&child.process)?, Signals::TASK_TERMINATED)
}

/// What comes after the first end changes nothing.
fn first_code_counts(env: &mut Env) -> Outcome {
    let child = Child::new(env)?;
    child.call(0, "process_exit", &[42]);
    ok(child.start(None))?;
    same(child.end()?, 42)?;
    ok(child.process.kill())?;
    same(child.end()?, 42)?;
    let info: ProcessInfo = ok(child.process.info(Topic::PROCESS))?;
    same(info.flags, ProcessInfo::STARTED | ProcessInfo::EXITED)?;
    // User signals stay, beside the one of the end.
    ok(kit::signal(
        child.process.value(),
        Signals::empty(),
        Signals::USER_3,
    ))?;
    let word = Signals::TASK_TERMINATED | Signals::USER_3;
    same(signals(&child.process)?, word)?;
    let own_bit = Signals::TASK_TERMINATED;
    let refused = kit::signal(child.process.value(), own_bit, Signals::empty());
    fails(refused, Status::INVALID_ARGS)
}

/// It is over with its last handle, whatever handles there are to what is in it.
fn never_started(env: &mut Env) -> Outcome {
    let top = ok(job(env.handles.job).create_child())?;
    let (process, vmar) = ok(Process::create(&top, "never"))?;
    let thread = ok(zx::Thread::create(&process, "never"))?;
    same(signals(&top)?, Signals::JOB_NO_JOBS)?;
    let duplicate = ok(process.duplicate())?;
    drop(process);
    same(signals(&top)?, Signals::JOB_NO_JOBS)?;
    drop(duplicate);
    ok(top.wait(Signals::JOB_NO_PROCESSES, TIME_INFINITE))?;
    let started = sys::thread_start_nowhere(thread.value(), 0, 0);
    fails(started, Status::BAD_STATE)?;
    let allocated = vmar.allocate(jacinth_abi::VmOptions::CAN_MAP_READ, 0, P);
    fails(allocated.map(|_| ()), Status::BAD_STATE)
}

fn rights(env: &mut Env) -> Outcome {
    let child = Child::new(env)?;
    let only = Rights::DESTROY.bits();
    let weak = ok(kit::duplicate(child.process.value(), only))?;
    let mut value = [0; 4];
    let refused = sys::thread_create(weak.value(), Input::Here(b"x"), 0, &mut value);
    fails(refused, Status::ACCESS_DENIED)?;
    let top = ok(job(env.handles.job).create_child())?;
    for task in [top.value(), child.process.value(), child.thread.value()] {
        let all = ok(kit::basic(task))?.rights;
        let weak = ok(kit::duplicate(task, all & !Rights::SET_PROPERTY.bits()))?;
        fails(kit::set_name(weak.value(), b"other"), Status::ACCESS_DENIED)?;
        ok(kit::get_name(weak.value()))?;
        let weak = ok(kit::duplicate(task, all & !Rights::GET_PROPERTY.bits()))?;
        fails(kit::get_name(weak.value()), Status::ACCESS_DENIED)?;
        ok(kit::set_name(weak.value(), b"other"))?;
        same(ok(kit::get_name(task))?, kit::name(b"other"))?;
    }
    // The last one kills it.
    ok(sys::task_kill(weak.value()))?;
    same(child.end()?, retcode::SYSCALL_KILL)
}

/// A child that makes one call over and over until that is too much; how it ended.
fn until_it_dies(env: &Env, gift: H, name: &str, args: &[u64]) -> Result<i64, Failure> {
    let child = Child::new(env)?;
    child.step(0, Step::call(name, args, 0));
    ok(child.start(Some(gift)))?;
    child.end()
}

/// The message that is one too many is queued, and its writer dies.
fn most_messages(env: &mut Env) -> Outcome {
    const MOST: u32 = 3500;
    let (here, there) = channel()?;
    let args = [Step::GIFT, 0, Child::list_at(ROOM), 4, 0, 0];
    let code = until_it_dies(env, there, "channel_write", &args)?;
    same(code, retcode::EXCEPTION_KILL)?;
    for _ in 0..=MOST {
        same(ok(read(&here))?.bytes.len(), 4)?;
    }
    fails(read(&here), Status::PEER_CLOSED)
}

/// The request that is one too many is queued as well; its writer dies when it has its answer.
fn most_requests(env: &mut Env) -> Outcome {
    const MOST: u32 = 3500;
    let (here, there) = channel()?;
    for _ in 0..MOST {
        ok(write(&there, b"", &[]))?;
    }
    let child = Child::new(env)?;
    let (args, text) = (Child::list_at(ROOM), Child::list_at(ROOM + 64));
    child.list.write64(ROOM, text);
    child.list.write32(ROOM + 32, 4);
    let call = [Step::GIFT, 0, FOREVER, args, text + 8, text + 16];
    child.call(0, "channel_call", &call);
    child.call(1, "process_exit", &[3]);
    ok(child.start(Some(there)))?;
    until_state(&child.thread, ThreadState::BlockedChannel)?;
    for _ in 0..MOST {
        same(ok(read(&here))?.bytes.len(), 0)?;
    }
    let request = ok(read(&here))?.bytes;
    same((request.len(), request[3] & 0x80), (4, 0x80))?;
    ok(write(&here, &request, &[]))?;
    same(child.end()?, retcode::EXCEPTION_KILL)?;
    same(Step::answer(&child.list, 1), 0)?;
    fails(write(&here, &request, &[]), Status::PEER_CLOSED)
}

fn most_packets(env: &mut Env) -> Outcome {
    const MOST: u32 = 4096;
    let port = port()?;
    let gift = ok(port.duplicate())?;
    let args = [Step::GIFT, Child::list_at(ROOM)];
    let code = until_it_dies(env, gift, "port_queue", &args)?;
    same(code, retcode::EXCEPTION_KILL)?;
    for _ in 0..=MOST {
        ok(crate::ipc_kit::port_wait(&port, 0))?;
    }
    fails(crate::ipc_kit::port_wait(&port, 0), Status::TIMED_OUT)
}

/// The port is the child's own, the event is ours: afterwards nothing waits on it.
fn most_registrations(env: &mut Env) -> Outcome {
    let ours = event()?;
    let child = Child::new(env)?;
    let wanted = u64::from(Signals::SIGNALED.bits());
    child.call(0, "port_create", &[0, argument_at(1, 1)]);
    let wait = [Step::GIFT, 0, 5, wanted, 0];
    child.step(1, Step::call("object_wait_async", &wait, 1));
    ok(child.start(Some(ok(ours.duplicate())?)))?;
    same(child.end()?, retcode::EXCEPTION_KILL)?;
    ok(kit::signal(
        ours.value(),
        Signals::empty(),
        Signals::SIGNALED,
    ))
}
