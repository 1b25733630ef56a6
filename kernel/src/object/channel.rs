//! Channel endpoints: the messages that wait in them, and the calls that wait for an answer.

use super::{HandleId, Head, Message, ObjectRef, Objects, Peer};
use crate::Kernel;
use crate::mem::{Budget, Key, Linked, List, NoMemory};
use crate::task::{CallWait, Thread, Waiting};
use jacinth_abi::{Signals, Status, limits};

/// One end of a channel.
#[derive(Debug)]
pub(crate) struct Channel {
    pub(crate) head: Head,
    pub(crate) peer: Peer<Self>,
    /// Messages that were written to the other end and not read yet, oldest first.
    pub(crate) messages: List<Message>,
    /// Threads that wait for the answer to a call through this end.
    callers: List<Thread, Waiting>,
    /// What the transaction id of the last call was made of.
    last_call: u32,
}

impl Channel {
    /// An end in which nothing waits.
    pub(crate) const fn new(koid: u64, signals: Signals, peer: Peer<Self>) -> Self {
        Self {
            head: Head::new(koid, signals),
            peer,
            messages: List::new(),
            callers: List::new(),
            last_call: 0,
        }
    }

    /// Whether threads wait here for the answer to a call.
    pub(super) const fn has_callers(&self) -> bool {
        !self.callers.is_empty()
    }
}

impl Objects {
    /// Makes sure that [`Objects::new_channel`] finds room.
    ///
    /// # Errors
    /// [`NoMemory`].
    pub(crate) fn reserve_channel(&mut self, budget: &mut Budget) -> Result<(), NoMemory> {
        self.channels.reserve_many(2, budget)
    }

    /// Puts the two ends of a new channel into slots that were reserved.
    pub(crate) fn new_channel(&mut self) -> (Key<Channel>, Key<Channel>) {
        self.new_pair(|koid, peer| Channel::new(koid, Signals::WRITABLE, peer))
    }

    /// Takes the oldest message of an end out of its queue; it stays in the pool.
    #[inline]
    fn pop_message(&mut self, channel: Key<Channel>) -> Option<Key<Message>> {
        let endpoint = self.channels.get_mut(channel)?;
        let message = endpoint.messages.pop_front(&mut self.messages);
        if endpoint.messages.is_empty() {
            // Nobody waits for a signal to go.
            endpoint.head.signals.remove(Signals::READABLE);
        }
        message
    }

    /// Forgets the oldest message of an end, which was read: it carries nothing any more.
    #[inline]
    pub(crate) fn end_first_message(&mut self, channel: Key<Channel>) {
        if let Some(message) = self.pop_message(channel) {
            self.end_message(message);
        }
    }

    /// The koid that HANDLE_BASIC calls related (handles-resources.md §7.4).
    pub(crate) fn related_koid(&self, object: ObjectRef) -> u64 {
        match object {
            ObjectRef::Process(key) => self.get(key).job_koid,
            ObjectRef::Job(key) => {
                let parent = self.get(key).parent;
                parent.map_or(0, |parent| self.get(parent).head.koid)
            }
            ObjectRef::Thread(key) => self.get(self.get(key).process).head.koid,
            _ => self.peer_koid(object).unwrap_or(0),
        }
    }
}

impl Kernel {
    /// Takes the oldest message out of an end's queue and closes what it carries; false when there
    /// is none. READABLE goes low with the last one. One unit of teardown work.
    pub(crate) fn destroy_message(&mut self, channel: Key<Channel>) -> bool {
        let message = self.objects.pop_message(channel);
        if let Some(message) = message {
            self.discard(message);
        }
        message.is_some()
    }

    /// Hands a message to an end: to the call that it answers, or else to its queue. How many wait
    /// there then.
    #[inline]
    pub(crate) fn deliver(&mut self, to: Key<Channel>, message: Key<Message>) -> u32 {
        if !self.objects.get(to).callers.is_empty() && self.answer_call(to, message) {
            return 0;
        }
        let Objects {
            channels, messages, ..
        } = &mut self.objects;
        let end = channels.get_mut(to);
        let end = end.expect("a counted reference names a live object");
        end.messages.push_back(messages, message);
        let count = end.messages.len();
        let changed = end.head.change_signals(Signals::empty(), Signals::READABLE);
        if let Some(word) = changed {
            self.tell_observers(ObjectRef::Channel(to), word);
        }
        count
    }

    /// Ends the call that a message answers; false when there is none.
    fn answer_call(&mut self, to: Key<Channel>, message: Key<Message>) -> bool {
        let txid = self.objects.messages.get(message).map_or(0, Message::txid);
        if txid < limits::CHANNEL_FIRST_KERNEL_TXID {
            return false;
        }
        let Some(thread) = self.caller(to, |call| call.txid == txid) else {
            return false;
        };
        self.end_call(to, thread, Ok(message));
        true
    }

    /// Writes a transaction id that no waiting call of this end has into a request, and answers it.
    pub(crate) fn give_txid(&mut self, from: Key<Channel>, request: Key<Message>) -> u32 {
        loop {
            let end = self.objects.get_mut(from);
            end.last_call = end.last_call.wrapping_add(1);
            let txid = end.last_call | limits::CHANNEL_FIRST_KERNEL_TXID;
            if self.caller(from, |call| call.txid == txid).is_none() {
                if let Some(request) = self.objects.messages.get_mut(request) {
                    request.set_txid(txid);
                }
                return txid;
            }
        }
    }

    /// Makes a thread one of those that wait for an answer at an end.
    pub(crate) fn add_caller(&mut self, channel: Key<Channel>, thread: Key<Thread>) {
        let Objects {
            channels, threads, ..
        } = &mut self.objects;
        if let Some(end) = channels.get_mut(channel) {
            end.callers.push_back(threads, thread);
        }
    }

    /// Takes a thread out of those that wait at an end; false when its call was over.
    pub(crate) fn remove_caller(&mut self, channel: Key<Channel>, thread: Key<Thread>) -> bool {
        let Objects {
            channels, threads, ..
        } = &mut self.objects;
        let end = channels.get_mut(channel);
        end.is_some_and(|end| end.callers.remove(threads, thread))
    }

    /// Ends the calls that were made through a handle which goes away.
    pub(super) fn cancel_calls(&mut self, channel: Key<Channel>, handle: HandleId) {
        let mut next = self.first_caller(channel);
        while let Some(thread) = next {
            let waiter = self.objects.get_mut(thread);
            next = Linked::<Waiting>::link(waiter).next();
            let call = CallWait::of(waiter);
            if call.is_some_and(|call| call.handle == handle) {
                self.end_call(channel, thread, Err(Status::CANCELED));
            }
        }
    }

    /// Ends the calls through an end whose other end is gone.
    pub(super) fn end_calls_of_orphan(&mut self, channel: Key<Channel>) {
        while let Some(thread) = self.first_caller(channel) {
            self.end_call(channel, thread, Err(Status::PEER_CLOSED));
        }
    }

    #[inline]
    fn end_call(
        &mut self,
        channel: Key<Channel>,
        thread: Key<Thread>,
        outcome: Result<Key<Message>, Status>,
    ) {
        self.remove_caller(channel, thread);
        if let Some(call) = CallWait::of(self.objects.get_mut(thread)) {
            call.outcome = Some(outcome);
        }
        self.wake(thread);
    }

    /// The first thread that waits at an end for an answer in a call that `is_it`.
    #[inline]
    fn caller(
        &mut self,
        channel: Key<Channel>,
        is_it: impl Fn(&CallWait) -> bool,
    ) -> Option<Key<Thread>> {
        let mut next = self.first_caller(channel);
        while let Some(key) = next {
            let thread = self.objects.threads.get_mut(key)?;
            if CallWait::of(thread).is_some_and(|call| is_it(call)) {
                return Some(key);
            }
            next = Linked::<Waiting>::link(thread).next();
        }
        None
    }

    fn first_caller(&self, channel: Key<Channel>) -> Option<Key<Thread>> {
        self.objects.channels.get(channel)?.callers.first()
    }
}
