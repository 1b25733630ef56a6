//! Events and event pairs: objects that are nothing but signals.

use super::{Head, Objects, Peer};
use crate::mem::Key;
use jacinth_abi::Signals;

/// An event.
#[derive(Debug)]
pub(crate) struct Event {
    pub(crate) head: Head,
}

/// One end of an event pair.
#[derive(Debug)]
pub(crate) struct EventPair {
    pub(crate) head: Head,
    pub(crate) peer: Peer<Self>,
}

impl Objects {
    /// Puts a new event into a slot that was reserved.
    pub(crate) fn new_event(&mut self) -> Key<Event> {
        let head = Head::new(self.new_koid(), Signals::empty());
        self.events.insert_reserved(Event { head })
    }

    /// Puts a new event pair into two slots that were reserved.
    pub(crate) fn new_event_pair(&mut self) -> (Key<EventPair>, Key<EventPair>) {
        self.new_pair(|koid, peer| EventPair {
            head: Head::new(koid, Signals::empty()),
            peer,
        })
    }
}
