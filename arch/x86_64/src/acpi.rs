//! ACPI tables: finds them and reads what the kernel must know of the machine.
//!
//! Safe code over byte slices. Firmware is not trusted to be right: what is malformed is left out,
//! and nothing here panics. Chapter numbers are those of the ACPI specification 6.5.

use arrayvec::ArrayVec;

/// The most processors that are told apart.
pub const MAX_CPUS: usize = 64;
/// The most tables that are told apart.
pub const MAX_TABLES: usize = 31;
/// A larger table than any that is known; a length beyond it is a mistake.
const MAX_TABLE_BYTES: u64 = 1 << 20;

/// Physical memory, as far as it can be read.
pub trait Memory<'a> {
    /// The bytes at a physical address; `None` when not all of them can be read.
    fn bytes(&self, at: u64, size: u64) -> Option<&'a [u8]>;
}

/// One table with its header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Table<'a> {
    /// Its physical address.
    pub at: u64,
    /// The whole table.
    pub bytes: &'a [u8],
}

/// The tables of a machine.
#[derive(Clone, Debug)]
pub struct Acpi<'a> {
    /// The root pointer: physical address and size in bytes.
    pub rsdp: (u64, u64),
    /// The tables that the root table lists, in its order, without malformed ones.
    pub tables: ArrayVec<Table<'a>, MAX_TABLES>,
}

const HEADER_BYTES: u64 = 36;

impl<'a> Acpi<'a> {
    /// Reads the root pointer at a physical address and all tables that can be reached from it.
    pub fn read(memory: &impl Memory<'a>, rsdp_at: u64) -> Option<Self> {
        let rsdp = Rsdp::read(memory, rsdp_at)?;
        let mut acpi = Self {
            rsdp: (rsdp_at, rsdp.bytes),
            tables: ArrayVec::new(),
        };
        let (root, entry_bytes) = rsdp.root_table(memory)?;
        for entry in root
            .bytes
            .get(HEADER_BYTES as usize..)?
            .chunks_exact(entry_bytes)
        {
            let at = number(entry, 0, entry_bytes).unwrap_or(0);
            let Some(table) = Table::read(memory, at) else {
                continue;
            };
            if acpi.tables.try_push(table).is_err() {
                break;
            }
        }
        Some(acpi)
    }

    /// The first table with a signature.
    #[must_use]
    pub fn find(&self, signature: &[u8; 4]) -> Option<Table<'a>> {
        self.tables
            .iter()
            .copied()
            .find(|table| table.signature() == signature)
    }
}

/// The root pointer (5.2.5.3).
struct Rsdp {
    rsdt: u64,
    xsdt: Option<u64>,
    bytes: u64,
}

impl Rsdp {
    const OLD_BYTES: u64 = 20;
    const NEW_BYTES: u64 = 36;
    const MAX_BYTES: u64 = 4096;

    fn read<'a>(memory: &impl Memory<'a>, at: u64) -> Option<Self> {
        let old = memory.bytes(at, Self::OLD_BYTES)?;
        if !old.starts_with(b"RSD PTR ") || !sums_to_zero(old) {
            return None;
        }
        let rsdt = number(old, 16, 4)?;
        let revision = number(old, 15, 1)?;
        let new = (revision >= 2)
            .then(|| Self::extended(memory, at))
            .flatten();
        let xsdt = new
            .and_then(|new| number(new, 24, 8))
            .filter(|&xsdt| xsdt != 0);
        let bytes = new.map_or(Self::OLD_BYTES, |new| new.len() as u64);
        Some(Self { rsdt, xsdt, bytes })
    }

    fn extended<'a>(memory: &impl Memory<'a>, at: u64) -> Option<&'a [u8]> {
        let fixed = memory.bytes(at, Self::NEW_BYTES)?;
        let size = number(fixed, 20, 4)?;
        if !(Self::NEW_BYTES..=Self::MAX_BYTES).contains(&size) {
            return None;
        }
        memory.bytes(at, size).filter(|bytes| sums_to_zero(bytes))
    }

    /// The root table and the size of its entries: the XSDT if there is a good one, else the RSDT.
    fn root_table<'a>(&self, memory: &impl Memory<'a>) -> Option<(Table<'a>, usize)> {
        let read = |at, signature: &[u8; 4]| {
            Table::read(memory, at).filter(|table| table.signature() == signature)
        };
        let xsdt = self.xsdt.and_then(|at| read(at, b"XSDT"));
        xsdt.map(|table| (table, 8))
            .or_else(|| read(self.rsdt, b"RSDT").map(|table| (table, 4)))
    }
}

impl<'a> Table<'a> {
    fn read(memory: &impl Memory<'a>, at: u64) -> Option<Self> {
        if at == 0 {
            return None;
        }
        let header = memory.bytes(at, HEADER_BYTES)?;
        let size = number(header, 4, 4)?;
        if !(HEADER_BYTES..=MAX_TABLE_BYTES).contains(&size) {
            return None;
        }
        let bytes = memory.bytes(at, size)?;
        sums_to_zero(bytes).then_some(Self { at, bytes })
    }

    /// The four letters that name it.
    #[must_use]
    pub fn signature(&self) -> &'a [u8] {
        self.bytes.get(..4).unwrap_or_default()
    }

    /// A little-endian number of up to 8 bytes at an offset.
    fn number(&self, offset: usize, size: usize) -> Option<u64> {
        number(self.bytes, offset, size)
    }
}

/// The interrupt controllers (5.2.12, "APIC").
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Madt {
    /// Where the local APICs are seen.
    pub local_apic: u64,
    /// The I/O APICs.
    pub io_apics: ArrayVec<IoApic, 8>,
    /// The local APICs of the processors that can be used.
    pub processors: ArrayVec<u32, MAX_CPUS>,
}

/// An I/O APIC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IoApic {
    /// Its registers: one page.
    pub at: u64,
    /// The first interrupt number that it serves.
    pub first_irq: u64,
}

impl Madt {
    /// Reads the table.
    #[must_use]
    pub fn read(table: Table<'_>) -> Option<Self> {
        let mut madt = Self {
            local_apic: table.number(36, 4)?,
            ..Self::default()
        };
        let mut rest = table.bytes.get(44..)?;
        while let Some((kind, entry, after)) = short_entry(rest) {
            madt.note(kind, entry);
            rest = after;
        }
        Some(madt)
    }

    fn note(&mut self, kind: u8, entry: &[u8]) {
        const LOCAL_APIC: u8 = 0;
        const IO_APIC: u8 = 1;
        const LOCAL_APIC_ADDRESS: u8 = 5;
        const LOCAL_X2APIC: u8 = 9;
        const ENABLED: u64 = 1;
        let is_enabled =
            |offset| number(entry, offset, 4).is_some_and(|flags| flags & ENABLED != 0);
        match kind {
            LOCAL_APIC if is_enabled(4) => self.add_processor(number(entry, 3, 1)),
            LOCAL_X2APIC if is_enabled(8) => self.add_processor(number(entry, 4, 4)),
            LOCAL_APIC_ADDRESS => {
                self.local_apic = number(entry, 4, 8).unwrap_or(self.local_apic);
            }
            IO_APIC => {
                let found = number(entry, 4, 4).zip(number(entry, 8, 4));
                let found = found.map(|(at, first_irq)| IoApic { at, first_irq });
                // More than eight have not been seen.
                self.io_apics
                    .extend(found.filter(|_| !self.io_apics.is_full()));
            }
            _ => {}
        }
    }

    /// Notes a processor, once; those beyond the limit are not used.
    fn add_processor(&mut self, apic_id: Option<u64>) {
        let apic_id = apic_id.and_then(|id| u32::try_from(id).ok());
        if let Some(apic_id) = apic_id.filter(|id| !self.processors.contains(id)) {
            self.processors.try_push(apic_id).ok();
        }
    }
}

/// The registers of the HPET, if it has a memory address ("HPET").
#[must_use]
pub fn hpet(table: Table<'_>) -> Option<u64> {
    const MEMORY: u64 = 0;
    let is_memory = table.number(40, 1)? == MEMORY;
    table.number(44, 8).filter(|&at| is_memory && at != 0)
}

/// A PCI Express configuration window ("MCFG").
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConfigWindow {
    /// Where its first bus is.
    pub at: u64,
    /// Its size in bytes.
    pub bytes: u64,
    /// The PCI segment.
    pub segment: u64,
}

/// Reads the PCI Express configuration windows.
pub fn config_windows(table: Table<'_>) -> impl Iterator<Item = ConfigWindow> {
    const BUS_SHIFT: u32 = 20;
    let entries = table.bytes.get(44..).unwrap_or_default();
    entries.chunks_exact(16).filter_map(|entry| {
        let (first, last) = number(entry, 10, 1).zip(number(entry, 11, 1))?;
        let buses = last.checked_sub(first)? + 1;
        let at = number(entry, 0, 8)?.checked_add(first << BUS_SHIFT)?;
        let segment = number(entry, 8, 2)?;
        Some(ConfigWindow {
            at,
            bytes: buses << BUS_SHIFT,
            segment,
        })
    })
}

/// The registers of an IOMMU.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Iommu {
    /// Their address.
    pub at: u64,
    /// Their size in bytes.
    pub bytes: u64,
}

/// Reads the IOMMUs ("DMAR": Intel VT-d specification, chapter 8).
pub fn iommus(table: Table<'_>) -> impl Iterator<Item = Iommu> {
    const HARDWARE_UNIT: u64 = 0;
    const PAGE: u64 = 4096;
    let mut rest = table.bytes.get(48..).unwrap_or_default();
    core::iter::from_fn(move || {
        let kind = number(rest, 0, 2)?;
        let size = usize::try_from(number(rest, 2, 2)?).ok()?;
        let entry = rest.get(..size).filter(|entry| entry.len() >= 4)?;
        rest = rest.get(size..)?;
        Some((kind, entry))
    })
    .filter_map(|(kind, entry)| {
        let pages = 1 << (number(entry, 5, 1)? & 0xf);
        let at = number(entry, 8, 8)?;
        (kind == HARDWARE_UNIT).then_some(Iommu {
            at,
            bytes: pages * PAGE,
        })
    })
}

/// What the kernel wants to know of the fixed hardware (5.2.9, "FACP").
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fadt {
    /// The differentiated description table, which the root table does not list.
    pub dsdt: u64,
    /// Whether the fixed hardware is absent (as on microvm).
    pub is_hardware_reduced: bool,
}

impl Fadt {
    /// Reads the table.
    #[must_use]
    pub fn read(table: Table<'_>) -> Option<Self> {
        const HARDWARE_REDUCED: u64 = 1 << 20;
        let flags = table.number(112, 4)?;
        let wide = table.number(140, 8).filter(|&at| at != 0);
        Some(Self {
            dsdt: wide.or_else(|| table.number(40, 4))?,
            is_hardware_reduced: flags & HARDWARE_REDUCED != 0,
        })
    }
}

/// An entry that begins with a byte of kind and a byte of size: kind, entry, what follows.
fn short_entry(bytes: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let &[kind, size, ..] = bytes else {
        return None;
    };
    let (entry, rest) = bytes.split_at_checked(usize::from(size))?;
    (entry.len() >= 2).then_some((kind, entry, rest))
}

fn number(bytes: &[u8], offset: usize, size: usize) -> Option<u64> {
    let field = bytes.get(offset..offset.checked_add(size)?)?;
    let mut wide = [0; 8];
    wide.get_mut(..size)?.copy_from_slice(field);
    Some(u64::from_le_bytes(wide))
}

fn sums_to_zero(bytes: &[u8]) -> bool {
    bytes.iter().fold(0_u8, |sum, &byte| sum.wrapping_add(byte)) == 0
}

#[cfg(test)]
mod tests;
