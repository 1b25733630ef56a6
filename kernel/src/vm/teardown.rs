//! The ends of VMOs, bit by bit.

use super::child::{disown, is_idle, leave, make_hollow};
use super::pages::take_page;
use super::range::forget_locks;
use super::{Content, Vmo};
use crate::Kernel;
use crate::mem::{self, Key, PageList};
use crate::object::Object;

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

/// The last handle is gone: frees a VMO that nothing else refers to, if it has no kin and no more than
/// a page; else leaves it to teardown.
#[inline(never)]
pub(crate) fn end_vmo(kernel: &mut Kernel, vmo: Key<Vmo>) {
    let mut pages = None;
    let is_gone = kernel.objects.vmos.free_if(vmo, |vmo| {
        let is_alone = vmo.head.is_unused() && vmo.parent.is_none() && !vmo.locks.is_spare();
        match &mut vmo.content {
            Content::Physical(_) | Content::Adopted(_) => is_alone,
            Content::Paged(held) if is_alone && held.count() <= 1 => {
                pages = (held.count() != 0).then(|| core::mem::take(held));
                true
            }
            _ => false,
        }
    });
    if let Some(pages) = pages {
        free_page(kernel, pages);
    }
    if !is_gone {
        kernel.objects.queue_dying(Vmo::to_ref(vmo));
    }
}

/// Frees the page of a list of one.
fn free_page(kernel: &mut Kernel, mut pages: PageList) {
    let Kernel { objects, mem, .. } = kernel;
    let work = &mut mem::Work::new(1);
    let page = pages.drain_step(&mut objects.page_nodes, &mut mem.frames, work);
    if let Some(page) = page {
        mem.frame_free(page);
    }
}
