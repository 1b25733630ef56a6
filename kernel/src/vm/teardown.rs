//! The ends of VMOs, bit by bit.

use super::child::{disown, is_idle, leave, make_hollow};
use super::pages::take_page;
use super::range::forget_locks;
use super::{Content, Vmo};
use crate::Kernel;
use crate::mem::{self, Key};
use crate::object::Objects;

/// Does what a VMO without handles needs; true when that is all for now.
pub(crate) fn vmo_end_step(kernel: &mut Kernel, vmo: Key<Vmo>, work: &mut mem::Work) -> bool {
    let here = kernel.objects.get(vmo);
    if !is_idle(here) {
        return true;
    }
    let (is_unused, is_snapshot) = (here.head.uses == 0, here.is_snapshot());
    if !is_unused {
        make_hollow(&mut kernel.objects, vmo);
    }
    // The parent's signal does not wait for a snapshot's pages to be freed. Slices and references have
    // none, and need the parent until they are gone.
    if is_unused
        && is_snapshot
        && let Some(kin) = leave(kernel.objects.get_mut(vmo))
    {
        disown(kernel, kin);
    }
    while let Some(frame) = take_page(kernel, vmo, work) {
        kernel.mem.frame_free(frame);
    }
    // The slot, and a sharing child's kinship, are a step of their own.
    if !work.spend() {
        return false;
    }
    if is_unused {
        forget_locks(&mut kernel.objects, vmo);
        let kin = leave(kernel.objects.get_mut(vmo));
        kernel.objects.vmos.free(vmo);
        if let Some(kin) = kin {
            disown(kernel, kin);
        }
    }
    true
}

/// Frees a VMO at once that nothing refers to, if it has no kin and no more than a page; true when it
/// is gone.
pub(crate) fn free_light(kernel: &mut Kernel, vmo: Key<Vmo>) -> bool {
    let Kernel { objects, mem, .. } = kernel;
    let Objects {
        vmos, page_nodes, ..
    } = objects;
    let mut page = None;
    let is_gone = vmos.free_if(vmo, |vmo| {
        if !vmo.head.is_unused() || vmo.parent.is_some() || vmo.locks.is_spare() {
            return false;
        }
        match &mut vmo.content {
            Content::Physical(_) | Content::Adopted(_) => true,
            Content::Paged(pages) if pages.count() <= 1 => {
                page = pages.drain_step(page_nodes, &mut mem.frames, &mut mem::Work::new(1));
                true
            }
            _ => false,
        }
    });
    if let Some(page) = page {
        mem.frame_free(page);
    }
    is_gone
}
