//! Objects that come in pairs: channels, event pairs, FIFOs, sockets.

use super::{Channel, EventPair, Fifo, Object, ObjectRef, Objects, Socket};
use crate::Kernel;
use crate::mem::Key;
use jacinth_abi::Signals;

/// The other end of an object, as each end knows it.
#[derive(Debug)]
pub(crate) struct Peer<T> {
    /// The end itself, while it has handles.
    pub(crate) key: Option<Key<T>>,
    /// Its koid, for good.
    pub(crate) koid: u64,
}

/// A kind of object that comes in pairs.
pub(crate) trait Paired: Object {
    /// What this end knows of the other.
    fn peer(&mut self) -> &mut Peer<Self>;
}

macro_rules! pairs {
    ($($kind:ident),+) => {
        $(impl Paired for $kind {
            fn peer(&mut self) -> &mut Peer<Self> {
                &mut self.peer
            }
        })+

        impl Objects {
            /// The other end: `None` where there is no such thing, `Some(None)` when it is gone.
            pub(crate) fn peer_of(&self, object: ObjectRef) -> Option<Option<ObjectRef>> {
                match object {
                    $(ObjectRef::$kind(key) => Some(self.get(key).peer.key.map(ObjectRef::$kind)),)+
                    _ => None,
                }
            }

            /// The koid of the other end, there or gone.
            pub(super) fn peer_koid(&self, object: ObjectRef) -> Option<u64> {
                match object {
                    $(ObjectRef::$kind(key) => Some(self.get(key).peer.koid),)+
                    _ => None,
                }
            }
        }
    };
}

pairs!(Channel, EventPair, Fifo, Socket);

impl Objects {
    /// Puts two ends that `make` makes of their koids into slots that were reserved.
    pub(super) fn new_pair<T: Paired>(
        &mut self,
        mut make: impl FnMut(u64, Peer<T>) -> T,
    ) -> (Key<T>, Key<T>) {
        let (koid0, koid1) = (self.new_koid(), self.new_koid());
        let peer = |key, koid| Peer { key, koid };
        let end0 = T::pool_mut(self).insert_reserved(make(koid0, peer(None, koid1)));
        let end1 = T::pool_mut(self).insert_reserved(make(koid1, peer(Some(end0), koid0)));
        self.get_mut(end0).peer().key = Some(end1);
        (end0, end1)
    }
}

impl Kernel {
    /// The last handle to an end is gone: the other end, if it is still there, sees it in the same
    /// step.
    pub(super) fn part_from_peer<T: Paired>(&mut self, key: Key<T>) -> Option<Key<T>> {
        let peer = self.objects.get_mut(key).peer().key.take()?;
        let other = self.objects.get_mut(peer);
        other.peer().key = None;
        let changed = other
            .head_mut()
            .change_signals(Signals::WRITABLE, Signals::PEER_CLOSED);
        if let Some(word) = changed {
            self.tell_observers(T::to_ref(peer), word);
        }
        Some(peer)
    }
}
