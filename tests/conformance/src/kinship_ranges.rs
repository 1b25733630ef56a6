//! Ranges and sizes in families of VMOs (vmo.md §11, §13).

use crate::commit::op;
use crate::env::{Env, P, READ_WRITE};
use crate::kit::{self, H, create_child};
use crate::{
    Outcome, Scenario,
    check::{fails, ok, same},
};
use jacinth_abi::{Property, Status, VmOptions, VmoChildOptions, VmoOp};

const REFERENCE: VmoChildOptions = VmoChildOptions::REFERENCE;
const SNAPSHOT: VmoChildOptions = VmoChildOptions::SNAPSHOT;

pub(crate) const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "child_family_decommits",
        rows: &[],
        run: decommit_in_a_family,
    },
    Scenario {
        name: "child_content_size_ends_mappings",
        rows: &[],
        run: content_size_ends_mappings,
    },
];

/// vmo.md §13: DECOMMIT is refused while there is a snapshot, however it was made, and not because
/// of other children.
fn decommit_in_a_family(env: &mut Env) -> Outcome {
    let vmo = env.paged(2)?;
    let decommit = |vmo: &H| op(vmo, VmoOp::Decommit, 0, P);
    let slice = ok(kit::slice(vmo.value(), 0, P))?;
    let reference = ok(create_child(vmo.value(), REFERENCE, 0, 0))?;
    for member in [&vmo, &slice, &reference] {
        ok(kit::write(vmo.value(), &[1], 0))?;
        ok(decommit(member))?;
    }
    for parent in [&vmo, &reference] {
        let snapshot = ok(create_child(parent.value(), SNAPSHOT, 0, P))?;
        for member in [&vmo, &slice, &reference, &snapshot] {
            fails(decommit(member), Status::NOT_SUPPORTED)?;
        }
        ok(op(&vmo, VmoOp::Decommit, 0, 0))?;
        fails(op(&vmo, VmoOp::Decommit, 1, P), Status::INVALID_ARGS)?;
        fails(op(&vmo, VmoOp::Decommit, P, 2 * P), Status::OUT_OF_RANGE)?;
        drop(snapshot);
        for member in [&vmo, &slice, &reference] {
            ok(kit::write(vmo.value(), &[1], 0))?;
            ok(decommit(member))?;
            let mut found = [1];
            ok(kit::read(vmo.value(), &mut found, 0))?;
            same(found, [0])?;
        }
    }
    Ok(())
}

/// The property moves the stream's end as the call does: what was mapped behind it is out of reach.
fn content_size_ends_mappings(env: &mut Env) -> Outcome {
    let vmo = env.paged(4)?;
    let slice = ok(kit::slice(vmo.value(), P, 2 * P))?;
    let stream = READ_WRITE | VmOptions::ALLOW_FAULTS | VmOptions::FAULT_BEYOND_STREAM_SIZE;
    let whole = ok(env.map(&vmo, stream, 4 * P))?;
    let part = ok(env.map(&slice, stream, 2 * P))?;
    let plain = ok(env.map(&vmo, READ_WRITE, 4 * P))?;
    for page in 0..4u8 {
        whole.write8(u64::from(page) * P, page + 1);
    }
    same((part.read8(0), part.read8(P)), (2, 3))?;
    let set = |vmo: &H, size: u64| {
        let bytes = size.to_le_bytes();
        ok(kit::set_property(
            vmo.value(),
            Property::VmoContentSize,
            &bytes,
        ))
    };
    set(&vmo, P + 1)?;
    same((whole.read8(0), whole.read8(P)), (1, 2))?;
    for page in [2 * P, 3 * P] {
        fails(
            kit::can_read(env, whole.address(page)),
            Status::OUT_OF_RANGE,
        )?;
        fails(
            kit::can_write(env, whole.address(page)),
            Status::OUT_OF_RANGE,
        )?;
    }
    // The slice has a stream of its own, and no byte has changed.
    same((part.read8(P), plain.read8(2 * P)), (3, 3))?;
    set(&slice, P)?;
    fails(kit::can_read(env, part.address(P)), Status::OUT_OF_RANGE)?;
    same(plain.read8(2 * P), 3)?;
    set(&vmo, u64::MAX)?;
    set(&slice, 2 * P - 1)?;
    same((whole.read8(3 * P), part.read8(P)), (4, 3))?;
    set(&vmo, 0)?;
    fails(kit::can_read(env, whole.address(0)), Status::OUT_OF_RANGE)?;
    same((plain.read8(0), part.read8(0)), (1, 2))
}
