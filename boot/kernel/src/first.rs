//! Starts the first process, `init`, with what the machine came with.
//!
//! It finds the program in the boot archive, checks it, and hands the core the program and the two
//! VMOs that only boot can make: the archive, whose frames become the VMO's, and a copy of the
//! firmware's tables. All that can go wrong is a [`BootFailure`] with its own words.

extern crate alloc;

use alloc::borrow::Cow;
use alloc::vec::Vec;
use core::fmt;

use arrayvec::ArrayVec;
use jacinth_abi::processargs::{PA_VMO_BOOTDATA, PA_VMO_BOOTFS, handle_info};
use jacinth_kernel::boot::{BootError, BootVmo, Contents, Program};
use jacinth_kernel::hal::DynHal;
use jacinth_kernel::{Kernel, PAGE_SIZE, PhysRun};

use crate::archive::{self, ArchiveError};
use crate::info::{BootInfo, Kind, MAX_TABLES, Region, Tables};
use crate::program::{self, ProgramError};

/// The program that is started.
const INIT: &str = "init";
/// The most arguments: the command line has no room for more words.
const MAX_ARGUMENTS: usize = 128;
/// Where each ACPI table begins in its VMO: at a multiple of this many bytes.
const TABLE_ALIGNMENT: usize = 8;
/// Arguments of the handle to the firmware's tables: their form.
const FORM_ACPI: u32 = 0;
const FORM_DEVICE_TREE: u32 = 1;

/// Why the first process was not started.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BootFailure {
    /// The boot loader passed no archive.
    NoArchive,
    /// The archive cannot be read.
    Archive(ArchiveError),
    /// The archive has no file `init`.
    NoInit,
    /// `init` is no program for this machine.
    Program(ProgramError),
    /// There is not enough memory.
    NoMemory,
    /// The core does not take the program, although the checks here passed.
    Refused,
}

impl fmt::Display for BootFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoArchive => f.write_str("no boot archive: pass a cpio with a file 'init'"),
            Self::Archive(error) => error.fmt(f),
            Self::NoInit => f.write_str("the boot archive has no file 'init'"),
            Self::Program(error) => write!(f, "init: {error}"),
            Self::NoMemory => f.write_str("not enough memory for init"),
            Self::Refused => f.write_str("init: the kernel refuses the program"),
        }
    }
}

impl From<ArchiveError> for BootFailure {
    fn from(error: ArchiveError) -> Self {
        Self::Archive(error)
    }
}

impl From<ProgramError> for BootFailure {
    fn from(error: ProgramError) -> Self {
        Self::Program(error)
    }
}

impl From<BootError> for BootFailure {
    fn from(error: BootError) -> Self {
        match error {
            BootError::NoMemory => Self::NoMemory,
            BootError::BadProgram => Self::Refused,
        }
    }
}

/// What the boot loader and the firmware left in memory, as the boot information says where.
#[derive(Clone, Debug)]
pub struct Left<'a> {
    /// The boot archive.
    pub archive: Option<&'a [u8]>,
    /// The tables of [`BootInfo::tables`], in that order.
    pub tables: ArrayVec<&'a [u8], MAX_TABLES>,
}

/// Starts `init`.
///
/// # Errors
/// [`BootFailure`]; the machine has nothing to do then.
pub fn start(
    kernel: &mut Kernel,
    hal: &mut DynHal,
    info: &BootInfo,
    left: &Left<'_>,
) -> Result<(), BootFailure> {
    let archive = left.archive.ok_or(BootFailure::NoArchive)?;
    let file = archive::find(archive, INIT)?.ok_or(BootFailure::NoInit)?;
    let image = program::read(file, info.arch, info.user)?;
    let (tables_name, form) = match info.tables {
        Tables::Acpi(_) => ("acpi tables", FORM_ACPI),
        Tables::DeviceTree(..) => ("device tree", FORM_DEVICE_TREE),
    };
    // A device tree may be as large as the first heap.
    let tables = match left.tables[..] {
        [one] => Cow::Borrowed(one),
        _ => Cow::Owned(joined(&left.tables)?),
    };
    let archive_contents = match archive_frames(info) {
        Some(run) => Contents::Adopt {
            run,
            bytes: u64::try_from(archive.len()).unwrap_or(u64::MAX),
        },
        None => Contents::Bytes(archive),
    };
    let vmos = [
        BootVmo {
            name: "boot archive",
            handle_info: handle_info(PA_VMO_BOOTFS, 0),
            contents: archive_contents,
        },
        BootVmo {
            name: tables_name,
            handle_info: handle_info(PA_VMO_BOOTDATA, form),
            contents: Contents::Bytes(&tables),
        },
    ];
    let program = Program {
        name: INIT,
        segments: &image.segments,
        entry: image.entry,
    };
    kernel.start_init(hal, &program, &vmos, &arguments(&info.command_line))?;
    Ok(())
}

/// The words of the command line.
fn arguments(line: &str) -> ArrayVec<&str, MAX_ARGUMENTS> {
    line.split_ascii_whitespace().take(MAX_ARGUMENTS).collect()
}

/// The frames of the boot archive, if they can become a VMO's own: whole pages of RAM that it
/// shares with nothing. (Under QEMU's microvm firmware keeps its tables behind the archive, in the
/// same page.)
#[must_use]
pub fn archive_frames(info: &BootInfo) -> Option<PhysRun> {
    let (at, bytes) = info.archive?;
    let run = PhysRun {
        base: at,
        pages: bytes.div_ceil(PAGE_SIZE),
    };
    let is_ram = |ram: &PhysRun| ram.base <= run.base && run.end() <= ram.end();
    let is_other = |region: &Region| region.kind != Kind::Archive && region.run.overlaps(run);
    let is_alone = at.is_aligned(PAGE_SIZE)
        && info.ram.iter().any(is_ram)
        && !info.regions.iter().any(is_other);
    is_alone.then_some(run)
}

/// Copies tables into one piece, each at the next aligned place.
fn joined(tables: &[&[u8]]) -> Result<Vec<u8>, BootFailure> {
    let mut bytes = Vec::new();
    for table in tables {
        let start = bytes.len().next_multiple_of(TABLE_ALIGNMENT);
        let more = start - bytes.len() + table.len();
        bytes.try_reserve(more).map_err(|_| BootFailure::NoMemory)?;
        bytes.resize(start, 0);
        bytes.extend_from_slice(table);
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use jacinth_kernel::{PhysAddr, PhysRun};

    use super::{archive_frames, arguments, joined};
    use crate::info::{Kind, Region, sample::machine};

    #[test]
    fn tables_are_laid_end_to_end_at_eight_bytes() {
        let tables: [&[u8]; 3] = [b"RSDP!", b"eight by", b"DSDT"];
        assert_eq!(joined(&tables).unwrap(), b"RSDP!\0\0\0eight byDSDT");
        assert_eq!(joined(&[b"one tree"]).unwrap(), b"one tree");
    }

    #[test]
    fn the_command_line_falls_into_words() {
        assert_eq!(arguments("  one two\tthree ")[..], ["one", "two", "three"]);
        assert!(arguments("").is_empty());
    }

    #[test]
    fn an_archive_with_pages_to_itself_is_adopted() {
        let run = |base, pages| PhysRun {
            base: PhysAddr::new(base),
            pages,
        };
        let with_archive = |at, bytes, others: &[(Kind, PhysRun)]| {
            let mut info = machine(&[]);
            info.ram = [run(0, 16), run(0x2_0000, 16)].into_iter().collect();
            info.archive = Some((PhysAddr::new(at), bytes));
            info.regions = others
                .iter()
                .map(|&(kind, run)| Region {
                    run,
                    kind,
                    name: "",
                    source: "",
                })
                .collect();
            archive_frames(&info)
        };
        let own = (Kind::Archive, run(0x8000, 2));
        assert_eq!(with_archive(0x8000, 5000, &[own]), Some(run(0x8000, 2)));
        assert_eq!(with_archive(0x8010, 5000, &[own]), None, "not a page");
        assert_eq!(with_archive(0xf000, 5000, &[]), None, "not all of it RAM");
        let tables = (Kind::Firmware, run(0x9000, 1));
        assert_eq!(with_archive(0x8000, 5000, &[own, tables]), None, "shared");
        assert_eq!(archive_frames(&machine(&[])), None);
    }
}
