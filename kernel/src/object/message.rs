//! Messages: bytes and handles on their way from one end of a channel to the other.
//!
//! A message is made in its slot of the pool, filled there from the writer's memory and read there
//! into the reader's, so that nothing is copied twice. What is short needs no other memory.

use super::{Handle, Objects};
use crate::Kernel;
use crate::mem::{Budget, KVec, Key, Link, Linked, NoMemory};

/// Bytes that lie in the message itself.
const SHORT: usize = 64;
/// Handles that lie in the message itself.
const FEW: usize = 2;
/// A buffer that is not larger than this is kept for the next long message.
const MOST_SPARE: usize = 4096;

/// One message: bytes, and handles that belong to no process.
#[derive(Debug)]
pub(crate) struct Message {
    len: usize,
    short: [u8; SHORT],
    /// Holds all bytes of a message that is longer, and may have room behind them.
    long: KVec<u8>,
    handle_count: usize,
    few: [Option<Handle>; FEW],
    /// Holds the other handles.
    more: KVec<Option<Handle>>,
    link: Link<Self>,
}

impl Message {
    /// How many bytes it has.
    pub(crate) const fn len(&self) -> usize {
        self.len
    }

    /// Its bytes.
    #[inline]
    pub(crate) fn bytes(&self) -> &[u8] {
        if self.len <= SHORT {
            self.short.get(..self.len).unwrap_or_default()
        } else {
            self.long.get(..self.len).unwrap_or_default()
        }
    }

    /// Its bytes, to be filled.
    #[inline]
    pub(crate) fn bytes_mut(&mut self) -> &mut [u8] {
        if self.len <= SHORT {
            self.short.get_mut(..self.len).unwrap_or_default()
        } else {
            self.long.get_mut(..self.len).unwrap_or_default()
        }
    }

    /// How many handles it has.
    pub(crate) const fn handle_count(&self) -> usize {
        self.handle_count
    }

    /// All handles that it has. For audits.
    pub(crate) fn handles(&self) -> impl Iterator<Item = &Handle> {
        self.few.iter().chain(self.more.iter()).flatten()
    }

    /// Adds a handle, for which there is room.
    pub(crate) fn push_handle(&mut self, handle: Handle) {
        match self.few.get_mut(self.handle_count) {
            Some(place) => *place = Some(handle),
            None => self.more.push_reserved(Some(handle)),
        }
        self.handle_count = self.handle_count.saturating_add(1);
    }

    /// Takes a handle out by its number; the others keep theirs.
    pub(crate) fn take_handle(&mut self, number: usize) -> Option<Handle> {
        let place = match number.checked_sub(FEW) {
            None => self.few.get_mut(number),
            Some(behind) => self.more.get_mut(behind),
        };
        place?.take()
    }

    /// Its first four bytes as a transaction id; 0 when it is shorter.
    pub(super) fn txid(&self) -> u32 {
        self.bytes()
            .first_chunk()
            .map_or(0, |bytes| u32::from_le_bytes(*bytes))
    }

    /// Puts a transaction id into its first four bytes, if it has so many.
    pub(super) fn set_txid(&mut self, txid: u32) {
        if let Some(bytes) = self.bytes_mut().first_chunk_mut() {
            *bytes = txid.to_le_bytes();
        }
    }
}

impl Linked for Message {
    fn link(&mut self) -> &mut Link<Self> {
        &mut self.link
    }
}

impl Objects {
    /// Makes a message that is in no queue, with so many bytes, whatever they are, and room for so
    /// many handles. Whoever does not send it gives it to [`Kernel::discard`].
    ///
    /// # Errors
    /// [`NoMemory`], with nothing changed.
    #[inline(never)]
    pub(crate) fn new_message(
        &mut self,
        len: usize,
        handles: usize,
        budget: &mut Budget,
    ) -> Result<Key<Message>, NoMemory> {
        let (mut long, mut more) = (KVec::new(), KVec::new());
        if handles > FEW {
            more.reserve(handles.saturating_sub(FEW), budget)?;
        }
        self.messages.reserve(budget)?;
        if len > SHORT {
            long = self.buffer(len, budget)?;
        }
        Ok(self.messages.insert_reserved(Message {
            len,
            short: [0; SHORT],
            long,
            handle_count: 0,
            few: [None, None],
            more,
            link: Link::new(),
        }))
    }

    /// As [`Objects::new_message`], with these bytes.
    ///
    /// # Errors
    /// [`NoMemory`], with nothing changed.
    pub(crate) fn message_of(
        &mut self,
        bytes: &[u8],
        handles: usize,
        budget: &mut Budget,
    ) -> Result<Key<Message>, NoMemory> {
        let key = self.new_message(bytes.len(), handles, budget)?;
        if let Some(message) = self.messages.get_mut(key) {
            message.bytes_mut().copy_from_slice(bytes);
        }
        Ok(key)
    }

    /// A buffer of at least so many bytes: the spare one, if it is large enough.
    #[inline(never)]
    fn buffer(&mut self, len: usize, budget: &mut Budget) -> Result<KVec<u8>, NoMemory> {
        if self.spare_buffer.len() >= len {
            budget.ask_spare()?;
            return Ok(core::mem::take(&mut self.spare_buffer));
        }
        let mut buffer = KVec::new();
        buffer.extend_with(len, 0, budget)?;
        Ok(buffer)
    }

    /// Forgets a message that is in no queue, and whose handles were taken.
    #[inline]
    pub(crate) fn end_message(&mut self, key: Key<Message>) {
        if let Some(message) = self.messages.get_mut(key)
            && message.len > SHORT
        {
            let buffer = core::mem::take(&mut message.long);
            self.keep_buffer(buffer);
        }
        self.messages.free(key);
    }

    #[inline(never)]
    fn keep_buffer(&mut self, buffer: KVec<u8>) {
        if buffer.len() <= MOST_SPARE {
            self.spare_buffer = buffer;
        }
    }
}

impl Kernel {
    /// Ends a message that is in no queue, and closes what it carries.
    #[inline]
    pub(crate) fn discard(&mut self, key: Key<Message>) {
        let message = self.objects.messages.get(key);
        let count = message.map_or(0, Message::handle_count);
        if count != 0 {
            self.close_handles_of(key, count);
        }
        self.objects.end_message(key);
    }

    #[inline(never)]
    fn close_handles_of(&mut self, key: Key<Message>, count: usize) {
        for number in 0..count {
            let message = self.objects.messages.get_mut(key);
            if let Some(handle) = message.and_then(|message| message.take_handle(number)) {
                self.end_handle(handle);
            }
        }
    }
}
