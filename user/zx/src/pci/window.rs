//! The addresses that a host bridge passes on to its bus.

use super::bar::{Bar, BarSpace};

/// The first address that a 32-bit BAR cannot hold.
const LIMIT_32: u64 = 1 << 32;

/// A range of memory that a host bridge passes on, and how much of it is given away.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Window {
    /// Its first address on the bus.
    pub bus: u64,
    /// Its first physical address.
    pub physical: u64,
    /// Its length in bytes.
    pub bytes: u64,
    /// The first address on the bus that is free, with all behind it.
    free: u64,
}

impl Window {
    /// A window of which nothing is given away.
    #[must_use]
    pub const fn new(bus: u64, physical: u64, bytes: u64) -> Self {
        Self {
            bus,
            physical,
            bytes,
            free: bus,
        }
    }

    const fn end(&self) -> u64 {
        self.bus.saturating_add(self.bytes)
    }

    /// The physical address of something on the bus, when the window passes on all of it.
    #[must_use]
    pub fn physical_of(&self, address: u64, bytes: u64) -> Option<u64> {
        let into = address.checked_sub(self.bus)?;
        let end = into.checked_add(bytes)?;
        (end <= self.bytes).then(|| self.physical.wrapping_add(into))
    }

    /// Leaves alone what lies there, and all below it.
    pub(super) fn avoid(&mut self, address: u64, bytes: u64) {
        let end = address.saturating_add(bytes);
        if address < self.end() && end > self.free {
            self.free = end;
        }
    }

    /// Gives a part away, aligned to its size, which is a power of two.
    fn take(&mut self, bytes: u64, limit: u64) -> Option<u64> {
        // Address 0 means none.
        let at = self.free.max(1).checked_next_multiple_of(bytes)?;
        let end = at.checked_add(bytes)?;
        (end <= self.end().min(limit)).then(|| {
            self.free = end;
            at
        })
    }
}

/// Finds a place for a BAR: prefetchable and wide ones rather above 4 GiB, registers below.
pub(super) fn take(windows: &mut [Window], bar: &Bar) -> Option<u64> {
    let limit = match bar.space.is_wide() {
        true => u64::MAX,
        false => LIMIT_32,
    };
    let wants_high = bar.space == BarSpace::Prefetchable64;
    let mut from = |is_high: bool| {
        let mut fitting = windows
            .iter_mut()
            .filter(|window| (window.bus >= LIMIT_32) == is_high);
        fitting.find_map(|window| window.take(bar.bytes, limit))
    };
    from(wants_high).or_else(|| from(!wants_high))
}
