//! Names every physical region that is known, for [`BootInfo`](jacinth_boot::info::BootInfo).

use arrayvec::ArrayVec;
use jacinth_boot::info::{Kind, MAX_REGIONS, Region};
use jacinth_kernel::{PAGE_SIZE, PhysAddr, PhysRun};
use jacinth_x86_64::acpi::{self, Acpi, Madt};
use jacinth_x86_64::lapic_base;
use jacinth_x86_64::runs::{RunSet, inward, outward};

use super::memory::{LOW_MEMORY, Memory};
use super::start_info::StartInfo;

/// The local APIC's page, and the window behind it: a store there is a message interrupt, of any
/// vector, to any CPU.
const LOCAL_APIC_BYTES: u64 = 1 << 20;
/// Where I/O APICs begin by custom, and PCI devices end.
const IO_APICS: u64 = 0xfec0_0000;

/// The regions so far.
#[derive(Debug, Default)]
pub(crate) struct Regions {
    list: ArrayVec<Region, MAX_REGIONS>,
}

impl Regions {
    /// Names everything. What must be denied comes first: should there be no room for all, a
    /// machine is described less fully, not protected less well.
    pub(crate) fn describe(
        start: &StartInfo,
        acpi: Option<&Acpi<'_>>,
        memory: &Memory,
    ) -> ArrayVec<Region, MAX_REGIONS> {
        let mut regions = Self::default();
        regions.add_controllers(acpi);
        regions.add_memory(memory);
        regions.add_devices(acpi);
        regions.add_reserved(start, memory);
        if acpi.is_some_and(|acpi| acpi.find(b"MCFG").is_some()) {
            regions.add_pci_window(memory);
        }
        regions.list
    }

    fn add(&mut self, run: PhysRun, kind: Kind, name: &'static str, source: &'static str) {
        if run.pages > 0 && !self.list.is_full() {
            self.list.push(Region {
                run,
                kind,
                name,
                source,
            });
        }
    }

    /// Interrupt controllers and IOMMUs.
    fn add_controllers(&mut self, acpi: Option<&Acpi<'_>>) {
        let madt = acpi.and_then(|acpi| Madt::read(acpi.find(b"APIC")?));
        let source = if madt.is_some() { "MADT" } else { "processor" };
        let local_apic = outward(lapic_base().raw(), LOCAL_APIC_BYTES);
        self.add(local_apic, Kind::MmioKernel, "local apic", source);
        let madt = madt.unwrap_or_default();
        for io_apic in &madt.io_apics {
            self.add(
                outward(io_apic.at, PAGE_SIZE),
                Kind::MmioKernel,
                "io apic",
                "MADT",
            );
        }
        if madt.io_apics.is_empty() {
            self.add(
                outward(IO_APICS, PAGE_SIZE),
                Kind::MmioKernel,
                "io apic",
                "by custom",
            );
        }
        let dmar = acpi.and_then(|acpi| acpi.find(b"DMAR"));
        for iommu in dmar.into_iter().flat_map(acpi::iommus) {
            self.add(
                outward(iommu.at, iommu.bytes),
                Kind::MmioKernel,
                "iommu",
                "DMAR",
            );
        }
    }

    fn add_memory(&mut self, memory: &Memory) {
        self.add(memory.image, Kind::Kernel, "kernel image", "linker");
        self.add(memory.tables, Kind::Kernel, "page tables", "kernel");
        self.add(memory.heap, Kind::Kernel, "heap", "kernel");
        self.add(memory.stacks, Kind::Kernel, "stacks", "kernel");
        if let Some((at, bytes)) = memory.archive {
            let archive = outward(at.raw(), bytes);
            self.add(archive, Kind::Archive, "boot archive", "boot loader");
        }
        for &run in memory.free.iter() {
            self.add(run, Kind::Ram, "free", "memory map");
        }
        for &run in memory.ram.iter().filter(|run| run.overlaps(LOW_MEMORY)) {
            let end = run.end().min(LOW_MEMORY.end());
            let low = inward(run.base.raw(), end.raw() - run.base.raw());
            self.add(low, Kind::Firmware, "low memory", "memory map");
        }
    }

    fn add_devices(&mut self, acpi: Option<&Acpi<'_>>) {
        let table = |signature| acpi.and_then(|acpi| acpi.find(signature));
        if let Some(at) = table(b"HPET").and_then(acpi::hpet) {
            self.add(outward(at, PAGE_SIZE), Kind::Mmio, "hpet", "HPET");
        }
        for window in table(b"MCFG").into_iter().flat_map(acpi::config_windows) {
            self.add(
                outward(window.at, window.bytes),
                Kind::Mmio,
                "pci ecam",
                "MCFG",
            );
        }
    }

    /// What the memory map reserves and nothing above has named; what of it holds tables is the
    /// firmware's own.
    fn add_reserved(&mut self, start: &StartInfo, memory: &Memory) {
        for entry in start.map.iter().filter(|entry| !entry.is_ram) {
            let run = outward(entry.at, entry.bytes);
            if memory.firmware.iter().any(|table| table.overlaps(run)) {
                self.add_rest(run, Kind::Firmware, "firmware and its tables", "memory map");
            } else {
                self.add_rest(run, Kind::Mmio, "reserved by firmware", "memory map");
            }
        }
        for &table in memory.firmware.iter() {
            self.add_rest(table, Kind::Firmware, "firmware's table", "ACPI");
        }
    }

    /// The gap below 4 GiB where firmware places PCI devices.
    fn add_pci_window(&mut self, memory: &Memory) {
        let limit = PhysAddr::new(IO_APICS);
        let below = memory.touched.iter().filter(|run| run.end() <= limit);
        let Some(start) = below.map(|run| run.end()).max() else {
            return;
        };
        let gap = inward(start.raw(), IO_APICS - start.raw());
        self.add_rest(gap, Kind::Mmio, "pci window", "gap in the memory map");
    }

    /// Adds what of a run has no name yet.
    fn add_rest(&mut self, run: PhysRun, kind: Kind, name: &'static str, source: &'static str) {
        let mut rest = RunSet::default();
        rest.add(run).ok();
        for named in &self.list {
            // A hole that would make too many pieces stays: the deny list still covers it.
            rest.cut(named.run).ok();
        }
        for &run in rest.iter() {
            self.add(run, kind, name, source);
        }
    }
}
