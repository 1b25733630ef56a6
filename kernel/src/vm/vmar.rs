//! Address regions and the mappings in them, as data.
//!
//! A region's tree holds its mappings and the regions right below it. Where regions lie deeper in
//! each other than one in the root region, the root region has the pieces of all the deeper ones in
//! one tree, so that the way from an address to a piece is short however deep they lie.
//!
//! A mapping is one or more *pieces*, each with one protection and its own entry in the region's
//! tree; a piece that `continues` belongs to the mapping of the piece that ends where it starts.

use super::vmo::holder;
use super::{Marks, Vmo};
use crate::hal::{AspaceId, MmuFlags};
use crate::mem::{self, Key, NoMemory, RegionNode, RegionPool, RegionTree, Span, SpanTree};
use crate::object::{Head, Objects};
use crate::task::Process;
use crate::{Kernel, PAGE_SIZE, VirtAddr, VirtRange};
use core::ops::Range;
use jacinth_abi::Signals;

/// What a region holds at some addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Region {
    /// A piece of a mapping.
    Mapping(Key<Mapping>),
    /// Another region.
    Vmar(Key<Vmar>),
}

/// A node of a region's tree, for the pool that all trees share.
pub(crate) type VmarNode = RegionNode<Region>;

/// A piece of a mapping.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Mapping {
    pub(crate) vmar: Key<Vmar>,
    /// What it shows; a use of it is held.
    pub(crate) vmo: Key<Vmo>,
    /// As in the region's tree.
    pub(crate) range: VirtRange,
    /// The VMO's byte at the start of `range`.
    pub(crate) vmo_offset: u64,
    /// What it allows now; empty allows nothing.
    pub(crate) flags: MmuFlags,
    /// What it may ever allow.
    pub(crate) may: MmuFlags,
    /// Whether it belongs to the mapping of the piece before it.
    pub(crate) continues: bool,
    /// Whether the piece behind it may continue it: only then need that be looked at.
    pub(super) is_cut: bool,
    /// Whether it ends where the VMO's stream does (`ZX_VM_FAULT_BEYOND_STREAM_SIZE`).
    pub(crate) stream: bool,
}

impl Mapping {
    /// The VMO whose pages it shows, and which bytes of it.
    pub(super) fn shows(&self, objects: &Objects) -> (Key<Vmo>, Range<u64>) {
        let (root, start) = holder(objects, self.vmo, self.vmo_offset);
        (root, shown(start, self.range))
    }
}

/// The bytes of a VMO from `start` on that are shown in `range`.
fn shown(start: u64, range: VirtRange) -> Range<u64> {
    // Where offsets end there are no pages; all that counts is that no range is empty.
    let start = start.min(u64::MAX - PAGE_SIZE);
    start..start.saturating_add(range.bytes())
}

const SHOWN: &str = "a piece holds a use of what it shows";

/// An address region.
#[derive(Debug)]
pub(crate) struct Vmar {
    pub(crate) head: Head,
    /// Whose addresses these are; a process outlives its regions' lives, not their objects.
    pub(crate) process: Option<Key<Process>>,
    /// The region that it lies in; a root region lies in none, and one that was destroyed neither.
    pub(crate) parent: Option<Key<Self>>,
    /// The root region above it; a root region has none.
    pub(super) root: Option<Key<Self>>,
    /// How deep it lies: 1 for a root region.
    pub(crate) depth: u32,
    pub(crate) base: VirtAddr,
    /// In bytes.
    pub(crate) size: u64,
    /// What mappings in it may allow.
    pub(crate) can: MmuFlags,
    /// Whether callers may choose addresses.
    pub(crate) can_specific: bool,
    /// Whether what is put anywhere in it goes to the lowest place that fits.
    pub(crate) compact: bool,
    /// The pieces and regions right below it; a use of each region is held.
    pub(crate) children: RegionTree<Region>,
    /// Those of its children that are regions.
    pub(super) regions: RegionTree<Region>,
    /// Of a root region: the pieces of all regions that lie deeper than right below it.
    pub(super) nested: RegionTree<Region>,
    /// Whether the region still stands for its addresses.
    pub(crate) alive: bool,
    /// The region below it with which its destruction goes on.
    pub(super) dying_at: Option<Key<Self>>,
    /// Where searches for room begin: random, chosen at the first search.
    pub(super) hint: Option<VirtAddr>,
}

/// An address space that is in use, and whose it is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Space {
    pub(super) process: Key<Process>,
    pub(super) aspace: AspaceId,
}

impl Vmar {
    /// All its addresses.
    pub(crate) const fn range(&self) -> VirtRange {
        let end = VirtAddr::new(self.base.raw().saturating_add(self.size));
        VirtRange {
            start: self.base,
            end,
        }
    }

    /// The root region, where that has the region's pieces in its tree of nested ones.
    pub(super) fn deep_root(&self) -> Option<Key<Self>> {
        const RIGHT_BELOW_ROOT: u32 = 2;
        self.root.filter(|_| self.depth > RIGHT_BELOW_ROOT)
    }

    /// Whether it is all of an address space.
    pub(crate) const fn is_root(&self) -> bool {
        self.depth == 1
    }
}

/// Makes the root region of a process, alive and empty; the caller counts the process's use of it.
///
/// # Errors
/// [`NoMemory`], with nothing changed.
pub(crate) fn root_vmar_reserved(kernel: &mut Kernel, process: Key<Process>) -> Key<Vmar> {
    let koid = kernel.objects.new_koid();
    kernel.objects.vmars.insert_reserved(Vmar {
        head: Head::new(koid, Signals::empty()),
        process: Some(process),
        parent: None,
        root: None,
        depth: 1,
        base: kernel.user.start,
        size: kernel.user.bytes(),
        can: MmuFlags::all(),
        can_specific: true,
        compact: false,
        children: RegionTree::new(),
        regions: RegionTree::new(),
        nested: RegionTree::new(),
        alive: true,
        dying_at: None,
        hint: None,
    })
}

/// The address space of a region until it is gone altogether: also while it is being destroyed.
pub(super) fn space(objects: &Objects, vmar: Key<Vmar>) -> Option<Space> {
    let process = objects.vmars.get(vmar)?.process?;
    let aspace = objects.processes.get(process)?.aspace;
    Some(Space { process, aspace })
}

/// The piece behind a key from a tree.
pub(super) fn piece(objects: &Objects, key: Key<Mapping>) -> &Mapping {
    objects
        .mappings
        .get(key)
        .expect("entries of a region lead to its mappings")
}

/// The piece behind a key from a tree.
pub(super) fn piece_mut(objects: &mut Objects, key: Key<Mapping>) -> &mut Mapping {
    objects
        .mappings
        .get_mut(key)
        .expect("entries of a region lead to its mappings")
}

/// The piece that holds `at` in a region or below it, and whether it is right below it.
pub(crate) fn next_piece(
    objects: &Objects,
    top: Key<Vmar>,
    at: VirtAddr,
) -> Option<(Key<Mapping>, bool)> {
    let region = objects.get(top);
    let nodes = &objects.vmar_nodes;
    let below = match region.children.containing(nodes, at)?.value {
        Region::Mapping(key) => return Some((key, true)),
        Region::Vmar(below) => objects.get(below),
    };
    // Mostly a region either holds regions or pieces: so only one of the two trees has something.
    let deeper = |root: Key<Vmar>| objects.get(root).nested.containing(nodes, at);
    let nested = if below.regions.is_empty() {
        None
    } else {
        deeper(region.root.unwrap_or(top))
    };
    let found = nested.or_else(|| below.children.containing(nodes, at))?;
    mapping_of(found.value).map(|key| (key, false))
}

/// The piece that holds `at` right below a region.
pub(super) fn piece_at(objects: &Objects, vmar: Key<Vmar>, at: VirtAddr) -> Option<Key<Mapping>> {
    let found = objects
        .get(vmar)
        .children
        .containing(&objects.vmar_nodes, at)?;
    mapping_of(found.value)
}

/// What a region holds at `at`, else the next behind it.
pub(super) fn child_ending_after(
    objects: &Objects,
    vmar: Key<Vmar>,
    at: VirtAddr,
) -> Option<mem::Region<Region>> {
    let children = &objects.get(vmar).children;
    children.first_ending_after(&objects.vmar_nodes, at)
}

const fn mapping_of(region: Region) -> Option<Key<Mapping>> {
    match region {
        Region::Mapping(key) => Some(key),
        Region::Vmar(_) => None,
    }
}

/// Changes the trees that hold a region's pieces: its own, and the root's if it lies deep. Whose
/// addresses the region's are.
#[inline]
fn change_trees(
    objects: &mut Objects,
    vmar: Key<Vmar>,
    mut change: impl FnMut(&mut RegionTree<Region>, &mut RegionPool<Region>),
) -> Option<Key<Process>> {
    let Objects {
        vmars, vmar_nodes, ..
    } = objects;
    let region = vmars.get_mut(vmar)?;
    change(&mut region.children, vmar_nodes);
    let (process, root) = (region.process, region.deep_root());
    if let Some(root) = root.and_then(|root| vmars.get_mut(root)) {
        change(&mut root.nested, vmar_nodes);
    }
    process
}

/// Makes room for `count` more pieces.
///
/// # Errors
/// [`NoMemory`].
#[inline]
pub(super) fn reserve_pieces(kernel: &mut Kernel, count: u32) -> Result<(), NoMemory> {
    kernel
        .objects
        .mappings
        .reserve_many(count, &mut kernel.mem.budget)?;
    SpanTree::reserve(&mut kernel.objects.spans, count, &mut kernel.mem.budget)?;
    // One in its region's tree, one in the root's.
    RegionTree::reserve(
        &mut kernel.objects.vmar_nodes,
        count.saturating_mul(2),
        &mut kernel.mem.budget,
    )
}

/// Changes what a piece shows, and its entry in the VMO whose pages that are.
fn move_bounds(objects: &mut Objects, key: Key<Mapping>, change: impl FnOnce(&mut Mapping)) {
    let (_, Range { start, .. }) = piece(objects, key).shows(objects);
    change(piece_mut(objects, key));
    let (root, bounds) = piece(objects, key).shows(objects);
    let Objects { vmos, spans, .. } = objects;
    if let Some(root) = vmos.get_mut(root) {
        root.spans.move_bounds(spans, start, key, bounds);
    }
}

/// Puts a piece, for which room was reserved, where nothing is.
pub(super) fn insert_piece(objects: &mut Objects, new: &Mapping) -> Key<Mapping> {
    let key = objects.mappings.insert_reserved(*new);
    let entry = mem::Region {
        start: new.range.start,
        end: new.range.end,
        value: Region::Mapping(key),
    };
    let process = change_trees(objects, new.vmar, |tree, nodes| {
        tree.insert_reserved(nodes, entry);
    });
    let Objects { vmos, spans, .. } = objects;
    let vmo = vmos.get_mut(new.vmo).expect(SHOWN);
    vmo.head.uses = vmo.head.uses.wrapping_add(1);
    vmo.shown_in.note(process);
    vmo.mapping_count = vmo.mapping_count.wrapping_add(u32::from(!new.continues));
    let (holder, offset) = match vmo.window() {
        None => (vmo, 0),
        Some((root, offset)) => (vmos.get_mut(root).expect(SHOWN), offset),
    };
    if new.stream {
        holder.marks.insert(Marks::STREAM);
    }
    let Range { start, end } = shown(new.vmo_offset.saturating_add(offset), new.range);
    let value = key;
    holder
        .spans
        .insert_reserved(spans, Span { start, end, value });
    key
}

/// Takes a piece out; a piece that continued it becomes the first of its mapping.
pub(super) fn remove_piece(objects: &mut Objects, key: Key<Mapping>) {
    let here = piece(objects, key);
    let (vmar, end, is_cut) = (here.vmar, here.range.end, here.is_cut);
    take_piece(objects, key);
    if is_cut {
        begin_mapping_at(objects, vmar, end);
    }
}

/// Takes a piece out whose mapping goes on without it.
pub(super) fn take_piece(objects: &mut Objects, key: Key<Mapping>) {
    let here = piece(objects, key);
    let (vmar, range, vmo_offset) = (here.vmar, here.range, here.vmo_offset);
    let (vmo, is_first) = (here.vmo, !here.continues);
    objects.mappings.free(key);
    change_trees(objects, vmar, |tree, nodes| {
        tree.remove(nodes, range.start);
    });
    let Objects { vmos, spans, .. } = objects;
    let named = vmos.get_mut(vmo).expect(SHOWN);
    named.mapping_count = named.mapping_count.wrapping_sub(u32::from(is_first));
    let (holder, offset) = match named.window() {
        None => (named, 0),
        Some((root, offset)) => (vmos.get_mut(root).expect(SHOWN), offset),
    };
    let Range { start, .. } = shown(vmo_offset.saturating_add(offset), range);
    holder.spans.remove(spans, start, key);
    objects.drop_use_of(vmo);
}

/// Makes the piece that starts at `at`, if there is one, the first of its mapping.
fn begin_mapping_at(objects: &mut Objects, vmar: Key<Vmar>, at: VirtAddr) {
    let Some(next) = piece_at(objects, vmar, at) else {
        return;
    };
    let here = piece_mut(objects, next);
    if here.continues && here.range.start == at {
        here.continues = false;
        let vmo = here.vmo;
        let vmo = objects.get_mut(vmo);
        vmo.mapping_count = vmo.mapping_count.wrapping_add(1);
    }
}

/// Moves the start of a piece up to `to`, inside it.
pub(super) fn cut_front(objects: &mut Objects, key: Key<Mapping>, to: VirtAddr) {
    let here = piece(objects, key);
    let (vmar, start) = (here.vmar, here.range.start);
    let gone = to.raw().saturating_sub(start.raw());
    move_bounds(objects, key, |here| {
        here.vmo_offset = here.vmo_offset.saturating_add(gone);
        here.range.start = to;
    });
    change_trees(objects, vmar, |tree, nodes| {
        tree.set_start(nodes, start, to);
    });
    begin_mapping_at(objects, vmar, to);
}

/// Moves the end of a piece to `to`: down, or up over room that was just freed.
pub(super) fn move_end(objects: &mut Objects, key: Key<Mapping>, to: VirtAddr) {
    let here = piece(objects, key);
    let (vmar, start) = (here.vmar, here.range.start);
    move_bounds(objects, key, |here| here.range.end = to);
    change_trees(objects, vmar, |tree, nodes| {
        tree.set_end(nodes, start, to);
    });
}

/// Whether `at` lies inside a piece, so that cutting there makes one more.
pub(super) fn is_inside_piece(objects: &Objects, vmar: Key<Vmar>, at: VirtAddr) -> bool {
    piece_at(objects, vmar, at).is_some_and(|key| piece(objects, key).range.start != at)
}

/// Cuts the piece around `at` in two there, if `at` is inside one; room was reserved.
pub(super) fn split_at(objects: &mut Objects, vmar: Key<Vmar>, at: VirtAddr) {
    let Some(key) = piece_at(objects, vmar, at) else {
        return;
    };
    let before = *piece(objects, key);
    if before.range.start == at {
        return;
    }
    let into = at.raw().saturating_sub(before.range.start.raw());
    let behind = Mapping {
        range: VirtRange {
            start: at,
            end: before.range.end,
        },
        vmo_offset: before.vmo_offset.saturating_add(into),
        continues: true,
        ..before
    };
    move_end(objects, key, at);
    piece_mut(objects, key).is_cut = true;
    insert_piece(objects, &behind);
}

#[cfg(test)]
#[path = "vmar_tests.rs"]
#[expect(
    clippy::disallowed_methods,
    reason = "tests and proptest's macros may abort when memory is gone"
)]
mod tests;
