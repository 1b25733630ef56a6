//! What the processors tell about exceptions: on x86_64 the vector and the error code, on aarch64
//! the syndrome.

use crate::Arch;
use jacinth_kernel::Access;

/// What an instruction met that the processor refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Trap {
    PageFault(Access),
    Breakpoint,
    Unaligned,
    /// A bus that answered with an error.
    Bus,
}

/// The code of an event for this.
pub(super) const fn code(arch: Arch, trap: Trap) -> u64 {
    match arch {
        Arch::X86_64 => x86_64(trap),
        Arch::Aarch64 => aarch64(trap),
    }
}

const fn x86_64(trap: Trap) -> u64 {
    const USER: u64 = 1 << 2;
    let (vector, error) = match trap {
        Trap::PageFault(Access::Read) => (14, USER),
        Trap::PageFault(Access::Write) => (14, USER | 1 << 1),
        Trap::PageFault(Access::Execute) => (14, USER | 1 << 4),
        Trap::Breakpoint => (3, 0),
        Trap::Unaligned => (17, 0),
        Trap::Bus => (13, 0),
    };
    vector << 32 | error
}

const fn aarch64(trap: Trap) -> u64 {
    const INSTRUCTION: u64 = 0x20;
    const DATA: u64 = 0x24;
    const BRK: u64 = 0x3c;
    const LAST_LEVEL: u64 = 0b00_0111;
    const WRITE: u64 = 1 << 6;
    let (class, rest) = match trap {
        Trap::PageFault(Access::Read) => (DATA, LAST_LEVEL),
        Trap::PageFault(Access::Write) => (DATA, LAST_LEVEL | WRITE),
        Trap::PageFault(Access::Execute) => (INSTRUCTION, LAST_LEVEL),
        Trap::Breakpoint => (BRK, 0),
        Trap::Unaligned => (DATA, 0b10_0001),
        Trap::Bus => (DATA, 0b01_0000),
    };
    class << 26 | 1 << 25 | rest
}
