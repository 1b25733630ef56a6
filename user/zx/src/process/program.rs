//! A program as memory objects, from which any number of processes are made.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use jacinth_abi::{Status, VmOptions};
use jacinth_elf::{Image, Machine, Place, Segment};

use super::{StartError, refused};
use crate::{Handle, Rights, Vmar, Vmo, VmoOptions, cpio, sys};

/// How much of a segment is written in one call, in bytes.
const PIECE: usize = 64 << 10;

/// A program that can be started, as often as is wished.
///
/// Each of its segments is a VMO whose handle has no more rights than its pages need. Code and
/// constants are shared by all processes that run it, as nobody can write them; what is written
/// each process has a snapshot of.
#[derive(Debug)]
pub struct Program {
    segments: Vec<Loaded>,
    entry: u64,
    place: Place,
    /// The pages that it takes: address and length in bytes.
    span: (u64, u64),
    align: u64,
    stack: Option<u64>,
}

/// A segment in memory.
#[derive(Debug)]
struct Loaded {
    page: u64,
    bytes: u64,
    allows: VmOptions,
    vmo: Vmo,
}

impl Program {
    /// Reads a program out of an archive.
    ///
    /// # Errors
    /// NOT_FOUND and other statuses, and what [`Program::read`] says.
    pub fn from_archive(archive: &Vmo, name: &str) -> Result<Self, StartError> {
        let file = cpio::find(archive, name)
            .and_then(|entry| entry.read(archive))
            .map_err(refused("reading the archive"))?;
        Self::read(name, &file)
    }

    /// Reads a program; the name is for its VMOs.
    ///
    /// # Errors
    /// [`StartError::Elf`] for a file that is no program for this machine, NO_MEMORY.
    pub fn read(name: &str, file: &[u8]) -> Result<Self, StartError> {
        let image = jacinth_elf::read(file, Machine::HERE)?;
        let segments = image.segments.iter();
        let segments: Result<_, Status> = segments.map(|segment| load(name, segment)).collect();
        let (entry, place, span) = (image.entry, image.place, image.span());
        let Image { align, stack, .. } = image;
        Ok(Self {
            segments: segments.map_err(refused("loading the program"))?,
            entry,
            place,
            span,
            align,
            stack,
        })
    }

    /// Its first instruction, as the file says.
    pub(super) const fn entry(&self) -> u64 {
        self.entry
    }

    /// How much stack it asks for, in bytes.
    pub(super) const fn stack(&self) -> Option<u64> {
        self.stack
    }

    /// Maps it into an address space; what is to be added to its addresses.
    ///
    /// It gets a region of its own, which allows no more than its segments do.
    ///
    /// # Errors
    /// Those of making regions and mapping; OUT_OF_RANGE for addresses that are not for users.
    pub(super) fn map(&self, root: &Vmar) -> Result<u64, Status> {
        let (first, bytes) = self.span;
        let (mut options, mut offset) = (VmOptions::CAN_MAP_SPECIFIC, 0);
        for segment in &self.segments {
            options |= may_map(segment.allows);
        }
        match self.place {
            // The smallest alignment that can be asked for is that of pages anyway.
            Place::Anywhere => {
                let log2 = self.align.trailing_zeros();
                options = options.with_alignment(u8::try_from(log2).unwrap_or(u8::MAX));
            }
            Place::Fixed => {
                let base = root.vmar_info()?.base;
                offset = first.checked_sub(base).ok_or(Status::OUT_OF_RANGE)?;
                options |= VmOptions::SPECIFIC;
            }
        }
        let (region, span) = root.allocate(options, offset, bytes)?;
        for segment in &self.segments {
            let offset = segment.page - first;
            if segment.allows.contains(VmOptions::PERM_WRITE) {
                let own = segment.vmo.snapshot(0, segment.bytes)?;
                let rights = Rights::READ | Rights::WRITE | Rights::MAP;
                let own = Vmo::from(Handle::from(own).replace(rights)?);
                let options = segment.allows | VmOptions::SPECIFIC;
                map_for_good(&region, options, offset, &own, segment.bytes)?;
            } else {
                // All at once: it is in memory already.
                let options = segment.allows | VmOptions::SPECIFIC | VmOptions::MAP_RANGE;
                map_for_good(&region, options, offset, &segment.vmo, segment.bytes)?;
            }
        }
        Ok(span.base().wrapping_sub(first))
    }
}

/// The options of a region in which such mappings can be made.
fn may_map(allows: VmOptions) -> VmOptions {
    let mut options = VmOptions::empty();
    for (permission, may) in [
        (VmOptions::PERM_READ, VmOptions::CAN_MAP_READ),
        (VmOptions::PERM_WRITE, VmOptions::CAN_MAP_WRITE),
        (VmOptions::PERM_EXECUTE, VmOptions::CAN_MAP_EXECUTE),
    ] {
        options.set(may, allows.contains(permission));
    }
    options
}

/// Makes a VMO of a segment.
fn load(name: &str, segment: &Segment<'_>) -> Result<Loaded, Status> {
    let Segment { page, bytes, .. } = *segment;
    let mut vmo = Vmo::create(bytes, VmoOptions::empty())?;
    vmo.set_name(&described(name, segment.allows))?;
    let offsets = (segment.skew..).step_by(PIECE);
    for (piece, offset) in segment.file.chunks(PIECE).zip(offsets) {
        vmo.write(offset, piece)?;
    }
    let mut rights = Rights::READ | Rights::MAP;
    if segment.allows.contains(VmOptions::PERM_EXECUTE) {
        vmo.cache_sync(0, bytes)?;
        vmo = vmo.replace_as_executable(None)?;
        rights |= Rights::EXECUTE;
    } else if segment.allows.contains(VmOptions::PERM_WRITE) {
        // Nobody writes what snapshots are made of; they have its rights, and WRITE.
        rights |= Rights::DUPLICATE;
    }
    Ok(Loaded {
        page,
        bytes,
        allows: segment.allows,
        vmo: Vmo::from(Handle::from(vmo).replace(rights)?),
    })
}

/// A segment's name: its program's, and what its pages allow.
fn described(name: &str, allows: VmOptions) -> String {
    let letter = |permission, letter| match allows.contains(permission) {
        true => letter,
        false => '-',
    };
    let write = letter(VmOptions::PERM_WRITE, 'w');
    let execute = letter(VmOptions::PERM_EXECUTE, 'x');
    format!("{name} r{write}{execute}")
}

/// Maps a VMO into a region of another process, where it stays until that ends.
pub(super) fn map_for_good(
    region: &Vmar,
    options: VmOptions,
    offset: u64,
    vmo: &Vmo,
    bytes: u64,
) -> Result<(), Status> {
    let mut at = [0; 8];
    sys::vmar_map(
        region.value(),
        options,
        offset,
        vmo.value(),
        0,
        bytes,
        &mut at,
    )
}
