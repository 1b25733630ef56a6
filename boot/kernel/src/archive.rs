//! Reads the boot archive: a cpio in the `newc` format, as Linux takes it for an initial RAM disk.
//!
//! Format: "initramfs buffer format" of the Linux kernel documentation. Each file is a header of
//! thirteen numbers of eight hexadecimal digits, its name, and its bytes, each padded to four
//! bytes; the last has the name `TRAILER!!!`. [`find`] is what boot needs of it: one file.

use core::fmt;

/// Bytes in a file's header: the magic number and thirteen fields.
const HEADER_BYTES: usize = 110;
/// Bytes in the magic number.
const MAGIC_BYTES: usize = 6;
/// Digits in a field.
const FIELD_BYTES: usize = 8;
/// What the last entry is called.
const TRAILER: &[u8] = b"TRAILER!!!";
/// The bits of a mode that say what kind of file it is, and those of a regular one (`S_IFMT`).
const KIND_MASK: u32 = 0o170_000;
const KIND_REGULAR: u32 = 0o100_000;

/// Fields of a header by their place.
const MODE: usize = 1;
const FILE_SIZE: usize = 6;
const NAME_SIZE: usize = 11;

/// Why an archive cannot be read. Each names the byte where the entry concerned begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ArchiveError {
    /// The archive is compressed.
    Compressed,
    /// No entry begins there.
    NotAnEntry(usize),
    /// A field of the header is not a number.
    NotANumber(usize),
    /// The entry reaches past the end of the archive, or there is no last entry.
    Truncated(usize),
    /// The name does not end with a zero byte.
    Name(usize),
}

impl fmt::Display for ArchiveError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Compressed => f.write_str("the boot archive is compressed: use a plain cpio"),
            Self::NotAnEntry(at) => {
                write!(f, "the boot archive is no newc cpio: no entry at byte {at}")
            }
            Self::NotANumber(at) => {
                write!(
                    f,
                    "the boot archive is broken: a bad number in the entry at byte {at}"
                )
            }
            Self::Truncated(at) => {
                write!(f, "the boot archive is truncated in the entry at byte {at}")
            }
            Self::Name(at) => {
                write!(
                    f,
                    "the boot archive is broken: a bad name in the entry at byte {at}"
                )
            }
        }
    }
}

/// One entry of an archive.
struct Entry<'a> {
    name: &'a [u8],
    mode: u32,
    bytes: &'a [u8],
    /// Where the next entry begins.
    next: usize,
}

/// Looks a regular file up by its name; a leading `./` or `/` in the archive does not matter.
///
/// # Errors
/// [`ArchiveError`], for a fault in any entry up to the one looked for.
pub fn find<'a>(archive: &'a [u8], name: &str) -> Result<Option<&'a [u8]>, ArchiveError> {
    if archive.starts_with(&[0x1f, 0x8b]) || archive.starts_with(b"\xfd7zXZ\0") {
        return Err(ArchiveError::Compressed);
    }
    let mut at = 0;
    loop {
        let entry = entry(archive, at)?;
        if entry.name == TRAILER {
            return Ok(None);
        }
        if entry.mode & KIND_MASK == KIND_REGULAR && plain(entry.name) == name.as_bytes() {
            return Ok(Some(entry.bytes));
        }
        at = entry.next;
    }
}

/// The name without what `find . | cpio` puts in front.
fn plain(name: &[u8]) -> &[u8] {
    let name = name.strip_prefix(b".").unwrap_or(name);
    name.strip_prefix(b"/").unwrap_or(name)
}

/// Reads the entry that begins at byte `at`.
fn entry(archive: &[u8], at: usize) -> Result<Entry<'_>, ArchiveError> {
    let truncated = ArchiveError::Truncated(at);
    let rest = archive.get(at..).ok_or(truncated)?;
    let header = match rest.get(..HEADER_BYTES) {
        Some(header) => header,
        None if b"070701".starts_with(rest) || rest.starts_with(b"07070") => return Err(truncated),
        None => return Err(ArchiveError::NotAnEntry(at)),
    };
    // 070702 is the same with a checksum of the data, which the initial RAM disk ignores too.
    if !header.starts_with(b"070701") && !header.starts_with(b"070702") {
        return Err(ArchiveError::NotAnEntry(at));
    }
    let field = |number| field(header, number).ok_or(ArchiveError::NotANumber(at));
    let mode = field(MODE)?;
    let size = |number| {
        let size = field(number)?;
        usize::try_from(size).map_err(|_| truncated)
    };
    // Offsets count from the start of the archive, which is where the padding counts from.
    let name_at = at.checked_add(HEADER_BYTES).ok_or(truncated)?;
    let name_end = name_at.checked_add(size(NAME_SIZE)?).ok_or(truncated)?;
    let data_at = padded(name_end).ok_or(truncated)?;
    let data_end = data_at.checked_add(size(FILE_SIZE)?).ok_or(truncated)?;
    let name = archive.get(name_at..name_end).ok_or(truncated)?;
    Ok(Entry {
        name: name.strip_suffix(b"\0").ok_or(ArchiveError::Name(at))?,
        mode,
        bytes: archive.get(data_at..data_end).ok_or(truncated)?,
        next: padded(data_end).ok_or(truncated)?,
    })
}

/// The offset rounded up to four bytes.
fn padded(offset: usize) -> Option<usize> {
    offset.checked_next_multiple_of(4)
}

/// Reads one field of a header; only digits make a number, no sign and no blank.
fn field(header: &[u8], number: usize) -> Option<u32> {
    let start = MAGIC_BYTES + number * FIELD_BYTES;
    let digits = header.get(start..start + FIELD_BYTES)?;
    digits.iter().try_fold(0_u32, |value, &digit| {
        let digit = char::from(digit).to_digit(16)?;
        Some(value << 4 | digit)
    })
}

#[cfg(test)]
mod tests {
    use super::{ArchiveError, find};

    /// Appends an entry as `cpio -H newc` writes it.
    fn push(archive: &mut Vec<u8>, name: &str, mode: u32, bytes: &[u8]) {
        let numbers = [
            1,
            mode,
            0,
            0,
            1,
            0,
            u32::try_from(bytes.len()).unwrap(),
            0,
            0,
            0,
            0,
            u32::try_from(name.len() + 1).unwrap(),
            0,
        ];
        archive.extend(b"070701");
        for number in numbers {
            archive.extend(format!("{number:08X}").bytes());
        }
        archive.extend(name.bytes());
        archive.push(0);
        archive.resize(archive.len().next_multiple_of(4), 0);
        archive.extend(bytes);
        archive.resize(archive.len().next_multiple_of(4), 0);
    }

    fn archive() -> Vec<u8> {
        let mut archive = Vec::new();
        push(&mut archive, ".", 0o040_755, b"");
        push(&mut archive, "./init.d", 0o040_755, b"");
        push(&mut archive, "./motd", 0o100_644, b"hello");
        push(&mut archive, "./init", 0o100_755, b"\x7fELF and so on");
        push(&mut archive, "TRAILER!!!", 0, b"");
        archive
    }

    #[test]
    fn files_are_found_by_name() {
        let archive = archive();
        assert_eq!(find(&archive, "motd"), Ok(Some(&b"hello"[..])));
        assert_eq!(find(&archive, "init"), Ok(Some(&b"\x7fELF and so on"[..])));
        assert_eq!(find(&archive, "init.d"), Ok(None));
        assert_eq!(find(&archive, "other"), Ok(None));
    }

    #[test]
    fn names_are_found_with_every_prefix() {
        for name in ["init", "/init", "./init"] {
            let mut archive = Vec::new();
            push(&mut archive, name, 0o100_755, b"x");
            assert_eq!(find(&archive, "init"), Ok(Some(&b"x"[..])), "{name}");
        }
    }

    #[test]
    fn every_cut_is_noticed() {
        let archive = archive();
        for length in 0..archive.len() - 3 {
            let result = find(&archive[..length], "other");
            assert!(
                matches!(result, Err(ArchiveError::Truncated(_))),
                "{length}: {result:?}"
            );
        }
    }

    #[test]
    fn what_is_no_archive_is_refused() {
        assert_eq!(
            find(&[0x1f, 0x8b, 8, 0], "init"),
            Err(ArchiveError::Compressed)
        );
        assert_eq!(find(&[b'x'; 200], "init"), Err(ArchiveError::NotAnEntry(0)));
        assert_eq!(find(b"short", "init"), Err(ArchiveError::NotAnEntry(0)));
        let mut broken = archive();
        broken[MODE_DIGIT] = b'+';
        assert_eq!(find(&broken, "init"), Err(ArchiveError::NotANumber(0)));
    }

    /// Where the first digit of the first entry's mode is.
    const MODE_DIGIT: usize = 14;

    #[test]
    fn absurd_sizes_are_refused() {
        let mut archive = Vec::new();
        push(&mut archive, "init", 0o100_755, b"x");
        let size_at = 6 + 8 * 6;
        archive[size_at..size_at + 8].copy_from_slice(b"FFFFFFFF");
        assert_eq!(find(&archive, "init"), Err(ArchiveError::Truncated(0)));
        let name_at = 6 + 8 * 11;
        archive[name_at..name_at + 8].copy_from_slice(b"00000000");
        assert!(find(&archive, "init").is_err());
    }

    #[test]
    fn names_need_their_zero() {
        let mut archive = Vec::new();
        push(&mut archive, "init", 0o100_755, b"x");
        archive[110 + 4] = b'!';
        assert_eq!(find(&archive, "init"), Err(ArchiveError::Name(0)));
    }

    #[test]
    fn no_single_wrong_byte_panics() {
        let archive = archive();
        for index in 0..archive.len() {
            for byte in [0, b'0', b'F', 0xff] {
                let mut broken = archive.clone();
                broken[index] = byte;
                if let Ok(Some(bytes)) = find(&broken, "init") {
                    assert!(bytes.len() < archive.len());
                }
            }
        }
    }
}
