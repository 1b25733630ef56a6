//! SMBIOS: how the machine calls itself (DMTF DSP0134).
//!
//! Safe code over byte slices, like [`acpi`](crate::acpi): what is malformed is not believed.

use crate::acpi::Memory;

/// Where firmware of PCs puts the entry point, on 16-byte borders (5.2.1).
const SEARCHED: core::ops::Range<u64> = 0xf_0000..0x10_0000;
const STEP: usize = 16;
/// More structures than any machine has.
const MAX_STRUCTURES: usize = 1024;
const SYSTEM_INFORMATION: u8 = 1;
const PRODUCT_NAME: usize = 5;

/// The product name of the machine.
pub fn product_name<'a>(memory: &impl Memory<'a>) -> Option<&'a str> {
    let (at, bytes) = table(memory)?;
    let mut rest = memory.bytes(at, bytes)?;
    for _ in 0..MAX_STRUCTURES {
        let &[kind, size, ..] = rest else {
            return None;
        };
        let (fixed, behind) = rest.split_at_checked(usize::from(size).max(4))?;
        if kind == SYSTEM_INFORMATION {
            let number = *fixed.get(PRODUCT_NAME)?;
            return text(behind, number);
        }
        // The texts end with an empty one.
        let end = behind.windows(2).position(|pair| pair == [0, 0])?;
        rest = behind.get(end + 2..)?;
    }
    None
}

/// Where the structures are, and how many bytes.
fn table<'a>(memory: &impl Memory<'a>) -> Option<(u64, u64)> {
    let area = memory.bytes(SEARCHED.start, SEARCHED.end - SEARCHED.start)?;
    area.chunks_exact(STEP).enumerate().find_map(|(index, _)| {
        let entry = area.get(index * STEP..)?;
        new_entry(entry).or_else(|| old_entry(entry))
    })
}

/// The entry point of version 3 (5.2.2).
fn new_entry(entry: &[u8]) -> Option<(u64, u64)> {
    let entry = entry
        .get(..24)
        .filter(|entry| entry.starts_with(b"_SM3_"))?;
    let size = u32::from_le_bytes(entry.get(12..16)?.try_into().ok()?);
    let at = u64::from_le_bytes(entry.get(16..24)?.try_into().ok()?);
    sums_to_zero(entry).then_some((at, u64::from(size)))
}

/// The entry point of version 2 (5.2.1).
fn old_entry(entry: &[u8]) -> Option<(u64, u64)> {
    let entry = entry.get(..31).filter(|entry| entry.starts_with(b"_SM_"))?;
    let size = u16::from_le_bytes(entry.get(22..24)?.try_into().ok()?);
    let at = u32::from_le_bytes(entry.get(24..28)?.try_into().ok()?);
    sums_to_zero(entry).then_some((u64::from(at), u64::from(size)))
}

/// The text with a number, counted from 1; 0 stands for none.
fn text(texts: &[u8], number: u8) -> Option<&str> {
    let index = usize::from(number).checked_sub(1)?;
    let text = texts.split(|byte| *byte == 0).nth(index)?;
    let text = core::str::from_utf8(text).ok()?.trim();
    (!text.is_empty()).then_some(text)
}

fn sums_to_zero(bytes: &[u8]) -> bool {
    bytes.iter().fold(0_u8, |sum, &byte| sum.wrapping_add(byte)) == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The searched area, with structures right behind an entry point at its start.
    struct Area(Vec<u8>);

    impl<'a> Memory<'a> for &'a Area {
        fn bytes(&self, at: u64, size: u64) -> Option<&'a [u8]> {
            let from = usize::try_from(at.checked_sub(SEARCHED.start)?).ok()?;
            self.0
                .get(from..from.checked_add(usize::try_from(size).ok()?)?)
        }
    }

    const STRUCTURES: &[u8] = b"\0\x06\0\0\x01\x02Vendor\0V1\0\0\x01\x08\x01\0\x01\x02\0\0Maker\0Machine\0\0\x7f\x04\0\0\0\0";

    fn area(entry: &[u8], checksum_at: usize) -> Area {
        let mut bytes = vec![0; 0x1_0000];
        bytes[..entry.len()].copy_from_slice(entry);
        bytes[checksum_at] = bytes.iter().fold(0_u8, |sum, byte| sum.wrapping_sub(*byte));
        bytes[64..64 + STRUCTURES.len()].copy_from_slice(STRUCTURES);
        Area(bytes)
    }

    fn old() -> Area {
        let mut entry = b"_SM_\0\x1f\x02\x08".to_vec();
        entry.resize(31, 0);
        entry[22] = u8::try_from(STRUCTURES.len()).unwrap();
        entry[24..28].copy_from_slice(&0xf_0040_u32.to_le_bytes());
        area(&entry, 4)
    }

    fn new() -> Area {
        let mut entry = b"_SM3_\0\x18\x03".to_vec();
        entry.resize(24, 0);
        entry[12] = u8::try_from(STRUCTURES.len()).unwrap();
        entry[16..24].copy_from_slice(&0xf_0040_u64.to_le_bytes());
        area(&entry, 5)
    }

    #[test]
    fn both_entry_points_lead_to_the_name() {
        assert_eq!(product_name(&&old()), Some("Machine"));
        assert_eq!(product_name(&&new()), Some("Machine"));
    }

    #[test]
    fn broken_ones_do_not_panic() {
        for whole in [old(), new()] {
            for index in 0..64 + STRUCTURES.len() {
                for value in [0, 1, 0x7f, 0xff] {
                    let mut broken = Area(whole.0.clone());
                    broken.0[index] = value;
                    std::hint::black_box(product_name(&&broken));
                }
            }
        }
        assert_eq!(product_name(&&Area(vec![])), None);
    }
}
