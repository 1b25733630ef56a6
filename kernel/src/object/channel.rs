//! Channel endpoints and the messages that wait in them.

use super::{Handle, Head, ObjectRef};
use crate::mem::{KVec, Key, Link, Linked, List};

/// One end of a channel.
#[derive(Debug)]
pub(crate) struct Channel {
    pub(crate) head: Head,
    /// The other end, while it has handles.
    pub(crate) peer: Option<Key<Channel>>,
    /// The other end's koid, kept for good.
    pub(crate) peer_koid: u64,
    /// Messages that were written to the other end and not read yet, oldest first.
    pub(crate) messages: List<Message>,
}

/// One message: bytes, and handles that belong to no process.
#[derive(Debug, Default)]
pub(crate) struct Message {
    pub(crate) bytes: KVec<u8>,
    pub(crate) handles: KVec<Option<Handle>>,
    link: Link<Self>,
}

impl Message {
    /// A message that is in no queue.
    pub(crate) const fn new(bytes: KVec<u8>, handles: KVec<Option<Handle>>) -> Self {
        Self {
            bytes,
            handles,
            link: Link::new(),
        }
    }
}

impl Linked for Message {
    fn link(&mut self) -> &mut Link<Self> {
        &mut self.link
    }
}

impl super::Objects {
    /// Takes one message out of an endpoint's queue and closes what it carries; false when there
    /// is none. One unit of teardown work.
    pub(crate) fn destroy_message(&mut self, channel: Key<Channel>) -> bool {
        let Some(endpoint) = self.channels.get_mut(channel) else {
            return false;
        };
        let Some(key) = endpoint.messages.pop_front(&mut self.messages) else {
            return false;
        };
        let Some(mut message) = self.messages.remove(key) else {
            return false;
        };
        while let Some(handle) = message.handles.pop() {
            if let Some(handle) = handle {
                handle.close(self);
            }
        }
        true
    }

    /// The koid that HANDLE_BASIC calls related (handles-resources.md §7.4).
    pub(crate) fn related_koid(&self, object: ObjectRef) -> u64 {
        match object {
            ObjectRef::Channel(key) => self.get(key).peer_koid,
            ObjectRef::Process(key) => self.get(key).job_koid,
            ObjectRef::Job(key) => {
                let parent = self.get(key).parent;
                parent.map_or(0, |parent| self.get(parent).head.koid)
            }
            ObjectRef::Thread(key) => self.get(self.get(key).process).head.koid,
            _ => 0,
        }
    }
}
