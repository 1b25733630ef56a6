//! What the walker does in chosen cases.

mod machine;

use jacinth_kernel::hal::{
    Backing, CachePolicy, Changed, EntryCounts, MapAttrs, MapError, MmuFlags,
};
use jacinth_kernel::mem::{TlbFlush, Work};
use jacinth_kernel::{PAGE_SIZE, PhysAddr, PhysRun, VirtAddr, VirtRange};
use jacinth_paging::{Aarch64, PteCodec, X86_64, asid_of, root_of};
use machine::{Machine, RAM, USER, pages};

const MIB_2: u64 = 0x20_0000;
const GIB: u64 = 0x4000_0000;
const AT: u64 = 4 * GIB;
const DEVICE: u64 = 0x10_0000_0000;

const RW: MmuFlags = MmuFlags::READ.union(MmuFlags::WRITE);
const RX: MmuFlags = MmuFlags::READ.union(MmuFlags::EXECUTE);

const X86: X86_64 = X86_64 {
    gib_pages: true,
    phys_bits: 40,
};
const ARM: Aarch64 = Aarch64 { phys_bits: 40 };

fn device(flags: MmuFlags) -> MapAttrs {
    MapAttrs {
        flags,
        cache: CachePolicy::UncachedDevice,
        backing: Backing::Device,
    }
}

fn memory(flags: MmuFlags) -> MapAttrs {
    MapAttrs {
        flags,
        cache: CachePolicy::Cached,
        backing: Backing::Memory,
    }
}

fn range(at: u64, bytes: u64) -> VirtRange {
    VirtRange {
        start: VirtAddr::new(at),
        end: VirtAddr::new(at + bytes),
    }
}

fn counts(pages_4k: i64, blocks_2m: i64, blocks_1g: i64, tables: i64) -> EntryCounts {
    EntryCounts {
        pages_4k,
        blocks_2m,
        blocks_1g,
        tables,
    }
}

fn map<C: PteCodec>(
    machine: &mut Machine<C>,
    at: u64,
    phys: u64,
    bytes: u64,
    attrs: MapAttrs,
) -> Result<EntryCounts, MapError> {
    let Machine {
        walker,
        tables,
        mem,
        aspace,
        counts,
    } = machine;
    let run = PhysRun {
        base: PhysAddr::new(phys),
        pages: pages(bytes),
    };
    let result = walker.map(tables, *aspace, VirtAddr::new(at), run, attrs, mem);
    if let Ok(made) = result {
        counts.add(made);
    }
    machine.audit();
    result
}

/// Removes with this much work; the debt is left to the caller.
fn unmap<C: PteCodec>(machine: &mut Machine<C>, range: VirtRange, units: u32) -> Changed {
    let Machine {
        walker,
        tables,
        mem,
        aspace,
        counts,
    } = machine;
    let changed = walker.unmap(tables, *aspace, range, &mut Work::new(units), mem);
    counts.add(changed.counts);
    changed
}

fn pay<C: PteCodec>(machine: &mut Machine<C>, flush: TlbFlush) {
    machine.tables.flush(&flush);
    machine
        .walker
        .settle(&mut machine.tables, flush, &mut machine.mem);
    machine.audit();
}

fn query<C: PteCodec>(machine: &Machine<C>, at: u64) -> Option<(u64, MmuFlags, u64)> {
    let there = machine
        .walker
        .query(&machine.tables, machine.aspace, VirtAddr::new(at))?;
    Some((there.phys.raw(), there.flags, there.entry_bytes))
}

#[test]
fn an_aligned_gib_is_one_entry() {
    let mut machine = Machine::new(X86);
    assert_eq!(
        map(&mut machine, AT, DEVICE, GIB, device(RW)),
        Ok(counts(0, 0, 1, 1))
    );
    assert_eq!(
        query(&machine, AT + 0x12_3456),
        Some((DEVICE + 0x12_3456, RW, GIB))
    );
    let mut machine = Machine::new(X86_64 {
        gib_pages: false,
        ..X86
    });
    assert_eq!(
        map(&mut machine, AT, DEVICE, GIB, device(RW)),
        Ok(counts(0, 512, 0, 2))
    );
}

#[test]
fn a_run_is_cut_into_the_largest_blocks() {
    let mut machine = Machine::new(ARM);
    let (before, behind) = (MIB_2 + PAGE_SIZE, MIB_2 + 3 * PAGE_SIZE);
    let made = map(
        &mut machine,
        AT - before,
        DEVICE - before,
        before + GIB + behind,
        device(RW),
    );
    assert_eq!(made, Ok(counts(1 + 3, 2, 1, 5)));
    assert_eq!(
        query(&machine, AT - before),
        Some((DEVICE - before, RW, PAGE_SIZE))
    );
    assert_eq!(
        query(&machine, AT - MIB_2),
        Some((DEVICE - MIB_2, RW, MIB_2))
    );
    assert_eq!(query(&machine, AT), Some((DEVICE, RW, GIB)));
    assert_eq!(query(&machine, AT + GIB + behind), None);
}

#[test]
fn the_same_again_changes_permissions_at_once() {
    let mut machine = Machine::new(ARM);
    map(&mut machine, AT, DEVICE, GIB, device(MmuFlags::READ)).unwrap();
    assert_eq!(
        map(&mut machine, AT, DEVICE, GIB, device(MmuFlags::READ)),
        Ok(counts(0, 0, 0, 0))
    );
    assert_eq!(machine.tables.breaks, 0);
    assert_eq!(
        map(&mut machine, AT, DEVICE, GIB, device(RW)),
        Ok(counts(0, 0, 0, 0))
    );
    assert_eq!(machine.tables.breaks, 1);
    let page = MIB_2 + PAGE_SIZE;
    let made = map(
        &mut machine,
        AT + page,
        DEVICE + page,
        PAGE_SIZE,
        device(MmuFlags::READ),
    );
    assert_eq!(made, Ok(counts(512, 511, -1, 2)));
    assert_eq!(
        query(&machine, AT + page),
        Some((DEVICE + page, MmuFlags::READ, PAGE_SIZE))
    );
    assert_eq!(
        query(&machine, AT + page + PAGE_SIZE),
        Some((DEVICE + page + PAGE_SIZE, RW, PAGE_SIZE))
    );
}

#[test]
fn another_frame_or_type_is_refused() {
    let mut machine = Machine::new(X86);
    map(&mut machine, AT, DEVICE, 4 * PAGE_SIZE, device(RW)).unwrap();
    let other_frame = map(
        &mut machine,
        AT - MIB_2,
        DEVICE - MIB_2 + PAGE_SIZE,
        2 * MIB_2,
        device(RW),
    );
    assert_eq!(other_frame, Err(MapError::AlreadyMapped));
    let combining = MapAttrs {
        cache: CachePolicy::WriteCombining,
        ..device(RW)
    };
    assert_eq!(
        map(&mut machine, AT, DEVICE, PAGE_SIZE, combining),
        Err(MapError::AlreadyMapped)
    );
    let uncached = MapAttrs {
        cache: CachePolicy::Uncached,
        ..device(RW)
    };
    assert_eq!(
        map(&mut machine, AT, DEVICE, PAGE_SIZE, uncached),
        Ok(counts(0, 0, 0, 0))
    );
}

#[test]
fn the_fence_refuses() {
    let mut machine = Machine::new(X86);
    let (ram, end) = (RAM.base.raw(), RAM.end().raw());
    let refused = Err(MapError::Refused);
    assert_eq!(
        map(&mut machine, AT, ram + 0x10_0000, PAGE_SIZE, device(RW)),
        refused
    );
    assert_eq!(
        map(&mut machine, AT, ram - PAGE_SIZE, 2 * PAGE_SIZE, device(RW)),
        refused
    );
    assert_eq!(
        map(&mut machine, AT, DEVICE, PAGE_SIZE, memory(RW)),
        refused
    );
    assert_eq!(
        map(&mut machine, AT, end - PAGE_SIZE, 2 * PAGE_SIZE, memory(RW)),
        refused
    );
    let root = root_of(machine.aspace).raw();
    assert_eq!(map(&mut machine, AT, root, PAGE_SIZE, memory(RW)), refused);
    assert_eq!(
        map(&mut machine, AT, 1 << 40, PAGE_SIZE, device(RW)),
        refused
    );
    let mut frames = (0..3)
        .map(|_| machine.mem.frame_alloc().unwrap())
        .collect::<Vec<_>>();
    let frame = frames.pop().unwrap();
    let Machine {
        walker,
        tables,
        mem,
        aspace,
        ..
    } = &mut machine;
    let run = PhysRun {
        base: frame.address(),
        pages: 1,
    };
    assert!(
        walker
            .map(tables, *aspace, VirtAddr::new(AT), run, memory(RX), mem)
            .is_ok()
    );
}

#[test]
fn only_user_addresses_are_mapped() {
    let mut machine = Machine::new(ARM);
    let refused = Err(MapError::Refused);
    let end = USER.end.raw();
    assert_eq!(
        map(
            &mut machine,
            USER.start.raw() - PAGE_SIZE,
            DEVICE,
            PAGE_SIZE,
            device(RW)
        ),
        refused
    );
    assert_eq!(
        map(
            &mut machine,
            end - PAGE_SIZE,
            DEVICE,
            2 * PAGE_SIZE,
            device(RW)
        ),
        refused
    );
    assert_eq!(
        map(
            &mut machine,
            0xffff_8000_0000_0000,
            DEVICE,
            PAGE_SIZE,
            device(RW)
        ),
        refused
    );
    assert_eq!(
        map(&mut machine, !0xfff, DEVICE, 2 * PAGE_SIZE, device(RW)),
        refused
    );
    assert_eq!(
        map(&mut machine, AT + 1, DEVICE, PAGE_SIZE, device(RW)),
        refused
    );
    assert_eq!(
        map(&mut machine, AT, DEVICE + 1, PAGE_SIZE, device(RW)),
        refused
    );
    assert_eq!(
        map(&mut machine, AT, DEVICE, 0, device(RW)),
        Ok(counts(0, 0, 0, 0))
    );
    assert_eq!(
        map(&mut machine, end - PAGE_SIZE, DEVICE, PAGE_SIZE, device(RW)),
        Ok(counts(1, 0, 0, 3))
    );
    assert_eq!(query(&machine, end), None);
    let changed = unmap(&mut machine, range(end - PAGE_SIZE, GIB), 64);
    assert_eq!(
        (changed.reached.raw(), changed.counts),
        (end - PAGE_SIZE + GIB, counts(-1, 0, 0, -3))
    );
    pay(&mut machine, changed.flush);
}

#[test]
fn uncached_code_is_for_x86_only() {
    assert_eq!(
        map(&mut Machine::new(ARM), AT, DEVICE, PAGE_SIZE, device(RX)),
        Err(MapError::Unsupported)
    );
    assert_eq!(
        map(&mut Machine::new(X86), AT, DEVICE, PAGE_SIZE, device(RX)),
        Ok(counts(1, 0, 0, 3))
    );
}

#[test]
fn no_memory_changes_nothing() {
    let mut machine = Machine::new(ARM);
    let free = machine.mem.frames.free_frames();
    for limit in 0..5 {
        machine.mem.budget.fail_after(Some(limit));
        let made = map(
            &mut machine,
            AT - PAGE_SIZE,
            DEVICE - PAGE_SIZE,
            2 * PAGE_SIZE,
            device(RW),
        );
        assert_eq!(made, Err(MapError::NoMemory));
        assert_eq!(machine.mem.frames.free_frames(), free);
    }
    let made = map(
        &mut machine,
        AT - PAGE_SIZE,
        DEVICE - PAGE_SIZE,
        2 * PAGE_SIZE,
        device(RW),
    );
    assert_eq!(made, Ok(counts(2, 0, 0, 5)));
}

#[test]
fn a_block_that_cannot_be_split_goes() {
    let mut machine = Machine::new(X86);
    map(&mut machine, AT, DEVICE, GIB, device(RW)).unwrap();
    // The first table is there, the second is not: 2 MiB go.
    machine.mem.budget.fail_after(Some(1));
    let changed = unmap(&mut machine, range(AT + MIB_2 + PAGE_SIZE, PAGE_SIZE), 64);
    assert_eq!(changed.counts, counts(0, 511, -1, 1));
    assert_eq!(changed.flush.range, Some(range(AT, GIB)));
    pay(&mut machine, changed.flush);
    assert_eq!(query(&machine, AT + MIB_2), None);
    assert_eq!(query(&machine, AT), Some((DEVICE, RW, MIB_2)));
}

#[test]
fn a_split_that_leaves_nothing_leaves_no_table() {
    for limit in 0..3 {
        let mut machine = Machine::new(ARM);
        map(&mut machine, AT, DEVICE, GIB, device(RW)).unwrap();
        // The last page should stay, but its block cannot be split.
        machine.mem.budget.fail_after(Some(limit));
        let changed = unmap(&mut machine, range(AT, GIB - PAGE_SIZE), 1024);
        assert_eq!(changed.reached.raw(), AT + GIB - PAGE_SIZE);
        let expected = match limit {
            0 | 1 => counts(0, 0, -1, -1),
            _ => counts(1, 0, -1, 2),
        };
        assert_eq!(changed.counts, expected);
        pay(&mut machine, changed.flush);
    }
}

#[test]
fn a_full_table_counts_its_entries() {
    let mut machine = Machine::new(X86);
    for page in 0..512 {
        // Every second one, then those between, each alone.
        let at = page * 2 % 511 * PAGE_SIZE;
        let at = if page == 511 { 511 * PAGE_SIZE } else { at };
        map(&mut machine, AT + at, DEVICE + at, PAGE_SIZE, device(RW)).unwrap();
    }
    assert_eq!(machine.counts, counts(512, 0, 0, 3));
    for page in 0..512 {
        let at = AT + page * PAGE_SIZE;
        let changed = unmap(&mut machine, range(at, PAGE_SIZE), 1);
        assert_eq!(changed.flush.are_tables_unlinked(), page == 511);
        pay(&mut machine, changed.flush);
    }
    assert_eq!(machine.counts, counts(0, 0, 0, 0));
}

#[test]
fn unmap_stops_when_the_work_is_gone() {
    let mut machine = Machine::new(ARM);
    map(&mut machine, AT, DEVICE, 8 * PAGE_SIZE, device(RW)).unwrap();
    let changed = unmap(&mut machine, range(AT - GIB, 2 * GIB), 3);
    assert_eq!(changed.reached.raw(), AT + 3 * PAGE_SIZE);
    assert_eq!(changed.flush.range, Some(range(AT, 3 * PAGE_SIZE)));
    assert!(!changed.flush.are_tables_unlinked());
    pay(&mut machine, changed.flush);
    let changed = unmap(&mut machine, range(AT + 3 * PAGE_SIZE, GIB), 5);
    assert_eq!(changed.reached.raw(), AT + 3 * PAGE_SIZE + GIB);
    assert!(changed.flush.are_tables_unlinked());
    let before = machine.tables.claimed();
    pay(&mut machine, changed.flush);
    assert_eq!(machine.tables.claimed() + 3, before);
}

#[test]
fn a_block_is_work_too() {
    let mut machine = Machine::new(X86);
    map(&mut machine, AT, DEVICE, 3 * MIB_2, device(RW)).unwrap();
    let changed = unmap(&mut machine, range(AT, GIB), 2);
    assert_eq!(changed.reached.raw(), AT + 2 * MIB_2);
    pay(&mut machine, changed.flush);
    let changed = unmap(&mut machine, range(AT, GIB), 0);
    assert_eq!(changed.reached.raw(), AT + 2 * MIB_2);
    assert!(changed.flush.is_empty());
}

#[test]
fn a_debt_holds_any_number_of_tables() {
    let mut machine = Machine::new(ARM);
    for number in 0..20 {
        map(
            &mut machine,
            AT + number * MIB_2,
            DEVICE,
            PAGE_SIZE,
            device(RW),
        )
        .unwrap();
    }
    let before = machine.tables.claimed();
    let changed = unmap(&mut machine, range(AT, 20 * MIB_2), 1000);
    assert_eq!(changed.reached.raw(), AT + 20 * MIB_2);
    assert_eq!(machine.tables.claimed(), before);
    pay(&mut machine, changed.flush);
    assert_eq!(machine.tables.claimed() + 22, before);
    assert_eq!(machine.counts, counts(0, 0, 0, 0));
    machine.free();
}

#[test]
fn protect_touches_what_is_there() {
    let mut machine = Machine::new(X86);
    map(&mut machine, AT, DEVICE, 2 * MIB_2, device(RW)).unwrap();
    let Machine {
        walker,
        tables,
        mem,
        aspace,
        counts: sum,
    } = &mut machine;
    let (start, bytes) = (AT - GIB, GIB + PAGE_SIZE);
    let changed = walker.protect(
        tables,
        *aspace,
        (range(start, bytes), MmuFlags::READ),
        &mut Work::new(64),
        mem,
    );
    sum.add(changed.counts);
    assert_eq!(changed.reached.raw(), start + bytes);
    assert_eq!(changed.flush.range, Some(range(AT, MIB_2)));
    pay(&mut machine, changed.flush);
    assert_eq!(
        query(&machine, AT),
        Some((DEVICE, MmuFlags::READ, PAGE_SIZE))
    );
    assert_eq!(
        query(&machine, AT + PAGE_SIZE),
        Some((DEVICE + PAGE_SIZE, RW, PAGE_SIZE))
    );
    assert_eq!(
        query(&machine, AT + MIB_2),
        Some((DEVICE + MIB_2, RW, MIB_2))
    );
    assert_eq!(query(&machine, AT - PAGE_SIZE), None);
}

#[test]
fn nothing_changed_is_no_debt() {
    let mut machine = Machine::new(X86);
    map(&mut machine, AT, DEVICE, MIB_2, device(RW)).unwrap();
    let changed = unmap(&mut machine, range(AT + MIB_2, GIB), 64);
    assert!(changed.flush.is_empty());
    let Machine {
        walker,
        tables,
        mem,
        aspace,
        ..
    } = &mut machine;
    let changed = walker.protect(
        tables,
        *aspace,
        (range(AT, PAGE_SIZE), RW),
        &mut Work::new(64),
        mem,
    );
    assert!(changed.flush.is_empty());
    assert_eq!(changed.counts, counts(0, 0, 0, 0));
}

#[test]
fn the_name_of_a_space_holds_root_and_asid() {
    let machine = Machine::new(ARM);
    assert_eq!(asid_of(machine.aspace), 7);
    assert!(RAM.overlaps(PhysRun {
        base: root_of(machine.aspace),
        pages: 1
    }));
    machine.free();
}
