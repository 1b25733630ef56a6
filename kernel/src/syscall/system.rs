//! The system as a whole: its console and its constants.

use crate::PAGE_SIZE;
use crate::call::{Call, Flow, In, Out, SysResult};
use jacinth_abi::{Status, limits};

/// Bytes that one `zx_debug_write` prints at the most; the rest is cut, as in Zircon.
const MOST_DEBUG_BYTES: u64 = 256;

/// What `zx_system_get_version_string` answers.
const VERSION: &str = concat!("jacinth-", env!("CARGO_PKG_VERSION"), "\0");

/// `zx_debug_write`
pub(crate) fn debug_write(call: &mut Call<'_>, buffer: In<u8>, buffer_size: u64) -> SysResult {
    let mut bytes = [0u8; 256];
    let len = usize::try_from(buffer_size.min(MOST_DEBUG_BYTES)).unwrap_or(0);
    let text = bytes.get_mut(..len).ok_or(Status::INTERNAL)?;
    call.read_bytes(buffer.0, text)?;
    call.hal.write_console(text);
    Ok(Flow::ok())
}

/// `zx_cprng_draw`, 256 bytes at the most.
pub(crate) fn cprng_draw(call: &mut Call<'_>, buffer: Out<u8>, buffer_size: u64) -> SysResult {
    if buffer_size > limits::CPRNG_DRAW_MAX_LEN {
        return Err(Status::INVALID_ARGS);
    }
    let mut bytes = [0u8; 256];
    let len = usize::try_from(buffer_size).unwrap_or(0);
    let drawn = bytes.get_mut(..len).ok_or(Status::INTERNAL)?;
    for word in drawn.chunks_mut(8) {
        let random = call.kernel.stirred.draw(call.hal);
        word.iter_mut()
            .zip(random)
            .for_each(|(to, from)| *to = from);
    }
    call.write_bytes(buffer.0, drawn)?;
    Ok(Flow::ok())
}

/// `zx_cprng_add_entropy`, 256 bytes at the most.
pub(crate) fn cprng_add_entropy(
    call: &mut Call<'_>,
    buffer: In<u8>,
    buffer_size: u64,
) -> SysResult {
    if buffer_size > limits::CPRNG_DRAW_MAX_LEN {
        return Err(Status::INVALID_ARGS);
    }
    let mut bytes = [0u8; 256];
    let len = usize::try_from(buffer_size).unwrap_or(0);
    let added = bytes.get_mut(..len).ok_or(Status::INTERNAL)?;
    call.read_bytes(buffer.0, added)?;

    // commit
    call.kernel.stirred.add(added);
    Ok(Flow::ok())
}

/// `zx_system_get_page_size`
#[expect(
    clippy::unnecessary_wraps,
    reason = "every system call has one signature"
)]
pub(crate) fn system_get_page_size(_call: &mut Call<'_>) -> SysResult {
    Ok(Flow::Done(PAGE_SIZE.cast_signed()))
}

/// `zx_system_get_num_cpus`
#[expect(
    clippy::unnecessary_wraps,
    reason = "every system call has one signature"
)]
pub(crate) fn system_get_num_cpus(call: &mut Call<'_>) -> SysResult {
    Ok(Flow::Done(
        i64::try_from(call.kernel.sched.cpu_count()).unwrap_or(i64::MAX),
    ))
}

/// `zx_system_get_version_string`: the string and its NUL.
pub(crate) fn system_get_version_string(
    call: &mut Call<'_>,
    version: Out<u8>,
    version_size: u64,
) -> SysResult {
    if usize::try_from(version_size).is_ok_and(|size| size < VERSION.len()) {
        return Err(Status::BUFFER_TOO_SMALL);
    }
    call.write_bytes(version.0, VERSION.as_bytes())?;
    Ok(Flow::ok())
}
