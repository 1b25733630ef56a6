//! A bus that is ready for drivers: every function found, every memory BAR in its place.

use alloc::vec::Vec;

use jacinth_abi::{ResourceKind, Status};

use super::config::{Ecam, Function};
use super::host::Host;
use crate::{Resource, Startup};

/// The functions of the first host bridge, whose memory BARs have addresses.
#[derive(Debug)]
pub struct Bus {
    host: Host,
    ecam: Ecam,
    functions: Vec<Function>,
}

/// Memory of a device, and the right to use it and nothing else.
#[derive(Debug)]
pub struct Memory {
    /// The right to use it.
    pub resource: Resource,
    /// Its physical address.
    pub base: u64,
    /// Its length in bytes.
    pub bytes: u64,
}

impl Bus {
    /// Looks at everything that is there, and assigns the BARs that firmware did not.
    ///
    /// # Errors
    /// Those of [`Host::find`], [`Host::map`] and [`Ecam::assign`].
    pub fn new(start: &Startup) -> Result<Self, Status> {
        let mut host = Host::find(&start.tables)?;
        let ecam = host.map(start)?;
        ecam.assign(&mut host.windows)?;
        let functions = ecam.scan();
        Ok(Self {
            host,
            ecam,
            functions,
        })
    }

    /// Everything that is on it.
    #[must_use]
    pub fn functions(&self) -> &[Function] {
        &self.functions
    }

    /// Finds the first function with these IDs, and makes a resource named `name` over one of its
    /// memory BARs, by number.
    ///
    /// # Errors
    /// NOT_FOUND (no such function or BAR, no resource for physical addresses), BAD_STATE (the BAR
    /// is not of memory, or the host bridge does not pass it on), those of resources.
    pub fn memory(
        &self,
        start: &Startup,
        (vendor, device): (u16, u16),
        index: u8,
        name: &str,
    ) -> Result<Memory, Status> {
        let mut functions = self.functions.iter();
        let found = functions.find(|found| (found.vendor, found.device) == (vendor, device));
        let bars = self.ecam.bars(found.ok_or(Status::NOT_FOUND)?.bdf);
        let bar = bars.iter().find(|bar| bar.index == index);
        let bar = bar.ok_or(Status::NOT_FOUND)?;
        let base = self.host.physical(bar).ok_or(Status::BAD_STATE)?;
        let root = start.mmio.as_ref().ok_or(Status::NOT_FOUND)?;
        Ok(Memory {
            resource: root.create_child(ResourceKind::Mmio, 0, base, bar.bytes, name)?,
            base,
            bytes: bar.bytes,
        })
    }
}
