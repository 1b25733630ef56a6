//! Mapping a VMO into a region.

use super::fill::{Fill, finish_map};
use super::overwrite::Overwrite;
use super::pages::fixed_run;
use super::place::{Overlap, Placement, Wanted, place};
use super::vmar::{Mapping, insert_piece, reserve_pieces};
use super::{Vmar, Vmo};
use crate::call::{Call, Flow, Out, SysResult};
use crate::hal::{DynHal, MmuFlags};
use crate::mem::{self, Key};
use crate::task::Process;
use crate::{Kernel, VirtAddr, VirtRange, no_memory};
use jacinth_abi::Status;

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
    /// Whether it ends where the VMO's stream does.
    pub(crate) stream: bool,
}

impl MapRequest {
    /// Whether it takes the place of what is mapped there.
    pub(crate) const fn replaces(&self) -> bool {
        matches!(self.at, Placement::At(_, Overlap::Replace))
    }
}

/// Makes a mapping, of which nothing is in the page tables yet; where it is.
///
/// One that takes the place of others takes as long as they need to go: for boot.
///
/// # Errors
/// BAD_STATE (the region is dead), those of placement, NO_MEMORY.
pub(crate) fn map(
    kernel: &mut Kernel,
    hal: &mut DynHal,
    request: MapRequest,
) -> Result<VirtRange, Status> {
    if request.replaces() {
        let mut overwrite = Overwrite::begin(kernel, hal, request)?;
        let mut work = mem::Work::new(mem::Work::EVENT);
        while !overwrite.step(kernel, hal, &mut work)? {
            work = mem::Work::new(mem::Work::EVENT);
        }
        return Ok(overwrite.range());
    }
    let new = place_mapping(kernel, hal, &request)?;
    reserve_pieces(kernel, 1).map_err(no_memory)?;
    // commit
    insert_piece(&mut kernel.objects, &new);
    Ok(new.range)
}

/// Makes a mapping that takes the place of no other, and tells where it is.
///
/// # Errors
/// As [`map`]; INVALID_ARGS, NO_MEMORY: `out` cannot be written.
pub(crate) fn map_and_tell(call: &mut Call<'_>, request: &MapRequest, out: Out<u64>) -> SysResult {
    let new = place_mapping(call.kernel, call.hal, request)?;
    reserve_pieces(call.kernel, 1).map_err(no_memory)?;
    // While there is nothing to take back.
    let told = call.write(out, new.range.start.raw());
    if told == Err(Status::NO_MEMORY) {
        return Err(Status::NO_MEMORY);
    }
    // commit
    insert_piece(&mut call.kernel.objects, &new);
    match told {
        Ok(()) => Ok(Flow::ok()),
        // It may lie in the new mapping itself.
        Err(_) => finish_map(call, new.vmar, new.range, out),
    }
}

/// Finds the place of a mapping; it as one piece.
///
/// # Errors
/// BAD_STATE (the region is dead), those of placement.
#[inline(always)]
pub(super) fn place_mapping(
    kernel: &mut Kernel,
    hal: &mut DynHal,
    request: &MapRequest,
) -> Result<Mapping, Status> {
    let (vmar, vmo) = (request.vmar, request.vmo);
    if !kernel.objects.get(vmar).alive {
        return Err(Status::BAD_STATE);
    }
    let phys = match request.at {
        // Nothing is to be found.
        Placement::At(..) => None,
        Placement::Anywhere | Placement::Below(_) => fixed_run(&kernel.objects, vmo)
            .and_then(|(run, _)| run.base.checked_add(request.vmo_offset)),
    };
    let wanted = Wanted {
        size: request.len,
        align: request.align,
        phys,
    };
    let range = place(&mut kernel.objects, hal, vmar, request.at, wanted)?;
    Ok(Mapping {
        vmar,
        vmo,
        range,
        vmo_offset: request.vmo_offset,
        flags: request.flags,
        may: request.may,
        continues: false,
        is_cut: false,
        stream: request.stream,
    })
}

/// Maps a VMO into the root region of a process that boot prepares, at `at` or anywhere, and fills
/// the page tables.
///
/// # Errors
/// As [`map`], and those of page tables.
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
    let request = MapRequest {
        vmar,
        vmo,
        vmo_offset: 0,
        len,
        at,
        align: 0,
        flags,
        may: flags,
        stream: false,
    };
    let range = map(kernel, hal, request)?;
    let mut fill = Fill::new(vmar, vmo, 0, range);
    while !fill.step(kernel, hal)? {}
    Ok(range.start)
}
