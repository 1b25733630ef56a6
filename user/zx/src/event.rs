//! Events, event pairs, ports and timers.

use jacinth_abi::{PortPacket, Record, Signals, Status, WaitAsyncOptions};

use crate::handle::{new_handle, object};
use crate::{Handle, sys};

object! {
    /// An event: an object that is nothing but signals.
    Event
}

object! {
    /// One end of an event pair.
    EventPair
}

object! {
    /// A queue of packets that threads wait for.
    Port
}

object! {
    /// An object that is signalled at a time.
    Timer
}

impl Event {
    /// Makes an event.
    ///
    /// # Errors
    /// NO_MEMORY, ACCESS_DENIED by policy.
    pub fn create() -> Result<Self, Status> {
        new_handle(|out| sys::event_create(0, out)).map(Self::from)
    }
}

impl EventPair {
    /// Makes both ends of an event pair.
    ///
    /// # Errors
    /// NO_MEMORY, ACCESS_DENIED by policy.
    pub fn create() -> Result<(Self, Self), Status> {
        let (one, two) = new_pair(|one, two| sys::eventpair_create(0, one, two))?;
        Ok((Self::from(one), Self::from(two)))
    }
}

impl Port {
    /// Makes a port.
    ///
    /// # Errors
    /// NO_MEMORY, ACCESS_DENIED by policy.
    pub fn create() -> Result<Self, Status> {
        new_handle(|out| sys::port_create(0, out)).map(Self::from)
    }

    /// Queues a packet of the program's own.
    ///
    /// # Errors
    /// BAD_HANDLE, ACCESS_DENIED without WRITE, NO_MEMORY.
    pub fn queue(&self, packet: &PortPacket) -> Result<(), Status> {
        sys::port_queue(self.value(), &mut packet.to_bytes())
    }

    /// Takes the oldest packet, waiting for one until `deadline` (ns, monotonic).
    ///
    /// # Errors
    /// TIMED_OUT, BAD_HANDLE, ACCESS_DENIED without READ.
    pub fn wait(&self, deadline: i64) -> Result<PortPacket, Status> {
        let mut bytes = PortPacket::zeroed_bytes();
        sys::port_wait(self.value(), deadline, &mut bytes)?;
        Ok(PortPacket::from_bytes(&bytes))
    }

    /// Has a packet with `key` queued when an object has one of `signals`.
    ///
    /// # Errors
    /// BAD_HANDLE, ACCESS_DENIED without WAIT on it or WRITE on the port, NOT_SUPPORTED, NO_MEMORY.
    pub fn watch(
        &self,
        object: &Handle,
        key: u64,
        signals: Signals,
        options: WaitAsyncOptions,
    ) -> Result<(), Status> {
        let (object, port) = (object.value(), self.value());
        sys::object_wait_async(object, port, key, signals.bits(), options.bits())
    }
}

impl Timer {
    /// Makes a timer that follows the monotonic clock.
    ///
    /// # Errors
    /// NO_MEMORY, ACCESS_DENIED by policy.
    pub fn create() -> Result<Self, Status> {
        new_handle(|out| sys::timer_create(0, 0, out)).map(Self::from)
    }

    /// Arms it for `deadline` (ns, monotonic).
    ///
    /// # Errors
    /// BAD_HANDLE, ACCESS_DENIED without WRITE.
    pub fn set(&self, deadline: i64) -> Result<(), Status> {
        sys::timer_set(self.value(), deadline, 0)
    }

    /// Disarms it, and takes its signal away.
    ///
    /// # Errors
    /// BAD_HANDLE, ACCESS_DENIED without WRITE.
    pub fn cancel(&self) -> Result<(), Status> {
        sys::timer_cancel(self.value())
    }
}

/// Makes a call that puts the values of two handles into its arguments.
pub(crate) fn new_pair(
    call: impl FnOnce(&mut [u8; 4], &mut [u8; 4]) -> Result<(), Status>,
) -> Result<(Handle, Handle), Status> {
    let (mut one, mut two) = ([0; 4], [0; 4]);
    call(&mut one, &mut two)?;
    let handle = |value| Handle::from_value(u32::from_le_bytes(value));
    Ok((handle(one), handle(two)))
}
