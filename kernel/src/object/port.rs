//! Ports, and the packets that wait in them (spec: ipc.md §3).
//!
//! What `zx_object_wait_async` registers is a packet from the start: it waits in the list of the
//! registered until its observer matches, and then joins the queue. So no match needs memory.

mod cancel;

pub(crate) use cancel::Cancel;

use super::{HandleId, Head, Objects, Observer};
use crate::Kernel;
use crate::mem::{Key, Link, Linked, List};
use crate::task::{PortWait, Thread, Waiting};
use jacinth_abi::{PacketSignal, PortPacket, Record, Signals};

/// A port.
#[derive(Debug)]
pub(crate) struct Port {
    pub(crate) head: Head,
    /// Packets to be read, oldest first.
    queue: List<Packet>,
    /// Packets whose signals have not come yet.
    registered: List<Packet>,
    /// Threads that wait for a packet; empty whenever there is one that none of them was woken for.
    waiters: List<Thread, Waiting>,
    /// How many of the queue are of users.
    user_packets: u32,
}

impl Port {
    /// Whether it holds no packet, queued or registered.
    pub(super) const fn is_empty(&self) -> bool {
        self.queue.is_empty() && self.registered.is_empty()
    }
}

/// A packet, queued or registered.
#[derive(Debug)]
pub(crate) struct Packet {
    port: Key<Port>,
    key: u64,
    body: Body,
    link: Link<Self>,
    unstamped: Link<Self>,
}

#[derive(Debug)]
enum Body {
    User {
        status: i32,
        payload: [u8; 32],
    },
    Signal {
        /// The handle that the wait was made through.
        source: HandleId,
        /// While it is registered.
        observer: Option<Key<Observer>>,
        trigger: Signals,
        observed: Signals,
        is_stamped: bool,
        timestamp: i64,
    },
}

impl Linked for Packet {
    fn link(&mut self) -> &mut Link<Self> {
        &mut self.link
    }
}

/// Lists of packets that are to be told what time it is.
#[derive(Debug)]
pub(crate) struct Unstamped;

impl Linked<Unstamped> for Packet {
    fn link(&mut self) -> &mut Link<Self> {
        &mut self.unstamped
    }
}

impl Packet {
    /// What a user queues.
    pub(crate) fn user(port: Key<Port>, packet: &PortPacket) -> Self {
        let body = Body::User {
            status: packet.status,
            payload: packet.payload,
        };
        Self::new(port, packet.key, body)
    }

    /// What will tell of signals.
    pub(crate) fn signal(
        port: Key<Port>,
        key: u64,
        source: HandleId,
        trigger: Signals,
        is_stamped: bool,
    ) -> Self {
        let body = Body::Signal {
            source,
            observer: None,
            trigger,
            observed: Signals::empty(),
            is_stamped,
            timestamp: 0,
        };
        Self::new(port, key, body)
    }

    const fn new(port: Key<Port>, key: u64, body: Body) -> Self {
        Self {
            port,
            key,
            body,
            link: Link::new(),
            unstamped: Link::new(),
        }
    }

    /// As a program reads it.
    pub(crate) fn record(&self) -> PortPacket {
        match &self.body {
            Body::User { status, payload } => PortPacket {
                key: self.key,
                packet_type: PortPacket::USER,
                status: *status,
                payload: *payload,
            },
            Body::Signal {
                trigger,
                observed,
                timestamp,
                ..
            } => {
                let signal = PacketSignal {
                    trigger: trigger.bits(),
                    observed: observed.bits(),
                    count: 1,
                    timestamp: *timestamp,
                    reserved: 0,
                };
                PortPacket {
                    key: self.key,
                    packet_type: PortPacket::SIGNAL_ONE,
                    status: 0,
                    payload: signal.to_bytes(),
                }
            }
        }
    }

    const fn is_user(&self) -> bool {
        matches!(self.body, Body::User { .. })
    }

    fn is_from(&self, handle: HandleId) -> bool {
        matches!(self.body, Body::Signal { source, .. } if source == handle)
    }
}

/// Which of a port's packets are meant: those with a key, of one handle or of all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Chosen {
    /// The key.
    pub(crate) key: u64,
    /// The handle; none: whatever they came from.
    pub(crate) source: Option<HandleId>,
}

impl Chosen {
    fn has(&self, packet: &Packet) -> bool {
        packet.key == self.key && self.source.is_none_or(|source| packet.is_from(source))
    }
}

impl Objects {
    /// Puts a new port into a slot that was reserved.
    pub(crate) fn new_port(&mut self) -> Key<Port> {
        let head = Head::new(self.new_koid(), Signals::empty());
        self.ports.insert_reserved(Port {
            head,
            queue: List::new(),
            registered: List::new(),
            waiters: List::new(),
            user_packets: 0,
        })
    }

    /// How many packets of users wait in a port.
    pub(crate) fn user_packets(&self, port: Key<Port>) -> u32 {
        self.get(port).user_packets
    }

    /// How many waits are registered with a port.
    pub(crate) fn registrations(&self, port: Key<Port>) -> u32 {
        self.get(port).registered.len()
    }

    fn with_port<R>(
        &mut self,
        port: Key<Port>,
        list: impl Fn(&mut Port) -> &mut List<Packet>,
        act: impl FnOnce(&mut List<Packet>, &mut crate::mem::Pool<Packet>) -> R,
    ) -> R {
        let port = self.ports.get_mut(port);
        let port = port.expect("a counted reference names a live object");
        act(list(port), &mut self.packets)
    }
}

fn queue(port: &mut Port) -> &mut List<Packet> {
    &mut port.queue
}

fn registered(port: &mut Port) -> &mut List<Packet> {
    &mut port.registered
}

impl Kernel {
    /// Queues a packet that is in no list; a waiting thread is woken for it.
    pub(crate) fn post(&mut self, key: Key<Packet>) {
        let Some(packet) = self.objects.packets.get(key) else {
            return;
        };
        let (port, is_user) = (packet.port, packet.is_user());
        let objects = &mut self.objects;
        objects.with_port(port, queue, |queue, pool| queue.push_back(pool, key));
        let port_state = objects.get_mut(port);
        port_state.user_packets = port_state.user_packets.wrapping_add(u32::from(is_user));
        self.wake_for_packet(port);
    }

    /// Wakes the thread that has waited at a port for the longest time.
    pub(crate) fn wake_for_packet(&mut self, port: Key<Port>) {
        let Objects { ports, threads, .. } = &mut self.objects;
        let port = ports.get_mut(port);
        if let Some(thread) = port.and_then(|port| port.waiters.pop_front(threads)) {
            self.wake(thread);
        }
    }

    /// Takes the oldest packet of a port.
    pub(crate) fn take_packet(&mut self, port: Key<Port>) -> Option<Packet> {
        let objects = &mut self.objects;
        let key = objects.with_port(port, queue, |queue, pool| queue.pop_front(pool))?;
        self.forget_packet(key)
    }

    /// Takes a packet that is in neither list out of the pool.
    fn forget_packet(&mut self, key: Key<Packet>) -> Option<Packet> {
        self.unstamped.remove(&mut self.objects.packets, key);
        let packet = self.objects.packets.remove(key)?;
        let port = self.objects.get_mut(packet.port);
        port.user_packets = port.user_packets.wrapping_sub(u32::from(packet.is_user()));
        Some(packet)
    }

    /// Registers a packet whose observer waits for signals.
    pub(crate) fn register(&mut self, key: Key<Packet>, waits: Key<Observer>) {
        let Some(packet) = self.objects.packets.get_mut(key) else {
            return;
        };
        let port = packet.port;
        if let Body::Signal { observer, .. } = &mut packet.body {
            *observer = Some(waits);
        }
        let objects = &mut self.objects;
        objects.with_port(port, registered, |list, pool| list.push_back(pool, key));
    }

    /// The signals of a registered packet came, or its handle went.
    pub(super) fn post_signals(&mut self, key: Key<Packet>, word: Signals) {
        let Some(packet) = self.objects.packets.get(key) else {
            return;
        };
        let port = packet.port;
        let objects = &mut self.objects;
        objects.with_port(port, registered, |list, pool| list.remove(pool, key));
        if word.contains(Signals::HANDLE_CLOSED) || objects.get(port).head.handles == 0 {
            self.forget_packet(key);
        } else {
            self.post_seen(key, word);
        }
    }

    /// Queues a packet that tells of signals which were seen, and that is in no list.
    pub(crate) fn post_seen(&mut self, key: Key<Packet>, word: Signals) {
        let Some(packet) = self.objects.packets.get_mut(key) else {
            return;
        };
        if let Body::Signal {
            observer,
            observed,
            is_stamped,
            ..
        } = &mut packet.body
        {
            (*observer, *observed) = (None, word);
            if *is_stamped {
                self.unstamped.push_back(&mut self.objects.packets, key);
                self.objects.is_unsettled = true;
            }
        }
        self.post(key);
    }

    /// Tells the packets of this event what time it is.
    pub(crate) fn stamp_packets(&mut self, now: i64) {
        while let Some(key) = self.unstamped.pop_front(&mut self.objects.packets) {
            if let Some(packet) = self.objects.packets.get_mut(key)
                && let Body::Signal { timestamp, .. } = &mut packet.body
            {
                *timestamp = now;
            }
        }
    }

    fn withdraw_packet(&mut self, key: Key<Packet>) {
        if let Some(packet) = self.forget_packet(key)
            && let Body::Signal {
                observer: Some(observer),
                ..
            } = packet.body
        {
            self.unobserve(observer);
        }
    }

    /// Removes one packet of a port that has no handles; false when there is none. One unit of
    /// teardown work.
    pub(crate) fn destroy_packet(&mut self, port: Key<Port>) -> bool {
        for list in [registered, queue] {
            let objects = &mut self.objects;
            if let Some(key) = objects.with_port(port, list, |list, pool| list.pop_front(pool)) {
                self.withdraw_packet(key);
                return true;
            }
        }
        false
    }

    /// Makes a thread wait for a packet; it holds a use of the port.
    pub(crate) fn wait_for_packet(&mut self, wait: PortWait, thread: Key<Thread>) {
        self.objects.add_use(super::ObjectRef::Port(wait.port));
        let Objects { ports, threads, .. } = &mut self.objects;
        if let Some(port) = ports.get_mut(wait.port) {
            port.waiters.push_back(threads, thread);
        }
    }

    /// Takes a thread out of those that wait at a port; false when it was woken for a packet.
    pub(crate) fn leave_port(&mut self, port: Key<Port>, thread: Key<Thread>) -> bool {
        let Objects { ports, threads, .. } = &mut self.objects;
        let port = ports.get_mut(port);
        port.is_some_and(|port| port.waiters.remove(threads, thread))
    }
}
