//! Long calls that end before they are done: because they failed, or because their thread died.

use super::Work;
use crate::object::ObjectRef;
use crate::{Kernel, vm};

impl Work {
    /// The object that a long call keeps a use of while it is under way.
    pub(crate) const fn holds(&self) -> Option<ObjectRef> {
        match self {
            Self::Pin(pin) => Some(ObjectRef::Pmt(pin.pmt)),
            Self::Clear { vmo, .. } => Some(ObjectRef::Vmo(*vmo)),
            _ => None,
        }
    }

    /// Gives back what a call holds that will not go on, and hands over what it leaves half done
    /// and nobody else would finish.
    pub(crate) fn abandon(self, kernel: &mut Kernel) {
        match self {
            Self::Range { mut pages, .. } => vm::abandon_range(kernel, &mut pages),
            Self::RegionRange(range) => range.abandon(kernel),
            Self::SetSize(change) => change.abandon(kernel),
            Self::Reply(reply) => kernel.discard(reply.message),
            _ => {}
        }
        let objects = &mut kernel.objects;
        let region = match self {
            Self::Destroy { vmar } => Some(vmar),
            Self::Unmap { vmar, range, .. } | Self::UnmapAndExit { vmar, range, .. } => {
                vm::region_at(objects, vmar, range.start)
            }
            _ => None,
        };
        if let Some(region) = region.filter(|region| vm::is_half_destroyed(objects, *region)) {
            objects.queue_dying(ObjectRef::Vmar(region));
        }
        if let Self::Pin(pin) = self {
            objects.release_pmt(pin.pmt);
        }
        if let Some(object) = self.holds() {
            objects.drop_use(object);
        }
    }
}
