//! Writing to channels (spec: ipc.md §1.6, §1.7).
//!
//! The handles of a message are gone from the writer's table on every path on which their values
//! could be read, but for want of memory: then the call can be made again.

use super::message_copy;
use crate::call::{Call, Flow, HandleValue, In, Out, SysResult};
use crate::mem::Key;
use crate::object::{Channel, Handle, HandleId, Message, Object, Objects};
use crate::task::Cause;
use arrayvec::ArrayVec;
use jacinth_abi::{
    ChannelIovec, Field, HandleDisposition, POLICY_CODE_CHANNEL_FULL_WRITE, Record, Rights, Status,
    limits,
};

/// `zx_channel_write`
pub(crate) fn channel_write(
    call: &mut Call<'_>,
    handle: HandleValue,
    options: u32,
    bytes: In<u8>,
    num_bytes: u32,
    handles: In<u32>,
    num_handles: u32,
) -> SysResult {
    let letter = Letter {
        options,
        bytes: bytes.0,
        num_bytes,
        handles: handles.0,
        num_handles,
        format: OutFormat::Values,
    };
    write(call, handle, &letter)
}

/// `zx_channel_write_etc`
pub(crate) fn channel_write_etc(
    call: &mut Call<'_>,
    handle: HandleValue,
    options: u32,
    bytes: In<u8>,
    num_bytes: u32,
    handles: Out<u8>,
    num_handles: u32,
) -> SysResult {
    let letter = Letter {
        options,
        bytes: bytes.0,
        num_bytes,
        handles: handles.0,
        num_handles,
        format: OutFormat::Dispositions,
    };
    write(call, handle, &letter)
}

fn write(call: &mut Call<'_>, handle: HandleValue, letter: &Letter) -> SysResult {
    let begun = match begin(call, handle, Rights::WRITE, letter, 0) {
        Ok(begun) => begun,
        Err(status) => return letter.refuse(call, status),
    };
    let peer = letter.seal(call, &begun)?;
    send(call, peer, begun.message);
    Ok(Flow::ok())
}

/// Queues above this many messages cost the writer an exception (`ZX_CHANNEL` has no flow control).
const MOST_MESSAGES: u32 = 3500;

/// Delivers a message.
#[inline]
pub(super) fn send(call: &mut Call<'_>, peer: Key<Channel>, message: Key<Message>) {
    if call.kernel.deliver(peer, message) > MOST_MESSAGES {
        let cause = Cause::Policy {
            code: POLICY_CODE_CHANNEL_FULL_WRITE,
        };
        call.kernel.raise_after_call(call.thread, cause);
    }
}

/// How a writer names handles.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OutFormat {
    /// `zx_handle_t`
    Values,
    /// `zx_handle_disposition_t`
    Dispositions,
}

impl OutFormat {
    const fn bytes(self) -> usize {
        match self {
            Self::Values => 4,
            Self::Dispositions => HandleDisposition::SIZE,
        }
    }

    fn read(self, bytes: &[u8]) -> HandleDisposition {
        match self {
            Self::Values => HandleDisposition {
                handle: u32::get(bytes),
                rights: Rights::SAME_RIGHTS,
                ..HandleDisposition::default()
            },
            Self::Dispositions => HandleDisposition::from_bytes(bytes),
        }
    }
}

/// What a writer asks to send.
#[derive(Clone, Copy, Debug)]
pub(super) struct Letter {
    pub(super) options: u32,
    pub(super) bytes: u64,
    pub(super) num_bytes: u32,
    pub(super) handles: u64,
    pub(super) num_handles: u32,
    pub(super) format: OutFormat,
}

/// The most handles of a message.
const MOST: usize = 64;
/// The handles of a message.
pub(super) type List = ArrayVec<HandleDisposition, MOST>;
/// How much of an array of handles is read at once: whole entries, of either format.
const READ_BYTES: usize = HandleDisposition::SIZE * 4;

/// A message that has its bytes, and the end that it is written to.
#[derive(Clone, Copy, Debug)]
pub(super) struct Begun {
    pub(super) channel: Key<Channel>,
    /// The handle to that end.
    pub(super) handle: HandleId,
    pub(super) message: Key<Message>,
}

/// What is judged before the handles: options, channel, bytes, and how many handles there are.
#[inline(always)]
pub(super) fn begin(
    call: &mut Call<'_>,
    handle: HandleValue,
    rights: Rights,
    letter: &Letter,
    least_bytes: usize,
) -> Result<Begun, Status> {
    if letter.options & !limits::CHANNEL_WRITE_USE_IOVEC != 0 {
        return Err(Status::INVALID_ARGS);
    }
    let (channel, handle) = call.lookup_with_id::<Channel>(handle, rights)?;
    let len = if letter.options == limits::CHANNEL_WRITE_USE_IOVEC {
        sum_of_pieces(call, letter)?
    } else {
        letter.num_bytes
    };
    if len > limits::CHANNEL_MAX_MSG_BYTES {
        return Err(Status::OUT_OF_RANGE);
    }
    let len = usize::try_from(len).map_err(|_| Status::OUT_OF_RANGE)?;
    if len < least_bytes {
        return Err(Status::INVALID_ARGS);
    }
    let kernel = &mut *call.kernel;
    let budget = &mut kernel.mem.budget;
    // More handles than a message can have are refused below, once the bytes were judged.
    let count = usize::try_from(letter.num_handles).map_or(MOST, |count| count.min(MOST));
    let message = kernel.objects.new_message(len, count, budget);
    let message = message.map_err(crate::no_memory)?;
    let mut filled = letter.fill(call, message, len);
    if letter.num_handles > limits::CHANNEL_MAX_MSG_HANDLES {
        filled = filled.and(Err(Status::OUT_OF_RANGE));
    }
    if let Err(status) = filled {
        call.kernel.objects.end_message(message);
        return Err(status);
    }
    Ok(Begun {
        channel,
        handle,
        message,
    })
}

/// How much the pieces of a message hold. How many they are is bounded by the ABI.
fn sum_of_pieces(call: &mut Call<'_>, letter: &Letter) -> Result<u32, Status> {
    if letter.num_bytes > limits::CHANNEL_MAX_MSG_IOVECS {
        return Err(Status::OUT_OF_RANGE);
    }
    let mut sum = 0u32;
    for index in 0..u64::from(letter.num_bytes) {
        let piece = read_piece(call, letter, index)?;
        if piece.reserved != 0 {
            return Err(Status::INVALID_ARGS);
        }
        sum = sum
            .checked_add(piece.capacity)
            .filter(|sum| *sum <= limits::CHANNEL_MAX_MSG_BYTES)
            .ok_or(Status::OUT_OF_RANGE)?;
    }
    Ok(sum)
}

fn read_piece(call: &mut Call<'_>, letter: &Letter, index: u64) -> Result<ChannelIovec, Status> {
    let mut bytes = ChannelIovec::zeroed_bytes();
    let offset = index.wrapping_mul(u64::try_from(ChannelIovec::SIZE).unwrap_or(0));
    let at = letter
        .bytes
        .checked_add(offset)
        .ok_or(Status::INVALID_ARGS)?;
    call.read_bytes(at, &mut bytes)?;
    Ok(ChannelIovec::from_bytes(&bytes))
}

/// Fills a message from the pieces that were added up.
#[inline(never)]
fn fill_from_pieces(
    call: &mut Call<'_>,
    letter: &Letter,
    message: Key<Message>,
    len: usize,
) -> Result<(), Status> {
    let mut filled = 0usize;
    for index in 0..u64::from(letter.num_bytes) {
        let piece = read_piece(call, letter, index)?;
        let capacity = usize::try_from(piece.capacity).unwrap_or(usize::MAX);
        let end = filled.saturating_add(capacity);
        if end > len {
            break;
        }
        message_copy::read(call, message, filled..end, piece.buffer)?;
        filled = end;
    }
    if filled == len {
        return Ok(());
    }
    // Another thread changed the array since it was added up.
    Err(Status::OUT_OF_RANGE)
}

impl Letter {
    /// Copies the bytes into a message that has so many.
    #[inline(always)]
    fn fill(&self, call: &mut Call<'_>, message: Key<Message>, len: usize) -> Result<(), Status> {
        if self.options == limits::CHANNEL_WRITE_USE_IOVEC {
            return fill_from_pieces(call, self, message, len);
        }
        message_copy::read(call, message, 0..len, self.bytes)
    }

    /// Puts the handles into a message; the end that it goes to. When that fails, the message is
    /// gone.
    #[inline(always)]
    pub(super) fn seal(&self, call: &mut Call<'_>, begun: &Begun) -> Result<Key<Channel>, Status> {
        // Most messages have none.
        let sealed = if self.num_handles == 0 {
            Ok(())
        } else {
            self.put_handles(call, begun)
        };
        // Handles that may not be sent are closed, the last one to this end perhaps among them.
        let sealed = sealed.and_then(|()| {
            let end = call.kernel.objects.get(begun.channel);
            end.peer.key.ok_or(Status::PEER_CLOSED)
        });
        if sealed.is_err() {
            call.kernel.discard(begun.message);
        }
        sealed
    }

    #[inline(never)]
    fn put_handles(&self, call: &mut Call<'_>, begun: &Begun) -> Result<(), Status> {
        let mut list = List::new();
        self.read_list(call, &mut list)?;
        self.judge_all(call, begun.channel, &mut list)?;

        // commit
        take(&list, call, begun.message);
        Ok(())
    }

    /// Judges each handle; if one is not in order, all are gone, with the status of the first.
    #[inline(never)]
    fn judge_all(
        &self,
        call: &mut Call<'_>,
        channel: Key<Channel>,
        list: &mut List,
    ) -> Result<(), Status> {
        let mut first = Ok(());
        for index in 0..list.len() {
            let judged = judge(call, channel, list, index);
            if let (Err(status), Some(entry)) = (judged, list.get_mut(index)) {
                entry.result = status.raw();
                first = first.and(judged);
            }
        }
        let added = list.iter().filter(|entry| is_duplicate(entry)).count();
        let all = usize::try_from(call.kernel.objects.handle_count).unwrap_or(usize::MAX);
        let most = usize::try_from(Objects::MOST_HANDLES).unwrap_or(usize::MAX);
        if first.is_ok() && all.saturating_add(added) > most {
            return Err(Status::NO_MEMORY);
        }
        let Err(status) = first else {
            return Ok(());
        };
        let has_results = self.format == OutFormat::Dispositions;
        if has_results {
            let bytes = list.len().saturating_mul(HandleDisposition::SIZE);
            call.touch(self.handles, bytes)?;
        }

        // commit
        let written = if has_results {
            self.tell_results(call, list)
        } else {
            Ok(())
        };
        close_moved(call, list);
        written.and(Err(status))
    }

    /// Reads the array of handles into an empty list, as much of it as fits there.
    #[inline(never)]
    fn read_list(&self, call: &mut Call<'_>, list: &mut List) -> Result<(), Status> {
        let size = self.format.bytes();
        let count = usize::try_from(self.num_handles).unwrap_or(usize::MAX);
        let (mut at, mut rest) = (self.handles, count.min(MOST).saturating_mul(size));
        while rest != 0 {
            let mut bytes = [0u8; READ_BYTES];
            let now = rest.min(READ_BYTES);
            let piece = bytes.get_mut(..now).ok_or(Status::INTERNAL)?;
            call.read_bytes(at, piece)?;
            list.extend(
                piece
                    .chunks_exact(size)
                    .map(|entry| self.format.read(entry)),
            );
            at = at.wrapping_add(u64::try_from(now).unwrap_or(0));
            rest = rest.saturating_sub(now);
        }
        Ok(())
    }

    /// Writes the array back, with what was wrong.
    fn tell_results(&self, call: &mut Call<'_>, list: &List) -> Result<(), Status> {
        let mut at = self.handles;
        for entry in list {
            call.write_bytes(at, &entry.to_bytes())?;
            at = at.wrapping_add(u64::try_from(HandleDisposition::SIZE).unwrap_or(0));
        }
        Ok(())
    }

    /// Fails with `status`; the handles are gone all the same, however many there are.
    pub(super) fn refuse(&self, call: &mut Call<'_>, status: Status) -> SysResult {
        if status == Status::NO_MEMORY {
            return Err(status);
        }
        let rest = Consume {
            handles: self.handles,
            count: self.num_handles,
            format: self.format,
            status,
        };
        rest.go_on(call)
    }
}

/// Whether a handle may be sent (ipc.md §1.7).
fn judge(call: &Call<'_>, channel: Key<Channel>, list: &List, index: usize) -> Result<(), Status> {
    let entry = list.get(index).ok_or(Status::INTERNAL)?;
    if entry.operation > HandleDisposition::DUPLICATE {
        return Err(Status::INVALID_ARGS);
    }
    let mut before = list.iter().take(index);
    if before.any(|other| other.handle == entry.handle && !is_duplicate(other)) {
        return Err(Status::BAD_HANDLE);
    }
    let (object, rights) = call.lookup_any(entry.handle, Rights::TRANSFER)?;
    if object == Channel::to_ref(channel) {
        return Err(Status::NOT_SUPPORTED);
    }
    if entry.object_type != 0 && entry.object_type != object.object_type().number() {
        return Err(Status::WRONG_TYPE);
    }
    arriving(entry, rights).ok_or(Status::INVALID_ARGS)?;
    if is_duplicate(entry) && !rights.contains(Rights::DUPLICATE) {
        return Err(Status::ACCESS_DENIED);
    }
    Ok(())
}

const fn is_duplicate(entry: &HandleDisposition) -> bool {
    entry.operation == HandleDisposition::DUPLICATE
}

/// The rights that arrive of those that the sender has.
fn arriving(entry: &HandleDisposition, held: Rights) -> Option<Rights> {
    if entry.rights == Rights::SAME_RIGHTS {
        return Some(held);
    }
    Rights::from_bits(entry.rights).filter(|rights| held.contains(*rights))
}

fn close_moved(call: &mut Call<'_>, list: &List) {
    for entry in list.iter().filter(|entry| !is_duplicate(entry)) {
        call.kernel.close_handle(call.process, entry.handle);
    }
}

/// Takes handles that are in order out of the caller's table and puts them into the message, which
/// has room.
fn take(list: &List, call: &mut Call<'_>, message: Key<Message>) {
    for entry in list {
        let objects = &mut call.kernel.objects;
        let table = &mut objects.get_mut(call.process).handles;
        let handle = if is_duplicate(entry) {
            let held = table.get(entry.handle);
            let held = held.map(|held| (held.object(), held.rights()));
            held.and_then(|(object, rights)| {
                let rights = arriving(entry, rights)?;
                Some(Handle::new(objects, object, rights))
            })
        } else {
            let handle = table.remove(entry.handle);
            handle.map(|handle| {
                let rights = arriving(entry, handle.rights()).unwrap_or(handle.rights());
                handle.with_rights(rights)
            })
        };
        if let (Some(handle), Some(message)) = (handle, objects.messages.get_mut(message)) {
            message.push_handle(handle);
        }
    }
}

/// A write that failed, while its handles are being closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Consume {
    handles: u64,
    count: u32,
    format: OutFormat,
    status: Status,
}

impl Consume {
    /// Closes the next handles of the array; what cannot be read cannot be closed.
    pub(crate) fn go_on(mut self, call: &mut Call<'_>) -> SysResult {
        let now = self.count.min(limits::CHANNEL_MAX_MSG_HANDLES);
        let letter = Letter {
            options: 0,
            bytes: 0,
            num_bytes: 0,
            handles: self.handles,
            num_handles: now,
            format: self.format,
        };
        let mut list = List::new();
        match letter.read_list(call, &mut list) {
            Ok(()) => {}
            Err(Status::NO_MEMORY) => return Err(Status::NO_MEMORY),
            Err(_) => return Err(self.status),
        }

        // commit
        close_moved(call, &list);
        self.count = self.count.saturating_sub(now);
        let bytes = list.len().saturating_mul(self.format.bytes());
        self.handles = self.handles.wrapping_add(u64::try_from(bytes).unwrap_or(0));
        if self.count == 0 {
            return Err(self.status);
        }
        Ok(Flow::Again(crate::task::Work::Consume(self)))
    }
}
