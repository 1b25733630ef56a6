//! The stream size: `zx_vmo_set_stream_size`, and the content size that is the same number.

use super::{Pages, RangeOp, run};
use crate::call::{Call, Flow, SysResult};
use crate::hal::CachePolicy;
use crate::mem::Key;
use crate::vm::vmo::{holder, size, sized, stream_size};
use crate::vm::{Content, Marks, Vmo, round_up};
use jacinth_abi::Status;

/// Sets the content size (`ZX_PROP_VMO_CONTENT_SIZE`): any number, and neither the VMO's size nor a
/// byte of it changes. Mappings that end with the stream end where it does now.
///
/// # Errors
/// None.
pub(crate) fn set_content_size(call: &mut Call<'_>, vmo: Key<Vmo>, bytes: u64) -> SysResult {
    let objects = &mut call.kernel.objects;
    let owner = sized(objects, vmo);
    objects.get_mut(owner).stream_size = bytes;
    let (root, _) = holder(objects, vmo, 0);
    let end = size(objects, vmo);
    let from = round_up(bytes).unwrap_or(end).min(end);
    if from == end || !objects.get(root).marks.contains(Marks::STREAM) {
        return Ok(Flow::ok());
    }
    let pages = Pages::new(objects, vmo, from, end.saturating_sub(from));
    run(call, RangeOp::Hide, pages)
}

/// Sets the stream size; what lies between the smaller of old and new and the end of the VMO reads
/// zero afterwards (vmo.md §11, newer).
///
/// Decision 3 of the specification lets ZX_PROP_VMO_CONTENT_SIZE be set to anything on every
/// kind of VMO and change no byte. That is the property; this call is Zircon's newer one, which keeps
/// to the VMO's size and is not offered for physical and contiguous memory (vmo.md §5, §9). Both
/// name one number.
///
/// # Errors
/// NOT_SUPPORTED, OUT_OF_RANGE, BAD_STATE (not cached, so that it cannot be zeroed), NO_MEMORY.
pub(crate) fn set_stream_size(call: &mut Call<'_>, vmo: Key<Vmo>, bytes: u64) -> SysResult {
    let objects = &call.kernel.objects;
    let (root, _) = holder(objects, vmo, 0);
    if matches!(
        objects.get(root).content,
        Content::Physical(_) | Content::Contiguous(_)
    ) {
        return Err(Status::NOT_SUPPORTED);
    }
    let end = size(objects, vmo);
    if bytes > end {
        return Err(Status::OUT_OF_RANGE);
    }
    let old = stream_size(objects, vmo);
    let from = old.min(bytes).min(end);
    if from < end && objects.get(vmo).cache != CachePolicy::Cached {
        return Err(Status::BAD_STATE);
    }
    let pages = Pages::new(objects, vmo, from, end.saturating_sub(from));
    let owner = sized(objects, vmo);

    // The number changes first, so that nobody faults a page in that goes; growing it again
    // zeroes what is left.
    call.kernel.objects.get_mut(owner).stream_size = bytes;
    if pages.left() == 0 {
        return Ok(Flow::ok());
    }
    run(call, RangeOp::Empty, pages)
}
