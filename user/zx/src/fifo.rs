//! FIFOs.

use jacinth_abi::Status;

use crate::event::new_pair;
use crate::handle::object;
use crate::sys;

object! {
    /// One end of a FIFO: a ring of elements of one size.
    Fifo
}

impl Fifo {
    /// Makes both ends of a FIFO that holds `elem_count` elements of `elem_size` bytes each way.
    ///
    /// # Errors
    /// OUT_OF_RANGE for nothing or more than 4096 bytes, NO_MEMORY, ACCESS_DENIED by policy.
    pub fn create(elem_count: u64, elem_size: u64) -> Result<(Self, Self), Status> {
        let (one, two) = new_pair(|one, two| sys::fifo_create(elem_count, elem_size, 0, one, two))?;
        Ok((Self::from(one), Self::from(two)))
    }

    /// Writes as many of the elements as there is room for; how many that were.
    ///
    /// # Errors
    /// PEER_CLOSED, SHOULD_WAIT when there is no room, OUT_OF_RANGE for another size or nothing,
    /// ACCESS_DENIED without WRITE.
    pub fn write(&self, elem_size: u64, elements: &[u8]) -> Result<u64, Status> {
        let mut actual = [0; 8];
        let elements = sys::Input::Here(elements);
        sys::fifo_write(self.value(), elem_size, elements, &mut actual)?;
        Ok(u64::from_le_bytes(actual))
    }

    /// Reads as many elements as there are and fit; how many that were.
    ///
    /// # Errors
    /// SHOULD_WAIT when there is none, PEER_CLOSED when there will be none, OUT_OF_RANGE for
    /// another size or no room, ACCESS_DENIED without READ.
    pub fn read(&self, elem_size: u64, elements: &mut [u8]) -> Result<u64, Status> {
        let mut actual = [0; 8];
        let elements = sys::Output::Here(elements);
        sys::fifo_read(self.value(), elem_size, elements, &mut actual)?;
        Ok(u64::from_le_bytes(actual))
    }
}
