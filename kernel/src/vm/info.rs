//! What `ZX_INFO_VMO` tells of a VMO.

use super::vmo::{holder, size};
use super::{Content, Vmo};
use crate::Kernel;
use crate::PAGE_SHIFT;
use crate::mem::Key;
use jacinth_abi::{Rights, VmoInfo, VmoInfoFlags, VmoOptions};

/// The bytes of memory that a VMO itself holds; those of a slice are its parent's (vmo.md §16).
const fn committed_bytes(vmo: &Vmo) -> u64 {
    match &vmo.content {
        Content::Physical(_) | Content::Slice { .. } | Content::Reference { .. } => 0,
        Content::Paged(pages) => pages.count() << PAGE_SHIFT,
        Content::Contiguous(run) => run.bytes(),
        Content::Adopted(run) => {
            if vmo.parent.is_some() {
                0
            } else {
                run.bytes()
            }
        }
    }
}

/// The record about a VMO, asked for through a handle with these rights (vmo.md §20).
pub(crate) fn fill_info(kernel: &Kernel, vmo: Key<Vmo>, rights: Rights) -> VmoInfo {
    let (root, _) = holder(&kernel.objects, vmo, 0);
    let size_bytes = size(&kernel.objects, vmo);
    let is_contiguous = matches!(
        kernel.objects.get(root).content,
        Content::Physical(_) | Content::Contiguous(_)
    );
    let vmo = kernel.objects.get(vmo);
    let committed = committed_bytes(vmo);
    let mut flags = VmoInfoFlags::VIA_HANDLE;
    flags.set(VmoInfoFlags::TYPE_PAGED, !vmo.is_physical());
    flags.set(VmoInfoFlags::CONTIGUOUS, is_contiguous);
    flags.set(
        VmoInfoFlags::RESIZABLE,
        vmo.options.contains(VmoOptions::RESIZABLE),
    );
    flags.set(
        VmoInfoFlags::DISCARDABLE,
        vmo.options.contains(VmoOptions::DISCARDABLE),
    );
    VmoInfo {
        koid: vmo.head.koid,
        name: *vmo.name.as_bytes(),
        size_bytes,
        parent_koid: vmo
            .parent
            .map_or(0, |parent| kernel.objects.get(parent).head.koid),
        num_children: vmo.children.into(),
        num_mappings: vmo.mapping_count.into(),
        // There is one address space as long as nothing makes a second process.
        share_count: 1,
        flags: flags.bits(),
        committed_bytes: committed,
        handle_rights: rights.bits(),
        cache_policy: vmo.cache.raw(),
        populated_bytes: committed,
        committed_private_bytes: committed,
        populated_private_bytes: committed,
        committed_scaled_bytes: committed,
        populated_scaled_bytes: committed,
        ..VmoInfo::default()
    }
}
