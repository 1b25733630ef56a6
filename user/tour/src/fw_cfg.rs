//! Step 2 on aarch64: QEMU's firmware configuration by MMIO (QEMU, `docs/specs/fw_cfg.rst`).

use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;

use zx::{Region, Startup, Status, VmOptions, Vmo};

use crate::given;
use crate::machine::Machine;
use crate::report::Report;

/// Each read gives the next byte of what is selected.
const DATA: u64 = 0;
/// Selects, as a big-endian number.
const SELECTOR: u64 = 8;
const SIGNATURE: u16 = 0x0000;
const DIRECTORY: u16 = 0x0019;
/// Bytes of a directory entry: size, selector, two of nothing, name.
const ENTRY: usize = 64;
/// More files than there ever are.
const MAX_FILES: u32 = 1024;
/// The longest text that is printed, in bytes.
const MAX_TEXT: u32 = 4096;
/// Where the host puts a text.
const HELLO: &str = "opt/org.jacinth/hello";

pub(crate) fn show(report: &mut Report, start: &Startup, machine: &Machine) -> Result<(), Status> {
    let Some(place) = machine.fw_cfg() else {
        return Ok(());
    };
    report.heading(
        2,
        format_args!("The firmware configuration at {:#x}", place.base),
    );
    let vmo = Vmo::create_physical(
        given(start.mmio.as_ref())?,
        place.page(),
        place.page_bytes(),
    )?;
    let options = VmOptions::PERM_READ | VmOptions::PERM_WRITE;
    let device = FwCfg {
        region: start.root_vmar.map(&vmo, options)?,
        offset: place.base - place.page(),
    };
    report.equal("signature", text(&device.read(SIGNATURE, 4)), "QEMU".into());
    let files = device.files();
    report.check("files", files.len(), !files.is_empty());
    match files.iter().find(|file| file.name == HELLO) {
        Some(file) => {
            let hello = text(&device.read(file.selector, file.size.min(MAX_TEXT) as usize));
            report.check(HELLO, file.size, !hello.is_empty());
            zx::println!("fw_cfg \"{hello}\"");
        }
        None => report.note(HELLO, "none"),
    }
    device.region.unmap()
}

struct FwCfg {
    region: Region,
    /// Where the registers begin in the region.
    offset: u64,
}

struct File {
    name: String,
    selector: u16,
    size: u32,
}

impl FwCfg {
    fn select(&self, selector: u16) {
        self.region
            .write16(self.offset + SELECTOR, selector.swap_bytes());
    }

    fn next(&self, bytes: &mut [u8]) {
        for byte in bytes {
            *byte = self.region.read8(self.offset + DATA);
        }
    }

    fn read(&self, selector: u16, length: usize) -> Vec<u8> {
        let mut bytes = vec![0; length];
        self.select(selector);
        self.next(&mut bytes);
        bytes
    }

    fn files(&self) -> Vec<File> {
        let mut count = [0; 4];
        self.select(DIRECTORY);
        self.next(&mut count);
        let count = u32::from_be_bytes(count).min(MAX_FILES);
        (0..count).filter_map(|_| self.file()).collect()
    }

    /// Reads the next entry of the directory, which is selected.
    fn file(&self) -> Option<File> {
        let mut entry = [0; ENTRY];
        self.next(&mut entry);
        let (size, rest) = entry.split_first_chunk()?;
        let (selector, rest) = rest.split_first_chunk()?;
        Some(File {
            name: text(rest.get(2..)?),
            selector: u16::from_be_bytes(*selector),
            size: u32::from_be_bytes(*size),
        })
    }
}

/// The text up to the first NUL.
fn text(bytes: &[u8]) -> String {
    let text = bytes.split(|byte| *byte == 0).next().unwrap_or_default();
    String::from_utf8_lossy(text).into_owned()
}
