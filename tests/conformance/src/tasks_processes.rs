//! Other processes: made, started, looked into, killed (`tasks.md` §3).

use crate::env::{Env, P, READ_WRITE};
use crate::kit::{self, H};
use crate::tasks_child::{Child, signals, spawn, until_state};
use crate::{
    Outcome, Scenario,
    check::{fails, ok, same},
};
use jacinth_abi::limits::retcode;
use jacinth_abi::{
    ProcessInfo, Rights, Signals, Status, ThreadState, Topic, VmOptions, VmoOptions,
};
use zx::script::Step;
use zx::sys::{self, Input, Output};
use zx::{Address, Thread, Vmo};

pub(crate) const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "process_create",
        rows: &["ipc:319"],
        run: create,
    },
    Scenario {
        name: "process_create_refused",
        rows: &["ipc:320", "ipc:321", "ipc:323"],
        run: create_refused,
    },
    Scenario {
        name: "process_exit_code",
        rows: &["ipc:343"],
        run: exit_code,
    },
    Scenario {
        name: "process_uses_gift",
        rows: &[],
        run: uses_gift,
    },
    Scenario {
        name: "process_start_refused",
        rows: &["ipc:327", "ipc:328", "ipc:332"],
        run: start_refused,
    },
    Scenario {
        name: "process_kill",
        rows: &["ipc:339", "ipc:340", "ipc:341", "ipc:342", "ipc:352"],
        run: kill,
    },
    Scenario {
        name: "process_kill_blocked",
        rows: &[],
        run: kill_blocked,
    },
    Scenario {
        name: "process_crashes",
        rows: &[],
        run: crashes,
    },
    Scenario {
        name: "process_bad_system_call",
        rows: &["ipc:401"],
        run: bad_system_call,
    },
    Scenario {
        name: "process_outlives_handle",
        rows: &["ipc:338"],
        run: outlives_handle,
    },
    Scenario {
        name: "process_holds_child",
        rows: &["vmo:197"],
        run: holds_child,
    },
    Scenario {
        name: "process_memory",
        rows: &["vmar:157", "vmar:158", "vmar:159"],
        run: memory,
    },
    Scenario {
        name: "process_memory_refused",
        rows: &[],
        run: memory_refused,
    },
    Scenario {
        name: "process_region_after_end",
        rows: &["vmar:201"],
        run: region_after_end,
    },
];

fn process_info(process: &H) -> Result<ProcessInfo, Status> {
    process.info(Topic::PROCESS)
}

fn create(env: &mut Env) -> Outcome {
    let child = Child::new(env)?;
    let info = ok(child.process.basic_info())?;
    same(info.rights, Rights::DEFAULT_PROCESS.bits())?;
    same(info.related_koid, ok(kit::basic(env.handles.job))?.koid)?;
    same(
        ok(kit::get_name(child.process.value()))?,
        kit::name(b"child"),
    )?;
    same(ok(process_info(&child.process))?, ProcessInfo::default())?;
    same(signals(&child.process)?, Signals::empty())?;
    let region = ok(child.vmar.vmar_info())?;
    same(region.base, crate::env::ROOT_BASE)?;
    // A thread that goes before the start takes nothing along.
    drop(ok(Thread::create(&child.process, "short"))?);
    same(signals(&child.process)?, Signals::empty())
}

fn try_create(job: u32, name: Input<'_>, options: u32) -> Result<(H, H), Status> {
    let (mut process, mut vmar) = ([0; 4], [0; 4]);
    sys::process_create(job, name, options, &mut process, &mut vmar)?;
    let owned = |bytes| H::from_value(u32::from_le_bytes(bytes));
    Ok((owned(process), owned(vmar)))
}

fn create_refused(env: &mut Env) -> Outcome {
    let named = || Input::Here(b"x");
    let (vmo, bad, root) = (env.paged(1)?, kit::closed_handle()?, env.handles.job);
    fails(try_create(bad, named(), 2), Status::INVALID_ARGS)?;
    for size in [0, 5] {
        let null = Input::At(Address::NULL, size);
        fails(try_create(bad, null, 0), Status::INVALID_ARGS)?;
    }
    fails(try_create(bad, named(), 0), Status::BAD_HANDLE)?;
    fails(try_create(vmo.value(), named(), 0), Status::WRONG_TYPE)?;
    let all = ok(kit::basic(root))?.rights;
    let weak = ok(kit::duplicate(root, all & !Rights::MANAGE_PROCESS.bits()))?;
    fails(try_create(weak.value(), named(), 0), Status::ACCESS_DENIED)?;
    // A null name is bad, an empty one is not.
    drop(ok(try_create(root, Input::Here(b""), 0))?);
    let nowhere = kit::unmapped_page(env)?;
    let mut value = [0; 4];
    let refused = sys::process_create(root, named(), 0, &mut value, nowhere);
    fails(refused, Status::INVALID_ARGS)?;
    let refused = sys::process_create(root, named(), 0, nowhere, &mut value);
    fails(refused, Status::INVALID_ARGS)
}

fn exit_code(env: &mut Env) -> Outcome {
    for code in [0, 42, -7] {
        let child = Child::new(env)?;
        child.call(0, "process_exit", &[i64::cast_unsigned(code)]);
        ok(child.start(None))?;
        same(child.end()?, code)?;
        let info = ok(process_info(&child.process))?;
        same(info.flags, ProcessInfo::STARTED | ProcessInfo::EXITED)?;
        same(signals(&child.process)?, Signals::TASK_TERMINATED)?;
        same(signals(&child.thread)?, Signals::TASK_TERMINATED)?;
    }
    // The last thread leaves, and nobody said anything.
    let child = Child::new(env)?;
    child.call(0, "thread_exit", &[]);
    ok(child.start(None))?;
    same(child.end()?, 0)
}

/// The handle that it is started with is its own.
fn uses_gift(env: &mut Env) -> Outcome {
    let gate = env.paged(1)?;
    let gift = ok(gate.duplicate())?;
    let value = gift.value();
    let child = Child::new(env)?;
    let set = u64::from(Signals::USER_5.bits());
    child.call(0, "object_signal", &[Step::GIFT, 0, set]);
    child.call(1, "process_exit", &[1]);
    ok(child.start(Some(gift)))?;
    ok(gate.wait(Signals::USER_5, jacinth_abi::limits::TIME_INFINITE))?;
    fails(kit::basic(value), Status::BAD_HANDLE)?;
    same(child.end()?, 1)?;
    same(Step::answer(&child.list, 0), 0)?;
    same(ok(kit::handle_count(gate.value()))?, 1)
}

fn start_refused(env: &mut Env) -> Outcome {
    const KERNEL: u64 = 0xffff_8000_0000_0000;
    let (child, other) = (Child::new(env)?, Child::new(env)?);
    let (process, thread) = (child.process.value(), child.thread.value());
    let (bad, entry) = (kit::closed_handle()?, Child::entry());
    let gift = || env.paged(1);
    // The gift is gone whatever was wrong.
    let refused = |process, thread, entry, status| {
        let gift = gift()?.into_value();
        fails(
            sys::process_start(process, thread, entry, 0, gift, 0),
            status,
        )?;
        fails(kit::basic(gift), Status::BAD_HANDLE)
    };
    refused(bad, thread, entry, Status::BAD_HANDLE)?;
    refused(thread, thread, entry, Status::WRONG_TYPE)?;
    refused(process, bad, entry, Status::BAD_HANDLE)?;
    refused(process, process, entry, Status::WRONG_TYPE)?;
    let strange = other.thread.value();
    refused(process, strange, entry, Status::ACCESS_DENIED)?;
    let weak = env.without(&child.process, Rights::WRITE)?;
    refused(weak.value(), thread, entry, Status::ACCESS_DENIED)?;
    let weak = env.without(&child.thread, Rights::WRITE)?;
    refused(process, weak.value(), entry, Status::ACCESS_DENIED)?;
    for entry in [KERNEL, 0x0001_2345_0000_0000] {
        refused(process, thread, entry, Status::INVALID_ARGS)?;
    }
    let start = |gift| sys::process_start(process, thread, entry, 0, gift, 0);
    fails(start(bad), Status::BAD_HANDLE)?;
    let stuck = env.without(&gift()?, Rights::TRANSFER)?.into_value();
    fails(start(stuck), Status::ACCESS_DENIED)?;
    fails(kit::basic(stuck), Status::BAD_HANDLE)?;
    same(ok(process_info(&child.process))?.flags, 0)?;
    child.spin(0);
    ok(child.start(None))?;
    refused(process, thread, entry, Status::BAD_STATE)?;
    child.kill()?;
    refused(process, thread, entry, Status::BAD_STATE)
}

fn kill(env: &mut Env) -> Outcome {
    let child = Child::new(env)?;
    child.spin(0);
    ok(child.start(None))?;
    same(
        ok(process_info(&child.process))?.flags,
        ProcessInfo::STARTED,
    )?;
    same(signals(&child.thread)?, Signals::THREAD_RUNNING)?;
    let weak = env.without(&child.process, Rights::DESTROY)?;
    fails(sys::task_kill(weak.value()), Status::ACCESS_DENIED)?;
    fails(sys::task_kill(child.thread.value()), Status::WRONG_TYPE)?;
    fails(sys::task_kill(env.paged(1)?.value()), Status::ACCESS_DENIED)?;
    fails(sys::task_kill(kit::closed_handle()?), Status::BAD_HANDLE)?;
    ok(child.process.kill())?;
    same(child.end()?, retcode::SYSCALL_KILL)?;
    same(signals(&child.process)?, Signals::TASK_TERMINATED)?;
    same(signals(&child.thread)?, Signals::TASK_TERMINATED)?;
    let over = ProcessInfo::STARTED | ProcessInfo::EXITED;
    same(ok(process_info(&child.process))?.flags, over)?;
    // Once more is nothing, and the code stays.
    ok(child.process.kill())?;
    same(child.end()?, retcode::SYSCALL_KILL)?;
    // One that never started.
    let child = Child::new(env)?;
    ok(child.process.kill())?;
    same(child.end()?, retcode::SYSCALL_KILL)
}

/// Threads that wait, in several ways, are killed there.
fn kill_blocked(env: &mut Env) -> Outcome {
    let forever = i64::MAX.cast_unsigned();
    let wanted = u64::from(Signals::USER_0.bits());
    let observed = Child::list_at(2048);
    let ways: [(&str, [u64; 4], ThreadState); 3] = [
        (
            "nanosleep",
            [forever, 0, 0, 0],
            ThreadState::BlockedSleeping,
        ),
        (
            "object_wait_one",
            [Step::GIFT, wanted, forever, observed],
            ThreadState::BlockedWaitOne,
        ),
        (
            "object_wait_one",
            [Step::GIFT, wanted, forever - 1, 0],
            ThreadState::BlockedWaitOne,
        ),
    ];
    for (name, args, state) in ways {
        let gate = env.paged(1)?;
        let child = Child::new(env)?;
        child.call(0, name, &args);
        child.call(1, "process_exit", &[5]);
        ok(child.start(Some(ok(gate.duplicate())?)))?;
        until_state(&child.thread, state)?;
        ok(child.process.kill())?;
        same(child.end()?, retcode::SYSCALL_KILL)?;
        ok(gate.signal(Signals::empty(), Signals::USER_0))?;
        same(ok(kit::handle_count(gate.value()))?, 1)?;
    }
    Ok(())
}

fn crashes(env: &mut Env) -> Outcome {
    // Nothing is mapped where the list goes on.
    let child = Child::new(env)?;
    let mut step = Step::call("thread_legacy_yield", &[0], 0);
    step.next = 1 << 20;
    child.step(0, step);
    ok(child.start(None))?;
    same(child.end()?, retcode::EXCEPTION_KILL)?;
    // Its first instruction is nowhere: accepted, and it faults at once.
    let child = Child::new(env)?;
    ok(child.process.start(&child.thread, (0, 0), None, 0))?;
    same(child.end()?, retcode::EXCEPTION_KILL)?;
    // Its memory goes while it runs.
    let child = Child::new(env)?;
    child.spin(0);
    ok(child.start(None))?;
    ok(sys::vmar_unmap(child.vmar.value(), child.code, P))?;
    same(child.end()?, retcode::EXCEPTION_KILL)
}

fn bad_system_call(env: &mut Env) -> Outcome {
    let count = zx::abi::SYSCALLS.iter().map(|row| row.number).max();
    let count = count.map_or(0, |last| last + 1);
    for number in [
        count,
        0x8000_0000,
        0xff00_ff00_0000_0000,
        0xff00_ff00_0000_0010,
    ] {
        let child = Child::new(env)?;
        child.step(
            0,
            Step {
                number,
                args: [0; 8],
                next: 1,
            },
        );
        child.call(1, "process_exit", &[3]);
        ok(child.start(None))?;
        same(child.end()?, retcode::EXCEPTION_KILL)?;
    }
    Ok(())
}

/// It runs on when nobody has a handle to it.
fn outlives_handle(env: &mut Env) -> Outcome {
    let (gate, child) = (env.paged(1)?, Child::new(env)?);
    let wanted = u64::from(Signals::USER_0.bits());
    let forever = i64::MAX.cast_unsigned();
    child.call(0, "object_wait_one", &[Step::GIFT, wanted, forever, 0]);
    let set = u64::from(Signals::USER_1.bits());
    child.call(1, "object_signal", &[Step::GIFT, 0, set]);
    child.call(2, "process_exit", &[0]);
    ok(child.start(Some(ok(gate.duplicate())?)))?;
    let koid = ok(child.process.basic_info())?.koid;
    let value = child.process.value();
    let thread = ok(child.thread.duplicate())?;
    ok(sys::handle_close(value))?;
    until_state(&thread, ThreadState::BlockedWaitOne)?;
    ok(gate.signal(Signals::empty(), Signals::USER_0))?;
    ok(gate.wait(Signals::USER_1, jacinth_abi::limits::TIME_INFINITE))?;
    ok(thread.wait(Signals::TASK_TERMINATED, jacinth_abi::limits::TIME_INFINITE))?;
    same(ok(thread.basic_info())?.related_koid, koid)
}

/// The only child of a VMO goes with the process that holds it.
fn holds_child(env: &mut Env) -> Outcome {
    let parent = env.paged(1)?;
    let gift = ok(kit::slice(parent.value(), 0, P))?;
    let child = Child::new(env)?;
    child.spin(0);
    ok(child.start(Some(gift)))?;
    same(signals(&parent)?, Signals::empty())?;
    let process = child.process.value();
    let killer = spawn(env, move || {
        sys::task_kill(process).ok();
    })?;
    ok(parent.wait(
        Signals::VMO_ZERO_CHILDREN,
        jacinth_abi::limits::TIME_INFINITE,
    ))?;
    ok(killer.join())
}

/// Reads a process's memory; how much there was.
fn peek(process: u32, at: u64, bytes: &mut [u8]) -> Result<u64, Status> {
    let mut actual = [0xee; 8];
    sys::process_read_memory(process, at, Output::Here(bytes), &mut actual)?;
    Ok(u64::from_le_bytes(actual))
}

/// As `at`, an address of the child, where nothing of ours is.
fn poke(process: u32, at: Address, bytes: &[u8]) -> Result<u64, Status> {
    let mut actual = [0xee; 8];
    sys::process_write_memory(process, at, Input::Here(bytes), &mut actual)?;
    Ok(u64::from_le_bytes(actual))
}

fn memory(env: &mut Env) -> Outcome {
    // Two pages of this process, of which one goes.
    let vmo = env.paged(2)?;
    let region = ok(env.map(&vmo, READ_WRITE, 2 * P))?;
    let (base, own) = (region.base(), env.handles.process);
    let (first, last, second) = (region.address(0), region.address(P - 1), region.address(P));
    region.write8(0, 1);
    region.write8(P - 1, 2);
    ok(sys::vmar_unmap(env.handles.vmar, second, P))?;
    let mut page = [0; 4096];
    same(ok(peek(own, base, &mut page))?, P)?;
    same((page[0], page[4095]), (1, 2))?;
    let mut two = [0; 2];
    same(ok(peek(own, base + P - 1, &mut two))?, 1)?;
    same(two, [2, 0])?;
    fails(peek(own, base + P, &mut two), Status::NOT_FOUND)?;
    same(ok(poke(own, first, &[3; 4096]))?, P)?;
    same(ok(poke(own, last, &[4; 2]))?, 1)?;
    same((region.read8(0), region.read8(P - 1)), (3, 4))?;
    fails(poke(own, second, &[5]), Status::NOT_FOUND)?;
    // Another's: whatever it may do there itself.
    let child = Child::new(env)?;
    let secret = ok(Vmo::create(P, VmoOptions::empty()))?;
    ok(secret.write(5, &[9; 3]))?;
    ok(child.map(&secret, VmOptions::PERM_READ, 0x70_0000))?;
    let mut three = [0; 3];
    same(ok(peek(child.process.value(), 0x70_0005, &mut three))?, 3)?;
    same(three, [9; 3])
}

fn memory_refused(env: &mut Env) -> Outcome {
    let child = Child::new(env)?;
    let process = child.process.value();
    let (at, mut byte) = (Child::list_at(0), [0]);
    let null =
        |len| sys::process_read_memory(process, at, Output::At(Address::NULL, len), Address::NULL);
    fails(null(1), Status::INVALID_ARGS)?;
    fails(peek(process, at, &mut []), Status::INVALID_ARGS)?;
    let bad = kit::closed_handle()?;
    fails(peek(bad, at, &mut byte), Status::BAD_HANDLE)?;
    fails(
        peek(env.paged(1)?.value(), at, &mut byte),
        Status::WRONG_TYPE,
    )?;
    for right in [Rights::READ, Rights::WRITE] {
        let weak = env.without(&child.process, right)?;
        fails(peek(weak.value(), at, &mut byte), Status::ACCESS_DENIED)?;
    }
    let weak = env.without(&child.process, Rights::WRITE)?;
    let refused = poke(weak.value(), Address::KERNEL, &byte);
    fails(refused, Status::ACCESS_DENIED)?;
    for nowhere in [0, 0x30_0000, 0xffff_8000_0000_0000, u64::MAX] {
        fails(peek(process, nowhere, &mut byte), Status::NOT_FOUND)?;
    }
    let refused = poke(process, Address::KERNEL, &byte);
    fails(refused, Status::NOT_FOUND)?;
    child.kill()?;
    fails(peek(process, at, &mut byte), Status::BAD_STATE)
}

fn region_after_end(env: &mut Env) -> Outcome {
    let child = Child::new(env)?;
    child.kill()?;
    let vmar = child.vmar.value();
    let vmo = env.paged(1)?;
    let mapped = kit::map(vmar, READ_WRITE, 0, vmo.value(), 0, P);
    fails(mapped.map(|region| region.leak()), Status::BAD_STATE)?;
    fails(sys::vmar_unmap(vmar, child.code, P), Status::BAD_STATE)?;
    let protected = sys::vmar_protect(vmar, VmOptions::PERM_READ, child.code, P);
    fails(protected, Status::BAD_STATE)?;
    let allocated = child
        .vmar
        .allocate(VmOptions::CAN_MAP_READ, 0, P)
        .map(|_| ());
    fails(allocated, Status::BAD_STATE)
}
