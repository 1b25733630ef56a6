//! Programs right and wrong, made byte by byte.

use elf::abi::{
    EM_AARCH64, EM_RISCV, EM_X86_64, ET_DYN, ET_EXEC, ET_REL, PF_R, PF_W, PF_X, PT_GNU_STACK,
    PT_INTERP, PT_LOAD, PT_NOTE,
};
use jacinth_abi::VmOptions;
use jacinth_elf::{ElfError, Image, MAX_SEGMENTS, MAX_STACK, Machine, Place};

const HERE: Machine = Machine::X86_64;

fn read(file: &[u8]) -> Result<Image<'_>, ElfError> {
    jacinth_elf::read(file, HERE)
}

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
            machine: HERE.number(),
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
        file.extend(
            [self.entry, 64, 0]
                .iter()
                .flat_map(|word| word.to_le_bytes()),
        );
        file.extend(0_u32.to_le_bytes());
        let count = u16::try_from(self.parts.len()).unwrap();
        let halves = [64, 56, count, 64, 0, 0];
        file.extend(halves.iter().flat_map(|half| half.to_le_bytes()));
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
            let words = [place + gap, part.at, 0, size, part.memory, part.align];
            file.extend(words.iter().flat_map(|word| word.to_le_bytes()));
            data.extend(part.bytes);
        }
        file.extend(data);
        file
    }
}

fn refusal(file: &File) -> ElfError {
    read(&file.bytes()).unwrap_err()
}

#[test]
fn a_program_is_laid_out_as_it_says() {
    let bytes = File::new(&[DATA, CODE]).bytes();
    let image = read(&bytes).unwrap();
    assert_eq!((image.entry, image.place), (0x20_0000, Place::Fixed));
    assert_eq!(image.span(), (0x20_0000, 0x4000));
    let [code, data] = &image.segments[..] else {
        panic!("{:?}", image.segments)
    };
    assert_eq!((code.page, code.skew, code.bytes), (0x20_0000, 0, 0x1000));
    assert_eq!(code.file, b"\xc3code");
    assert_eq!(code.allows, VmOptions::PERM_READ | VmOptions::PERM_EXECUTE);
    assert_eq!((data.page, data.skew, data.bytes), (0x20_1000, 8, 0x3000));
    assert_eq!(data.file, b"data");
    assert_eq!(data.allows, VmOptions::PERM_READ | VmOptions::PERM_WRITE);
}

#[test]
fn position_independent_programs_keep_their_alignment() {
    let mut file = File::new(&[Part {
        at: 0x2_1000,
        ..CODE
    }]);
    (file.kind, file.entry) = (ET_DYN, 0x2_1003);
    let bytes = file.bytes();
    let image = read(&bytes).unwrap();
    assert_eq!((image.place, image.align), (Place::Anywhere, 0x1000));
    assert_eq!(image.span(), (0x2_1000, 0x1000));
    file.parts[0].align = 0x1_0000;
    let bytes = file.bytes();
    let image = read(&bytes).unwrap();
    assert_eq!((image.align, image.span()), (0x1_0000, (0x2_0000, 0x2000)));
}

#[test]
fn a_stack_can_be_asked_for() {
    let stack = |memory| Part {
        kind: PT_GNU_STACK,
        memory,
        bytes: b"",
        ..DATA
    };
    let asks = |memory| {
        let bytes = File::new(&[CODE, stack(memory)]).bytes();
        read(&bytes).map(|image| image.stack)
    };
    assert_eq!(asks(0), Ok(None));
    assert_eq!(asks(0x10_0000), Ok(Some(0x10_0000)));
    assert_eq!(asks(MAX_STACK + 1), Err(ElfError::BadStack(MAX_STACK + 1)));
}

#[test]
fn what_is_no_program_is_refused() {
    assert_eq!(
        read(b"#!/bin/sh\necho hello\n").unwrap_err(),
        ElfError::NotElf
    );
    assert_eq!(read(b"").unwrap_err(), ElfError::NotElf);
    let mut narrow = File::new(&[CODE]).bytes();
    narrow[4] = 1;
    assert_eq!(read(&narrow).unwrap_err(), ElfError::WrongClass);
    let mut file = File::new(&[CODE]);
    file.kind = ET_REL;
    assert_eq!(refusal(&file), ElfError::NotExecutable);
    assert_eq!(refusal(&File::new(&[])), ElfError::Empty);
    let note = Part {
        kind: PT_NOTE,
        ..CODE
    };
    assert_eq!(refusal(&File::new(&[note])), ElfError::Empty);
    let interpreter = Part {
        kind: PT_INTERP,
        ..CODE
    };
    let file = File::new(&[interpreter, CODE]);
    assert_eq!(refusal(&file), ElfError::NeedsInterpreter);
}

#[test]
fn programs_for_another_machine_are_named() {
    let refused = |machine, wanted| {
        let mut file = File::new(&[CODE]);
        file.machine = machine;
        let refused = jacinth_elf::read(&file.bytes(), wanted).err();
        refused.map(|error| error.to_string())
    };
    assert_eq!(refused(EM_X86_64, Machine::X86_64), None);
    assert_eq!(refused(EM_AARCH64, Machine::Aarch64), None);
    assert_eq!(
        refused(EM_AARCH64, Machine::X86_64).unwrap(),
        "a program for aarch64, this machine is x86_64"
    );
    assert_eq!(
        refused(EM_RISCV, Machine::Aarch64).unwrap(),
        "a program for ELF machine 243, this machine is aarch64"
    );
}

#[test]
fn every_cut_is_noticed() {
    let bytes = File::new(&[CODE, DATA]).bytes();
    for length in 4..bytes.len() {
        assert_eq!(read(&bytes[..length]).unwrap_err(), ElfError::Truncated);
    }
}

#[test]
fn segments_are_checked_one_by_one() {
    let wrong = |part: Part| refusal(&File::new(&[CODE, part]));
    let at = DATA.at;
    assert_eq!(wrong(Part { memory: 3, ..DATA }), ElfError::BadSize(at));
    assert_eq!(wrong(Part { align: 6, ..DATA }), ElfError::BadAlignment(at));
    let huge = Part {
        memory: u64::MAX,
        ..DATA
    };
    assert_eq!(wrong(huge), ElfError::OutOfRange(at));
    let last = Part {
        memory: u64::MAX - at,
        ..DATA
    };
    assert_eq!(wrong(last), ElfError::OutOfRange(at));
    let writable = Part {
        flags: PF_R | PF_W | PF_X,
        ..DATA
    };
    assert_eq!(wrong(writable), ElfError::WritableCode(at));
    let near = Part {
        at: 0x20_0ff8,
        ..DATA
    };
    assert_eq!(wrong(near), ElfError::Overlap(0x20_0ff8));
    let mut bytes = File::new(&[CODE, DATA]).bytes();
    // The second header's offset in the file, moved by one byte.
    bytes[64 + 56 + 8] -= 1;
    assert_eq!(read(&bytes).unwrap_err(), ElfError::BadAlignment(at));
}

#[test]
fn segments_without_memory_do_not_count() {
    let hollow = Part {
        bytes: b"",
        memory: 0,
        ..CODE
    };
    let bytes = File::new(&[CODE, hollow]).bytes();
    assert_eq!(read(&bytes).unwrap().segments.len(), 1);
}

#[test]
fn the_entry_must_be_code() {
    for entry in [0, 0x20_1000, DATA.at, u64::MAX] {
        let mut file = File::new(&[CODE, DATA]);
        file.entry = entry;
        assert_eq!(refusal(&file), ElfError::BadEntry(entry));
    }
}

#[test]
fn many_segments_are_too_many() {
    let part = |index| Part {
        at: 0x20_0000 + index * 0x1000,
        ..CODE
    };
    let parts: Vec<Part> = (0..=MAX_SEGMENTS as u64).map(part).collect();
    assert_eq!(refusal(&File::new(&parts)), ElfError::TooManySegments);
    assert!(read(&File::new(&parts[..MAX_SEGMENTS]).bytes()).is_ok());
}

#[test]
fn no_two_wrong_bytes_panic() {
    let bytes = File::new(&[CODE, DATA]).bytes();
    for index in 0..bytes.len() {
        for byte in [0, 1, 0x7f, 0x80, 0xff] {
            let mut broken = bytes.clone();
            broken[index] = byte;
            check(&broken);
            let other = (index * 7 + 18) % bytes.len();
            broken[other] = byte.wrapping_add(1);
            check(&broken);
        }
    }
}

/// What is accepted makes sense.
fn check(file: &[u8]) {
    if let Ok(image) = read(file) {
        let (first, bytes) = image.span();
        assert!(bytes > 0 && first.checked_add(bytes).is_some());
    }
}
