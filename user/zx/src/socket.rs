//! Sockets.

use jacinth_abi::{SocketInfo, Status, Topic, limits};

use crate::event::new_pair;
use crate::handle::object;
use crate::sys;

object! {
    /// One end of a socket.
    Socket
}

impl Socket {
    /// Makes both ends of a socket that moves bytes in any portions.
    ///
    /// # Errors
    /// NO_MEMORY, ACCESS_DENIED by policy.
    pub fn create_stream() -> Result<(Self, Self), Status> {
        Self::create(limits::SOCKET_STREAM)
    }

    /// Makes both ends of a socket that keeps portions as they were written.
    ///
    /// # Errors
    /// NO_MEMORY, ACCESS_DENIED by policy.
    pub fn create_datagram() -> Result<(Self, Self), Status> {
        Self::create(limits::SOCKET_DATAGRAM)
    }

    fn create(options: u32) -> Result<(Self, Self), Status> {
        let (one, two) = new_pair(|one, two| sys::socket_create(options, one, two))?;
        Ok((Self::from(one), Self::from(two)))
    }

    /// Writes as many of the bytes as there is room for, or all of a datagram; how many that were.
    ///
    /// # Errors
    /// SHOULD_WAIT when there is no room, PEER_CLOSED, BAD_STATE when writing is disabled,
    /// OUT_OF_RANGE for a datagram that never fits, ACCESS_DENIED without WRITE, NO_MEMORY.
    pub fn write(&self, bytes: &[u8]) -> Result<usize, Status> {
        let mut actual = [0; 8];
        sys::socket_write(self.value(), 0, sys::Input::Here(bytes), &mut actual)?;
        Ok(len(actual))
    }

    /// Reads the oldest bytes or the oldest datagram; how many bytes that were.
    ///
    /// # Errors
    /// SHOULD_WAIT when there is nothing, PEER_CLOSED or BAD_STATE when there will be nothing,
    /// ACCESS_DENIED without READ.
    pub fn read(&self, bytes: &mut [u8]) -> Result<usize, Status> {
        self.read_with(0, bytes)
    }

    /// As [`Socket::read`]; what is read stays.
    ///
    /// # Errors
    /// Those of [`Socket::read`].
    pub fn peek(&self, bytes: &mut [u8]) -> Result<usize, Status> {
        self.read_with(limits::SOCKET_PEEK, bytes)
    }

    fn read_with(&self, options: u32, bytes: &mut [u8]) -> Result<usize, Status> {
        let mut actual = [0; 8];
        let bytes = sys::Output::Here(bytes);
        sys::socket_read(self.value(), options, bytes, &mut actual)?;
        Ok(len(actual))
    }

    /// Says that this end writes no more: its peer reads what is there, and then BAD_STATE.
    ///
    /// # Errors
    /// ACCESS_DENIED without MANAGE_SOCKET.
    pub fn disable_write(&self) -> Result<(), Status> {
        let disabled = limits::SOCKET_DISPOSITION_WRITE_DISABLED;
        sys::socket_set_disposition(self.value(), disabled, 0)
    }

    /// Asks how full it is.
    ///
    /// # Errors
    /// ACCESS_DENIED without INSPECT.
    pub fn socket_info(&self) -> Result<SocketInfo, Status> {
        self.info(Topic::SOCKET)
    }
}

/// A number of bytes that were moved: no more than a slice has.
fn len(actual: [u8; 8]) -> usize {
    usize::try_from(u64::from_le_bytes(actual)).unwrap_or_default()
}
