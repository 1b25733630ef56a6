//! Sockets: bytes one after the other, or datagrams (spec: ipc.md §9).
//!
//! Datagrams lie in the queue of bytes, each behind its length.

use super::{ByteQueue, Head, ObjectRef, Objects, Peer};
use crate::Kernel;
use crate::mem::{Budget, Key, NoMemory};
use jacinth_abi::Signals;

/// One end of a socket, and what was written to the other and not read yet.
#[derive(Debug)]
pub(crate) struct Socket {
    pub(crate) head: Head,
    pub(crate) peer: Peer<Self>,
    pub(crate) kind: SocketKind,
    /// The bytes, with the lengths of datagrams.
    pub(crate) queue: ByteQueue,
    /// How many bytes there are to read.
    pub(crate) size: u64,
    /// Whether nothing is to be written to this end.
    pub(crate) is_write_disabled: bool,
    /// Whether nothing is to be written to the other end, and so nothing to be read here.
    pub(crate) is_read_disabled: bool,
    /// So many bytes to read are told by a signal; 0: none are.
    pub(crate) read_threshold: u64,
    /// Room for so many bytes is told by a signal; 0: none is.
    pub(crate) write_threshold: u64,
}

/// What a socket moves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SocketKind {
    /// Bytes, in any portions.
    Stream,
    /// Portions, each as it was written.
    Datagram,
}

impl SocketKind {
    /// Bytes in front of each portion.
    pub(crate) const fn header(self) -> u64 {
        match self {
            Self::Stream => 0,
            Self::Datagram => 4,
        }
    }
}

impl Socket {
    /// The most bytes that wait at one end: as many as one event may copy.
    pub(crate) const CAPACITY: u64 = 256 << 10;

    /// How many more bytes may be written to the other end.
    pub(crate) const fn room(&self) -> u64 {
        Self::CAPACITY.saturating_sub(self.size)
    }
}

impl Objects {
    /// Makes sure that [`Objects::new_socket`] finds room.
    ///
    /// # Errors
    /// [`NoMemory`].
    pub(crate) fn reserve_socket(&mut self, budget: &mut Budget) -> Result<(), NoMemory> {
        self.sockets.reserve_many(2, budget)
    }

    /// Puts the two ends of a new socket into slots that were reserved.
    pub(crate) fn new_socket(&mut self, kind: SocketKind) -> (Key<Socket>, Key<Socket>) {
        self.new_pair(|koid, peer| Socket {
            head: Head::new(koid, Signals::WRITABLE),
            peer,
            kind,
            queue: ByteQueue::default(),
            size: 0,
            is_write_disabled: false,
            is_read_disabled: false,
            read_threshold: 0,
            write_threshold: 0,
        })
    }
}

impl Kernel {
    /// Lends the queue of an end together with what it needs to change.
    pub(crate) fn with_queue<R>(
        &mut self,
        socket: Key<Socket>,
        act: impl FnOnce(&mut ByteQueue, &mut Objects, &mut crate::mem::Mem) -> R,
    ) -> R {
        let mut queue = core::mem::take(&mut self.objects.get_mut(socket).queue);
        let result = act(&mut queue, &mut self.objects, &mut self.mem);
        self.objects.get_mut(socket).queue = queue;
        result
    }

    /// Has the signals of both ends say how they are.
    pub(crate) fn show_socket(&mut self, socket: Key<Socket>) {
        self.show_end(socket);
        if let Some(peer) = self.objects.get(socket).peer.key {
            self.show_end(peer);
        }
    }

    fn show_end(&mut self, key: Key<Socket>) {
        let socket = self.objects.get(key);
        let room = socket.peer.key.map(|peer| self.objects.get(peer).room());
        let is_writable = room.is_some_and(|room| room != 0) && !socket.is_write_disabled;
        let (read, write) = (socket.read_threshold, socket.write_threshold);
        let told = [
            (Signals::READABLE, socket.size != 0),
            (Signals::WRITABLE, is_writable),
            (Signals::SOCKET_WRITE_DISABLED, socket.is_write_disabled),
            (Signals::SOCKET_PEER_WRITE_DISABLED, socket.is_read_disabled),
            (
                Signals::SOCKET_READ_THRESHOLD,
                read != 0 && socket.size >= read,
            ),
            (
                Signals::SOCKET_WRITE_THRESHOLD,
                // When the other end is gone it stays as it was.
                write != 0
                    && room.map_or_else(
                        || {
                            socket
                                .head
                                .signals
                                .contains(Signals::SOCKET_WRITE_THRESHOLD)
                        },
                        |room| room >= write,
                    ),
            ),
        ];
        let (mut clear, mut set) = (Signals::empty(), Signals::empty());
        for (signal, is_active) in told {
            if is_active { &mut set } else { &mut clear }.insert(signal);
        }
        self.update_signals(ObjectRef::Socket(key), clear, set);
    }
}
