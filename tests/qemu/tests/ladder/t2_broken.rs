//! Rung 2: boot archives and programs that are broken get a clear error, each its own.

use std::fs;

use jacinth_tests_qemu::elf::{self, Field};
use jacinth_tests_qemu::{Boot, Place, archive};

use crate::{Outcome, Test, test};

/// The exit status of a machine whose kernel could not start `init`.
const BOOT_FAILED: u8 = 98;

/// An archive that is no good: the test's name, how it is made, what the kernel says.
type Broken = (&'static str, fn(&Boot) -> Vec<u8>, &'static str);

const BROKEN: &[Broken] = &[
    (
        "no_archive",
        |_| Vec::new(),
        "no boot archive: pass a cpio with a file 'init'",
    ),
    (
        "not_an_archive",
        |_| vec![b'x'; 5000],
        "the boot archive is no newc cpio: no entry at byte 0",
    ),
    (
        "compressed",
        |_| b"\x1f\x8b\x08\0and so on".repeat(20),
        "the boot archive is compressed: use a plain cpio",
    ),
    (
        "truncated_archive",
        truncated_archive,
        "the boot archive is truncated in the entry at byte 0",
    ),
    (
        "no_end",
        no_end,
        "the boot archive is truncated in the entry at byte ",
    ),
    (
        "empty_archive",
        |_| archive::of(&[]),
        "the boot archive has no file 'init'",
    ),
    (
        "no_init",
        |boot| archive::of(&[("initrd", &good(boot))]),
        "the boot archive has no file 'init'",
    ),
    (
        "init_is_a_folder",
        |_| archive::of_folder("init"),
        "the boot archive has no file 'init'",
    ),
    (
        "empty_init",
        |_| archive::of(&[("init", b"")]),
        "init: not an ELF file",
    ),
    (
        "text",
        |_| archive::of(&[("init", b"#!/bin/sh\necho hello\n")]),
        "init: not an ELF file",
    ),
    (
        "bits_32",
        |boot| with(boot, |file| elf::put(file, elf::CLASS, &[1])),
        "init: not a 64-bit little-endian ELF file",
    ),
    ("truncated", truncated, "init: truncated ELF file"),
    ("header_only", header_only, "init: truncated ELF file"),
    ("other_machine", other_machine, "init: a program for "),
    (
        "unknown_machine",
        |boot| {
            with(boot, |file| {
                elf::put(file, elf::MACHINE, &243_u16.to_le_bytes())
            })
        },
        "init: a program for ELF machine 243, this machine is ",
    ),
    (
        "object_file",
        |boot| with(boot, |file| elf::put(file, elf::TYPE, &[1, 0])),
        "init: an ELF file that is no program",
    ),
    (
        "interpreter",
        |boot| with(boot, |file| elf::put_segment(file, 0, Field::Type, &[3])),
        "init: dynamically linked, a static program is wanted",
    ),
    (
        "nothing_to_load",
        |boot| with(boot, |file| elf::put(file, elf::COUNT, &[0, 0])),
        "init: an ELF file with nothing to load",
    ),
    (
        "writable_code",
        |boot| with(boot, |file| elf::put_segment(file, 1, Field::Flags, &[7])),
        " is writable and executable",
    ),
    (
        "more_bytes_than_memory",
        |boot| {
            with(boot, |file| {
                elf::put_segment(file, 0, Field::MemoryBytes, &8_u64.to_le_bytes())
            })
        },
        " is larger in the file than in memory",
    ),
    (
        "kernel_address",
        |boot| with(boot, |file| kernel_address(file)),
        " is outside the user's addresses",
    ),
    (
        "huge",
        |boot| {
            with(boot, |file| {
                elf::put_segment(file, 0, Field::MemoryBytes, &(1_u64 << 47).to_le_bytes())
            })
        },
        "init: ",
    ),
    (
        "overlap",
        |boot| with(boot, |file| overlap(file)),
        " shares a page with another",
    ),
    (
        "no_entry",
        |boot| {
            with(boot, |file| {
                elf::put(file, elf::ENTRY, &8_u64.to_le_bytes())
            })
        },
        " is in no executable segment",
    ),
];

pub(crate) fn tests() -> Vec<(String, Test)> {
    let tests = BROKEN.iter();
    tests
        .map(|(name, make, text)| test(*name, move |boot| is_refused(boot, *make, text)))
        .collect()
}

fn is_refused(boot: Boot, make: fn(&Boot) -> Vec<u8>, text: &str) -> Outcome {
    let file = boot.file("cpio");
    fs::create_dir_all(boot.place().scratch()).map_err(|error| error.to_string())?;
    fs::write(&file, make(&boot)).map_err(|error| error.to_string())?;
    let ran = boot.option("--archive", file.to_string_lossy()).run()?;
    ran.status(BOOT_FAILED)?;
    let said = ran.line_after("jacinth: boot failed: ")?;
    ran.check(said.contains(text), &format!("not said: {text}"))
}

/// A program that starts.
fn good(boot: &Boot) -> Vec<u8> {
    let program = boot.place().program(boot.arch, "faults");
    fs::read(program).expect("the programs are built")
}

/// An archive with a program that was changed.
fn with(boot: &Boot, change: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    let mut file = good(boot);
    change(&mut file);
    archive::of(&[("init", &file)])
}

fn truncated_archive(boot: &Boot) -> Vec<u8> {
    let mut bytes = archive::of(&[("init", &good(boot))]);
    bytes.truncate(bytes.len() / 2);
    bytes
}

fn no_end(_: &Boot) -> Vec<u8> {
    let mut bytes = archive::of(&[("motd", b"hello")]);
    let end = bytes.len() - 124;
    bytes.truncate(end);
    bytes
}

/// Cuts off what the last segment has in the file.
fn truncated(boot: &Boot) -> Vec<u8> {
    with(boot, |file| {
        elf::put_segment(file, 0, Field::FileBytes, &(1_u64 << 32).to_le_bytes());
        elf::put_segment(file, 0, Field::MemoryBytes, &(1_u64 << 32).to_le_bytes());
    })
}

fn header_only(boot: &Boot) -> Vec<u8> {
    with(boot, |file| file.truncate(80))
}

fn other_machine(boot: &Boot) -> Vec<u8> {
    let program = Place::find().program(boot.arch.other(), "faults");
    let file = fs::read(program).expect("the programs are built");
    archive::of(&[("init", &file)])
}

/// Puts a segment into the kernel's half, keeping its place in the page.
fn kernel_address(file: &mut [u8]) {
    let address = elf::segment(file, 0, Field::Address) | 0xffff_8000_0000_0000;
    elf::put_segment(file, 0, Field::Address, &address.to_le_bytes());
}

/// Makes the first segment reach into the second.
fn overlap(file: &mut [u8]) {
    let [first, second] = [0, 1].map(|index| elf::segment(file, index, Field::Address));
    let bytes = second - first + 1;
    elf::put_segment(file, 0, Field::MemoryBytes, &bytes.to_le_bytes());
}
