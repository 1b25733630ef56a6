//! What `ZX_INFO_PROCESS_MAPS` and `ZX_INFO_VMAR_MAPS` list: regions and pieces of mappings, depth
//! first, in order of address.
//!
//! The cursor is a region and an address in it. Where the region is gone when the list goes on, it
//! goes on at that address from the top.

use super::info::{Amount, VmoRecord};
use super::pages::{held_run_at, next_committed};
use super::vmar::{Region, child_ending_after, piece};
use super::vmo::size;
use super::{Content, Mapping, Name, Vmar};
use crate::hal::MmuFlags;
use crate::mem::{Key, PageTally};
use crate::object::Objects;
use crate::syscall::Item;
use crate::task::Process;
use crate::{Kernel, PAGE_SHIFT, PAGE_SIZE, VirtAddr};
use jacinth_abi::{MapsInfo, MapsMapping, Record, VmOptions};

/// How many pages one step counts at the most.
const STEP: u64 = 64 * PAGE_SIZE;

/// Which shape the records have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum MapsVersion {
    /// Up to the pages that are committed.
    V1,
    /// Up to the pages that are populated.
    V2,
    /// All, in bytes.
    Current,
    /// The VMO of each mapping, no regions: the first bytes of a [`VmoInfo`](jacinth_abi::VmoInfo).
    Vmos {
        /// How many bytes.
        record: usize,
    },
}

impl MapsVersion {
    /// Bytes of a record.
    pub(crate) const fn size(self) -> usize {
        match self {
            Self::V1 => MapsInfo::V1_SIZE,
            Self::V2 => MapsInfo::V2_SIZE,
            Self::Current => size_of::<<MapsInfo as Record>::Bytes>(),
            Self::Vmos { record } => record,
        }
    }
}

/// A list of what a region holds, and how far it got.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Maps {
    version: MapsVersion,
    /// The process whose address space comes first.
    process: Option<Key<Process>>,
    top: Key<Vmar>,
    /// Whether the record of `top` is still to come.
    is_new: bool,
    /// The region whose children come next, from this address on.
    here: Key<Vmar>,
    at: VirtAddr,
    /// What was counted of the piece that comes next.
    counted: Counted,
}

/// What was counted for the next record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Counted {
    Nothing,
    /// The pages of a piece.
    Piece(Count),
    /// Those of its VMO.
    Vmo(VmoRecord),
}

/// The memory of a piece, as far as it was counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Count {
    piece: Key<Mapping>,
    /// The VMO's first byte that was not looked at.
    offset: u64,
    /// Pages found so far, and those of them that nobody else holds.
    pages: u64,
    private: u64,
    /// What common pages count for in all: see [`PageTally::scaled`]. In halves, as a cursor is to
    /// be small: the lower one first.
    common: [u64; 2],
}

impl Maps {
    /// A list of `top` and all below it, which begins with an address space or not.
    pub(crate) fn new(
        objects: &Objects,
        process: Option<Key<Process>>,
        top: Key<Vmar>,
        version: MapsVersion,
    ) -> Self {
        Self {
            version,
            process,
            top,
            is_new: true,
            here: top,
            at: objects.get(top).base,
            counted: Counted::Nothing,
        }
    }

    /// The next record, or some work towards it.
    pub(crate) fn next(&mut self, kernel: &Kernel) -> Item {
        let objects = &kernel.objects;
        if let Some(process) = self.process.take() {
            let koid = objects.processes.get(process).map(|it| it.head.koid);
            return self.record(&MapsInfo {
                name: space_name(koid.unwrap_or(0)),
                base: kernel.user.start.raw(),
                size: kernel.user.bytes(),
                maps_type: MapsInfo::TYPE_ASPACE,
                ..MapsInfo::default()
            });
        }
        let Some(top) = objects.vmars.get(self.top) else {
            return Item::End;
        };
        if core::mem::take(&mut self.is_new) {
            return self.record(&region_record(top));
        }
        self.next_below(kernel)
    }

    /// As [`Maps::next`], behind the record of the top.
    fn next_below(&mut self, kernel: &Kernel) -> Item {
        let objects = &kernel.objects;
        let attached = objects.vmars.get(self.here);
        let attached = attached.filter(|here| here.parent.is_some());
        if attached.is_none() {
            self.here = self.top;
        }
        let Some(next) = child_ending_after(objects, self.here, self.at) else {
            let here = objects.get(self.here);
            let (true, Some(above)) = (self.here != self.top, here.parent) else {
                return Item::End;
            };
            (self.here, self.at) = (above, here.range().end);
            return Item::Nothing;
        };
        match next.value {
            Region::Vmar(inner) => {
                self.here = inner;
                if next.start < self.at {
                    // The list stood in there already when the region it stood in went away.
                    return Item::Nothing;
                }
                let inner = objects.get(inner);
                self.at = inner.base;
                self.record(&region_record(inner))
            }
            // It was listed already, and has grown since.
            Region::Mapping(_) if next.start < self.at && self.counted == Counted::Nothing => {
                self.at = next.end;
                Item::Nothing
            }
            Region::Mapping(key) => self.next_piece(kernel, key),
        }
    }

    /// Counts on at a piece; its record, when all is counted.
    fn next_piece(&mut self, kernel: &Kernel, key: Key<Mapping>) -> Item {
        let objects = &kernel.objects;
        let here = piece(objects, key);
        if let MapsVersion::Vmos { record } = self.version {
            return self.next_vmo(kernel, here, record);
        }
        let count = match self.counted {
            Counted::Piece(count) if count.piece == key => count,
            _ => Count::new(here, key),
        };
        if let Some(more) = count.step(kernel, here) {
            self.counted = Counted::Piece(more);
            return Item::Nothing;
        }
        self.counted = Counted::Nothing;
        self.at = here.range.end;
        self.record(&piece_record(objects, here, count))
    }

    /// The record of a piece's VMO, when all of that is counted.
    fn next_vmo(&mut self, kernel: &Kernel, here: &Mapping, record: usize) -> Item {
        if here.continues {
            self.at = here.range.end;
            return Item::Nothing;
        }
        let begun = match self.counted {
            Counted::Vmo(begun) => Some(begun),
            _ => None,
        };
        let mut record_of = VmoRecord::of(begun, here.vmo, None);
        let Some(info) = record_of.step(kernel) else {
            self.counted = Counted::Vmo(record_of);
            return Item::Nothing;
        };
        (self.at, self.counted) = (here.range.end, Counted::Nothing);
        let bytes = info.to_bytes();
        Item::record(bytes.get(..record).unwrap_or(&bytes))
    }

    fn record(&self, info: &MapsInfo) -> Item {
        let mut info = *info;
        if let MapsVersion::Vmos { .. } = self.version {
            return Item::Nothing;
        }
        if self.version != MapsVersion::Current {
            // The older records have numbers of pages there.
            info.mapping.committed_bytes >>= PAGE_SHIFT;
            info.mapping.populated_bytes >>= PAGE_SHIFT;
        }
        let bytes = info.to_bytes();
        Item::record(bytes.get(..self.version.size()).unwrap_or(&bytes))
    }
}

impl Count {
    const fn new(here: &Mapping, piece: Key<Mapping>) -> Self {
        Self {
            piece,
            offset: here.vmo_offset,
            pages: 0,
            private: 0,
            common: [0; 2],
        }
    }

    /// What all pages count for.
    fn scaled(&self) -> u128 {
        let own = PageTally::ONE.saturating_mul(self.private.into());
        own.saturating_add(self.common())
    }

    fn common(&self) -> u128 {
        let [low, high] = self.common.map(u128::from);
        (high << 64) | low
    }

    /// Counts a few more pages; `None` when there are no more.
    ///
    /// As for whole VMOs: device addresses are nobody's memory, and the pages of slices and
    /// references are their parent's.
    fn step(mut self, kernel: &Kernel, here: &Mapping) -> Option<Self> {
        let objects = &kernel.objects;
        let end = here.vmo_offset.saturating_add(here.range.bytes());
        let end = end.min(size(objects, here.vmo));
        if self.offset >= end {
            return None;
        }
        let shown = objects.get(here.vmo);
        let Content::Paged(pages) = &shown.content else {
            let is_memory = matches!(shown.content, Content::Adopted(_) | Content::Contiguous(_));
            if is_memory && shown.parent.is_none() {
                self.add_own(end.saturating_sub(self.offset) >> PAGE_SHIFT);
            }
            self.offset = end;
            return Some(self);
        };
        let from = next_committed(objects, here.vmo, self.offset).filter(|from| *from < end)?;
        let most = end.saturating_sub(from).min(STEP);
        let (run, is_own) = held_run_at(kernel, here.vmo, from, most)?;
        if is_own {
            self.add_own(run.pages);
            self.offset = from.saturating_add(run.bytes());
        } else {
            let index = from >> PAGE_SHIFT;
            let part = pages.part_at(&objects.page_nodes, &kernel.mem.frames, index);
            self.pages = self.pages.saturating_add(1);
            let common = self.common().saturating_add(part.unwrap_or(0));
            let halves = [common & u128::from(u64::MAX), common >> 64];
            self.common = halves.map(|half| u64::try_from(half).unwrap_or(u64::MAX));
            self.offset = from.saturating_add(PAGE_SIZE);
        }
        Some(self)
    }

    /// Counts pages that nobody else holds.
    const fn add_own(&mut self, pages: u64) {
        self.pages = self.pages.saturating_add(pages);
        self.private = self.private.saturating_add(pages);
    }
}

fn region_record(region: &Vmar) -> MapsInfo {
    let name = if region.is_root() {
        "root"
    } else {
        "useralloc"
    };
    MapsInfo {
        name: *Name::from_str(name).as_bytes(),
        base: region.base.raw(),
        size: region.size,
        depth: region.depth.into(),
        maps_type: MapsInfo::TYPE_VMAR,
        ..MapsInfo::default()
    }
}

fn piece_record(objects: &Objects, piece: &Mapping, count: Count) -> MapsInfo {
    let vmo = objects.get(piece.vmo);
    let amount = Amount::common(objects, vmo, count.pages, (count.private, count.scaled()));
    let depth = objects.get(piece.vmar).depth;
    MapsInfo {
        name: *vmo.name.as_bytes(),
        base: piece.range.start.raw(),
        size: piece.range.bytes(),
        depth: u64::from(depth).wrapping_add(1),
        maps_type: MapsInfo::TYPE_MAPPING,
        mapping: MapsMapping {
            mmu_flags: options(piece.flags).bits(),
            vmo_koid: vmo.head.koid,
            vmo_offset: piece.vmo_offset,
            committed_bytes: amount.committed,
            populated_bytes: amount.committed,
            committed_private_bytes: amount.private,
            populated_private_bytes: amount.private,
            committed_scaled_bytes: amount.scaled,
            populated_scaled_bytes: amount.scaled,
            committed_fractional_scaled_bytes: amount.fraction,
            populated_fractional_scaled_bytes: amount.fraction,
        },
    }
}

/// The options that ask for these permissions.
fn options(flags: MmuFlags) -> VmOptions {
    let mut options = VmOptions::empty();
    options.set(VmOptions::PERM_READ, flags.contains(MmuFlags::READ));
    options.set(VmOptions::PERM_WRITE, flags.contains(MmuFlags::WRITE));
    options.set(VmOptions::PERM_EXECUTE, flags.contains(MmuFlags::EXECUTE));
    options
}

/// The name of a process's address space: `proc:` and the koid.
fn space_name(koid: u64) -> [u8; 32] {
    let mut name = Name::from_str("proc:");
    let start = name.as_str().len();
    let digits = koid.checked_ilog10().unwrap_or(0);
    let places = (0..=digits)
        .rev()
        .filter_map(|place| 10u64.checked_pow(place));
    for (at, place) in name.buffer().iter_mut().skip(start).zip(places) {
        let digit = koid.checked_div(place).unwrap_or(0) % 10;
        *at = b'0'.wrapping_add(u8::try_from(digit).unwrap_or(0));
    }
    *name.as_bytes()
}
