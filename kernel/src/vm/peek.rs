//! What a process has mapped at an address, for those who look into it.

use super::Vmo;
use super::fault::{find_piece, offset_in_vmo};
use super::vmar::piece;
use crate::VirtAddr;
use crate::mem::Key;
use crate::object::Objects;
use crate::task::Process;

/// The VMO that is mapped at an address, the byte of it there, and how many bytes there are up to
/// the end of the mapping.
pub(crate) fn shown_at(
    objects: &Objects,
    process: Key<Process>,
    at: VirtAddr,
) -> Option<(Key<Vmo>, u64, u64)> {
    let here = piece(objects, find_piece(objects, process, at.page())?);
    let offset = offset_in_vmo(here, at)?;
    let bytes = here.range.end.raw().checked_sub(at.raw())?;
    Some((here.vmo, offset, bytes))
}
