//! Step 3: PCI configuration space, mapped whole through one physical VMO.

use zx::abi::PageTableInfo;
use zx::pci::Ecam;
use zx::{Startup, Status, VmOptions, Vmo};

use crate::given;
use crate::machine::Machine;
use crate::report::Report;

pub(crate) fn show(report: &mut Report, start: &Startup, machine: &Machine) -> Result<(), Status> {
    let Some((place, first_bus)) = machine.ecam() else {
        return Ok(());
    };
    report.heading(
        3,
        format_args!(
            "PCI configuration space at {:#x}, {} MiB through one VMO",
            place.base,
            place.bytes >> 20
        ),
    );
    let vmo = Vmo::create_physical(given(start.mmio.as_ref())?, place.base, place.bytes)?;
    let before = start.root_vmar.page_table_info()?;
    let region = start.root_vmar.map(&vmo, VmOptions::PERM_READ)?;
    let after = start.root_vmar.page_table_info()?;
    blocks(report, place.bytes, &before, &after);
    let ecam = Ecam::new(region, first_bus);
    let functions = ecam.scan();
    for function in &functions {
        zx::println!(
            "pci {} {:04x}:{:04x} {:06x}",
            function.bdf,
            function.vendor,
            function.device,
            function.class
        );
    }
    let has_bridge = functions
        .iter()
        .any(|function| function.class >> 8 == HOST_BRIDGE);
    report.check("functions, with a host bridge", functions.len(), has_bridge);
    Ok(())
}

/// Class and subclass of a host bridge.
const HOST_BRIDGE: u32 = 0x0600;

/// Large and aligned memory is mapped by large entries, and by nothing else.
fn blocks(report: &mut Report, bytes: u64, before: &PageTableInfo, after: &PageTableInfo) {
    let pages_4k = after.pages_4k - before.pages_4k;
    let blocks_2m = after.blocks_2m - before.blocks_2m;
    let blocks_1g = after.blocks_1g - before.blocks_1g;
    let covered = (pages_4k << 12) + (blocks_2m << 21) + (blocks_1g << 30);
    report.note("blocks of 1 GiB", blocks_1g);
    report.check("blocks of 2 MiB", blocks_2m, covered == bytes);
    report.equal("pages of 4 KiB", pages_4k, 0);
    report.note(
        "new page tables",
        after.tables.saturating_sub(before.tables),
    );
}
