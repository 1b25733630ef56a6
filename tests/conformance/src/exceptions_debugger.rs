//! What debuggers see: threads and processes that come and go, policies, bad system calls, and
//! what instructions raise (`tasks.md` §2.5, §5).

use crate::env::{Env, P};
use crate::exceptions::{next, resume, start_faulting};
use crate::exceptions_registers::registers;
use crate::tasks_child::{Child, job, until_state};
use crate::{
    Failure, Outcome, Scenario,
    check::{fails, ok, same},
};
use alloc::vec::Vec;
use jacinth_abi::limits::retcode;
use jacinth_abi::policy::{JOB_POL_ABSOLUTE, JOB_POL_BASIC_V1};
use jacinth_abi::{
    ExceptionReport, ExceptionState, ExceptionType, JobInfo, POLICY_CODE_BAD_SYSCALL, PolicyAction,
    PolicyCondition, ProcessInfo, Status, ThreadState, Topic, VmOptions, VmoOp, VmoOptions,
};
use zx::script::Step;
use zx::sys::{self, Input};
use zx::{Exception, ExceptionChannel, Job, Vmo};

pub(crate) const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "debugger_process_life",
        rows: &[],
        run: life,
    },
    Scenario {
        name: "debugger_job_process_starts",
        rows: &[],
        run: process_starts,
    },
    Scenario {
        name: "debugger_thread_ends_early",
        rows: &[],
        run: ends_early,
    },
    Scenario {
        name: "exception_job_policy",
        rows: &["ipc:399"],
        run: policy,
    },
    Scenario {
        name: "exception_job_policy_bad_handle",
        rows: &["ipc:398"],
        run: bad_handle,
    },
    Scenario {
        name: "exception_process_bad_syscall",
        rows: &[],
        run: bad_syscall,
    },
    Scenario {
        name: "exception_process_breakpoint",
        rows: &["ipc:346"],
        run: breakpoint,
    },
];

fn flags(child: &Child) -> Result<u32, Failure> {
    let info: ProcessInfo = ok(child.process.process_info())?;
    Ok(info.flags)
}

fn life(env: &mut Env) -> Outcome {
    let child = Child::new(env)?;
    child.call(0, "thread_exit", &[]);
    let debugger = ok(ExceptionChannel::debugger(&child.process))?;
    same(flags(&child)?, ProcessInfo::DEBUGGER_ATTACHED)?;
    ok(child.start(None))?;
    let starting = next(&debugger, &child, ExceptionType::ThreadStarting)?;
    until_state(&child.thread, ThreadState::BlockedException)?;
    let report = ok(child.thread.exception_report())?;
    same(report.arch, [0; 3])?;
    // Nothing of it has run.
    same(Step::answer(&child.list, 0), 0)?;
    drop(starting);
    let exiting = next(&debugger, &child, ExceptionType::ThreadExiting)?;
    until_state(&child.thread, ThreadState::Dying)?;
    ok(child.thread.exception_report())?;
    drop(exiting);
    same(child.end()?, 0)?;
    fails(debugger.next(), Status::PEER_CLOSED)?;
    // Without a listener nobody is waited for.
    let other = Child::new(env)?;
    other.call(0, "thread_exit", &[]);
    drop(ok(ExceptionChannel::debugger(&other.process))?);
    same(flags(&other)?, 0)?;
    ok(other.start(None))?;
    same(other.end()?, 0)
}

/// The nearest job with a debugger is told, and nobody else.
fn process_starts(env: &mut Env) -> Outcome {
    let above = ok(job(env.handles.job).create_child())?;
    let below = ok(above.create_child())?;
    let far = ok(ExceptionChannel::job_debugger(&above))?;
    let near = ok(ExceptionChannel::job_debugger(&below))?;
    let info: JobInfo = ok(below.info(Topic::JOB))?;
    same(info.debugger_attached, 1)?;
    let child = Child::in_job(env, &below)?;
    child.call(0, "process_exit", &[7]);
    let debugger = ok(ExceptionChannel::debugger(&child.process))?;
    ok(child.start(None))?;
    let starting = next(&near, &child, ExceptionType::ProcessStarting)?;
    let info = ok(child.thread.thread_info())?;
    same(info.wait_exception_channel_type, 5)?;
    fails(debugger.read(), Status::SHOULD_WAIT)?;
    drop(starting);
    drop(next(&debugger, &child, ExceptionType::ThreadStarting)?);
    same(child.end()?, 7)?;
    fails(far.read(), Status::SHOULD_WAIT)?;
    drop(near);
    let child = Child::in_job(env, &below)?;
    child.call(0, "process_exit", &[8]);
    ok(child.start(None))?;
    let starting = next(&far, &child, ExceptionType::ProcessStarting)?;
    resume(starting)?;
    same(child.end()?, 8)
}

/// A thread that starts can be told to end, and one that starts or ends can be killed.
fn ends_early(env: &mut Env) -> Outcome {
    for state in [Some(ExceptionState::ThreadExit), None] {
        let child = Child::new(env)?;
        child.call(0, "process_exit", &[9]);
        let debugger = ok(ExceptionChannel::debugger(&child.process))?;
        ok(child.start(None))?;
        let starting = next(&debugger, &child, ExceptionType::ThreadStarting)?;
        if let Some(state) = state {
            ok(starting.set_state(state))?;
            drop(starting);
            drop(next(&debugger, &child, ExceptionType::ThreadExiting)?);
            same(child.end()?, 0)?;
        } else {
            child.kill()?;
            same(child.end()?, retcode::SYSCALL_KILL)?;
            drop(starting);
        }
        fails(debugger.next(), Status::PEER_CLOSED)?;
    }
    // One that faults and is told to end is seen to go.
    let child = Child::new(env)?;
    let debugger = ok(ExceptionChannel::debugger(&child.process))?;
    ok(start_faulting(&child))?;
    drop(next(&debugger, &child, ExceptionType::ThreadStarting)?);
    let fault = next(&debugger, &child, ExceptionType::FatalPageFault)?;
    ok(fault.set_state(ExceptionState::ThreadExit))?;
    drop(fault);
    let exiting = next(&debugger, &child, ExceptionType::ThreadExiting)?;
    child.kill()?;
    drop(exiting);
    same(child.end()?, retcode::SYSCALL_KILL)
}

/// A job whose policy has an action for one condition.
fn strict_job(env: &Env, condition: PolicyCondition, action: PolicyAction) -> Result<Job, Failure> {
    let strict = ok(job(env.handles.job).create_child())?;
    let words = [condition.number(), action.number()];
    let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
    let (options, topic) = (JOB_POL_ABSOLUTE, JOB_POL_BASIC_V1);
    ok(sys::job_set_policy(
        strict.value(),
        options,
        topic,
        Input::Here(&bytes),
        1,
    ))?;
    Ok(strict)
}

/// Waits for a policy's exception of a child; its report.
fn policy_error(
    debugger: &ExceptionChannel,
    child: &Child,
) -> Result<(Exception, ExceptionReport), Failure> {
    let exception = next(debugger, child, ExceptionType::PolicyError)?;
    let report = ok(child.thread.exception_report())?;
    Ok((exception, report))
}

fn policy(env: &mut Env) -> Outcome {
    let condition = PolicyCondition::NewEvent;
    let cases = [
        (PolicyAction::DenyException, Status::ACCESS_DENIED.raw()),
        (PolicyAction::AllowException, 0),
    ];
    for (action, status) in cases {
        let strict = strict_job(env, condition, action)?;
        let child = Child::in_job(env, &strict)?;
        let create = &[0, Child::list_at(2048)];
        child.call(0, "event_create", create);
        child.call(1, "event_create", create);
        child.call(2, "process_exit", &[0]);
        let debugger = ok(ExceptionChannel::debugger(&child.process))?;
        ok(child.start(None))?;
        drop(next(&debugger, &child, ExceptionType::ThreadStarting)?);
        let (exception, report) = policy_error(&debugger, &child)?;
        same(report.synth_code, condition.number())?;
        // The call has its result already, though the program has not seen it.
        same(child.list.read64(2048) != 0, status == 0)?;
        let result = ok(registers(env, &child.thread))?.result;
        same(result, i64::from(status).cast_unsigned())?;
        resume(exception)?;
        let (exception, _) = policy_error(&debugger, &child)?;
        same(Step::answer(&child.list, 0), i64::from(status))?;
        // Unhandled it is the end.
        drop(exception);
        same(child.end()?, retcode::EXCEPTION_KILL)?;
    }
    Ok(())
}

fn bad_handle(env: &mut Env) -> Outcome {
    let condition = PolicyCondition::BadHandle;
    let strict = strict_job(env, condition, PolicyAction::DenyException)?;
    let child = Child::in_job(env, &strict)?;
    let valid = u64::from(Topic::HANDLE_VALID.0);
    child.call(0, "object_get_info", &[7, valid, 0, 0, 0, 0]);
    child.call(1, "handle_close", &[7]);
    child.call(2, "process_exit", &[4]);
    let channel = ok(ExceptionChannel::of_process(&child.process))?;
    ok(child.start(None))?;
    let (exception, report) = policy_error(&channel, &child)?;
    let bad = i64::from(Status::BAD_HANDLE.raw());
    same(report.synth_code, condition.number())?;
    // The question whether it is one raised nothing.
    same(Step::answer(&child.list, 0), bad)?;
    resume(exception)?;
    same(child.end()?, 4)?;
    same(Step::answer(&child.list, 1), bad)
}

fn bad_syscall(env: &mut Env) -> Outcome {
    const NUMBER: u64 = 0x1_8000_0123;
    let child = Child::new(env)?;
    child.step(
        0,
        Step {
            number: NUMBER,
            args: [0; 8],
            next: 1,
        },
    );
    child.call(1, "process_exit", &[6]);
    let channel = ok(ExceptionChannel::of_thread(&child.thread))?;
    ok(child.start(None))?;
    let (exception, report) = policy_error(&channel, &child)?;
    same(report.synth_code, POLICY_CODE_BAD_SYSCALL)?;
    same(report.synth_data, 0x8000_0123)?;
    resume(exception)?;
    same(child.end()?, 6)?;
    let status = i64::from(Status::BAD_SYSCALL.raw());
    same(Step::answer(&child.list, 0), status)
}

/// An instruction, where it is started, and what it raises: with the vector of x86_64, or the class
/// of aarch64.
struct Trap {
    code: &'static [u8],
    offset: u64,
    kind: ExceptionType,
    number: u64,
}

const fn trap(code: &'static [u8], kind: ExceptionType, number: u64) -> Trap {
    Trap {
        code,
        offset: 0,
        kind,
        number,
    }
}

/// `int3`, `ud2`, `hlt`.
const X86_64: &[Trap] = &[
    trap(&[0xcc], ExceptionType::SwBreakpoint, 3),
    trap(&[0x0f, 0x0b], ExceptionType::UndefinedInstruction, 6),
    trap(&[0xf4], ExceptionType::General, 13),
];
/// `brk #0`, `udf #0`, and an instruction that is not aligned.
const AARCH64: &[Trap] = &[
    trap(&[0, 0, 0x20, 0xd4], ExceptionType::SwBreakpoint, 0x3c),
    trap(&[0; 4], ExceptionType::UndefinedInstruction, 0),
    Trap {
        code: &[0; 8],
        offset: 2,
        kind: ExceptionType::UnalignedAccess,
        number: 0x22,
    },
];

/// Starts a child that runs into an instruction.
fn trapped(env: &Env, job: &Job, trap: &Trap) -> Result<Child, Failure> {
    const CODE: u64 = 0x60_0000;
    let child = Child::in_job(env, job)?;
    let code = ok(Vmo::create(P, VmoOptions::empty()))?;
    ok(code.write(0, trap.code))?;
    ok(code.op_range(VmoOp::CacheSync, 0, P))?;
    let code = ok(code.replace_as_executable(None))?;
    let options = VmOptions::PERM_READ | VmOptions::PERM_EXECUTE;
    ok(child.map(&code, options, CODE))?;
    let start = (CODE + trap.offset, 0);
    ok(child.process.start(&child.thread, start, None, 0))?;
    Ok(child)
}

/// A simulated machine has breakpoints only: nobody decodes what its programs are made of.
fn breakpoint(env: &mut Env) -> Outcome {
    let all = if env.facts.is_x86_64 { X86_64 } else { AARCH64 };
    let is_real = cfg!(target_os = "none");
    for trap in &all[..if is_real { all.len() } else { 1 }] {
        let below = ok(job(env.handles.job).create_child())?;
        let alone = trapped(env, &below, trap)?;
        same(alone.end()?, retcode::EXCEPTION_KILL)?;
        let channel = ok(ExceptionChannel::of_job(&below))?;
        let child = trapped(env, &below, trap)?;
        let exception = next(&channel, &child, trap.kind)?;
        let report = ok(child.thread.exception_report())?;
        let [first, ..] = report.arch;
        let number = if env.facts.is_x86_64 {
            first
        } else {
            first >> 26
        };
        same(number, trap.number)?;
        same((report.synth_code, report.synth_data), (0, 0))?;
        drop(exception);
        same(child.end()?, retcode::EXCEPTION_KILL)?;
    }
    Ok(())
}
