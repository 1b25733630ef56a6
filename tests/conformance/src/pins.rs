//! What pins hold: pages, sizes, children, and memory whose holders are gone.

use crate::commit::op;
use crate::devices::{DEVICE, bti, pin, pins, unpin};
use crate::env::{Env, P};
use crate::kit::{self, childless, has_children};
use crate::{
    Outcome, Scenario,
    check::{fails, holds, ok, same},
};
use jacinth_abi::{BtiOptions, ObjectType, Rights, Status, VmoChildOptions, VmoOp, VmoOptions};
use zx::sys;

pub(crate) const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "pinning_slices",
        rows: &["vmo:176"],
        run: slices,
    },
    Scenario {
        name: "pinning_keeps_children",
        rows: &["vmo:196", "vmar:265"],
        run: keeps_children,
    },
    Scenario {
        name: "pinning_holds_pages",
        rows: &["vmo:317", "vmar:275"],
        run: holds_pages,
    },
    Scenario {
        name: "pinning_holds_size",
        rows: &["vmo:254"],
        run: holds_size,
    },
    Scenario {
        name: "pinning_snapshots",
        rows: &[],
        run: snapshots,
    },
    Scenario {
        name: "pinning_physical",
        rows: &[],
        run: physical,
    },
    Scenario {
        name: "pinning_quarantine",
        rows: &["vmar:269", "vmar:270", "vmar:271"],
        run: quarantine,
    },
    Scenario {
        name: "pinning_quarantine_long",
        rows: &[],
        run: quarantine_long,
    },
    Scenario {
        name: "pinning_unpin",
        rows: &["vmar:272", "vmar:273"],
        run: unpinning,
    },
    Scenario {
        name: "pinning_leak",
        rows: &["vmar:277"],
        run: leak,
    },
];

fn slices(env: &mut Env) -> Outcome {
    let bti = bti(env)?;
    for vmo in [env.paged(4)?, env.physical(4)?] {
        let slice = ok(kit::slice(vmo.value(), P, 2 * P))?;
        let by = |vmo: u32, range, count| pin(bti.value(), DEVICE, vmo, range, count);
        fails(by(slice.value(), (0, 3 * P), 3), Status::OUT_OF_RANGE)?;
        fails(by(slice.value(), (2 * P, P), 1), Status::OUT_OF_RANGE)?;
        let (pmt, through_slice) = ok(by(slice.value(), (0, 2 * P), 2))?;
        let (whole, all) = ok(by(vmo.value(), (0, 4 * P), 4))?;
        same(&through_slice[..], &all[1..3])?;
        ok(unpin(pmt))?;
        ok(unpin(whole))?;
    }
    pins(&bti, 0, 0)
}

fn keeps_children(env: &mut Env) -> Outcome {
    let (bti, vmo) = (bti(env)?, env.paged(4)?);
    let child = ok(kit::slice(vmo.value(), P, 2 * P))?;
    let (pmt, _) = ok(pin(bti.value(), DEVICE, child.value(), (0, P), 1))?;
    drop(child);
    has_children(&vmo)?;
    ok(unpin(pmt))?;
    childless(&vmo)?;
    let child = ok(kit::slice(vmo.value(), 0, P))?;
    let (pmt, _) = ok(pin(bti.value(), DEVICE, child.value(), (0, P), 1))?;
    drop((child, pmt));
    has_children(&vmo)?;
    ok(sys::bti_release_quarantine(bti.value()))?;
    childless(&vmo)
}

/// Pinned pages stay, whoever wants them gone and by whatever name; their neighbours may go.
fn holds_pages(env: &mut Env) -> Outcome {
    let (bti, vmo) = (bti(env)?, env.paged(4)?);
    ok(kit::write(vmo.value(), &[0x5a; 4 * P as usize], 0))?;
    let slice = ok(kit::slice(vmo.value(), P, 2 * P))?;
    let (pmt, address) = ok(pin(bti.value(), DEVICE, slice.value(), (P, P), 1))?;
    for range in [(0, 4 * P), (2 * P, P), (P, 2 * P)] {
        fails(
            op(&vmo, VmoOp::Decommit, range.0, range.1),
            Status::BAD_STATE,
        )?;
    }
    fails(op(&slice, VmoOp::Decommit, P, P), Status::BAD_STATE)?;
    ok(op(&slice, VmoOp::Decommit, 0, P))?;
    ok(op(&vmo, VmoOp::Decommit, 3 * P, P))?;
    let mut seen = [0; 2];
    ok(kit::read(vmo.value(), &mut seen, 3 * P - 1))?;
    same(seen, [0x5a, 0])?;
    // Zeros go into the page that is there.
    ok(op(&vmo, VmoOp::Zero, 0, 4 * P))?;
    ok(kit::read(vmo.value(), &mut seen, 2 * P))?;
    same(seen, [0; 2])?;
    let (again, same_page) = ok(pin(bti.value(), DEVICE, vmo.value(), (2 * P, P), 1))?;
    same(same_page, address)?;
    ok(unpin(pmt))?;
    fails(op(&vmo, VmoOp::Decommit, 2 * P, P), Status::BAD_STATE)?;
    ok(unpin(again))?;
    drop(slice);
    ok(op(&vmo, VmoOp::Decommit, 0, 4 * P))?;
    same(ok(kit::vmo_info(vmo.value()))?.committed_bytes, 0)?;
    ok(kit::create_child(
        vmo.value(),
        VmoChildOptions::SNAPSHOT,
        0,
        4 * P,
    ))
    .map(drop)
}

/// Sizes that would drop a pinned page are refused; quarantine holds as well.
fn holds_size(env: &mut Env) -> Outcome {
    let bti = bti(env)?;
    let vmo = ok(kit::vmo_create(4 * P, VmoOptions::RESIZABLE.bits()))?;
    let (pmt, _) = ok(pin(bti.value(), DEVICE, vmo.value(), (2 * P, P), 1))?;
    let to = |size: u64| sys::vmo_set_size(vmo.value(), size);
    for size in [0, P, 2 * P] {
        fails(to(size), Status::BAD_STATE)?;
    }
    ok(to(8 * P))?;
    ok(to(3 * P))?;
    drop(pmt);
    pins(&bti, 1, 1)?;
    fails(to(2 * P), Status::BAD_STATE)?;
    ok(sys::bti_release_quarantine(bti.value()))?;
    ok(to(P))?;
    same(ok(kit::get_size(vmo.value()))?, P)?;
    fails(
        pin(bti.value(), DEVICE, vmo.value(), (2 * P, P), 1).map(drop),
        Status::OUT_OF_RANGE,
    )
}

/// What is pinned cannot be shared, and what is shared is not what is pinned.
fn snapshots(env: &mut Env) -> Outcome {
    let (bti, vmo) = (bti(env)?, env.paged(2)?);
    ok(kit::write(vmo.value(), b"common", 0))?;
    let one = |vmo: u32, range| pin(bti.value(), DEVICE, vmo, range, 1);
    let snapshot = || kit::create_child(vmo.value(), VmoChildOptions::SNAPSHOT, 0, 2 * P);
    let (pmt, _) = ok(one(vmo.value(), (P, P)))?;
    fails(snapshot(), Status::BAD_STATE)?;
    ok(unpin(pmt))?;
    let child = ok(snapshot())?;
    let (above, at_above) = ok(one(vmo.value(), (0, P)))?;
    let (below, at_below) = ok(one(child.value(), (0, P)))?;
    holds(at_above != at_below, "each has a page of its own")?;
    ok(kit::write(vmo.value(), b"parent", 0))?;
    let mut seen = [0; 6];
    ok(kit::read(child.value(), &mut seen, 0))?;
    same(&seen, b"common")?;
    // The same pages as long as they are pinned, whatever is written.
    let (again, at) = ok(one(vmo.value(), (0, P)))?;
    same(at, at_above)?;
    ok(unpin(again))?;
    ok(unpin(above))?;
    drop(child);
    has_children(&vmo)?;
    fails(one(vmo.value(), (2 * P, P)), Status::OUT_OF_RANGE)?;
    ok(unpin(below))?;
    childless(&vmo)
}

fn physical(env: &mut Env) -> Outcome {
    let (bti, vmo) = (bti(env)?, env.physical(4)?);
    let (base, handle) = (env.facts.free, vmo.value());
    let (pages, addresses) = ok(pin(bti.value(), DEVICE, handle, (P, 2 * P), 2))?;
    same(&addresses[..], &[base + P, base + 2 * P])?;
    let options = DEVICE | BtiOptions::CONTIGUOUS;
    let (run, addresses) = ok(pin(bti.value(), options, handle, (P, 3 * P), 1))?;
    same(&addresses[..], &[base + P])?;
    // A pin does not hinder the cache policy of physical memory.
    ok(kit::set_cache_policy(handle, 3))?;
    ok(kit::set_cache_policy(handle, 1))?;
    ok(unpin(pages))?;
    ok(unpin(run))
}

fn quarantine(env: &mut Env) -> Outcome {
    let (bti, vmo) = (bti(env)?, env.paged(2)?);
    ok(sys::bti_release_quarantine(bti.value()))?;
    let one = |range| pin(bti.value(), DEVICE, vmo.value(), range, 1);
    let (lost, addresses) = ok(one((0, P)))?;
    let (kept, _) = ok(one((P, P)))?;
    drop(lost);
    pins(&bti, 2, 1)?;
    fails(one((0, P)), Status::BAD_STATE)?;
    // The range is judged before the quarantine, and that before the permissions.
    fails(one((2 * P, P)), Status::OUT_OF_RANGE)?;
    fails(
        pin(bti.value(), BtiOptions::empty(), vmo.value(), (0, P), 1),
        Status::BAD_STATE,
    )?;
    let frozen = env.without(&bti, Rights::WRITE)?;
    fails(
        sys::bti_release_quarantine(frozen.value()),
        Status::ACCESS_DENIED,
    )?;
    fails(sys::bti_release_quarantine(vmo.value()), Status::WRONG_TYPE)?;
    fails(sys::bti_release_quarantine(0), Status::BAD_HANDLE)?;
    ok(sys::bti_release_quarantine(bti.value()))?;
    pins(&bti, 1, 0)?;
    let (again, same_page) = ok(one((0, P)))?;
    same(same_page, addresses)?;
    ok(unpin(again))?;
    ok(unpin(kept))?;
    pins(&bti, 0, 0)
}

/// More ranges than one event unpins, and the VMO is gone by handle.
fn quarantine_long(env: &mut Env) -> Outcome {
    let rounds = env.rounds(150, 3);
    let bti = bti(env)?;
    let vmo = env.paged(1)?;
    for _ in 0..2 {
        let mut held = alloc::vec::Vec::new();
        for _ in 0..rounds {
            held.push(ok(pin(bti.value(), DEVICE, vmo.value(), (0, P), 1))?.0);
        }
        drop(held);
        pins(&bti, rounds as u64, rounds as u64)?;
        ok(sys::bti_release_quarantine(bti.value()))?;
        pins(&bti, 0, 0)?;
    }
    Ok(())
}

fn unpinning(env: &mut Env) -> Outcome {
    let (bti, vmo) = (bti(env)?, env.paged(1)?);
    let (pmt, _) = ok(pin(bti.value(), DEVICE, vmo.value(), (0, P), 1))?;
    let info = ok(kit::basic(pmt.value()))?;
    same(info.object_type, ObjectType::Pmt.number())?;
    same(info.rights, Rights::DEFAULT_PMT.bits())?;
    fails(
        kit::duplicate(pmt.value(), Rights::SAME_RIGHTS),
        Status::ACCESS_DENIED,
    )?;
    let value = pmt.value();
    ok(unpin(pmt))?;
    fails(kit::basic(value), Status::BAD_HANDLE)?;
    fails(sys::pmt_unpin(value), Status::BAD_HANDLE)?;
    fails(sys::pmt_unpin(0), Status::BAD_HANDLE)?;
    let doomed = ok(kit::duplicate(vmo.value(), Rights::SAME_RIGHTS))?.into_value();
    fails(sys::pmt_unpin(doomed), Status::WRONG_TYPE)?;
    fails(kit::basic(doomed), Status::BAD_HANDLE)?;
    // A pinned range survives an exchange of its handle.
    let (pmt, _) = ok(pin(bti.value(), DEVICE, vmo.value(), (0, P), 1))?;
    let value = pmt.into_value();
    let bare = ok(kit::replace(value, 0))?;
    pins(&bti, 1, 0)?;
    ok(unpin(bare))?;
    pins(&bti, 0, 0)
}

/// What is leaked on purpose here is a device's range: the scenario leaves no memory behind.
fn leak(env: &mut Env) -> Outcome {
    let vmo = env.physical(1)?;
    let first = bti(env)?;
    drop(ok(pin(first.value(), DEVICE, vmo.value(), (0, P), 1))?);
    pins(&first, 1, 1)?;
    drop(first);
    let second = bti(env)?;
    let (pmt, _) = ok(pin(second.value(), DEVICE, vmo.value(), (0, P), 1))?;
    drop(second);
    drop(pmt);
    let third = bti(env)?;
    let (pmt, _) = ok(pin(third.value(), DEVICE, vmo.value(), (0, P), 1))?;
    drop(third);
    ok(unpin(pmt))?;
    // The VMO goes on for everybody else.
    same(ok(kit::vmo_info(vmo.value()))?.size_bytes, P)?;
    Ok(())
}
