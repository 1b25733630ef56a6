//! What there can be: handles, objects, the tree of regions.

use super::content::Pages;
use jacinth_abi::{ObjectType, ResourceKind, Rights};
use std::collections::BTreeMap;

/// Names an object of the model; never used again.
pub type Id = usize;

/// What a handle value stands for.
#[derive(Clone, Copy, Debug)]
pub struct Held {
    /// The object.
    pub object: Id,
    /// The rights.
    pub rights: Rights,
}

/// An object.
#[derive(Clone, Debug)]
pub struct Object {
    /// The koid, once the kernel told it.
    pub koid: Option<u64>,
    /// The name, up to its first NUL.
    pub name: Vec<u8>,
    /// The user signals that are set.
    pub signals: u32,
    /// What it is.
    pub body: Body,
}

/// What an object is.
#[derive(Clone, Debug)]
pub enum Body {
    /// A memory object.
    Vmo(Vmo),
    /// A region.
    Vmar(Vmar),
    /// A resource.
    Resource(Resource),
    /// An IOMMU.
    Iommu,
    /// A bus transaction initiator.
    Bti,
    /// Pinned memory.
    Pmt(Pin),
    /// What no call here changes.
    Other(ObjectType),
}

/// What a memory object's bytes are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Ordinary memory; a snapshot is nothing else.
    Paged,
    /// One physical run of memory.
    Contiguous,
    /// A device, from this physical address on.
    Physical(u64),
    /// A part of another VMO, which is no slice and no reference itself.
    Slice {
        /// Whose pages.
        root: Id,
        /// From where on.
        offset: u64,
    },
    /// All of another VMO, which is no slice and no reference itself.
    Reference {
        /// Whose pages.
        root: Id,
    },
}

/// A memory object.
#[derive(Clone, Debug)]
pub struct Vmo {
    /// What its bytes are.
    pub kind: Kind,
    /// Whole pages, in bytes.
    pub size: u64,
    /// The stream size, in bytes.
    pub stream: u64,
    /// The cache policy.
    pub cache: u32,
    /// RESIZABLE was asked for.
    pub is_resizable: bool,
    /// DISCARDABLE was asked for.
    pub is_discardable: bool,
    /// It is a snapshot.
    pub is_clone: bool,
    /// It is a snapshot that cannot be written.
    pub is_immutable: bool,
    /// It was a snapshot's parent or child: who holds which page is the kernel's affair.
    pub has_family: bool,
    /// How often it is locked.
    pub locks: u64,
    /// The VMO that it is a child of.
    pub parent: Option<Id>,
    /// The pages that were committed, or may have been.
    pub pages: Pages,
}

/// A region of an address space.
#[derive(Clone, Debug)]
pub struct Vmar {
    /// The first address.
    pub base: u64,
    /// Bytes.
    pub size: u64,
    /// CAN_MAP_READ, WRITE and EXECUTE as PERM_* bits.
    pub can: u32,
    /// CAN_MAP_SPECIFIC.
    pub is_specific: bool,
    /// COMPACT.
    pub is_compact: bool,
    /// The region around it.
    pub parent: Option<Id>,
    /// Whether it still is in its parent.
    pub is_alive: bool,
    /// What is inside, by first address.
    pub children: BTreeMap<u64, Region>,
}

/// What a region has inside.
#[derive(Clone, Debug)]
pub enum Region {
    /// Another region.
    Vmar(Id),
    /// A mapping.
    Mapping(Mapping),
    /// Something of the process that no call of the test touches: its length.
    Foreign(u64),
}

/// A mapping. Each page has permissions of its own.
#[derive(Clone, Debug)]
pub struct Mapping {
    /// The VMO.
    pub vmo: Id,
    /// What its first page shows.
    pub offset: u64,
    /// The permissions that it may ever have, PERM_* bits.
    pub may: u32,
    /// Whether touching beyond the stream size is a fault.
    pub is_bounded: bool,
    /// The permissions of each page, PERM_* bits.
    pub pages: Vec<u8>,
}

/// A resource.
#[derive(Clone, Copy, Debug)]
pub struct Resource {
    /// The kind.
    pub kind: ResourceKind,
    /// The first number.
    pub base: u64,
    /// How many; base 0 and size 0 is everything.
    pub size: u64,
    /// Whether nobody else may have any of it.
    pub is_exclusive: bool,
}

/// Memory that is pinned.
#[derive(Clone, Copy, Debug)]
pub struct Pin {
    /// Through which BTI.
    pub bti: Id,
    /// The VMO that was named.
    pub vmo: Id,
    /// From where on.
    pub offset: u64,
    /// Bytes.
    pub size: u64,
    /// Whether its last handle was closed without unpinning.
    pub is_quarantined: bool,
}
