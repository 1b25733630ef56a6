//! `Handle`: an owned handle, and what works on every kind of object.

use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;
use core::mem::ManuallyDrop;

use jacinth_abi::{
    HandleBasicInfo, HandleCountInfo, Property, Record, Rights, Signals, Status, Topic, limits,
};

use crate::{Address, sys};

/// A handle that is closed when it is dropped.
#[derive(Debug, PartialEq, Eq)]
pub struct Handle(u32);

impl Handle {
    /// Takes over a handle by its value; a bad value makes calls fail, nothing worse.
    #[must_use]
    pub const fn from_value(value: u32) -> Self {
        Self(value)
    }

    /// The value.
    #[must_use]
    pub const fn value(&self) -> u32 {
        self.0
    }

    /// Gives the handle away as a value: nobody closes it any more.
    #[must_use]
    pub fn into_value(self) -> u32 {
        ManuallyDrop::new(self).0
    }

    /// Closes the handle.
    ///
    /// # Errors
    /// BAD_HANDLE.
    pub fn close(self) -> Result<(), Status> {
        sys::handle_close(self.into_value())
    }

    /// Makes a second handle with the same rights.
    ///
    /// # Errors
    /// BAD_HANDLE, ACCESS_DENIED without DUPLICATE, NO_MEMORY.
    pub fn duplicate(&self) -> Result<Self, Status> {
        new_handle(|out| sys::handle_duplicate(self.0, Rights::SAME_RIGHTS, out))
    }

    /// Makes a second handle with fewer rights.
    ///
    /// # Errors
    /// BAD_HANDLE, ACCESS_DENIED without DUPLICATE, INVALID_ARGS when not a subset, NO_MEMORY.
    pub fn duplicate_with(&self, rights: Rights) -> Result<Self, Status> {
        new_handle(|out| sys::handle_duplicate(self.0, rights.bits(), out))
    }

    /// Exchanges the handle for one with fewer rights; it is gone either way.
    ///
    /// # Errors
    /// BAD_HANDLE, INVALID_ARGS when not a subset, NO_MEMORY.
    pub fn replace(self, rights: Rights) -> Result<Self, Status> {
        let value = self.into_value();
        new_handle(|out| sys::handle_replace(value, rights.bits(), out))
    }

    /// Asks for a record about the object.
    ///
    /// # Errors
    /// Those of `zx_object_get_info`.
    pub fn info<T: Record>(&self, topic: Topic) -> Result<T, Status> {
        let mut bytes = T::zeroed_bytes();
        let buffer = sys::Output::Here(bytes.as_mut());
        sys::object_get_info(self.0, topic.0, buffer, Address::NULL, Address::NULL)?;
        Ok(T::from_bytes(bytes.as_ref()))
    }

    /// Asks for all records of a list.
    ///
    /// # Errors
    /// Those of `zx_object_get_info`.
    pub fn info_list<T: Record>(&self, topic: Topic) -> Result<Vec<T>, Status> {
        let mut bytes = Vec::new();
        loop {
            let (mut actual, mut avail) = ([0; 8], [0; 8]);
            let buffer = sys::Output::Here(&mut bytes[..]);
            sys::object_get_info(self.0, topic.0, buffer, &mut actual, &mut avail)?;
            let (actual, avail) = (count(actual)?, count(avail)?);
            if actual >= avail {
                let records = bytes.chunks_exact(T::SIZE).take(actual);
                return Ok(records.map(T::from_bytes).collect());
            }
            // More than there were, so that a list that grows meanwhile is caught up with.
            bytes = vec![0; (avail + avail / 8) * T::SIZE];
        }
    }

    /// Asks what the handle is: koid, rights, type.
    ///
    /// # Errors
    /// BAD_HANDLE.
    pub fn basic_info(&self) -> Result<HandleBasicInfo, Status> {
        self.info(Topic::HANDLE_BASIC)
    }

    /// Counts the handles to the object, everywhere.
    ///
    /// # Errors
    /// BAD_HANDLE, ACCESS_DENIED without INSPECT.
    pub fn handle_count(&self) -> Result<u32, Status> {
        let info: HandleCountInfo = self.info(Topic::HANDLE_COUNT)?;
        Ok(info.handle_count)
    }

    /// Reads a property that is a 64-bit number.
    ///
    /// # Errors
    /// Those of `zx_object_get_property`.
    pub fn property(&self, property: Property) -> Result<u64, Status> {
        let mut bytes = [0; 8];
        sys::object_get_property(self.0, property.number(), sys::Output::Here(&mut bytes[..]))?;
        Ok(u64::from_le_bytes(bytes))
    }

    /// Sets a property that is a 64-bit number.
    ///
    /// # Errors
    /// Those of `zx_object_set_property`.
    pub fn set_property(&self, property: Property, value: u64) -> Result<(), Status> {
        let bytes = value.to_le_bytes();
        sys::object_set_property(self.0, property.number(), sys::Input::Here(&bytes))
    }

    /// Reads the object's name.
    ///
    /// # Errors
    /// BAD_HANDLE, ACCESS_DENIED without GET_PROPERTY, WRONG_TYPE for objects without names.
    pub fn name(&self) -> Result<String, Status> {
        let mut bytes = [0; limits::MAX_NAME_LEN];
        let value = sys::Output::Here(&mut bytes[..]);
        sys::object_get_property(self.0, Property::Name.number(), value)?;
        Ok(name_of(&bytes))
    }

    /// Names the object; 31 bytes count.
    ///
    /// # Errors
    /// BAD_HANDLE, ACCESS_DENIED without SET_PROPERTY, WRONG_TYPE for objects without names.
    pub fn set_name(&self, name: &str) -> Result<(), Status> {
        let value = sys::Input::Here(name.as_bytes());
        sys::object_set_property(self.0, Property::Name.number(), value)
    }

    /// Waits until one of `signals` is active, or until `deadline` (ns, monotonic), and answers all
    /// that are.
    ///
    /// # Errors
    /// BAD_HANDLE, ACCESS_DENIED without WAIT, TIMED_OUT, CANCELED.
    pub fn wait(&self, signals: Signals, deadline: i64) -> Result<Signals, Status> {
        let mut observed = [0; 4];
        sys::object_wait_one(self.0, signals.bits(), deadline, &mut observed)?;
        Ok(Signals::from_bits_retain(u32::from_le_bytes(observed)))
    }

    /// Reads the signals that are active, without waiting.
    ///
    /// # Errors
    /// BAD_HANDLE, ACCESS_DENIED without WAIT.
    pub fn pending(&self) -> Result<Signals, Status> {
        let mut observed = [0; 4];
        match sys::object_wait_one(self.0, 0, limits::TIME_INFINITE_PAST, &mut observed) {
            Ok(()) | Err(Status::TIMED_OUT) => {}
            Err(status) => return Err(status),
        }
        Ok(Signals::from_bits_retain(u32::from_le_bytes(observed)))
    }

    /// Clears and sets user signals.
    ///
    /// # Errors
    /// BAD_HANDLE, ACCESS_DENIED without SIGNAL, INVALID_ARGS for signals that are the kernel's.
    pub fn signal(&self, clear: Signals, set: Signals) -> Result<(), Status> {
        sys::object_signal(self.0, clear.bits(), set.bits())
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        sys::handle_close(self.0).ok();
    }
}

/// Makes a call that puts a handle's value into its argument.
pub(crate) fn new_handle(
    call: impl FnOnce(&mut [u8; 4]) -> Result<(), Status>,
) -> Result<Handle, Status> {
    let mut value = [0; 4];
    call(&mut value)?;
    Ok(Handle(u32::from_le_bytes(value)))
}

/// A counter of `zx_object_get_info` as the length of something in memory.
fn count(bytes: [u8; 8]) -> Result<usize, Status> {
    usize::try_from(u64::from_le_bytes(bytes)).map_err(|_| Status::NO_MEMORY)
}

/// The text of a name that is padded with NULs.
pub(crate) fn name_of(bytes: &[u8]) -> String {
    let text = bytes.split(|byte| *byte == 0).next().unwrap_or_default();
    String::from_utf8_lossy(text).into_owned()
}

/// Makes a type for handles to one kind of object.
macro_rules! object {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        ///
        /// Everything that works on any handle comes from [`Handle`](crate::Handle), to which this dereferences.
        #[derive(Debug, PartialEq, Eq)]
        pub struct $name($crate::Handle);

        impl From<$crate::Handle> for $name {
            fn from(handle: $crate::Handle) -> Self {
                Self(handle)
            }
        }

        impl From<$name> for $crate::Handle {
            fn from(object: $name) -> Self {
                object.0
            }
        }

        impl core::ops::Deref for $name {
            type Target = $crate::Handle;

            fn deref(&self) -> &$crate::Handle {
                &self.0
            }
        }
    };
}

pub(crate) use object;
