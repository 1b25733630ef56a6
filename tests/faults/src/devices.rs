//! What a program can do wrong with device memory.
//!
//! The addresses are those of QEMU's machines: this program only runs in tests of QEMU.

use zx::{Region, Startup, Status, VmOptions, Vmo};

use crate::{announce, raw};

/// A fault by its name.
pub(crate) type Fault = (&'static str, fn(&Startup, &str) -> Result<u64, Status>);

/// All of them.
pub(crate) const ALL: &[Fault] = &[
    ("device-hole", |start, name| {
        let region = map(start, HOLE)?;
        announce(name, region.base());
        Ok(u64::from(region.read32(0)))
    }),
    ("device-unaligned", |start, name| {
        let region = map(start, DEVICE)?;
        announce(name, region.base() + 1);
        raw::read_exclusive(region.base() + 1);
        Ok(0)
    }),
    ("device-code", |start, name| {
        let region = map(start, DEVICE)?;
        announce(name, region.base());
        raw::call(region.base());
        Ok(0)
    }),
    ("device-unmapped", |start, name| {
        let region = map(start, DEVICE)?;
        let address = region.base();
        region.unmap()?;
        announce(name, address);
        raw::read(address);
        Ok(0)
    }),
];

/// Where no device answers: on q35 a gap in PCI's window, on virt one between devices.
const HOLE: u64 = if cfg!(target_arch = "x86_64") {
    0xfe00_0000
} else {
    0x0b00_0000
};
/// A device: on q35 the HPET, on virt the real-time clock.
const DEVICE: u64 = if cfg!(target_arch = "x86_64") {
    0xfed0_0000
} else {
    0x0901_0000
};

fn map(start: &Startup, address: u64) -> Result<Region, Status> {
    let mmio = start.mmio.as_ref().ok_or(Status::NOT_FOUND)?;
    let vmo = Vmo::create_physical(mmio, address, 4096)?;
    let options = VmOptions::PERM_READ | VmOptions::PERM_WRITE;
    start.root_vmar.map(&vmo, options)
}
