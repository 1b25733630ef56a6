//! Step 5: memory, interrupt controllers and the kernel's own devices stay the kernel's.

use zx::abi::ResourceKind;
use zx::{Resource, Startup, Status, Vmo};

use crate::given;
use crate::machine::{Machine, PAGE, Place};
use crate::report::Report;

pub(crate) fn show(report: &mut Report, start: &Startup, machine: &Machine) -> Result<(), Status> {
    report.heading(5, format_args!("What even the root resource does not give"));
    let root = given(start.mmio.as_ref())?;
    for place in machine.memory() {
        whole(report, root, &place);
        if place.bytes > PAGE {
            let name = "last of RAM".into();
            let base = place.base + place.bytes - PAGE;
            let bytes = PAGE;
            whole(report, root, &Place { name, base, bytes });
        }
    }
    for place in machine.interrupt_controllers() {
        whole(report, root, &place);
        straddling(report, root, &place);
    }
    for place in machine.iommus().iter().chain(&machine.consoles()) {
        whole(report, root, place);
    }
    Ok(())
}

/// Neither a VMO over the pages nor a resource over the bytes.
fn whole(report: &mut Report, root: &Resource, place: &Place) {
    let Place { name, base, bytes } = place;
    let vmo = Vmo::create_physical(root, place.page(), place.page_bytes());
    row(report, format_args!("{name} at {base:#x}: VMO"), vmo.err());
    let child = root.create_child(ResourceKind::Mmio, 0, *base, *bytes, "tour");
    row(
        report,
        format_args!("{name} at {base:#x}: resource"),
        child.err(),
    );
}

/// One page of it is one too many.
fn straddling(report: &mut Report, root: &Resource, place: &Place) {
    let vmo = Vmo::create_physical(root, place.page() - PAGE, 2 * PAGE);
    let text = format_args!("{} and the page before it: VMO", place.name);
    row(report, text, vmo.err());
}

fn row(report: &mut Report, what: core::fmt::Arguments<'_>, got: Option<Status>) {
    let denied = Err(Status::ACCESS_DENIED);
    report.error(&alloc::format!("{what}"), denied, got.map_or(Ok(()), Err));
}
