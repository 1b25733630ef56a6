//! What pinned pages refuse, and what they allow (`vmo.md` §10, §13, §14, §18, `drivers.md` §6.2).

use crate::devices::{self, DEVICE};
use crate::env::{Env, P, READ_WRITE};
use crate::kit::{self, H};
use crate::{
    Failure, Outcome, Scenario,
    check::{fails, holds, ok, same},
};
use core::mem::ManuallyDrop;
use jacinth_abi::{Status, VmarOp, VmoChildOptions, VmoOptions};
use zx::Vmo;

pub(crate) const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "pinned_set_size",
        rows: &["vmo:254"],
        run: set_size,
    },
    Scenario {
        name: "pinned_decommit",
        rows: &["vmo:317", "vmar:275"],
        run: decommit,
    },
    Scenario {
        name: "pinned_snapshot",
        rows: &[],
        run: snapshot,
    },
    Scenario {
        name: "pinned_cache_policy",
        rows: &[],
        run: cache_policy,
    },
    Scenario {
        name: "pinned_stays_in_place",
        rows: &[],
        run: stays_in_place,
    },
    Scenario {
        name: "pinned_is_private",
        rows: &[],
        run: is_private,
    },
];

/// A VMO's calls, without giving its handle away.
fn typed(vmo: &H) -> ManuallyDrop<Vmo> {
    ManuallyDrop::new(Vmo::from(H::from_value(vmo.value())))
}

/// Pins pages and answers the address of the first.
#[track_caller]
fn pin(bti: &H, vmo: &H, offset: u64, pages: u64) -> Result<(H, u64), Failure> {
    let count = usize::try_from(pages).unwrap_or_default();
    let range = (offset, pages * P);
    let (pmt, addresses) = ok(devices::pin(bti.value(), DEVICE, vmo.value(), range, count))?;
    Ok((pmt, addresses[0]))
}

fn set_size(env: &mut Env) -> Outcome {
    let bti = devices::bti(env)?;
    let vmo = ok(kit::vmo_create(4 * P, VmoOptions::RESIZABLE.bits()))?;
    let (pmt, _) = pin(&bti, &vmo, 2 * P, 1)?;
    for size in [0, 1, P, 2 * P] {
        fails(typed(&vmo).set_size(size), Status::BAD_STATE)?;
        same(ok(kit::get_size(vmo.value()))?, 4 * P)?;
    }
    for size in [3 * P, 2 * P + 1, 8 * P, 3 * P] {
        ok(typed(&vmo).set_size(size))?;
    }
    ok(devices::unpin(pmt))?;
    ok(typed(&vmo).set_size(P))?;
    same(ok(kit::get_size(vmo.value()))?, P)
}

/// Through the VMO, a slice of it or an address: what is pinned stays, and goes after that.
fn decommit(env: &mut Env) -> Outcome {
    let bti = devices::bti(env)?;
    let vmo = env.paged(4)?;
    let place = ok(env.map(&vmo, READ_WRITE, 4 * P))?;
    for page in 0..4 {
        place.write64(page * P, page + 1);
    }
    let slice = ok(kit::slice(vmo.value(), P, 2 * P))?;
    let (pmt, _) = pin(&bti, &slice, 0, 1)?;
    fails(typed(&vmo).decommit(P, P), Status::BAD_STATE)?;
    fails(typed(&vmo).decommit(0, 4 * P), Status::BAD_STATE)?;
    fails(typed(&slice).decommit(0, P), Status::BAD_STATE)?;
    fails(place.op_range(VmarOp::Decommit, P, P), Status::BAD_STATE)?;
    same(place.read64(P), 2)?;
    ok(typed(&slice).decommit(P, P))?;
    ok(typed(&vmo).decommit(3 * P, P))?;
    same((place.read64(2 * P), place.read64(3 * P)), (0, 0))?;
    ok(devices::unpin(pmt))?;
    ok(typed(&vmo).decommit(P, P))?;
    same(place.read64(P), 0)?;
    drop(slice);
    ok(typed(&vmo).snapshot(0, 4 * P)).map(drop)
}

/// The whole VMO is refused, wherever the pin is.
fn snapshot(env: &mut Env) -> Outcome {
    let bti = devices::bti(env)?;
    let vmo = env.paged(4)?;
    ok(kit::write(vmo.value(), &[7], P))?;
    let (first, _) = pin(&bti, &vmo, P, 1)?;
    let (second, _) = pin(&bti, &vmo, P, 2)?;
    let by =
        |options: VmoChildOptions, offset: u64| kit::create_child(vmo.value(), options, offset, P);
    for _ in 0..2 {
        fails(by(VmoChildOptions::SNAPSHOT, P), Status::BAD_STATE)?;
        drop(ok(by(VmoChildOptions::SLICE, P))?);
    }
    ok(devices::unpin(first))?;
    fails(by(VmoChildOptions::SNAPSHOT, P), Status::BAD_STATE)?;
    ok(devices::unpin(second))?;
    let clone = ok(by(VmoChildOptions::SNAPSHOT, P))?;
    let mut byte = [0];
    ok(kit::read(clone.value(), &mut byte, 0))?;
    same(byte, [7])
}

/// `vmo.md` §14: pins of physical memory are not counted.
fn cache_policy(env: &mut Env) -> Outcome {
    let bti = devices::bti(env)?;
    let vmo = env.paged(1)?;
    let (pmt, _) = pin(&bti, &vmo, 0, 1)?;
    fails(kit::set_cache_policy(vmo.value(), 1), Status::BAD_STATE)?;
    fails(kit::set_cache_policy(vmo.value(), 0), Status::BAD_STATE)?;
    ok(devices::unpin(pmt))?;
    ok(kit::set_cache_policy(vmo.value(), 1))?;
    let vmo = env.physical(2)?;
    let (pmt, address) = pin(&bti, &vmo, P, 1)?;
    same(address, env.facts.free + P)?;
    ok(kit::set_cache_policy(vmo.value(), 2))?;
    ok(devices::unpin(pmt))
}

/// Writing, zeroing and mapping do not move what a device looks at.
fn stays_in_place(env: &mut Env) -> Outcome {
    let bti = devices::bti(env)?;
    let vmo = env.paged(2)?;
    let (pmt, address) = pin(&bti, &vmo, 0, 1)?;
    same(ok(kit::vmo_info(vmo.value()))?.committed_bytes, P)?;
    let again = |vmo: &H| {
        let (other, found) = pin(&bti, vmo, 0, 1)?;
        ok(devices::unpin(other))?;
        same(found, address)
    };
    ok(kit::write(vmo.value(), &[1; 64], 0))?;
    again(&vmo)?;
    ok(typed(&vmo).zero(0, 2 * P))?;
    again(&vmo)?;
    let place = ok(env.map(&vmo, READ_WRITE, 2 * P))?;
    same(place.read64(0), 0)?;
    place.write64(0, 9);
    again(&vmo)?;
    ok(typed(&vmo).commit(0, 2 * P))?;
    again(&vmo)?;
    ok(place.unmap())?;
    let slice = ok(kit::slice(vmo.value(), 0, P))?;
    again(&slice)?;
    drop((vmo, slice));
    devices::pins(&bti, 1, 0)?;
    ok(devices::unpin(pmt))?;
    devices::pins(&bti, 0, 0)
}

/// A device that may write gets pages that no relative shows.
fn is_private(env: &mut Env) -> Outcome {
    let bti = devices::bti(env)?;
    let vmo = env.paged(2)?;
    ok(kit::write(vmo.value(), &[5; 8], 0))?;
    let clone = ok(typed(&vmo).snapshot(0, 2 * P))?;
    let (pmt, of_parent) = pin(&bti, &vmo, 0, 1)?;
    let (other, of_clone) = pin(&bti, &clone, 0, 1)?;
    holds(of_parent != of_clone, "two pages")?;
    ok(kit::write(vmo.value(), &[6; 8], 0))?;
    let mut bytes = [0; 8];
    ok(clone.read(0, &mut bytes))?;
    same(bytes, [5; 8])?;
    ok(devices::unpin(pmt))?;
    ok(devices::unpin(other))
}
