//! Places the program `init` where the core starts it: segments at their final addresses.
//!
//! What the file says is checked by [`jacinth_elf`]; here is what a machine has to say. Position
//! independent programs (`ET_DYN`) are placed at [`BIAS`], others at their own addresses.

use core::fmt;

use arrayvec::ArrayVec;
use jacinth_abi::VmOptions;
use jacinth_elf::{ElfError, MAX_SEGMENTS, Machine, Place};
use jacinth_kernel::boot::Segment;
use jacinth_kernel::hal::MmuFlags;
use jacinth_kernel::{VirtAddr, VirtRange};

/// Where a position-independent program is placed; who symbolises addresses subtracts it.
pub const BIAS: u64 = 0x40_0000;

/// A program in its place.
#[derive(Clone, Debug)]
pub struct Placed<'a> {
    /// Its segments by address; no two share a page.
    pub segments: ArrayVec<Segment<'a>, MAX_SEGMENTS>,
    /// Its first instruction.
    pub entry: VirtAddr,
}

/// Why a file cannot be started as `init`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProgramError {
    /// It is no program for this machine.
    Elf(ElfError),
    /// The segment at this address is not among the addresses for users.
    OutsideUser(u64),
    /// It wants to be placed at a multiple of so many bytes, which [`BIAS`] is not.
    TooAligned(u64),
}

impl fmt::Display for ProgramError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Elf(error) => error.fmt(f),
            Self::OutsideUser(at) => {
                write!(f, "the segment at {at:#x} is outside the user's addresses")
            }
            Self::TooAligned(bytes) => write!(f, "it is to be aligned to {bytes:#x} bytes"),
        }
    }
}

impl From<ElfError> for ProgramError {
    fn from(error: ElfError) -> Self {
        Self::Elf(error)
    }
}

/// Reads a program for `machine`, whose user addresses are `user`, and places it.
///
/// # Errors
/// [`ProgramError`], the first one found.
pub fn read(file: &[u8], machine: Machine, user: VirtRange) -> Result<Placed<'_>, ProgramError> {
    let image = jacinth_elf::read(file, machine)?;
    let bias = match image.place {
        Place::Anywhere => BIAS,
        Place::Fixed => 0,
    };
    if !bias.is_multiple_of(image.align) {
        return Err(ProgramError::TooAligned(image.align));
    }
    let mut segments = ArrayVec::new();
    for segment in &image.segments {
        segments.push(placed(segment, bias, user)?);
    }
    Ok(Placed {
        segments,
        // It lies in one of them.
        entry: VirtAddr::new(image.entry + bias),
    })
}

/// A segment moved by `bias`.
fn placed<'a>(
    segment: &jacinth_elf::Segment<'a>,
    bias: u64,
    user: VirtRange,
) -> Result<Segment<'a>, ProgramError> {
    let outside = ProgramError::OutsideUser(segment.start());
    let at = segment.start().checked_add(bias).ok_or(outside)?;
    let mem_bytes = segment.bytes - segment.skew;
    let range = VirtRange::new(VirtAddr::new(at), mem_bytes).ok_or(outside)?;
    if !user.covers(range) {
        return Err(outside);
    }
    let mut flags = MmuFlags::READ;
    let allows = segment.allows;
    flags.set(MmuFlags::WRITE, allows.contains(VmOptions::PERM_WRITE));
    flags.set(MmuFlags::EXECUTE, allows.contains(VmOptions::PERM_EXECUTE));
    Ok(Segment {
        at: range.start,
        mem_bytes,
        file: segment.file,
        flags,
    })
}

#[cfg(test)]
mod tests {
    use super::{BIAS, ProgramError, Segment, VirtAddr, VirtRange, placed};
    use jacinth_abi::VmOptions;
    use jacinth_kernel::hal::MmuFlags;

    const USER: VirtRange = VirtRange {
        start: VirtAddr::new(0x20_0000),
        end: VirtAddr::new(0x7fff_ffff_f000),
    };

    fn place(page: u64, bias: u64) -> Result<Segment<'static>, ProgramError> {
        let segment = jacinth_elf::Segment {
            page,
            skew: 8,
            bytes: 0x3000,
            file: b"data",
            allows: VmOptions::PERM_READ | VmOptions::PERM_WRITE,
        };
        placed(&segment, bias, USER)
    }

    #[test]
    fn a_segment_keeps_its_bytes_and_flags() {
        let segment = place(0x1000, BIAS).unwrap();
        assert_eq!(segment.at.raw(), BIAS + 0x1008);
        assert_eq!(segment.mem_bytes, 0x2ff8);
        assert_eq!(segment.file, b"data");
        assert_eq!(segment.flags, MmuFlags::READ | MmuFlags::WRITE);
    }

    #[test]
    fn segments_lie_among_the_addresses_for_users() {
        for (page, bias, is_inside) in [
            (0x20_0000, 0, true),
            (0x1f_f000, 0, false),
            (0x7fff_ffff_c000, 0, true),
            (0x7fff_ffff_d000, 0, false),
            (0xffff_ffff_ffff_0000, 0, false),
            (0xffff_ffff_ffff_0000, BIAS, false),
            (0x7fff_ff80_0000, BIAS, true),
        ] {
            let expected = (!is_inside).then_some(ProgramError::OutsideUser(page + 8));
            assert_eq!(place(page, bias).err(), expected, "{page:#x}");
        }
    }
}
