//! The bytes of messages between user memory and where they stay in the kernel: one copy in, one
//! copy out.

use crate::call::Call;
use crate::copy;
use crate::mem::Key;
use crate::object::Message;
use crate::{Access, VirtAddr};
use core::ops::Range;
use jacinth_abi::Status;

/// Copies user memory into a part of a message that is in no queue.
///
/// # Errors
/// INVALID_ARGS where that is not the caller's readable memory; NO_MEMORY.
#[inline(always)]
pub(super) fn read(
    call: &mut Call<'_>,
    message: Key<Message>,
    part: Range<usize>,
    from: u64,
) -> Result<(), Status> {
    let from = VirtAddr::new(from);
    let message_bytes = call.kernel.objects.messages.get_mut(message);
    let bytes = message_bytes.and_then(|it| it.bytes_mut().get_mut(part.clone()));
    let bytes = bytes.ok_or(Status::INTERNAL)?;
    // Nearly all that is sent lies in one page that is there.
    if call.hal.read_user(call.aspace, from, bytes) == Ok(true) {
        return Ok(());
    }
    read_pages(call, message, part, from)
}

/// As [`read`], page by page. One that is not there is committed and mapped, and then it is.
#[inline(never)]
fn read_pages(
    call: &mut Call<'_>,
    message: Key<Message>,
    part: Range<usize>,
    from: VirtAddr,
) -> Result<(), Status> {
    let (mut at, mut done) = (from, part.start);
    while done < part.end {
        let end = done.saturating_add(copy::page_room(at)).min(part.end);
        let bytes = call.kernel.objects.messages.get_mut(message);
        let bytes = bytes.and_then(|it| it.bytes_mut().get_mut(done..end));
        let bytes = bytes.ok_or(Status::INTERNAL)?;
        let is_read = call.hal.read_user(call.aspace, at, bytes);
        if is_read.map_err(copy::as_device)? {
            at = copy::behind(at, bytes.len())?;
            done = end;
        } else {
            let found = call.user_page(at, Access::Read);
            found.map_err(copy::as_argument)?;
        }
    }
    Ok(())
}

/// Copies all bytes of a message into user memory.
///
/// # Errors
/// INVALID_ARGS where that is not the caller's writable memory; NO_MEMORY.
#[inline(always)]
pub(super) fn write(call: &mut Call<'_>, message: Key<Message>, to: u64) -> Result<(), Status> {
    let to = VirtAddr::new(to);
    let message_bytes = call.kernel.objects.messages.get(message);
    let bytes = message_bytes.map_or(&[][..], Message::bytes);
    if call.hal.write_user(call.aspace, to, bytes) == Ok(true) {
        return Ok(());
    }
    write_pages(call, message, to)
}

/// As [`write`], page by page. One that is not there is committed and mapped, and then it is.
#[inline(never)]
fn write_pages(call: &mut Call<'_>, message: Key<Message>, to: VirtAddr) -> Result<(), Status> {
    let len = call.kernel.objects.messages.get(message).map(Message::len);
    let (mut at, mut done, len) = (to, 0usize, len.unwrap_or(0));
    while done < len {
        let end = done.saturating_add(copy::page_room(at)).min(len);
        let bytes = call.kernel.objects.messages.get(message);
        let bytes = bytes.and_then(|it| it.bytes().get(done..end));
        let bytes = bytes.ok_or(Status::INTERNAL)?;
        let is_written = call.hal.write_user(call.aspace, at, bytes);
        if is_written.map_err(copy::as_device)? {
            at = copy::behind(at, bytes.len())?;
            done = end;
        } else {
            let found = call.user_page(at, Access::Write);
            found.map_err(copy::as_argument)?;
        }
    }
    Ok(())
}
