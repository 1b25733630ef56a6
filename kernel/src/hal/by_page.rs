//! User memory by its page: how every machine copies that which it does not know a shorter way to.

use super::{AspaceId, Hal, NotMemory};
use crate::{Access, VirtAddr};

/// Does [`Hal::read_user`] by [`Hal::user_page`]. Out of line, so that a machine's shorter way needs
/// no registers for it.
///
/// # Errors
/// As [`Hal::read_user`].
#[inline(never)]
pub fn read_by_page<M: Hal>(
    machine: &mut M,
    aspace: AspaceId,
    from: VirtAddr,
    to: &mut [u8],
) -> Result<bool, NotMemory> {
    if !from.page_holds(bytes_of(to)) {
        return Ok(false);
    }
    match machine.user_page(aspace, from, Access::Read)? {
        Some(phys) => machine.read(phys, to).map(|()| true),
        None => Ok(false),
    }
}

/// Does [`Hal::write_user`] by [`Hal::user_page`], as [`read_by_page`].
///
/// # Errors
/// As [`Hal::write_user`].
#[inline(never)]
pub fn write_by_page<M: Hal>(
    machine: &mut M,
    aspace: AspaceId,
    to: VirtAddr,
    from: &[u8],
) -> Result<bool, NotMemory> {
    if !to.page_holds(bytes_of(from)) {
        return Ok(false);
    }
    match machine.user_page(aspace, to, Access::Write)? {
        Some(phys) => machine.write(phys, from).map(|()| true),
        None => Ok(false),
    }
}

fn bytes_of(buffer: &[u8]) -> u64 {
    u64::try_from(buffer.len()).unwrap_or(u64::MAX)
}
