//! The boot archive: a cpio in the `newc` format, the one Linux takes as initial RAM disk.
//!
//! The kernel looks for the file `init` in it and starts that. Format: the kernel documentation of
//! Linux, "initramfs buffer format". Only regular files are written, without owner or time, so
//! that the same files give the same archive.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::failure::Failure;

/// The name of the program that the kernel starts.
pub(crate) const INIT: &str = "init";

/// Mode of a regular file that everybody may read and run (`S_IFREG | 0o755`).
const MODE: u32 = 0o100_755;

/// Bytes in a page.
const PAGE: usize = 4096;

/// A boot archive being put together: names and contents in the order of insertion.
#[derive(Default)]
pub(crate) struct Archive {
    bytes: Vec<u8>,
    inode: u32,
}

impl Archive {
    /// Appends a regular file.
    pub(crate) fn add(&mut self, name: &str, contents: &[u8]) -> Result<(), Failure> {
        let size = u32::try_from(contents.len()).map_err(|_| {
            Failure::input(
                Path::new(name),
                "4 GiB and more do not fit the boot archive",
            )
        })?;
        self.inode += 1;
        self.header(name, MODE, size);
        self.bytes.extend_from_slice(contents);
        self.align();
        Ok(())
    }

    /// Appends the end mark and returns the archive.
    pub(crate) fn finish(mut self) -> Vec<u8> {
        self.inode = 0;
        self.header("TRAILER!!!", 0, 0);
        self.bytes
    }

    /// Writes a header: the magic, thirteen fields of eight hexadecimal digits, the name with its NUL.
    fn header(&mut self, name: &str, mode: u32, size: u32) {
        let name_size = u32::try_from(name.len() + 1).expect("file names are short");
        let fields = [
            self.inode, mode, 0, 0, 1, // inode, mode, user, group, links
            0, size, 0, 0, 0, 0, // time, size, device and rdevice (major, minor)
            name_size, 0, // name size, checksum (unused in newc)
        ];
        self.bytes.extend_from_slice(b"070701");
        for field in fields {
            self.bytes
                .extend_from_slice(format!("{field:08x}").as_bytes());
        }
        self.bytes.extend_from_slice(name.as_bytes());
        self.bytes.push(0);
        self.align();
    }

    /// Fills up to a multiple of four, as `newc` wants before contents and before the next header.
    fn align(&mut self) {
        self.bytes.resize(self.bytes.len().next_multiple_of(4), 0);
    }
}

/// Pads an archive so that it ends right behind the start of a page.
///
/// QEMU loads it to the end of RAM. On `microvm` that is also where the firmware, qboot, puts ACPI
/// tables, and neither knows of the other: one byte of the last page is harmless, most of it not.
pub(crate) fn leave_last_page(archive: &mut Vec<u8>) {
    let whole_pages = archive.len().next_multiple_of(PAGE);
    archive.resize(whole_pages + 1, 0);
}

/// Lists the regular files below a folder with their names relative to it, sorted.
pub(crate) fn files_below(folder: &Path) -> Result<Vec<(String, PathBuf)>, Failure> {
    let mut files = Vec::new();
    let mut folders = vec![(String::new(), folder.to_path_buf())];
    while let Some((prefix, path)) = folders.pop() {
        for entry in fs::read_dir(&path).map_err(|error| Failure::input(&path, error))? {
            let path = entry.map_err(|error| Failure::input(&path, error))?.path();
            let name = path.file_name().and_then(|name| name.to_str());
            let name = name.ok_or_else(|| Failure::input(&path, "the name is not UTF-8"))?;
            let name = format!("{prefix}{name}");
            // A link to a file packs that file; a link to a folder could lead round in circles.
            let kind = fs::metadata(&path).map_err(|error| Failure::input(&path, error))?;
            if kind.is_dir() && path.is_symlink() {
                return Err(Failure::input(&path, "a symbolic link to a folder"));
            } else if kind.is_dir() {
                folders.push((format!("{name}/"), path));
            } else if kind.is_file() {
                files.push((name, path));
            } else {
                return Err(Failure::input(&path, "neither a file nor a folder"));
            }
        }
    }
    files.sort();
    Ok(files)
}

/// Writes a file so that a reader sees the old or the new contents, never a part; does nothing when they are equal.
pub(crate) fn write_atomically(path: &Path, contents: &[u8]) -> io::Result<()> {
    if fs::read(path).is_ok_and(|old| old == contents) {
        return Ok(());
    }
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    let temporary = path.with_extension(format!("new-{}", std::process::id()));
    fs::write(&temporary, contents)?;
    fs::rename(&temporary, path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_laid_out_as_newc_demands() {
        let mut archive = Archive::default();
        archive.add("init", b"hello").unwrap();
        let bytes = archive.finish();

        assert_eq!(&bytes[..6], b"070701");
        assert_eq!(&bytes[14..22], b"000081ed", "mode");
        assert_eq!(&bytes[54..62], b"00000005", "size");
        assert_eq!(&bytes[94..102], b"00000005", "name with its NUL");
        assert_eq!(&bytes[110..115], b"init\0");
        assert_eq!(
            &bytes[116..124],
            b"hello\0\0\0",
            "contents at a multiple of four"
        );
        assert_eq!(&bytes[124..130], b"070701");
        assert!(
            bytes[124..]
                .windows(11)
                .any(|window| window == b"TRAILER!!!\0")
        );
        assert_eq!(bytes.len() % 4, 0);
    }

    #[test]
    fn an_empty_archive_has_only_the_end_mark() {
        assert_eq!(Archive::default().finish().len(), 124);
    }

    #[test]
    fn files_of_all_lengths_stay_aligned() {
        for length in 0..9 {
            let mut archive = Archive::default();
            archive.add("abc", &vec![1; length]).unwrap();
            archive.add("next", b"").unwrap();
            let bytes = archive.finish();
            // Header and name take 114 bytes, 116 with padding.
            let second = 116 + length.next_multiple_of(4);
            assert_eq!(&bytes[second..second + 6], b"070701", "length {length}");
        }
    }

    #[test]
    fn the_last_page_is_left_to_firmware() {
        for (length, padded) in [(1, 4097), (4096, 4097), (4097, 8193)] {
            let mut archive = vec![1; length];
            leave_last_page(&mut archive);
            assert_eq!(archive.len(), padded, "{length}");
            assert!(archive[length..].iter().all(|byte| *byte == 0));
        }
    }

    #[test]
    fn folders_are_walked_and_sorted() {
        let folder = std::env::temp_dir().join(format!("jacinth-archive-{}", std::process::id()));
        fs::create_dir_all(folder.join("lib/deep")).unwrap();
        fs::write(folder.join("zeta"), "z").unwrap();
        fs::write(folder.join("lib/deep/one"), "1").unwrap();
        let names: Vec<_> = files_below(&folder)
            .unwrap()
            .into_iter()
            .map(|(name, _)| name)
            .collect();
        fs::remove_dir_all(&folder).unwrap();
        assert_eq!(names, ["lib/deep/one", "zeta"]);
    }
}
