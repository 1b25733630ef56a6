//! Memory objects: what they are, how they are made, and where their bytes are.

use super::{Mapping, Name};
use crate::hal::{Backing, CachePolicy, DynHal};
use crate::mem::{Frame, Key, List, Page, PageList};
use crate::object::{Head, Object, Objects};
use crate::{Kernel, PAGE_SHIFT, PAGE_SIZE, PhysAddr, PhysRun, no_memory};
use jacinth_abi::{Signals, Status, VmoOptions};

/// What a VMO is made of.
#[derive(Debug)]
pub(crate) enum Content {
    /// Addresses of a device.
    Physical(PhysRun),
    /// Pages of the pool, committed on demand.
    Paged(PageList),
    /// RAM that was never in the pool: what the boot loader put there.
    Adopted(PhysRun),
    /// A part of a paged VMO; `root` is never a slice itself.
    Slice { root: Key<Vmo>, offset: u64 },
}

/// A memory object.
#[derive(Debug)]
pub(crate) struct Vmo {
    pub(crate) head: Head,
    pub(crate) name: Name,
    /// Whole pages, in bytes.
    pub(crate) size: u64,
    /// `ZX_PROP_VMO_CONTENT_SIZE`, in bytes: a number that is kept, no more.
    pub(crate) content_size: u64,
    pub(crate) cache: CachePolicy,
    /// RESIZABLE, DISCARDABLE, UNBOUNDED as asked for.
    pub(crate) options: VmoOptions,
    pub(crate) content: Content,
    /// The VMO that this is a child of; a use of it is held.
    pub(crate) parent: Option<Key<Self>>,
    /// Children whose memory objects live.
    pub(crate) children: u32,
    /// All pieces of all mappings; each holds a use.
    pub(crate) mappings: List<Mapping>,
    /// How many mappings those pieces are.
    pub(crate) mapping_count: u32,
}

impl Vmo {
    /// Whether it stands for device addresses.
    pub(crate) const fn is_physical(&self) -> bool {
        matches!(self.content, Content::Physical(_))
    }

    /// The run behind it, when it is one run for good.
    pub(crate) const fn run(&self) -> Option<(PhysRun, Backing)> {
        match self.content {
            Content::Physical(run) => Some((run, Backing::Device)),
            Content::Adopted(run) => Some((run, Backing::Memory)),
            Content::Paged(_) | Content::Slice { .. } => None,
        }
    }
}

/// `bytes` as whole pages, unless that wraps.
pub(crate) const fn round_up(bytes: u64) -> Option<u64> {
    bytes.checked_next_multiple_of(PAGE_SIZE)
}

/// What the makers of VMOs have to say.
struct NewVmo {
    size: u64,
    content_size: u64,
    cache: CachePolicy,
    options: VmoOptions,
    content: Content,
}

fn create(kernel: &mut Kernel, new: NewVmo) -> Result<Key<Vmo>, Status> {
    kernel
        .objects
        .vmos
        .reserve(&mut kernel.mem.budget)
        .map_err(no_memory)?;
    let koid = kernel.objects.new_koid();
    Ok(kernel.objects.vmos.insert_reserved(Vmo {
        head: Head::new(koid, Signals::VMO_ZERO_CHILDREN),
        name: Name::default(),
        size: new.size,
        content_size: new.content_size,
        cache: new.cache,
        options: new.options,
        content: new.content,
        parent: None,
        children: 0,
        mappings: List::new(),
        mapping_count: 0,
    }))
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
    content_size: u64,
    options: VmoOptions,
) -> Result<Key<Vmo>, Status> {
    let content = Content::Paged(PageList::new());
    create(
        kernel,
        NewVmo {
            size,
            content_size,
            cache: CachePolicy::Cached,
            options,
            content,
        },
    )
}

/// Makes a VMO over device addresses; the caller checked that they may be named.
///
/// # Errors
/// NO_MEMORY.
pub(crate) fn create_physical(kernel: &mut Kernel, run: PhysRun) -> Result<Key<Vmo>, Status> {
    let size = run.bytes();
    let (cache, options) = (CachePolicy::Uncached, VmoOptions::empty());
    create(
        kernel,
        NewVmo {
            size,
            content_size: size,
            cache,
            options,
            content: Content::Physical(run),
        },
    )
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
    let (cache, options) = (CachePolicy::Cached, VmoOptions::empty());
    create(
        kernel,
        NewVmo {
            size: run.bytes(),
            content_size: bytes,
            cache,
            options,
            content: Content::Adopted(run),
        },
    )
}

/// Makes a slice of `[offset, offset + size)`, whole pages inside the parent.
///
/// The parent's ZERO_CHILDREN is gone when this returns.
///
/// # Errors
/// NO_MEMORY.
pub(crate) fn create_slice(
    kernel: &mut Kernel,
    parent: Key<Vmo>,
    offset: u64,
    size: u64,
    content_size: u64,
) -> Result<Key<Vmo>, Status> {
    let above = kernel.objects.get(parent);
    let part = |run: PhysRun| PhysRun {
        base: PhysAddr::new(run.base.raw().saturating_add(offset)),
        pages: size >> PAGE_SHIFT,
    };
    let content = match above.content {
        Content::Physical(run) => Content::Physical(part(run)),
        Content::Adopted(run) => Content::Adopted(part(run)),
        Content::Paged(_) => Content::Slice {
            root: parent,
            offset,
        },
        Content::Slice { root, offset: more } => Content::Slice {
            root,
            offset: offset.saturating_add(more),
        },
    };
    let new = NewVmo {
        size,
        content_size,
        cache: above.cache,
        options: VmoOptions::empty(),
        content,
    };
    let child = create(kernel, new)?;
    // commit
    kernel.objects.get_mut(child).parent = Some(parent);
    kernel.objects.add_use(Vmo::to_ref(parent));
    let above = kernel.objects.get_mut(parent);
    above.children = above.children.wrapping_add(1);
    kernel.update_signals(
        Vmo::to_ref(parent),
        Signals::VMO_ZERO_CHILDREN,
        Signals::empty(),
    );
    Ok(child)
}

/// The VMO that holds the pages at `offset`, and where in it they are.
fn holder(objects: &Objects, vmo: Key<Vmo>, offset: u64) -> (Key<Vmo>, u64) {
    match objects.get(vmo).content {
        Content::Slice { root, offset: more } => (root, offset.saturating_add(more)),
        _ => (vmo, offset),
    }
}

/// The frames from page-aligned `offset` on that lie in a row, at most `most` bytes and inside the
/// VMO; `None` where nothing is committed.
pub(super) fn run_at(objects: &Objects, vmo: Key<Vmo>, offset: u64, most: u64) -> Option<PhysRun> {
    let most = most.min(objects.get(vmo).size.checked_sub(offset)?) >> PAGE_SHIFT;
    let (root, offset) = holder(objects, vmo, offset);
    match &objects.get(root).content {
        Content::Physical(run) | Content::Adopted(run) => {
            let base = run.base.checked_add(offset)?;
            Some(PhysRun { base, pages: most }).filter(|run| run.pages != 0)
        }
        Content::Paged(pages) => {
            let (base, pages) = pages.run_at(&objects.page_nodes, offset >> PAGE_SHIFT, most)?;
            Some(PhysRun { base, pages })
        }
        Content::Slice { .. } => None,
    }
}

/// The offset of the first committed page at `offset` or behind.
pub(super) fn next_committed(objects: &Objects, vmo: Key<Vmo>, offset: u64) -> Option<u64> {
    let size = objects.get(vmo).size;
    let (root, inner) = holder(objects, vmo, offset);
    let next = match &objects.get(root).content {
        Content::Paged(pages) => {
            let (index, _) = pages.next_at_or_after(&objects.page_nodes, inner >> PAGE_SHIFT)?;
            offset.checked_add((index << PAGE_SHIFT).checked_sub(inner)?)?
        }
        _ => offset,
    };
    (next < size).then_some(next)
}

/// The frame behind page-aligned `offset`, committed and filled with zeros first if need be.
///
/// # Errors
/// OUT_OF_RANGE, NO_MEMORY.
pub(super) fn commit_page(
    kernel: &mut Kernel,
    hal: &mut DynHal,
    vmo: Key<Vmo>,
    offset: u64,
) -> Result<PhysAddr, Status> {
    if offset >= kernel.objects.get(vmo).size {
        return Err(Status::OUT_OF_RANGE);
    }
    if let Some(run) = run_at(&kernel.objects, vmo, offset, PAGE_SIZE) {
        return Ok(run.base);
    }
    let (root, offset) = holder(&kernel.objects, vmo, offset);
    let index = offset >> PAGE_SHIFT;
    let Objects {
        vmos, page_nodes, ..
    } = &mut kernel.objects;
    let Some(Content::Paged(pages)) = vmos.get_mut(root).map(|root| &mut root.content) else {
        return Err(Status::INTERNAL);
    };
    pages
        .reserve_path(index, page_nodes, &mut kernel.mem.budget)
        .map_err(no_memory)?;
    let frame = kernel.mem.frame_alloc().map_err(no_memory)?;
    let address = frame.address();
    if hal
        .zero(PhysRun {
            base: address,
            pages: 1,
        })
        .is_err()
    {
        kernel.mem.frame_free(frame);
        return Err(Status::INTERNAL);
    }
    // commit
    pages.insert_reserved(page_nodes, index, Page::new(address, 0));
    Ok(address)
}

/// Takes one page of a paged VMO out; its frame.
pub(super) fn take_page(objects: &mut Objects, vmo: Key<Vmo>) -> Option<Frame> {
    let Objects {
        vmos, page_nodes, ..
    } = objects;
    let Content::Paged(pages) = &mut vmos.get_mut(vmo)?.content else {
        return None;
    };
    let (index, _) = pages.next_at_or_after(page_nodes, 0)?;
    pages
        .remove(page_nodes, index)
        .map(|page| Frame::claim(page.frame()))
}
