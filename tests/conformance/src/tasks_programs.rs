//! ELF programs made into processes from user space, by `zx::process` (`tasks.md` §9).
//!
//! The programs are files made here: code that makes the calls of a list, and the list.

use crate::check::{fail, fails, holds, ok, same};
use crate::env::{Env, P};
use crate::tasks_child::job;
use crate::{Failure, Outcome, Scenario};
use alloc::vec::Vec;
use core::mem::ManuallyDrop;
use jacinth_abi::limits::{TIME_INFINITE, retcode};
use jacinth_abi::processargs::{self, Header};
use jacinth_abi::{Field, MapsInfo, Record, Signals, Status, VmOptions};
use zx::process::{Builder, Child, ElfError, Machine, Program, StartError};
use zx::script::{self, Step};
use zx::{EventPair, Job};

pub(crate) const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "process_runs_program",
        rows: &[],
        run: runs,
    },
    Scenario {
        name: "process_program_message",
        rows: &[],
        run: message,
    },
    Scenario {
        name: "process_program_maps",
        rows: &[],
        run: maps,
    },
    Scenario {
        name: "process_program_refused",
        rows: &[],
        run: refused,
    },
];

/// Where a program has its code.
const CODE: u64 = 0x40_0000;
/// Where it has its list; behind it there is memory that the file does not fill.
const LIST: u64 = 0x50_0000;
const LIST_BYTES: u64 = 3 * P;
/// Where it puts a message's bytes, its handles, and how many there are.
const BYTES: u64 = LIST + P;
const HANDLES: u64 = LIST + 2 * P;
const COUNTS: u64 = HANDLES + 0x800;
/// How many bytes of a message it has room for, and tells of.
const ROOM: u64 = 512;
/// How many handles it has room for.
const MOST_HANDLES: u64 = 64;
/// What it returns.
const CODE_7: u64 = 7;

/// A segment: flags, address, bytes in the file, bytes in memory.
type Part = (u32, u64, Vec<u8>, u64);

const READ: u32 = 4;
const WRITE: u32 = 2;
const EXECUTE: u32 = 1;

/// An ELF file for fixed addresses that begins at the start of its first segment.
fn file(parts: &[Part]) -> Vec<u8> {
    const HEADERS: usize = 64 + 56 * 2;
    let mut file = alloc::vec![0x7f, b'E', b'L', b'F', 2, 1, 1];
    file.resize(16, 0);
    file.extend(2_u16.to_le_bytes());
    file.extend(Machine::HERE.number().to_le_bytes());
    file.extend(1_u32.to_le_bytes());
    let entry = parts.first().map_or(0, |(_, at, ..)| *at);
    file.extend([entry, 64, 0].iter().flat_map(|word| word.to_le_bytes()));
    file.extend(0_u32.to_le_bytes());
    let halves = [64, 56, parts.len() as u16, 64, 0, 0];
    file.extend(halves.iter().flat_map(|half| half.to_le_bytes()));
    let mut place = HEADERS as u64;
    for (flags, at, bytes, memory) in parts {
        file.extend([1, *flags].iter().flat_map(|word| word.to_le_bytes()));
        let words = [place, *at, 0, bytes.len() as u64, *memory, 1];
        file.extend(words.iter().flat_map(|word| word.to_le_bytes()));
        place += bytes.len() as u64;
    }
    file.resize(HEADERS, 0);
    file.extend(parts.iter().flat_map(|(_, _, bytes, _)| bytes));
    file
}

/// A list as a segment of a program that runs it.
fn list(steps: &[Step]) -> Vec<u8> {
    let word = |step: &Step| {
        let next = LIST + step.next * Step::BYTES;
        let head = [step.number].into_iter().chain(step.args);
        head.chain([0, next]).flat_map(u64::to_le_bytes).collect()
    };
    steps
        .iter()
        .flat_map(|step: &Step| -> Vec<u8> { word(step) })
        .collect()
}

/// A program that makes these calls.
fn program(steps: &[Step]) -> Result<Program, Failure> {
    let code = (READ | EXECUTE, CODE, script::code().to_vec(), P);
    let data = (READ | WRITE, LIST, list(steps), LIST_BYTES);
    made(Program::read("scenario", &file(&[code, data])))
}

/// A program that shows its memory, then its message, and ends.
fn teller() -> Result<Program, Failure> {
    let write = [Step::GIFT, 0, BYTES, ROOM, 0, 0];
    let (room, most) = (ROOM, MOST_HANDLES);
    let read = [
        Step::GIFT,
        0,
        BYTES,
        HANDLES,
        room,
        most,
        COUNTS,
        COUNTS + 4,
    ];
    program(&[
        Step::call("channel_write", &write, 1),
        Step::call("channel_read", &read, 2),
        Step::call("channel_write", &write, 3),
        Step::call("process_exit", &[CODE_7], 3),
    ])
}

/// The value of a step that must succeed.
#[track_caller]
fn made<T>(result: Result<T, StartError>) -> Result<T, Failure> {
    ok(result.map_err(|error| error.status()))
}

/// A child that is killed, and waited for, when this is dropped.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        if self.0.kill().is_ok() {
            self.0.wait().ok();
        }
    }
}

fn start(builder: Builder<'_>, program: &Program) -> Result<Running, Failure> {
    made(builder.word(script::word(LIST)).start(program)).map(Running)
}

/// Waits for the end of a child; false when it died of want of memory, as it may in some runs.
#[track_caller]
fn ends(env: &Env, child: &Running, code: i64) -> Result<bool, Failure> {
    let got = ok(child.0.wait())?;
    if env.is_memory_short && got == retcode::EXCEPTION_KILL {
        return Ok(false);
    }
    same(got, code)?;
    Ok(true)
}

fn root(env: &Env) -> ManuallyDrop<Job> {
    job(env.handles.job)
}

/// What a child that tells of itself told: its memory at the start, and its message.
fn told(env: &Env, child: &Running) -> Result<Option<[Vec<u8>; 2]>, Failure> {
    if !ends(env, child, CODE_7 as i64)? {
        return Ok(None);
    }
    let (first, second) = (ok(child.0.channel.read())?, ok(child.0.channel.read())?);
    same(first.handles.len() + second.handles.len(), 0)?;
    fails(child.0.channel.read(), Status::PEER_CLOSED)?;
    Ok(Some([first.bytes, second.bytes]))
}

fn runs(env: &mut Env) -> Outcome {
    let job = root(env);
    let program = teller()?;
    // The second one finds nothing of what the first one wrote.
    for _ in 0..2 {
        let child = start(Builder::new(&job, "told"), &program)?;
        let Some([memory, message]) = told(env, &child)? else {
            return Ok(());
        };
        same(memory, alloc::vec![0; ROOM as usize])?;
        holds(message != [0; ROOM as usize], "it was given a message")?;
        same(ok(child.0.return_code())?, Some(CODE_7 as i64))?;
        same(ok(child.0.process.name())?.as_str(), "told")?;
    }
    Ok(())
}

fn message(env: &mut Env) -> Outcome {
    let job = root(env);
    let program = teller()?;
    let (gift, peer) = ok(EventPair::create())?;
    let builder = Builder::new(&job, "told")
        .arg("one")
        .arg("")
        .handle("gift", gift);
    let child = start(builder, &program)?;
    let Some([_, bytes]) = told(env, &child)? else {
        return Ok(());
    };
    // It held the gift to its end.
    ok(peer.wait(Signals::PEER_CLOSED, TIME_INFINITE))?;
    let header = Header::from_bytes(&bytes);
    same(header.protocol, processargs::PROTOCOL)?;
    same(header.version, processargs::VERSION)?;
    let infos = header.handle_info_off as usize;
    same(infos, Header::SIZE)?;
    let kinds = [
        processargs::PA_PROC_SELF,
        processargs::PA_THREAD_SELF,
        processargs::PA_VMAR_ROOT,
        processargs::handle_info(processargs::PA_USER0, 0),
    ];
    let words: Vec<u8> = kinds.iter().flat_map(|kind| kind.to_le_bytes()).collect();
    same(&bytes[infos..infos + words.len()], &words[..])?;
    same((header.args_num, header.names_num), (2, 1))?;
    let (args, names) = (header.args_off as usize, header.names_off as usize);
    same(&bytes[args..names], b"one\0\0")?;
    same(&bytes[names..names + 6], b"gift\0\0")
}

fn maps(env: &mut Env) -> Outcome {
    const STACK: u64 = 5 * P;
    let job = root(env);
    let forever = [Step::call("nanosleep", &[u64::MAX >> 1], 0)];
    let program = program(&forever)?;
    let builder = Builder::new(&job, "still").stack(STACK - 1);
    let child = start(builder, &program)?;
    let rows = ok(child.0.process.maps())?;
    let of = |kind| rows.iter().filter(move |row| row.maps_type == kind);
    let (read, write) = (VmOptions::PERM_READ, VmOptions::PERM_WRITE);
    let at = |base: u64, size, allows: VmOptions| {
        let found = of(MapsInfo::TYPE_MAPPING).find(|row| row.base == base);
        let found = found.map(|row| (row.size, row.mapping.mmu_flags));
        same(found, Some((size, allows.bits())))
    };
    at(CODE, P, read | VmOptions::PERM_EXECUTE)?;
    at(LIST, LIST_BYTES, read | write)?;
    same(of(MapsInfo::TYPE_MAPPING).count(), 3)?;
    let stack = of(MapsInfo::TYPE_MAPPING).find(|row| row.size == STACK);
    let Some(stack) = stack else {
        return fail("it has a stack of whole pages");
    };
    at(stack.base, STACK, read | write)?;
    // The page below is nobody else's, and nothing is in it.
    let guarded = of(MapsInfo::TYPE_VMAR).any(|row| {
        (row.base, row.size) == (stack.base - P, STACK + P) && row.depth + 1 == stack.depth
    });
    holds(guarded, "there is a page without memory below the stack")?;
    ok(child.0.kill())?;
    same(ok(child.0.wait())?, retcode::SYSCALL_KILL)
}

fn refused(env: &mut Env) -> Outcome {
    let job = root(env);
    let parsed = |bytes: &[u8]| Program::read("scenario", bytes).err();
    same(
        parsed(b"#!/bin/sh"),
        Some(StartError::Elf(ElfError::NotElf)),
    )?;
    let code = |flags, at| file(&[(flags, at, script::code().to_vec(), P)]);
    let writable = parsed(&code(READ | WRITE | EXECUTE, CODE));
    same(
        writable,
        Some(StartError::Elf(ElfError::WritableCode(CODE))),
    )?;
    // Addresses that are not for programs: below, above, and the kernel's.
    for at in [0, P, 1 << 48, 1 << 63, P.wrapping_neg() - P] {
        let program = made(Program::read("scenario", &code(READ | EXECUTE, at)))?;
        let (gift, peer) = ok(EventPair::create())?;
        let result = Builder::new(&job, "nowhere")
            .handle("gift", gift)
            .start(&program);
        holds(
            result.is_err(),
            "nothing is started outside the user's addresses",
        )?;
        same(ok(peer.pending())?, Signals::PEER_CLOSED)?;
    }
    let program = made(Program::read("scenario", &code(READ | EXECUTE, CODE)))?;
    let long = "x".repeat(4096);
    let started = |builder: Builder<'_>| {
        let result = builder.start(&program);
        result.map(Running).map_err(|error| error.status())
    };
    let status = Status::OUT_OF_RANGE;
    fails(started(Builder::new(&job, "long").arg(&long)), status)?;
    fails(started(Builder::new(&job, "stack").stack(0)), status)?;
    fails(started(Builder::new(&job, "stack").stack(u64::MAX)), status)?;
    let status = Status::INVALID_ARGS;
    fails(started(Builder::new(&job, "nul").arg("a\0b")), status)
}
