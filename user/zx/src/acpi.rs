//! ACPI tables, as the kernel hands them to the first process: the RSDP, then every table, at
//! offsets that are multiples of 8.
//!
//! No AML, only tables with fixed layouts. Source: ACPI specification 6.5, chapter 5; the HPET and
//! MCFG tables have specifications of their own (IA-PC HPET 1.0a, PCI Firmware 3.0).

use alloc::vec::Vec;

/// Bytes of the header that every table begins with.
const HEADER: usize = 36;
/// Bytes of the first version of the RSDP.
const RSDP_V1: usize = 20;

/// Every table that the firmware has.
#[derive(Clone, Debug)]
pub struct Acpi(Vec<u8>);

/// One range of buses whose configuration space is memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ecam {
    /// The physical address of bus 0 of the segment, whether that bus is in the range or not.
    pub base: u64,
    /// The PCI segment.
    pub segment: u16,
    /// The first bus.
    pub first_bus: u8,
    /// The last bus.
    pub last_bus: u8,
}

/// A controller that the MADT names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InterruptController {
    /// What it is.
    pub name: &'static str,
    /// The physical address of its registers.
    pub base: u64,
}

impl Acpi {
    /// Takes the bytes that the kernel handed over; whatever is wrong in them is not found later.
    #[must_use]
    pub const fn new(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }

    /// Every table, with its header.
    pub fn tables(&self) -> impl Iterator<Item = &[u8]> {
        let mut rest = self.behind_rsdp().unwrap_or_default();
        core::iter::from_fn(move || {
            let length = number(rest, 4, 4).and_then(|length| usize::try_from(length).ok())?;
            let table = rest.get(..length).filter(|_| length >= HEADER)?;
            rest = rest.get(length.next_multiple_of(8)..).unwrap_or_default();
            Some(table)
        })
    }

    /// The first table with a signature.
    #[must_use]
    pub fn table(&self, signature: [u8; 4]) -> Option<&[u8]> {
        self.tables().find(|table| table.starts_with(&signature))
    }

    fn behind_rsdp(&self) -> Option<&[u8]> {
        let has_length = self.0.starts_with(b"RSD PTR ") && *self.0.get(15)? >= 2;
        let length = match has_length {
            true => usize::try_from(number(&self.0, 20, 4)?).ok()?,
            false => RSDP_V1,
        };
        self.0.get(length.next_multiple_of(8)..)
    }

    /// The physical address of the first HPET.
    #[must_use]
    pub fn hpet(&self) -> Option<u64> {
        number(self.table(*b"HPET")?, 44, 8)
    }

    /// The physical address of the register that puts a machine without I/O ports to sleep.
    #[must_use]
    pub fn sleep_control(&self) -> Option<u64> {
        let fadt = self.table(*b"FACP")?;
        // A generic address: which space (0: memory), three bytes, the address.
        let address = number(fadt, 248, 8).filter(|address| *address != 0)?;
        (*fadt.get(244)? == 0).then_some(address)
    }

    /// The physical addresses of the units that translate devices' memory accesses.
    #[must_use]
    pub fn iommus(&self) -> Vec<u64> {
        let mut found = Vec::new();
        let dmar = self.table(*b"DMAR").and_then(|table| table.get(48..));
        let mut rest = dmar.unwrap_or_default();
        while let (Some(kind), Some(length @ 4..)) = (number(rest, 0, 2), number(rest, 2, 2)) {
            if kind == 0 {
                found.extend(number(rest, 8, 8));
            }
            let length = usize::try_from(length).unwrap_or(usize::MAX);
            rest = rest.get(length..).unwrap_or_default();
        }
        found
    }

    /// Where PCI configuration space is.
    pub fn ecam(&self) -> impl Iterator<Item = Ecam> {
        let entries = self.table(*b"MCFG").and_then(|table| table.get(44..));
        entries
            .unwrap_or_default()
            .chunks_exact(16)
            .filter_map(|entry| {
                Some(Ecam {
                    base: number(entry, 0, 8)?,
                    segment: u16::try_from(number(entry, 8, 2)?).ok()?,
                    first_bus: *entry.get(10)?,
                    last_bus: *entry.get(11)?,
                })
            })
    }

    /// The local and I/O interrupt controllers.
    #[must_use]
    pub fn interrupt_controllers(&self) -> Vec<InterruptController> {
        let mut found = Vec::new();
        let Some(madt) = self.table(*b"APIC") else {
            return found;
        };
        let mut add = |name, base: Option<u64>| {
            found.extend(base.map(|base| InterruptController { name, base }));
        };
        add("local APIC", number(madt, 36, 4));
        let mut rest = madt.get(44..).unwrap_or_default();
        while let [kind, length @ 2..=u8::MAX, ..] = *rest {
            if kind == 1 {
                add("I/O APIC", number(rest, 4, 4));
            }
            rest = rest.get(usize::from(length)..).unwrap_or_default();
        }
        found
    }
}

/// The little-endian number of `width` bytes at `offset`.
fn number(bytes: &[u8], offset: usize, width: usize) -> Option<u64> {
    let field = bytes.get(offset..offset.checked_add(width)?)?;
    let mut number = [0; 8];
    number.get_mut(..width)?.copy_from_slice(field);
    Some(u64::from_le_bytes(number))
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec;

    fn table(signature: &[u8; 4], body: &[u8]) -> Vec<u8> {
        let mut table = vec![0; HEADER];
        table[..4].copy_from_slice(signature);
        table.extend_from_slice(body);
        let length = u32::try_from(table.len()).unwrap();
        table[4..8].copy_from_slice(&length.to_le_bytes());
        table.resize(table.len().next_multiple_of(8), 0);
        table
    }

    fn machine(revision: u8) -> Acpi {
        let mut bytes = b"RSD PTR ".to_vec();
        bytes.resize(40, 0);
        bytes[15] = revision;
        bytes[20] = 36;
        if revision < 2 {
            bytes.truncate(24);
        }
        let mut hpet = vec![0; 20];
        hpet[8..16].copy_from_slice(&0xFED0_0000_u64.to_le_bytes());
        bytes.extend(table(b"HPET", &hpet));
        let mut mcfg = vec![0; 24];
        mcfg[8..16].copy_from_slice(&0xB000_0000_u64.to_le_bytes());
        mcfg[19] = 255;
        bytes.extend(table(b"MCFG", &mcfg));
        let mut madt = 0xFEE0_0000_u32.to_le_bytes().to_vec();
        madt.extend([1, 0, 0, 0, /* local APIC */ 0, 8, 0, 0, 1, 0, 0, 0]);
        madt.extend([
            /* I/O APIC */ 1, 12, 0, 0, 0, 0, 0xC0, 0xFE, 0, 0, 0, 0,
        ]);
        bytes.extend(table(b"APIC", &madt));
        let mut fadt = vec![0; 220];
        fadt[212..220].copy_from_slice(&0xFEA0_0200_u64.to_le_bytes());
        bytes.extend(table(b"FACP", &fadt));
        let mut dmar = vec![0; 12];
        dmar.extend([
            /* reserved memory */ 1, 0, 4, 0, /* unit */ 0, 0, 16, 0, 0, 0, 0, 0,
        ]);
        dmar.extend(0xFED9_0000_u64.to_le_bytes());
        bytes.extend(table(b"DMAR", &dmar));
        Acpi::new(bytes)
    }

    #[test]
    fn finds_what_the_tables_say() {
        for revision in [0, 2] {
            let acpi = machine(revision);
            assert_eq!(acpi.hpet(), Some(0xFED0_0000));
            assert_eq!(acpi.sleep_control(), Some(0xFEA0_0200));
            assert_eq!(acpi.iommus(), [0xFED9_0000]);
            let ecam: Vec<_> = acpi.ecam().collect();
            assert_eq!((ecam[0].base, ecam[0].last_bus), (0xB000_0000, 255));
            let controllers = acpi.interrupt_controllers();
            let bases: Vec<_> = controllers.iter().map(|found| found.base).collect();
            assert_eq!(bases, [0xFEE0_0000, 0xFEC0_0000]);
        }
    }

    #[test]
    fn broken_bytes_hold_nothing() {
        let good = machine(2).0;
        for length in 0..good.len() {
            let acpi = Acpi::new(good[..length].to_vec());
            assert!(acpi.hpet().is_none_or(|base| base == 0xFED0_0000));
            acpi.ecam().count();
            assert!(acpi.interrupt_controllers().len() <= 2);
            assert!(acpi.iommus().len() <= 1);
        }
        let mut endless = machine(0).0;
        endless[28..32].fill(0);
        assert_eq!(Acpi::new(endless).tables().count(), 0);
    }
}
