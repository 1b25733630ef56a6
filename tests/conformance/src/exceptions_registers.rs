//! The registers of threads that are stopped in an exception (`tasks.md` §4.5, §4.6, §5).

use crate::env::{Env, P};
use crate::exceptions::{next, resume, start_faulting};
use crate::kit;
use crate::tasks_child::{Child, until_state};
use crate::{
    Failure, Outcome, Scenario,
    check::{fails, holds, ok, same},
};
use alloc::format;
use alloc::string::String;
use jacinth_abi::limits::{TIME_INFINITE, retcode};
use jacinth_abi::{
    ExceptionType, GeneralRegsAarch64, GeneralRegsX86_64, Signals, Status, ThreadState,
    ThreadStateKind, VmOptions, VmoOp, VmoOptions,
};
use zx::{Exception, ExceptionChannel, Thread, Vmo, script};

pub(crate) const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "exception_process_reporter",
        rows: &[],
        run: reporter,
    },
    Scenario {
        name: "exception_process_moved",
        rows: &[],
        run: moved,
    },
    Scenario {
        name: "exception_thread_suspended",
        rows: &[],
        run: suspended,
    },
];

/// What is told of a thread's registers, on both architectures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Registers {
    pub(crate) pc: u64,
    /// The register of a call's result: `rax`, `x0`.
    pub(crate) result: u64,
    /// The register in which a script keeps the address of its step: `rbx`, `x19`.
    step: u64,
}

/// Reads the registers of a thread that is stopped.
///
/// # Errors
/// Those of `zx_thread_read_state`.
pub(crate) fn registers(env: &Env, thread: &Thread) -> Result<Registers, Status> {
    if env.facts.is_x86_64 {
        let all: GeneralRegsX86_64 = thread.read_state(ThreadStateKind::General)?;
        Ok(Registers {
            pc: all.rip,
            result: all.rax,
            step: all.rbx,
        })
    } else {
        let all: GeneralRegsAarch64 = thread.read_state(ThreadStateKind::General)?;
        Ok(Registers {
            pc: all.pc,
            result: all.r[0],
            step: all.r[19],
        })
    }
}

/// Has a thread go on at an address, as if it were started there with these arguments.
fn send_to(env: &Env, thread: &Thread, pc: u64, args: [u64; 2]) -> Result<(), Status> {
    let kind = ThreadStateKind::General;
    if env.facts.is_x86_64 {
        let mut all: GeneralRegsX86_64 = thread.read_state(kind)?;
        (all.rip, all.rdi, all.rsi) = (pc, args[0], args[1]);
        thread.write_state(kind, &all)
    } else {
        let mut all: GeneralRegsAarch64 = thread.read_state(kind)?;
        (all.pc, all.r[0], all.r[1]) = (pc, args[0], args[1]);
        thread.write_state(kind, &all)
    }
}

/// A crash reporter: what it learns of a thread that is about to be killed.
fn write_report(env: &Env, exception: &Exception) -> Result<(String, Registers), Status> {
    let (thread, process) = (exception.thread()?, exception.process()?);
    let report = thread.exception_report()?;
    let registers = registers(env, &thread)?;
    let kind = ExceptionType::from_number(report.exception_type).map_or("?", ExceptionType::name);
    let status = Status::check(report.synth_code.cast_signed());
    let (process, thread) = (process.name()?, thread.name()?);
    let text = format!("{process}/{thread}: {kind} ({status:?})");
    Ok((text, registers))
}

fn reporter(env: &mut Env) -> Outcome {
    let child = Child::new(env)?;
    fails(registers(env, &child.thread), Status::BAD_STATE)?;
    let channel = ok(ExceptionChannel::of_process(&child.process))?;
    ok(start_faulting(&child))?;
    let exception = next(&channel, &child, ExceptionType::FatalPageFault)?;
    let (text, registers) = ok(write_report(env, &exception))?;
    same(
        text.as_str(),
        "child/child-thread: FATAL_PAGE_FAULT (Err(NOT_FOUND))",
    )?;
    let code = Child::entry()..Child::entry() + P;
    holds(code.contains(&registers.pc), "it stopped in its code")?;
    if cfg!(target_os = "none") {
        // A simulated machine's programs keep nothing in registers.
        same(registers.step, script::word(crate::exceptions::NOWHERE))?;
    }
    zx::println!("{text} at {:#x}", registers.pc);
    drop(exception);
    same(child.end()?, retcode::EXCEPTION_KILL)?;
    fails(self::registers(env, &child.thread), Status::BAD_STATE)
}

/// A debugger sends a thread that crashed somewhere else.
fn moved(env: &mut Env) -> Outcome {
    const ELSEWHERE: u64 = 0x60_0000;
    let child = Child::new(env)?;
    child.call(0, "process_exit", &[12]);
    let code = ok(Vmo::create(P, VmoOptions::empty()))?;
    ok(code.write(0, script::code()))?;
    ok(code.op_range(VmoOp::CacheSync, 0, P))?;
    let code = ok(code.replace_as_executable(None))?;
    let execute = VmOptions::PERM_READ | VmOptions::PERM_EXECUTE;
    ok(child.map(&code, execute, ELSEWHERE))?;
    let channel = ok(ExceptionChannel::of_thread(&child.thread))?;
    ok(start_faulting(&child))?;
    let exception = next(&channel, &child, ExceptionType::FatalPageFault)?;
    if env.facts.is_x86_64 {
        let kernel = send_to(env, &child.thread, u64::MAX << 48, [0; 2]);
        fails(kernel, Status::INVALID_ARGS)?;
    }
    let word = script::word(Child::list_at(0));
    ok(send_to(env, &child.thread, ELSEWHERE, [0, word]))?;
    same(ok(registers(env, &child.thread))?.pc, ELSEWHERE)?;
    resume(exception)?;
    same(child.end()?, 12)
}

/// A thread in an exception that is suspended stops when the exception is over.
fn suspended(env: &mut Env) -> Outcome {
    let child = Child::new(env)?;
    let channel = ok(ExceptionChannel::of_process(&child.process))?;
    ok(start_faulting(&child))?;
    let exception = next(&channel, &child, ExceptionType::FatalPageFault)?;
    let token = ok(child.thread.suspend())?;
    until_state(&child.thread, ThreadState::BlockedException)?;
    fails_to_stop(&child.thread)?;
    resume(exception)?;
    ok(child.thread.wait(Signals::THREAD_SUSPENDED, TIME_INFINITE))?;
    until_state(&child.thread, ThreadState::Suspended)?;
    fails(child.thread.exception_report(), Status::BAD_STATE)?;
    drop(token);
    // It does the same once more.
    let exception = next(&channel, &child, ExceptionType::FatalPageFault)?;
    let token = ok(child.process.suspend())?;
    drop(exception);
    // What nobody handles kills, suspended or not.
    same(child.end()?, retcode::EXCEPTION_KILL)?;
    drop(token);
    Ok(())
}

fn fails_to_stop(thread: &Thread) -> Result<(), Failure> {
    let (waited, seen) = kit::wait(
        thread.value(),
        Signals::THREAD_SUSPENDED,
        jacinth_abi::limits::TIME_INFINITE_PAST,
    );
    fails(waited, Status::TIMED_OUT)?;
    same(seen, Signals::THREAD_RUNNING)
}
