//! The machine in the words that both architectures share.

use arrayvec::{ArrayString, ArrayVec};
use jacinth_aarch64::devicetree::{Description, RegionKind};
use jacinth_aarch64::layout::USER;
use jacinth_aarch64::runs::outward;
use jacinth_aarch64::{Machine, phys_bits};
use jacinth_boot::info::{BootInfo, Kind, MAX_REGIONS, Region, Tables};
use jacinth_kernel::{PhysAddr, PhysRun, VirtAddr};

use super::memory::Plan;

const DEVICE_TREE: &str = "device tree";
/// The first interrupt that is not one CPU's message to another (GIC, section 2.2.1).
const FIRST_INTERRUPT: u64 = 16;

/// Makes the description that `main` takes.
pub(super) fn boot_info(
    plan: &Plan,
    found: &Description<'static>,
    machine: &Machine,
    heap: (VirtAddr, u64),
    cpus: usize,
) -> BootInfo {
    BootInfo {
        arch: jacinth_elf::Machine::Aarch64,
        machine: found.model,
        cpus,
        phys_bits: phys_bits(),
        user: USER,
        regions: regions(plan, found),
        ram: plan.ram.as_slice().iter().copied().collect(),
        archive: found
            .initrd
            .map(|(start, bytes)| (PhysAddr::new(start), bytes)),
        command_line: ArrayString::from(&found.command_line).unwrap_or_default(),
        tables: Tables::DeviceTree(plan.tree.0, plan.tree.1),
        irq_span: (
            FIRST_INTERRUPT,
            machine.interrupts().saturating_sub(FIRST_INTERRUPT),
        ),
        has_io_ports: false,
        denied_ports: &[],
        has_smc: true,
        heap,
    }
}

/// Everything that has a physical address: what must be known first, then the users' devices.
fn regions(plan: &Plan, found: &Description<'static>) -> ArrayVec<Region, MAX_REGIONS> {
    let mut regions = ArrayVec::new();
    let mut note = |run: PhysRun, kind: Kind, name, source| {
        let made = regions.try_push(Region {
            run,
            kind,
            name,
            source,
        });
        // A device that is not told of can be had all the same; all else must be known.
        assert!(
            made.is_ok() || kind == Kind::Mmio,
            "there are not too many regions"
        );
    };
    for run in plan.free.as_slice() {
        note(*run, Kind::Ram, "free", DEVICE_TREE);
    }
    note(plan.image_run(), Kind::Kernel, "image", "kernel");
    note(plan.heap, Kind::Kernel, "heap", "kernel");
    if plan.stacks.pages > 0 {
        note(plan.stacks, Kind::Kernel, "stacks", "kernel");
    }
    note(
        outward(plan.tree.0.raw(), plan.tree.1),
        Kind::Firmware,
        "device tree",
        "loader",
    );
    if let Some((start, bytes)) = found.initrd {
        note(
            outward(start, bytes),
            Kind::Archive,
            "boot archive",
            DEVICE_TREE,
        );
    }
    for pass in [false, true] {
        for region in &found.regions {
            let kind = match region.kind {
                RegionKind::Device => Kind::Mmio,
                RegionKind::KernelDevice => Kind::MmioKernel,
                RegionKind::Reserved | RegionKind::Untouchable => Kind::Firmware,
            };
            if (kind == Kind::Mmio) == pass {
                note(region.run, kind, region.name, DEVICE_TREE);
            }
        }
    }
    regions
}
