//! `zx_vmo_op_range`: caches, hints and locks; and what a change of cache policy leaves of the bytes.

use crate::commit::{bytes_are, committed, number_pages, op};
use crate::env::{Env, P, READ_WRITE};
use crate::kit::{self, H};
use crate::{
    Outcome, Scenario,
    check::{fails, ok, same},
};
use jacinth_abi::{Record, Rights, Status, VmoLockState, VmoOp, VmoOptions};
use zx::sys::{self, Answer, Output};

pub(crate) const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "cache_ops",
        rows: &["vmo:280"],
        run: cache_ops,
    },
    Scenario {
        name: "hints",
        rows: &["vmo:282"],
        run: hints,
    },
    Scenario {
        name: "locks",
        rows: &["vmo:260"],
        run: locks,
    },
    Scenario {
        name: "locks_refused",
        rows: &["vmo:261"],
        run: locks_refused,
    },
    Scenario {
        name: "cache_policy_keeps_bytes",
        rows: &[],
        run: policy_keeps_bytes,
    },
];

const CACHE_OPS: [VmoOp; 4] = [
    VmoOp::CacheSync,
    VmoOp::CacheInvalidate,
    VmoOp::CacheClean,
    VmoOp::CacheCleanInvalidate,
];

fn cache_ops(env: &mut Env) -> Outcome {
    let vmo = env.paged(2)?;
    ok(kit::write(vmo.value(), &[1, 2, 3, 4], P - 2))?;
    let slice = ok(kit::slice(vmo.value(), P, P))?;
    for kind in CACHE_OPS {
        for (offset, size) in [(0, 2 * P), (0, 1), (2 * P - 1, 1), (P - 1, 2), (P, P)] {
            ok(op(&vmo, kind, offset, size))?;
        }
        ok(op(&slice, kind, 0, P))?;
        fails(op(&vmo, kind, 0, 0), Status::INVALID_ARGS)?;
        fails(op(&vmo, kind, 3 * P, 0), Status::INVALID_ARGS)?;
        fails(op(&vmo, kind, 0, 2 * P + 1), Status::OUT_OF_RANGE)?;
        fails(op(&vmo, kind, 2 * P, 1), Status::OUT_OF_RANGE)?;
        fails(op(&vmo, kind, u64::MAX, 2), Status::OUT_OF_RANGE)?;
        fails(op(&slice, kind, 0, P + 1), Status::OUT_OF_RANGE)?;
    }
    // Nothing is lost and nothing committed by it.
    bytes_are(&vmo, &[(P - 2, 1), (P + 1, 4)])?;
    let empty = env.paged(1)?;
    ok(op(&empty, VmoOp::CacheCleanInvalidate, 0, P))?;
    same(committed(&empty)?, 0)
}

fn hints(env: &mut Env) -> Outcome {
    let vmo = env.paged(2)?;
    for kind in [VmoOp::DontNeed, VmoOp::AlwaysNeed] {
        for (offset, size) in [(0, 2 * P), (5, 1), (0, 0), (u64::MAX, u64::MAX)] {
            ok(op(&vmo, kind, offset, size))?;
        }
    }
    for (offset, size) in [(0, 2 * P), (5, 1), (2 * P, 0), (2 * P - 1, 1)] {
        ok(op(&vmo, VmoOp::Prefetch, offset, size))?;
    }
    for (offset, size) in [(0, 2 * P + 1), (2 * P, 1), (u64::MAX, 2), (3 * P, 0)] {
        fails(
            op(&vmo, VmoOp::Prefetch, offset, size),
            Status::OUT_OF_RANGE,
        )?;
    }
    same(committed(&vmo)?, 0)
}

fn discardable(pages: u64) -> Result<H, Status> {
    kit::vmo_create(pages * P, VmoOptions::DISCARDABLE.bits())
}

fn lock(vmo: &H, buffer: Output<'_>) -> Answer {
    let (number, size) = (VmoOp::Lock.number(), kit::get_size(vmo.value())?);
    sys::vmo_op_range(vmo.value(), number, 0, size, buffer)
}

fn locks(env: &mut Env) -> Outcome {
    let vmo = ok(discardable(2))?;
    let all = |kind| op(&vmo, kind, 0, 2 * P);
    fails(all(VmoOp::Unlock), Status::BAD_STATE)?;
    let mut told = [0xee; 40];
    ok(lock(&vmo, Output::Here(&mut told)))?;
    same(&told[32..], &[0xee; 8])?;
    same(
        VmoLockState::from_bytes(&told),
        VmoLockState {
            offset: 0,
            size: 2 * P,
            discarded_offset: 0,
            discarded_size: 0,
        },
    )?;
    number_pages(&vmo, 2)?;
    ok(all(VmoOp::TryLock))?;
    ok(all(VmoOp::Unlock))?;
    ok(all(VmoOp::Unlock))?;
    fails(all(VmoOp::Unlock), Status::BAD_STATE)?;
    bytes_are(&vmo, &[(0, 1), (P, 2)])?;
    // There is memory enough, so that it is all there.
    ok(all(VmoOp::TryLock))?;
    ok(all(VmoOp::Unlock))?;
    ok(lock(&vmo, Output::Here(&mut told)))?;
    same(VmoLockState::from_bytes(&told).discarded_size, 0)?;
    let reader = env.without(&vmo, Rights::WRITE)?;
    ok(op(&reader, VmoOp::TryLock, 0, 2 * P))?;
    ok(op(&reader, VmoOp::Unlock, 0, 2 * P))?;
    let writer = env.without(&vmo, Rights::READ)?;
    ok(op(&writer, VmoOp::Unlock, 0, 2 * P))?;
    fails(all(VmoOp::Unlock), Status::BAD_STATE)?;
    bytes_are(&vmo, &[(0, 1), (P, 2)])
}

fn locks_refused(env: &mut Env) -> Outcome {
    let plain = env.paged(1)?;
    let vmo = ok(discardable(2))?;
    for kind in [VmoOp::Lock, VmoOp::TryLock, VmoOp::Unlock] {
        for (offset, size) in [(0, P), (0, 0), (u64::MAX, 2)] {
            fails(op(&plain, kind, offset, size), Status::NOT_SUPPORTED)?;
        }
        for (offset, size) in [(0, P), (P, P), (0, 0), (0, 2 * P + 1), (1, 2 * P)] {
            fails(op(&vmo, kind, offset, size), Status::OUT_OF_RANGE)?;
        }
    }
    fails(lock(&vmo, Output::NONE), Status::INVALID_ARGS)?;
    fails(lock(&vmo, Output::Here(&mut [0; 31])), Status::INVALID_ARGS)?;
    let at = kit::unmapped_page(env)?;
    fails(lock(&vmo, Output::At(at, 32)), Status::INVALID_ARGS)?;
    let read_only = kit::read_only_page(env)?;
    fails(
        lock(&vmo, Output::At(read_only.address(0), 32)),
        Status::INVALID_ARGS,
    )?;
    // None of them is locked by it.
    fails(op(&vmo, VmoOp::Unlock, 0, 2 * P), Status::BAD_STATE)?;
    ok(kit::set_cache_policy(vmo.value(), 0))?;
    fails(kit::set_cache_policy(vmo.value(), 1), Status::BAD_STATE)
}

fn policy_keeps_bytes(env: &mut Env) -> Outcome {
    for policy in [1, 2, 3] {
        let vmo = env.paged(2)?;
        ok(kit::write(vmo.value(), &[1, 2, 3, 4, 5, 6, 7, 8], 0))?;
        ok(kit::set_cache_policy(vmo.value(), policy))?;
        let place = ok(env.map(&vmo, READ_WRITE, 2 * P))?;
        same(place.read64(0), 0x0807_0605_0403_0201)?;
        place.write64(8, 0x1122_3344_5566_7788);
        // What is committed while it is uncached reads zero, too.
        same(place.read64(P), 0)?;
        place.write64(P + 8, policy.into());
        ok(op(&vmo, VmoOp::CacheClean, 0, 2 * P))?;
        drop(place);
        ok(kit::set_cache_policy(vmo.value(), 0))?;
        bytes_are(&vmo, &[(0, 1), (7, 8), (8, 0x88), (15, 0x11)])?;
        let place = ok(env.map(&vmo, READ_WRITE, 2 * P))?;
        same(
            (place.read64(8), place.read64(P + 8)),
            (0x1122_3344_5566_7788, policy.into()),
        )?;
    }
    Ok(())
}
