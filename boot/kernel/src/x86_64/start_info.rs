//! The start info of a PVH boot: what the boot loader tells.
//!
//! Layout: Xen's public header `arch-x86/hvm/start_info.h`.

use arrayvec::{ArrayString, ArrayVec};

use super::early;

const MAGIC: u64 = 0x336e_c578;
/// The most entries of a memory map that are read.
const MAX_ENTRIES: usize = 64;

/// One entry of the memory map.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Entry {
    /// The first byte.
    pub(crate) at: u64,
    /// The size in bytes.
    pub(crate) bytes: u64,
    /// Whether it is RAM that may be used.
    pub(crate) is_ram: bool,
}

/// What the boot loader tells, copied.
#[derive(Clone, Debug)]
pub(crate) struct StartInfo {
    /// The memory map.
    pub(crate) map: ArrayVec<Entry, MAX_ENTRIES>,
    /// The first module: its address and size in bytes.
    pub(crate) module: Option<(u64, u64)>,
    /// The command line.
    pub(crate) command_line: ArrayString<256>,
    /// The address of the ACPI root pointer; 0 when there is none.
    pub(crate) rsdp: u64,
}

impl StartInfo {
    /// Reads it; `None` when it is not there or too old to have a memory map.
    pub(crate) fn read(at: u64) -> Option<Self> {
        const MAP_SINCE_VERSION: u64 = 1;
        if early::u32_at(at) != MAGIC || early::u32_at(at + 4) < MAP_SINCE_VERSION {
            return None;
        }
        Some(Self {
            map: memory_map(early::u64_at(at + 40), early::u32_at(at + 48)),
            module: (early::u32_at(at + 12) > 0).then(|| first_module(early::u64_at(at + 16))),
            command_line: text(early::u64_at(at + 24)),
            rsdp: early::u64_at(at + 32),
        })
    }
}

fn memory_map(at: u64, count: u64) -> ArrayVec<Entry, MAX_ENTRIES> {
    const ENTRY_BYTES: u64 = 24;
    const RAM: u64 = 1;
    let entry = |index| {
        let at = at + index * ENTRY_BYTES;
        let is_ram = early::u32_at(at + 16) == RAM;
        Entry {
            at: early::u64_at(at),
            bytes: early::u64_at(at + 8),
            is_ram,
        }
    };
    (0..count.min(MAX_ENTRIES as u64)).map(entry).collect()
}

fn first_module(at: u64) -> (u64, u64) {
    (early::u64_at(at), early::u64_at(at + 8))
}

/// Reads a text that ends with a zero byte, as far as it is ASCII and fits.
fn text(at: u64) -> ArrayString<256> {
    let mut text = ArrayString::new();
    let bytes = (at..).take_while(|_| at != 0).map(early::u8_at);
    for byte in bytes.take_while(|byte| *byte != 0 && byte.is_ascii()) {
        if text.try_push(char::from(byte)).is_err() {
            break;
        }
    }
    text
}
