//! Reads the ELF file `init` into what the core starts: segments at their final addresses.
//!
//! Everything the file says is checked here, so that each fault gets its own words. Position
//! independent programs (`ET_DYN`) are loaded at [`BIAS`], others at their own addresses; programs
//! relocate themselves.

use core::fmt;

use arrayvec::ArrayVec;
use elf::abi;
use elf::endian::LittleEndian;
use elf::parse::ParseError;
use elf::segment::ProgramHeader;
use elf::{ElfBytes, file::FileHeader};
use jacinth_kernel::boot::Segment;
use jacinth_kernel::hal::MmuFlags;
use jacinth_kernel::{PAGE_SIZE, VirtAddr, VirtRange};

/// Where a position-independent program is loaded; who symbolises addresses subtracts it.
pub const BIAS: u64 = 0x40_0000;
/// The most loadable segments of a program.
pub const MAX_SEGMENTS: usize = 16;

/// A program that passed every check.
#[derive(Clone, Debug)]
pub struct Image<'a> {
    /// Its segments by address; no two share a page.
    pub segments: ArrayVec<Segment<'a>, MAX_SEGMENTS>,
    /// Its first instruction.
    pub entry: VirtAddr,
}

/// Why a file is no program that can be started here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProgramError {
    /// No ELF file at all.
    NotElf,
    /// An ELF file for 32 bits, or for the other byte order.
    WrongClass,
    /// A header or a segment reaches past the end of the file.
    Truncated,
    /// A header that contradicts itself.
    BadHeader,
    /// Made for another processor: the `e_machine` found, the architecture wanted.
    WrongMachine(u16, &'static str),
    /// An object file, a core dump, ...
    NotExecutable,
    /// Linked against shared libraries, which nobody is here to load.
    NeedsInterpreter,
    /// No segment to load.
    Empty,
    /// More than [`MAX_SEGMENTS`] segments.
    TooManySegments,
    /// The segment at this address has more bytes in the file than in memory.
    BadSize(u64),
    /// The segment at this address has an alignment that it does not keep.
    BadAlignment(u64),
    /// The segment at this address is not among the addresses for users.
    OutsideUser(u64),
    /// The segment at this address shares a page with another.
    Overlap(u64),
    /// The segment at this address could be written and executed.
    WritableCode(u64),
    /// The entry point is in no executable segment.
    BadEntry(u64),
}

impl fmt::Display for ProgramError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::NotElf => f.write_str("not an ELF file"),
            Self::WrongClass => f.write_str("not a 64-bit little-endian ELF file"),
            Self::Truncated => f.write_str("truncated ELF file"),
            Self::BadHeader => f.write_str("an ELF file with a broken header"),
            Self::WrongMachine(found, wanted) => match machine_name(found) {
                Some(found) => write!(f, "a program for {found}, this machine is {wanted}"),
                None => write!(
                    f,
                    "a program for ELF machine {found}, this machine is {wanted}"
                ),
            },
            Self::NotExecutable => f.write_str("an ELF file that is no program"),
            Self::NeedsInterpreter => f.write_str("dynamically linked, a static program is wanted"),
            Self::Empty => f.write_str("an ELF file with nothing to load"),
            Self::TooManySegments => write!(f, "more than {MAX_SEGMENTS} segments to load"),
            Self::BadSize(at) => {
                write!(
                    f,
                    "the segment at {at:#x} is larger in the file than in memory"
                )
            }
            Self::BadAlignment(at) => write!(f, "the segment at {at:#x} is not aligned as it says"),
            Self::OutsideUser(at) => {
                write!(f, "the segment at {at:#x} is outside the user's addresses")
            }
            Self::Overlap(at) => {
                write!(f, "the segment at {at:#x} shares a page with another")
            }
            Self::WritableCode(at) => {
                write!(f, "the segment at {at:#x} is writable and executable")
            }
            Self::BadEntry(at) => {
                write!(f, "the entry point {at:#x} is in no executable segment")
            }
        }
    }
}

/// The architectures by their `e_machine`.
const MACHINES: [(u16, &str); 2] = [(abi::EM_X86_64, "x86_64"), (abi::EM_AARCH64, "aarch64")];

fn machine_name(machine: u16) -> Option<&'static str> {
    let found = MACHINES.iter().find(|(number, _)| *number == machine);
    found.map(|(_, name)| *name)
}

/// Reads a program for the architecture called `arch`, whose user addresses are `user`.
///
/// # Errors
/// [`ProgramError`], the first one found.
pub fn read<'a>(
    file: &'a [u8],
    arch: &'static str,
    user: VirtRange,
) -> Result<Image<'a>, ProgramError> {
    if !file.starts_with(&abi::ELFMAGIC) {
        return Err(ProgramError::NotElf);
    }
    if file.get(abi::EI_CLASS) == Some(&abi::ELFCLASS32) {
        return Err(ProgramError::WrongClass);
    }
    let elf = ElfBytes::<LittleEndian>::minimal_parse(file).map_err(parse_error)?;
    check_header(&elf.ehdr, arch)?;
    let bias = if elf.ehdr.e_type == abi::ET_DYN {
        BIAS
    } else {
        0
    };
    let mut segments = ArrayVec::new();
    for header in elf.segments().ok_or(ProgramError::Empty)? {
        if header.p_type == abi::PT_INTERP {
            return Err(ProgramError::NeedsInterpreter);
        }
        if header.p_type != abi::PT_LOAD || header.p_memsz == 0 {
            continue;
        }
        let bytes = elf.segment_data(&header).map_err(parse_error)?;
        let segment = segment(&header, bytes, bias, user)?;
        segments
            .try_push(segment)
            .map_err(|_| ProgramError::TooManySegments)?;
    }
    segments.sort_unstable_by_key(|segment: &Segment<'_>| segment.at);
    check_overlap(&segments)?;
    let entry = check_entry(&segments, elf.ehdr.e_entry, bias)?;
    Ok(Image { segments, entry })
}

/// Says in our words what the parser found.
fn parse_error(error: ParseError) -> ProgramError {
    match error {
        ParseError::BadMagic(_) => ProgramError::NotElf,
        ParseError::UnsupportedElfClass(_) | ParseError::UnsupportedElfEndianness(_) => {
            ProgramError::WrongClass
        }
        ParseError::SliceReadError(_) | ParseError::TryFromSliceError(_) => ProgramError::Truncated,
        _ => ProgramError::BadHeader,
    }
}

fn check_header(header: &FileHeader<LittleEndian>, arch: &'static str) -> Result<(), ProgramError> {
    if machine_name(header.e_machine) != Some(arch) {
        return Err(ProgramError::WrongMachine(header.e_machine, arch));
    }
    if header.e_type != abi::ET_EXEC && header.e_type != abi::ET_DYN {
        return Err(ProgramError::NotExecutable);
    }
    Ok(())
}

/// Checks one loadable segment by itself.
fn segment<'a>(
    header: &ProgramHeader,
    file: &'a [u8],
    bias: u64,
    user: VirtRange,
) -> Result<Segment<'a>, ProgramError> {
    let outside = ProgramError::OutsideUser(header.p_vaddr);
    let at = header.p_vaddr.checked_add(bias).ok_or(outside)?;
    if header.p_filesz > header.p_memsz {
        return Err(ProgramError::BadSize(at));
    }
    // ELF: address and offset agree modulo the alignment; 0 and 1 mean none.
    let align = header.p_align.max(1);
    let is_aligned =
        align.is_power_of_two() && (header.p_vaddr ^ header.p_offset) & (align - 1) == 0;
    // The bias keeps larger alignments only up to its own.
    if !is_aligned || bias & (align - 1) != 0 {
        return Err(ProgramError::BadAlignment(at));
    }
    let range = VirtRange::new(VirtAddr::new(at), header.p_memsz).ok_or(outside)?;
    if !user.covers(range) {
        return Err(ProgramError::OutsideUser(at));
    }
    if header.p_flags & abi::PF_W != 0 && header.p_flags & abi::PF_X != 0 {
        return Err(ProgramError::WritableCode(at));
    }
    let mut flags = MmuFlags::READ;
    flags.set(MmuFlags::WRITE, header.p_flags & abi::PF_W != 0);
    flags.set(MmuFlags::EXECUTE, header.p_flags & abi::PF_X != 0);
    Ok(Segment {
        at: range.start,
        mem_bytes: header.p_memsz,
        file,
        flags,
    })
}

/// Checks that no page belongs to two segments, which are sorted: it can have one protection only.
fn check_overlap(segments: &[Segment<'_>]) -> Result<(), ProgramError> {
    for pair in segments.windows(2) {
        let [low, high] = pair else { continue };
        let last = low.at.raw() + (low.mem_bytes - 1);
        if last / PAGE_SIZE >= high.at.raw() / PAGE_SIZE {
            return Err(ProgramError::Overlap(high.at.raw()));
        }
    }
    if segments.is_empty() {
        return Err(ProgramError::Empty);
    }
    Ok(())
}

fn check_entry(segments: &[Segment<'_>], entry: u64, bias: u64) -> Result<VirtAddr, ProgramError> {
    let bad = ProgramError::BadEntry(entry);
    let entry = VirtAddr::new(entry.checked_add(bias).ok_or(bad)?);
    let is_code = segments.iter().any(|segment| {
        segment.flags.contains(MmuFlags::EXECUTE)
            && VirtRange::new(segment.at, segment.mem_bytes)
                .is_some_and(|range| range.contains(entry))
    });
    if is_code { Ok(entry) } else { Err(bad) }
}

#[cfg(test)]
mod tests;
