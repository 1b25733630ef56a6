//! The kernel's own mappings.

use std::collections::BTreeMap;

use jacinth_kernel::hal::CachePolicy;
use jacinth_kernel::{PAGE_SIZE, PhysAddr, PhysRun, VirtAddr, VirtRange};
use jacinth_paging::{
    Aarch64, Entry, KernelAccess, KernelMapError, KernelMapper, Level, PteCodec, TableWords, X86_64,
};

const ROOT: PhysAddr = PhysAddr::new(0x1000);
const WINDOW: u64 = 0xffff_8000_0000_0000;
const MIB_2: u64 = 0x20_0000;
const GIB: u64 = 0x4000_0000;

/// Words that were never written read as garbage that looks valid.
#[derive(Default)]
struct Words(BTreeMap<PhysAddr, [u64; 512]>);

impl TableWords for Words {
    fn read(&self, table: PhysAddr, index: usize) -> u64 {
        self.0[&table][index]
    }

    fn write(&mut self, table: PhysAddr, index: usize, entry: u64) {
        self.0.get_mut(&table).unwrap()[index] = entry;
    }

    fn zero_table(&mut self, table: PhysAddr) {
        self.0.insert(table, [0; 512]);
    }

    fn publish(&mut self) {}
}

struct Test<C> {
    codec: C,
    mapper: KernelMapper<C>,
    words: Words,
    next: u64,
    last: u64,
}

impl<C: PteCodec> Test<C> {
    fn new(codec: C) -> Self {
        let mut words = Words::default();
        words.zero_table(ROOT);
        Self {
            codec,
            mapper: KernelMapper::new(codec, ROOT),
            words,
            next: 0x2000,
            last: 0x40_0000,
        }
    }

    fn map(
        &mut self,
        at: u64,
        phys: u64,
        bytes: u64,
        how: (KernelAccess, CachePolicy),
    ) -> Result<(), KernelMapError> {
        let run = PhysRun {
            base: PhysAddr::new(phys),
            pages: bytes / PAGE_SIZE,
        };
        let Self {
            mapper,
            words,
            next,
            last,
            ..
        } = self;
        mapper.map(
            words,
            &mut || take(next, *last),
            VirtAddr::new(at),
            run,
            how,
        )
    }

    /// The raw entry and its level.
    fn entry(&self, at: u64) -> (u64, Level) {
        let (mut table, mut level) = (ROOT, Level::ROOT);
        loop {
            let entry = self.words.read(table, level.index(at));
            match self.codec.decode(entry, level) {
                Entry::Table(next) => (table, level) = (next, level.below()),
                _ => return (entry, level),
            }
        }
    }
}

fn take(next: &mut u64, last: u64) -> Option<PhysAddr> {
    let frame = *next;
    *next += PAGE_SIZE;
    (frame < last).then(|| PhysAddr::new(frame))
}

const X86: X86_64 = X86_64 {
    gib_pages: true,
    phys_bits: 40,
};
const DATA: (KernelAccess, CachePolicy) = (KernelAccess::Write, CachePolicy::Cached);

#[test]
fn the_window_onto_memory_is_blocks() {
    let mut test = Test::new(X86);
    test.map(WINDOW, 0, 5 * GIB + 3 * MIB_2 + PAGE_SIZE, DATA)
        .unwrap();
    assert_eq!(
        test.entry(WINDOW + 4 * GIB),
        (0x8000_0001_0000_0183, Level::Gib1)
    );
    assert_eq!(
        test.entry(WINDOW + 5 * GIB + MIB_2),
        (0x8000_0001_4020_0183, Level::Mib2)
    );
    assert_eq!(
        test.entry(WINDOW + 5 * GIB + 3 * MIB_2),
        (0x8000_0001_4060_0103, Level::Kib4)
    );
    assert_eq!(
        test.entry(WINDOW + 5 * GIB + 3 * MIB_2 + PAGE_SIZE),
        (0, Level::Kib4)
    );
    assert_eq!(test.words.0.len(), 4);
}

#[test]
fn the_image_and_a_device() {
    let mut test = Test::new(Aarch64 { phys_bits: 40 });
    let image = 0xffff_ffff_8000_0000;
    test.map(
        image,
        0x4020_0000,
        2 * PAGE_SIZE,
        (KernelAccess::Execute, CachePolicy::Cached),
    )
    .unwrap();
    test.map(
        image + 2 * PAGE_SIZE,
        0x4020_2000,
        PAGE_SIZE,
        (KernelAccess::Read, CachePolicy::Cached),
    )
    .unwrap();
    let uart = (KernelAccess::Write, CachePolicy::UncachedDevice);
    test.map(image + 4 * PAGE_SIZE, 0x0900_0000, PAGE_SIZE, uart)
        .unwrap();
    assert_eq!(
        test.entry(image + PAGE_SIZE),
        (0x0040_0000_4020_178b, Level::Kib4)
    );
    assert_eq!(
        test.entry(image + 2 * PAGE_SIZE),
        (0x0060_0000_4020_278b, Level::Kib4)
    );
    assert_eq!(test.entry(image + 3 * PAGE_SIZE), (0, Level::Kib4));
    assert_eq!(
        test.entry(image + 4 * PAGE_SIZE),
        (0x0060_0000_0900_0407, Level::Kib4)
    );
}

#[test]
fn an_entry_is_never_changed() {
    let mut test = Test::new(X86);
    test.map(WINDOW, 0, 2 * MIB_2, DATA).unwrap();
    assert_eq!(test.map(WINDOW, 0, 2 * MIB_2, DATA), Ok(()));
    let read = (KernelAccess::Read, CachePolicy::Cached);
    assert_eq!(
        test.map(WINDOW, 0, MIB_2, read),
        Err(KernelMapError::AlreadyMapped)
    );
    assert_eq!(
        test.map(WINDOW, 0, PAGE_SIZE, DATA),
        Err(KernelMapError::AlreadyMapped)
    );
    assert_eq!(
        test.map(WINDOW, MIB_2, MIB_2, DATA),
        Err(KernelMapError::AlreadyMapped)
    );
}

#[test]
fn bad_addresses_and_no_frames() {
    let mut test = Test::new(X86);
    assert_eq!(
        test.map(WINDOW + 1, 0, PAGE_SIZE, DATA),
        Err(KernelMapError::BadAddress)
    );
    assert_eq!(
        test.map(WINDOW, 8, PAGE_SIZE, DATA),
        Err(KernelMapError::BadAddress)
    );
    assert_eq!(
        test.map(WINDOW, 1 << 40, PAGE_SIZE, DATA),
        Err(KernelMapError::BadAddress)
    );
    assert_eq!(
        test.map(!0xfff, 0, 2 * PAGE_SIZE, DATA),
        Err(KernelMapError::BadAddress)
    );
    test.last = test.next;
    assert_eq!(
        test.map(WINDOW, 0, PAGE_SIZE, DATA),
        Err(KernelMapError::NoMemory)
    );
}

#[test]
fn root_entries_are_there_to_be_copied() {
    let mut test = Test::new(X86);
    let Test {
        mapper,
        words,
        next,
        last,
        ..
    } = &mut test;
    let window = VirtRange {
        start: VirtAddr::new(WINDOW),
        end: VirtAddr::new(WINDOW + 513 * GIB),
    };
    mapper
        .link_root(words, &mut || take(next, *last), window)
        .unwrap();
    let before = words.0[&ROOT];
    assert_eq!(before.iter().filter(|entry| **entry != 0).count(), 2);
    test.map(WINDOW + 512 * GIB, 0, PAGE_SIZE, DATA).unwrap();
    assert_eq!(test.words.0[&ROOT], before);
}
