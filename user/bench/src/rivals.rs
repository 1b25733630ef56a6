//! What other systems need for the same operations, and how much Jacinth allows itself.
//!
//! Exact counts of instructions, measured in the same way on the same QEMU: Zircon of December
//! 2018, seL4 in its release configuration, Linux of Debian's stock kernels with mitigations on
//! (6.1 for `/dev/mem` and resource files of PCI, 6.12 for vfio-pci; what Linux does is mmap, a
//! touch of the first page, munmap). Zircon's device rows are for a fixed place in a region whose
//! page tables are there already, and so are Jacinth's.

#[cfg(not(target_arch = "x86_64"))]
mod aarch64;
#[cfg(target_arch = "x86_64")]
mod x86_64;

#[cfg(not(target_arch = "x86_64"))]
use aarch64::RIVALS;
#[cfg(target_arch = "x86_64")]
use x86_64::RIVALS;

/// An operation's figures elsewhere.
pub(crate) struct Rival {
    pub(crate) operation: &'static str,
    /// What there is to reach.
    pub(crate) goal: u64,
    /// Whose figure, and the figure.
    pub(crate) others: &'static [(&'static str, u64)],
}

/// The row of an operation.
pub(crate) fn of(operation: &str) -> Option<&'static Rival> {
    RIVALS.iter().find(|rival| rival.operation == operation)
}

const fn row(operation: &'static str, goal: u64, others: &'static [(&'static str, u64)]) -> Rival {
    Rival {
        operation,
        goal,
        others,
    }
}

const ZIRCON: &str = "Zircon";
const SEL4: &str = "seL4";
