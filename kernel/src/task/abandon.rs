//! What long calls hold while others run, and those that end before they are done: because they
//! failed, or because their thread died.

use super::{Thread, Work};
use crate::Kernel;
use crate::mem::Key;
use crate::object::{Object, ObjectRef, Objects, Port};
use crate::vm::{self, Vmo};

impl Work {
    /// The object that a long call keeps a use of while it is under way.
    pub(crate) const fn holds(&self) -> Option<ObjectRef> {
        match self {
            Self::Pin(pin) => Some(ObjectRef::Pmt(pin.pmt)),
            Self::Clear { vmo, .. } => Some(ObjectRef::Vmo(*vmo)),
            _ => None,
        }
    }

    /// The objects that a call goes on with. While its thread waits for its turn it keeps a use of
    /// each, so that what it began is finished even if the last handle is closed meanwhile.
    pub(crate) fn keeps(&self) -> impl Iterator<Item = ObjectRef> + use<> {
        let [one, other] = match self {
            Self::Copy { vmo, .. } | Self::Lock { vmo, .. } => [Some(*vmo), None],
            Self::Peek(peek) => [Some(peek.vmo()), None],
            Self::VmoInfo(begun) => [Some(begun.vmo()), None],
            Self::Snapshot(begun) => [Some(begun.parent()), None],
            Self::Range { pages, .. } => [Some(pages.root()), None],
            Self::RegionRange(range) => [range.root(), None],
            Self::SetSize(change) => [Some(change.root()), None],
            Self::CachePolicy(change) => change.vmos().map(Some),
            Self::Transfer(transfer) => transfer.roots().map(Some),
            Self::Overwrite { overwrite, .. } => [Some(overwrite.vmo()), None],
            _ => [None, None],
        };
        let port = match self {
            Self::Cancel(cancel) => Some(Port::to_ref(cancel.port())),
            _ => None,
        };
        let vmos = one.into_iter().chain(other).map(Vmo::to_ref);
        vmos.chain(port)
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

impl Objects {
    /// Leaves the rest of a long call with its thread, which goes on with it when it is chosen.
    pub(crate) fn put_off(&mut self, thread: Key<Thread>, work: Work) {
        work.keeps().for_each(|object| self.add_use(object));
        self.get_mut(thread).work = Some(work);
    }

    /// Gives back what [`Objects::put_off`] kept: the call went on, and what is left of it keeps its
    /// own, or it never will.
    pub(crate) fn let_go(&mut self, work: &Work) {
        work.keeps().for_each(|object| self.drop_use(object));
    }
}
