//! `zx_vmo_transfer_data`.

use crate::commit::{bytes_are, committed, number_pages};
use crate::env::{Env, P, READ_WRITE};
use crate::kit::{self, H};
use crate::{
    Outcome, Scenario,
    check::{fails, ok, same},
};
use jacinth_abi::{Rights, Status, VmoChildOptions};
use zx::sys::{self, Answer};

pub(crate) const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "transfer_moves",
        rows: &[],
        run: moves,
    },
    Scenario {
        name: "transfer_inside_one_vmo",
        rows: &[],
        run: inside_one_vmo,
    },
    Scenario {
        name: "transfer_among_relatives",
        rows: &[],
        run: among_relatives,
    },
    Scenario {
        name: "transfer_refused",
        rows: &[],
        run: refused,
    },
];

fn transfer(to: (&H, u64), from: (&H, u64), bytes: u64) -> Answer {
    sys::vmo_transfer_data(to.0.value(), 0, to.1, bytes, from.0.value(), from.1)
}

fn moves(env: &mut Env) -> Outcome {
    let (from, to) = (env.paged(4)?, env.paged(4)?);
    for page in [0, 1, 3] {
        ok(kit::write(from.value(), &[page as u8 + 1], page * P))?;
    }
    ok(kit::write(to.value(), &[7], 0))?;
    ok(kit::write(to.value(), &[8], 3 * P))?;
    let above = ok(env.map(&from, READ_WRITE, 4 * P))?;
    let below = ok(env.map(&to, READ_WRITE, 4 * P))?;
    same((above.read8(P), below.read8(3 * P)), (2, 8))?;
    same((above.read8(2 * P), below.read8(P)), (0, 0))?;
    // Pages 1 to 3 of one become pages 1 to 3 of the other; one of them is not there.
    ok(transfer((&to, P), (&from, P), 3 * P))?;
    bytes_are(&from, &[(0, 1), (P, 0), (2 * P, 0), (3 * P, 0)])?;
    bytes_are(&to, &[(0, 7), (P, 2), (2 * P, 0), (3 * P, 4)])?;
    same((committed(&from)?, committed(&to)?), (P, 3 * P))?;
    same((above.read8(P), above.read8(3 * P)), (0, 0))?;
    same((below.read8(P), below.read8(3 * P)), (2, 4))?;
    below.write8(3 * P, 9);
    above.write8(3 * P, 6);
    bytes_are(&to, &[(3 * P, 9)])?;
    bytes_are(&from, &[(3 * P, 6)])?;
    // Nothing moves over something.
    ok(transfer((&to, P), (&from, 2 * P), P))?;
    bytes_are(&to, &[(P, 0)])?;
    ok(transfer((&to, 4 * P), (&from, 0), 0))
}

fn inside_one_vmo(env: &mut Env) -> Outcome {
    let vmo = env.paged(5)?;
    number_pages(&vmo, 4)?;
    ok(transfer((&vmo, P), (&vmo, P), 2 * P))?;
    bytes_are(&vmo, &[(0, 1), (P, 2), (2 * P, 3), (3 * P, 4)])?;
    ok(transfer((&vmo, P), (&vmo, 0), 4 * P))?;
    bytes_are(&vmo, &[(0, 0), (P, 1), (2 * P, 2), (3 * P, 3), (4 * P, 4)])?;
    ok(transfer((&vmo, 0), (&vmo, P), 4 * P))?;
    bytes_are(&vmo, &[(0, 1), (P, 2), (2 * P, 3), (3 * P, 4), (4 * P, 0)])?;
    // The same place by another name.
    let slice = ok(kit::slice(vmo.value(), P, 2 * P))?;
    ok(transfer((&slice, 0), (&vmo, P), 2 * P))?;
    bytes_are(&vmo, &[(0, 1), (P, 2), (2 * P, 3)])?;
    ok(transfer((&slice, 0), (&vmo, 3 * P), P))?;
    bytes_are(&vmo, &[(P, 4), (3 * P, 0)])
}

fn among_relatives(env: &mut Env) -> Outcome {
    let vmo = env.paged(2)?;
    number_pages(&vmo, 2)?;
    let clone = ok(kit::create_child(
        vmo.value(),
        VmoChildOptions::SNAPSHOT,
        0,
        2 * P,
    ))?;
    let other = env.paged(2)?;
    ok(transfer((&other, 0), (&clone, P), P))?;
    bytes_are(&other, &[(0, 2)])?;
    bytes_are(&clone, &[(0, 1), (P, 0)])?;
    bytes_are(&vmo, &[(0, 1), (P, 2)])?;
    ok(transfer((&clone, 0), (&other, 0), P))?;
    bytes_are(&clone, &[(0, 2)])?;
    bytes_are(&vmo, &[(0, 1), (P, 2)])
}

fn refused(env: &mut Env) -> Outcome {
    let (from, to) = (env.paged(2)?, env.paged(2)?);
    let (src, dst) = (from.value(), to.value());
    // Before any handle is looked at.
    for (options, offset, length, src_offset) in
        [(1, 0, P, 0), (0, 1, P, 0), (0, 0, P + 1, 0), (0, 0, P, 8)]
    {
        let answer = sys::vmo_transfer_data(0, options, offset, length, 0, src_offset);
        fails(answer, Status::INVALID_ARGS)?;
    }
    let call = |dst, src| sys::vmo_transfer_data(dst, 0, 0, P, src, 0);
    fails(call(0, src), Status::BAD_HANDLE)?;
    fails(call(dst, 0), Status::BAD_HANDLE)?;
    fails(call(env.handles.process, src), Status::WRONG_TYPE)?;
    fails(call(dst, env.handles.process), Status::WRONG_TYPE)?;
    let reader = env.without(&to, Rights::WRITE)?;
    fails(call(reader.value(), src), Status::ACCESS_DENIED)?;
    for right in [Rights::READ, Rights::WRITE] {
        let weak = env.without(&from, right)?;
        fails(call(dst, weak.value()), Status::ACCESS_DENIED)?;
    }
    let writer = env.without(&to, Rights::READ)?;
    ok(call(writer.value(), src))?;
    let physical = env.physical(2)?;
    for (to, from) in [(&to, &physical), (&physical, &from), (&physical, &physical)] {
        fails(transfer((to, 0), (from, 0), P), Status::NOT_SUPPORTED)?;
    }
    fails(transfer((&to, P), (&from, 0), 2 * P), Status::OUT_OF_RANGE)?;
    fails(transfer((&to, 0), (&from, P), 2 * P), Status::OUT_OF_RANGE)?;
    let last = u64::MAX - P + 1;
    fails(transfer((&to, last), (&from, 0), P), Status::OUT_OF_RANGE)?;
    fails(transfer((&to, 0), (&from, last), P), Status::OUT_OF_RANGE)?;
    ok(kit::set_cache_policy(dst, 1))?;
    fails(transfer((&to, 0), (&from, 0), P), Status::BAD_STATE)
}
