//! Programs right and wrong, made byte by byte.

use super::{BIAS, MAX_SEGMENTS, ProgramError, read};
use elf::abi::{EM_AARCH64, EM_X86_64, ET_DYN, ET_EXEC, ET_REL, PF_R, PF_W, PF_X};
use elf::abi::{PT_INTERP, PT_LOAD, PT_NOTE};
use jacinth_kernel::hal::MmuFlags;
use jacinth_kernel::{VirtAddr, VirtRange};

const USER: VirtRange = VirtRange {
    start: VirtAddr::new(0x20_0000),
    end: VirtAddr::new(0x7fff_ffff_f000),
};

/// A program header; the offset in the file is filled in.
#[derive(Clone, Copy)]
struct Part {
    kind: u32,
    flags: u32,
    at: u64,
    bytes: &'static [u8],
    memory: u64,
    align: u64,
}

const CODE: Part = Part {
    kind: PT_LOAD,
    flags: PF_R | PF_X,
    at: 0x20_0000,
    bytes: b"\xc3code",
    memory: 5,
    align: 1,
};
const DATA: Part = Part {
    kind: PT_LOAD,
    flags: PF_R | PF_W,
    at: 0x20_1008,
    bytes: b"data",
    memory: 0x2000,
    align: 8,
};

struct File {
    kind: u16,
    machine: u16,
    entry: u64,
    parts: Vec<Part>,
}

impl File {
    fn new(parts: &[Part]) -> Self {
        Self {
            kind: ET_EXEC,
            machine: EM_X86_64,
            entry: 0x20_0000,
            parts: parts.to_vec(),
        }
    }

    fn bytes(&self) -> Vec<u8> {
        let mut file = vec![0x7f, b'E', b'L', b'F', 2, 1, 1];
        file.resize(16, 0);
        file.extend(self.kind.to_le_bytes());
        file.extend(self.machine.to_le_bytes());
        file.extend(1_u32.to_le_bytes());
        for word in [self.entry, 64, 0] {
            file.extend(word.to_le_bytes());
        }
        file.extend(0_u32.to_le_bytes());
        let count = u16::try_from(self.parts.len()).unwrap();
        for half in [64, 56, count, 64, 0, 0] {
            file.extend(half.to_le_bytes());
        }
        let mut data = Vec::new();
        let start = file.len() + 56 * self.parts.len();
        for part in &self.parts {
            let place = u64::try_from(start + data.len()).unwrap();
            // As a linker does: the offset agrees with the address modulo the alignment.
            let gap = part.at.wrapping_sub(place) % part.align.max(1);
            data.resize(data.len() + usize::try_from(gap).unwrap(), 0);
            let size = u64::try_from(part.bytes.len()).unwrap();
            file.extend(part.kind.to_le_bytes());
            file.extend(part.flags.to_le_bytes());
            for word in [place + gap, part.at, 0, size, part.memory, part.align] {
                file.extend(word.to_le_bytes());
            }
            data.extend(part.bytes);
        }
        file.extend(data);
        file
    }
}

fn refusal(file: &File) -> ProgramError {
    refusal_of(&file.bytes())
}

fn refusal_of(bytes: &[u8]) -> ProgramError {
    read(bytes, "x86_64", USER).unwrap_err()
}

#[test]
fn a_program_is_laid_out_as_it_says() {
    let bytes = File::new(&[DATA, CODE]).bytes();
    let image = read(&bytes, "x86_64", USER).unwrap();
    assert_eq!(image.entry, VirtAddr::new(0x20_0000));
    let [code, data] = &image.segments[..] else {
        panic!("{:?}", image.segments)
    };
    assert_eq!(
        (code.at.raw(), code.file, code.mem_bytes),
        (0x20_0000, &b"\xc3code"[..], 5)
    );
    assert_eq!(code.flags, MmuFlags::READ | MmuFlags::EXECUTE);
    assert_eq!(
        (data.at.raw(), data.file, data.mem_bytes),
        (0x20_1008, &b"data"[..], 0x2000)
    );
    assert_eq!(data.flags, MmuFlags::READ | MmuFlags::WRITE);
}

#[test]
fn position_independent_programs_get_the_bias() {
    let mut file = File::new(&[Part { at: 0, ..CODE }, Part { at: 0x1008, ..DATA }]);
    (file.kind, file.machine, file.entry) = (ET_DYN, EM_AARCH64, 3);
    let bytes = file.bytes();
    let image = read(&bytes, "aarch64", USER).unwrap();
    assert_eq!(image.entry.raw(), BIAS + 3);
    assert_eq!(image.segments[1].at.raw(), BIAS + 0x1008);
}

#[test]
fn what_is_no_program_is_refused() {
    assert_eq!(refusal_of(b"#!/bin/sh\necho hello\n"), ProgramError::NotElf);
    assert_eq!(refusal_of(b""), ProgramError::NotElf);
    let mut narrow = File::new(&[CODE]).bytes();
    narrow[4] = 1;
    assert_eq!(refusal_of(&narrow), ProgramError::WrongClass);
    let mut file = File::new(&[CODE]);
    file.kind = ET_REL;
    assert_eq!(refusal(&file), ProgramError::NotExecutable);
    assert_eq!(refusal(&File::new(&[])), ProgramError::Empty);
    let note = Part {
        kind: PT_NOTE,
        ..CODE
    };
    assert_eq!(refusal(&File::new(&[note])), ProgramError::Empty);
}

#[test]
fn programs_for_another_machine_are_named() {
    let mut file = File::new(&[CODE]);
    file.machine = EM_AARCH64;
    assert_eq!(
        refusal(&file).to_string(),
        "a program for aarch64, this machine is x86_64"
    );
    file.machine = 243;
    assert_eq!(
        refusal(&file).to_string(),
        "a program for ELF machine 243, this machine is x86_64"
    );
}

#[test]
fn every_cut_is_noticed() {
    let bytes = File::new(&[CODE, DATA]).bytes();
    for length in 4..bytes.len() {
        assert_eq!(
            refusal_of(&bytes[..length]),
            ProgramError::Truncated,
            "{length}"
        );
    }
}

#[test]
fn shared_libraries_are_not_looked_for() {
    let interpreter = Part {
        kind: PT_INTERP,
        ..CODE
    };
    assert_eq!(
        refusal(&File::new(&[interpreter, CODE])),
        ProgramError::NeedsInterpreter
    );
}

#[test]
fn segments_are_checked_one_by_one() {
    let wrong = |part: Part| refusal(&File::new(&[CODE, part]));
    let at = DATA.at;
    assert_eq!(wrong(Part { memory: 3, ..DATA }), ProgramError::BadSize(at));
    assert_eq!(
        wrong(Part { align: 6, ..DATA }),
        ProgramError::BadAlignment(at)
    );
    assert_eq!(
        wrong(Part { at: 0x1000, ..DATA }),
        ProgramError::OutsideUser(0x1000)
    );
    assert_eq!(
        wrong(Part {
            at: 0x7fff_ffff_e000,
            ..DATA
        }),
        ProgramError::OutsideUser(0x7fff_ffff_e000)
    );
    assert_eq!(
        wrong(Part {
            memory: u64::MAX,
            ..DATA
        }),
        ProgramError::OutsideUser(at)
    );
    assert_eq!(
        wrong(Part {
            flags: PF_W | PF_X,
            ..DATA
        }),
        ProgramError::WritableCode(at)
    );
    assert_eq!(
        wrong(Part {
            at: 0x20_0ff8,
            ..DATA
        }),
        ProgramError::Overlap(0x20_0ff8)
    );
}

#[test]
fn segments_without_memory_do_not_count() {
    let hollow = Part {
        bytes: b"",
        memory: 0,
        ..CODE
    };
    let bytes = File::new(&[CODE, hollow]).bytes();
    assert_eq!(read(&bytes, "x86_64", USER).unwrap().segments.len(), 1);
}

#[test]
fn misaligned_segments_are_refused() {
    let mut bytes = File::new(&[CODE, DATA]).bytes();
    // The second header's offset in the file, moved by one byte.
    bytes[64 + 56 + 8] -= 1;
    assert_eq!(refusal_of(&bytes), ProgramError::BadAlignment(DATA.at));
}

#[test]
fn the_entry_must_be_code() {
    for entry in [0, 0x20_0005, DATA.at, u64::MAX] {
        let mut file = File::new(&[CODE, DATA]);
        file.entry = entry;
        assert_eq!(refusal(&file), ProgramError::BadEntry(entry));
    }
}

#[test]
fn many_segments_are_too_many() {
    let parts: Vec<Part> = (0_u64..)
        .map(|index| Part {
            at: 0x20_0000 + index * 0x1000,
            ..CODE
        })
        .take(MAX_SEGMENTS + 1)
        .collect();
    assert_eq!(refusal(&File::new(&parts)), ProgramError::TooManySegments);
    assert!(read(&File::new(&parts[1..]).bytes(), "x86_64", USER).is_err());
    assert!(read(&File::new(&parts[..MAX_SEGMENTS]).bytes(), "x86_64", USER).is_ok());
}

#[test]
fn no_single_wrong_byte_panics() {
    let bytes = File::new(&[CODE, DATA]).bytes();
    for index in 0..bytes.len() {
        for byte in [0, 1, 0x7f, 0xff] {
            let mut broken = bytes.clone();
            broken[index] = byte;
            drop(read(&broken, "x86_64", USER));
        }
    }
}
