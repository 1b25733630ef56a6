//! Step 6: a driver in a process of its own, and what it holds.

use alloc::string::String;
use alloc::vec::Vec;

use driver::{Request, ask};
use zx::Status;
use zx::abi::ObjectType;
use zx::process::Child;

use super::Story;
use crate::report::Report;

/// How many readings are asked for in a row.
const READINGS: u64 = 100;
/// Process, thread, address space, channel, and the device's VMO.
const HANDLES: usize = 5;

pub(super) fn show(report: &mut Report, story: &Story<'_>) -> Result<Child, Status> {
    let name = &story.place.name;
    report.heading(
        6,
        format_args!("A driver in a process of its own, with the {name} and nothing else"),
    );
    let child = story.start_driver()?;
    report.note("koid of the process", child.process.basic_info()?.koid);

    let before = story.device.read(&story.own);
    let reading = ask(&child.channel, Request::Read)?;
    let after = story.device.read(&story.own);
    report.note("read by init", before);
    let is_between = (before..=after).contains(&reading.value);
    report.check("read by the driver, for init", reading.value, is_between);
    report.check("read by init again", after, after >= before);

    let mut last = reading;
    let mut is_steady = true;
    for _ in 0..READINGS {
        let next = ask(&child.channel, Request::Read)?;
        is_steady &= next.value >= last.value && next.before == last.before + 1;
        last = next;
    }
    report.check("more readings, one after another", last.before, is_steady);
    holdings(report, story, &child)?;
    Ok(child)
}

/// What the driver has handles to, and where the device is mapped.
fn holdings(report: &mut Report, story: &Story<'_>, child: &Child) -> Result<(), Status> {
    let handles = child.process.handle_table()?;
    let kind = |number| ObjectType::from_number(number);
    let names = handles.iter().filter_map(|row| kind(row.object_type));
    let mut names: Vec<_> = names.map(ObjectType::name).collect();
    names.sort_unstable();
    let is_all = handles.len() == HANDLES && names.len() == HANDLES;
    report.check("handles of the driver", handles.len(), is_all);
    report.note("  they are", names.join(", "));
    let of_kind = |wanted| {
        let of_kind = handles
            .iter()
            .filter(move |row| kind(row.object_type) == Some(wanted));
        of_kind.map(|row| row.koid).collect::<Vec<_>>()
    };
    let resources = of_kind(ObjectType::Resource).len();
    report.equal("  resources among them", resources, 0);
    let vmos = of_kind(ObjectType::Vmo);
    let koid = story.vmo.basic_info()?.koid;
    let koids: Vec<String> = vmos.iter().map(|koid| alloc::format!("{koid}")).collect();
    report.check(
        "  VMOs among them, by koid",
        koids.join(", "),
        vmos == [koid],
    );
    let mappings = story.vmo.vmo_info()?.num_mappings;
    report.equal("mappings: init's, the driver's", mappings, 2);
    Ok(())
}
