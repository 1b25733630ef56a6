//! The ends of VMOs, bit by bit.

use super::Vmo;
use super::child::{disown, is_idle, make_hollow};
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
    let is_unused = here.head.uses == 0;
    if !is_unused {
        make_hollow(&mut kernel.objects, vmo);
    }
    while let Some(frame) = take_page(kernel, vmo, work) {
        kernel.mem.frame_free(frame);
    }
    // The slot and the parent's count are a step of their own.
    if !work.spend() {
        return false;
    }
    if is_unused {
        forget_locks(&mut kernel.objects, vmo);
    }
    if is_unused && let Some(gone) = kernel.objects.vmos.remove(vmo) {
        disown(kernel, &gone);
    }
    true
}
