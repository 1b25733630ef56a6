//! The part of the audit that is about VMOs: their families, and who shows their pages.

use super::child::is_idle;
use super::vmo::holder;
use super::{Content, Marks, Vmo};
use crate::mem::Key;
use crate::object::{Object, Objects};
use crate::{Kernel, PAGE_SHIFT};
use alloc::collections::BTreeMap;

/// What refers to a VMO, as recounted.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
struct Counts {
    children: u32,
    idle_children: u32,
    snapshots: u32,
    mappings: u32,
    spans: u32,
}

/// Recounts children and mappings; looks each mapping up where pages are found by what they show.
pub(super) fn audit_vmos(kernel: &Kernel) -> Result<(), &'static str> {
    let objects = &kernel.objects;
    let mut found: BTreeMap<u32, Counts> = BTreeMap::new();
    for (_, vmo) in objects.vmos.iter() {
        let Some(parent) = vmo.parent else {
            continue;
        };
        let is_idle = vmo.is_snapshot() || vmo.marks.contains(Marks::HOLLOW);
        let count = found.entry(parent.index()).or_default();
        count.children = count.children.wrapping_add(1);
        count.idle_children = count.idle_children.wrapping_add(u32::from(is_idle));
        let (root, _) = holder(objects, parent, 0);
        let count = found.entry(root.index()).or_default();
        count.snapshots = count.snapshots.wrapping_add(u32::from(vmo.is_snapshot()));
    }
    for (_, mapping) in objects.mappings.iter() {
        let (root, _) = mapping.shows(objects);
        let count = found.entry(root.index()).or_default();
        count.spans = count.spans.wrapping_add(1);
        let count = found.entry(mapping.vmo.index()).or_default();
        count.mappings = count.mappings.wrapping_add(u32::from(!mapping.continues));
    }
    for (key, vmo) in objects.vmos.iter() {
        let counted = Counts {
            children: vmo.children,
            idle_children: vmo.idle_children,
            snapshots: vmo.snapshots,
            mappings: vmo.mapping_count,
            spans: vmo.spans.len(),
        };
        if found.get(&key.index()).copied().unwrap_or_default() != counted {
            return Err("a VMO's children or mappings are miscounted");
        }
        audit_spans(objects, key, vmo)?;
        audit_pages(kernel, key, vmo)?;
    }
    Ok(())
}

/// What shows a VMO's pages is a mapping that says the same.
fn audit_spans(objects: &Objects, key: Key<Vmo>, vmo: &Vmo) -> Result<(), &'static str> {
    if !vmo.spans.audit(&objects.spans) {
        return Err("the tree of what shows a VMO is out of order");
    }
    let mut next = vmo.spans.first(&objects.spans);
    while let Some(span) = next {
        let shows = objects
            .mappings
            .get(span.value)
            .map(|here| here.shows(objects));
        if shows != Some((key, span.start..span.end)) {
            return Err("a mapping is not found by what it shows");
        }
        let all = 0..u64::MAX;
        next = vmo
            .spans
            .next_overlapping(&objects.spans, span.order(), &all);
    }
    Ok(())
}

/// A VMO's pages lie inside it, and their marks say what they are.
fn audit_pages(kernel: &Kernel, key: Key<Vmo>, vmo: &Vmo) -> Result<(), &'static str> {
    let Objects { page_nodes, .. } = &kernel.objects;
    let Content::Paged(pages) = &vmo.content else {
        return Ok(());
    };
    let is_queued = kernel.objects.is_queued(Vmo::to_ref(key));
    let is_hollow = vmo.marks.contains(Marks::HOLLOW);
    if is_idle(vmo) && !is_queued && !(is_hollow && pages.count() == 0) {
        return Err("nobody reaches a VMO's pages, and they stay");
    }
    if is_hollow && !is_idle(vmo) {
        return Err("a VMO is in use whose pages are gone");
    }
    let end = vmo.size.max(vmo.stale.end());
    let is_outside = pages.next_at_or_after(page_nodes, end >> PAGE_SHIFT);
    if is_outside.is_some() {
        return Err("a VMO has pages behind its end");
    }
    let is_shared = pages.private(page_nodes, &kernel.mem.frames) != pages.count();
    if is_shared && !vmo.marks.contains(Marks::SHARED) {
        return Err("a VMO shares pages and does not know");
    }
    Ok(())
}
