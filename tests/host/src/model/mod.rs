//! A model of Zircon's rules for memory, regions, handles and resources: what each call answers
//! and changes, in the plainest form that says it, written from the documents and independent of
//! the kernel's code.
//!
//! Nothing is counted while things happen: what is alive, how many handles, mappings or children
//! there are is looked up when it is asked. Contents are plain copies of pages. What the rules
//! leave open (handle values, koids, chosen addresses, frames) is taken from what the kernel
//! answered, after it was checked against what the rules do say.

mod bti;
mod content;
mod handle;
mod info;
mod lists;
mod memory;
mod objects;
mod range;
mod resource;
mod state;
mod vmar;
mod vmar_map;
mod vmar_range;
mod vmo;
mod vmo_child;

pub use self::content::Pages;
pub use self::memory::Access;
pub use self::objects::{Body, Held, Id, Kind, Mapping, Object, Pin, Region, Resource, Vmar, Vmo};
pub use self::state::{Model, Place};
pub use self::vmar::Piece;
use jacinth_abi::Status;

/// Bytes in a page.
pub const PAGE: u64 = 4096;

/// One call as it was made, and what the kernel answered.
#[derive(Clone, Debug, Default)]
pub struct Trial {
    /// The number of the call.
    pub number: u64,
    /// The registers.
    pub words: [u64; 8],
    /// What the buffers that the kernel reads held, by argument.
    pub ins: [Option<Vec<u8>>; 8],
    /// What the buffers that the kernel writes hold now, by argument.
    pub outs: [Option<Vec<u8>>; 8],
    /// What the kernel answered.
    pub answered: i64,
}

/// Bytes that a call writes: argument, offset in its buffer, what.
pub type Patch = (usize, usize, Vec<u8>);

/// What a call must have done, as far as its caller sees it.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The status.
    pub status: Result<(), Status>,
    /// What it wrote to the buffers of its caller; the rest of them stays as it was.
    pub patches: Vec<Patch>,
    /// What it may have been instead, where the documents leave the order of checks open.
    pub others: Vec<Status>,
    /// What the rules say against values that were the kernel's to choose.
    pub complaints: Vec<String>,
}

/// How a call ends.
pub type Outcome = Result<(), Status>;

impl Trial {
    /// The 32-bit argument `index`.
    #[must_use]
    pub const fn u32(&self, index: usize) -> u32 {
        let [a, b, c, d, ..] = self.words[index].to_le_bytes();
        u32::from_le_bytes([a, b, c, d])
    }

    /// The argument `index`.
    #[must_use]
    pub const fn u64(&self, index: usize) -> u64 {
        self.words[index]
    }

    /// Whether the kernel answered this.
    #[must_use]
    pub fn was(&self, status: Status) -> bool {
        self.answered == i64::from(status.raw())
    }

    /// The number that the kernel wrote into the buffer of argument `index`.
    #[must_use]
    pub fn out_u32(&self, index: usize) -> u32 {
        u32::from_le_bytes(self.out(index))
    }

    /// The number that the kernel wrote into the buffer of argument `index`.
    #[must_use]
    pub fn out_u64(&self, index: usize) -> u64 {
        u64::from_le_bytes(self.out(index))
    }

    fn out<const N: usize>(&self, index: usize) -> [u8; N] {
        let bytes = self.outs[index].as_ref().and_then(|bytes| bytes.get(..N));
        bytes.map_or([0; N], |bytes| bytes.try_into().unwrap_or([0; N]))
    }
}

impl Model {
    /// Does a call to the model; what the kernel must have done.
    ///
    /// # Panics
    /// When the model has no rules for the call.
    pub fn call(&mut self, trial: &Trial) -> Answer {
        let status = self.dispatch(trial);
        self.sweep();
        Answer {
            status,
            patches: std::mem::take(&mut self.patches),
            others: std::mem::take(&mut self.others),
            complaints: std::mem::take(&mut self.complaints),
        }
    }

    fn dispatch(&mut self, t: &Trial) -> Outcome {
        match t.number {
            0 => self.handle_close(t),
            1 => self.handle_close_many(t),
            2 => self.handle_duplicate(t),
            3 => self.handle_replace(t),
            4 => self.object_get_info(t),
            5 => self.object_get_property(t),
            6 => self.object_set_property(t),
            7 => self.object_wait_one(t),
            8 => self.object_signal(t),
            9 => self.resource_create(t),
            10 => self.vmo_create(t),
            11 => self.vmo_create_physical(t),
            12 => self.vmo_create_child(t),
            13 => self.vmo_get_size(t),
            14 => self.vmo_read(t),
            15 => self.vmo_write(t),
            16 => self.vmo_set_cache_policy(t),
            17 => self.vmar_map(t),
            18 => self.vmar_unmap(t),
            19 => self.vmar_protect(t),
            29 => self.vmo_set_size(t),
            30 => self.vmo_get_stream_size(t),
            31 => self.vmo_set_stream_size(t),
            32 => self.vmo_replace_as_executable(t),
            33 => self.vmo_op_range(t),
            34 => self.vmo_transfer_data(t),
            35 => self.vmar_allocate(t),
            36 => self.vmar_destroy(t),
            37 => self.vmar_op_range(t),
            38 => self.iommu_create(t),
            39 => self.bti_create(t),
            40 => self.bti_pin(t),
            41 => self.bti_release_quarantine(t),
            42 => self.pmt_unpin(t),
            43 => self.vmo_create_contiguous(t),
            other => panic!("the model has no call {other}"),
        }
    }
}

/// `bytes` as whole pages, unless that wraps.
#[must_use]
pub const fn round_up(bytes: u64) -> Option<u64> {
    bytes.checked_next_multiple_of(PAGE)
}

/// Whether a number is a multiple of the page size.
#[must_use]
pub const fn is_aligned(number: u64) -> bool {
    number.is_multiple_of(PAGE)
}

/// The failure `status` unless `holds`.
pub(crate) const fn require(holds: bool, status: Status) -> Outcome {
    if holds { Ok(()) } else { Err(status) }
}
