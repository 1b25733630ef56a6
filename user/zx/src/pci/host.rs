//! The host bridge, as the machine's tables describe it.

use alloc::vec::Vec;

use jacinth_abi::{CachePolicy, Status, VmOptions};

use super::bar::Bar;
use super::config::{BUS_BYTES, Ecam};
use super::window::Window;
use crate::acpi::Acpi;
use crate::device_tree::DeviceTree;
use crate::{Startup, Tables, Vmo};

/// What a device tree calls a host bridge that does as the specification says.
const GENERIC: &str = "pci-host-ecam-generic";

/// A host bridge: where its configuration space is, and what it passes on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Host {
    /// The physical address of the first bus's configuration space.
    pub ecam: u64,
    /// How long that is in bytes, whole buses.
    pub ecam_bytes: u64,
    /// The first bus.
    pub first_bus: u8,
    /// The memory that it passes on. Empty on a machine with ACPI, where only a program in the
    /// tables (the `_CRS` method) knows it, and firmware has assigned what there is.
    pub windows: Vec<Window>,
}

impl Host {
    /// Looks the first host bridge up in the machine's tables.
    ///
    /// # Errors
    /// NOT_FOUND when they name none, IO_DATA_INTEGRITY for a broken device tree, those of reading
    /// a VMO.
    pub fn find(tables: &Tables) -> Result<Self, Status> {
        let found = match tables {
            Tables::Acpi(vmo) => Self::from_acpi(&Acpi::new(vmo.contents()?)),
            Tables::DeviceTree(vmo) => {
                let tree = DeviceTree::new(vmo.contents()?);
                Self::from_device_tree(&tree.ok_or(Status::IO_DATA_INTEGRITY)?)
            }
            Tables::None => None,
        };
        found.ok_or(Status::NOT_FOUND)
    }

    fn from_acpi(acpi: &Acpi) -> Option<Self> {
        let found = acpi.ecam().next()?;
        let buses = u64::from(found.last_bus).checked_sub(u64::from(found.first_bus))? + 1;
        Some(Self {
            ecam: found
                .base
                .checked_add(u64::from(found.first_bus) * BUS_BYTES)?,
            ecam_bytes: buses * BUS_BYTES,
            first_bus: found.first_bus,
            windows: Vec::new(),
        })
    }

    fn from_device_tree(tree: &DeviceTree) -> Option<Self> {
        let device = tree.compatible(&[GENERIC]).into_iter().next()?;
        let (ecam, ecam_bytes) = device.ranges.first().copied()?;
        Some(Self {
            ecam,
            ecam_bytes,
            first_bus: 0,
            windows: tree.pci_windows(GENERIC),
        })
    }

    /// Maps configuration space, readable and writable.
    ///
    /// # Errors
    /// NOT_FOUND without a resource for physical addresses, those of physical VMOs and mappings.
    pub fn map(&self, start: &Startup) -> Result<Ecam, Status> {
        let resource = start.mmio.as_ref().ok_or(Status::NOT_FOUND)?;
        let vmo = Vmo::create_physical(resource, self.ecam, self.ecam_bytes)?;
        vmo.set_name("pci-ecam")?;
        vmo.set_cache_policy(CachePolicy::UncachedDevice)?;
        let options = VmOptions::PERM_READ | VmOptions::PERM_WRITE;
        Ok(Ecam::new(
            start.root_vmar.map(&vmo, options)?,
            self.first_bus,
        ))
    }

    /// The physical address of what a BAR shows: where windows are known, as they say, else that
    /// of the bus.
    #[must_use]
    pub fn physical(&self, bar: &Bar) -> Option<u64> {
        if bar.address == 0 || !bar.space.is_memory() {
            return None;
        }
        if self.windows.is_empty() {
            return Some(bar.address);
        }
        let mut windows = self.windows.iter();
        windows.find_map(|window| window.physical_of(bar.address, bar.bytes))
    }
}
