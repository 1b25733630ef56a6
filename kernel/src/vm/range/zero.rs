//! ZERO: exactly the bytes asked for; whole pages go instead.

use super::Pages;
use super::page_for_write;
use super::remove::{next_page, remove_pages, take_pages};
use crate::hal::DynHal;
use crate::mem::{self, Key};
use crate::vm::pages::run_at;
use crate::vm::pin::first_pinned;
use crate::vm::reach::revoke;
use crate::vm::{Content, Vmo};
use crate::{Kernel, PAGE_SIZE, PhysAddr, PhysRun};
use core::ops::Range;
use jacinth_abi::Status;

/// Which page-table entries go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Entries {
    /// Those of pages that go.
    OfPages,
    /// All.
    All,
}

/// Makes bytes zero until `work` is gone.
///
/// # Errors
/// NO_MEMORY, where pages are shared with snapshots.
pub(super) fn zero(
    kernel: &mut Kernel,
    hal: &mut DynHal,
    pages: &mut Pages,
    entries: Entries,
    work: &mut mem::Work,
) -> Result<(), Status> {
    while pages.left() != 0 {
        if !work.spend() {
            return Ok(());
        }
        let inside = pages.at & (PAGE_SIZE - 1);
        let part = pages.left().min(PAGE_SIZE - inside);
        if part != PAGE_SIZE {
            zero_bytes(kernel, hal, pages.root, pages.at, part)?;
            pages.at = pages.at.saturating_add(part);
            continue;
        }
        let whole = pages.at..(pages.end & !(PAGE_SIZE - 1));
        pages.at = zero_pages(kernel, hal, pages.root, whole, entries, work)?;
    }
    Ok(())
}

/// Makes whole pages zero; the first byte that is not done.
fn zero_pages(
    kernel: &mut Kernel,
    hal: &mut DynHal,
    root: Key<Vmo>,
    range: Range<u64>,
    entries: Entries,
    work: &mut mem::Work,
) -> Result<u64, Status> {
    if !matches!(kernel.objects.get(root).content, Content::Paged(_)) {
        return zero_in_place(kernel, hal, root, range, work);
    }
    let mut range = range;
    if let Some(pinned) = first_pinned(&kernel.objects, root, &range) {
        if pinned.start == range.start {
            // A device may be using the frames.
            let mut part = pinned;
            if entries == Entries::All {
                part.end = revoke(kernel, hal, root, part.clone(), work);
            }
            return zero_in_place(kernel, hal, root, part, work);
        }
        range.end = pinned.start;
    }
    if entries == Entries::OfPages {
        return remove_pages(kernel, hal, root, range, work);
    }
    let reached = revoke(kernel, hal, root, range.clone(), work);
    take_pages(kernel, root, range.start..reached, work)
}

fn zero_in_place(
    kernel: &mut Kernel,
    hal: &mut DynHal,
    root: Key<Vmo>,
    range: Range<u64>,
    work: &mut mem::Work,
) -> Result<u64, Status> {
    let is_paged = matches!(kernel.objects.get(root).content, Content::Paged(_));
    let mut at = range.start;
    while at < range.end {
        if is_paged {
            match next_page(&kernel.objects, root, at).filter(|page| *page < range.end) {
                Some(page) => at = page,
                None => break,
            }
        }
        zero_bytes(kernel, hal, root, at, PAGE_SIZE)?;
        at = at.saturating_add(PAGE_SIZE);
        if !work.spend() {
            return Ok(at);
        }
    }
    Ok(range.end)
}

/// Makes `bytes` bytes from `at` on, inside one page, zero; a page that is not there is zero.
///
/// # Errors
/// NO_MEMORY, with nothing changed.
pub(super) fn zero_bytes(
    kernel: &mut Kernel,
    hal: &mut DynHal,
    root: Key<Vmo>,
    at: u64,
    bytes: u64,
) -> Result<(), Status> {
    let inside = at & (PAGE_SIZE - 1);
    let page = at.wrapping_sub(inside);
    if bytes == 0 || run_at(&kernel.objects, root, page, PAGE_SIZE).is_none() {
        return Ok(());
    }
    let base = page_for_write(kernel, hal, root, page)?;
    let from = base.checked_add(inside).ok_or(Status::INTERNAL)?;
    fill(hal, from, bytes)
}

fn fill(hal: &mut DynHal, from: PhysAddr, bytes: u64) -> Result<(), Status> {
    if bytes == PAGE_SIZE {
        let run = PhysRun {
            base: from,
            pages: 1,
        };
        return hal.zero(run).map_err(|_| Status::INTERNAL);
    }
    let zeros = &[0; 4096];
    let len = usize::try_from(bytes).map_err(|_| Status::INTERNAL)?;
    let zeros = zeros.get(..len).ok_or(Status::INTERNAL)?;
    hal.write(from, zeros).map_err(|_| Status::INTERNAL)
}
