//! From pages of a VMO back to the page-table entries that show them.

use super::unmap::{clear, pay};
use super::vmar::{Space, piece, space};
use super::{Mapping, Vmo};
use crate::hal::{DynHal, MmuFlags};
use crate::mem::{self, Key, Mem, Span};
use crate::object::Objects;
use crate::{Kernel, VirtAddr, VirtRange};
use core::ops::Range;

/// What is taken from the entries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Take {
    /// They go.
    All,
    /// They stay, and allow no stores.
    Writes,
}

/// Removes the page-table entries of every mapping that shows `pages` (bytes, in offsets of
/// `root`); the first offset that is not done, or the end.
///
/// All mappings of what is done are done: a cursor need hold no more than the offset. At least one
/// page is done, however little `work` is left.
pub(super) fn revoke(
    kernel: &mut Kernel,
    hal: &mut DynHal,
    root: Key<Vmo>,
    pages: Range<u64>,
    work: &mut mem::Work,
) -> u64 {
    reach(kernel, hal, root, pages, Take::All, work)
}

/// As [`revoke`], but takes only the right to write away.
pub(super) fn revoke_writes(
    kernel: &mut Kernel,
    hal: &mut DynHal,
    root: Key<Vmo>,
    pages: Range<u64>,
    work: &mut mem::Work,
) -> u64 {
    let reached = reach(kernel, hal, root, pages, Take::Writes, work);
    kernel.mem.release_tables();
    reached
}

/// As [`revoke`], however long it takes.
pub(super) fn revoke_now(kernel: &mut Kernel, hal: &mut DynHal, root: Key<Vmo>, pages: Range<u64>) {
    let mut at = pages.start;
    while at < pages.end {
        let mut work = mem::Work::new(mem::Work::EVENT);
        at = revoke(kernel, hal, root, at..pages.end, &mut work);
    }
}

fn reach(
    kernel: &mut Kernel,
    hal: &mut DynHal,
    root: Key<Vmo>,
    pages: Range<u64>,
    take: Take,
    work: &mut mem::Work,
) -> u64 {
    let Range { start, mut end } = pages;
    let mut next = next_span(&kernel.objects, root, None, &(start..end));
    while let Some(span) = next {
        let key = span.value;
        if let Some((space, range, first)) = overlap(&kernel.objects, key, start..end) {
            // Those that come late do at least one entry, so that the whole gets on.
            let mut late = mem::Work::new(1);
            let work = if work.is_gone() {
                &mut late
            } else {
                &mut *work
            };
            let reached = take_from(kernel, hal, space, key, range, take, work);
            let done = reached.raw().saturating_sub(range.start.raw());
            if reached < range.end {
                end = end.min(first.saturating_add(done));
            }
        }
        next = next_span(&kernel.objects, root, Some(span), &(start..end));
    }
    end
}

/// The next piece that shows some of `pages`.
fn next_span(
    objects: &Objects,
    root: Key<Vmo>,
    after: Option<Span<Key<Mapping>>>,
    pages: &Range<u64>,
) -> Option<Span<Key<Mapping>>> {
    let spans = &objects.get(root).spans;
    match after {
        Some(after) => spans.next_overlapping(&objects.spans, after.order(), pages),
        None => spans.first_overlapping(&objects.spans, pages),
    }
}

/// Where a piece shows some of `pages`, and the first offset of the root that it shows there.
fn overlap(
    objects: &Objects,
    key: Key<Mapping>,
    pages: Range<u64>,
) -> Option<(Space, VirtRange, u64)> {
    let here = piece(objects, key);
    let (_, shown) = here.shows(objects);
    let first = pages.start.max(shown.start);
    let end = pages.end.min(shown.end);
    let into = |offset: u64| offset.saturating_sub(shown.start);
    let at = |offset: u64| here.range.start.checked_add(into(offset));
    let (start, end) = (at(first)?, at(end)?);
    Some((space(objects, here.vmar)?, VirtRange { start, end }, first))
}

fn take_from(
    kernel: &mut Kernel,
    hal: &mut DynHal,
    space: Space,
    key: Key<Mapping>,
    range: VirtRange,
    take: Take,
    work: &mut mem::Work,
) -> VirtAddr {
    let left = piece(&kernel.objects, key).flags - MmuFlags::WRITE;
    // Without tables to split blocks with, entries that are gone do as well: faults bring them back.
    let is_whole = take == Take::All
        || left.is_empty()
        || kernel
            .mem
            .reserve_tables(Mem::MOST_RESERVED_TABLES)
            .is_err();
    if is_whole {
        return clear(kernel, hal, space, range, work);
    }
    let mut rest = range;
    loop {
        let changed = hal.protect(space.aspace, rest, left, work, &mut kernel.mem);
        rest.start = changed.reached;
        pay(kernel, hal, space, changed);
        if rest.start >= rest.end || work.is_gone() {
            return rest.start;
        }
    }
}
