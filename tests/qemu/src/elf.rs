//! Programs that are wrong in one way: good ones with a few bytes changed (ELF-64, little-endian).

/// The class: 32 or 64 bits.
pub const CLASS: usize = 4;
/// What kind of file it is.
pub const TYPE: usize = 16;
/// The processor that it is for.
pub const MACHINE: usize = 18;
/// The first instruction.
pub const ENTRY: usize = 24;
/// Where the program headers are.
const HEADERS: usize = 32;
/// How many of them.
pub const COUNT: usize = 56;
/// Bytes in a program header.
const HEADER_BYTES: usize = 56;
/// A program header's type, for a segment to load.
const LOAD: u32 = 1;

/// Fields of a program header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Field {
    /// What it is for: 4 bytes.
    Type = 0,
    /// What the segment's pages allow: 4 bytes.
    Flags = 4,
    /// Where it is in memory.
    Address = 16,
    /// How many bytes are in the file.
    FileBytes = 32,
    /// How many bytes are in memory.
    MemoryBytes = 40,
}

/// Overwrites bytes.
pub fn put(file: &mut [u8], at: usize, bytes: &[u8]) {
    file[at..at + bytes.len()].copy_from_slice(bytes);
}

/// Overwrites a field of a segment that is loaded, counted from 0.
///
/// # Panics
/// When there are not so many.
pub fn put_segment(file: &mut [u8], segment: usize, field: Field, bytes: &[u8]) {
    let at = segment_header(file, segment) + field as usize;
    put(file, at, bytes);
}

/// Reads a field of eight bytes of a segment that is loaded, counted from 0.
///
/// # Panics
/// When there are not so many.
#[must_use]
pub fn segment(file: &[u8], segment: usize, field: Field) -> u64 {
    let at = segment_header(file, segment) + field as usize;
    u64::from_le_bytes(word(file, at))
}

/// Where the header of a segment that is loaded begins.
fn segment_header(file: &[u8], segment: usize) -> usize {
    let first = usize::try_from(u64::from_le_bytes(word(file, HEADERS)))
        .expect("the headers are in the file");
    let count = usize::from(u16::from_le_bytes(word(file, COUNT)));
    let headers = (0..count).map(|index| first + index * HEADER_BYTES);
    let mut loads = headers.filter(|at| u32::from_le_bytes(word(file, *at)) == LOAD);
    loads.nth(segment).expect("programs have several segments")
}

fn word<const N: usize>(file: &[u8], at: usize) -> [u8; N] {
    let bytes = &file[at..at + N];
    bytes.try_into().expect("the slice has this length")
}
