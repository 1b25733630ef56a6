//! Short words for scenarios of channels, events, ports and timers.

use crate::check::{fails, ok};
use crate::kit::{self, H};
use crate::{Failure, Outcome};
use alloc::vec;
use alloc::vec::Vec;
use jacinth_abi::{HandleDisposition, PortPacket, Record, Rights, Signals, Status, WaitItem};
use zx::sys::{self, Answer, Input, Output};

fn owned(value: [u8; 4]) -> H {
    H::from_value(u32::from_le_bytes(value))
}

/// The two ends of a new channel.
#[track_caller]
pub(crate) fn channel() -> Result<(H, H), Failure> {
    let (mut a, mut b) = ([0; 4], [0; 4]);
    ok(sys::channel_create(0, &mut a, &mut b))?;
    Ok((owned(a), owned(b)))
}

#[track_caller]
pub(crate) fn event() -> Result<H, Failure> {
    let mut out = [0; 4];
    ok(sys::event_create(0, &mut out))?;
    Ok(owned(out))
}

#[track_caller]
pub(crate) fn event_pair() -> Result<(H, H), Failure> {
    let (mut a, mut b) = ([0; 4], [0; 4]);
    ok(sys::eventpair_create(0, &mut a, &mut b))?;
    Ok((owned(a), owned(b)))
}

#[track_caller]
pub(crate) fn port() -> Result<H, Failure> {
    let mut out = [0; 4];
    ok(sys::port_create(0, &mut out))?;
    Ok(owned(out))
}

#[track_caller]
pub(crate) fn timer() -> Result<H, Failure> {
    let mut out = [0; 4];
    ok(sys::timer_create(0, 0, &mut out))?;
    Ok(owned(out))
}

/// Values that are no handles.
#[track_caller]
pub(crate) fn bad_handles() -> Result<[u32; 3], Failure> {
    Ok([kit::closed_handle()?, 0, u32::MAX])
}

/// Checks that nothing has this value.
#[track_caller]
pub(crate) fn gone(value: u32) -> Outcome {
    fails(kit::basic(value), Status::BAD_HANDLE)
}

pub(crate) fn values(handles: &[u32]) -> Vec<u8> {
    handles
        .iter()
        .flat_map(|value| value.to_le_bytes())
        .collect()
}

pub(crate) fn write(channel: &H, bytes: &[u8], handles: &[u32]) -> Answer {
    write_by(channel.value(), 0, bytes, handles)
}

pub(crate) fn write_by(channel: u32, options: u32, bytes: &[u8], handles: &[u32]) -> Answer {
    let handles = values(handles);
    sys::channel_write(channel, options, Input::Here(bytes), Input::Here(&handles))
}

/// A message as it was read.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Read {
    pub(crate) bytes: Vec<u8>,
    pub(crate) handles: Vec<u32>,
}

/// What a read answered, and the two sizes that it told.
pub(crate) fn read_into(
    channel: u32,
    options: u32,
    bytes: &mut [u8],
    handles: &mut [u8],
) -> (Answer, u32, u32) {
    let (mut actual_bytes, mut actual_handles) = ([0xee; 4], [0xee; 4]);
    let answer = sys::channel_read(
        channel,
        options,
        Output::Here(bytes),
        Output::Here(handles),
        &mut actual_bytes,
        &mut actual_handles,
    );
    let sizes = [actual_bytes, actual_handles].map(u32::from_le_bytes);
    (answer, sizes[0], sizes[1])
}

/// Reads a message of at most 100 bytes and 64 handles.
pub(crate) fn read(channel: &H) -> Result<Read, Status> {
    let (mut bytes, mut handles) = (vec![0; 100], vec![0; 64 * 4]);
    let (answer, len, count) = read_into(channel.value(), 0, &mut bytes, &mut handles);
    answer?;
    bytes.truncate(len as usize);
    let values = handles.as_chunks().0.iter().copied();
    let handles = values.map(u32::from_le_bytes).take(count as usize);
    Ok(Read {
        bytes,
        handles: handles.collect(),
    })
}

/// A disposition that moves or duplicates whatever a handle is, with its rights.
pub(crate) fn disposition(operation: u32, handle: u32) -> HandleDisposition {
    HandleDisposition {
        operation,
        handle,
        object_type: 0,
        rights: Rights::SAME_RIGHTS,
        result: 7,
    }
}

/// Writes, and answers what became of the dispositions.
pub(crate) fn write_etc(
    channel: u32,
    options: u32,
    bytes: &[u8],
    list: &mut [HandleDisposition],
) -> Answer {
    let mut raw: Vec<u8> = list.iter().flat_map(Record::to_bytes).collect();
    let answer =
        sys::channel_write_etc(channel, options, Input::Here(bytes), Output::Here(&mut raw));
    for (entry, bytes) in list.iter_mut().zip(raw.chunks_exact(20)) {
        *entry = HandleDisposition::from_bytes(bytes);
    }
    answer
}

/// An item that waits for signals of a handle.
pub(crate) fn item(handle: u32, waitfor: Signals) -> WaitItem {
    WaitItem {
        handle,
        waitfor: waitfor.bits(),
        pending: 0xeeee_eeee,
    }
}

pub(crate) fn wait_many(items: &mut [WaitItem], deadline: i64) -> Answer {
    let mut raw: Vec<u8> = items.iter().flat_map(Record::to_bytes).collect();
    let answer = sys::object_wait_many(Output::Here(&mut raw), deadline);
    for (item, bytes) in items.iter_mut().zip(raw.chunks_exact(12)) {
        *item = WaitItem::from_bytes(bytes);
    }
    answer
}

pub(crate) fn port_wait(port: &H, deadline: i64) -> Result<PortPacket, Status> {
    let mut packet = [0xee; 48];
    sys::port_wait(port.value(), deadline, &mut packet)?;
    Ok(PortPacket::from_bytes(&packet))
}

/// Queues a user's packet with a key.
pub(crate) fn port_queue(port: &H, key: u64) -> Answer {
    let packet = PortPacket {
        key,
        packet_type: 77,
        status: -3,
        payload: [key as u8; 32],
    };
    sys::port_queue(port.value(), &mut packet.to_bytes())
}

pub(crate) fn wait_async(source: &H, port: &H, key: u64, signals: Signals, options: u32) -> Answer {
    sys::object_wait_async(source.value(), port.value(), key, signals.bits(), options)
}
