//! `zx_vmo_op_range`: COMMIT, DECOMMIT and ZERO on every kind of VMO, and what all operations ask.

use crate::devices;
use crate::env::{Env, P, READ_WRITE};
use crate::kit::{self, H};
use crate::{
    Failure, Outcome, Scenario,
    check::{fails, holds, ok, same},
};
use jacinth_abi::{Rights, Status, VmoChildOptions, VmoOp, VmoOptions};
use zx::sys::{self, Answer, Output};

pub(crate) const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "commit_and_decommit",
        rows: &["vmo:268", "vmo:269", "vmo:270", "vmo:271", "vmo:272"],
        run: commit_and_decommit,
    },
    Scenario {
        name: "decommit_ranges",
        rows: &["vmo:274"],
        run: decommit_ranges,
    },
    Scenario {
        name: "zero_is_exact",
        rows: &["vmo:276", "vmo:277"],
        run: zero_is_exact,
    },
    Scenario {
        name: "zero_ranges",
        rows: &[],
        run: zero_ranges,
    },
    Scenario {
        name: "range_through_slice",
        rows: &["vmo:306", "vmo:307", "vmo:308"],
        run: through_slice,
    },
    Scenario {
        name: "range_of_clones",
        rows: &[],
        run: of_clones,
    },
    Scenario {
        name: "range_of_contiguous",
        rows: &[],
        run: of_contiguous,
    },
    Scenario {
        name: "range_of_pinned",
        rows: &[],
        run: of_pinned,
    },
    Scenario {
        name: "range_of_physical",
        rows: &[
            "vmo:113", "vmo:116", "vmo:117", "vmo:118", "vmo:120", "vmo:122",
        ],
        run: of_physical,
    },
    Scenario {
        name: "range_rights",
        rows: &[],
        run: rights,
    },
    Scenario {
        name: "range_is_seen_in_mappings",
        rows: &[],
        run: seen_in_mappings,
    },
    Scenario {
        name: "range_of_many_pages",
        rows: &[],
        run: of_many_pages,
    },
];

pub(crate) fn op(vmo: &H, op: VmoOp, offset: u64, size: u64) -> Answer {
    sys::vmo_op_range(vmo.value(), op.number(), offset, size, Output::NONE)
}

/// How many bytes of a VMO are committed.
#[track_caller]
pub(crate) fn committed(vmo: &H) -> Result<u64, Failure> {
    Ok(ok(kit::vmo_info(vmo.value()))?.committed_bytes)
}

/// Checks the bytes at some offsets.
#[track_caller]
pub(crate) fn bytes_are(vmo: &H, expected: &[(u64, u8)]) -> Outcome {
    for (offset, value) in expected {
        let mut byte = [0xee];
        ok(kit::read(vmo.value(), &mut byte, *offset))?;
        same((*offset, byte[0]), (*offset, *value))?;
    }
    Ok(())
}

/// Writes its number, counted from 1, to the start of each page.
#[track_caller]
pub(crate) fn number_pages(vmo: &H, pages: u64) -> Outcome {
    for page in 0..pages {
        ok(kit::write(vmo.value(), &[page as u8 + 1], page * P))?;
    }
    Ok(())
}

fn commit_and_decommit(env: &mut Env) -> Outcome {
    let vmo = env.paged(4)?;
    ok(op(&vmo, VmoOp::Commit, 1, 1))?;
    same(committed(&vmo)?, P)?;
    ok(op(&vmo, VmoOp::Commit, P - 1, 2))?;
    same(committed(&vmo)?, 2 * P)?;
    ok(op(&vmo, VmoOp::Commit, 0, 4 * P))?;
    same(committed(&vmo)?, 4 * P)?;
    ok(op(&vmo, VmoOp::Commit, 0, 4 * P))?;
    bytes_are(&vmo, &[(0, 0), (4 * P - 1, 0)])?;
    fails(op(&vmo, VmoOp::Commit, 0, 4 * P + 1), Status::OUT_OF_RANGE)?;
    fails(op(&vmo, VmoOp::Commit, 4 * P, 1), Status::OUT_OF_RANGE)?;
    fails(
        op(&vmo, VmoOp::Commit, P, u64::MAX - P + 1),
        Status::OUT_OF_RANGE,
    )?;
    fails(op(&vmo, VmoOp::Commit, u64::MAX, 2), Status::OUT_OF_RANGE)?;
    ok(op(&vmo, VmoOp::Commit, 4 * P, 0))?;
    fails(op(&vmo, VmoOp::Commit, 4 * P + 1, 0), Status::OUT_OF_RANGE)?;
    number_pages(&vmo, 4)?;
    ok(op(&vmo, VmoOp::Decommit, 0, 4 * P))?;
    same(committed(&vmo)?, 0)?;
    bytes_are(&vmo, &[(0, 0), (P, 0), (3 * P, 0)])
}

fn decommit_ranges(env: &mut Env) -> Outcome {
    let vmo = env.paged(4)?;
    number_pages(&vmo, 4)?;
    fails(op(&vmo, VmoOp::Decommit, 0, P + 1), Status::INVALID_ARGS)?;
    fails(op(&vmo, VmoOp::Decommit, 1, P), Status::INVALID_ARGS)?;
    fails(op(&vmo, VmoOp::Decommit, 0, 5 * P), Status::OUT_OF_RANGE)?;
    fails(
        op(&vmo, VmoOp::Decommit, 3 * P, P + 1),
        Status::OUT_OF_RANGE,
    )?;
    fails(
        op(&vmo, VmoOp::Decommit, P, 0u64.wrapping_sub(P)),
        Status::OUT_OF_RANGE,
    )?;
    ok(op(&vmo, VmoOp::Decommit, 4 * P, 0))?;
    same(committed(&vmo)?, 4 * P)?;
    ok(op(&vmo, VmoOp::Decommit, P, 2 * P))?;
    same(committed(&vmo)?, 2 * P)?;
    bytes_are(&vmo, &[(0, 1), (P, 0), (2 * P, 0), (3 * P, 4)])?;
    ok(kit::set_cache_policy(vmo.value(), 3))?;
    ok(op(&vmo, VmoOp::Decommit, 0, P))?;
    same(committed(&vmo)?, P)
}

fn zero_is_exact(env: &mut Env) -> Outcome {
    let vmo = env.paged(4)?;
    ok(kit::write(vmo.value(), &[7; 64], 0))?;
    ok(op(&vmo, VmoOp::Zero, 10, 20))?;
    let mut bytes = [0xee; 64];
    ok(kit::read(vmo.value(), &mut bytes, 0))?;
    for (at, byte) in bytes.into_iter().enumerate() {
        let expected = if (10..30).contains(&at) { 0 } else { 7 };
        same((at, byte), (at, expected))?;
    }
    number_pages(&vmo, 4)?;
    ok(kit::write(vmo.value(), &[9; 2], 3 * P - 1))?;
    // Part of one page, two whole ones, part of a third.
    ok(op(&vmo, VmoOp::Zero, P - 1, 2 * P + 2))?;
    bytes_are(&vmo, &[(0, 1), (P, 0), (2 * P, 0), (3 * P - 1, 0)])?;
    bytes_are(&vmo, &[(3 * P, 0), (3 * P + 1, 0), (63, 7)])?;
    same(committed(&vmo)?, 2 * P)?;
    // What has no page stays without one.
    ok(op(&vmo, VmoOp::Zero, P + 5, 10))?;
    same(committed(&vmo)?, 2 * P)
}

fn zero_ranges(env: &mut Env) -> Outcome {
    let vmo = env.paged(2)?;
    fails(op(&vmo, VmoOp::Zero, P, P + 1), Status::OUT_OF_RANGE)?;
    fails(op(&vmo, VmoOp::Zero, u64::MAX, 2), Status::OUT_OF_RANGE)?;
    ok(op(&vmo, VmoOp::Zero, 2 * P, 0))?;
    ok(kit::write(vmo.value(), &[5], 0))?;
    ok(kit::set_cache_policy(vmo.value(), 1))?;
    fails(op(&vmo, VmoOp::Zero, 0, P), Status::BAD_STATE)?;
    ok(op(&vmo, VmoOp::Commit, 0, 2 * P))?;
    ok(kit::set_cache_policy(vmo.value(), 0))?;
    bytes_are(&vmo, &[(0, 5), (P, 0)])
}

fn through_slice(env: &mut Env) -> Outcome {
    let vmo = env.paged(4)?;
    let slice = ok(kit::slice(vmo.value(), P, 2 * P))?;
    ok(op(&slice, VmoOp::Commit, 0, P))?;
    same((committed(&vmo)?, committed(&slice)?), (P, 0))?;
    number_pages(&vmo, 4)?;
    ok(op(&vmo, VmoOp::Decommit, P, P))?;
    bytes_are(&slice, &[(0, 0), (P, 3)])?;
    ok(op(&slice, VmoOp::Decommit, P, P))?;
    bytes_are(&vmo, &[(0, 1), (P, 0), (2 * P, 0), (3 * P, 4)])?;
    number_pages(&vmo, 4)?;
    ok(op(&slice, VmoOp::Zero, 0, 2 * P))?;
    bytes_are(&vmo, &[(0, 1), (P, 0), (2 * P, 0), (3 * P, 4)])?;
    for kind in [VmoOp::Commit, VmoOp::Decommit, VmoOp::Zero] {
        fails(op(&slice, kind, P, 2 * P), Status::OUT_OF_RANGE)?;
    }
    Ok(())
}

fn of_clones(env: &mut Env) -> Outcome {
    let vmo = env.paged(3)?;
    number_pages(&vmo, 3)?;
    let clone = ok(kit::create_child(
        vmo.value(),
        VmoChildOptions::SNAPSHOT,
        0,
        3 * P,
    ))?;
    for member in [&vmo, &clone] {
        fails(op(member, VmoOp::Decommit, 0, P), Status::NOT_SUPPORTED)?;
    }
    ok(op(&clone, VmoOp::Zero, P - 1, P + 2))?;
    bytes_are(&clone, &[(0, 1), (P, 0), (2 * P, 0)])?;
    bytes_are(&vmo, &[(0, 1), (P, 2), (2 * P, 3)])?;
    ok(op(&vmo, VmoOp::Zero, 0, P))?;
    bytes_are(&clone, &[(0, 1)])?;
    bytes_are(&vmo, &[(0, 0), (P, 2)])?;
    let other = ok(kit::create_child(
        vmo.value(),
        VmoChildOptions::SNAPSHOT,
        0,
        3 * P,
    ))?;
    // Each page becomes the clone's own.
    ok(op(&other, VmoOp::Commit, 0, 3 * P))?;
    same(committed(&other)?, 3 * P)?;
    ok(kit::write(vmo.value(), &[9], P))?;
    bytes_are(&other, &[(0, 0), (P, 2), (2 * P, 3)])?;
    drop((clone, other));
    ok(op(&vmo, VmoOp::Decommit, 0, 3 * P))?;
    bytes_are(&vmo, &[(P, 0)])
}

/// Contiguous memory is there for good (vmo.md §9).
fn of_contiguous(env: &mut Env) -> Outcome {
    let bti = devices::bti(env)?;
    let vmo = ok(devices::contiguous(bti.value(), 4 * P, 0))?;
    let slice = ok(kit::slice(vmo.value(), P, 2 * P))?;
    number_pages(&vmo, 4)?;
    for (vmo, size) in [(&vmo, 4 * P), (&slice, 2 * P)] {
        ok(op(vmo, VmoOp::Commit, 0, size))?;
        ok(op(vmo, VmoOp::CacheCleanInvalidate, 0, size))?;
        fails(op(vmo, VmoOp::Commit, 0, size + 1), Status::OUT_OF_RANGE)?;
        for (offset, size) in [(0, P), (0, 0), (1, P), (u64::MAX, 2)] {
            fails(
                op(vmo, VmoOp::Decommit, offset, size),
                Status::NOT_SUPPORTED,
            )?;
        }
        fails(sys::vmo_set_size(vmo.value(), P), Status::UNAVAILABLE)?;
        fails(
            sys::vmo_set_stream_size(vmo.value(), 0),
            Status::NOT_SUPPORTED,
        )?;
    }
    let place = ok(env.map(&vmo, READ_WRITE, 4 * P))?;
    ok(op(&slice, VmoOp::Zero, 1, P + 1))?;
    bytes_are(&vmo, &[(0, 1), (P, 2), (2 * P, 0), (3 * P, 4)])?;
    same((place.read8(P), place.read8(2 * P)), (2, 0))?;
    ok(op(&vmo, VmoOp::Zero, 0, 4 * P))?;
    bytes_are(&vmo, &[(0, 0), (3 * P, 0)])?;
    same(committed(&vmo)?, 4 * P)?;
    let other = env.paged(4)?;
    for (to, from) in [(&vmo, &other), (&other, &vmo), (&other, &slice)] {
        fails(
            sys::vmo_transfer_data(to.value(), 0, 0, P, from.value(), 0),
            Status::NOT_SUPPORTED,
        )?;
    }
    Ok(())
}

/// What a device may be using stays where it is.
fn of_pinned(env: &mut Env) -> Outcome {
    let bti = devices::bti(env)?;
    let vmo = ok(kit::vmo_create(4 * P, VmoOptions::RESIZABLE.bits()))?;
    number_pages(&vmo, 4)?;
    let pin = |offset| {
        let range = (offset, P);
        devices::pin(bti.value(), devices::DEVICE, vmo.value(), range, 1)
    };
    let (pmt, before) = ok(pin(2 * P))?;
    fails(op(&vmo, VmoOp::Decommit, 0, 4 * P), Status::BAD_STATE)?;
    bytes_are(&vmo, &[(0, 1), (3 * P, 4)])?;
    ok(op(&vmo, VmoOp::Zero, 0, 4 * P))?;
    bytes_are(&vmo, &[(0, 0), (2 * P, 0), (3 * P, 0)])?;
    same(committed(&vmo)?, P)?;
    ok(op(&vmo, VmoOp::Commit, 0, 4 * P))?;
    let (again, after) = ok(pin(2 * P))?;
    same(before, after)?;
    let other = env.paged(4)?;
    for (to, from) in [(&vmo, &other), (&other, &vmo)] {
        let call = |offset| sys::vmo_transfer_data(to.value(), 0, offset, P, from.value(), offset);
        fails(call(2 * P), Status::BAD_STATE)?;
        ok(call(P))?;
    }
    fails(
        sys::vmo_set_size(vmo.value(), 2 * P + 1).and(sys::vmo_set_size(vmo.value(), 2 * P)),
        Status::BAD_STATE,
    )?;
    same(ok(kit::get_size(vmo.value()))?, 3 * P)?;
    ok(devices::unpin(pmt))?;
    fails(sys::vmo_set_size(vmo.value(), 0), Status::BAD_STATE)?;
    ok(devices::unpin(again))?;
    ok(sys::vmo_set_size(vmo.value(), 0))
}

fn of_physical(env: &mut Env) -> Outcome {
    let vmo = env.physical(4)?;
    fails(sys::vmo_set_size(vmo.value(), P), Status::UNAVAILABLE)?;
    let slice = ok(kit::slice(vmo.value(), P, P))?;
    for vmo in [&vmo, &slice] {
        for kind in [
            VmoOp::Commit,
            VmoOp::Decommit,
            VmoOp::Zero,
            VmoOp::CacheSync,
            VmoOp::CacheInvalidate,
            VmoOp::CacheClean,
            VmoOp::CacheCleanInvalidate,
            VmoOp::Lock,
            VmoOp::TryLock,
            VmoOp::Unlock,
        ] {
            for (offset, size) in [(0, P), (0, 0), (1, 1), (u64::MAX, 2)] {
                fails(op(vmo, kind, offset, size), Status::NOT_SUPPORTED)?;
            }
        }
        for (offset, size) in [(0, P), (7, 0), (u64::MAX, u64::MAX)] {
            ok(op(vmo, VmoOp::DontNeed, offset, size))?;
            ok(op(vmo, VmoOp::AlwaysNeed, offset, size))?;
        }
        ok(op(vmo, VmoOp::Prefetch, 3, P - 3))?;
        ok(op(vmo, VmoOp::Prefetch, 0, 0))?;
        fails(op(vmo, VmoOp::Prefetch, 0, 5 * P), Status::OUT_OF_RANGE)?;
        fails(op(vmo, VmoOp::Prefetch, u64::MAX, 2), Status::OUT_OF_RANGE)?;
    }
    Ok(())
}

/// Which right each operation asks; unknown ones ask none, but a VMO.
fn rights(env: &mut Env) -> Outcome {
    const UNKNOWN: [u32; 4] = [0, 5, 15, u32::MAX];
    let unknown = |handle: u32, number| sys::vmo_op_range(handle, number, 0, P, Output::NONE);
    let discardable = ok(kit::vmo_create(P, VmoOptions::DISCARDABLE.bits()))?;
    for vmo in [env.paged(1)?, env.physical(1)?, discardable] {
        let none = env.without(&vmo, Rights::READ | Rights::WRITE)?;
        let reader = env.without(&vmo, Rights::WRITE)?;
        let writer = env.without(&vmo, Rights::READ)?;
        for number in UNKNOWN {
            fails(unknown(none.value(), number), Status::INVALID_ARGS)?;
        }
        for kind in VmoOp::ALL {
            let by_none = op(&none, *kind, 0, P);
            match kind {
                VmoOp::DontNeed | VmoOp::AlwaysNeed => ok(by_none)?,
                _ => fails(by_none, Status::ACCESS_DENIED)?,
            }
            let needs_write = matches!(
                kind,
                VmoOp::Commit | VmoOp::Decommit | VmoOp::Zero | VmoOp::CacheInvalidate
            );
            let needs_read = matches!(
                kind,
                VmoOp::CacheSync
                    | VmoOp::CacheClean
                    | VmoOp::CacheCleanInvalidate
                    | VmoOp::Prefetch
            );
            let denied = Err(Status::ACCESS_DENIED);
            same(op(&reader, *kind, 0, P) == denied, needs_write)?;
            same(op(&writer, *kind, 0, P) == denied, needs_read)?;
        }
    }
    for number in UNKNOWN.into_iter().chain([VmoOp::DontNeed.number()]) {
        fails(unknown(0, number), Status::BAD_HANDLE)?;
        fails(unknown(env.handles.process, number), Status::WRONG_TYPE)?;
    }
    Ok(())
}

fn seen_in_mappings(env: &mut Env) -> Outcome {
    let vmo = env.paged(4)?;
    let slice = ok(kit::slice(vmo.value(), P, P))?;
    let whole = ok(env.map(&vmo, READ_WRITE, 4 * P))?;
    let part = ok(env.map(&slice, READ_WRITE, P))?;
    for page in 0..4 {
        whole.write64(page * P, page + 1);
    }
    same(part.read64(0), 2)?;
    ok(op(&vmo, VmoOp::Decommit, P, P))?;
    same((whole.read64(P), part.read64(0)), (0, 0))?;
    part.write64(0, 5);
    same(whole.read64(P), 5)?;
    ok(op(&slice, VmoOp::Zero, 0, P))?;
    same((whole.read64(P), part.read64(0)), (0, 0))?;
    ok(op(&vmo, VmoOp::Commit, 0, 4 * P))?;
    part.write64(8, 6);
    same((whole.read64(P + 8), whole.read64(2 * P)), (6, 3))?;
    ok(op(&vmo, VmoOp::Zero, P + 8, 1))?;
    same(part.read64(8), 0)
}

/// More than one event may spend (`Work`), so that the calls go round.
fn of_many_pages(env: &mut Env) -> Outcome {
    let pages = env.rounds(1000, 150) as u64;
    let vmo = env.paged(pages)?;
    ok(op(&vmo, VmoOp::Commit, 0, pages * P))?;
    same(committed(&vmo)?, pages * P)?;
    ok(kit::write(vmo.value(), &[3], 100 * P))?;
    ok(op(&vmo, VmoOp::CacheClean, 0, pages * P))?;
    ok(op(&vmo, VmoOp::Zero, 1, 120 * P))?;
    same(committed(&vmo)?, (pages - 119) * P)?;
    bytes_are(&vmo, &[(100 * P, 0)])?;
    ok(op(&vmo, VmoOp::Decommit, 0, pages * P))?;
    holds(committed(&vmo)? == 0, "nothing is left")
}
