//! Step 1: what a new physical VMO is, and when its signal changes.

use zx::abi::ObjectType;
use zx::{CachePolicy, Rights, Signals, Startup, Status, VmOptions, Vmo};

use crate::given;
use crate::machine::{Machine, PAGE};
use crate::report::{Hex, Report};

/// The size that the content size is set to.
const CONTENT: u64 = 1234;

pub(crate) fn show(report: &mut Report, start: &Startup, machine: &Machine) -> Result<(), Status> {
    let place = machine.sample().ok_or(Status::NOT_FOUND)?;
    let page = place.page();
    report.heading(
        1,
        format_args!("A physical VMO over the {} at {page:#x}", place.name),
    );
    let vmo = Vmo::create_physical(given(start.mmio.as_ref())?, page, PAGE)?;
    identity(report, &vmo)?;
    sizes(report, &vmo)?;
    details(report, &vmo)?;
    signal(report, start, &vmo)
}

fn identity(report: &mut Report, vmo: &Vmo) -> Result<(), Status> {
    let info = vmo.basic_info()?;
    let rights = Hex(u64::from(info.rights));
    report.equal(
        "rights",
        rights,
        Hex(u64::from(Rights::DEFAULT_PHYSICAL_VMO.bits())),
    );
    let kind = ObjectType::from_number(info.object_type);
    report.equal("type", kind.map_or("?", ObjectType::name), "VMO");
    report.check("koid", info.koid, info.koid >= zx::abi::limits::KOID_FIRST);
    report.equal("handles to it", vmo.handle_count()?, 1);
    Ok(())
}

fn sizes(report: &mut Report, vmo: &Vmo) -> Result<(), Status> {
    report.equal("size", vmo.size()?, PAGE);
    report.equal("content size", vmo.content_size()?, PAGE);
    vmo.set_content_size(CONTENT)?;
    report.equal("content size, set", vmo.content_size()?, CONTENT);
    report.equal("size after that", vmo.size()?, PAGE);
    Ok(())
}

fn details(report: &mut Report, vmo: &Vmo) -> Result<(), Status> {
    vmo.set_name("tour")?;
    report.equal("name, set", vmo.name()?.as_str(), "tour");
    let info = vmo.vmo_info()?;
    // CONTIGUOUS and VIA_HANDLE; TYPE_PHYSICAL is no bit.
    report.equal("flags", Hex(u64::from(info.flags)), Hex(0x48));
    let policy = CachePolicy::from_number(info.cache_policy);
    report.equal(
        "cache policy",
        policy.map_or("?", CachePolicy::name),
        "UNCACHED",
    );
    report.equal("committed bytes", info.committed_bytes, 0);
    Ok(())
}

/// A child keeps the signal low while a handle or a mapping of it is left.
fn signal(report: &mut Report, start: &Startup, vmo: &Vmo) -> Result<(), Status> {
    let zero_children = Signals::VMO_ZERO_CHILDREN;
    let mut expect = |when: &str, expected: Signals| {
        let pending = vmo.pending()?;
        report.equal(when, Shown(pending), Shown(expected));
        Ok(())
    };
    expect("signals when new", zero_children)?;
    let readable = VmOptions::PERM_READ;
    let own = start.root_vmar.map(vmo, readable)?;
    expect("  mapped itself", zero_children)?;
    own.unmap()?;
    let slice = vmo.slice(0, PAGE)?;
    expect("  a slice is made", Signals::empty())?;
    let inner = slice.slice(0, PAGE)?;
    let mapping = start.root_vmar.map(&inner, readable)?;
    expect("  a slice of it is mapped", Signals::empty())?;
    zx::Handle::from(slice).close()?;
    expect("  the slice is closed", Signals::empty())?;
    zx::Handle::from(inner).close()?;
    expect("  the slice of it is closed", Signals::empty())?;
    mapping.unmap()?;
    expect("  the mapping is gone", zero_children)
}

/// Signals by name.
#[derive(PartialEq)]
struct Shown(Signals);

impl core::fmt::Display for Shown {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self.0 {
            Signals::VMO_ZERO_CHILDREN => f.write_str("ZERO_CHILDREN"),
            none if none.is_empty() => f.write_str("-"),
            other => write!(f, "{:#x}", other.bits()),
        }
    }
}
