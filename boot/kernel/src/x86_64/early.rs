//! Physical memory below 4 GiB under the temporary page tables, which show all of it in the window
//! where the final ones show RAM.

use core::{ptr, slice};

use jacinth_kernel::PhysAddr;
use jacinth_x86_64::{acpi, in_physmap};

/// What the temporary tables show.
pub(crate) const LIMIT: u64 = 1 << 32;

/// Reads a byte.
pub(crate) fn u8_at(at: u64) -> u8 {
    let [byte] = bytes_at(at);
    byte
}

/// Reads a number.
pub(crate) fn u32_at(at: u64) -> u64 {
    u64::from(u32::from_le_bytes(bytes_at(at)))
}

/// Reads a number.
pub(crate) fn u64_at(at: u64) -> u64 {
    u64::from_le_bytes(bytes_at(at))
}

fn bytes_at<const N: usize>(at: u64) -> [u8; N] {
    if at.checked_add(N as u64).is_none_or(|end| end > LIMIT) {
        return [0; N];
    }
    let pointer = in_physmap(PhysAddr::new(at)).raw() as *const [u8; N];
    // SAFETY: the window shows it, and bytes have no alignment; nothing else runs.
    unsafe { pointer.read() }
}

/// Copies bytes to frames that are nobody's; `None` when some of them are not shown.
pub(crate) fn copy(to: PhysAddr, from: u64, bytes: u64) -> Option<()> {
    let is_shown = |at: u64| at.checked_add(bytes).is_some_and(|end| end <= LIMIT);
    let (true, true) = (is_shown(to.raw()), is_shown(from)) else {
        return None;
    };
    let source = in_physmap(PhysAddr::new(from)).raw() as *const u8;
    let target = in_physmap(to).raw() as *mut u8;
    let size = usize::try_from(bytes).ok()?;
    // SAFETY: the window shows both, the target is free, and nothing else runs.
    unsafe { ptr::copy(source, target, size) };
    Some(())
}

/// The firmware's tables, read in place: the firmware is done, and no frame is handed out yet.
/// Not to be asked once the final page tables are in use, though ACPI tables found before stay.
pub(crate) struct Firmware;

impl acpi::Memory<'static> for Firmware {
    fn bytes(&self, at: u64, size: u64) -> Option<&'static [u8]> {
        let end = at.checked_add(size)?;
        let size = usize::try_from(size).ok()?;
        let start = in_physmap(PhysAddr::new(at)).raw() as *const u8;
        // SAFETY: the window shows it. Tables lie outside of what is handed out later, and the
        // final page tables show them at the same place, read-only.
        (end <= LIMIT).then(|| unsafe { slice::from_raw_parts(start, size) })
    }
}
