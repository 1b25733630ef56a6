//! ELF files: which bytes of a program go where, and what its pages allow.
//!
//! Both loaders read programs through this: the one that starts `init`, and the one of user space
//! that starts all others. Whatever a file says is checked before anything is made of it, and each
//! fault has words of its own ([`ElfError`]). Programs relocate themselves.

#![no_std]
#![forbid(unsafe_code)]

use core::fmt;

use arrayvec::ArrayVec;
use elf::endian::LittleEndian;
use elf::file::FileHeader;
use elf::parse::ParseError;
use elf::segment::ProgramHeader;
use elf::{ElfBytes, abi};
use jacinth_abi::VmOptions;
use jacinth_abi::limits::PAGE_SIZE;

/// The most loadable segments of a program.
pub const MAX_SEGMENTS: usize = 16;
/// The largest alignment of a segment, in bytes.
pub const MAX_ALIGN: u64 = 1 << 30;
/// The largest stack that a program may ask for, in bytes.
pub const MAX_STACK: u64 = 64 << 20;

/// The architectures that there are programs for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Machine {
    /// The 64-bit x86 architecture.
    X86_64,
    /// The 64-bit Arm architecture.
    Aarch64,
}

impl Machine {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::X86_64, Self::Aarch64];
    /// That which this code is compiled for; on other hosts x86_64.
    pub const HERE: Self = if cfg!(target_arch = "aarch64") {
        Self::Aarch64
    } else {
        Self::X86_64
    };

    /// Its `e_machine`.
    #[must_use]
    pub const fn number(self) -> u16 {
        match self {
            Self::X86_64 => abi::EM_X86_64,
            Self::Aarch64 => abi::EM_AARCH64,
        }
    }

    /// What people call it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::X86_64 => "x86_64",
            Self::Aarch64 => "aarch64",
        }
    }
}

/// A program that passed every check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Image<'a> {
    /// Its segments by address; no two share a page, and there is one at least.
    pub segments: ArrayVec<Segment<'a>, MAX_SEGMENTS>,
    /// Its first instruction.
    pub entry: u64,
    /// Whether it runs wherever it is put (`ET_DYN`), or at the addresses here only.
    pub place: Place,
    /// What its addresses must stay congruent to wherever it is put: a power of two in bytes, a page
    /// at least.
    pub align: u64,
    /// How much stack it asks for, in bytes.
    pub stack: Option<u64>,
}

/// Where a program can run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// Anywhere; its addresses count from where it is put.
    Anywhere,
    /// At its addresses.
    Fixed,
}

/// A piece of a program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Segment<'a> {
    /// The address of its first page.
    pub page: u64,
    /// Where in the first page it begins.
    pub skew: u64,
    /// Its pages, in bytes. What the file does not fill is zero.
    pub bytes: u64,
    /// Its bytes in the file.
    pub file: &'a [u8],
    /// What its pages allow: PERM_READ always, never both PERM_WRITE and PERM_EXECUTE.
    pub allows: VmOptions,
}

impl Segment<'_> {
    /// The address of its first byte.
    #[must_use]
    pub const fn start(&self) -> u64 {
        self.page + self.skew
    }

    /// The address behind its last page.
    #[must_use]
    pub const fn end(&self) -> u64 {
        self.page + self.bytes
    }
}

impl Image<'_> {
    /// The pages that it takes, from its first to its last: address and length in bytes. The
    /// address of a program for any place is a multiple of its alignment.
    #[must_use]
    pub fn span(&self) -> (u64, u64) {
        let first = self.segments.first().map_or(0, |segment| segment.page);
        let first = match self.place {
            Place::Anywhere => first & !(self.align - 1),
            Place::Fixed => first,
        };
        let end = self.segments.last().map_or(0, Segment::end);
        (first, end - first)
    }
}

/// Why a file is no program that can be started here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ElfError {
    /// No ELF file at all.
    NotElf,
    /// An ELF file for 32 bits, or for the other byte order.
    WrongClass,
    /// A header or a segment reaches past the end of the file.
    Truncated,
    /// A header that contradicts itself.
    BadHeader,
    /// Made for another processor.
    WrongMachine {
        /// The `e_machine` found.
        found: u16,
        /// What there is.
        wanted: Machine,
    },
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
    /// The segment at this address ends beyond all addresses.
    OutOfRange(u64),
    /// The segment at this address shares a page with another.
    Overlap(u64),
    /// The segment at this address could be written and executed.
    WritableCode(u64),
    /// The entry point is in no executable segment.
    BadEntry(u64),
    /// It asks for a stack of more than [`MAX_STACK`] bytes.
    BadStack(u64),
}

impl fmt::Display for ElfError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let segment = |f: &mut fmt::Formatter<'_>, at: u64, what: &str| {
            write!(f, "the segment at {at:#x} {what}")
        };
        match *self {
            Self::NotElf => f.write_str("not an ELF file"),
            Self::WrongClass => f.write_str("not a 64-bit little-endian ELF file"),
            Self::Truncated => f.write_str("truncated ELF file"),
            Self::BadHeader => f.write_str("an ELF file with a broken header"),
            Self::WrongMachine { found, wanted } => {
                let named = Machine::ALL
                    .iter()
                    .find(|machine| machine.number() == found);
                match named {
                    Some(machine) => write!(f, "a program for {}", machine.name())?,
                    None => write!(f, "a program for ELF machine {found}")?,
                }
                write!(f, ", this machine is {}", wanted.name())
            }
            Self::NotExecutable => f.write_str("an ELF file that is no program"),
            Self::NeedsInterpreter => f.write_str("dynamically linked, a static program is wanted"),
            Self::Empty => f.write_str("an ELF file with nothing to load"),
            Self::TooManySegments => write!(f, "more than {MAX_SEGMENTS} segments to load"),
            Self::BadSize(at) => segment(f, at, "is larger in the file than in memory"),
            Self::BadAlignment(at) => segment(f, at, "is not aligned as it says"),
            Self::OutOfRange(at) => segment(f, at, "ends beyond all addresses"),
            Self::Overlap(at) => segment(f, at, "shares a page with another"),
            Self::WritableCode(at) => segment(f, at, "is writable and executable"),
            Self::BadEntry(at) => write!(f, "the entry point {at:#x} is in no executable segment"),
            Self::BadStack(bytes) => write!(f, "it asks for a stack of {bytes} bytes"),
        }
    }
}

impl core::error::Error for ElfError {}

/// Reads a program for a machine.
///
/// # Errors
/// [`ElfError`], the first one found.
pub fn read(file: &[u8], machine: Machine) -> Result<Image<'_>, ElfError> {
    if !file.starts_with(&abi::ELFMAGIC) {
        return Err(ElfError::NotElf);
    }
    if file.get(abi::EI_CLASS) == Some(&abi::ELFCLASS32) {
        return Err(ElfError::WrongClass);
    }
    let elf = ElfBytes::<LittleEndian>::minimal_parse(file).map_err(parse_error)?;
    let place = check_header(&elf.ehdr, machine)?;
    let (mut segments, mut stack, mut align) = (ArrayVec::new(), None, PAGE_SIZE);
    for header in elf.segments().ok_or(ElfError::Empty)? {
        match header.p_type {
            abi::PT_INTERP => return Err(ElfError::NeedsInterpreter),
            abi::PT_GNU_STACK if header.p_memsz > MAX_STACK => {
                return Err(ElfError::BadStack(header.p_memsz));
            }
            abi::PT_GNU_STACK if header.p_memsz > 0 => stack = Some(header.p_memsz),
            abi::PT_LOAD if header.p_memsz > 0 => {
                let bytes = elf.segment_data(&header).map_err(parse_error)?;
                let segment = segment(&header, bytes)?;
                segments
                    .try_push(segment)
                    .map_err(|_| ElfError::TooManySegments)?;
                align = align.max(header.p_align);
            }
            _ => {}
        }
    }
    segments.sort_unstable_by_key(|segment: &Segment<'_>| segment.page);
    check_overlap(&segments)?;
    check_entry(&segments, elf.ehdr.e_entry)?;
    Ok(Image {
        segments,
        entry: elf.ehdr.e_entry,
        place,
        align,
        stack,
    })
}

/// Says in our words what the parser found.
fn parse_error(error: ParseError) -> ElfError {
    match error {
        ParseError::BadMagic(_) => ElfError::NotElf,
        ParseError::UnsupportedElfClass(_) | ParseError::UnsupportedElfEndianness(_) => {
            ElfError::WrongClass
        }
        ParseError::SliceReadError(_) | ParseError::TryFromSliceError(_) => ElfError::Truncated,
        _ => ElfError::BadHeader,
    }
}

fn check_header(header: &FileHeader<LittleEndian>, machine: Machine) -> Result<Place, ElfError> {
    if header.e_machine != machine.number() {
        return Err(ElfError::WrongMachine {
            found: header.e_machine,
            wanted: machine,
        });
    }
    match header.e_type {
        abi::ET_EXEC => Ok(Place::Fixed),
        abi::ET_DYN => Ok(Place::Anywhere),
        _ => Err(ElfError::NotExecutable),
    }
}

/// Checks one loadable segment by itself.
fn segment<'a>(header: &ProgramHeader, file: &'a [u8]) -> Result<Segment<'a>, ElfError> {
    let at = header.p_vaddr;
    if header.p_filesz > header.p_memsz {
        return Err(ElfError::BadSize(at));
    }
    // ELF: address and offset agree modulo the alignment; 0 and 1 mean none.
    let align = header.p_align.max(1);
    let is_kept = align.is_power_of_two() && (at ^ header.p_offset) & (align - 1) == 0;
    if !is_kept || align > MAX_ALIGN {
        return Err(ElfError::BadAlignment(at));
    }
    let end = at.checked_add(header.p_memsz);
    let end = end.and_then(|end| end.checked_next_multiple_of(PAGE_SIZE));
    let end = end.ok_or(ElfError::OutOfRange(at))?;
    let mut allows = VmOptions::PERM_READ;
    allows.set(VmOptions::PERM_WRITE, header.p_flags & abi::PF_W != 0);
    allows.set(VmOptions::PERM_EXECUTE, header.p_flags & abi::PF_X != 0);
    if allows.contains(VmOptions::PERM_WRITE | VmOptions::PERM_EXECUTE) {
        return Err(ElfError::WritableCode(at));
    }
    let skew = at % PAGE_SIZE;
    Ok(Segment {
        page: at - skew,
        skew,
        bytes: end - (at - skew),
        file,
        allows,
    })
}

/// Checks that no page belongs to two segments, which are sorted: it can have one protection only.
fn check_overlap(segments: &[Segment<'_>]) -> Result<(), ElfError> {
    for pair in segments.windows(2) {
        if let [low, high] = pair
            && low.end() > high.page
        {
            return Err(ElfError::Overlap(high.start()));
        }
    }
    if segments.is_empty() {
        return Err(ElfError::Empty);
    }
    Ok(())
}

fn check_entry(segments: &[Segment<'_>], entry: u64) -> Result<(), ElfError> {
    let is_code = |segment: &Segment<'_>| {
        segment.allows.contains(VmOptions::PERM_EXECUTE)
            && (segment.page..segment.end()).contains(&entry)
    };
    if segments.iter().any(is_code) {
        Ok(())
    } else {
        Err(ElfError::BadEntry(entry))
    }
}
