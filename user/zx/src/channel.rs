//! Channels, as far as there are any yet: a message can be read.

use alloc::vec;
use alloc::vec::Vec;

use jacinth_abi::Status;

use crate::handle::object;
use crate::{Handle, sys};

object! {
    /// One end of a channel.
    Channel
}

/// A message: bytes and handles.
#[derive(Debug, Default)]
pub struct Message {
    /// The bytes.
    pub bytes: Vec<u8>,
    /// The handles.
    pub handles: Vec<Handle>,
}

impl Channel {
    /// Reads the first message.
    ///
    /// # Errors
    /// SHOULD_WAIT when there is none, PEER_CLOSED when there will be none, ACCESS_DENIED without
    /// READ.
    pub fn read(&self) -> Result<Message, Status> {
        let (num_bytes, num_handles) = match self.read_into(&mut [], &mut []) {
            Err((Status::BUFFER_TOO_SMALL, bytes, handles)) => (bytes, handles),
            Ok(_) => return Ok(Message::default()),
            Err((status, ..)) => return Err(status),
        };
        let mut bytes = vec![0; num_bytes];
        let mut handles = vec![0; num_handles * 4];
        self.read_into(&mut bytes, &mut handles)
            .map_err(|(status, ..)| status)?;
        let handles = handles.chunks_exact(4).map(handle_at).collect();
        Ok(Message { bytes, handles })
    }

    /// Reads the first message into buffers; handle values are little-endian bytes.
    ///
    /// Answers, also on failure, how many bytes and handles the message has.
    pub(crate) fn read_into(
        &self,
        bytes: &mut [u8],
        handles: &mut [u8],
    ) -> Result<(usize, usize), (Status, usize, usize)> {
        let (mut actual_bytes, mut actual_handles) = ([0; 4], [0; 4]);
        let result = sys::channel_read(
            self.value(),
            0,
            sys::Output::Here(bytes),
            sys::Output::Here(handles),
            &mut actual_bytes,
            &mut actual_handles,
        );
        let bytes = u32::from_le_bytes(actual_bytes) as usize;
        let handles = u32::from_le_bytes(actual_handles) as usize;
        result
            .map(|()| (bytes, handles))
            .map_err(|status| (status, bytes, handles))
    }
}

/// The handle whose value the four bytes are.
pub(crate) fn handle_at(bytes: &[u8]) -> Handle {
    let mut value = [0; 4];
    value.copy_from_slice(bytes);
    Handle::from_value(u32::from_le_bytes(value))
}
