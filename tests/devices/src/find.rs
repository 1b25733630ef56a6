//! Finds the devices, and makes the right to use one of their BARs and nothing else.

use alloc::vec::Vec;

use zx::abi::ResourceKind;
use zx::pci::{Ecam, Function, Host};
use zx::{Resource, Startup, Status};

/// The bus with all that is on it, every memory BAR of which has an address.
pub(crate) struct Bus {
    host: Host,
    ecam: Ecam,
    functions: Vec<Function>,
}

/// Memory of a device.
pub(crate) struct Memory {
    /// The right to use it.
    pub(crate) resource: Resource,
    /// Its physical address.
    pub(crate) base: u64,
    /// Its length in bytes.
    pub(crate) bytes: u64,
}

impl Bus {
    /// Looks at everything, and assigns what firmware did not.
    pub(crate) fn new(start: &Startup) -> Result<Self, Status> {
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

    /// Finds a function by vendor and device, and one of its BARs, and says so.
    pub(crate) fn memory(
        &self,
        start: &Startup,
        ids: (u16, u16),
        index: u8,
        name: &str,
    ) -> Result<Memory, Status> {
        let memory = self.quiet_memory(start, ids, index, name)?;
        let ((vendor, device), Memory { base, bytes, .. }) = (ids, &memory);
        zx::println!("device {vendor:04x}:{device:04x} bar {index} at {base:#x} bytes {bytes}");
        Ok(memory)
    }

    /// As [`Self::memory`], without a word.
    pub(crate) fn quiet_memory(
        &self,
        start: &Startup,
        ids: (u16, u16),
        index: u8,
        name: &str,
    ) -> Result<Memory, Status> {
        let mut functions = self.functions.iter();
        let found = functions.find(|found| (found.vendor, found.device) == ids);
        let found = found.ok_or(Status::NOT_FOUND)?;
        let bars = self.ecam.bars(found.bdf);
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
