//! Synthetic tables, good and broken. Nothing may panic, and nothing broken may be believed.

use std::collections::BTreeMap;

use super::{
    Acpi, ConfigWindow, Fadt, IoApic, Iommu, Madt, Memory, Table, config_windows, hpet, iommus,
};

/// Physical memory as pieces of bytes.
#[derive(Default)]
struct Pieces(BTreeMap<u64, Vec<u8>>);

impl<'a> Memory<'a> for &'a Pieces {
    fn bytes(&self, at: u64, size: u64) -> Option<&'a [u8]> {
        let (start, piece) = self.0.range(..=at).next_back()?;
        let from = usize::try_from(at - start).ok()?;
        let to = from.checked_add(usize::try_from(size).ok()?)?;
        piece.get(from..to)
    }
}

fn with_checksum(mut bytes: Vec<u8>, at: usize) -> Vec<u8> {
    bytes[at] = 0;
    let sum = bytes.iter().fold(0_u8, |sum, byte| sum.wrapping_add(*byte));
    bytes[at] = sum.wrapping_neg();
    bytes
}

fn table(signature: &[u8; 4], body: &[u8]) -> Vec<u8> {
    let mut bytes = signature.to_vec();
    bytes.extend(u32::try_from(36 + body.len()).unwrap().to_le_bytes());
    bytes.extend([1, 0]);
    bytes.extend(b"JACINTTESTTABL");
    bytes.resize(36, 0);
    bytes.extend(body);
    with_checksum(bytes, 9)
}

fn rsdp(revision: u8, rsdt: u32, xsdt: u64) -> Vec<u8> {
    let mut bytes = b"RSD PTR \0JACINT".to_vec();
    bytes.push(revision);
    bytes.extend(rsdt.to_le_bytes());
    let mut bytes = with_checksum(bytes, 8);
    if revision >= 2 {
        bytes.extend(36_u32.to_le_bytes());
        bytes.extend(xsdt.to_le_bytes());
        bytes.extend([0; 4]);
        bytes = with_checksum(bytes, 32);
    }
    bytes
}

const RSDP: u64 = 0xf_5000;
const RSDT: u64 = 0x1000;
const XSDT: u64 = 0x2000;
const MADT: u64 = 0x3000;
const HPET: u64 = 0x4000;
/// Beyond 4 GiB: only an XSDT can name it.
const MCFG: u64 = 0x1_0000_5000;

fn madt_body() -> Vec<u8> {
    let mut body = 0xfee0_0000_u32.to_le_bytes().to_vec();
    body.extend(1_u32.to_le_bytes());
    body.extend([0, 8, 0, 0, 1, 0, 0, 0]);
    body.extend([0, 8, 1, 1, 0, 0, 0, 0]);
    body.extend([1, 12, 0, 0]);
    body.extend(0xfec0_0000_u32.to_le_bytes());
    body.extend(24_u32.to_le_bytes());
    body.extend([9, 16, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0]);
    body.extend([5, 12, 0, 0]);
    body.extend(0x1_2345_6000_u64.to_le_bytes());
    body
}

fn hpet_body(space: u8, at: u64) -> Vec<u8> {
    let mut body = 0x8086_a201_u32.to_le_bytes().to_vec();
    body.extend([space, 0, 0, 0]);
    body.extend(at.to_le_bytes());
    body.extend([0; 4]);
    body
}

fn mcfg_body() -> Vec<u8> {
    let mut body = vec![0; 8];
    for (first, last) in [(0, 255), (2, 3), (5, 4)] {
        body.extend(0xb000_0000_u64.to_le_bytes());
        body.extend([1, 0, first, last, 0, 0, 0, 0]);
    }
    body
}

fn machine(revision: u8) -> Pieces {
    let mut pieces = Pieces::default();
    let rsdt = [MADT, HPET]
        .map(|at| u32::try_from(at).unwrap().to_le_bytes())
        .concat();
    let xsdt = [HPET, 0, MCFG, MADT].map(u64::to_le_bytes).concat();
    pieces
        .0
        .insert(RSDP, rsdp(revision, u32::try_from(RSDT).unwrap(), XSDT));
    pieces.0.insert(RSDT, table(b"RSDT", &rsdt));
    pieces.0.insert(XSDT, table(b"XSDT", &xsdt));
    pieces.0.insert(MADT, table(b"APIC", &madt_body()));
    pieces
        .0
        .insert(HPET, table(b"HPET", &hpet_body(0, 0xfed0_0000)));
    pieces.0.insert(MCFG, table(b"MCFG", &mcfg_body()));
    pieces
}

fn addresses(acpi: &Acpi<'_>) -> Vec<u64> {
    acpi.tables.iter().map(|table| table.at).collect()
}

#[test]
fn old_root_pointers_lead_to_the_rsdt() {
    let pieces = machine(0);
    let acpi = Acpi::read(&&pieces, RSDP).unwrap();
    assert_eq!(acpi.rsdp, (RSDP, 20));
    assert_eq!(addresses(&acpi), [MADT, HPET]);
}

#[test]
fn new_root_pointers_lead_to_the_xsdt() {
    let pieces = machine(2);
    let acpi = Acpi::read(&&pieces, RSDP).unwrap();
    assert_eq!(acpi.rsdp, (RSDP, 36));
    assert_eq!(
        addresses(&acpi),
        [HPET, MCFG, MADT],
        "the empty entry is left out"
    );
}

#[test]
fn a_broken_xsdt_falls_back_to_the_rsdt() {
    for breakage in [
        |p: &mut Pieces| p.0.get_mut(&XSDT).unwrap()[20] ^= 1,
        |p: &mut Pieces| {
            p.0.remove(&XSDT);
        },
    ] {
        let mut pieces = machine(2);
        breakage(&mut pieces);
        let acpi = Acpi::read(&&pieces, RSDP).unwrap();
        assert_eq!(addresses(&acpi), [MADT, HPET]);
    }
}

#[test]
fn a_broken_extension_of_the_root_pointer_is_not_used() {
    let mut pieces = machine(2);
    pieces.0.get_mut(&RSDP).unwrap()[25] ^= 1;
    assert_eq!(Acpi::read(&&pieces, RSDP).unwrap().rsdp, (RSDP, 20));
}

#[test]
fn broken_tables_are_left_out() {
    let mut pieces = machine(0);
    pieces.0.get_mut(&MADT).unwrap()[40] ^= 1;
    let acpi = Acpi::read(&&pieces, RSDP).unwrap();
    assert_eq!(addresses(&acpi), [HPET]);
    assert!(Acpi::read(&&Pieces::default(), RSDP).is_none());
    assert!(Acpi::read(&&pieces, 0).is_none());
    assert!(Acpi::read(&&pieces, u64::MAX).is_none());
}

#[test]
fn the_interrupt_controllers_are_read() {
    let pieces = machine(0);
    let acpi = Acpi::read(&&pieces, RSDP).unwrap();
    let madt = Madt::read(acpi.find(b"APIC").unwrap()).unwrap();
    assert_eq!(madt.local_apic, 0x1_2345_6000, "the override counts");
    assert_eq!(madt.processors.len(), 2, "one is disabled");
    assert_eq!(
        madt.io_apics[..],
        [IoApic {
            at: 0xfec0_0000,
            first_irq: 24
        }]
    );
}

#[test]
fn timers_and_windows_are_read() {
    let pieces = machine(2);
    let acpi = Acpi::read(&&pieces, RSDP).unwrap();
    assert_eq!(hpet(acpi.find(b"HPET").unwrap()), Some(0xfed0_0000));
    let windows: Vec<_> = config_windows(acpi.find(b"MCFG").unwrap()).collect();
    let window = |at, bytes| ConfigWindow {
        at,
        bytes,
        segment: 1,
    };
    assert_eq!(
        windows,
        [window(0xb000_0000, 256 << 20), window(0xb020_0000, 2 << 20)]
    );
    let bytes = table(b"HPET", &hpet_body(1, 0x500));
    assert_eq!(
        hpet(Table {
            at: 0,
            bytes: &bytes
        }),
        None,
        "in port space"
    );
}

#[test]
fn iommus_are_read() {
    let mut body = vec![0; 12];
    body.extend([0, 0, 16, 0, 1, 0, 0, 0]);
    body.extend(0xfed9_0000_u64.to_le_bytes());
    body.extend([1, 0, 4, 0]);
    body.extend([0, 0, 0, 0]);
    let bytes = table(b"DMAR", &body);
    let units: Vec<_> = iommus(Table {
        at: 0,
        bytes: &bytes,
    })
    .collect();
    assert_eq!(
        units,
        [Iommu {
            at: 0xfed9_0000,
            bytes: 4096
        }],
        "an entry without size ends the list"
    );
}

#[test]
fn fixed_hardware_is_read() {
    let mut body = vec![0; 240];
    body[40 - 36..44 - 36].copy_from_slice(&0x7fe_0040_u32.to_le_bytes());
    body[112 - 36 + 2] = 0x10;
    let bytes = table(b"FACP", &body);
    let fadt = Fadt::read(Table {
        at: 0,
        bytes: &bytes,
    })
    .unwrap();
    assert_eq!(
        fadt,
        Fadt {
            dsdt: 0x7fe_0040,
            is_hardware_reduced: true
        }
    );
    let short = table(b"FACP", &[0; 80]);
    assert!(
        Fadt::read(Table {
            at: 0,
            bytes: &short
        })
        .is_some_and(|fadt| fadt.dsdt == 0)
    );
}

/// Every table cut short at every length, and every byte changed: all readers return.
#[test]
fn nothing_panics() {
    let pieces = machine(2);
    let bodies = pieces.0.values().cloned();
    for bytes in bodies {
        for size in 0..bytes.len() {
            read_all(&bytes[..size]);
        }
        for index in 0..bytes.len() {
            for value in [0, 1, 0x7f, 0xff] {
                let mut broken = bytes.clone();
                broken[index] = value;
                read_all(&broken);
            }
        }
    }
}

fn read_all(bytes: &[u8]) {
    let table = Table { at: 0, bytes };
    std::hint::black_box((
        Madt::read(table),
        Fadt::read(table),
        hpet(table),
        table.signature(),
    ));
    std::hint::black_box((config_windows(table).count(), iommus(table).count()));
    let mut pieces = Pieces::default();
    pieces.0.insert(RSDP, bytes.to_vec());
    pieces.0.insert(RSDT, bytes.to_vec());
    std::hint::black_box(Acpi::read(&&pieces, RSDP).is_some());
}
