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
