//! What `ZX_INFO_VMO` tells of a VMO.

use super::sharing::Sharing;
use super::vmo::{is_contiguous, size};
use super::{Content, Marks, Vmo};
use crate::Kernel;
use crate::PAGE_SHIFT;
use crate::mem::{Key, PageTally, Work};
use crate::object::Objects;
use jacinth_abi::{Rights, VmoInfo, VmoInfoFlags, VmoOptions};

/// How many nodes one step counts at the most: more than a way down to a page has.
const STEP: u32 = 16;

/// The memory of a VMO, in bytes.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Amount {
    /// What it answers for.
    pub(super) committed: u64,
    /// What nobody else holds.
    pub(super) private: u64,
    /// What is left when common pages are divided among those that hold them.
    pub(super) scaled: u64,
    /// The fraction of a byte that `scaled` leaves, in units of 2^-63.
    pub(super) fraction: u64,
}

impl Amount {
    /// Memory that is not shared.
    pub(super) const fn own(bytes: u64) -> Self {
        Self {
            committed: bytes,
            private: bytes,
            scaled: bytes,
            fraction: 0,
        }
    }

    /// Memory of which others hold some: `pages` in all, those that nobody else holds, and what all
    /// count for (see `PageTally`).
    pub(super) fn common(
        objects: &Objects,
        vmo: &Vmo,
        pages: u64,
        (private, scaled): (u64, u128),
    ) -> Self {
        let private = private << PAGE_SHIFT;
        let parent = vmo.parent.map(|parent| objects.get(parent));
        let is_reached = parent.is_some_and(|above| !above.marks.contains(Marks::HOLLOW));
        // Pages have 64 bits behind the point: so many are left of bytes.
        let [whole, fraction] = [scaled >> 52, scaled << 76 >> 65];
        Self {
            committed: if is_reached {
                private
            } else {
                pages << PAGE_SHIFT
            },
            private,
            scaled: u64::try_from(whole).unwrap_or(u64::MAX),
            fraction: u64::try_from(fraction).unwrap_or(0),
        }
    }

    /// The memory that a VMO itself holds; that of slices and references is their parent's (vmo.md
    /// §16). Common pages are their parent's too, as long as somebody can reach them there.
    /// What others hold too was counted.
    fn of(objects: &Objects, vmo: &Vmo, tally: PageTally) -> Self {
        match &vmo.content {
            Content::Physical(_) | Content::Slice { .. } | Content::Reference { .. } => {
                Self::default()
            }
            Content::Adopted(_) if vmo.parent.is_some() => Self::default(),
            Content::Adopted(run) | Content::Contiguous(run) => Self::own(run.bytes()),
            Content::Paged(pages) if vmo.marks.contains(Marks::SHARED) => {
                Self::common(objects, vmo, pages.count(), (tally.private, tally.scaled))
            }
            Content::Paged(pages) => Self::own(pages.count() << PAGE_SHIFT),
        }
    }
}

/// The record about a VMO (vmo.md §20), for which the pages that others hold too are counted bit by
/// bit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct VmoRecord {
    vmo: Key<Vmo>,
    /// Of the handle through which it is reached; none where a mapping leads to it.
    rights: Option<Rights>,
    tally: PageTally,
    sharing: Sharing,
}

impl VmoRecord {
    /// The record about a VMO that is reached through a handle with these rights, or by a mapping:
    /// the one that was begun, if it is that.
    pub(crate) fn of(begun: Option<Self>, vmo: Key<Vmo>, rights: Option<Rights>) -> Self {
        let is_it = |begun: &Self| begun.vmo == vmo && begun.rights == rights;
        begun.filter(is_it).unwrap_or(Self {
            vmo,
            rights,
            tally: PageTally::default(),
            sharing: Sharing::default(),
        })
    }

    /// Whose it is.
    pub(crate) const fn vmo(&self) -> Key<Vmo> {
        self.vmo
    }

    /// Counts on; the record, when all is counted. The VMO lives.
    pub(crate) fn step(&mut self, kernel: &Kernel) -> Option<VmoInfo> {
        let Objects {
            vmos, page_nodes, ..
        } = &kernel.objects;
        let vmo = vmos.get(self.vmo)?;
        if let Content::Paged(pages) = &vmo.content
            && vmo.marks.contains(Marks::SHARED)
        {
            let mut work = Work::new(STEP);
            let frames = &kernel.mem.frames;
            if !self.tally.step(pages, page_nodes, frames, &mut work) {
                return None;
            }
        }
        let amount = Amount::of(&kernel.objects, vmo, self.tally);
        let mut work = Work::new(STEP);
        let share_count = self.sharing.step(&kernel.objects, self.vmo, &mut work)?;
        let record = record(&kernel.objects, self.vmo, self.rights, amount);
        Some(VmoInfo {
            share_count: share_count.into(),
            ..record
        })
    }
}

fn record(objects: &Objects, vmo: Key<Vmo>, rights: Option<Rights>, amount: Amount) -> VmoInfo {
    let size_bytes = size(objects, vmo);
    let is_contiguous = is_contiguous(objects, vmo);
    let vmo = objects.get(vmo);
    let mut flags = match rights {
        Some(_) => VmoInfoFlags::VIA_HANDLE,
        None => VmoInfoFlags::VIA_MAPPING,
    };
    flags.set(VmoInfoFlags::TYPE_PAGED, !vmo.is_physical());
    flags.set(VmoInfoFlags::CONTIGUOUS, is_contiguous);
    flags.set(VmoInfoFlags::IS_COW_CLONE, vmo.is_snapshot());
    flags.set(
        VmoInfoFlags::IMMUTABLE,
        vmo.marks.contains(Marks::IMMUTABLE),
    );
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
        parent_koid: vmo.parent.map_or(0, |parent| objects.get(parent).head.koid),
        num_children: vmo.children.into(),
        num_mappings: vmo.mapping_count.into(),
        flags: flags.bits(),
        committed_bytes: amount.committed,
        handle_rights: rights.map_or(0, |rights| rights.bits()),
        cache_policy: vmo.cache.raw(),
        populated_bytes: amount.committed,
        committed_private_bytes: amount.private,
        populated_private_bytes: amount.private,
        committed_scaled_bytes: amount.scaled,
        populated_scaled_bytes: amount.scaled,
        committed_fractional_scaled_bytes: amount.fraction,
        populated_fractional_scaled_bytes: amount.fraction,
        ..VmoInfo::default()
    }
}
