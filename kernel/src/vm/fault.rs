//! Page faults: from an address to an entry in the page tables (vmar.md §8).

use super::map_status;
use super::pages::{commit_page, fixed_run, run_at};
use super::place::BLOCKS;
use super::vmar::{Mapping, Space, next_piece, piece};
use super::vmo::size;
use crate::hal::{Backing, DynHal, MapAttrs, MapError, MmuFlags};
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
    if offset >= size(&kernel.objects, vmo) {
        return Err(Status::OUT_OF_RANGE);
    }
    let cache = kernel.objects.get(vmo).cache;
    let (window, backing) = match fixed_run(&kernel.objects, vmo) {
        Some((run, backing)) => (around_run(here, run, page), backing),
        None => {
            let base = commit_page(kernel, hal, vmo, offset)?;
            (
                Around {
                    block: None,
                    few: around_page(&kernel.objects, key, page, base),
                },
                Backing::Memory,
            )
        }
    };
    let aspace = kernel.objects.get(process).aspace;
    let space = Space { process, aspace };
    map_around(
        kernel,
        hal,
        space,
        window,
        MapAttrs {
            flags,
            cache,
            backing,
        },
    )
}

/// What a fault may map: a block, if one fits, else a few pages.
#[derive(Clone, Copy)]
struct Around {
    block: Option<(VirtAddr, PhysRun)>,
    few: (VirtAddr, PhysRun),
}

fn map_around(
    kernel: &mut Kernel,
    hal: &mut DynHal,
    space: Space,
    around: Around,
    attrs: MapAttrs,
) -> Result<(), Status> {
    let (at, run) = around.few;
    let single = (
        at,
        PhysRun {
            base: run.base,
            pages: 1,
        },
    );
    let mut result = Err(MapError::AlreadyMapped);
    // Others may be mapped around it already, or memory too short for more than one page.
    for (at, run) in around.block.into_iter().chain([around.few, single]) {
        result = hal.map(space.aspace, at, run, attrs, &mut kernel.mem);
        if !matches!(result, Err(MapError::AlreadyMapped | MapError::NoMemory)) {
            break;
        }
    }
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
fn offset_in_vmo(piece: &Mapping, at: VirtAddr) -> Option<u64> {
    at.raw()
        .checked_sub(piece.range.start.raw())?
        .checked_add(piece.vmo_offset)
}

/// The largest block around `page` that lies in the piece and in the run that it shows, and the few
/// pages behind `page` that do.
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
    let block = BLOCKS.into_iter().find_map(|bytes| {
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

/// The committed pages from `page` on that lie in a row.
fn around_page(
    objects: &Objects,
    key: Key<Mapping>,
    page: VirtAddr,
    base: PhysAddr,
) -> (VirtAddr, PhysRun) {
    let here = piece(objects, key);
    let bytes = few_bytes(page, here.range.end);
    let run = offset_in_vmo(here, page).and_then(|offset| run_at(objects, here.vmo, offset, bytes));
    (page, run.unwrap_or(PhysRun { base, pages: 1 }))
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
