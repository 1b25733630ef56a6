//! The boot archive: a `newc` cpio, read out of its VMO without copying it whole.

use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;

use jacinth_abi::Status;

use crate::Vmo;

/// Bytes of an entry's header: the magic and thirteen numbers of eight hexadecimal digits.
const HEADER: usize = 110;
/// The name of the entry behind the last one.
const TRAILER: &str = "TRAILER!!!";
/// The longest name that is looked at, in bytes.
const MAX_NAME: u64 = 4096;

/// A file in an archive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its name, as the archive has it.
    pub name: String,
    /// Where its contents begin in the VMO, in bytes.
    pub offset: u64,
    /// How long they are, in bytes.
    pub size: u64,
    /// Type and permissions, as in Unix.
    pub mode: u32,
}

impl Entry {
    /// Copies its contents out of the archive.
    ///
    /// # Errors
    /// Those of `zx_vmo_read`; OUT_OF_RANGE for an archive that was cut off.
    pub fn read(&self, archive: &Vmo) -> Result<Vec<u8>, Status> {
        let end = self.offset.checked_add(self.size);
        if end.is_none_or(|end| archive.size().is_ok_and(|size| end > size)) {
            return Err(Status::OUT_OF_RANGE);
        }
        let size = usize::try_from(self.size).map_err(|_| Status::NO_MEMORY)?;
        let mut contents = vec![0; size];
        archive.read_long(self.offset, &mut contents)?;
        Ok(contents)
    }
}

/// Looks a file up; a leading `./` in the archive does not count.
///
/// # Errors
/// NOT_FOUND, or IO_DATA_INTEGRITY for what is no archive.
pub fn find(archive: &Vmo, name: &str) -> Result<Entry, Status> {
    let entries = entries(archive)?;
    let mut files = entries.into_iter();
    let found = files.find(|entry| entry.name.trim_start_matches("./") == name);
    found.ok_or(Status::NOT_FOUND)
}

/// Lists an archive.
///
/// # Errors
/// IO_DATA_INTEGRITY for what is no archive, and those of `zx_vmo_read`.
pub fn entries(archive: &Vmo) -> Result<Vec<Entry>, Status> {
    let mut entries = Vec::new();
    let mut at = 0;
    loop {
        let (entry, next) = entry(archive, at)?;
        if entry.name == TRAILER {
            return Ok(entries);
        }
        entries.push(entry);
        at = next;
    }
}

/// Reads the entry at `at`, and says where the next one is.
fn entry(archive: &Vmo, at: u64) -> Result<(Entry, u64), Status> {
    let broken = Status::IO_DATA_INTEGRITY;
    let mut header = [0; HEADER];
    archive.read(at, &mut header)?;
    if !header.starts_with(b"070701") && !header.starts_with(b"070702") {
        return Err(broken);
    }
    let field = |index: usize| {
        let digits = header.get(6 + index * 8..14 + index * 8)?;
        u32::from_str_radix(core::str::from_utf8(digits).ok()?, 16).ok()
    };
    let mode = field(1).ok_or(broken)?;
    let size = u64::from(field(6).ok_or(broken)?);
    let name_size = u64::from(field(11).ok_or(broken)?);
    let name_at = at + HEADER as u64;
    if !(1..=MAX_NAME).contains(&name_size) {
        return Err(broken);
    }
    let mut name = vec![0; usize::try_from(name_size - 1).map_err(|_| broken)?];
    archive.read(name_at, &mut name)?;
    let entry = Entry {
        name: String::from_utf8(name).map_err(|_| broken)?,
        offset: (name_at + name_size).next_multiple_of(4),
        size,
        mode,
    };
    let next = (entry.offset + size).next_multiple_of(4);
    Ok((entry, next))
}
