//! Children of VMOs: how they come into the family and leave it.
//!
//! A child holds a use on its parent, which thus stays in the family as long as it has children.
//! The pages of a parent that nobody can reach any more, neither through it nor through a slice or
//! a reference, go nevertheless: it is *hollow* then.

use super::vmo::{create, holder};
use super::{Content, Marks, Vmo};
use crate::mem::Key;
use crate::object::{Object, Objects};
use crate::{Kernel, PAGE_SHIFT, PhysAddr, PhysRun};
use jacinth_abi::{Signals, Status, VmoOptions};

/// Makes a slice of `[offset, offset + size)`, whole pages inside the parent.
///
/// The parent's ZERO_CHILDREN is gone when this returns.
///
/// # Errors
/// NO_MEMORY.
pub(crate) fn create_slice(
    kernel: &mut Kernel,
    parent: Key<Vmo>,
    offset: u64,
    size: u64,
    stream_size: u64,
) -> Result<Key<Vmo>, Status> {
    let above = kernel.objects.get(parent);
    let part = |run: PhysRun| PhysRun {
        base: PhysAddr::new(run.base.raw().saturating_add(offset)),
        pages: size >> PAGE_SHIFT,
    };
    let content = match above.content {
        Content::Physical(run) => Content::Physical(part(run)),
        Content::Adopted(run) => Content::Adopted(part(run)),
        Content::Paged(_)
        | Content::Contiguous(_)
        | Content::Slice { .. }
        | Content::Reference { .. } => {
            let (root, offset) = holder(&kernel.objects, parent, offset);
            Content::Slice { root, offset }
        }
    };
    let cache = above.cache;
    let child = create(kernel, |koid| Vmo {
        cache,
        ..Vmo::new(koid, size, stream_size, content)
    })?;
    // commit
    adopt(kernel, parent, child);
    Ok(child)
}

/// Makes a reference to all of a VMO.
///
/// The parent's ZERO_CHILDREN is gone when this returns.
///
/// # Errors
/// NO_MEMORY.
pub(crate) fn create_reference(
    kernel: &mut Kernel,
    parent: Key<Vmo>,
    options: VmoOptions,
) -> Result<Key<Vmo>, Status> {
    let (root, _) = holder(&kernel.objects, parent, 0);
    let child = create(kernel, |koid| Vmo {
        options,
        ..Vmo::new(koid, 0, 0, Content::Reference { root })
    })?;
    // commit
    adopt(kernel, parent, child);
    Ok(child)
}

/// Makes a new VMO the child of another; the parent's ZERO_CHILDREN is gone when this returns.
pub(super) fn adopt(kernel: &mut Kernel, parent: Key<Vmo>, child: Key<Vmo>) {
    kernel.objects.get_mut(child).parent = Some(parent);
    kernel.objects.add_use(Vmo::to_ref(parent));
    let is_idle = kernel.objects.get(child).is_snapshot();
    let above = kernel.objects.get_mut(parent);
    above.children = above.children.wrapping_add(1);
    above.idle_children = above.idle_children.wrapping_add(u32::from(is_idle));
    if is_idle {
        let (root, _) = holder(&kernel.objects, parent, 0);
        let root = kernel.objects.get_mut(root);
        root.snapshots = root.snapshots.wrapping_add(1);
    }
    kernel.update_signals(
        Vmo::to_ref(parent),
        Signals::VMO_ZERO_CHILDREN,
        Signals::empty(),
    );
}

/// What a VMO was to its parent.
#[derive(Clone, Copy, Debug)]
pub(super) struct Kin {
    parent: Key<Vmo>,
    is_snapshot: bool,
    was_idle: bool,
}

/// Takes a VMO that nobody refers to away from its parent, for [`disown`].
pub(super) fn leave(gone: &mut Vmo) -> Option<Kin> {
    let is_snapshot = gone.is_snapshot();
    Some(Kin {
        is_snapshot,
        was_idle: is_snapshot || gone.marks.contains(Marks::HOLLOW),
        parent: gone.parent.take()?,
    })
}

/// Ends the parent's side of a kinship: its ZERO_CHILDREN, if it has no other child.
pub(super) fn disown(kernel: &mut Kernel, kin: Kin) {
    let parent = kin.parent;
    let above = kernel.objects.get_mut(parent);
    above.children = above.children.saturating_sub(1);
    above.idle_children = above.idle_children.saturating_sub(u32::from(kin.was_idle));
    let is_childless = above.children == 0;
    if kin.is_snapshot {
        let (root, _) = holder(&kernel.objects, parent, 0);
        let root = kernel.objects.get_mut(root);
        root.snapshots = root.snapshots.saturating_sub(1);
    }
    if is_childless {
        kernel.update_signals(
            Vmo::to_ref(parent),
            Signals::empty(),
            Signals::VMO_ZERO_CHILDREN,
        );
    }
    kernel.objects.drop_use(Vmo::to_ref(parent));
}

/// Whether a VMO is kept by its children alone, none of which needs its pages.
pub(super) const fn is_idle(vmo: &Vmo) -> bool {
    vmo.head.handles == 0 && vmo.head.uses == vmo.idle_children
}

/// Notes that a VMO [`is_idle`]: its parent may be so now.
pub(super) fn make_hollow(objects: &mut Objects, key: Key<Vmo>) {
    let vmo = objects.get_mut(key);
    if vmo.marks.contains(Marks::HOLLOW) {
        return;
    }
    vmo.marks.insert(Marks::HOLLOW);
    if vmo.is_snapshot() {
        return;
    }
    let Some(parent) = vmo.parent else {
        return;
    };
    let above = objects.get_mut(parent);
    above.idle_children = above.idle_children.wrapping_add(1);
    if is_idle(above) {
        objects.queue_dying(Vmo::to_ref(parent));
    }
}
