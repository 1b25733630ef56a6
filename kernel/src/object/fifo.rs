//! FIFOs: rings of elements of one size (spec: ipc.md §8).

use super::{Head, ObjectRef, Objects, Peer};
use crate::Kernel;
use crate::mem::{Budget, KVec, Key, NoMemory};
use core::ops::Range;
use jacinth_abi::Signals;

/// One end of a FIFO, and what was written to the other and not read yet.
#[derive(Debug)]
pub(crate) struct Fifo {
    pub(crate) head: Head,
    pub(crate) peer: Peer<Self>,
    /// The elements, in a ring.
    pub(crate) ring: KVec<u8>,
    /// Bytes of an element.
    pub(crate) elem_size: usize,
    /// Where the oldest element is, in bytes.
    first: usize,
    /// How many bytes there are.
    used: usize,
}

/// The bytes of a run of elements in a ring: up to its end, and from its start.
pub(crate) type Runs = (Range<usize>, Range<usize>);

impl Fifo {
    /// How many elements there are.
    pub(crate) const fn filled(&self) -> usize {
        match self.used.checked_div(self.elem_size) {
            Some(count) => count,
            None => 0,
        }
    }

    /// How many more there is room for.
    pub(crate) fn free(&self) -> usize {
        let free = self.ring.len().saturating_sub(self.used);
        free.checked_div(self.elem_size).unwrap_or(0)
    }

    /// Where the oldest `bytes` bytes are.
    pub(crate) fn oldest(&self, bytes: usize) -> Runs {
        self.runs(self.first, bytes)
    }

    /// Where the next `bytes` bytes go.
    pub(crate) fn next(&self, bytes: usize) -> Runs {
        self.runs(self.wrapped(self.used), bytes)
    }

    /// Notes that so many bytes came.
    pub(crate) const fn add(&mut self, bytes: usize) {
        self.used = self.used.saturating_add(bytes);
    }

    /// Forgets so many of the oldest bytes.
    pub(crate) fn consume(&mut self, bytes: usize) {
        self.first = self.wrapped(bytes);
        self.used = self.used.saturating_sub(bytes);
    }

    /// The place `bytes` bytes behind the oldest element's.
    fn wrapped(&self, bytes: usize) -> usize {
        let behind = self.first.saturating_add(bytes);
        behind.checked_sub(self.ring.len()).unwrap_or(behind)
    }

    fn runs(&self, start: usize, bytes: usize) -> Runs {
        let to_end = bytes.min(self.ring.len().saturating_sub(start));
        let behind = start.saturating_add(to_end);
        (start..behind, 0..bytes.saturating_sub(to_end))
    }
}

/// The memory of a FIFO that is to be made.
#[derive(Debug)]
pub(crate) struct Rings(KVec<u8>, KVec<u8>);

impl Objects {
    /// Finds all the memory that [`Objects::new_fifo`] needs.
    ///
    /// # Errors
    /// [`NoMemory`].
    pub(crate) fn reserve_fifo(
        &mut self,
        bytes: usize,
        budget: &mut Budget,
    ) -> Result<Rings, NoMemory> {
        self.fifos.reserve_many(2, budget)?;
        let mut rings = Rings(KVec::new(), KVec::new());
        rings.0.extend_with(bytes, 0, budget)?;
        rings.1.extend_with(bytes, 0, budget)?;
        Ok(rings)
    }

    /// Puts the two ends of a new FIFO into slots that were reserved.
    pub(crate) fn new_fifo(&mut self, elem_size: usize, rings: Rings) -> (Key<Fifo>, Key<Fifo>) {
        let mut rings = [rings.0, rings.1].into_iter();
        self.new_pair(|koid, peer| Fifo {
            head: Head::new(koid, Signals::WRITABLE),
            peer,
            ring: rings.next().unwrap_or_default(),
            elem_size,
            first: 0,
            used: 0,
        })
    }
}

impl Kernel {
    /// Has the signals of an end, and of the one that writes to it, say what is in its ring now.
    pub(crate) fn show_ring(&mut self, reader: Key<Fifo>) {
        let fifo = self.objects.get(reader);
        let (is_empty, is_full) = (fifo.used == 0, fifo.free() == 0);
        let writer = fifo.peer.key;
        self.show(ObjectRef::Fifo(reader), Signals::READABLE, !is_empty);
        if let Some(writer) = writer {
            self.show(ObjectRef::Fifo(writer), Signals::WRITABLE, !is_full);
        }
    }

    fn show(&mut self, object: ObjectRef, signal: Signals, is_active: bool) {
        let (clear, set) = if is_active {
            (Signals::empty(), signal)
        } else {
            (signal, Signals::empty())
        };
        self.update_signals(object, clear, set);
    }
}
