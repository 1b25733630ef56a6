//! Regions in regions: making them, finding them, and destroying them bit by bit.
//!
//! Users choose how deep regions lie in each other, so nothing here recurses: destruction goes down
//! to a region that holds no other, empties it, takes it out and goes on above it. Where it stands
//! is kept in the region that is destroyed, so that whoever comes next goes on from there.

use super::Vmar;
use super::place::{Placement, Wanted, place};
use super::unmap::remove_piece_some;
use super::vmar::{Region, space};
use crate::call::{Call, Flow, SysResult};
use crate::hal::{DynHal, MmuFlags};
use crate::mem::{self, Key, RegionTree};
use crate::object::{Head, Object, Objects};
use crate::task::Work;
use crate::{Kernel, VirtAddr, VirtRange, no_memory};
use jacinth_abi::{Signals, Status};

/// What becomes of regions in a range that is to be emptied or changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Inner {
    /// They are part of it: the handle has OP_CHILDREN.
    Included,
    /// They are in the way.
    Refused,
}

/// A region to be made.
#[derive(Clone, Copy, Debug)]
pub(crate) struct NewRegion {
    pub(crate) parent: Key<Vmar>,
    /// Whole pages, in bytes; not 0.
    pub(crate) size: u64,
    pub(crate) at: Placement,
    /// A power of two, in bytes; 0 for none in particular.
    pub(crate) align: u64,
    pub(crate) can: MmuFlags,
    pub(crate) can_specific: bool,
    pub(crate) compact: bool,
}

/// Makes an empty region in another (`zx_vmar_allocate`).
///
/// # Errors
/// Those of placement, NO_MEMORY.
pub(crate) fn allocate(
    kernel: &mut Kernel,
    hal: &mut DynHal,
    new: NewRegion,
) -> Result<Key<Vmar>, Status> {
    let wanted = Wanted {
        size: new.size,
        align: new.align,
        phys: None,
    };
    let range = place(&mut kernel.objects, hal, new.parent, new.at, wanted)?;
    let budget = &mut kernel.mem.budget;
    kernel.objects.vmars.reserve(budget).map_err(no_memory)?;
    // One among all children of the parent, one among its regions.
    RegionTree::reserve(&mut kernel.objects.vmar_nodes, 2, budget).map_err(no_memory)?;
    // commit
    Ok(attach(&mut kernel.objects, new, range))
}

/// Puts a new region where nothing is; room was reserved.
fn attach(objects: &mut Objects, new: NewRegion, range: VirtRange) -> Key<Vmar> {
    let koid = objects.new_koid();
    let parent = objects.get(new.parent);
    let (process, depth) = (parent.process, parent.depth.wrapping_add(1));
    let root = parent.root.unwrap_or(new.parent);
    let key = objects.vmars.insert_reserved(Vmar {
        head: Head::new(koid, Signals::empty()),
        process,
        parent: Some(new.parent),
        root: Some(root),
        depth,
        base: range.start,
        size: range.bytes(),
        can: new.can,
        can_specific: new.can_specific,
        compact: new.compact,
        children: RegionTree::new(),
        regions: RegionTree::new(),
        nested: RegionTree::new(),
        alive: true,
        dying_at: None,
        hint: None,
    });
    let entry = mem::Region {
        start: range.start,
        end: range.end,
        value: Region::Vmar(key),
    };
    let Objects {
        vmars, vmar_nodes, ..
    } = objects;
    if let Some(parent) = vmars.get_mut(new.parent) {
        parent.children.insert_reserved(vmar_nodes, entry);
        parent.regions.insert_reserved(vmar_nodes, entry);
    }
    objects.add_use(Vmar::to_ref(key));
    key
}

/// Takes an empty region out of the one that it lies in; it is dead from now on.
pub(crate) fn detach(objects: &mut Objects, key: Key<Vmar>) {
    let region = objects.get_mut(key);
    region.alive = false;
    region.process = None;
    region.root = None;
    region.dying_at = None;
    let base = region.base;
    let Some(parent) = region.parent.take() else {
        return;
    };
    let Objects {
        vmars, vmar_nodes, ..
    } = objects;
    if let Some(parent) = vmars.get_mut(parent) {
        parent.children.remove(vmar_nodes, base);
        parent.regions.remove(vmar_nodes, base);
    }
    objects.drop_use(Vmar::to_ref(key));
}

/// The first region right below `vmar` that shares an address with `range`.
pub(super) fn first_in(
    objects: &Objects,
    vmar: Key<Vmar>,
    range: VirtRange,
) -> Option<mem::Region<Region>> {
    let regions = &objects.get(vmar).regions;
    regions
        .first_ending_after(&objects.vmar_nodes, range.start)
        .filter(|first| first.start < range.end)
}

/// The region right below `vmar`, if that lives, that holds `at`.
pub(crate) fn region_at(objects: &Objects, vmar: Key<Vmar>, at: VirtAddr) -> Option<Key<Vmar>> {
    let regions = &objects.vmars.get(vmar)?.regions;
    match regions.containing(&objects.vmar_nodes, at)?.value {
        Region::Vmar(key) => Some(key),
        Region::Mapping(_) => None,
    }
}

/// Whether all regions in `range` may be destroyed: vmar.md §5, step 7.
///
/// # Errors
/// INVALID_ARGS: one is covered in part only, or there is one and it must stay.
pub(super) fn check_covered(
    objects: &Objects,
    vmar: Key<Vmar>,
    range: VirtRange,
    inner: Inner,
) -> Result<(), Status> {
    let Some(first) = first_in(objects, vmar, range) else {
        return Ok(());
    };
    let regions = &objects.get(vmar).regions;
    let last = regions.last_before(&objects.vmar_nodes, range.end);
    let ends_inside = last.is_none_or(|last| last.end <= range.end);
    if inner == Inner::Included && first.start >= range.start && ends_inside {
        Ok(())
    } else {
        Err(Status::INVALID_ARGS)
    }
}

/// Destroys a region, which is alive and no root, with everything below it (`zx_vmar_destroy`).
pub(crate) fn destroy(call: &mut Call<'_>, vmar: Key<Vmar>) -> SysResult {
    // commit
    call.kernel.objects.get_mut(vmar).alive = false;
    resume_destroy(call, vmar)
}

/// Goes on with [`destroy`]. What is gone by now was destroyed by another thread.
pub(crate) fn resume_destroy(call: &mut Call<'_>, vmar: Key<Vmar>) -> SysResult {
    let mut work = mem::Work::new(mem::Work::EVENT);
    if destroy_some(call.kernel, call.hal, vmar, &mut work) {
        Ok(Flow::ok())
    } else {
        Ok(Flow::Again(Work::Destroy { vmar }))
    }
}

/// Whether a region is dead and yet there: somebody began to destroy it.
pub(crate) fn is_half_destroyed(objects: &Objects, vmar: Key<Vmar>) -> bool {
    let region = objects.vmars.get(vmar);
    region.is_some_and(|region| !region.alive && region.parent.is_some())
}

/// Destroys a region with everything below it until `work` is gone; true when it is done. A root
/// region has its parent's part done by the process.
///
/// Every region is dead before anything below it is touched, so that nothing new comes to where
/// this was already.
pub(crate) fn destroy_some(
    kernel: &mut Kernel,
    hal: &mut DynHal,
    top: Key<Vmar>,
    work: &mut mem::Work,
) -> bool {
    let Some(space) = space(&kernel.objects, top) else {
        return true;
    };
    loop {
        let here = dying_at(&kernel.objects, top);
        let region = kernel.objects.get_mut(here);
        region.alive = false;
        let above = region.parent;
        let nodes = &kernel.objects.vmar_nodes;
        let region = kernel.objects.get(here);
        let next = region.regions.first(nodes).or(region.children.first(nodes));
        if next.is_some() && !work.spend() {
            return false;
        }
        match next.map(|next| next.value) {
            Some(Region::Vmar(below)) => go_on_at(&mut kernel.objects, top, Some(below)),
            Some(Region::Mapping(piece)) => {
                if !remove_piece_some(kernel, hal, space, piece, work) {
                    return false;
                }
            }
            None => {
                detach(&mut kernel.objects, here);
                if here == top {
                    return true;
                }
                go_on_at(&mut kernel.objects, top, above);
            }
        }
    }
}

/// The region at or below `top` with which its destruction goes on.
fn dying_at(objects: &Objects, top: Key<Vmar>) -> Key<Vmar> {
    let at = objects.get(top).dying_at;
    // Another thread may have destroyed it on its own.
    at.filter(|at| objects.vmars.get(*at).is_some_and(|at| at.parent.is_some()))
        .unwrap_or(top)
}

fn go_on_at(objects: &mut Objects, top: Key<Vmar>, at: Option<Key<Vmar>>) {
    objects.get_mut(top).dying_at = at;
}
