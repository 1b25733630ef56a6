//! The part of the audit about regions: what lies where, and which trees know of it.

use super::vmar::{Region, piece};
use super::{Mapping, Vmar};
use crate::mem::{self, Key, RegionTree};
use crate::object::Objects;

/// Compares every region with the one that it lies in, and all trees with what is in them.
///
/// # Errors
/// What differs first.
pub(super) fn audit_regions(objects: &Objects) -> Result<(), &'static str> {
    let (mut entries, mut attached) = (0u32, 0u32);
    for (key, region) in objects.vmars.iter() {
        for tree in [&region.children, &region.regions, &region.nested] {
            if !tree.audit(&objects.vmar_nodes) {
                return Err("a tree of a region is out of order");
            }
            entries = entries.wrapping_add(tree.len());
        }
        let is_attached = region.parent.is_some();
        let is_below = region.root.is_some() && !region.is_root();
        if is_attached != is_below || region.is_root() != (region.depth == 1) {
            return Err("a region does not know where it lies");
        }
        // The root of a process that is being torn down goes bit by bit.
        let process = region
            .process
            .and_then(|process| objects.processes.get(process));
        let is_going = process.is_some_and(|process| process.root_vmar == Some(key));
        if !is_attached && !is_going && !region.alive && !region.children.is_empty() {
            return Err("something is in a region that is gone");
        }
        if let Some(parent) = region.parent {
            audit_place(objects, key, region, parent)?;
            attached = attached.wrapping_add(1);
        }
    }
    let nested = audit_nested(objects)?;
    // Each piece and each region is among the children; regions are among the regions as well.
    let expected = nested
        .wrapping_add(objects.mappings.len())
        .wrapping_add(attached.wrapping_mul(2));
    if entries == expected && entries == objects.vmar_nodes.len() {
        Ok(())
    } else {
        Err("entries of regions are lost")
    }
}

/// A region lies in its parent, which knows it in both trees.
fn audit_place(
    objects: &Objects,
    key: Key<Vmar>,
    region: &Vmar,
    parent: Key<Vmar>,
) -> Result<(), &'static str> {
    let above = objects
        .vmars
        .get(parent)
        .ok_or("a region's parent is gone")?;
    let entry = mem::Region {
        start: region.base,
        end: region.range().end,
        value: Region::Vmar(key),
    };
    let has = |tree: &RegionTree<Region>| {
        tree.containing(&objects.vmar_nodes, region.base) == Some(entry)
    };
    if !has(&above.children) || !has(&above.regions) {
        return Err("a region is not where its parent has it");
    }
    let is_same_space = above.process == region.process;
    let is_same_root = above.root.unwrap_or(parent) == region.root.unwrap_or(key);
    if !is_same_space || !is_same_root || above.depth.wrapping_add(1) != region.depth {
        return Err("a region differs from its parent");
    }
    let may_more = !above.can.contains(region.can);
    if may_more || !above.range().covers(region.range()) {
        return Err("a region is more than its parent");
    }
    Ok(())
}

/// A root's tree of nested pieces has every piece that lies deep, and no other; how many.
fn audit_nested(objects: &Objects) -> Result<u32, &'static str> {
    let mut nested = 0u32;
    for (key, here) in objects.mappings.iter() {
        let vmar = objects.vmars.get(here.vmar);
        let vmar = vmar.ok_or("a mapping is in no region")?;
        if here.continues {
            audit_cut(objects, vmar, here)?;
        }
        let Some(root) = vmar.deep_root() else {
            continue;
        };
        let root = objects.vmars.get(root).ok_or("a region's root is gone")?;
        let found = root
            .nested
            .containing(&objects.vmar_nodes, here.range.start);
        let entry = mem::Region {
            start: here.range.start,
            end: here.range.end,
            value: Region::Mapping(key),
        };
        if found != Some(entry) {
            return Err("a root does not know a piece below it");
        }
        nested = nested.wrapping_add(1);
    }
    let mut known = 0u32;
    for (_, region) in objects.vmars.iter() {
        known = known.wrapping_add(region.nested.len());
    }
    if known == nested {
        Ok(nested)
    } else {
        Err("a root knows pieces that are gone")
    }
}

/// A piece that continues another lies right behind one that knows it was cut.
fn audit_cut(objects: &Objects, vmar: &Vmar, here: &Mapping) -> Result<(), &'static str> {
    let start = here.range.start;
    let before = vmar.children.last_before(&objects.vmar_nodes, start);
    match before.map(|before| (before.end, before.value)) {
        Some((end, Region::Mapping(key))) if end == start && piece(objects, key).is_cut => Ok(()),
        _ => Err("a piece continues none"),
    }
}
