//! The bits of x86_64 entries, against constants worked out by hand from the Intel SDM vol. 3A
//! (figure "Formats of CR3 and Paging-Structure Entries with 4-Level Paging", table of the PAT).

use jacinth_kernel::PhysAddr;
use jacinth_kernel::hal::{CachePolicy, MmuFlags};
use jacinth_paging::{Entry, KernelAccess, Leaf, Level, PteCodec, X86_64};

const CODEC: X86_64 = X86_64 {
    gib_pages: true,
    phys_bits: 46,
};

/// An address that is aligned for its level, with high and low bits set.
const ADDRESSES: [(Level, u64); 3] = [
    (Level::Kib4, 0x0000_2abc_dfed_c000),
    (Level::Mib2, 0x0000_2abc_dfe0_0000),
    (Level::Gib1, 0x0000_2abc_c000_0000),
];

/// PAT, PCD, PWT at a 4 KiB entry; PS, PAT, PCD, PWT at a block.
const TYPES: [(CachePolicy, u64, u64); 4] = [
    (CachePolicy::Cached, 0x0000, 0x0080),
    (CachePolicy::Uncached, 0x0018, 0x0098),
    (CachePolicy::UncachedDevice, 0x0018, 0x0098),
    (CachePolicy::WriteCombining, 0x0098, 0x1098),
];

const RX: MmuFlags = MmuFlags::READ.union(MmuFlags::EXECUTE);
const RW: MmuFlags = MmuFlags::READ.union(MmuFlags::WRITE);

/// P, RW, US, NX.
const USER: [(MmuFlags, u64); 4] = [
    (MmuFlags::READ, 0x8000_0000_0000_0005),
    (RW, 0x8000_0000_0000_0007),
    (RX, 0x0000_0000_0000_0005),
    (MmuFlags::all(), 0x0000_0000_0000_0007),
];

/// P, RW, G, NX.
const KERNEL: [(KernelAccess, u64); 3] = [
    (KernelAccess::Read, 0x8000_0000_0000_0101),
    (KernelAccess::Write, 0x8000_0000_0000_0103),
    (KernelAccess::Execute, 0x0000_0000_0000_0101),
];

fn type_bits(level: Level, page: u64, block: u64) -> u64 {
    if level == Level::Kib4 { page } else { block }
}

#[test]
fn user_leaves() {
    for (level, address) in ADDRESSES {
        for (cache, page, block) in TYPES {
            for (flags, bits) in USER {
                let leaf = Leaf {
                    phys: PhysAddr::new(address),
                    flags,
                    cache,
                };
                let entry = CODEC.encode(leaf, level);
                assert_eq!(
                    entry,
                    address | bits | type_bits(level, page, block),
                    "{leaf:?} {level:?}"
                );
                let cache = if cache == CachePolicy::UncachedDevice {
                    CachePolicy::Uncached
                } else {
                    cache
                };
                assert_eq!(
                    CODEC.decode(entry, level),
                    Entry::Leaf(Leaf { cache, ..leaf })
                );
            }
        }
    }
}

#[test]
fn kernel_leaves() {
    for (level, address) in ADDRESSES {
        for (cache, page, block) in TYPES {
            for (access, bits) in KERNEL {
                let entry = CODEC.encode_kernel(PhysAddr::new(address), level, access, cache);
                assert_eq!(
                    entry,
                    address | bits | type_bits(level, page, block),
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
    let bar = leaf(0xfebc_1000, RW, CachePolicy::Uncached);
    assert_eq!(CODEC.encode(bar, Level::Kib4), 0x8000_0000_febc_101f);
    let frame_buffer = leaf(0xfd00_0000, RW, CachePolicy::WriteCombining);
    assert_eq!(
        CODEC.encode(frame_buffer, Level::Kib4),
        0x8000_0000_fd00_009f
    );
    assert_eq!(
        CODEC.encode(frame_buffer, Level::Mib2),
        0x8000_0000_fd00_109f
    );
    let code = leaf(0x4000_0000, RX, CachePolicy::Cached);
    assert_eq!(CODEC.encode(code, Level::Gib1), 0x0000_0000_4000_0085);
}

#[test]
fn tables() {
    let table = PhysAddr::new(0x0000_2abc_dfed_c000);
    assert_eq!(CODEC.encode_table(table), 0x0000_2abc_dfed_c007);
    for level in [Level::Mib2, Level::Gib1, Level::Gib512] {
        // What the processor marks does not matter.
        assert_eq!(
            CODEC.decode(0x0000_2abc_dfed_c027, level),
            Entry::Table(table)
        );
    }
}

#[test]
fn tables_count_their_entries_in_ignored_bits() {
    let table = PhysAddr::new(0x0000_2abc_dfed_c000);
    // Accessed, and no execution below: what is there stays.
    let entry = 0x8000_2abc_dfed_c027;
    for (live, bits) in [
        (1, 0x8010_2abc_dfed_c027),
        (0x155, 0x9550_2abc_dfed_c027),
        (512, 0xa000_2abc_dfed_c027),
    ] {
        let counted = CODEC.with_live(CODEC.with_live(entry, 0x2aa), live);
        assert_eq!((counted, CODEC.live(counted)), (bits, live));
        assert_eq!(CODEC.decode(counted, Level::Mib2), Entry::Table(table));
    }
    assert_eq!(CODEC.live(CODEC.encode_table(table)), 0);
}

#[test]
fn not_present_is_empty() {
    for level in [Level::Kib4, Level::Mib2, Level::Gib1, Level::Gib512] {
        assert_eq!(CODEC.decode(0, level), Entry::Empty);
        assert_eq!(CODEC.decode(0xffff_ffff_ffff_fffe, level), Entry::Empty);
    }
}

#[test]
fn accessed_and_dirty_make_no_difference() {
    assert!(CODEC.is_same(0x8000_0000_febc_101f, 0x8000_0000_febc_107f));
    for bit in (0..64).filter(|bit| ![5, 6].contains(bit)) {
        assert!(
            !CODEC.is_same(0x8000_0000_febc_101f, 0x8000_0000_febc_101f ^ (1 << bit)),
            "bit {bit}"
        );
    }
}

#[test]
fn what_the_processor_has() {
    assert_eq!(CODEC.largest_block(), Level::Gib1);
    assert_eq!(
        X86_64 {
            gib_pages: false,
            ..CODEC
        }
        .largest_block(),
        Level::Mib2
    );
    assert_eq!(CODEC.phys_limit(), 0x4000_0000_0000);
    assert_eq!(
        X86_64 {
            phys_bits: 64,
            ..CODEC
        }
        .phys_limit(),
        0x10_0000_0000_0000
    );
    assert!(!CODEC.needs_break());
    assert!(CODEC.supports(MmuFlags::all(), CachePolicy::Uncached));
    // Each index's byte: WB, WT, UC-, UC, WB, WT, UC-, WC.
    assert_eq!(X86_64::PAT.to_le_bytes(), [6, 4, 7, 0, 6, 4, 7, 1]);
}
