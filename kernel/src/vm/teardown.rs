//! The ends of VMOs, bit by bit.

use super::Vmo;
use super::pages::take_page;
use crate::Kernel;
use crate::hal::DynHal;
use crate::mem::{self, Key};
use crate::object::Object;
use jacinth_abi::Signals;

/// Frees a VMO that has neither handles nor uses: its frames, its claim on its parent, its slot.
/// True when it is gone.
pub(crate) fn vmo_free_step(
    kernel: &mut Kernel,
    _: &mut DynHal,
    vmo: Key<Vmo>,
    work: &mut mem::Work,
) -> bool {
    while let Some(frame) = take_page(kernel, vmo, work) {
        kernel.mem.frame_free(frame);
    }
    // The slot and the parent's count are a step of their own.
    if !work.spend() {
        return false;
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
