//! Resources: what a program may ask of the machine.

use jacinth_abi::{ResourceInfo, ResourceKind, Status, Topic};

use crate::handle::{new_handle, object};
use crate::sys;

object! {
    /// The right to use a range of something: physical addresses, interrupts, ports.
    Resource
}

impl Resource {
    /// Creates a resource that covers a part of this one.
    ///
    /// # Errors
    /// Those of `zx_resource_create`.
    pub fn create_child(
        &self,
        kind: ResourceKind,
        flags: u32,
        base: u64,
        size: u64,
        name: &str,
    ) -> Result<Self, Status> {
        let (parent, options) = (self.value(), kind.number() | flags);
        let name = sys::Input::Here(name.as_bytes());
        new_handle(|out| sys::resource_create(parent, options, base, size, name, out)).map(Self)
    }

    /// Asks what it covers.
    ///
    /// # Errors
    /// BAD_HANDLE, ACCESS_DENIED without INSPECT.
    pub fn resource_info(&self) -> Result<ResourceInfo, Status> {
        self.info(Topic::RESOURCE)
    }
}
