//! What there is in the machine, from its own tables.

use alloc::string::String;
use alloc::vec::Vec;

use driver::Device;
use zx::acpi::Acpi;
use zx::device_tree::DeviceTree;
use zx::{Startup, Status, Tables};

/// Bytes in a page.
pub(crate) const PAGE: u64 = 4096;

/// The machine's own description.
pub(crate) enum Machine {
    /// Of a PC.
    Acpi(Acpi),
    /// Of nearly everything else.
    DeviceTree(DeviceTree),
}

/// A range of physical addresses and what is there.
pub(crate) struct Place {
    pub(crate) name: String,
    pub(crate) base: u64,
    pub(crate) bytes: u64,
}

impl Place {
    fn new(name: &str, base: u64, bytes: u64) -> Self {
        let name = name.into();
        Self { name, base, bytes }
    }

    /// The start of the first page.
    pub(crate) const fn page(&self) -> u64 {
        self.base & !(PAGE - 1)
    }

    /// How many bytes the pages have that it touches.
    pub(crate) const fn page_bytes(&self) -> u64 {
        let end = self.base.saturating_add(self.bytes);
        end.next_multiple_of(PAGE) - self.page()
    }
}

impl Machine {
    /// Reads the tables that the kernel handed over.
    pub(crate) fn new(start: &Startup) -> Result<Self, Status> {
        match &start.tables {
            Tables::Acpi(vmo) => Ok(Self::Acpi(Acpi::new(vmo.contents()?))),
            Tables::DeviceTree(vmo) => {
                let tree = DeviceTree::new(vmo.contents()?);
                tree.map(Self::DeviceTree).ok_or(Status::IO_DATA_INTEGRITY)
            }
            Tables::None => Err(Status::NOT_FOUND),
        }
    }

    /// The high-precision event timer.
    pub(crate) fn hpet(&self) -> Option<Place> {
        match self {
            Self::Acpi(acpi) => acpi.hpet().map(|base| Place::new("HPET", base, 1024)),
            Self::DeviceTree(_) => None,
        }
    }

    /// The real-time clock.
    pub(crate) fn rtc(&self) -> Option<Place> {
        self.devices("RTC", &["arm,pl031"]).into_iter().next()
    }

    /// A device that counts, and which one the driver takes it for.
    pub(crate) fn counter(&self) -> Option<(Place, Device)> {
        let hpet = self.hpet().map(|place| (place, Device::Hpet));
        hpet.or_else(|| self.rtc().map(|place| (place, Device::Rtc)))
    }

    /// QEMU's firmware configuration.
    pub(crate) fn fw_cfg(&self) -> Option<Place> {
        self.devices("fw_cfg", &["qemu,fw-cfg-mmio"])
            .into_iter()
            .next()
    }

    /// PCI configuration space and its first bus.
    pub(crate) fn ecam(&self) -> Option<(Place, u8)> {
        match self {
            Self::Acpi(acpi) => acpi.ecam().next().map(|ecam| {
                let buses = u64::from(ecam.last_bus) + 1 - u64::from(ecam.first_bus);
                let base = ecam.base + u64::from(ecam.first_bus) * zx::pci::BUS_BYTES;
                let place = Place::new("ECAM", base, buses * zx::pci::BUS_BYTES);
                (place, ecam.first_bus)
            }),
            Self::DeviceTree(_) => self
                .devices("ECAM", &["pci-host-ecam-generic"])
                .into_iter()
                .next()
                .map(|place| (place, 0)),
        }
    }

    /// A small device to make a VMO over.
    pub(crate) fn sample(&self) -> Option<Place> {
        let first_page = |(place, _): (Place, u8)| Place::new(&place.name, place.base, PAGE);
        let timer = self.hpet().or_else(|| self.rtc());
        let device = timer.or_else(|| self.ecam().map(first_page));
        device.or_else(|| self.sleep_control())
    }

    /// What puts a machine without I/O ports to sleep; looked at, never touched.
    fn sleep_control(&self) -> Option<Place> {
        match self {
            Self::Acpi(acpi) => {
                let found = acpi.sleep_control();
                found.map(|base| Place::new("sleep control register", base, 1))
            }
            Self::DeviceTree(_) => None,
        }
    }

    /// Registers of interrupt controllers.
    pub(crate) fn interrupt_controllers(&self) -> Vec<Place> {
        match self {
            Self::Acpi(acpi) => {
                let found = acpi.interrupt_controllers();
                let places = found.iter();
                places
                    .map(|found| Place::new(found.name, found.base, PAGE))
                    .collect()
            }
            Self::DeviceTree(_) => self.devices(
                "interrupt controller",
                &["arm,cortex-a15-gic", "arm,gic-400", "arm,gic-v3"],
            ),
        }
    }

    /// Units that translate devices' memory accesses.
    pub(crate) fn iommus(&self) -> Vec<Place> {
        match self {
            Self::Acpi(acpi) => {
                let found = acpi.iommus().into_iter();
                found.map(|base| Place::new("IOMMU", base, PAGE)).collect()
            }
            Self::DeviceTree(_) => self.devices("IOMMU", &["arm,smmu-v3"]),
        }
    }

    /// Consoles that the kernel drives through memory.
    pub(crate) fn consoles(&self) -> Vec<Place> {
        self.devices("console", &["arm,pl011"])
    }

    /// Ordinary memory.
    pub(crate) fn memory(&self) -> Vec<Place> {
        match self {
            // ACPI has no memory map. That a PC has RAM at 1 MiB is older than ACPI.
            Self::Acpi(_) => alloc::vec![Place::new("RAM", 1 << 20, PAGE)],
            Self::DeviceTree(tree) => {
                let ranges = tree.memory().into_iter();
                let place = |(base, bytes)| Place::new("RAM", base, bytes);
                ranges.map(place).collect()
            }
        }
    }

    fn devices(&self, name: &str, compatible: &[&str]) -> Vec<Place> {
        let Self::DeviceTree(tree) = self else {
            return Vec::new();
        };
        let found = tree.compatible(compatible).into_iter();
        let ranges = found.flat_map(|device| device.ranges);
        ranges
            .map(|(base, bytes)| Place::new(name, base, bytes))
            .collect()
    }
}
