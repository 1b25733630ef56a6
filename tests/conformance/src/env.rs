//! What a scenario starts from: the handles of the process, and facts about the machine.

use crate::kit::{self, H};
use crate::{Failure, check};
use jacinth_abi::{ResourceKind, Status, VmOptions};

/// Bytes in a page.
pub(crate) const P: u64 = jacinth_abi::limits::PAGE_SIZE;
/// The last page of 64 bits.
pub(crate) const LAST_PAGE: u64 = !(P - 1);
/// Where the root region begins on both architectures (`spec/vmar.md` §9).
pub(crate) const ROOT_BASE: u64 = 0x20_0000;
/// Permissions of most mappings.
pub(crate) const READ_WRITE: VmOptions = VmOptions::PERM_READ.union(VmOptions::PERM_WRITE);

/// The handles that the process was started with.
#[derive(Clone, Copy, Debug)]
pub struct Handles {
    /// The process itself.
    pub process: u32,
    /// Its first thread.
    pub thread: u32,
    /// The root job.
    pub job: u32,
    /// Its root region.
    pub vmar: u32,
    /// The ranged root of physical addresses.
    pub mmio: u32,
    /// The ranged root of interrupt vectors.
    pub irq: u32,
    /// The ranged root of everything else.
    pub system: u32,
    /// The ranged root of I/O ports, where the machine has them.
    pub io_ports: Option<u32>,
    /// The ranged root of secure monitor calls, where the machine has them.
    pub smc: Option<u32>,
}

/// A register that keeps what is stored in it, and that nothing else uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scratch {
    /// The physical address of its page.
    pub page: u64,
    /// Where in the page it is; a multiple of 4.
    pub offset: u64,
}

/// What scenarios must know of the machine.
#[derive(Clone, Copy, Debug)]
pub struct Facts {
    /// The start of 64 MiB of physical addresses that may be had, found by probing. Not touched.
    pub free: u64,
    /// A page that nobody may have, behind one that may be had.
    pub denied: u64,
    /// A page of RAM.
    pub ram: u64,
    /// A register to store to, in a page that has a free neighbour on each side.
    pub scratch: Option<Scratch>,
    /// Whether the machine has I/O ports (x86_64).
    pub is_x86_64: bool,
}

/// How much work a scenario with a loop does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effort {
    /// As the table says.
    Full,
    /// A little: every step is watched.
    Little,
}

/// What a scenario starts from.
#[derive(Debug)]
pub struct Env {
    /// The process's handles.
    pub handles: Handles,
    /// The machine.
    pub facts: Facts,
    /// How often loops go round.
    pub effort: Effort,
    /// Whether there may be no memory for splitting a block, so that all of it is unmapped.
    pub is_memory_short: bool,
}

impl Env {
    /// How often a loop goes round.
    pub(crate) const fn rounds(&self, full: usize, little: usize) -> usize {
        match self.effort {
            Effort::Full => full,
            Effort::Little => little,
        }
    }

    /// A resource of the kind, cut from the ranged root of MMIO.
    ///
    /// # Errors
    /// The status.
    pub(crate) fn mmio(&self, base: u64, size: u64) -> Result<H, Status> {
        kit::resource_create(
            self.handles.mmio,
            ResourceKind::Mmio.number(),
            base,
            size,
            b"",
        )
    }

    /// A shared resource over the first pages of the free range: the tables' `R` and `M`.
    ///
    /// # Errors
    /// A failure of the set-up.
    #[track_caller]
    pub(crate) fn resource(&self, pages: u64) -> Result<H, Failure> {
        check::ok(self.mmio(self.facts.free, pages * P))
    }

    /// A physical VMO over the first pages of the free range: the tables' `V`.
    ///
    /// # Errors
    /// A failure of the set-up.
    #[track_caller]
    pub(crate) fn physical(&self, pages: u64) -> Result<H, Failure> {
        check::ok(kit::create_physical(
            self.handles.mmio,
            self.facts.free,
            pages * P,
        ))
    }

    /// A paged VMO.
    ///
    /// # Errors
    /// A failure of the set-up.
    #[track_caller]
    pub(crate) fn paged(&self, pages: u64) -> Result<H, Failure> {
        check::ok(kit::vmo_create(pages * P, 0))
    }

    /// Maps a whole VMO somewhere.
    ///
    /// # Errors
    /// The status.
    pub(crate) fn map(&self, vmo: &H, options: VmOptions, len: u64) -> Result<zx::Region, Status> {
        kit::map(self.handles.vmar, options, 0, vmo.value(), 0, len)
    }

    /// A handle to the same object with fewer rights.
    ///
    /// # Errors
    /// A failure of the set-up.
    #[track_caller]
    pub(crate) fn without(&self, handle: &H, rights: jacinth_abi::Rights) -> Result<H, Failure> {
        let all = check::ok(kit::basic(handle.value()))?.rights;
        check::ok(kit::duplicate(handle.value(), all & !rights.bits()))
    }
}
