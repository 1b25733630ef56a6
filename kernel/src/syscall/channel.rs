//! Channels (spec: ipc.md): so far the reading half, for the bootstrap message.

use crate::call::{Call, Flow, HandleValue, Out, SysResult};
use crate::mem::Key;
use crate::object::{Channel, ObjectRef};
use jacinth_abi::{Rights, Signals, Status, limits};

/// `zx_channel_read`
pub(crate) fn channel_read(
    call: &mut Call<'_>,
    handle: HandleValue,
    options: u32,
    bytes: Out<u8>,
    handles: Out<u32>,
    num_bytes: u32,
    num_handles: u32,
    actual_bytes: Out<u32>,
    actual_handles: Out<u32>,
) -> SysResult {
    let may_discard = match options {
        0 => false,
        limits::CHANNEL_READ_MAY_DISCARD => true,
        _ => return Err(Status::INVALID_ARGS),
    };
    let channel = call.lookup::<Channel>(handle, Rights::READ)?;
    let (len, count) = first_message(call, channel)?;
    for (out, actual) in [(actual_bytes, len), (actual_handles, count)] {
        if !out.is_null() {
            call.write(out, actual)?;
        }
    }
    if len > num_bytes || count > num_handles {
        if may_discard {
            call.kernel.objects.destroy_message(channel);
            lower_readable(call, channel);
        }
        return Err(Status::BUFFER_TOO_SMALL);
    }
    call.kernel.reserve_handles(call.process, count)?;
    let size = |count: u32| usize::try_from(count).unwrap_or(usize::MAX);
    call.touch(bytes.0, size(len))?;
    call.touch(handles.0, size(count).saturating_mul(size_of::<u32>()))?;

    // commit
    deliver(call, channel, bytes, handles)
}

/// The sizes of the oldest message: bytes and handles.
fn first_message(call: &Call<'_>, channel: Key<Channel>) -> Result<(u32, u32), Status> {
    let endpoint = call.kernel.objects.get(channel);
    let message = endpoint
        .messages
        .first()
        .and_then(|key| call.kernel.objects.messages.get(key));
    let Some(message) = message else {
        return Err(if endpoint.peer.is_some() {
            Status::SHOULD_WAIT
        } else {
            Status::PEER_CLOSED
        });
    };
    let len = u32::try_from(message.bytes.len()).map_err(|_| Status::INTERNAL)?;
    let count = u32::try_from(message.handles.len()).map_err(|_| Status::INTERNAL)?;
    Ok((len, count))
}

/// Takes the message out of the queue and hands it over. The reader's bad buffer is the reader's
/// fault: the message is lost with INVALID_ARGS, as in Zircon. Memory was found before.
fn deliver(
    call: &mut Call<'_>,
    channel: Key<Channel>,
    bytes: Out<u8>,
    handles: Out<u32>,
) -> SysResult {
    let objects = &mut call.kernel.objects;
    let key = objects
        .get_mut(channel)
        .messages
        .first()
        .ok_or(Status::SHOULD_WAIT)?;
    let mut endpoint_messages = core::mem::take(&mut objects.get_mut(channel).messages);
    endpoint_messages.remove(&mut objects.messages, key);
    objects.get_mut(channel).messages = endpoint_messages;
    let mut message = objects.messages.remove(key).ok_or(Status::INTERNAL)?;
    lower_readable(call, channel);
    let mut outcome = call.write_bytes(bytes.0, &message.bytes);
    let mut at = handles.0;
    for slot in message.handles.iter_mut() {
        let Some(handle) = slot.take() else {
            continue;
        };
        if outcome.is_err() {
            handle.close(&mut call.kernel.objects);
            continue;
        }
        let value = call
            .kernel
            .objects
            .get_mut(call.process)
            .handles
            .insert_reserved(handle);
        outcome = call.write_bytes(at, &value.to_le_bytes());
        at = at.wrapping_add(4);
        if outcome.is_err() {
            call.kernel.close_handle(call.process, value);
        }
    }
    outcome.map(|()| Flow::OK)
}

/// READABLE goes low with the last message.
fn lower_readable(call: &mut Call<'_>, channel: Key<Channel>) {
    if call.kernel.objects.get(channel).messages.is_empty() {
        call.kernel.update_signals(
            ObjectRef::Channel(channel),
            Signals::READABLE,
            Signals::empty(),
        );
    }
}
