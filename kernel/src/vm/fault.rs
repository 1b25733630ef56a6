//! Page faults: from an address to an entry in the page tables (vmar.md §8).

use super::pages::{fixed_run, held_run_at, page_for_write, run_at, zero_page};
use super::place::BLOCKS;
use super::vmar::{Mapping, Space, next_piece, piece};
use super::vmo::{holder, round_up, size, stream_size};
use super::{Marks, map_status};
use crate::hal::{Backing, CachePolicy, DynHal, EntryCounts, MapAttrs, MapError, MmuFlags};
use crate::mem::Key;
use crate::object::Objects;
use crate::task::Process;
use crate::{Access, Kernel, PAGE_SIZE, PhysAddr, PhysRun, VirtAddr, VirtRange};
use jacinth_abi::Status;

/// How many bytes a fault maps where no block fits: Zircon's 16 pages.
const AROUND: u64 = 16 * PAGE_SIZE;

/// Makes a user access possible: commits the page, if it must be, and maps it.
///
/// # Errors
/// The reason why not: NOT_FOUND (nothing is mapped there), ACCESS_DENIED, OUT_OF_RANGE (behind the
/// VMO's end), NO_MEMORY, INVALID_ARGS (executable and not cached, where that cannot be).
pub(crate) fn fault(
    kernel: &mut Kernel,
    hal: &mut DynHal,
    process: Key<Process>,
    at: VirtAddr,
    access: Access,
) -> Result<(), Status> {
    let page = at.page();
    let key = find_piece(&kernel.objects, process, page).ok_or(Status::NOT_FOUND)?;
    let here = piece(&kernel.objects, key);
    let wanted = match access {
        Access::Read => MmuFlags::READ,
        Access::Write => MmuFlags::WRITE,
        Access::Execute => MmuFlags::EXECUTE,
    };
    if !here.flags.contains(wanted) {
        return Err(Status::ACCESS_DENIED);
    }
    let (vmo, flags) = (here.vmo, here.flags);
    let offset = offset_in_vmo(here, page).ok_or(Status::OUT_OF_RANGE)?;
    if offset >= size(&kernel.objects, vmo) || page >= shown_range(&kernel.objects, here).end {
        return Err(Status::OUT_OF_RANGE);
    }
    let aspace = kernel.objects.get(process).aspace;
    let space = Space { process, aspace };
    let cache = kernel.objects.get(vmo).cache;
    let Some((run, backing)) = fixed_run(&kernel.objects, vmo) else {
        let place = Place {
            space,
            key,
            page,
            offset,
        };
        return fault_paged(kernel, hal, place, access);
    };
    let around = around_run(here, run, page);
    let attrs = MapAttrs {
        flags,
        cache,
        backing,
    };
    map_around(kernel, hal, space, around, attrs)
}

/// Where a fault in paged memory is.
#[derive(Clone, Copy)]
struct Place {
    space: Space,
    /// The piece.
    key: Key<Mapping>,
    page: VirtAddr,
    /// What the piece shows there.
    offset: u64,
}

/// Shows what there is, or zeros, as long as nothing is stored; for a store the page becomes the
/// VMO's own. What may not be written as it is is mapped without that right.
fn fault_paged(
    kernel: &mut Kernel,
    hal: &mut DynHal,
    place: Place,
    access: Access,
) -> Result<(), Status> {
    let here = piece(&kernel.objects, place.key);
    let (vmo, mut flags) = (here.vmo, here.flags);
    let cache = kernel.objects.get(vmo).cache;
    // Zeros that are cached somewhere else cannot be shown uncached.
    if access == Access::Write || cache != CachePolicy::Cached {
        page_for_write(kernel, hal, vmo, place.offset)?;
    }
    let (around, may_write) = match around_page(kernel, place) {
        Some(found) => found,
        None => (around_zeros(kernel, hal, place)?, false),
    };
    let (root, _) = holder(&kernel.objects, vmo, 0);
    let root = kernel.objects.get_mut(root);
    if !may_write {
        flags -= MmuFlags::WRITE;
    } else if flags.contains(MmuFlags::WRITE) {
        root.write_grants = root.write_grants.wrapping_add(1);
    }
    let attrs = MapAttrs {
        flags,
        cache,
        backing: Backing::Memory,
    };
    map_around(kernel, hal, place.space, around, attrs)
}

/// One page of zeros.
fn around_zeros(kernel: &mut Kernel, hal: &mut DynHal, place: Place) -> Result<Around, Status> {
    let base = zero_page(kernel, hal)?;
    let vmo = piece(&kernel.objects, place.key).vmo;
    let (root, _) = holder(&kernel.objects, vmo, 0);
    kernel.objects.get_mut(root).marks.insert(Marks::ZEROS);
    Ok(Around {
        block: None,
        few: (place.page, PhysRun { base, pages: 1 }),
    })
}

/// What a fault may map: a block, if one fits, else a few pages.
#[derive(Clone, Copy)]
struct Around {
    block: Option<(VirtAddr, PhysRun)>,
    few: (VirtAddr, PhysRun),
}

/// Maps as much of it as can be: others may be mapped around the fault already, or memory be too
/// short for more than one page.
#[inline]
fn map_around(
    kernel: &mut Kernel,
    hal: &mut DynHal,
    space: Space,
    around: Around,
    attrs: MapAttrs,
) -> Result<(), Status> {
    if let Some((at, run)) = around.block
        && let Some(result) = try_map(kernel, hal, space, (at, run), attrs)
    {
        return result;
    }
    let (at, few) = around.few;
    if let Some(result) = try_map(kernel, hal, space, (at, few), attrs) {
        return result;
    }
    let single = PhysRun { pages: 1, ..few };
    let result = hal.map(space.aspace, at, single, attrs, &mut kernel.mem);
    note_entries(kernel, space, result)
}

/// Maps a run; `None` where fewer pages may do.
#[inline]
fn try_map(
    kernel: &mut Kernel,
    hal: &mut DynHal,
    space: Space,
    (at, run): (VirtAddr, PhysRun),
    attrs: MapAttrs,
) -> Option<Result<(), Status>> {
    match hal.map(space.aspace, at, run, attrs, &mut kernel.mem) {
        Err(MapError::AlreadyMapped | MapError::NoMemory) => None,
        result => Some(note_entries(kernel, space, result)),
    }
}

fn note_entries(
    kernel: &mut Kernel,
    space: Space,
    result: Result<EntryCounts, MapError>,
) -> Result<(), Status> {
    let counts = result.map_err(map_status)?;
    kernel.objects.get_mut(space.process).entries.add(counts);
    Ok(())
}

/// The piece that holds an address of a process.
pub(super) fn find_piece(
    objects: &Objects,
    process: Key<Process>,
    at: VirtAddr,
) -> Option<Key<Mapping>> {
    let root = objects.get(process).root_vmar?;
    next_piece(objects, root, at).map(|(key, _)| key)
}

/// The VMO's byte that a piece shows at `at`.
pub(super) fn offset_in_vmo(piece: &Mapping, at: VirtAddr) -> Option<u64> {
    at.raw()
        .checked_sub(piece.range.start.raw())?
        .checked_add(piece.vmo_offset)
}

/// The addresses of a piece where there may be something: a piece that ends where the VMO's stream
/// does shows whole pages of it.
#[inline]
pub(super) fn shown_range(objects: &Objects, here: &Mapping) -> VirtRange {
    let mut range = here.range;
    if here.stream {
        let stream = round_up(stream_size(objects, here.vmo)).unwrap_or(u64::MAX);
        let shown = stream.saturating_sub(here.vmo_offset);
        if let Some(end) = range.start.checked_add(shown) {
            range.end = range.end.min(end);
        }
    }
    range
}

/// The largest block around `page` that lies in the piece and in the run that it shows, and the few
/// pages behind `page` that do.
#[inline]
fn around_run(piece: &Mapping, run: PhysRun, page: VirtAddr) -> Around {
    let shown = run.bytes().saturating_sub(piece.vmo_offset);
    let end = piece
        .range
        .end
        .raw()
        .min(piece.range.start.raw().saturating_add(shown));
    let window = VirtRange {
        start: piece.range.start,
        end: VirtAddr::new(end),
    };
    let base = run.base.raw().saturating_add(piece.vmo_offset);
    let phys_of = |at: VirtAddr| {
        PhysAddr::new(base.saturating_add(at.raw().saturating_sub(window.start.raw())))
    };
    let fitting = |bytes: &u64| *bytes <= window.bytes();
    let block = BLOCKS.into_iter().filter(fitting).find_map(|bytes| {
        let mask = bytes.wrapping_sub(1);
        let start = VirtAddr::new(page.raw() & !mask);
        let inside = window.covers(VirtRange::new(start, bytes)?);
        let congruent = (page.raw() ^ phys_of(page).raw()) & mask == 0;
        (inside && congruent).then(|| {
            (
                start,
                PhysRun {
                    base: phys_of(start),
                    pages: bytes / PAGE_SIZE,
                },
            )
        })
    });
    let bytes = few_bytes(page, window.end);
    Around {
        block,
        few: (
            page,
            PhysRun {
                base: phys_of(page),
                pages: bytes / PAGE_SIZE,
            },
        ),
    }
}

/// The committed pages at a fault and around it that lie in a row and may all be written as they
/// are, or all may not; which. `None` when there is no page.
fn around_page(kernel: &Kernel, place: Place) -> Option<(Around, bool)> {
    let here = piece(&kernel.objects, place.key);
    let shown = shown_range(&kernel.objects, here);
    let bytes = few_bytes(place.page, shown.end);
    let (run, may_write) = held_run_at(kernel, here.vmo, place.offset, bytes)?;
    let block = block_of_pages(kernel, (here, shown), place, (run.base, may_write));
    let few = (place.page, run);
    Some((Around { block, few }, may_write))
}

/// The 2 MiB block around a fault, if its pages lie in a row and are all held alike.
fn block_of_pages(
    kernel: &Kernel,
    (here, shown): (&Mapping, VirtRange),
    place: Place,
    (base, may_write): (PhysAddr, bool),
) -> Option<(VirtAddr, PhysRun)> {
    let [_, bytes] = BLOCKS;
    let inside = place.page.raw() & bytes.wrapping_sub(1);
    let start = VirtAddr::new(place.page.raw().wrapping_sub(inside));
    let base = PhysAddr::new(base.raw().checked_sub(inside)?);
    if !base.is_aligned(bytes) || !shown.covers(VirtRange::new(start, bytes)?) {
        return None;
    }
    let first = place.offset.checked_sub(inside)?;
    // A look at the last page saves most walks over blocks that are only half there.
    let last = run_at(
        &kernel.objects,
        here.vmo,
        first.checked_add(bytes - PAGE_SIZE)?,
        PAGE_SIZE,
    )?;
    if Some(last.base) != base.checked_add(bytes - PAGE_SIZE) {
        return None;
    }
    let (run, is_alike) = held_run_at(kernel, here.vmo, first, bytes)?;
    let is_whole = run.base == base && run.bytes() == bytes && is_alike == may_write;
    is_whole.then_some((start, run))
}

/// How far a fault at `page` maps at the most: 16 pages, `end`, the end of the last-level table.
fn few_bytes(page: VirtAddr, end: VirtAddr) -> u64 {
    let [_, table] = BLOCKS;
    let left_in_table = table.wrapping_sub(page.raw() & table.wrapping_sub(1));
    end.raw()
        .saturating_sub(page.raw())
        .min(AROUND)
        .min(left_in_table)
}
