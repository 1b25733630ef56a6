//! Pinned memory (spec: drivers.md §6.2 to §6.4): a range of a VMO that a device may use.

use super::{Bti, Head, Object, ObjectRef, Objects};
use crate::mem::{Key, Link, Linked};
use crate::vm::{self, Vmo};
use jacinth_abi::Signals;

/// Whether the memory is still pinned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// It is, and somebody holds the handle, or is about to.
    Pinned,
    /// It is, and nobody can unpin it but through the BTI.
    Quarantined,
    /// It is not: the object only waits for its end.
    Released,
}

/// A pinned range. While it is pinned it holds a use of its BTI and of the VMO.
#[derive(Debug)]
pub(crate) struct Pmt {
    pub(crate) head: Head,
    pub(crate) bti: Key<Bti>,
    pub(crate) vmo: Key<Vmo>,
    /// Where in the VMO it begins, in bytes.
    pub(crate) offset: u64,
    /// Its length in bytes.
    pub(crate) size: u64,
    state: State,
    link: Link<Self>,
}

impl Linked for Pmt {
    fn link(&mut self) -> &mut Link<Self> {
        &mut self.link
    }
}

impl Pmt {
    /// Whether the range is pinned.
    pub(crate) const fn is_pinned(&self) -> bool {
        !matches!(self.state, State::Released)
    }

    /// Whether only its BTI can unpin it.
    pub(crate) const fn is_quarantined(&self) -> bool {
        matches!(self.state, State::Quarantined)
    }
}

impl Objects {
    /// Pins a range, in room that was reserved with [`vm::reserve_pin`].
    pub(crate) fn new_pmt(
        &mut self,
        bti: Key<Bti>,
        vmo: Key<Vmo>,
        offset: u64,
        size: u64,
    ) -> Key<Pmt> {
        let koid = self.new_koid();
        self.add_use(Bti::to_ref(bti));
        self.add_use(Vmo::to_ref(vmo));
        let initiator = self.get_mut(bti);
        initiator.pins = initiator.pins.wrapping_add(1);
        let key = self.pmts.insert_reserved(Pmt {
            head: Head::new(koid, Signals::empty()),
            bti,
            vmo,
            offset,
            size,
            state: State::Pinned,
            link: Link::new(),
        });
        vm::add_pin(self, key);
        key
    }

    /// Unpins; nothing happens when that was done already.
    pub(crate) fn release_pmt(&mut self, key: Key<Pmt>) {
        let Some(pmt) = self.pmts.get_mut(key) else {
            return;
        };
        let was = core::mem::replace(&mut pmt.state, State::Released);
        let (bti, vmo) = (pmt.bti, pmt.vmo);
        if was == State::Released {
            return;
        }
        vm::remove_pin(self, key);
        if was == State::Quarantined {
            let mut quarantine = core::mem::take(&mut self.get_mut(bti).quarantine);
            quarantine.remove(&mut self.pmts, key);
            self.get_mut(bti).quarantine = quarantine;
            self.drop_use(Pmt::to_ref(key));
        }
        let initiator = self.get_mut(bti);
        initiator.pins = initiator.pins.wrapping_sub(1);
        self.drop_use(Vmo::to_ref(vmo));
        self.drop_use(Bti::to_ref(bti));
    }

    /// The last handle is gone: what is still pinned stays so, for the device may be writing.
    pub(super) fn quarantine_pmt(&mut self, key: Key<Pmt>) {
        let Some(pmt) = self.pmts.get_mut(key) else {
            return;
        };
        if pmt.state != State::Pinned {
            return;
        }
        pmt.state = State::Quarantined;
        let bti = pmt.bti;
        self.add_use(ObjectRef::Pmt(key));
        let mut quarantine = core::mem::take(&mut self.get_mut(bti).quarantine);
        quarantine.push_back(&mut self.pmts, key);
        self.get_mut(bti).quarantine = quarantine;
    }

    /// Unpins the range that has been in a BTI's quarantine for the longest time.
    pub(crate) fn release_first_of_quarantine(&mut self, bti: Key<Bti>) {
        if let Some(first) = self.get(bti).quarantine.first() {
            self.release_pmt(first);
        }
    }
}
