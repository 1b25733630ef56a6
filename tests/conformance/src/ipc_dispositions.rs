//! Channels: writing handles with types and rights (table E), and calls that need no second thread
//! (table F).

use crate::env::Env;
use crate::ipc_kit::{
    bad_handles, channel, disposition, event, gone, read, values, write_by, write_etc,
};
use crate::kit::{self, H, basic, state};
use crate::{
    Outcome, Scenario,
    check::{fails, holds, ok, same},
};
use alloc::vec::Vec;
use jacinth_abi::{HandleDisposition, ObjectType, Record, Rights, Signals, Status, VmOptions};
use zx::sys::{self, CallBlock, CallBuffers, Input, Output};
use zx::{Address, Region};

pub(crate) const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "channel_write_etc",
        rows: &["ipc:93", "ipc:96", "ipc:99", "ipc:100", "ipc:107"],
        run: writing,
    },
    Scenario {
        name: "channel_write_etc_refused",
        rows: &[
            "ipc:102", "ipc:104", "ipc:106", "ipc:108", "ipc:109", "ipc:114", "ipc:115", "ipc:116",
            "ipc:117", "ipc:118",
        ],
        run: refused,
    },
    Scenario {
        name: "channel_write_etc_bad_buffers",
        rows: &["ipc:110", "ipc:120", "ipc:121"],
        run: bad_buffers,
    },
    Scenario {
        name: "channel_call_past_deadline",
        rows: &["ipc:124", "ipc:131", "ipc:133"],
        run: past_deadline,
    },
    Scenario {
        name: "channel_call_refused",
        rows: &[
            "ipc:132", "ipc:134", "ipc:135", "ipc:143", "ipc:147", "ipc:148", "ipc:149",
        ],
        run: call_refused,
    },
    Scenario {
        name: "channel_call_etc_refused",
        rows: &["ipc:153", "ipc:154", "ipc:156", "ipc:157"],
        run: call_etc_refused,
    },
];

const MOVE: u32 = HandleDisposition::MOVE;
const DUPLICATE: u32 = HandleDisposition::DUPLICATE;

fn results(list: &[HandleDisposition]) -> Vec<i32> {
    list.iter().map(|entry| entry.result).collect()
}

fn writing(_env: &mut Env) -> Outcome {
    let (a, b) = channel()?;
    let event = event()?;
    let koid = ok(basic(event.value()))?.koid;
    let mut list = [disposition(DUPLICATE, event.value()); 4];
    list[1].rights = 0;
    list[2].rights = Rights::WAIT.bits();
    list[3].object_type = ObjectType::Event.number();
    ok(write_etc(a.value(), 0, b"four", &mut list))?;
    same(results(&list), [7; 4].to_vec())?;
    let handles = ok(read(&b))?.handles;
    let infos: Result<Vec<_>, _> = handles.iter().map(|value| basic(*value)).collect();
    let infos = ok(infos)?;
    holds(infos.iter().all(|info| info.koid == koid), "all are it")?;
    let rights: Vec<u32> = infos.iter().map(|info| info.rights).collect();
    same(rights, [0xD003, 0, Rights::WAIT.bits(), 0xD003].to_vec())?;
    ok(kit::close_many(&handles))?;
    same(ok(basic(event.value()))?.koid, koid)?;
    let value = event.into_value();
    for second in [MOVE, DUPLICATE] {
        let mut list = [disposition(MOVE, value), disposition(second, value)];
        let answer = write_etc(a.value(), 0, b"", &mut list);
        fails(answer, Status::BAD_HANDLE)?;
    }
    gone(value)
}

fn refused(env: &mut Env) -> Outcome {
    let (a, b) = channel()?;
    for operation in [2, u32::MAX] {
        let value = event()?.into_value();
        let mut list = [disposition(operation, value)];
        let answer = write_etc(a.value(), 0, b"", &mut list);
        fails(answer, Status::INVALID_ARGS)?;
        same(list[0].result, Status::INVALID_ARGS.raw())?;
        gone(value)?;
    }
    let source = event()?;
    let stays = ok(kit::duplicate(source.value(), Rights::TRANSFER.bits()))?;
    let mut list = [disposition(DUPLICATE, stays.value())];
    let answer = write_etc(a.value(), 0, b"", &mut list);
    fails(answer, Status::ACCESS_DENIED)?;
    ok(basic(stays.value()))?;
    let mut list = [disposition(MOVE, kit::closed_handle()?)];
    let answer = write_etc(a.value(), 0, b"", &mut list);
    fails(answer, Status::BAD_HANDLE)?;
    same(list[0].result, Status::BAD_HANDLE.raw())?;
    let (e0, e1, e2) = (
        event()?.into_value(),
        event()?.into_value(),
        event()?.into_value(),
    );
    let mut list = [e0, e1, e2].map(|value| disposition(MOVE, value));
    list[1].object_type = ObjectType::Port.number();
    let answer = write_etc(a.value(), 0, b"", &mut list);
    fails(answer, Status::WRONG_TYPE)?;
    same(results(&list), [7, Status::WRONG_TYPE.raw(), 7].to_vec())?;
    [e0, e1, e2].into_iter().try_for_each(gone)?;
    let (e0, e1) = (event()?.into_value(), event()?.into_value());
    let mut list = [disposition(MOVE, e0), disposition(9, e1)];
    list[0].rights = Rights::EXECUTE.bits();
    let answer = write_etc(a.value(), 0, b"", &mut list);
    fails(answer, Status::INVALID_ARGS)?;
    same(results(&list), [Status::INVALID_ARGS.raw(); 2].to_vec())?;
    same(state(&b)?, Signals::WRITABLE)?;
    channels(env, a, b)
}

/// The channel handle is wrong; what is to be moved goes, and what is to be duplicated stays.
fn channels(env: &mut Env, a: H, b: H) -> Outcome {
    let attempt = |channel: u32, options: u32, status: Status| {
        let (moved, kept) = (event()?.into_value(), event()?);
        let mut list = [
            disposition(MOVE, moved),
            disposition(DUPLICATE, kept.value()),
        ];
        fails(write_etc(channel, options, b"", &mut list), status)?;
        same(results(&list), [7; 2].to_vec())?;
        ok(basic(kept.value()))?;
        gone(moved)
    };
    for bad in bad_handles()? {
        attempt(bad, 0, Status::BAD_HANDLE)?;
    }
    attempt(event()?.value(), 0, Status::WRONG_TYPE)?;
    let rights = ok(basic(b.value()))?.rights & !Rights::WRITE.bits();
    let b = ok(kit::replace(b.into_value(), rights))?;
    attempt(b.value(), 0, Status::ACCESS_DENIED)?;
    attempt(a.value(), 1, Status::INVALID_ARGS)?;
    let many = |count: usize| -> Result<Vec<HandleDisposition>, crate::Failure> {
        let entry = |_| Ok(disposition(MOVE, event()?.into_value()));
        (0..count).map(entry).collect()
    };
    let mut list = many(65)?;
    let answer = write_etc(a.value(), 0, b"", &mut list);
    fails(answer, Status::OUT_OF_RANGE)?;
    list.iter().try_for_each(|entry| gone(entry.handle))?;
    ok(write_etc(a.value(), 0, b"", &mut many(env.rounds(64, 2))?))?;
    drop(b);
    attempt(a.value(), 0, Status::PEER_CLOSED)
}

/// A page that holds the bytes, read only for the program.
fn read_only(env: &Env, bytes: &[u8]) -> Result<Region, crate::Failure> {
    let vmo = env.paged(1)?;
    ok(kit::write(vmo.value(), bytes, 0))?;
    ok(env.map(&vmo, VmOptions::PERM_READ, 4096))
}

fn bad_buffers(env: &mut Env) -> Outcome {
    let (a, _b) = channel()?;
    let write = |bytes, handles| sys::channel_write_etc(a.value(), 0, bytes, handles);
    let list = [disposition(MOVE, kit::closed_handle()?)].map(|entry| entry.to_bytes());
    let page = read_only(env, &list[0])?;
    let at = Output::At(page.address(0), 20);
    fails(write(Input::Here(b""), at), Status::INVALID_ARGS)?;
    ok(page.unmap())?;
    let null = Output::At(Address::NULL, 20);
    fails(write(Input::Here(b""), null), Status::INVALID_ARGS)?;
    let null = Input::At(Address::NULL, 1);
    fails(write(null, Output::NONE), Status::INVALID_ARGS)
}

/// A call whose answer would have room for 64 bytes and no handles.
fn call(channel: u32, options: u32, deadline: i64, bytes: &[u8], handles: &[u32]) -> sys::Answer {
    let (mut answer, mut sent) = ([0; 64], values(handles));
    let buffers = CallBuffers {
        wr_bytes: Input::Here(bytes),
        wr_handles: Output::Here(&mut sent),
        rd_bytes: Output::Here(&mut answer),
        rd_handles: Output::NONE,
    };
    let (mut len, mut count) = ([0; 4], [0; 4]);
    sys::channel_call(
        channel,
        options,
        deadline,
        CallBlock::Here(buffers),
        &mut len,
        &mut count,
    )
}

fn past_deadline(_env: &mut Env) -> Outcome {
    let (a, b) = channel()?;
    let mut seen = Vec::new();
    for deadline in [0, -1, i64::MIN] {
        let sent = event()?.into_value();
        let answer = call(a.value(), 0, deadline, b"\x05\0\0\0rest", &[sent]);
        fails(answer, Status::TIMED_OUT)?;
        gone(sent)?;
        let request = ok(read(&b))?;
        same(&request.bytes[4..], &b"rest"[..])?;
        ok(kit::close_many(&request.handles))?;
        holds(request.bytes[3] >= 0x80, "the id is the kernel's")?;
        holds(!seen.contains(&request.bytes), "ids differ")?;
        // An answer that comes too late is a message as others are.
        ok(crate::ipc_kit::write(&b, &request.bytes, &[]))?;
        same(ok(read(&a))?.bytes, request.bytes.clone())?;
        seen.push(request.bytes);
    }
    let soon = ok(kit::now())?.saturating_add(1_000_000);
    fails(call(a.value(), 0, soon, b"four", &[]), Status::TIMED_OUT)?;
    holds(ok(kit::now())? >= soon, "not early")?;
    same(ok(read(&b))?.bytes.len(), 4)
}

fn call_refused(env: &mut Env) -> Outcome {
    let (a, b) = channel()?;
    let attempt = |channel: u32, options: u32, bytes: &[u8], status: Status| {
        let sent = event()?.into_value();
        let answer = call(channel, options, i64::MAX, bytes, &[sent]);
        fails(answer, status)?;
        gone(sent)
    };
    attempt(a.value(), 0, b"abc", Status::INVALID_ARGS)?;
    attempt(a.value(), 0xff, b"abcd", Status::INVALID_ARGS)?;
    for bad in bad_handles()? {
        attempt(bad, 0, b"abcd", Status::BAD_HANDLE)?;
    }
    attempt(event()?.value(), 0, b"abcd", Status::WRONG_TYPE)?;
    for at in [Address::NULL, kit::unmapped_page(env)?] {
        let block = CallBlock::At(at);
        let answer = sys::channel_call(a.value(), 0, 0, block, &mut [0; 4], &mut [0; 4]);
        fails(answer, Status::INVALID_ARGS)?;
    }
    let value = a.value();
    let (c, d) = channel()?;
    let own = c.into_value();
    let answer = call(own, 0, i64::MAX, b"abcd", &[own]);
    fails(answer, Status::NOT_SUPPORTED)?;
    same(state(&d)?, Signals::PEER_CLOSED)?;
    attempt(d.value(), 0, b"abcd", Status::PEER_CLOSED)?;
    same(state(&b)?, Signals::WRITABLE)?;
    ok(basic(value))?;
    for right in [Rights::READ, Rights::WRITE] {
        let (c, _d) = channel()?;
        let rights = ok(basic(c.value()))?.rights & !right.bits();
        let c = ok(kit::replace(c.into_value(), rights))?;
        attempt(c.value(), 0, b"abcd", Status::ACCESS_DENIED)?;
    }
    Ok(())
}

fn call_etc(
    channel: u32,
    options: u32,
    bytes: &[u8],
    list: &mut [HandleDisposition],
) -> sys::Answer {
    let mut raw: Vec<u8> = list.iter().flat_map(Record::to_bytes).collect();
    let buffers = CallBuffers {
        wr_bytes: Input::Here(bytes),
        wr_handles: Output::Here(&mut raw),
        rd_bytes: Output::NONE,
        rd_handles: Output::NONE,
    };
    let block = CallBlock::Here(buffers);
    let answer = sys::channel_call_etc(channel, options, i64::MAX, block, &mut [0; 4], &mut [0; 4]);
    for (entry, bytes) in list.iter_mut().zip(raw.chunks_exact(20)) {
        *entry = HandleDisposition::from_bytes(bytes);
    }
    answer
}

fn call_etc_refused(_env: &mut Env) -> Outcome {
    let (a, b) = channel()?;
    let values = [
        event()?.into_value(),
        event()?.into_value(),
        kit::closed_handle()?,
    ];
    let mut list = values.map(|value| disposition(MOVE, value));
    list[1].object_type = ObjectType::Channel.number();
    let answer = call_etc(a.value(), 0, b"abcd", &mut list);
    fails(answer, Status::WRONG_TYPE)?;
    let (wrong, bad) = (Status::WRONG_TYPE.raw(), Status::BAD_HANDLE.raw());
    same(results(&list), [7, wrong, bad].to_vec())?;
    values.into_iter().try_for_each(gone)?;
    let mut own = [disposition(DUPLICATE, a.value())];
    let answer = call_etc(a.value(), 0, b"abcd", &mut own);
    fails(answer, Status::NOT_SUPPORTED)?;
    ok(basic(a.value()))?;
    fails(
        call_etc(a.value(), 1, b"abcd", &mut []),
        Status::INVALID_ARGS,
    )?;
    fails(
        call_etc(a.value(), 0, b"abc", &mut []),
        Status::INVALID_ARGS,
    )?;
    let block = CallBlock::At(Address::NULL);
    let answer = sys::channel_call_etc(a.value(), 0, 0, block, &mut [0; 4], &mut [0; 4]);
    fails(answer, Status::INVALID_ARGS)?;
    same(state(&b)?, Signals::WRITABLE)?;
    drop(b);
    let value = event()?.into_value();
    let mut list = [disposition(MOVE, value)];
    let answer = call_etc(a.value(), 0, b"abcd", &mut list);
    fails(answer, Status::PEER_CLOSED)?;
    gone(value)?;
    fails(write_by(a.value(), 0, b"", &[]), Status::PEER_CLOSED)
}
