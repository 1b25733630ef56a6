//! Channels: creation, and reading (spec: ipc.md §1.4, §1.5).

use crate::call::{Call, Flow, HandleValue, Out, Spot, SysResult};
use crate::mem::Key;
use crate::object::{Channel, Message};
use arrayvec::ArrayVec;
use jacinth_abi::{PolicyCondition, ReceivedHandle, Record, Rights, Status, limits};

/// The most handles of a message.
const MOST_HANDLES: usize = 64;
const _: () = assert!(
    limits::CHANNEL_MAX_MSG_HANDLES == 64,
    "the array has room for them"
);

/// `zx_channel_create`
pub(crate) fn channel_create(
    call: &mut Call<'_>,
    options: u32,
    out0: Out<u32>,
    out1: Out<u32>,
) -> SysResult {
    if options != 0 {
        return Err(Status::INVALID_ARGS);
    }
    call.enforce(PolicyCondition::NewChannel)?;
    call.kernel
        .objects
        .reserve_channel(&mut call.kernel.mem.budget)
        .map_err(crate::no_memory)?;
    let spots = call.reserve_pair(out0, out1)?;

    // commit
    let (end0, end1) = call.kernel.objects.new_channel();
    call.install_pair((end0, end1), Rights::DEFAULT_CHANNEL, (out0, out1), spots)
}

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
    let inbox = Inbox {
        bytes,
        handles: handles.0,
        num_bytes,
        num_handles,
        actual_bytes,
        actual_handles,
        format: InFormat::Values,
    };
    read(call, handle, options, &inbox)
}

/// `zx_channel_read_etc`
pub(crate) fn channel_read_etc(
    call: &mut Call<'_>,
    handle: HandleValue,
    options: u32,
    bytes: Out<u8>,
    handles: Out<u8>,
    num_bytes: u32,
    num_handles: u32,
    actual_bytes: Out<u32>,
    actual_handles: Out<u32>,
) -> SysResult {
    let inbox = Inbox {
        bytes,
        handles: handles.0,
        num_bytes,
        num_handles,
        actual_bytes,
        actual_handles,
        format: InFormat::Infos,
    };
    read(call, handle, options, &inbox)
}

/// The handle is judged before the options, unlike in a write.
fn read(call: &mut Call<'_>, handle: HandleValue, options: u32, inbox: &Inbox) -> SysResult {
    let channel = call.lookup::<Channel>(handle, Rights::READ)?;
    let may_discard = match options {
        0 => false,
        limits::CHANNEL_READ_MAY_DISCARD => true,
        _ => return Err(Status::NOT_SUPPORTED),
    };
    let sizes = first_message(call, channel)?;
    let actuals = inbox.find_actuals(call)?;
    if !inbox.has_room(sizes) {
        let told = inbox.tell_sizes(call, actuals, sizes);
        if may_discard {
            call.kernel.destroy_message(channel);
            call.kernel.lower_readable(channel);
        }
        told?;
        return Err(Status::BUFFER_TOO_SMALL);
    }
    let [_, found] = actuals;
    let body = inbox.reserve(call, found, sizes)?;

    // commit
    let Some(message) = call.kernel.take_message(channel) else {
        return Err(Status::SHOULD_WAIT);
    };
    inbox.tell_and_take(call, message, (actuals, body))
}

/// The sizes of the oldest message: bytes and handles.
fn first_message(call: &Call<'_>, channel: Key<Channel>) -> Result<(u32, u32), Status> {
    let endpoint = call.kernel.objects.get(channel);
    let message = endpoint
        .messages
        .first()
        .and_then(|key| call.kernel.objects.messages.get(key));
    match message {
        Some(message) => sizes_of(message),
        None if endpoint.peer.key.is_some() => Err(Status::SHOULD_WAIT),
        None => Err(Status::PEER_CLOSED),
    }
}

fn sizes_of(message: &Message) -> Result<(u32, u32), Status> {
    let size = |len: usize| u32::try_from(len).map_err(|_| Status::INTERNAL);
    Ok((size(message.bytes.len())?, size(message.handles.len())?))
}

/// How a reader is told of handles.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum InFormat {
    /// `zx_handle_t`
    Values,
    /// `zx_handle_info_t`
    Infos,
}

impl InFormat {
    const fn bytes(self) -> u64 {
        match self {
            Self::Values => 4,
            Self::Infos => 16,
        }
    }
}

/// Where a message goes in a reader's memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Inbox {
    pub(crate) bytes: Out<u8>,
    pub(crate) handles: u64,
    pub(crate) num_bytes: u32,
    pub(crate) num_handles: u32,
    pub(crate) actual_bytes: Out<u32>,
    pub(crate) actual_handles: Out<u32>,
    pub(crate) format: InFormat,
}

impl Inbox {
    const fn has_room(&self, (bytes, handles): (u32, u32)) -> bool {
        bytes <= self.num_bytes && handles <= self.num_handles
    }

    /// Finds the memory for the sizes.
    fn find_actuals(&self, call: &mut Call<'_>) -> Result<[Spot; 2], Status> {
        let bytes = call.find_wanted(Spot::NONE, self.actual_bytes)?;
        Ok([bytes, call.find_wanted(bytes, self.actual_handles)?])
    }

    /// Finds all the memory that taking a message of these sizes needs; where its bytes go.
    fn reserve(
        &self,
        call: &mut Call<'_>,
        found: Spot,
        (bytes, handles): (u32, u32),
    ) -> Result<Spot, Status> {
        let size = |count: u64| usize::try_from(count).unwrap_or(usize::MAX);
        let spot = call.find(found, self.bytes.0, size(bytes.into()))?;
        if handles != 0 {
            call.kernel.reserve_handles(call.process, handles)?;
            let room = u64::from(handles).saturating_mul(self.format.bytes());
            call.touch(self.handles, size(room))?;
        }
        Ok(spot)
    }

    /// Says how large a message is, where a reader wants to know.
    fn tell_sizes(
        &self,
        call: &mut Call<'_>,
        actuals: [Spot; 2],
        (bytes, handles): (u32, u32),
    ) -> Result<(), Status> {
        let outs = [(self.actual_bytes, bytes), (self.actual_handles, handles)];
        for ((out, actual), spot) in outs.into_iter().zip(actuals) {
            if !out.is_null() {
                call.write_at(spot, out.0, &actual.to_le_bytes())?;
            }
        }
        Ok(())
    }

    /// Hands a message over that was taken from its queue. The reader's bad buffer is the reader's
    /// fault: the message is lost with INVALID_ARGS, as in Zircon. Memory was found before.
    fn tell_and_take(
        &self,
        call: &mut Call<'_>,
        message: Message,
        (actuals, body): ([Spot; 2], Spot),
    ) -> SysResult {
        let outcome = sizes_of(&message)
            .and_then(|sizes| self.tell_sizes(call, actuals, sizes))
            .and_then(|()| call.write_at(body, self.bytes.0, &message.bytes));
        match outcome {
            Ok(()) if message.handles.is_empty() => Ok(Flow::ok()),
            Ok(()) => self.take_handles(call, message),
            Err(status) => {
                call.kernel.end_message(message);
                Err(status)
            }
        }
    }

    fn take_handles(&self, call: &mut Call<'_>, mut message: Message) -> SysResult {
        let mut at = self.handles;
        let mut values = ArrayVec::<u32, MOST_HANDLES>::new();
        for index in 0..message.handles.len() {
            let taken = message.handles.get_mut(index).and_then(Option::take);
            let Some(handle) = taken else { continue };
            let (object, rights) = (handle.object(), handle.rights());
            // Waits that were made through it where it came from end here.
            call.kernel.cancel_waits(object, handle.id());
            let process = call.kernel.objects.get_mut(call.process);
            let value = process.handles.insert_reserved(handle);
            let info = ReceivedHandle {
                handle: value,
                object_type: object.object_type().number(),
                rights: rights.bits(),
                unused: 0,
            };
            let written = match self.format {
                InFormat::Values => call.write_bytes(at, &value.to_le_bytes()),
                InFormat::Infos => call.write_bytes(at, &info.to_bytes()),
            };
            if let Err(status) = written {
                for value in values.into_iter().chain([value]) {
                    call.kernel.close_handle(call.process, value);
                }
                call.kernel.end_message(message);
                return Err(status);
            }
            values.push(value);
            at = at.wrapping_add(self.format.bytes());
        }
        Ok(Flow::ok())
    }
}

/// The answer to a call, on its way to the caller. It owns its message, which is in no queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Reply {
    pub(crate) message: Key<Message>,
    pub(crate) inbox: Inbox,
}

impl Reply {
    /// Hands the answer over (ipc.md §1.9); the message is gone unless memory is short.
    ///
    /// # Errors
    /// BUFFER_TOO_SMALL, INVALID_ARGS, NO_MEMORY.
    pub(crate) fn take(self, call: &mut Call<'_>) -> Result<(), Status> {
        let objects = &call.kernel.objects;
        let message = objects.messages.get(self.message).ok_or(Status::INTERNAL)?;
        let sizes = sizes_of(message)?;
        if !self.inbox.has_room(sizes) {
            call.kernel.discard(self.message);
            return Err(Status::BUFFER_TOO_SMALL);
        }
        let actuals = self.inbox.find_actuals(call)?;
        let [_, found] = actuals;
        let body = self.inbox.reserve(call, found, sizes)?;

        // commit
        let Some(message) = call.kernel.objects.messages.remove(self.message) else {
            return Err(Status::INTERNAL);
        };
        if self.inbox.actual_bytes.is_null() || self.inbox.actual_handles.is_null() {
            // Here both are wanted.
            call.kernel.end_message(message);
            return Err(Status::INVALID_ARGS);
        }
        let taken = self.inbox.tell_and_take(call, message, (actuals, body));
        taken.map(|_| ())
    }
}

/// Goes on with an answer for which memory was short.
pub(super) fn resume_reply(call: &mut Call<'_>, reply: Reply) -> SysResult {
    reply.take(call)?;
    Ok(Flow::ok())
}
