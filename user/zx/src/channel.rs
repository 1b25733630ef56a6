//! Channels.

use alloc::vec;
use alloc::vec::Vec;

use jacinth_abi::Status;

use crate::event::new_pair;
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
    /// Makes both ends of a channel.
    ///
    /// # Errors
    /// NO_MEMORY, ACCESS_DENIED by policy.
    pub fn create() -> Result<(Self, Self), Status> {
        let (one, two) = new_pair(|one, two| sys::channel_create(0, one, two))?;
        Ok((Self::from(one), Self::from(two)))
    }

    /// Writes a message; the handles are gone, whatever comes of it.
    ///
    /// # Errors
    /// PEER_CLOSED, ACCESS_DENIED without WRITE or for a handle without TRANSFER, OUT_OF_RANGE,
    /// NOT_SUPPORTED for the end itself, NO_MEMORY.
    pub fn write(&self, bytes: &[u8], handles: Vec<Handle>) -> Result<(), Status> {
        let values = values_of(handles);
        let (bytes, handles) = (sys::Input::Here(bytes), sys::Input::Here(&values));
        sys::channel_write(self.value(), 0, bytes, handles)
    }

    /// Writes a request, whose first four bytes are for the kernel, and waits for its answer until
    /// `deadline` (ns, monotonic). The answer may have as many bytes and handles as are said.
    ///
    /// # Errors
    /// Those of [`Channel::write`], TIMED_OUT, BUFFER_TOO_SMALL.
    pub fn call(
        &self,
        request: &[u8],
        handles: Vec<Handle>,
        deadline: i64,
        (most_bytes, most_handles): (usize, usize),
    ) -> Result<Message, Status> {
        let mut values = values_of(handles);
        let (mut bytes, mut received) = (vec![0; most_bytes], vec![0; most_handles * 4]);
        let (mut len, mut count) = ([0; 4], [0; 4]);
        let buffers = sys::CallBuffers {
            wr_bytes: sys::Input::Here(request),
            wr_handles: sys::Output::Here(&mut values),
            rd_bytes: sys::Output::Here(&mut bytes),
            rd_handles: sys::Output::Here(&mut received),
        };
        let block = sys::CallBlock::Here(buffers);
        sys::channel_call(self.value(), 0, deadline, block, &mut len, &mut count)?;
        bytes.truncate(u32::from_le_bytes(len) as usize);
        let count = u32::from_le_bytes(count) as usize;
        let handles = received
            .chunks_exact(4)
            .take(count)
            .map(handle_at)
            .collect();
        Ok(Message { bytes, handles })
    }

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

/// The values of handles that are given away, as bytes.
fn values_of(handles: Vec<Handle>) -> Vec<u8> {
    let values = handles.into_iter().map(Handle::into_value);
    values.flat_map(u32::to_le_bytes).collect()
}

/// The handle whose value the four bytes are.
pub(crate) fn handle_at(bytes: &[u8]) -> Handle {
    let mut value = [0; 4];
    value.copy_from_slice(bytes);
    Handle::from_value(u32::from_le_bytes(value))
}
