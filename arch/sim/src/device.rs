//! Devices: ranges of registers that hold bytes and remember who touched them how.

use crate::MemoryType;
use jacinth_kernel::{PhysAddr, PhysRun};
use std::collections::BTreeMap;

/// One load or store that reached a device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Touch {
    /// The physical address.
    pub at: PhysAddr,
    /// 1, 2, 4 or 8.
    pub width_bytes: u8,
    /// Whether it was a store.
    pub is_store: bool,
    /// The memory type of the mapping it came through.
    pub memory: MemoryType,
}

/// A range of registers. What was never stored reads as zero.
#[derive(Debug)]
pub struct Device {
    /// Where it is.
    pub run: PhysRun,
    /// Every load and store so far.
    pub log: Vec<Touch>,
    bytes: BTreeMap<u64, u8>,
}

impl Device {
    pub(crate) fn new(run: PhysRun) -> Self {
        Self {
            run,
            log: Vec::new(),
            bytes: BTreeMap::new(),
        }
    }

    pub(crate) fn holds(&self, at: PhysAddr, bytes: u64) -> bool {
        let start = at.raw();
        start >= self.run.base.raw()
            && start
                .checked_add(bytes)
                .is_some_and(|end| end <= self.run.end().raw())
    }

    /// Reads registers without being seen.
    pub fn peek(&self, at: PhysAddr, to: &mut [u8]) {
        for (byte, at) in to.iter_mut().zip(at.raw()..) {
            *byte = self.bytes.get(&at).copied().unwrap_or(0);
        }
    }

    /// Changes registers without being seen, as the device itself would.
    pub fn poke(&mut self, at: PhysAddr, from: &[u8]) {
        for (byte, at) in from.iter().zip(at.raw()..) {
            self.bytes.insert(at, *byte);
        }
    }
}
