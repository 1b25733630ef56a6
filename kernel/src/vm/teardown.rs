//! The ends of VMOs, bit by bit.

use super::Vmo;
use super::child::{disown, is_idle, leave, make_hollow};
use super::pages::take_page;
use super::range::forget_locks;
use crate::Kernel;
use crate::mem::{self, Key};

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
