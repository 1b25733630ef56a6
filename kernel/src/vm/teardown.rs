//! The ends of regions and VMOs, bit by bit.

use super::pages::take_page;
use super::unmap::remove_some;
use super::vmar::Space;
use super::{Vmar, Vmo};
use crate::Kernel;
use crate::hal::DynHal;
use crate::mem::{self, Key};
use crate::object::Object;
use jacinth_abi::Signals;

/// Empties a region with everything below it; true when it is empty, and dead from then on.
pub(crate) fn destroy_step(
    kernel: &mut Kernel,
    hal: &mut DynHal,
    vmar: Key<Vmar>,
    work: &mut mem::Work,
) -> bool {
    let region = kernel.objects.get(vmar);
    let range = region.range();
    if let Some(process) = region.process {
        let aspace = kernel.objects.get(process).aspace;
        let space = Space { process, aspace };
        if !region.children.is_empty()
            && remove_some(kernel, hal, space, vmar, range, work) < range.end
        {
            return false;
        }
    }
    let region = kernel.objects.get_mut(vmar);
    region.alive = false;
    region.process = None;
    true
}

/// Frees a VMO that has neither handles nor uses: its frames, its claim on its parent, its slot.
/// True when it is gone.
pub(crate) fn vmo_free_step(
    kernel: &mut Kernel,
    _: &mut DynHal,
    vmo: Key<Vmo>,
    work: &mut mem::Work,
) -> bool {
    loop {
        if !work.spend() {
            return false;
        }
        match take_page(&mut kernel.objects, vmo) {
            Some(frame) => kernel.mem.frame_free(frame),
            None => break,
        }
    }
    let Some(gone) = kernel.objects.vmos.remove(vmo) else {
        return true;
    };
    if let Some(parent) = gone.parent {
        let above = kernel.objects.get_mut(parent);
        above.children = above.children.saturating_sub(1);
        if above.children == 0 {
            kernel.update_signals(
                Vmo::to_ref(parent),
                Signals::empty(),
                Signals::VMO_ZERO_CHILDREN,
            );
        }
        kernel.objects.drop_use(Vmo::to_ref(parent));
    }
    true
}
