//! The bits of aarch64 descriptors, against constants worked out by hand from the Arm ARM, chapter
//! D8 (VMSAv8-64 translation table descriptor formats, 4 KiB granule, stage 1).

use jacinth_kernel::PhysAddr;
use jacinth_kernel::hal::{CachePolicy, MmuFlags};
use jacinth_paging::{Aarch64, Entry, KernelAccess, Leaf, Level, PteCodec};

const CODEC: Aarch64 = Aarch64 { phys_bits: 44 };

/// An address that is aligned for its level, and the descriptor type: page, block, block.
const ADDRESSES: [(Level, u64, u64); 3] = [
    (Level::Kib4, 0x0000_0abc_dfed_c000, 0b11),
    (Level::Mib2, 0x0000_0abc_dfe0_0000, 0b01),
    (Level::Gib1, 0x0000_0abc_c000_0000, 0b01),
];

/// AttrIndx at bits 4:2, SH at bits 9:8.
const TYPES: [(CachePolicy, u64); 4] = [
    (CachePolicy::Cached, 0x308),
    (CachePolicy::Uncached, 0x000),
    (CachePolicy::UncachedDevice, 0x004),
    (CachePolicy::WriteCombining, 0x30c),
];

const RX: MmuFlags = MmuFlags::READ.union(MmuFlags::EXECUTE);
const RW: MmuFlags = MmuFlags::READ.union(MmuFlags::WRITE);

/// UXN, PXN, nG, AF, AP; where EXECUTE is refused, the bits without it.
const USER: [(MmuFlags, u64, u64); 4] = [
    (MmuFlags::READ, 0x0060_0000_0000_0cc0, 0x0060_0000_0000_0cc0),
    (RW, 0x0060_0000_0000_0c40, 0x0060_0000_0000_0c40),
    (RX, 0x0020_0000_0000_0cc0, 0x0060_0000_0000_0cc0),
    (
        MmuFlags::all(),
        0x0020_0000_0000_0c40,
        0x0060_0000_0000_0c40,
    ),
];

/// UXN, PXN, AF, AP; global.
const KERNEL: [(KernelAccess, u64); 3] = [
    (KernelAccess::Read, 0x0060_0000_0000_0480),
    (KernelAccess::Write, 0x0060_0000_0000_0400),
    (KernelAccess::Execute, 0x0040_0000_0000_0480),
];

#[test]
fn user_leaves() {
    for (level, address, kind) in ADDRESSES {
        for (cache, type_bits) in TYPES {
            for (flags, cached, uncached) in USER {
                let leaf = Leaf {
                    phys: PhysAddr::new(address),
                    flags,
                    cache,
                };
                let entry = CODEC.encode(leaf, level);
                let bits = if cache == CachePolicy::Cached {
                    cached
                } else {
                    uncached
                };
                assert_eq!(
                    entry,
                    address | kind | type_bits | bits,
                    "{leaf:?} {level:?}"
                );
                let is_executable = cache == CachePolicy::Cached;
                let flags = if is_executable {
                    flags
                } else {
                    flags - MmuFlags::EXECUTE
                };
                assert_eq!(
                    CODEC.decode(entry, level),
                    Entry::Leaf(Leaf { flags, ..leaf })
                );
            }
        }
    }
}

#[test]
fn kernel_leaves() {
    for (level, address, kind) in ADDRESSES {
        for (cache, type_bits) in TYPES {
            for (access, bits) in KERNEL {
                let entry = CODEC.encode_kernel(PhysAddr::new(address), level, access, cache);
                assert_eq!(
                    entry,
                    address | kind | type_bits | bits,
                    "{access:?} {cache:?} {level:?}"
                );
            }
        }
    }
}

#[test]
fn whole_entries() {
    let leaf = |phys, flags, cache| Leaf {
        phys: PhysAddr::new(phys),
        flags,
        cache,
    };
    let uart = leaf(0x0900_0000, RW, CachePolicy::Uncached);
    assert_eq!(CODEC.encode(uart, Level::Kib4), 0x0060_0000_0900_0c43);
    let bar = leaf(0x80_0000_0000, RW, CachePolicy::UncachedDevice);
    assert_eq!(CODEC.encode(bar, Level::Mib2), 0x0060_0080_0000_0c45);
    let code = leaf(0x4000_0000, RX, CachePolicy::Cached);
    assert_eq!(CODEC.encode(code, Level::Gib1), 0x0020_0000_4000_0fc9);
}

#[test]
fn tables() {
    let table = PhysAddr::new(0x0000_0abc_dfed_c000);
    assert_eq!(CODEC.encode_table(table), 0x0000_0abc_dfed_c003);
    for level in [Level::Mib2, Level::Gib1, Level::Gib512] {
        assert_eq!(
            CODEC.decode(0x0000_0abc_dfed_c003, level),
            Entry::Table(table)
        );
    }
}

#[test]
fn tables_count_their_entries_in_ignored_bits() {
    let table = PhysAddr::new(0x0000_0abc_dfed_c000);
    // PXNTable: what is there stays.
    let entry = 0x0800_0abc_dfed_c003;
    for (live, bits) in [
        (1, 0x0800_0abc_dfed_c007),
        (0x155, 0x0800_0abc_dfed_c557),
        (512, 0x0800_0abc_dfed_c803),
    ] {
        let counted = CODEC.with_live(CODEC.with_live(entry, 0x2aa), live);
        assert_eq!((counted, CODEC.live(counted)), (bits, live));
        assert_eq!(CODEC.decode(counted, Level::Mib2), Entry::Table(table));
    }
    assert_eq!(CODEC.live(CODEC.encode_table(table)), 0);
}

#[test]
fn invalid_and_reserved_are_empty() {
    for level in [Level::Kib4, Level::Mib2, Level::Gib1, Level::Gib512] {
        assert_eq!(CODEC.decode(0, level), Entry::Empty);
        assert_eq!(CODEC.decode(0xffff_ffff_ffff_fffe, level), Entry::Empty);
    }
    for level in [Level::Kib4, Level::Gib512] {
        assert_eq!(CODEC.decode(0x0060_0000_0900_0c41, level), Entry::Empty);
    }
}

#[test]
fn every_bit_makes_a_difference() {
    for bit in 0..64 {
        assert!(
            !CODEC.is_same(0x0060_0000_0900_0c43, 0x0060_0000_0900_0c43 ^ (1 << bit)),
            "bit {bit}"
        );
    }
}

#[test]
fn what_the_processor_has() {
    assert_eq!(CODEC.largest_block(), Level::Gib1);
    assert_eq!(CODEC.phys_limit(), 0x1000_0000_0000);
    assert_eq!(Aarch64 { phys_bits: 52 }.phys_limit(), 0x1_0000_0000_0000);
    assert!(CODEC.needs_break());
    // Indices 0 to 3: nGnRnE, nGnRE, write-back, non-cacheable.
    assert_eq!(
        Aarch64::MAIR.to_le_bytes(),
        [0x00, 0x04, 0xff, 0x44, 0, 0, 0, 0]
    );
}

#[test]
fn only_cached_memory_executes() {
    for (cache, _) in TYPES {
        assert!(CODEC.supports(RW, cache));
        assert_eq!(
            CODEC.supports(RX, cache),
            cache == CachePolicy::Cached,
            "{cache:?}"
        );
    }
}
