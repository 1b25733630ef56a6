//! The devices that the kernel itself needs at boot, as the firmware's tables name them.

use arrayvec::ArrayVec;
use jacinth_kernel::{PAGE_SIZE, PhysAddr, PhysRun};
use jacinth_x86_64::acpi::{self, Acpi, Madt};
use jacinth_x86_64::lapic_base;
use jacinth_x86_64::runs::RunSet;

/// Where they are; each within one page.
pub(crate) struct Devices {
    local_apic: PhysAddr,
    /// The timer that time is measured with.
    pub(crate) hpet: Option<PhysAddr>,
    /// The interrupt controllers to silence.
    pub(crate) io_apics: ArrayVec<PhysAddr, 8>,
}

impl Devices {
    /// Looks them up; what lies across pages is not used.
    pub(crate) fn find(acpi: Option<&Acpi<'_>>) -> Self {
        let madt = acpi.and_then(|acpi| Madt::read(acpi.find(b"APIC")?));
        let hpet = acpi.and_then(|acpi| acpi::hpet(acpi.find(b"HPET")?));
        let usable = |at: &PhysAddr| at.is_aligned(PAGE_SIZE);
        let io_apics = madt.into_iter().flat_map(|madt| madt.io_apics);
        Self {
            local_apic: lapic_base(),
            hpet: hpet.map(PhysAddr::new).filter(usable),
            io_apics: io_apics
                .map(|io_apic| PhysAddr::new(io_apic.at))
                .filter(usable)
                .collect(),
        }
    }

    /// The pages to map; what is too much is left out.
    pub(crate) fn pages(&self) -> RunSet {
        let mut pages = RunSet::default();
        let all = [self.local_apic].into_iter().chain(self.hpet);
        for base in all.chain(self.io_apics.iter().copied()) {
            pages.add(PhysRun { base, pages: 1 }).ok();
        }
        pages
    }
}
