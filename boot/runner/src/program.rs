//! Looks at ELF files: is this a program for that machine, and what does it look like in memory.

use std::fs;
use std::path::Path;

use object::elf::{self, FileHeader64};
use object::read::elf::{FileHeader, ProgramHeader};
use object::{Endianness, FileKind};

use crate::arch::Arch;
use crate::failure::Failure;

/// Upper bound of a flattened kernel, in bytes: beyond, the addresses in the file are wrong.
const IMAGE_LIMIT: u64 = 64 << 20;

/// Reads a user program and checks that the kernel has a chance to start it.
pub(crate) fn read_init(path: &Path, arch: Arch) -> Result<Vec<u8>, Failure> {
    let bytes = fs::read(path).map_err(|error| Failure::input(path, error))?;
    check_program(&bytes, arch).map_err(|reason| Failure::input(path, reason))?;
    Ok(bytes)
}

/// Says why these bytes are no program for the architecture.
fn check_program(bytes: &[u8], arch: Arch) -> Result<(), String> {
    match FileKind::parse(bytes) {
        Ok(FileKind::Elf64) => {}
        Ok(FileKind::Elf32) => return Err("a 32-bit ELF file, 64-bit is wanted".into()),
        _ => return Err("not an ELF file".into()),
    }
    let header = FileHeader64::<Endianness>::parse(bytes).map_err(|error| error.to_string())?;
    let endian = header.endian().map_err(|error| error.to_string())?;
    let machine = header.e_machine(endian).0;
    if endian != Endianness::Little || machine != arch.elf_machine() {
        let found = Arch::ALL
            .into_iter()
            .find(|arch| arch.elf_machine() == machine);
        let found = found.map_or_else(
            || format!("machine {machine}"),
            |arch| arch.name().to_owned(),
        );
        return Err(format!(
            "a program for {found}, {} is wanted (see --arch)",
            arch.name()
        ));
    }
    let kind = header.e_type(endian);
    if kind != elf::ET_EXEC && kind != elf::ET_DYN {
        return Err("an ELF file, but not a program (an object file?)".into());
    }
    let headers = header
        .program_headers(endian, bytes)
        .map_err(|error| error.to_string())?;
    let loads = headers
        .iter()
        .filter(|header| header.p_type(endian) == elf::PT_LOAD);
    let mut count = 0;
    for load in loads {
        load.data(endian, bytes)
            .map_err(|()| "truncated: a segment reaches past the end of the file")?;
        count += 1;
    }
    if count == 0 {
        Err("an ELF file with nothing to load".into())
    } else {
        Ok(())
    }
}

/// Lays out the loadable segments of a kernel by physical address, without its ELF clothes.
///
/// What QEMU boots on Arm with the device tree's address in x0 is a raw image; its 64-byte header
/// is part of the kernel's own first segment. Zero-filled memory after the last byte is left out:
/// the header's `image_size` speaks for it.
pub(crate) fn flatten(bytes: &[u8]) -> Result<Vec<u8>, String> {
    let header = FileHeader64::<Endianness>::parse(bytes).map_err(|error| error.to_string())?;
    let endian = header.endian().map_err(|error| error.to_string())?;
    let headers = header
        .program_headers(endian, bytes)
        .map_err(|error| error.to_string())?;
    let mut segments = Vec::new();
    for header in headers {
        if header.p_type(endian) == elf::PT_LOAD && header.p_filesz(endian) > 0 {
            let data = header
                .data(endian, bytes)
                .map_err(|()| "a segment reaches past the end of the file")?;
            segments.push((header.p_paddr(endian), data));
        }
    }
    let start = segments
        .iter()
        .map(|(address, _)| *address)
        .min()
        .ok_or("nothing to load")?;
    let mut image = Vec::new();
    for (address, data) in segments {
        let offset = address - start;
        if offset > IMAGE_LIMIT {
            return Err(format!(
                "a segment at {address:#x} is too far from the first one at {start:#x}"
            ));
        }
        let offset = usize::try_from(offset).map_err(|error| error.to_string())?;
        let end = offset + data.len();
        if image.len() < end {
            image.resize(end, 0);
        }
        image[offset..end].copy_from_slice(data);
    }
    Ok(image)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Makes a small ELF file: segments of (physical address, bytes in the file).
    fn elf_file(machine: u16, kind: u16, segments: &[(u64, &[u8])]) -> Vec<u8> {
        let mut file = vec![0x7f, b'E', b'L', b'F', 2, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        file.extend(kind.to_le_bytes());
        file.extend(machine.to_le_bytes());
        file.extend(1_u32.to_le_bytes());
        file.extend([0; 8]);
        file.extend(64_u64.to_le_bytes());
        file.extend([0; 8 + 4]);
        for half in [64, 56, u16::try_from(segments.len()).unwrap(), 64, 0, 0] {
            file.extend(half.to_le_bytes());
        }
        let mut offset = file.len() + 56 * segments.len();
        for (address, data) in segments {
            file.extend(1_u32.to_le_bytes());
            file.extend(5_u32.to_le_bytes());
            let size = u64::try_from(data.len()).unwrap();
            let words = [
                u64::try_from(offset).unwrap(),
                address + 0xffff_0000,
                *address,
                size,
                size + 64,
                4096,
            ];
            file.extend(words.iter().flat_map(|word| word.to_le_bytes()));
            offset += data.len();
        }
        file.extend(segments.iter().flat_map(|(_, data)| data.iter().copied()));
        file
    }

    #[test]
    fn segments_are_laid_out_by_physical_address() {
        let file = elf_file(183, 2, &[(0x1010, b"late"), (0x1000, b"early")]);
        assert_eq!(flatten(&file).unwrap(), b"early\0\0\0\0\0\0\0\0\0\0\0late");
    }

    #[test]
    fn nonsense_is_not_flattened() {
        assert!(flatten(b"hello").is_err());
        assert!(flatten(&elf_file(183, 2, &[])).is_err());
        assert!(
            flatten(&elf_file(183, 2, &[(0, b"a"), (1 << 40, b"b")]))
                .unwrap_err()
                .contains("too far")
        );
        let mut cut = elf_file(183, 2, &[(0, b"abcdef")]);
        cut.pop();
        assert!(flatten(&cut).unwrap_err().contains("past the end"));
    }

    #[test]
    fn only_programs_for_the_machine_become_init() {
        let reason = |bytes: &[u8]| check_program(bytes, Arch::X86_64).unwrap_err();
        assert_eq!(
            check_program(&elf_file(62, 2, &[(0, b"a")]), Arch::X86_64),
            Ok(())
        );
        assert_eq!(
            check_program(&elf_file(62, 3, &[(0, b"a")]), Arch::X86_64),
            Ok(())
        );
        assert_eq!(
            reason(b"#!/bin/sh\necho this is a script, not a program\n"),
            "not an ELF file"
        );
        assert_eq!(reason(b""), "not an ELF file");
        assert!(
            reason(&elf_file(183, 2, &[(0, b"a")]))
                .contains("a program for aarch64, x86_64 is wanted")
        );
        assert!(reason(&elf_file(62, 1, &[(0, b"a")])).contains("object file"));
        assert!(reason(&elf_file(62, 2, &[])).contains("nothing to load"));
        let mut cut = elf_file(62, 2, &[(0, b"abcdef")]);
        cut.pop();
        assert!(reason(&cut).contains("truncated"));
    }
}
