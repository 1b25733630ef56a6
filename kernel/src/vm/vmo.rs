//! Memory objects: what they are and how they are made.

use super::sharing::ShownIn;
use super::{Locks, Mapping, Name, Stale};
use crate::hal::{Backing, CachePolicy};
use crate::mem::{Key, PageList, SpanTree};
use crate::object::{Head, Objects, Pmt};
use crate::{Kernel, PAGE_SIZE, PhysRun, no_memory};
use jacinth_abi::{Signals, Status, VmoOptions};

/// What a VMO is made of.
#[derive(Debug)]
pub(crate) enum Content {
    /// Addresses of a device.
    Physical(PhysRun),
    /// Pages of the pool, committed on demand; those of a snapshot are common to others at first.
    Paged(PageList),
    /// RAM that was never in the pool: what the boot loader put there.
    Adopted(PhysRun),
    /// Frames of the pool in one run, owned and committed for good.
    Contiguous(PhysRun),
    /// A window onto the pages of `root`, which is neither a slice nor a reference.
    Slice { root: Key<Vmo>, offset: u64 },
    /// All of `root`, its sizes included; `root` is neither a slice nor a reference.
    Reference { root: Key<Vmo> },
}

/// A memory object.
#[derive(Debug)]
pub(crate) struct Vmo {
    pub(crate) head: Head,
    pub(crate) name: Name,
    /// Whole pages, in bytes. That of a reference is its root's: read it through [`size`].
    pub(crate) size: u64,
    /// Bytes that mean something: read it through [`stream_size`].
    pub(crate) stream_size: u64,
    pub(crate) cache: CachePolicy,
    /// RESIZABLE, DISCARDABLE, UNBOUNDED as asked for.
    pub(crate) options: VmoOptions,
    pub(crate) content: Content,
    /// The VMO that this is a child of; a use of it is held.
    pub(crate) parent: Option<Key<Self>>,
    /// Children whose memory objects live.
    pub(crate) children: u32,
    /// The pieces of all mappings that show its pages, by what they show: its own, and those of
    /// its slices and references.
    pub(super) spans: SpanTree<Key<Mapping>>,
    /// What is pinned of its pages, in its own offsets, whatever it was pinned through.
    pub(super) pins: SpanTree<Key<Pmt>>,
    /// Who ever mapped it by name.
    pub(super) shown_in: ShownIn,
    /// How many mappings show it by name; each of their pieces holds a use.
    pub(crate) mapping_count: u32,
    /// Children that need none of its pages: snapshots, and whatever is hollow.
    pub(super) idle_children: u32,
    /// Snapshots of its pages that live: children of its own, and of its references.
    pub(super) snapshots: u32,
    /// How often entries were made in page tables that allow stores to its pages.
    pub(super) write_grants: u64,
    pub(crate) marks: Marks,
    /// Of a discardable VMO: how often it is locked.
    pub(super) locks: Locks,
    /// What lies behind its end since it shrank.
    pub(super) stale: Stale,
}

bitflags::bitflags! {
    /// What became of a VMO.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub(crate) struct Marks: u8 {
        /// It has pages in common with others, or had: one is a snapshot of the other.
        const SHARED = 1;
        /// Mappings were shown the zero page where it has no page.
        const ZEROS = 2;
        /// Only children keep it, none of which needs its pages: they go.
        const HOLLOW = 4;
        /// It is a snapshot that nobody may ever write.
        const IMMUTABLE = 8;
        /// Mappings end where its stream does, or that of a slice.
        const STREAM = 16;
    }
}

impl Vmo {
    /// One that nobody refers to yet.
    pub(super) const fn new(koid: u64, size: u64, stream_size: u64, content: Content) -> Self {
        Self {
            head: Head::new(koid, Signals::VMO_ZERO_CHILDREN),
            name: Name::EMPTY,
            size,
            stream_size,
            cache: CachePolicy::Cached,
            options: VmoOptions::empty(),
            content,
            parent: None,
            children: 0,
            spans: SpanTree::new(),
            pins: SpanTree::new(),
            mapping_count: 0,
            shown_in: ShownIn::Nowhere,
            idle_children: 0,
            snapshots: 0,
            write_grants: 0,
            marks: Marks::empty(),
            locks: Locks::new(),
            stale: Stale::NONE,
        }
    }

    /// Whether it stands for device addresses.
    pub(crate) const fn is_physical(&self) -> bool {
        matches!(self.content, Content::Physical(_))
    }

    /// Whether it is a window onto a part of its parent.
    pub(crate) const fn is_slice(&self) -> bool {
        match self.content {
            Content::Slice { .. } => true,
            Content::Physical(_) | Content::Adopted(_) => self.parent.is_some(),
            _ => false,
        }
    }

    /// Whether it holds pages of its own that it could do without.
    pub(super) const fn holds_pages(&self) -> bool {
        matches!(&self.content, Content::Paged(pages) if pages.count() != 0)
    }

    /// Whether it is a copy-on-write child.
    pub(crate) const fn is_snapshot(&self) -> bool {
        matches!(self.content, Content::Paged(_)) && self.parent.is_some()
    }

    /// Whether page tables may allow stores to its pages wherever a mapping does: else a fault finds
    /// out at the first store.
    pub(super) const fn is_plain(&self) -> bool {
        !self.marks.intersects(Marks::SHARED.union(Marks::ZEROS))
    }

    /// Of a slice or a reference: the VMO that holds its pages, and that one's byte that is its first.
    #[inline]
    pub(super) const fn window(&self) -> Option<(Key<Self>, u64)> {
        match self.content {
            Content::Slice { root, offset } => Some((root, offset)),
            Content::Reference { root } => Some((root, 0)),
            _ => None,
        }
    }

    /// The run behind it, when it is one run for good.
    pub(crate) const fn run(&self) -> Option<(PhysRun, Backing)> {
        match self.content {
            Content::Physical(run) => Some((run, Backing::Device)),
            Content::Adopted(run) | Content::Contiguous(run) => Some((run, Backing::Memory)),
            Content::Paged(_) | Content::Slice { .. } | Content::Reference { .. } => None,
        }
    }
}

/// `bytes` as whole pages, unless that wraps.
pub(crate) const fn round_up(bytes: u64) -> Option<u64> {
    bytes.checked_next_multiple_of(PAGE_SIZE)
}

/// Puts a new VMO into the pool, which `make` makes of its koid.
#[inline]
pub(super) fn create(
    kernel: &mut Kernel,
    make: impl FnOnce(u64) -> Vmo,
) -> Result<Key<Vmo>, Status> {
    kernel
        .objects
        .vmos
        .reserve(&mut kernel.mem.budget)
        .map_err(no_memory)?;
    let koid = kernel.objects.new_koid();
    Ok(kernel.objects.vmos.insert_reserved(make(koid)))
}

/// Makes a VMO of zero-filled memory for `bytes` bytes; nothing is committed yet.
///
/// # Errors
/// OUT_OF_RANGE, NO_MEMORY.
pub(crate) fn create_paged(kernel: &mut Kernel, bytes: u64) -> Result<Key<Vmo>, Status> {
    let size = round_up(bytes).ok_or(Status::OUT_OF_RANGE)?;
    create_paged_as(kernel, size, bytes, VmoOptions::empty())
}

/// As [`create_paged`], with everything that `zx_vmo_create` can say; `size` is whole pages.
///
/// # Errors
/// NO_MEMORY.
pub(crate) fn create_paged_as(
    kernel: &mut Kernel,
    size: u64,
    stream_size: u64,
    options: VmoOptions,
) -> Result<Key<Vmo>, Status> {
    create(kernel, |koid| {
        let content = Content::Paged(PageList::new());
        Vmo {
            options,
            ..Vmo::new(koid, size, stream_size, content)
        }
    })
}

/// Makes a VMO over device addresses; the caller checked that they may be named.
///
/// # Errors
/// NO_MEMORY.
pub(crate) fn create_physical(kernel: &mut Kernel, run: PhysRun) -> Result<Key<Vmo>, Status> {
    let size = run.bytes();
    create(kernel, |koid| Vmo {
        cache: CachePolicy::Uncached,
        ..Vmo::new(koid, size, size, Content::Physical(run))
    })
}

/// Makes a VMO over RAM outside the pool, of which `bytes` bytes mean something.
///
/// # Errors
/// NO_MEMORY.
pub(crate) fn create_adopted(
    kernel: &mut Kernel,
    run: PhysRun,
    bytes: u64,
) -> Result<Key<Vmo>, Status> {
    let content = Content::Adopted(run);
    create(kernel, |koid| Vmo::new(koid, run.bytes(), bytes, content))
}

/// What is behind a VMO: itself, unless it is a slice or a reference.
pub(super) struct Behind<'a> {
    /// The VMO that holds its pages.
    pub(super) root: Key<Vmo>,
    pub(super) holder: &'a Vmo,
    /// The root's byte that is the VMO's first.
    pub(super) offset: u64,
    /// The size of the VMO.
    pub(super) size: u64,
}

/// What is behind a VMO. Few callers want all of it.
#[inline(always)]
pub(super) fn behind(objects: &Objects, vmo: Key<Vmo>) -> Behind<'_> {
    let here = objects.get(vmo);
    let Some((root, offset)) = here.window() else {
        return Behind {
            root: vmo,
            holder: here,
            offset: 0,
            size: here.size,
        };
    };
    let holder = objects.get(root);
    let is_slice = matches!(here.content, Content::Slice { .. });
    Behind {
        root,
        holder,
        offset,
        size: if is_slice { here.size } else { holder.size },
    }
}

/// The VMO that holds the pages at `offset`, and where in it they are. Mappings and pins of all
/// that shows those pages are registered there.
pub(crate) fn holder(objects: &Objects, vmo: Key<Vmo>, offset: u64) -> (Key<Vmo>, u64) {
    let behind = behind(objects, vmo);
    (behind.root, offset.saturating_add(behind.offset))
}

/// The VMO whose size and stream size a VMO has: a reference has its root's.
pub(crate) fn sized(objects: &Objects, vmo: Key<Vmo>) -> Key<Vmo> {
    match objects.get(vmo).content {
        Content::Reference { root } => root,
        _ => vmo,
    }
}

/// Whether a VMO's pages lie in a row for good, of a device or of memory.
pub(crate) fn is_contiguous(objects: &Objects, vmo: Key<Vmo>) -> bool {
    let content = &behind(objects, vmo).holder.content;
    matches!(content, Content::Physical(_) | Content::Contiguous(_))
}

/// The size of a VMO: whole pages, in bytes.
#[inline]
pub(crate) fn size(objects: &Objects, vmo: Key<Vmo>) -> u64 {
    behind(objects, vmo).size
}

/// The stream size of a VMO, in bytes (`ZX_PROP_VMO_CONTENT_SIZE`).
pub(crate) fn stream_size(objects: &Objects, vmo: Key<Vmo>) -> u64 {
    objects.get(sized(objects, vmo)).stream_size
}
