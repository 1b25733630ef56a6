//! Mapping a VMO into a region.

use super::map_status;
use super::place::{Overlap, Placement, Wanted, place};
use super::unmap::{cut, cuts, unmap_now};
use super::vmar::{Piece, Space, insert_piece, reserve_pieces, space};
use super::vmo::{next_committed, run_at};
use super::{Vmar, Vmo};
use crate::hal::{Backing, DynHal, MapAttrs, MmuFlags};
use crate::mem::Key;
use crate::task::Process;
use crate::{Kernel, PhysRun, VirtAddr, VirtRange, no_memory};
use jacinth_abi::Status;

/// Whether a new mapping fills the page tables at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Eager {
    /// Faults fill them.
    No,
    /// What the VMO has is mapped at once (`ZX_VM_MAP_RANGE`).
    Yes,
}

/// A mapping to be made.
#[derive(Clone, Copy, Debug)]
pub(crate) struct MapRequest {
    pub(crate) vmar: Key<Vmar>,
    pub(crate) vmo: Key<Vmo>,
    /// Whole pages, in bytes.
    pub(crate) vmo_offset: u64,
    /// Whole pages, in bytes; not 0.
    pub(crate) len: u64,
    pub(crate) at: Placement,
    /// A power of two, in bytes; 0 for none in particular.
    pub(crate) align: u64,
    pub(crate) flags: MmuFlags,
    pub(crate) may: MmuFlags,
    pub(crate) eager: Eager,
}

/// Makes a mapping; its first address.
///
/// # Errors
/// BAD_STATE (the region is dead), those of placement, NO_MEMORY; with [`Eager::Yes`] also those of
/// page tables.
pub(crate) fn map(
    kernel: &mut Kernel,
    hal: &mut DynHal,
    request: MapRequest,
) -> Result<VirtAddr, Status> {
    let MapRequest {
        vmar,
        vmo,
        vmo_offset,
        flags,
        may,
        ..
    } = request;
    let space = space(&kernel.objects, vmar).ok_or(Status::BAD_STATE)?;
    let shown = kernel.objects.get(vmo).run();
    let phys = shown.and_then(|(run, _)| run.base.checked_add(vmo_offset));
    let wanted = Wanted {
        size: request.len,
        align: request.align,
        phys,
    };
    let range = place(&mut kernel.objects, hal, vmar, request.at, wanted)?;
    let replaces = matches!(request.at, Placement::At(_, Overlap::Replace));
    let cuts = if replaces {
        cuts(&kernel.objects, vmar, range)
    } else {
        0
    };
    reserve_pieces(kernel, cuts.saturating_add(1)).map_err(no_memory)?;
    // commit
    if replaces {
        // In one go: no other thread may see a hole (vmar.md §4.2).
        cut(&mut kernel.objects, vmar, range);
        unmap_now(kernel, hal, vmar, range);
    }
    insert_piece(
        &mut kernel.objects,
        Piece {
            vmar,
            vmo,
            range,
            vmo_offset,
            flags,
            may,
            continues: false,
        },
    );
    if request.eager == Eager::Yes
        && !flags.is_empty()
        && let Err(status) = fill(kernel, hal, space, range, &request)
    {
        unmap_now(kernel, hal, vmar, range);
        return Err(status);
    }
    Ok(range.start)
}

/// Enters everything that the VMO has behind a new mapping, up to the VMO's end.
fn fill(
    kernel: &mut Kernel,
    hal: &mut DynHal,
    space: Space,
    range: VirtRange,
    request: &MapRequest,
) -> Result<(), Status> {
    let shown = kernel.objects.get(request.vmo);
    let cache = shown.cache;
    let backing = shown.run().map_or(Backing::Memory, |(_, backing)| backing);
    let attrs = MapAttrs {
        flags: request.flags,
        cache,
        backing,
    };
    let mut done = 0;
    while let Some((at, run)) = next_run(kernel, range, request, done) {
        let counts = hal
            .map(space.aspace, at, run, attrs, &mut kernel.mem)
            .map_err(map_status)?;
        kernel.objects.get_mut(space.process).entries.add(counts);
        done = at
            .raw()
            .saturating_sub(range.start.raw())
            .saturating_add(run.bytes());
    }
    Ok(())
}

/// The first run behind a mapping that begins `done` bytes into it or later, and where it goes.
fn next_run(
    kernel: &Kernel,
    range: VirtRange,
    request: &MapRequest,
    done: u64,
) -> Option<(VirtAddr, PhysRun)> {
    if done >= range.bytes() {
        return None;
    }
    let wanted = request.vmo_offset.checked_add(done)?;
    let found = next_committed(&kernel.objects, request.vmo, wanted)?;
    let into = found.checked_sub(request.vmo_offset)?;
    let left = range.bytes().checked_sub(into)?;
    let run = run_at(&kernel.objects, request.vmo, found, left)?;
    (run.pages != 0).then_some((range.start.checked_add(into)?, run))
}

/// Maps a VMO into the root region of a process that boot prepares, at `at` or anywhere.
///
/// # Errors
/// As [`map`].
pub(crate) fn map_for_boot(
    kernel: &mut Kernel,
    hal: &mut DynHal,
    process: Key<Process>,
    vmo: Key<Vmo>,
    at: Option<VirtAddr>,
    len: u64,
    flags: MmuFlags,
) -> Result<VirtAddr, Status> {
    let vmar = kernel
        .objects
        .get(process)
        .root_vmar
        .ok_or(Status::BAD_STATE)?;
    let base = kernel.objects.get(vmar).base;
    let at = match at {
        Some(at) => Placement::At(
            at.raw()
                .checked_sub(base.raw())
                .ok_or(Status::INVALID_ARGS)?,
            Overlap::Refuse,
        ),
        None => Placement::Anywhere,
    };
    map(
        kernel,
        hal,
        MapRequest {
            vmar,
            vmo,
            vmo_offset: 0,
            len,
            at,
            align: 0,
            flags,
            may: flags,
            eager: Eager::Yes,
        },
    )
}
