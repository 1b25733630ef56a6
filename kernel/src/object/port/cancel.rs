//! The taking back of packets, bit by bit: a program decides how many there are.

use super::{Body, Chosen, Packet, Port, queue, registered};
use crate::Kernel;
use crate::mem::{self, Key, List};

/// The taking back of a port's packets, and how far it got.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Cancel {
    port: Key<Port>,
    chosen: Chosen,
    place: Place,
    /// The packet that is looked at next; none: the first.
    next: Option<Key<Packet>>,
    any: bool,
}

/// The two lists of a port. What is in the first one may go to the end of the second one meanwhile,
/// so they are walked in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Registered,
    Queued,
}

impl Place {
    const fn list(self) -> fn(&mut Port) -> &mut List<Packet> {
        match self {
            Self::Registered => registered,
            Self::Queued => queue,
        }
    }

    /// Whether a packet is in this list.
    const fn has(self, packet: &Packet) -> bool {
        let is_registered = matches!(
            packet.body,
            Body::Signal {
                observer: Some(_),
                ..
            }
        );
        packet.link.is_linked() && is_registered == matches!(self, Self::Registered)
    }
}

impl Cancel {
    /// Takes back what is `chosen`, registered or queued.
    pub(crate) const fn new(port: Key<Port>, chosen: Chosen) -> Self {
        Self {
            port,
            chosen,
            place: Place::Registered,
            next: None,
            any: false,
        }
    }

    /// The port.
    pub(crate) const fn port(&self) -> Key<Port> {
        self.port
    }

    /// Whether there were such packets.
    pub(crate) const fn found_any(&self) -> bool {
        self.any
    }

    /// Goes on until `work` is gone; true when all packets were looked at.
    pub(crate) fn step(&mut self, kernel: &mut Kernel, work: &mut mem::Work) -> bool {
        if self.place == Place::Registered {
            if !self.walk(kernel, work) {
                return false;
            }
            (self.place, self.next) = (Place::Queued, None);
        }
        self.walk(kernel, work)
    }

    /// Walks one list. Where the packet that comes next has left it, the walk begins again: those
    /// that it met are looked at once more.
    fn walk(&mut self, kernel: &mut Kernel, work: &mut mem::Work) -> bool {
        let list = self.place.list();
        let here = self.next.filter(|next| {
            let packet = kernel.objects.packets.get(*next);
            packet.is_some_and(|packet| self.place.has(packet))
        });
        let mut next = here.or_else(|| list(kernel.objects.get_mut(self.port)).first());
        while let Some(key) = next {
            if !work.spend() {
                self.next = Some(key);
                return false;
            }
            let objects = &mut kernel.objects;
            next = objects.with_port(self.port, list, |list, pool| list.next(pool, key));
            let packet = objects.packets.get(key);
            if packet.is_some_and(|packet| self.chosen.has(packet)) {
                objects.with_port(self.port, list, |list, pool| list.remove(pool, key));
                kernel.withdraw_packet(key);
                self.any = true;
            }
        }
        true
    }
}
