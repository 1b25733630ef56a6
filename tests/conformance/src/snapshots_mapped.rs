//! Snapshots of what is mapped, and mappings of snapshots; large families.

use crate::env::{Env, P, READ_WRITE};
use crate::kit::{self, childless, has_children};
use crate::snapshots::{holds, pages, put, snapshot};
use crate::{
    Outcome, Scenario,
    check::{fails, ok, same},
};
use jacinth_abi::limits::TIME_INFINITE;
use jacinth_abi::{Signals, Status, VmOptions};

pub(crate) const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "snapshot_while_mapped",
        rows: &[],
        run: while_mapped,
    },
    Scenario {
        name: "snapshot_mapped_both",
        rows: &[],
        run: mapped_both,
    },
    Scenario {
        name: "snapshot_mapped_eagerly",
        rows: &[],
        run: mapped_eagerly,
    },
    Scenario {
        name: "snapshot_protect",
        rows: &["vmar:189"],
        run: protect,
    },
    Scenario {
        name: "snapshot_is_its_own_buffer",
        rows: &[],
        run: own_buffer,
    },
    Scenario {
        name: "snapshot_many",
        rows: &[],
        run: many,
    },
    Scenario {
        name: "snapshot_chain",
        rows: &[],
        run: chain,
    },
    Scenario {
        name: "snapshot_large",
        rows: &[],
        run: large,
    },
];

fn while_mapped(env: &mut Env) -> Outcome {
    let vmo = env.paged(4)?;
    let region = ok(env.map(&vmo, READ_WRITE, 4 * P))?;
    let twin = ok(env.map(&vmo, READ_WRITE, 4 * P))?;
    region.write32(0, 1);
    region.write32(P, 1);
    twin.write32(2 * P, 1);
    let mut children = alloc::vec::Vec::new();
    for round in 2..6 {
        children.push(ok(snapshot(&vmo, 0, 4 * P))?);
        // Through each mapping, a page that both had writable.
        region.write32(0, round);
        twin.write32(P, round);
        same(twin.read32(0), round)?;
        same(region.read32(P), round)?;
        same(region.read32(2 * P), 1)?;
        same(region.read32(3 * P), 0)?;
    }
    for (child, round) in children.iter().zip(1u8..) {
        holds(child, 0, round)?;
        holds(child, P, round)?;
        holds(child, 2 * P, 1)?;
        holds(child, 3 * P, 0)?;
    }
    children.clear();
    childless(&vmo)?;
    region.write32(2 * P, 7);
    same(twin.read32(2 * P), 7)?;
    same(pages(&vmo)?, (3, 3))
}

fn mapped_both(env: &mut Env) -> Outcome {
    let vmo = env.paged(4)?;
    put(&vmo, 0, 1)?;
    put(&vmo, P, 1)?;
    let child = ok(snapshot(&vmo, 0, 4 * P))?;
    let above = ok(env.map(&vmo, READ_WRITE, 4 * P))?;
    let below = ok(env.map(&child, READ_WRITE, 4 * P))?;
    same((above.read32(0), below.read32(0)), (1, 1))?;
    same((above.read32(P), below.read32(P)), (1, 1))?;
    same((above.read32(2 * P), below.read32(2 * P)), (0, 0))?;
    below.write32(0, 2);
    above.write32(P, 3);
    above.write32(2 * P, 4);
    below.write32(3 * P, 5);
    let expected = [(1, 2), (3, 1), (4, 0), (0, 5)];
    for (page, values) in (0..).zip(expected) {
        let found = (above.read32(page * P), below.read32(page * P));
        same(found, values)?;
    }
    // What the kernel writes shows in mappings that showed something else before.
    put(&vmo, 3 * P, 6)?;
    put(&child, P, 7)?;
    same((above.read32(3 * P), below.read32(3 * P)), (6, 5))?;
    same((above.read32(P), below.read32(P)), (3, 7))?;
    let info = ok(kit::vmo_info(child.value()))?;
    same((info.num_mappings, info.share_count), (1, 1))?;
    // Pages come and go; mappings keep what they show.
    drop(vmo);
    drop(child);
    same((above.read32(0), below.read32(0)), (1, 2))?;
    ok(above.unmap())?;
    same(below.read32(P), 7)?;
    below.write32(P, 8);
    same(below.read32(P), 8)
}

fn mapped_eagerly(env: &mut Env) -> Outcome {
    let vmo = env.paged(8)?;
    for page in 0..6 {
        put(&vmo, page * P, 1)?;
    }
    let eager = READ_WRITE | VmOptions::MAP_RANGE;
    let before = ok(env.map(&vmo, eager, 8 * P))?;
    let child = ok(snapshot(&vmo, 0, 8 * P))?;
    let above = ok(env.map(&vmo, eager, 8 * P))?;
    let below = ok(env.map(&child, eager, 8 * P))?;
    before.write32(0, 2);
    above.write32(P, 3);
    below.write32(2 * P, 4);
    below.write32(7 * P, 5);
    for region in [&before, &above] {
        let found = [0, 1, 2, 7].map(|page| region.read32(page * P));
        same(found, [2, 3, 1, 0])?;
    }
    let found = [0, 1, 2, 7].map(|page| below.read32(page * P));
    same(found, [1, 1, 4, 5])?;
    ok(below.unmap())?;
    drop(child);
    before.write32(5 * P, 6);
    same(above.read32(5 * P), 6)
}

fn protect(env: &mut Env) -> Outcome {
    let vmo = env.paged(3)?;
    put(&vmo, 0, 1)?;
    put(&vmo, P, 1)?;
    let child = ok(snapshot(&vmo, 0, 3 * P))?;
    let region = ok(env.map(&child, READ_WRITE, 3 * P))?;
    ok(region.protect(VmOptions::PERM_READ, 0, 3 * P))?;
    same((region.read32(0), region.read32(2 * P)), (1, 0))?;
    fails(
        kit::can_write(env, region.address(0)),
        Status::ACCESS_DENIED,
    )?;
    ok(region.protect(READ_WRITE, 0, 3 * P))?;
    region.write32(0, 2);
    region.write32(2 * P, 3);
    holds(&vmo, 0, 1)?;
    holds(&vmo, 2 * P, 0)?;
    same(region.read32(0), 2)?;
    // The same for the parent.
    let above = ok(env.map(&vmo, READ_WRITE, 3 * P))?;
    ok(above.protect(VmOptions::PERM_READ, 0, 3 * P))?;
    same(above.read32(P), 1)?;
    ok(above.protect(READ_WRITE, 0, 3 * P))?;
    above.write32(P, 4);
    same(region.read32(P), 1)?;
    // Zeros that were mapped are not what the store goes to.
    let plain = env.paged(2)?;
    let zeros = ok(env.map(&plain, READ_WRITE, 2 * P))?;
    same((zeros.read32(0), zeros.read32(P)), (0, 0))?;
    ok(zeros.protect(VmOptions::PERM_READ, 0, 2 * P))?;
    ok(zeros.protect(READ_WRITE, 0, 2 * P))?;
    zeros.write32(0, 5);
    same((zeros.read32(0), zeros.read32(P)), (5, 0))
}

/// Copies whose buffer is a mapping of the VMO's own family.
fn own_buffer(env: &mut Env) -> Outcome {
    let vmo = env.paged(2)?;
    put(&vmo, 0, 1)?;
    put(&vmo, P, 2)?;
    let child = ok(snapshot(&vmo, 0, 2 * P))?;
    let region = ok(env.map(&child, READ_WRITE, 2 * P))?;
    same(region.read32(0), 1)?;
    ok(kit::read_to(vmo.value(), region.address(0), P, P))?;
    same((region.read32(0), region.read32(P)), (2, 2))?;
    holds(&vmo, 0, 1)?;
    ok(kit::write_from(vmo.value(), region.address(0), 0, P))?;
    holds(&vmo, 0, 2)?;
    region.write32(P, 3);
    ok(kit::write_from(child.value(), region.address(P), 0, P))?;
    same(region.read32(0), 3)?;
    holds(&vmo, 0, 2)
}

fn many(env: &mut Env) -> Outcome {
    let count = u64::try_from(env.rounds(100, 4)).unwrap_or(1);
    let vmo = env.paged(count)?;
    let region = ok(env.map(&vmo, READ_WRITE, count * P))?;
    let mut children = alloc::vec::Vec::new();
    for round in 0..count {
        region.write32(round * P, 1);
        children.push(ok(snapshot(&vmo, 0, count * P))?);
    }
    same(ok(kit::vmo_info(vmo.value()))?.num_children, count)?;
    for (child, round) in children.iter().zip(0..) {
        holds(child, round * P, 1)?;
        if round + 1 < count {
            holds(child, (round + 1) * P, 0)?;
        }
    }
    // Every other one goes; the rest keeps what it has.
    let mut number = 0u32;
    children.retain(|_| {
        number += 1;
        number.is_multiple_of(2)
    });
    for round in 0..count {
        region.write32(round * P, 2);
    }
    drop(vmo);
    ok(region.unmap())?;
    for child in &children {
        holds(child, 0, 1)?;
    }
    Ok(())
}

fn chain(env: &mut Env) -> Outcome {
    let count = env.rounds(1000, 5);
    let first = env.paged(1)?;
    put(&first, 0, 1)?;
    let mut chain = alloc::vec::Vec::new();
    for _ in 0..count {
        let child = ok(snapshot(chain.last().unwrap_or(&first), 0, P))?;
        chain.push(child);
    }
    let last = chain.pop();
    // All in between go; the family stays.
    chain.clear();
    has_children(&first)?;
    if let Some(last) = last {
        holds(&last, 0, 1)?;
        put(&last, 0, 2)?;
    }
    // That many go one after the other.
    let (answer, _) = kit::wait(first.value(), Signals::VMO_ZERO_CHILDREN, TIME_INFINITE);
    ok(answer)?;
    childless(&first)?;
    holds(&first, 0, 1)
}

/// More pages than one event looks at.
fn large(env: &mut Env) -> Outcome {
    let count = u64::try_from(env.rounds(1500, 12)).unwrap_or(1);
    let vmo = env.paged(count)?;
    let region = ok(env.map(&vmo, READ_WRITE, count * P))?;
    for page in 0..count {
        region.write32(page * P, 1);
    }
    let child = ok(snapshot(&vmo, 0, count * P))?;
    for page in (0..count).step_by(7) {
        region.write32(page * P, 2);
    }
    for page in 0..count {
        holds(&child, page * P, 1)?;
    }
    drop(vmo);
    ok(region.unmap())?;
    // The parent lets go of what it has bit by bit.
    for _ in 0..count {
        if pages(&child)? == (count, count) {
            break;
        }
    }
    same(pages(&child)?, (count, count))?;
    // So does the child: the kernel gets on with it at each call.
    drop(child);
    for _ in 0..count {
        ok(kit::now())?;
    }
    Ok(())
}
