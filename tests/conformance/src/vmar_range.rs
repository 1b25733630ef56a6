//! `zx_vmar_op_range` (vmar table L).

use crate::commit::{bytes_are, committed, number_pages};
use crate::env::{Env, P, READ_WRITE, ROOT_BASE};
use crate::kit::{self, H};
use crate::{
    Failure, Outcome, Scenario,
    check::{fails, ok, same},
};
use jacinth_abi::{Rights, Status, VmOptions, VmarOp, VmoOp};
use zx::sys::{self, Answer, Output};
use zx::{Address, Region, Vmar};

pub(crate) const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "vmar_range_arguments",
        rows: &[
            "vmar:202", "vmar:204", "vmar:205", "vmar:207", "vmar:216", "vmar:224",
        ],
        run: arguments,
    },
    Scenario {
        name: "vmar_range_gaps",
        rows: &["vmar:208"],
        run: gaps,
    },
    Scenario {
        name: "vmar_range_commit",
        rows: &["vmar:209", "vmar:210", "vmar:211", "vmar:212"],
        run: commit,
    },
    Scenario {
        name: "vmar_range_permissions",
        rows: &["vmar:214", "vmar:223", "vmar:225"],
        run: permissions,
    },
    Scenario {
        name: "vmar_range_map_range",
        rows: &["vmar:217", "vmar:218"],
        run: map_range,
    },
    Scenario {
        name: "vmar_range_of_regions",
        rows: &["vmar:219", "vmar:220", "vmar:221", "vmar:222", "vmar:226"],
        run: of_regions,
    },
    Scenario {
        name: "vmar_range_of_physical",
        rows: &[],
        run: of_physical,
    },
];

const ALL: &[VmarOp] = VmarOp::ALL;

fn call(vmar: u32, op: VmarOp, at: Address, size: u64) -> Answer {
    sys::vmar_op_range(vmar, op.number(), at, size, Output::NONE)
}

/// Four mapped pages between two that stay free.
#[track_caller]
fn four_pages(env: &Env) -> Result<(H, Region), Failure> {
    let vmo = env.paged(6)?;
    let place = ok(env.map(&vmo, READ_WRITE, 6 * P))?;
    for page in [0, 5] {
        ok(place.unmap_part(page * P, P))?;
    }
    Ok((vmo, place))
}

fn arguments(env: &mut Env) -> Outcome {
    let vmar = env.handles.vmar;
    let vmo = env.paged(2)?;
    let place = ok(env.map(&vmo, READ_WRITE, 2 * P))?;
    let at = place.address(0);
    for number in [0, 4, 5, 9, 11, 15, u32::MAX] {
        let answer = sys::vmar_op_range(vmar, number, at, P, Output::NONE);
        fails(answer, Status::INVALID_ARGS)?;
    }
    let mut buffer = [0; 8];
    for op in ALL {
        let answer = sys::vmar_op_range(vmar, op.number(), at, P, Output::Here(&mut buffer));
        fails(answer, Status::INVALID_ARGS)?;
        fails(call(vmar, *op, at, 0), Status::INVALID_ARGS)?;
        fails(call(vmar, *op, at, u64::MAX), Status::INVALID_ARGS)?;
        fails(call(vmar, *op, place.address(1), P), Status::INVALID_ARGS)?;
        fails(call(vmar, *op, Address::NULL, P), Status::OUT_OF_RANGE)?;
        fails(call(vmar, *op, Address::KERNEL, P), Status::OUT_OF_RANGE)?;
        fails(call(vmar, *op, at, 1 << 62), Status::OUT_OF_RANGE)?;
        fails(call(0, *op, at, P), Status::BAD_HANDLE)?;
        fails(call(vmo.value(), *op, at, P), Status::WRONG_TYPE)?;
    }
    fails(call(0, VmarOp::Zero, Address::NULL, 0), Status::BAD_HANDLE)?;
    // No right is asked, and a size is rounded up.
    let nothing = ok(kit::duplicate(vmar, 0))?;
    ok(call(nothing.value(), VmarOp::Commit, at, 1))?;
    same(committed(&vmo)?, P)
}

fn gaps(env: &mut Env) -> Outcome {
    let (_vmo, place) = four_pages(env)?;
    for op in ALL {
        ok(place.op_range(*op, P, 4 * P))?;
        for (offset, len) in [(0, 2 * P), (0, P), (4 * P, 2 * P), (0, 6 * P)] {
            fails(place.op_range(*op, offset, len), Status::BAD_STATE)?;
        }
    }
    ok(place.unmap_part(2 * P, P))?;
    for op in ALL {
        fails(place.op_range(*op, P, 4 * P), Status::BAD_STATE)?;
    }
    Ok(())
}

fn commit(env: &mut Env) -> Outcome {
    let vmo = env.paged(4)?;
    let place = ok(env.map(&vmo, READ_WRITE, 4 * P))?;
    ok(place.op_range(VmarOp::Commit, P, 2 * P))?;
    same(committed(&vmo)?, 2 * P)?;
    ok(place.op_range(VmarOp::Commit, 0, 4 * P))?;
    same(committed(&vmo)?, 4 * P)?;
    number_pages(&vmo, 4)?;
    let number = VmoOp::Decommit.number();
    ok(sys::vmar_op_range(
        env.handles.vmar,
        number,
        place.address(P),
        2 * P,
        Output::NONE,
    ))?;
    bytes_are(&vmo, &[(0, 1), (P, 0), (2 * P, 0), (3 * P, 4)])?;
    same(
        (place.read8(0), place.read8(P), place.read8(3 * P)),
        (1, 0, 4),
    )?;
    ok(place.op_range(VmarOp::Zero, 3 * P, 5))?;
    bytes_are(&vmo, &[(0, 1), (3 * P, 0)])?;

    // A mapping of another VMO right behind, here in one that is laid over the second half.
    let other = env.paged(2)?;
    ok(kit::overwrite(&place, READ_WRITE, 2 * P, &other, 2 * P))?;
    ok(place.op_range(VmarOp::Commit, P, 2 * P))?;
    same(committed(&other)?, P)?;
    place.write8(2 * P, 5);
    place.write8(3 * P, 6);
    ok(place.op_range(VmarOp::Decommit, 0, 3 * P))?;
    bytes_are(&other, &[(0, 0), (P, 6)])?;
    same(committed(&other)?, P)
}

fn permissions(env: &mut Env) -> Outcome {
    let vmo = env.paged(2)?;
    let reader = env.without(&vmo, Rights::WRITE)?;
    let place = ok(env.map(&reader, VmOptions::PERM_READ, 2 * P))?;
    for op in [VmarOp::Commit, VmarOp::Decommit, VmarOp::Zero] {
        fails(place.op_range(op, 0, P), Status::ACCESS_DENIED)?;
    }
    for (offset, len) in [(0, 2 * P), (P, P), (0, 1)] {
        ok(place.op_range(VmarOp::Prefetch, offset, len))?;
    }
    ok(place.op_range(VmarOp::MapRange, 0, 2 * P))?;
    // What it may ever do counts, not what it may do now.
    let place = ok(env.map(&vmo, READ_WRITE, 2 * P))?;
    ok(place.protect(VmOptions::empty(), 0, 2 * P))?;
    for op in ALL {
        ok(place.op_range(*op, 0, 2 * P))?;
    }
    Ok(())
}

fn map_range(env: &mut Env) -> Outcome {
    let vmo = env.paged(4)?;
    let before = kit::page_tables(env)?;
    let place = ok(env.map(&vmo, READ_WRITE, 4 * P))?;
    ok(place.op_range(VmarOp::MapRange, 0, 4 * P))?;
    same(committed(&vmo)?, 0)?;
    ok(kit::write(vmo.value(), &[1], P))?;
    ok(kit::write(vmo.value(), &[2], 3 * P))?;
    ok(place.op_range(VmarOp::MapRange, 0, 4 * P))?;
    same(committed(&vmo)?, 2 * P)?;
    let mapped = kit::page_tables(env)?.pages_4k - before.pages_4k;
    same(mapped, 2)?;
    ok(place.op_range(VmarOp::MapRange, P, 3 * P))?;
    same((place.read8(P), place.read8(3 * P)), (1, 2))?;
    place.write8(P, 7);
    bytes_are(&vmo, &[(P, 7)])
}

fn of_regions(env: &mut Env) -> Outcome {
    let root = core::mem::ManuallyDrop::new(Vmar::from(H::from_value(env.handles.vmar)));
    let can = VmOptions::CAN_MAP_READ | VmOptions::CAN_MAP_WRITE | VmOptions::CAN_MAP_SPECIFIC;
    let (region, _) = ok(root.allocate(can, 0, 8 * P))?;
    let (inner, span) = ok(region.allocate(can | VmOptions::SPECIFIC, 2 * P, 4 * P))?;
    let (vmo, below) = (env.paged(2)?, env.paged(2)?);
    let specific = READ_WRITE | VmOptions::SPECIFIC;
    let map = |vmar: &Vmar, vmo: &H, offset| {
        kit::map(vmar.value(), specific, offset, vmo.value(), 0, 2 * P)
    };
    let direct = ok(map(&region, &vmo, 0))?;
    let nested = ok(map(&inner, &below, 0))?;
    same(nested.address(0).raw(), span.base())?;
    let weak = ok(kit::duplicate(
        region.value(),
        (Rights::READ | Rights::WRITE).bits(),
    ))?;
    let at = nested.address(0);
    for op in [
        VmarOp::MapRange,
        VmarOp::DontNeed,
        VmarOp::AlwaysNeed,
        VmarOp::Zero,
    ] {
        for vmar in [inner.value(), region.value(), env.handles.vmar] {
            ok(call(vmar, op, at, 2 * P))?;
        }
        ok(call(region.value(), op, direct.address(0), 4 * P))?;
        fails(call(weak.value(), op, at, 2 * P), Status::INVALID_ARGS)?;
        ok(call(weak.value(), op, direct.address(0), 2 * P))?;
    }
    for op in [VmarOp::Commit, VmarOp::Decommit, VmarOp::Prefetch] {
        for vmar in [region.value(), env.handles.vmar, weak.value()] {
            fails(call(vmar, op, at, P), Status::INVALID_ARGS)?;
        }
        ok(call(inner.value(), op, at, P))?;
        ok(call(region.value(), op, direct.address(0), 2 * P))?;
    }
    // An empty region is a gap.
    ok(nested.unmap())?;
    for op in ALL {
        fails(call(region.value(), *op, at, P), Status::BAD_STATE)?;
    }
    drop(direct);
    ok(region.destroy())?;
    for op in ALL {
        fails(call(inner.value(), *op, at, P), Status::BAD_STATE)?;
        fails(
            call(inner.value(), *op, Address::NULL, P),
            Status::OUT_OF_RANGE,
        )?;
    }
    same(span.base() >= ROOT_BASE, true)
}

fn of_physical(env: &mut Env) -> Outcome {
    let vmo = env.physical(2)?;
    let place = ok(env.map(&vmo, READ_WRITE, 2 * P))?;
    for op in [VmarOp::Commit, VmarOp::Decommit, VmarOp::Zero] {
        fails(place.op_range(op, 0, P), Status::NOT_SUPPORTED)?;
    }
    let before = kit::page_tables(env)?;
    ok(place.op_range(VmarOp::MapRange, 0, 2 * P))?;
    let mapped = kit::page_tables(env)?.pages_4k - before.pages_4k;
    same(mapped, 2)?;
    for op in [VmarOp::DontNeed, VmarOp::AlwaysNeed, VmarOp::Prefetch] {
        ok(place.op_range(op, 0, 2 * P))?;
    }
    Ok(())
}
