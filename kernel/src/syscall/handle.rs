//! Calls on handles as such (spec: handles-resources.md §3-6).

use crate::call::{Call, Flow, HandleValue, In, Out, SysResult};
use crate::object::Handle;
use crate::task::Work;
use crate::{mem, no_memory};
use jacinth_abi::{Rights, Status, limits};

/// `zx_handle_close`
pub(crate) fn handle_close(call: &mut Call<'_>, handle: HandleValue) -> SysResult {
    if handle == limits::HANDLE_INVALID {
        return Ok(Flow::ok());
    }
    // As `close_handle`, in one function: few calls are made as often.
    let table = &mut call.kernel.objects.get_mut(call.process).handles;
    let handle = table.remove(handle).ok_or(Status::BAD_HANDLE)?;
    call.kernel.end_handle(handle);
    Ok(Flow::ok())
}

/// `zx_handle_check_valid`
pub(crate) fn handle_check_valid(call: &mut Call<'_>, handle: HandleValue) -> SysResult {
    if handle == limits::HANDLE_INVALID {
        return Err(Status::INVALID_ARGS);
    }
    if handle & limits::HANDLE_FIXED_BITS != limits::HANDLE_FIXED_BITS {
        return Err(Status::OUT_OF_RANGE);
    }
    match call.handle(handle) {
        Ok(_) => Ok(Flow::ok()),
        Err(_) => Err(Status::NOT_FOUND),
    }
}

/// `zx_handle_close_many`
pub(crate) fn handle_close_many(call: &mut Call<'_>, handles: In<u32>, count: u64) -> SysResult {
    close_rest(call, handles.0, count, false)
}

/// Closes what is left of an array, a piece at a time: each piece is read before any of it is
/// closed, and what was closed before a bad address stays closed.
pub(crate) fn close_rest(
    call: &mut Call<'_>,
    handles: u64,
    count: u64,
    any_bad: bool,
) -> SysResult {
    const PIECE: u64 = 64;
    let now = count.min(PIECE);
    let mut values = [0u8; 256];
    let bytes = usize::try_from(now.wrapping_mul(4)).unwrap_or(0);
    let piece = values.get_mut(..bytes).ok_or(Status::INTERNAL)?;
    call.read_bytes(handles, piece)?;

    // commit
    let mut any_bad = any_bad;
    let (entries, _) = piece.as_chunks::<4>();
    for entry in entries {
        let value = u32::from_le_bytes(*entry);
        any_bad |=
            value != limits::HANDLE_INVALID && !call.kernel.close_handle(call.process, value);
    }
    let left = count.wrapping_sub(now);
    if left != 0 {
        let handles = handles.wrapping_add(now.wrapping_mul(4));
        return Ok(Flow::Again(Work::CloseMany {
            handles,
            count: left,
            any_bad,
        }));
    }
    if any_bad {
        Err(Status::BAD_HANDLE)
    } else {
        Ok(Flow::ok())
    }
}

/// `zx_handle_duplicate`
pub(crate) fn handle_duplicate(
    call: &mut Call<'_>,
    handle: HandleValue,
    rights: u32,
    out: Out<u32>,
) -> SysResult {
    let (table, in_all, budget) = call.kernel.table(call.process);
    let (object, held) = table.look_up(handle, Rights::DUPLICATE)?;
    let rights = narrow(held, rights)?;
    table.reserve(1, in_all, budget).map_err(no_memory)?;

    // commit
    let new = Handle::new(&mut call.kernel.objects, object, rights);
    call.install_handle(new, out)
}

/// `zx_handle_replace`: the source is closed in every case but want of memory.
pub(crate) fn handle_replace(
    call: &mut Call<'_>,
    handle: HandleValue,
    rights: u32,
    out: Out<u32>,
) -> SysResult {
    let (object, held) = call.lookup_any(handle, Rights::empty())?;
    let rights = match narrow(held, rights) {
        Ok(rights) => rights,
        Err(status) => {
            call.kernel.close_handle(call.process, handle);
            return Err(status);
        }
    };
    call.reserve_handle()?;
    call.touch(out.0, size_of::<u32>())?;

    // commit
    let new = Handle::new(&mut call.kernel.objects, object, rights);
    call.kernel.close_handle(call.process, handle);
    call.install_handle(new, out)
}

/// The rights that `wanted` asks for: the held ones, or a subset of them.
fn narrow(held: Rights, wanted: u32) -> Result<Rights, Status> {
    if wanted == Rights::SAME_RIGHTS {
        return Ok(held);
    }
    Rights::from_bits(wanted)
        .filter(|rights| held.contains(*rights))
        .ok_or(Status::INVALID_ARGS)
}

/// One piece of `close_many` is one event's work.
const _: () = assert!(
    mem::Work::EVENT >= 64,
    "a piece of 64 handles fits an event"
);
