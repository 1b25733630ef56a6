//! Blocks that are split: a page in the middle changes its permissions, another one goes, and all
//! bytes around them stay where they are.

use devices_agreement::{Way, pattern, pattern_spots};
use zx::{Region, Status, VmOptions};

use crate::ivshmem::{READ_WRITE, Round};
use crate::report::Report;

const PAGE: u64 = 4096;

/// How many bytes of the mapping are gone when the round is over.
pub(crate) fn hole(round: Round) -> u64 {
    match (round.way, unmapped(round)) {
        (Way::Split, Some(_)) => PAGE,
        _ => 0,
    }
}

/// The page that goes: in the middle of the window's first half, where no spots are.
fn unmapped(round: Round) -> Option<u64> {
    let quarter = round.window.bytes / 4;
    (quarter >= PAGE).then_some(quarter)
}

pub(crate) fn drive(report: &mut Report, round: Round, region: &Region) -> Result<(), Status> {
    let [_, middle, _] = pattern_spots(round.window);
    let page = middle & !(PAGE - 1);
    region.protect(VmOptions::PERM_READ, page, PAGE)?;
    if let Some(at) = unmapped(round) {
        region.unmap_part(at, PAGE)?;
    }
    let offset = round.window.offset;
    let what = format_args!("{round}: the page that is read-only");
    report.equal(what, region.read64(middle), pattern(offset + middle));
    round.read(report, region);
    region.protect(READ_WRITE, page, PAGE)?;
    round.write(region);
    round.check_replies(report, region);
    Ok(())
}
