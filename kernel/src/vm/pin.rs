//! Pins: ranges of VMOs whose pages stay where they are, for a device may be using them.

use super::Vmo;
use super::pages::{fixed_run, page_for_write};
use super::vmo::holder;
use crate::hal::DynHal;
use crate::mem::{Key, Mem, NoMemory, Span, SpanTree};
use crate::object::{Objects, Pmt};
use crate::{Kernel, PhysAddr};
use core::ops::Range;
use jacinth_abi::Status;

/// Makes sure that [`add_pin`] finds room.
///
/// # Errors
/// [`NoMemory`].
pub(crate) fn reserve_pin(objects: &mut Objects, mem: &mut Mem) -> Result<(), NoMemory> {
    SpanTree::reserve(&mut objects.pin_spans, 1, &mut mem.budget)
}

/// Where a pin is in the VMO that holds the pages, and which VMO that is.
pub(super) fn place_of(objects: &Objects, key: Key<Pmt>) -> (Key<Vmo>, Range<u64>) {
    let pmt = objects.get(key);
    let (root, start) = holder(objects, pmt.vmo, pmt.offset);
    (root, start..start.saturating_add(pmt.size))
}

/// Enters a pin with the VMO that holds the pages.
pub(crate) fn add_pin(objects: &mut Objects, key: Key<Pmt>) {
    let (root, Range { start, end }) = place_of(objects, key);
    let Objects {
        vmos, pin_spans, ..
    } = objects;
    if let Some(root) = vmos.get_mut(root) {
        let value = key;
        root.pins
            .insert_reserved(pin_spans, Span { start, end, value });
    }
}

/// Takes a pin out again.
pub(crate) fn remove_pin(objects: &mut Objects, key: Key<Pmt>) {
    let (root, range) = place_of(objects, key);
    let Objects {
        vmos, pin_spans, ..
    } = objects;
    let root = vmos.get_mut(root);
    let removed = root.and_then(|root| root.pins.remove(pin_spans, range.start, key));
    debug_assert!(removed.is_some(), "a pinned range is entered with its VMO");
}

/// Whether pages in a range of a VMO that holds pages are pinned. A device's addresses are not:
/// they stay anyway (vmo.md §22).
pub(super) fn is_pinned(objects: &Objects, root: Key<Vmo>, range: &Range<u64>) -> bool {
    let vmo = objects.get(root);
    let first = vmo.pins.first_overlapping(&objects.pin_spans, range);
    first.is_some() && !vmo.is_physical()
}

/// The first stretch in a range of a VMO that holds pages that is pinned.
pub(super) fn first_pinned(
    objects: &Objects,
    root: Key<Vmo>,
    range: &Range<u64>,
) -> Option<Range<u64>> {
    let pins = &objects.get(root).pins;
    let first = pins.first_overlapping(&objects.pin_spans, range)?;
    Some(first.start.max(range.start)..first.end.min(range.end))
}

/// Whether a VMO is one run of physical addresses, for good.
pub(crate) fn is_one_run(objects: &Objects, vmo: Key<Vmo>) -> bool {
    fixed_run(objects, vmo).is_some()
}

/// The frame behind page-aligned `offset` of a pinned range: from now on always the same.
///
/// # Errors
/// NO_MEMORY.
pub(crate) fn pinned_page(
    kernel: &mut Kernel,
    hal: &mut DynHal,
    vmo: Key<Vmo>,
    offset: u64,
) -> Result<PhysAddr, Status> {
    page_for_write(kernel, hal, vmo, offset)
}

/// Finds each pinned range with the VMO that holds its pages, and nothing else there.
pub(super) fn audit_pins(objects: &Objects) -> Result<(), &'static str> {
    let mut entered = 0u32;
    for (_, vmo) in objects.vmos.iter() {
        if !vmo.pins.audit(&objects.pin_spans) {
            return Err("the tree of what is pinned of a VMO is out of order");
        }
        entered = entered.wrapping_add(vmo.pins.len());
    }
    let mut pinned = 0u32;
    for (key, _) in objects.pmts.iter().filter(|(_, pmt)| pmt.is_pinned()) {
        let (root, range) = place_of(objects, key);
        let pins = &objects.get(root).pins;
        let mut next = pins.first_overlapping(&objects.pin_spans, &range);
        while let Some(span) = next.filter(|span| span.value != key) {
            next = pins.next_overlapping(&objects.pin_spans, span.order(), &range);
        }
        if next.map(|span| span.start..span.end) != Some(range) {
            return Err("a pinned range is not found with its VMO");
        }
        pinned = pinned.wrapping_add(1);
    }
    if pinned == entered {
        Ok(())
    } else {
        Err("what is pinned of VMOs is miscounted")
    }
}
