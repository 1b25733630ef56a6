//! The message that a child finds in its bootstrap channel: the same that the kernel writes for
//! `init` ([`processargs`](jacinth_abi::processargs)), and names for handles.

use alloc::string::String;
use alloc::vec::Vec;

use jacinth_abi::processargs::{Header, PROTOCOL, VERSION};
use jacinth_abi::{Field, Record, Status};

use crate::startup::{MAX_BYTES, MAX_HANDLES};

/// The bytes of a message whose handles are what `infos` say.
///
/// # Errors
/// OUT_OF_RANGE for more than a child reads, INVALID_ARGS for a word with a NUL in it.
pub(super) fn bytes(infos: &[u32], args: &[String], names: &[String]) -> Result<Vec<u8>, Status> {
    let words = || args.iter().chain(names);
    if words().any(|word| word.contains('\0')) {
        return Err(Status::INVALID_ARGS);
    }
    let number = |len: usize| u32::try_from(len).map_err(|_| Status::OUT_OF_RANGE);
    let length = |words: &[String]| words.iter().map(|word| word.len() + 1).sum::<usize>();
    let args_off = Header::SIZE + infos.len() * 4;
    let names_off = args_off + length(args);
    if infos.len() > MAX_HANDLES || names_off + length(names) > MAX_BYTES {
        return Err(Status::OUT_OF_RANGE);
    }
    let header = Header {
        protocol: PROTOCOL,
        version: VERSION,
        handle_info_off: number(Header::SIZE)?,
        args_off: number(args_off)?,
        args_num: number(args.len())?,
        names_off: number(names_off)?,
        names_num: number(names.len())?,
        ..Header::default()
    };
    let mut bytes = header.to_bytes().to_vec();
    bytes.extend(infos.iter().flat_map(|info| info.to_le_bytes()));
    for word in words() {
        bytes.extend_from_slice(word.as_bytes());
        bytes.push(0);
    }
    Ok(bytes)
}
