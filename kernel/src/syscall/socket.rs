//! Sockets (spec: ipc.md §9).

use crate::call::{Call, Flow, HandleValue, In, Out, SysResult};
use crate::copy;
use crate::mem::Key;
use crate::object::{Cursor, Object, ObjectRef, Objects, Socket, SocketKind};
use crate::{Access, VirtAddr};
use jacinth_abi::{PolicyCondition, Rights, SocketInfo, Status, limits};

/// `zx_socket_create`: the policy is asked before the options are looked at.
pub(crate) fn socket_create(
    call: &mut Call<'_>,
    options: u32,
    out0: Out<u32>,
    out1: Out<u32>,
) -> SysResult {
    call.enforce(PolicyCondition::NewSocket)?;
    let kind = match options {
        limits::SOCKET_STREAM => SocketKind::Stream,
        limits::SOCKET_DATAGRAM => SocketKind::Datagram,
        _ => return Err(Status::INVALID_ARGS),
    };
    let kernel = &mut *call.kernel;
    kernel
        .objects
        .reserve_socket(&mut kernel.mem.budget)
        .map_err(crate::no_memory)?;
    call.reserve_pair()?;

    // commit
    let (end0, end1) = call.kernel.objects.new_socket(kind);
    call.install_pair((end0, end1), Rights::DEFAULT_SOCKET, (out0, out1))
}

/// `zx_socket_write`: all of it or nothing where a datagram is concerned, or a bad address.
pub(crate) fn socket_write(
    call: &mut Call<'_>,
    handle: HandleValue,
    options: u32,
    buffer: In<u8>,
    buffer_size: u64,
    actual: Out<u64>,
) -> SysResult {
    if (buffer.is_null() && buffer_size != 0) || options != 0 {
        return Err(Status::INVALID_ARGS);
    }
    let key = call.lookup::<Socket>(handle, Rights::WRITE)?;
    let socket = call.kernel.objects.get(key);
    let peer = socket.peer.key.ok_or(Status::PEER_CLOSED)?;
    if socket.is_write_disabled {
        return Err(Status::BAD_STATE);
    }
    if buffer_size == 0 {
        tell(call, actual, 0)?;
        return Ok(Flow::ok());
    }
    let reader = call.kernel.objects.get(peer);
    let moved = portion(reader, buffer_size)?;
    let kind = reader.kind;
    if let Err(status) = fill(call, peer, kind, (buffer, moved), actual) {
        call.kernel
            .with_queue(peer, |queue, objects, mem| queue.trim(objects, mem));
        return Err(status);
    }

    // commit
    let reader = call.kernel.objects.get_mut(peer);
    reader.queue.add(kind.header().saturating_add(moved));
    reader.size = reader.size.saturating_add(moved);
    call.kernel.show_socket(peer);
    Ok(Flow::ok())
}

/// How much of what is to be written is written now.
fn portion(reader: &Socket, bytes: u64) -> Result<u64, Status> {
    if bytes > u64::from(u32::MAX) {
        return Err(Status::INVALID_ARGS);
    }
    match (reader.room(), reader.kind) {
        (0, _) => Err(Status::SHOULD_WAIT),
        (room, SocketKind::Stream) => Ok(bytes.min(room)),
        (_, SocketKind::Datagram) if bytes > Socket::CAPACITY => Err(Status::OUT_OF_RANGE),
        (room, SocketKind::Datagram) if bytes > room => Err(Status::SHOULD_WAIT),
        (_, SocketKind::Datagram) => Ok(bytes),
    }
}

/// Copies what is written to where nobody counts it yet, and tells the writer.
fn fill(
    call: &mut Call<'_>,
    peer: Key<Socket>,
    kind: SocketKind,
    (buffer, bytes): (In<u8>, u64),
    actual: Out<u64>,
) -> Result<(), Status> {
    let room = kind.header().saturating_add(bytes);
    let mut to = call
        .kernel
        .with_queue(peer, |queue, objects, mem| {
            queue.reserve(objects, mem, room)
        })
        .map_err(crate::no_memory)?;
    if kind == SocketKind::Datagram {
        put_length(call, &mut to, bytes)?;
    }
    copy_runs(call, Direction::In, buffer.0, &mut to, bytes)?;
    tell(call, actual, bytes)
}

/// `zx_socket_read`
pub(crate) fn socket_read(
    call: &mut Call<'_>,
    handle: HandleValue,
    options: u32,
    buffer: Out<u8>,
    buffer_size: u64,
    actual: Out<u64>,
) -> SysResult {
    if buffer.is_null() && buffer_size != 0 {
        return Err(Status::INVALID_ARGS);
    }
    let is_peek = match options {
        0 => false,
        limits::SOCKET_PEEK => true,
        _ => return Err(Status::INVALID_ARGS),
    };
    let key = call.lookup::<Socket>(handle, Rights::READ)?;
    if buffer_size > u64::from(u32::MAX) {
        return Err(Status::INVALID_ARGS);
    }
    let socket = call.kernel.objects.get(key);
    if socket.queue.is_empty() {
        return Err(match socket.peer.key {
            None => Status::PEER_CLOSED,
            Some(_) if socket.is_read_disabled => Status::BAD_STATE,
            Some(_) => Status::SHOULD_WAIT,
        });
    }
    let header = socket.kind.header();
    let (available, mut from) = first_portion(call, key)?;
    let moved = available.min(buffer_size);
    copy_runs(call, Direction::Out, buffer.0, &mut from, moved)?;
    tell(call, actual, moved)?;
    if is_peek || moved == 0 {
        return Ok(Flow::ok());
    }

    // commit
    // What does not fit of a datagram is dropped.
    let gone = if header == 0 { moved } else { available };
    let bytes = header.saturating_add(gone);
    call.kernel.with_queue(key, |queue, objects, mem| {
        queue.consume(objects, mem, bytes)
    });
    let socket = call.kernel.objects.get_mut(key);
    socket.size = socket.size.saturating_sub(gone);
    call.kernel.show_socket(key);
    Ok(Flow::ok())
}

/// How many bytes one read can give, and where they are. There are some.
fn first_portion(call: &mut Call<'_>, key: Key<Socket>) -> Result<(u64, Cursor), Status> {
    let socket = call.kernel.objects.get(key);
    let mut from = socket.queue.oldest();
    let available = match socket.kind {
        SocketKind::Stream => socket.size,
        SocketKind::Datagram => length_at(call, &mut from)?,
    };
    Ok((available, from))
}

/// Writes the length of a datagram.
fn put_length(call: &mut Call<'_>, to: &mut Cursor, bytes: u64) -> Result<(), Status> {
    let length = u32::try_from(bytes).map_err(|_| Status::INTERNAL)?;
    for byte in length.to_le_bytes() {
        let at = call.kernel.objects.next_run(to, 1);
        let (at, _) = at.ok_or(Status::INTERNAL)?;
        call.hal.write(at, &[byte]).map_err(|_| Status::INTERNAL)?;
    }
    Ok(())
}

/// Reads the length of a datagram; its bytes are behind that.
fn length_at(call: &mut Call<'_>, from: &mut Cursor) -> Result<u64, Status> {
    let mut length = [0; 4];
    for byte in &mut length {
        let at = call.kernel.objects.next_run(from, 1);
        let (at, _) = at.ok_or(Status::INTERNAL)?;
        let byte = core::slice::from_mut(byte);
        call.hal.read(at, byte).map_err(|_| Status::INTERNAL)?;
    }
    Ok(u32::from_le_bytes(length).into())
}

/// Which way bytes are copied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Direction {
    /// From the program.
    In,
    /// To the program.
    Out,
}

/// Copies between a program's memory and a queue, frame to frame: at most what a socket holds,
/// which is what one event may copy.
fn copy_runs(
    call: &mut Call<'_>,
    direction: Direction,
    user: u64,
    cursor: &mut Cursor,
    bytes: u64,
) -> Result<(), Status> {
    let access = match direction {
        Direction::In => Access::Read,
        Direction::Out => Access::Write,
    };
    let (mut at, mut rest) = (VirtAddr::new(user), bytes);
    while rest != 0 {
        let page = call.user_page(at, access).map_err(copy::as_argument)?;
        let in_page = rest.min(crate::PAGE_SIZE.saturating_sub(at.page_offset()));
        let run = call.kernel.objects.next_run(cursor, in_page);
        let (run, len) = run.ok_or(Status::INTERNAL)?;
        let (to, from) = match direction {
            Direction::In => (run, page),
            Direction::Out => (page, run),
        };
        call.hal.copy(to, from, len).map_err(copy::as_device)?;
        at = at.checked_add(len).ok_or(Status::INVALID_ARGS)?;
        rest = rest.saturating_sub(len);
    }
    Ok(())
}

/// Says how many bytes were moved, if anybody asked.
fn tell(call: &mut Call<'_>, actual: Out<u64>, moved: u64) -> Result<(), Status> {
    if actual.is_null() {
        return Ok(());
    }
    call.write(actual, moved)
}

/// What becomes of writing to an end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Disposition {
    Stays,
    Disabled,
    Enabled,
}

impl Disposition {
    const fn of(flags: u32) -> Result<Self, Status> {
        match flags {
            0 => Ok(Self::Stays),
            limits::SOCKET_DISPOSITION_WRITE_DISABLED => Ok(Self::Disabled),
            limits::SOCKET_DISPOSITION_WRITE_ENABLED => Ok(Self::Enabled),
            _ => Err(Status::INVALID_ARGS),
        }
    }
}

/// `zx_socket_set_disposition`
pub(crate) fn socket_set_disposition(
    call: &mut Call<'_>,
    handle: HandleValue,
    disposition: u32,
    disposition_peer: u32,
) -> SysResult {
    let own = Disposition::of(disposition)?;
    let others = Disposition::of(disposition_peer)?;
    let key = call.lookup::<Socket>(handle, Rights::MANAGE_SOCKET)?;
    let objects = &mut call.kernel.objects;
    let peer = objects.get(key).peer.key;
    if !can_change(objects, peer, own) || !can_change(objects, Some(key), others) {
        return Err(Status::BAD_STATE);
    }

    // commit
    change(objects, Some(key), peer, own);
    change(objects, peer, Some(key), others);
    call.kernel.show_socket(key);
    Ok(Flow::ok())
}

/// Whether the writing to what `reader` reads may change so: not back to enabled, before all was
/// read.
fn can_change(objects: &Objects, reader: Option<Key<Socket>>, to: Disposition) -> bool {
    let reader = reader.map(|reader| objects.get(reader));
    let is_unread = reader.is_some_and(|reader| reader.is_read_disabled && reader.size != 0);
    to != Disposition::Enabled || !is_unread
}

fn change(
    objects: &mut Objects,
    writer: Option<Key<Socket>>,
    reader: Option<Key<Socket>>,
    to: Disposition,
) {
    if to == Disposition::Stays {
        return;
    }
    let is_disabled = to == Disposition::Disabled;
    if let Some(writer) = writer {
        objects.get_mut(writer).is_write_disabled = is_disabled;
    }
    if let Some(reader) = reader {
        objects.get_mut(reader).is_read_disabled = is_disabled;
    }
}

/// What `zx_object_get_info` tells of a socket.
pub(super) fn record(call: &mut Call<'_>, handle: HandleValue) -> Result<SocketInfo, Status> {
    let key = call.lookup::<Socket>(handle, Rights::INSPECT)?;
    let socket = call.kernel.objects.get(key);
    let peer = socket.peer.key.map(|peer| call.kernel.objects.get(peer));
    let mut record = SocketInfo {
        options: match socket.kind {
            SocketKind::Stream => limits::SOCKET_STREAM,
            SocketKind::Datagram => limits::SOCKET_DATAGRAM,
        },
        rx_buf_max: Socket::CAPACITY,
        rx_buf_size: socket.size,
        rx_buf_available: 0,
        tx_buf_max: peer.map_or(0, |_| Socket::CAPACITY),
        tx_buf_size: peer.map_or(0, |peer| peer.size),
    };
    if record.rx_buf_size != 0 {
        (record.rx_buf_available, _) = first_portion(call, key)?;
    }
    Ok(record)
}

/// The thresholds of a socket, as properties.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Threshold {
    /// Of what is to be read.
    Read,
    /// Of the room to write.
    Write,
}

/// Reads a threshold.
pub(super) fn threshold(
    objects: &Objects,
    object: ObjectRef,
    which: Threshold,
) -> Result<u64, Status> {
    let socket = Socket::from_ref(object).ok_or(Status::WRONG_TYPE)?;
    let socket = objects.get(socket);
    Ok(match which {
        Threshold::Read => socket.read_threshold,
        Threshold::Write => socket.write_threshold,
    })
}

/// Sets a threshold; 0 is none.
pub(super) fn set_threshold(
    call: &mut Call<'_>,
    object: ObjectRef,
    which: Threshold,
    value: In<u64>,
) -> SysResult {
    let key = Socket::from_ref(object).ok_or(Status::WRONG_TYPE)?;
    let value = call.read(value)?;
    let socket = call.kernel.objects.get_mut(key);
    if which == Threshold::Write && socket.peer.key.is_none() {
        return Err(Status::PEER_CLOSED);
    }
    if value > Socket::CAPACITY {
        return Err(Status::INVALID_ARGS);
    }

    // commit
    match which {
        Threshold::Read => socket.read_threshold = value,
        Threshold::Write => socket.write_threshold = value,
    }
    call.kernel.show_socket(key);
    Ok(Flow::ok())
}
