//! Channels: creation, and reading (spec: ipc.md §1.4, §1.5).

use super::message_copy;
use crate::call::{Call, Flow, HandleValue, Out, SysResult};
use crate::mem::Key;
use crate::object::{Channel, Message, Objects};
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
    call.reserve_pair()?;

    // commit
    let (end0, end1) = call.kernel.objects.new_channel();
    call.install_pair((end0, end1), Rights::DEFAULT_CHANNEL, (out0, out1))
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
    let message = first_message(&call.kernel.objects, channel)?;
    let sizes = sizes_of(&call.kernel.objects, message)?;
    if !inbox.has_room(sizes) {
        let told = inbox.tell_sizes(call, sizes);
        if may_discard && told != Err(Status::NO_MEMORY) {
            call.kernel.destroy_message(channel);
        }
        told?;
        return Err(Status::BUFFER_TOO_SMALL);
    }
    match inbox.take(call, message, sizes) {
        Ok(()) => {
            call.kernel.objects.end_first_message(channel);
            Ok(Flow::ok())
        }
        Err(Status::NO_MEMORY) => Err(Status::NO_MEMORY),
        Err(status) => {
            // A bad buffer is the reader's fault: the message is lost, as in Zircon.
            call.kernel.destroy_message(channel);
            Err(status)
        }
    }
}

/// The oldest message.
fn first_message(objects: &Objects, channel: Key<Channel>) -> Result<Key<Message>, Status> {
    let end = objects.get(channel);
    match end.messages.first() {
        Some(message) => Ok(message),
        None if end.peer.key.is_some() => Err(Status::SHOULD_WAIT),
        None => Err(Status::PEER_CLOSED),
    }
}

/// How many bytes and handles a message has.
fn sizes_of(objects: &Objects, key: Key<Message>) -> Result<(u32, u32), Status> {
    let message = objects.messages.get(key).ok_or(Status::INTERNAL)?;
    let size = |len: usize| u32::try_from(len).map_err(|_| Status::INTERNAL);
    Ok((size(message.len())?, size(message.handle_count())?))
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

    /// Copies a message of these sizes to the reader's memory and puts its handles into the reader's
    /// table. What is left of the message is for the caller to end.
    ///
    /// Want of memory may show with part of the bytes copied: they can be copied again. Only handles
    /// must be sure of their memory before they leave the message.
    ///
    /// # Errors
    /// INVALID_ARGS; NO_MEMORY, with the message as it was.
    fn take(
        &self,
        call: &mut Call<'_>,
        key: Key<Message>,
        sizes: (u32, u32),
    ) -> Result<(), Status> {
        let (_, handles) = sizes;
        if handles != 0 {
            self.reserve_handles(call, handles)?;
        }
        self.tell_sizes(call, sizes)?;
        message_copy::write(call, key, self.bytes.0)?;

        // commit
        if handles != 0 {
            self.take_handles(call, key, handles)?;
        }
        Ok(())
    }

    /// Finds room for handles, in the table and in the reader's memory.
    #[inline(never)]
    fn reserve_handles(&self, call: &mut Call<'_>, count: u32) -> Result<(), Status> {
        call.kernel.reserve_handles(call.process, count)?;
        let room = u64::from(count).saturating_mul(self.format.bytes());
        call.touch(self.handles, usize::try_from(room).unwrap_or(usize::MAX))
    }

    /// Says how large a message is, where a reader wants to know.
    #[inline]
    fn tell_sizes(&self, call: &mut Call<'_>, (bytes, handles): (u32, u32)) -> Result<(), Status> {
        let (first, second) = (self.actual_bytes, self.actual_handles);
        if first.is_null() || second.is_null() {
            return self.tell_wanted_sizes(call, (bytes, handles));
        }
        // Programs keep the two side by side: then one copy tells both.
        if second.0.wrapping_sub(first.0) == 4 {
            let both = u64::from(handles) << 32 | u64::from(bytes);
            return call.write_bytes(first.0, &both.to_le_bytes());
        }
        call.write(first, bytes)?;
        call.write(second, handles)
    }

    #[inline(never)]
    fn tell_wanted_sizes(
        &self,
        call: &mut Call<'_>,
        (bytes, handles): (u32, u32),
    ) -> Result<(), Status> {
        for (out, actual) in [(self.actual_bytes, bytes), (self.actual_handles, handles)] {
            if !out.is_null() {
                call.write(out, actual)?;
            }
        }
        Ok(())
    }

    #[inline(never)]
    fn take_handles(
        &self,
        call: &mut Call<'_>,
        key: Key<Message>,
        count: u32,
    ) -> Result<(), Status> {
        let mut at = self.handles;
        let mut values = ArrayVec::<u32, MOST_HANDLES>::new();
        for number in 0..usize::try_from(count).unwrap_or(0) {
            let message = call.kernel.objects.messages.get_mut(key);
            let taken = message.and_then(|message| message.take_handle(number));
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
            values.push(value);
            let written = match self.format {
                InFormat::Values => call.write_bytes(at, &value.to_le_bytes()),
                InFormat::Infos => call.write_bytes(at, &info.to_bytes()),
            };
            if let Err(status) = written {
                for value in values {
                    call.kernel.close_handle(call.process, value);
                }
                return Err(status);
            }
            at = at.wrapping_add(self.format.bytes());
        }
        Ok(())
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
        let taken = self.try_take(call);
        match taken {
            Ok(()) => call.kernel.objects.end_message(self.message),
            Err(Status::NO_MEMORY) => {}
            Err(_) => call.kernel.discard(self.message),
        }
        taken
    }

    fn try_take(self, call: &mut Call<'_>) -> Result<(), Status> {
        let sizes = sizes_of(&call.kernel.objects, self.message)?;
        if !self.inbox.has_room(sizes) {
            return Err(Status::BUFFER_TOO_SMALL);
        }
        // Here both are wanted.
        if self.inbox.actual_bytes.is_null() || self.inbox.actual_handles.is_null() {
            return Err(Status::INVALID_ARGS);
        }
        self.inbox.take(call, self.message, sizes)
    }
}

/// Goes on with an answer for which memory was short.
pub(super) fn resume_reply(call: &mut Call<'_>, reply: Reply) -> SysResult {
    reply.take(call)?;
    Ok(Flow::ok())
}
