//! Boot archives, good and bad: cpio in the `newc` format ("initramfs buffer format" of the Linux
//! kernel documentation). Written apart from the runner's own, so that one checks the other.

/// A regular file, and a folder.
const FILE: u32 = 0o100_755;
const FOLDER: u32 = 0o040_755;

/// An archive with these files.
#[must_use]
pub fn of(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (name, contents) in files {
        append(&mut bytes, name, FILE, contents);
    }
    append(&mut bytes, "TRAILER!!!", 0, &[]);
    bytes
}

/// An archive with nothing but a folder.
#[must_use]
pub fn of_folder(name: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    append(&mut bytes, name, FOLDER, &[]);
    append(&mut bytes, "TRAILER!!!", 0, &[]);
    bytes
}

fn append(bytes: &mut Vec<u8>, name: &str, mode: u32, contents: &[u8]) {
    let (size, name_size) = (contents.len(), name.len() + 1);
    let before = format!("070701{:08x}{mode:08x}{:08x}{:08x}", 1, 0, 0);
    let after = format!(
        "{:08x}{:08x}{size:08x}{:032x}{name_size:08x}{:08x}",
        1, 0, 0, 0
    );
    bytes.extend([before, after, name.into(), "\0".into()].concat().bytes());
    bytes.resize(bytes.len().next_multiple_of(4), 0);
    bytes.extend(contents);
    bytes.resize(bytes.len().next_multiple_of(4), 0);
}
