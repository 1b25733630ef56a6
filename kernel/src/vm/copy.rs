//! Copies between a VMO and user memory, or the kernel, page by page.

use super::pages::{page_for_read, page_for_write};
use super::vmo::size;
use super::{Content, Vmo};
use crate::call::{Call, Flow, SysResult};
use crate::hal::{CachePolicy, DynHal};
use crate::mem::{self, Key};
use crate::task::Work;
use crate::{Access, Kernel, PAGE_SIZE, PhysAddr, VirtAddr};
use jacinth_abi::Status;

/// A copy, or what is left of one.
#[derive(Clone, Copy, Debug)]
struct Cursor {
    vmo: Key<Vmo>,
    offset: u64,
    buffer: u64,
    len: u64,
}

impl Cursor {
    /// To go on from here in a later event.
    const fn later(self, to_user: bool) -> Flow {
        let Self {
            vmo,
            offset,
            buffer,
            len,
        } = self;
        Flow::Again(Work::Copy {
            vmo,
            offset,
            buffer,
            len,
            to_user,
        })
    }
}

/// Copies between a VMO and user memory, after the checks of vmo.md §12, steps 2 to 5.
///
/// # Errors
/// NOT_SUPPORTED (physical), OUT_OF_RANGE, BAD_STATE (not cached); for the buffer the reason that a
/// fault there would have; NO_MEMORY. Part of the bytes may have been copied.
pub(crate) fn copy(
    call: &mut Call<'_>,
    vmo: Key<Vmo>,
    offset: u64,
    buffer: u64,
    len: u64,
    to_user: bool,
) -> SysResult {
    let shown = call.kernel.objects.get(vmo);
    if shown.is_physical() {
        return Err(Status::NOT_SUPPORTED);
    }
    let end = offset.checked_add(len).ok_or(Status::OUT_OF_RANGE)?;
    if shown.cache != CachePolicy::Cached {
        return Err(Status::BAD_STATE);
    }
    if end > size(&call.kernel.objects, vmo) {
        return Err(Status::OUT_OF_RANGE);
    }
    resume_copy(call, vmo, offset, buffer, len, to_user)
}

/// Goes on with [`copy`].
///
/// # Errors
/// As [`copy`]; OUT_OF_RANGE when the VMO shrank meanwhile.
pub(crate) fn resume_copy(
    call: &mut Call<'_>,
    vmo: Key<Vmo>,
    offset: u64,
    buffer: u64,
    len: u64,
    to_user: bool,
) -> SysResult {
    let mut cursor = Cursor {
        vmo,
        offset,
        buffer,
        len,
    };
    let mut work = mem::Work::new(mem::Work::EVENT);
    while cursor.len != 0 {
        if !work.spend() {
            return Ok(cursor.later(to_user));
        }
        let bytes = match copy_some(call, cursor, to_user) {
            // Bytes were copied: who makes the call again must not find that it never began. A piece
            // that copies nothing says it.
            Err(Status::NO_MEMORY) if cursor.len != len => return Ok(cursor.later(to_user)),
            bytes => bytes?,
        };
        cursor.offset = cursor.offset.saturating_add(bytes);
        cursor.buffer = cursor.buffer.checked_add(bytes).ok_or(Status::NOT_FOUND)?;
        cursor.len = cursor.len.saturating_sub(bytes);
    }
    Ok(Flow::ok())
}

/// Copies up to the next end of a page, in the VMO or the buffer; how many bytes.
fn copy_some(call: &mut Call<'_>, cursor: Cursor, to_user: bool) -> Result<u64, Status> {
    let inside = cursor.offset & (PAGE_SIZE - 1);
    let page = cursor.offset.wrapping_sub(inside);
    let at = VirtAddr::new(cursor.buffer);
    let room = (PAGE_SIZE - inside).min(PAGE_SIZE - at.page_offset());
    let bytes = cursor.len.min(room);
    if to_user {
        let to = call.user_page(at, Access::Write)?;
        match page_for_read(&call.kernel.objects, cursor.vmo, page) {
            Some(base) => copy_bytes(call.hal, to, offset_by(base, inside)?, bytes)?,
            None => write_zeros(call.hal, to, bytes)?,
        }
    } else {
        let from = call.user_page(at, Access::Read)?;
        let base = page_for_write(call.kernel, call.hal, cursor.vmo, page)?;
        copy_bytes(call.hal, offset_by(base, inside)?, from, bytes)?;
    }
    Ok(bytes)
}

fn offset_by(base: PhysAddr, bytes: u64) -> Result<PhysAddr, Status> {
    base.checked_add(bytes).ok_or(Status::INTERNAL)
}

/// Copies inside one page each. Device memory in a user's buffer is refused.
fn copy_bytes(hal: &mut DynHal, to: PhysAddr, from: PhysAddr, bytes: u64) -> Result<(), Status> {
    let overlap =
        to.raw() < from.raw().saturating_add(bytes) && from.raw() < to.raw().saturating_add(bytes);
    if !overlap {
        return hal.copy(to, from, bytes).map_err(|_| Status::ACCESS_DENIED);
    }
    // The buffer is a mapping of the very page that is copied: by way of the kernel.
    let mut between = [0; 4096];
    let len = usize::try_from(bytes).map_err(|_| Status::INTERNAL)?;
    let between = between.get_mut(..len).ok_or(Status::INTERNAL)?;
    hal.read(from, between).map_err(|_| Status::ACCESS_DENIED)?;
    hal.write(to, between).map_err(|_| Status::ACCESS_DENIED)
}

/// What a page that is not committed holds.
fn write_zeros(hal: &mut DynHal, to: PhysAddr, bytes: u64) -> Result<(), Status> {
    let zeros = &[0; 4096];
    let len = usize::try_from(bytes).map_err(|_| Status::INTERNAL)?;
    let zeros = zeros.get(..len).ok_or(Status::INTERNAL)?;
    hal.write(to, zeros).map_err(|_| Status::ACCESS_DENIED)
}

/// Writes the kernel's own bytes into a VMO of memory, committing pages.
///
/// # Errors
/// NOT_SUPPORTED (physical), OUT_OF_RANGE, NO_MEMORY.
pub(crate) fn write(
    kernel: &mut Kernel,
    hal: &mut DynHal,
    vmo: Key<Vmo>,
    offset: u64,
    bytes: &[u8],
) -> Result<(), Status> {
    if matches!(kernel.objects.get(vmo).content, Content::Physical(_)) {
        return Err(Status::NOT_SUPPORTED);
    }
    let (mut rest, mut offset) = (bytes, offset);
    while !rest.is_empty() {
        let inside = offset & (PAGE_SIZE - 1);
        let base = page_for_write(kernel, hal, vmo, offset.wrapping_sub(inside))?;
        let (now, later) = rest
            .split_at_checked(usize::try_from(PAGE_SIZE - inside).unwrap_or(0))
            .unwrap_or((rest, &[]));
        hal.write(offset_by(base, inside)?, now)
            .map_err(|_| Status::INTERNAL)?;
        let done = u64::try_from(now.len()).map_err(|_| Status::INTERNAL)?;
        offset = offset.checked_add(done).ok_or(Status::OUT_OF_RANGE)?;
        rest = later;
    }
    Ok(())
}
