//! Snapshots: copy-on-write children (table M, and what the sheets say of §18).

use crate::env::{Env, P, READ_WRITE};
use crate::kit::{self, H, childless, create_child, has_children};
use crate::{
    Outcome, Scenario,
    check::{fails, ok, same},
};
use jacinth_abi::limits::MAX_VMO_SIZE;
use jacinth_abi::{Rights, Status, VmoChildOptions, VmoInfoFlags, VmoOptions};

const SNAPSHOT: VmoChildOptions = VmoChildOptions::SNAPSHOT;
const TYPES: [VmoChildOptions; 3] = [
    SNAPSHOT,
    VmoChildOptions::SNAPSHOT_AT_LEAST_ON_WRITE,
    VmoChildOptions::SNAPSHOT_MODIFIED,
];

pub(crate) const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "snapshot_is_isolated",
        rows: &["vmo:322"],
        run: is_isolated,
    },
    Scenario {
        name: "snapshot_refused",
        rows: &["vmo:288"],
        run: refused,
    },
    Scenario {
        name: "snapshot_rights",
        rows: &["vmo:326", "vmo:327"],
        run: rights,
    },
    Scenario {
        name: "snapshot_info",
        rows: &[],
        run: info,
    },
    Scenario {
        name: "snapshot_counts_pages",
        rows: &[],
        run: counts_pages,
    },
    Scenario {
        name: "snapshot_counts_many_pages",
        rows: &[],
        run: counts_many_pages,
    },
    Scenario {
        name: "snapshot_of_snapshot",
        rows: &[],
        run: of_snapshot,
    },
    Scenario {
        name: "snapshot_middle_closed_first",
        rows: &[],
        run: middle_closed_first,
    },
    Scenario {
        name: "snapshot_parent_closed_first",
        rows: &[],
        run: parent_closed_first,
    },
    Scenario {
        name: "snapshot_window",
        rows: &[],
        run: window,
    },
    Scenario {
        name: "snapshot_of_parent_with_slice",
        rows: &["vmo:320"],
        run: and_slice,
    },
];

pub(crate) fn snapshot(vmo: &H, offset: u64, size: u64) -> Result<H, Status> {
    create_child(vmo.value(), SNAPSHOT, offset, size)
}

/// Writes one byte.
#[track_caller]
pub(crate) fn put(vmo: &H, offset: u64, byte: u8) -> Outcome {
    ok(kit::write(vmo.value(), &[byte], offset))
}

/// Checks one byte.
#[track_caller]
pub(crate) fn holds(vmo: &H, offset: u64, byte: u8) -> Outcome {
    let mut found = [0xee];
    ok(kit::read(vmo.value(), &mut found, offset))?;
    same(found, [byte])
}

/// The memory that a VMO answers for, and the part that nobody else holds, in pages.
#[track_caller]
pub(crate) fn pages(vmo: &H) -> Result<(u64, u64), crate::Failure> {
    let info = ok(kit::vmo_info(vmo.value()))?;
    same(info.populated_bytes, info.committed_bytes)?;
    same(info.populated_private_bytes, info.committed_private_bytes)?;
    Ok((info.committed_bytes / P, info.committed_private_bytes / P))
}

fn is_isolated(env: &mut Env) -> Outcome {
    for kind in TYPES {
        let vmo = env.paged(1)?;
        put(&vmo, 0, 1)?;
        let child = ok(create_child(vmo.value(), kind, 0, 2 * P))?;
        same(ok(kit::get_size(child.value()))?, 2 * P)?;
        holds(&child, 0, 1)?;
        holds(&child, P, 0)?;
        put(&vmo, 1, 2)?;
        holds(&child, 1, 0)?;
        put(&child, 0, 3)?;
        put(&child, P, 4)?;
        holds(&vmo, 0, 1)?;
        holds(&vmo, 1, 2)?;
        holds(&child, 0, 3)?;
        holds(&child, 1, 0)?;
        holds(&child, P, 4)?;
        fails(kit::read(vmo.value(), &mut [0], P), Status::OUT_OF_RANGE)?;
    }
    // What is committed afterwards is nobody else's.
    let vmo = env.paged(2)?;
    let child = ok(snapshot(&vmo, 0, 2 * P))?;
    put(&vmo, 0, 1)?;
    put(&child, P, 2)?;
    holds(&child, 0, 0)?;
    holds(&vmo, P, 0)
}

fn refused(env: &mut Env) -> Outcome {
    let device = env.physical(1)?;
    let vmo = env.paged(2)?;
    let slice = ok(kit::slice(vmo.value(), 0, P))?;
    let uncached = env.paged(1)?;
    ok(kit::set_cache_policy(uncached.value(), 1))?;
    let discardable = ok(kit::vmo_create(P, VmoOptions::DISCARDABLE.bits()))?;
    let no_read = env.without(&vmo, Rights::READ)?;
    let no_duplicate = env.without(&vmo, Rights::DUPLICATE)?;
    for kind in TYPES {
        let by = |vmo: &H, offset: u64, size: u64| create_child(vmo.value(), kind, offset, size);
        fails(by(&device, 0, P), Status::NOT_SUPPORTED)?;
        fails(by(&device, 1, P), Status::NOT_SUPPORTED)?;
        fails(by(&slice, 0, P), Status::NOT_SUPPORTED)?;
        fails(by(&discardable, 0, P), Status::NOT_SUPPORTED)?;
        fails(by(&uncached, 0, P), Status::BAD_STATE)?;
        fails(by(&vmo, 1, P), Status::INVALID_ARGS)?;
        fails(by(&vmo, P - 1, P), Status::INVALID_ARGS)?;
        fails(by(&vmo, 0, MAX_VMO_SIZE + 1), Status::OUT_OF_RANGE)?;
        fails(by(&vmo, 0, u64::MAX), Status::OUT_OF_RANGE)?;
        fails(by(&no_read, 0, P), Status::ACCESS_DENIED)?;
        fails(by(&no_duplicate, 0, P), Status::ACCESS_DENIED)?;
        let both = VmoChildOptions::NO_WRITE | VmoChildOptions::RESIZABLE;
        for extra in [both, VmoChildOptions::SLICE, VmoChildOptions::REFERENCE] {
            let child = create_child(vmo.value(), kind | extra, 0, P);
            fails(child, Status::INVALID_ARGS)?;
        }
        let unknown = VmoChildOptions::from_bits_retain(1 << 20);
        let child = create_child(vmo.value(), kind | unknown, 0, P);
        fails(child, Status::INVALID_ARGS)?;
        let out = zx::Address::NULL;
        let child = zx::sys::vmo_create_child(uncached.value(), kind.bits(), 0, P, out);
        fails(child, Status::BAD_STATE)?;
    }
    let two = TYPES[0] | TYPES[1];
    fails(create_child(vmo.value(), two, 0, P), Status::INVALID_ARGS)?;
    has_children(&vmo)?;
    drop(slice);
    childless(&vmo)?;
    let out = zx::Address::NULL;
    let child = zx::sys::vmo_create_child(vmo.value(), SNAPSHOT.bits(), 0, P, out);
    fails(child, Status::INVALID_ARGS)?;
    childless(&vmo)
}

fn rights(env: &mut Env) -> Outcome {
    let vmo = env.paged(1)?;
    let few = Rights::READ | Rights::DUPLICATE;
    let reader = ok(kit::duplicate(vmo.value(), few.bits()))?;
    let rights = |parent: &H, options: VmoChildOptions| {
        let child = ok(create_child(parent.value(), options, 0, P))?;
        ok(kit::basic(child.value())).map(|info| Rights::from_bits_retain(info.rights))
    };
    for kind in TYPES {
        same(
            rights(&reader, kind)?,
            few | Rights::WRITE | Rights::PROPERTY,
        )?;
        let fixed = rights(&reader, kind | VmoChildOptions::NO_WRITE)?;
        same(fixed, few | Rights::PROPERTY)?;
        let sized = rights(&reader, kind | VmoChildOptions::RESIZABLE)?;
        same(
            sized,
            few | Rights::WRITE | Rights::PROPERTY | Rights::RESIZE,
        )?;
        // The rights of a default handle: all of it but RESIZE, which it has not.
        same(rights(&vmo, kind)?, Rights::DEFAULT_VMO)?;
    }
    let sized = ok(kit::vmo_create(P, VmoOptions::RESIZABLE.bits()))?;
    same(rights(&sized, SNAPSHOT)?, Rights::DEFAULT_VMO)?;
    ok(kit::set_name(vmo.value(), b"first"))?;
    let named = ok(snapshot(&vmo, 0, P))?;
    same(ok(kit::get_name(named.value()))?, kit::name(b"first"))?;
    let nameless = ok(snapshot(&reader, 0, P))?;
    same(ok(kit::get_name(nameless.value()))?, kit::name(b""))
}

fn info(env: &mut Env) -> Outcome {
    let vmo = env.paged(2)?;
    let koid = ok(kit::basic(vmo.value()))?.koid;
    let child = ok(snapshot(&vmo, 0, P + 1))?;
    let found = ok(kit::vmo_info(child.value()))?;
    same((found.size_bytes, found.parent_koid), (2 * P, koid))?;
    same((found.num_children, found.num_mappings), (0, 0))?;
    let clone = VmoInfoFlags::TYPE_PAGED | VmoInfoFlags::IS_COW_CLONE | VmoInfoFlags::VIA_HANDLE;
    same(found.flags, clone.bits())?;
    same(ok(kit::content_size(child.value()))?, P + 1)?;
    let fixed = ok(create_child(
        vmo.value(),
        SNAPSHOT | VmoChildOptions::NO_WRITE,
        0,
        P,
    ))?;
    let flags = ok(kit::vmo_info(fixed.value()))?.flags;
    same(flags, (clone | VmoInfoFlags::IMMUTABLE).bits())?;
    let sized = ok(create_child(
        vmo.value(),
        SNAPSHOT | VmoChildOptions::RESIZABLE,
        0,
        P,
    ))?;
    let flags = ok(kit::vmo_info(sized.value()))?.flags;
    same(flags, (clone | VmoInfoFlags::RESIZABLE).bits())?;
    let above = ok(kit::vmo_info(vmo.value()))?;
    same((above.num_children, above.parent_koid), (3, 0))?;
    same(
        above.flags,
        (VmoInfoFlags::TYPE_PAGED | VmoInfoFlags::VIA_HANDLE).bits(),
    )?;
    has_children(&vmo)?;
    childless(&child)?;
    // No member of a family changes its policy.
    fails(kit::set_cache_policy(child.value(), 1), Status::BAD_STATE)?;
    fails(kit::set_cache_policy(vmo.value(), 1), Status::BAD_STATE)
}

fn counts_pages(env: &mut Env) -> Outcome {
    let vmo = env.paged(8)?;
    for page in 0..4 {
        put(&vmo, page * P, 1)?;
    }
    same(pages(&vmo)?, (4, 4))?;
    let child = ok(snapshot(&vmo, 0, 8 * P))?;
    same(pages(&vmo)?, (4, 0))?;
    same(pages(&child)?, (0, 0))?;
    let half = |vmo: &H| ok(kit::vmo_info(vmo.value())).map(|info| info.committed_scaled_bytes);
    same((half(&vmo)?, half(&child)?), (2 * P, 2 * P))?;
    put(&child, 0, 2)?;
    put(&child, 7 * P, 2)?;
    same(pages(&vmo)?, (4, 1))?;
    same(pages(&child)?, (2, 2))?;
    put(&vmo, P, 2)?;
    same(pages(&vmo)?, (4, 2))?;
    same(pages(&child)?, (3, 3))?;
    same(half(&vmo)? + half(&child)?, 7 * P)?;
    // Reading commits nothing.
    holds(&child, 6 * P, 0)?;
    same(pages(&child)?, (3, 3))?;
    drop(vmo);
    same(pages(&child)?, (5, 5))?;
    same(half(&child)?, 5 * P)
}

/// So many that the kernel does not count them in one event.
fn counts_many_pages(env: &mut Env) -> Outcome {
    const APART: u64 = 64 * P;
    let count = u64::try_from(env.rounds(1200, 3)).unwrap_or(1);
    let vmo = env.paged(count * 64)?;
    for number in 0..count {
        put(&vmo, number * APART, 1)?;
        put(&vmo, number * APART + P, 1)?;
    }
    let child = ok(snapshot(&vmo, 0, count * APART))?;
    for number in 0..count {
        put(&child, number * APART, 2)?;
    }
    same(pages(&vmo)?, (2 * count, count))?;
    same(pages(&child)?, (count, count))?;
    let scaled = |vmo: &H| ok(kit::vmo_info(vmo.value())).map(|info| info.committed_scaled_bytes);
    same(scaled(&vmo)? + scaled(&child)?, 3 * count * P)?;
    drop(child);
    // The signal does not wait for all those pages.
    childless(&vmo)?;
    drop(vmo);
    // The kernel takes them down bit by bit, at each call.
    for _ in 0..count {
        ok(kit::now())?;
    }
    Ok(())
}

fn of_snapshot(env: &mut Env) -> Outcome {
    let first = env.paged(3)?;
    for page in 0..3 {
        put(&first, page * P, 1)?;
    }
    let second = ok(snapshot(&first, 0, 3 * P))?;
    put(&second, P, 2)?;
    let third = ok(snapshot(&second, 0, 3 * P))?;
    put(&third, 2 * P, 3)?;
    put(&first, 0, 4)?;
    put(&second, 0, 5)?;
    for (vmo, bytes) in [
        (&first, [4, 1, 1]),
        (&second, [5, 2, 1]),
        (&third, [1, 2, 3]),
    ] {
        for (page, byte) in (0..).zip(bytes) {
            holds(vmo, page * P, byte)?;
        }
    }
    let koid = |vmo: &H| ok(kit::basic(vmo.value())).map(|info| info.koid);
    let info = |vmo: &H| ok(kit::vmo_info(vmo.value()));
    same(info(&third)?.parent_koid, koid(&second)?)?;
    let counts = [
        info(&first)?.num_children,
        info(&second)?.num_children,
        info(&third)?.num_children,
    ];
    same(counts, [1, 1, 0])?;
    // Siblings know nothing of each other.
    let twin = ok(snapshot(&first, 0, 3 * P))?;
    put(&twin, P, 6)?;
    holds(&first, P, 1)?;
    holds(&second, P, 2)?;
    same(info(&first)?.num_children, 2)
}

fn middle_closed_first(env: &mut Env) -> Outcome {
    let first = env.paged(2)?;
    put(&first, 0, 1)?;
    put(&first, P, 1)?;
    for _ in 0..env.rounds(10, 2) {
        let second = ok(snapshot(&first, 0, 2 * P))?;
        put(&second, P, 2)?;
        let koid = ok(kit::basic(second.value()))?.koid;
        let third = ok(snapshot(&second, 0, 2 * P))?;
        drop(second);
        has_children(&first)?;
        same(ok(kit::vmo_info(third.value()))?.parent_koid, koid)?;
        same(ok(kit::vmo_info(first.value()))?.num_children, 1)?;
        holds(&third, 0, 1)?;
        holds(&third, P, 2)?;
        put(&first, 0, 3)?;
        holds(&third, 0, 1)?;
        put(&first, 0, 1)?;
        let region = ok(env.map(&third, READ_WRITE, 2 * P))?;
        drop(third);
        same(region.read32(P), 2)?;
        region.write32(0, 9);
        has_children(&first)?;
        ok(region.unmap())?;
        childless(&first)?;
        holds(&first, 0, 1)?;
    }
    Ok(())
}

fn parent_closed_first(env: &mut Env) -> Outcome {
    const PAGES: u64 = 32;
    let mut vmo = env.paged(PAGES)?;
    for page in 0..PAGES {
        put(&vmo, page * P, 1)?;
    }
    // Each generation writes all of it: the memory of those before it must come back.
    for round in 0..env.rounds(600, 3) {
        let child = ok(snapshot(&vmo, 0, PAGES * P))?;
        let byte = u8::try_from(round % 200).unwrap_or(0);
        for page in 0..PAGES {
            put(&child, page * P, byte)?;
        }
        vmo = child;
        same(pages(&vmo)?, (PAGES, PAGES))?;
    }
    Ok(())
}

fn window(env: &mut Env) -> Outcome {
    let vmo = env.paged(200)?;
    for page in [0, 1, 62, 63, 64, 127, 128, 199] {
        put(&vmo, page * P, u8::try_from(page).unwrap_or(0) + 1)?;
    }
    let child = ok(snapshot(&vmo, 62 * P, 68 * P))?;
    for (page, byte) in [
        (0, 63),
        (1, 64),
        (2, 65),
        (3, 0),
        (65, 128),
        (66, 129),
        (67, 0),
    ] {
        holds(&child, page * P, byte)?;
    }
    put(&child, P, 7)?;
    holds(&vmo, 63 * P, 64)?;
    put(&vmo, 64 * P, 8)?;
    holds(&child, 2 * P, 65)?;
    // Pages outside of the window are not held.
    same(pages(&vmo)?.0, 8)?;
    let beyond = ok(snapshot(&vmo, 199 * P, 3 * P))?;
    holds(&beyond, 0, 200)?;
    holds(&beyond, P, 0)?;
    put(&beyond, 2 * P, 1)?;
    let nothing = ok(snapshot(&vmo, 400 * P, P))?;
    holds(&nothing, 0, 0)?;
    let empty = ok(snapshot(&vmo, P, 0))?;
    same(ok(kit::get_size(empty.value()))?, 0)?;
    fails(kit::read(empty.value(), &mut [0], 0), Status::OUT_OF_RANGE)?;
    let again = ok(snapshot(&child, P, 2 * P))?;
    holds(&again, 0, 7)?;
    holds(&again, P, 65)?;
    drop(vmo);
    drop(child);
    holds(&again, 0, 7)?;
    same(pages(&again)?, (2, 2))?;
    put(&again, P, 1)?;
    holds(&beyond, 0, 200)
}

fn and_slice(env: &mut Env) -> Outcome {
    let vmo = env.paged(4)?;
    put(&vmo, 2 * P, 1)?;
    let child = ok(snapshot(&vmo, 0, 4 * P))?;
    let slice = ok(kit::slice(vmo.value(), P, 2 * P))?;
    holds(&slice, P, 1)?;
    put(&slice, P, 2)?;
    holds(&vmo, 2 * P, 2)?;
    holds(&child, 2 * P, 1)?;
    let region = ok(env.map(&slice, READ_WRITE, 2 * P))?;
    same(region.read32(P), 2)?;
    let twin = ok(snapshot(&vmo, 0, 4 * P))?;
    region.write32(P, 3);
    holds(&vmo, 2 * P, 3)?;
    holds(&twin, 2 * P, 2)?;
    // A slice of a child is a window onto the child.
    let of_child = ok(kit::slice(child.value(), 2 * P, P))?;
    put(&of_child, 0, 4)?;
    holds(&child, 2 * P, 4)?;
    holds(&vmo, 2 * P, 3)?;
    // It keeps the parent's pages as well as the parent.
    drop(vmo);
    holds(&slice, P, 3)?;
    same(region.read32(P), 3)
}
