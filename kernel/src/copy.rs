//! User memory: reached through the address space and the physical map, never by pointer.
//!
//! A page that is lazily backed is committed and mapped first, as if the program had touched it.
//! What is no memory of the pool (a device) is refused by the machine.

use crate::hal::{DynHal, NotMemory};
use crate::mem::Key;
use crate::task::Process;
use crate::{Access, Kernel, PAGE_SIZE, PhysAddr, VirtAddr, vm};
use jacinth_abi::Status;

/// The physical address behind a user address, committed and mapped first if need be.
///
/// # Errors
/// The reason that a fault there would have: NOT_FOUND, ACCESS_DENIED, OUT_OF_RANGE, NO_MEMORY;
/// ACCESS_DENIED for a device.
#[inline]
pub(crate) fn user_page(
    kernel: &mut Kernel,
    hal: &mut DynHal,
    process: Key<Process>,
    at: VirtAddr,
    access: Access,
) -> Result<PhysAddr, Status> {
    let aspace = kernel.objects.get(process).aspace;
    let found = hal.user_page(aspace, at, access);
    if let Some(phys) = found.map_err(|_| Status::ACCESS_DENIED)? {
        return Ok(phys);
    }
    vm::fault(kernel, hal, process, at, access)?;
    let found = hal.user_page(aspace, at, access);
    found
        .map_err(|_| Status::ACCESS_DENIED)?
        .ok_or(Status::INTERNAL)
}

/// Writes bytes to the memory of a process, page by page.
///
/// # Errors
/// INVALID_ARGS where that is not its writable memory; NO_MEMORY.
pub(crate) fn write(
    kernel: &mut Kernel,
    hal: &mut DynHal,
    process: Key<Process>,
    to: VirtAddr,
    bytes: &[u8],
) -> Result<(), Status> {
    let (mut at, mut rest) = (to, bytes);
    while !rest.is_empty() {
        let phys = user_page(kernel, hal, process, at, Access::Write).map_err(as_argument)?;
        let (now, later) = rest.split_at_checked(page_room(at)).unwrap_or((rest, &[]));
        hal.write(phys, now).map_err(as_device)?;
        at = behind(at, now.len())?;
        rest = later;
    }
    Ok(())
}

/// Reads bytes from the memory of a process, page by page.
///
/// # Errors
/// INVALID_ARGS where that is not its readable memory; NO_MEMORY.
pub(crate) fn read(
    kernel: &mut Kernel,
    hal: &mut DynHal,
    process: Key<Process>,
    from: VirtAddr,
    bytes: &mut [u8],
) -> Result<(), Status> {
    let (mut at, mut rest) = (from, bytes);
    while !rest.is_empty() {
        let phys = user_page(kernel, hal, process, at, Access::Read).map_err(as_argument)?;
        let room = page_room(at).min(rest.len());
        let (now, later) = rest.split_at_mut_checked(room).ok_or(Status::INTERNAL)?;
        hal.read(phys, now).map_err(as_device)?;
        at = behind(at, now.len())?;
        rest = later;
    }
    Ok(())
}

/// Reads an aligned word of a process as one access, so that no other CPU's store to it shows by
/// halves.
///
/// # Errors
/// As [`read`].
pub(crate) fn read_word(
    kernel: &mut Kernel,
    hal: &mut DynHal,
    process: Key<Process>,
    from: VirtAddr,
) -> Result<u32, Status> {
    let phys = user_page(kernel, hal, process, from, Access::Read).map_err(as_argument)?;
    hal.read_word(phys).map_err(as_device)
}

/// Writes an aligned word of a process as one access.
///
/// # Errors
/// As [`write`].
pub(crate) fn write_word(
    kernel: &mut Kernel,
    hal: &mut DynHal,
    process: Key<Process>,
    to: VirtAddr,
    word: u32,
) -> Result<(), Status> {
    let phys = user_page(kernel, hal, process, to, Access::Write).map_err(as_argument)?;
    hal.write_word(phys, word).map_err(as_device)
}

/// A bad user address is a bad argument; only want of memory keeps its name.
pub(crate) const fn as_argument(reason: Status) -> Status {
    match reason {
        Status::NO_MEMORY => Status::NO_MEMORY,
        _ => Status::INVALID_ARGS,
    }
}

/// A device is no memory that could be an argument.
pub(crate) const fn as_device(_: NotMemory) -> Status {
    Status::INVALID_ARGS
}

/// Bytes from `at` to the end of its page.
pub(crate) fn page_room(at: VirtAddr) -> usize {
    usize::try_from(PAGE_SIZE - at.page_offset()).unwrap_or(0)
}

/// The address `len` bytes further.
pub(crate) fn behind(at: VirtAddr, len: usize) -> Result<VirtAddr, Status> {
    u64::try_from(len)
        .ok()
        .and_then(|len| at.checked_add(len))
        .ok_or(Status::INVALID_ARGS)
}
