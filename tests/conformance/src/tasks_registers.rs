//! Threads' registers, seen and changed while they are stopped (`tasks.md` §4.6, §6).

use crate::env::{Env, P};
use crate::kit::{self, H};
use crate::tasks_child::Child;
use crate::tasks_suspend::{CLOCK, count_at, counting, go_on, stands_still, stop, until_counts};
use crate::{
    Failure, Outcome, Scenario,
    check::{fails, holds, ok, same},
};
use core::mem::ManuallyDrop;
use jacinth_abi::limits::retcode;
use jacinth_abi::{
    FpRegsX86_64, GeneralRegsAarch64, GeneralRegsX86_64, Property, Rights, Signals, Status,
    ThreadStateKind, VectorRegsAarch64, VectorRegsX86_64,
};
use zx::script::{self, Step};
use zx::sys::{self, Input, Output};
use zx::{Address, Thread};

pub(crate) const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "thread_read_state",
        rows: &["ipc:365", "ipc:369"],
        run: read_state,
    },
    Scenario {
        name: "thread_write_state",
        rows: &["ipc:366", "ipc:371"],
        run: write_state,
    },
    Scenario {
        name: "thread_write_state_refused",
        rows: &[],
        run: write_refused,
    },
    Scenario {
        name: "thread_entry_registers",
        rows: &["ipc:351"],
        run: entry,
    },
    Scenario {
        name: "thread_vectors_x86_64",
        rows: &[],
        run: vectors_x86_64,
    },
    Scenario {
        name: "thread_vectors_aarch64",
        rows: &[],
        run: vectors_aarch64,
    },
    Scenario {
        name: "thread_own_base",
        rows: &["ipc:385", "vmo:409", "vmo:410", "vmo:411"],
        run: own_base,
    },
];

const KERNEL: u64 = 0xffff_8000_0000_0000;
const NON_CANONICAL: u64 = 0x0001_2345_0000_0000;
/// Where a child counts that was sent there.
const ELSEWHERE: u64 = CLOCK + 64;

/// General registers of either architecture.
#[derive(Clone, Copy, Debug, PartialEq)]
enum General {
    X86_64(GeneralRegsX86_64),
    Aarch64(GeneralRegsAarch64),
}

impl General {
    fn read(env: &Env, thread: &Thread) -> Result<Self, Status> {
        let kind = ThreadStateKind::General;
        if env.facts.is_x86_64 {
            thread.read_state(kind).map(Self::X86_64)
        } else {
            thread.read_state(kind).map(Self::Aarch64)
        }
    }

    fn write(&self, thread: &Thread) -> Result<(), Status> {
        match self {
            Self::X86_64(regs) => thread.write_state(ThreadStateKind::General, regs),
            Self::Aarch64(regs) => thread.write_state(ThreadStateKind::General, regs),
        }
    }

    const fn bytes(env: &Env) -> usize {
        if env.facts.is_x86_64 { 160 } else { 280 }
    }

    const fn pc(&mut self) -> &mut u64 {
        match self {
            Self::X86_64(regs) => &mut regs.rip,
            Self::Aarch64(regs) => &mut regs.pc,
        }
    }

    const fn sp(&mut self) -> &mut u64 {
        match self {
            Self::X86_64(regs) => &mut regs.rsp,
            Self::Aarch64(regs) => &mut regs.sp,
        }
    }

    const fn flags(&mut self) -> &mut u64 {
        match self {
            Self::X86_64(regs) => &mut regs.rflags,
            Self::Aarch64(regs) => &mut regs.cpsr,
        }
    }

    /// The two arguments that a thread is started with.
    const fn args(&mut self) -> [&mut u64; 2] {
        match self {
            Self::X86_64(regs) => [&mut regs.rdi, &mut regs.rsi],
            Self::Aarch64(regs) => {
                let [first, second, ..] = &mut regs.r;
                [first, second]
            }
        }
    }
}

fn read_into(thread: u32, kind: u32, bytes: &mut [u8]) -> Result<(), Status> {
    sys::thread_read_state(thread, kind, Output::Here(bytes))
}

fn read_state(env: &mut Env) -> Outcome {
    let mut all = [0xee; 4096];
    let general = ThreadStateKind::General.number();
    let size = General::bytes(env);
    let (vmo, bad) = (env.paged(1)?, kit::closed_handle()?);
    fails(read_into(bad, 1000, &mut []), Status::BAD_HANDLE)?;
    fails(read_into(vmo.value(), 1000, &mut []), Status::WRONG_TYPE)?;
    let child = counting(env)?;
    let blind = env.without(&child.thread, Rights::READ)?;
    let value = child.thread.value();
    fails(
        read_into(blind.value(), 1000, &mut []),
        Status::ACCESS_DENIED,
    )?;
    for unknown in [3, 8, 1000, u32::MAX] {
        fails(read_into(value, unknown, &mut []), Status::INVALID_ARGS)?;
    }
    let short = &mut all[..size - 1];
    fails(read_into(value, general, short), Status::BUFFER_TOO_SMALL)?;
    fails(read_into(value, general, &mut all), Status::BAD_STATE)?;
    fails(
        read_into(env.handles.thread, general, &mut all),
        Status::BAD_STATE,
    )?;
    let token = stop(&child.thread)?;
    for unknown in [3, 8, 1000, u32::MAX] {
        fails(read_into(value, unknown, &mut all), Status::INVALID_ARGS)?;
    }
    let nowhere = Output::At(Address::NULL, 4096);
    let refused = sys::thread_read_state(value, general, nowhere);
    fails(refused, Status::INVALID_ARGS)?;
    let code = Child::entry()..Child::entry() + P;
    let mut regs = ok(General::read(env, &child.thread))?;
    holds(code.contains(regs.pc()), "it stopped in its code")?;
    same(*regs.sp(), 0)?;
    // A larger buffer is filled as far as the record goes.
    ok(read_into(value, general, &mut all))?;
    same(&all[size..], &[0xee; 4096][size..])?;
    same(ok(General::read(env, &child.thread))?, regs)?;
    other_kinds(env, &child.thread)?;
    go_on(&child.thread, token)?;
    fails(read_into(value, general, &mut all), Status::BAD_STATE)?;
    child.kill()?;
    fails(read_into(value, general, &mut all), Status::BAD_STATE)
}

/// Kinds that there are on one architecture alone, or nowhere.
fn other_kinds(env: &Env, thread: &Thread) -> Outcome {
    let mut word = [0xee; 8];
    let step = ThreadStateKind::SingleStep.number();
    fails(
        read_into(thread.value(), step, &mut word[..3]),
        Status::BUFFER_TOO_SMALL,
    )?;
    ok(read_into(thread.value(), step, &mut word))?;
    same(word, [0, 0, 0, 0, 0xee, 0xee, 0xee, 0xee])?;
    let debug = ThreadStateKind::Debug.number();
    fails(
        read_into(thread.value(), debug, &mut word),
        Status::NOT_SUPPORTED,
    )?;
    for kind in [ThreadStateKind::FsBase, ThreadStateKind::GsBase] {
        let base = thread.read_state::<u64>(kind);
        if env.facts.is_x86_64 {
            same(ok(base)?, 0)?;
        } else {
            fails(base, Status::NOT_SUPPORTED)?;
        }
    }
    let x87 = thread.read_state::<FpRegsX86_64>(ThreadStateKind::Fp);
    if env.facts.is_x86_64 {
        ok(x87).map(|_| ())
    } else {
        fails(x87, Status::NOT_SUPPORTED)
    }
}

/// It goes on somewhere else, with another stack and other arguments.
fn write_state(env: &mut Env) -> Outcome {
    const STEP: u64 = 8;
    let child = counting(env)?;
    count_at(&child, STEP, ELSEWHERE);
    let token = stop(&child.thread)?;
    let mut regs = ok(General::read(env, &child.thread))?;
    *regs.pc() = Child::entry();
    *regs.sp() = 0x1230;
    *regs.flags() = u64::MAX;
    let elsewhere = script::word(Child::list_at(STEP * Step::BYTES));
    let [first, second] = regs.args();
    (*first, *second) = (0, elsewhere);
    ok(regs.write(&child.thread))?;
    let mut written = ok(General::read(env, &child.thread))?;
    // All is kept but the flags that user mode may not change.
    let flags = *written.flags();
    *regs.flags() = flags;
    same(written, regs)?;
    let (settable, kept) = if env.facts.is_x86_64 {
        // The trap flag would stop it; interrupts stay on, and I/O stays the kernel's.
        (GeneralRegsX86_64::USER_FLAGS, 0x202)
    } else {
        (GeneralRegsAarch64::USER_FLAGS, 0)
    };
    same(flags, settable | kept)?;
    if env.facts.is_x86_64 {
        *regs.flags() = kept;
        ok(regs.write(&child.thread))?;
    }
    stands_still(&child, CLOCK)?;
    same(child.list.read64(ELSEWHERE), 0)?;
    go_on(&child.thread, token)?;
    until_counts(&child, ELSEWHERE)?;
    stands_still(&child, CLOCK)?;
    let token = stop(&child.thread)?;
    same(*ok(General::read(env, &child.thread))?.sp(), 0x1230)?;
    go_on(&child.thread, token)?;
    leaves_call(env, &child)?;
    child.kill()
}

/// One that waits goes on elsewhere, too, and its wait is over.
fn leaves_call(env: &Env, first: &Child) -> Outcome {
    const STEP: u64 = 8;
    let child = Child::new(env)?;
    let forever = i64::MAX.cast_unsigned();
    child.call(0, "nanosleep", &[forever]);
    count_at(&child, STEP, ELSEWHERE);
    ok(child.start(None))?;
    crate::tasks_child::until_state(&child.thread, jacinth_abi::ThreadState::BlockedSleeping)?;
    let token = stop(&child.thread)?;
    let mut regs = ok(General::read(env, &child.thread))?;
    let code = Child::entry()..Child::entry() + P;
    holds(code.contains(regs.pc()), "it stopped in its code")?;
    *regs.pc() = Child::entry();
    let elsewhere = script::word(Child::list_at(STEP * Step::BYTES));
    *regs.args()[1] = elsewhere;
    ok(regs.write(&child.thread))?;
    go_on(&child.thread, token)?;
    until_counts(&child, ELSEWHERE)?;
    until_counts(first, ELSEWHERE)?;
    child.kill()
}

fn write_from(thread: u32, kind: u32, bytes: &[u8]) -> Result<(), Status> {
    sys::thread_write_state(thread, kind, Input::Here(bytes))
}

fn write_refused(env: &mut Env) -> Outcome {
    let all = [0; 4096];
    let general = ThreadStateKind::General.number();
    let (vmo, bad) = (env.paged(1)?, kit::closed_handle()?);
    // What is for debuggers is not even looked at.
    for kind in [4, 5, 6, 7, 12, u32::MAX] {
        fails(write_from(bad, kind, &[]), Status::NOT_SUPPORTED)?;
    }
    fails(write_from(bad, 1000, &[]), Status::BAD_HANDLE)?;
    fails(write_from(vmo.value(), 1000, &[]), Status::WRONG_TYPE)?;
    let child = counting(env)?;
    let blind = env.without(&child.thread, Rights::WRITE)?;
    let value = child.thread.value();
    fails(write_from(blind.value(), 1000, &[]), Status::ACCESS_DENIED)?;
    for unknown in [3, 8, 1000] {
        fails(write_from(value, unknown, &all), Status::INVALID_ARGS)?;
    }
    let short = &all[..General::bytes(env) - 1];
    fails(write_from(value, general, short), Status::BUFFER_TOO_SMALL)?;
    fails(write_from(value, general, &all), Status::BAD_STATE)?;
    let token = stop(&child.thread)?;
    let nowhere = sys::thread_write_state(value, general, Input::At(Address::NULL, 4096));
    fails(nowhere, Status::INVALID_ARGS)?;
    let before = ok(General::read(env, &child.thread))?;
    if let General::X86_64(regs) = before {
        for bad in [KERNEL, NON_CANONICAL, u64::MAX, 1 << 47] {
            let set: [fn(&mut GeneralRegsX86_64) -> &mut u64; 3] = [
                |regs| &mut regs.rip,
                |regs| &mut regs.fs_base,
                |regs| &mut regs.gs_base,
            ];
            for place in set {
                let mut wrong = regs;
                *place(&mut wrong) = bad;
                let refused = General::X86_64(wrong).write(&child.thread);
                fails(refused, Status::INVALID_ARGS)?;
            }
        }
    }
    same(ok(General::read(env, &child.thread))?, before)?;
    // The same registers change nothing.
    ok(before.write(&child.thread))?;
    go_on(&child.thread, token)?;
    until_counts(&child, CLOCK)?;
    child.kill()
}

/// What a thread begins with, before its first instruction.
fn entry(env: &mut Env) -> Outcome {
    const STACK: u64 = 0x7_1237;
    let child = Child::new(env)?;
    let token = ok(child.thread.suspend())?;
    let gift = env.paged(1)?;
    let start = (Child::entry(), STACK);
    ok(child
        .process
        .start(&child.thread, start, Some(gift), 0xfeed))?;
    same(
        crate::tasks_child::signals(&child.thread)?,
        Signals::THREAD_SUSPENDED,
    )?;
    let mut found = ok(General::read(env, &child.thread))?;
    let [gift, word] = found.args().map(core::mem::take);
    holds(gift != 0 && gift & 3 == 3 && gift >> 32 == 0, "a handle")?;
    same(word, 0xfeed)?;
    let expected = if env.facts.is_x86_64 {
        General::X86_64(GeneralRegsX86_64 {
            rip: Child::entry(),
            rsp: STACK,
            rflags: 0x202,
            ..GeneralRegsX86_64::default()
        })
    } else {
        General::Aarch64(GeneralRegsAarch64 {
            pc: Child::entry(),
            sp: STACK,
            ..GeneralRegsAarch64::default()
        })
    };
    same(found, expected)?;
    let vectors = ThreadStateKind::Vector;
    if env.facts.is_x86_64 {
        let mut found = ok(child.thread.read_state::<VectorRegsX86_64>(vectors))?;
        // The simulated machine has none.
        holds(
            [0, 0x1f80].contains(&found.mxcsr),
            "MXCSR as after power-on",
        )?;
        found.mxcsr = 0;
        same(found, VectorRegsX86_64::default())?;
        let mut x87 = ok(child.thread.read_state::<FpRegsX86_64>(ThreadStateKind::Fp))?;
        holds(
            [0, 0x37f].contains(&x87.fcw),
            "control word as after `fninit`",
        )?;
        x87.fcw = 0;
        same(x87, FpRegsX86_64::default())?;
    } else {
        let found = ok(child.thread.read_state::<VectorRegsAarch64>(vectors))?;
        same(found, VectorRegsAarch64::default())?;
    }
    drop(token);
    child.kill()
}

/// Lets a child run for a while, after others did.
fn let_run(child: &Child, token: zx::SuspendToken) -> Result<zx::SuspendToken, Failure> {
    go_on(&child.thread, token)?;
    until_counts(child, CLOCK)?;
    until_counts(child, CLOCK)?;
    stop(&child.thread)
}

fn vectors_x86_64(env: &mut Env) -> Outcome {
    if !env.facts.is_x86_64 {
        return Ok(());
    }
    let kind = ThreadStateKind::Vector;
    let child = counting(env)?;
    let token = stop(&child.thread)?;
    let mut regs = VectorRegsX86_64::default();
    for (number, register) in (1..).zip(&mut regs.zmm) {
        *register = core::array::from_fn(|word| number << 32 | word as u64 | 0x100);
    }
    regs.opmask = core::array::from_fn(|number| number as u64 + 0x77);
    // Bits that no processor knows must not be loaded.
    regs.mxcsr = u32::MAX;
    ok(child.thread.write_state(kind, &regs))?;
    regs.mxcsr = 0x1f80;
    ok(child.thread.write_state(kind, &regs))?;
    let mut x87 = FpRegsX86_64 {
        fcw: 0x27f,
        ftw: 0xff,
        ..FpRegsX86_64::default()
    };
    for (number, register) in (1..).zip(&mut x87.st) {
        *register = [number << 60 | 0x55, 0x3fff];
    }
    ok(child.thread.write_state(ThreadStateKind::Fp, &x87))?;
    let token = let_run(&child, token)?;
    let found = ok(child.thread.read_state::<VectorRegsX86_64>(kind))?;
    same(found.mxcsr, regs.mxcsr)?;
    for (number, (found, wrote)) in found.zmm.iter().zip(&regs.zmm).enumerate() {
        // SSE is always there, the rest as a whole or not at all; the programs of the simulated
        // machine count in the first word.
        let (sse, mut rest) = (0..2, [2..4, 4..8].into_iter());
        if number < 16 {
            let from = usize::from(number == 0);
            same(&found[from..sse.end], &wrote[from..sse.end])?;
        }
        let is_there = |part: core::ops::Range<usize>| {
            found[part.clone()] == wrote[part.clone()] || found[part].iter().all(|word| *word == 0)
        };
        holds(rest.all(is_there), "the high parts as written, or none")?;
    }
    let x87_found = ok(child.thread.read_state::<FpRegsX86_64>(ThreadStateKind::Fp))?;
    same(
        (x87_found.fcw, x87_found.ftw, x87_found.st),
        (x87.fcw, x87.ftw, x87.st),
    )?;
    drop(token);
    child.kill()
}

fn vectors_aarch64(env: &mut Env) -> Outcome {
    if env.facts.is_x86_64 {
        return Ok(());
    }
    let kind = ThreadStateKind::Vector;
    let child = counting(env)?;
    let token = stop(&child.thread)?;
    let mut regs = VectorRegsAarch64::default();
    for (number, register) in (1..).zip(&mut regs.v) {
        *register = [number << 32 | 5, number << 40 | 6];
    }
    // Rounding towards zero, and a division by zero that was noted.
    (regs.fpcr, regs.fpsr) = (3 << 22, 2);
    ok(child.thread.write_state(kind, &regs))?;
    let token = let_run(&child, token)?;
    let mut found = ok(child.thread.read_state::<VectorRegsAarch64>(kind))?;
    // The programs of the simulated machine count in the first word.
    found.v[0][0] = regs.v[0][0];
    same(found, regs)?;
    drop(token);
    child.kill()
}

fn set(handle: u32, property: Property, value: u64) -> Result<(), Status> {
    kit::set_property(handle, property, &value.to_le_bytes())
}

fn own_base(env: &mut Env) -> Outcome {
    let own = env.handles.thread;
    let other = ok(Thread::create(&crate::tasks_child::this(env), "other"))?;
    for property in [Property::RegisterFs, Property::RegisterGs] {
        let get = kit::get_property(own, property, &mut [0; 8]);
        fails(get, Status::NOT_SUPPORTED)?;
        if !env.facts.is_x86_64 {
            fails(set(own, property, 0), Status::NOT_SUPPORTED)?;
            continue;
        }
        let short = kit::set_property(own, property, &[0; 7]);
        fails(short, Status::BUFFER_TOO_SMALL)?;
        let short = kit::set_property(env.handles.process, property, &[0; 7]);
        fails(short, Status::BUFFER_TOO_SMALL)?;
        fails(
            set(env.handles.process, property, KERNEL),
            Status::WRONG_TYPE,
        )?;
        fails(set(other.value(), property, KERNEL), Status::ACCESS_DENIED)?;
        let null = sys::object_set_property(own, property.number(), Input::At(Address::NULL, 8));
        fails(null, Status::INVALID_ARGS)?;
        for bad in [KERNEL, NON_CANONICAL, u64::MAX] {
            fails(set(own, property, bad), Status::INVALID_ARGS)?;
        }
        let blind = env.without(&ManuallyDrop::new(H::from_value(own)), Rights::SET_PROPERTY)?;
        fails(set(blind.value(), property, 0), Status::ACCESS_DENIED)?;
    }
    if env.facts.is_x86_64 {
        keeps_base(env)
    } else {
        Ok(())
    }
}

/// A thread sets its bases, and others see them when it is stopped.
fn keeps_base(env: &Env) -> Outcome {
    const FS: u64 = 0x1234_5670;
    const GS: u64 = 0x7fff_ffff_e000;
    let set_by_script = |property: Property, index| {
        let at = Child::list_at(CLOCK + 8 * index);
        Step::call(
            "object_set_property",
            &[Step::GIFT, u64::from(property.number()), at, 8],
            index,
        )
    };
    let child = Child::new(env)?;
    child.step(0, set_by_script(Property::RegisterFs, 1));
    child.step(1, set_by_script(Property::RegisterGs, 2));
    count_at(&child, 2, CLOCK);
    child.list.write64(CLOCK + 8, FS);
    child.list.write64(CLOCK + 16, GS);
    let own = ok(child.thread.duplicate())?;
    ok(child.start(Some(own)))?;
    until_counts(&child, CLOCK)?;
    same(
        (Step::answer(&child.list, 0), Step::answer(&child.list, 1)),
        (0, 0),
    )?;
    let token = stop(&child.thread)?;
    same(
        ok(child.thread.read_state::<u64>(ThreadStateKind::FsBase))?,
        FS,
    )?;
    same(
        ok(child.thread.read_state::<u64>(ThreadStateKind::GsBase))?,
        GS,
    )?;
    let Ok(General::X86_64(regs)) = General::read(env, &child.thread) else {
        return crate::check::fail("x86_64 has other registers");
    };
    same((regs.fs_base, regs.gs_base), (FS, GS))?;
    drop(token);
    same(child.process.kill(), Ok(()))?;
    same(child.end()?, retcode::SYSCALL_KILL)
}
