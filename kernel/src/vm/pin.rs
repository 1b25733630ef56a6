//! Pins: ranges of VMOs whose pages stay where they are, for a device may be using them.

use super::Vmo;
use super::pages::{fixed_run, page_for_write};
use crate::hal::DynHal;
use crate::mem::{Key, Mem, NoMemory};
use crate::object::{Objects, Pmt};
use crate::{Kernel, PhysAddr};
use jacinth_abi::Status;

/// Makes sure that [`add_pin`] finds room.
///
/// # Errors
/// [`NoMemory`].
pub(crate) fn reserve_pin(_objects: &mut Objects, _mem: &mut Mem) -> Result<(), NoMemory> {
    Ok(())
}

/// Enters a pin with the VMO that holds the pages.
pub(crate) fn add_pin(_objects: &mut Objects, _pmt: Key<Pmt>) {}

/// Takes a pin out again.
pub(crate) fn remove_pin(_objects: &mut Objects, _pmt: Key<Pmt>) {}

/// Whether a VMO is one run of physical addresses, for good.
pub(crate) fn is_one_run(objects: &Objects, vmo: Key<Vmo>) -> bool {
    fixed_run(objects, vmo).is_some()
}

/// The frame behind page-aligned `offset` of a pinned range: from now on always the same.
///
/// # Errors
/// NO_MEMORY.
pub(crate) fn pinned_page(
    kernel: &mut Kernel,
    hal: &mut DynHal,
    vmo: Key<Vmo>,
    offset: u64,
) -> Result<PhysAddr, Status> {
    page_for_write(kernel, hal, vmo, offset)
}
