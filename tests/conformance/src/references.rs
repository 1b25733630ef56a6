//! References: children that are the same memory (table M, and what the sheets say of §17).

use crate::env::{Env, P, READ_WRITE};
use crate::kit::{self, H, childless, create_child, has_children};
use crate::{
    Outcome, Scenario,
    check::{fails, ok, same},
};
use jacinth_abi::{Property, Rights, Status, VmoChildOptions, VmoInfoFlags, VmoOptions};

const REFERENCE: VmoChildOptions = VmoChildOptions::REFERENCE;

pub(crate) const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "reference_is_the_same_memory",
        rows: &["vmo:329"],
        run: is_the_same,
    },
    Scenario {
        name: "reference_refused",
        rows: &["vmo:330", "vmo:331"],
        run: refused,
    },
    Scenario {
        name: "reference_rights",
        rows: &[],
        run: rights,
    },
    Scenario {
        name: "reference_mapped",
        rows: &[],
        run: mapped,
    },
    Scenario {
        name: "reference_family",
        rows: &[],
        run: family,
    },
    Scenario {
        name: "reference_snapshot",
        rows: &[],
        run: snapshot,
    },
];

fn reference(vmo: &H) -> Result<H, Status> {
    create_child(vmo.value(), REFERENCE, 0, 0)
}

/// Checks one byte.
#[track_caller]
fn holds(vmo: &H, offset: u64, byte: u8) -> Outcome {
    let mut found = [0xee];
    ok(kit::read(vmo.value(), &mut found, offset))?;
    same(found, [byte])
}

fn is_the_same(_env: &mut Env) -> Outcome {
    let vmo = ok(kit::vmo_create(P + 1, 0))?;
    let koid = ok(kit::basic(vmo.value()))?.koid;
    let other = ok(reference(&vmo))?;
    same(ok(kit::get_size(other.value()))?, 2 * P)?;
    same(ok(kit::content_size(other.value()))?, P + 1)?;
    ok(kit::write(vmo.value(), &[1], 0))?;
    holds(&other, 0, 1)?;
    ok(kit::write(other.value(), &[2], P))?;
    holds(&vmo, P, 2)?;
    ok(kit::set_property(
        other.value(),
        Property::VmoContentSize,
        &7u64.to_le_bytes(),
    ))?;
    same(ok(kit::content_size(vmo.value()))?, 7)?;
    let info = ok(kit::vmo_info(other.value()))?;
    same(
        (info.size_bytes, info.parent_koid, info.committed_bytes),
        (2 * P, koid, 0),
    )?;
    same(
        info.flags,
        (VmoInfoFlags::TYPE_PAGED | VmoInfoFlags::VIA_HANDLE).bits(),
    )?;
    let info = ok(kit::vmo_info(vmo.value()))?;
    same((info.num_children, info.committed_bytes), (1, 2 * P))?;
    has_children(&vmo)?;
    childless(&other)?;
    let again = ok(reference(&other))?;
    holds(&again, P, 2)?;
    ok(kit::write(again.value(), &[3], P))?;
    holds(&vmo, P, 3)?;
    drop(vmo);
    drop(other);
    holds(&again, P, 3)?;
    same(ok(kit::get_size(again.value()))?, 2 * P)
}

fn refused(env: &mut Env) -> Outcome {
    let vmo = env.paged(2)?;
    for (offset, size) in [(0, P), (P, 0), (P, P), (1, 0)] {
        let child = create_child(vmo.value(), REFERENCE, offset, size);
        fails(child, Status::INVALID_ARGS)?;
    }
    let slice = ok(kit::slice(vmo.value(), 0, P))?;
    fails(reference(&slice), Status::NOT_SUPPORTED)?;
    fails(reference(&env.physical(1)?), Status::NOT_SUPPORTED)?;
    let discardable = ok(kit::vmo_create(P, VmoOptions::DISCARDABLE.bits()))?;
    fails(reference(&discardable), Status::NOT_SUPPORTED)?;
    let uncached = env.paged(1)?;
    ok(kit::set_cache_policy(uncached.value(), 1))?;
    fails(reference(&uncached), Status::BAD_STATE)?;
    for missing in [Rights::DUPLICATE, Rights::READ] {
        let weak = env.without(&vmo, missing)?;
        fails(reference(&weak), Status::ACCESS_DENIED)?;
    }
    // Without the right to resize there is no reference that has it.
    let resizable = REFERENCE | VmoChildOptions::RESIZABLE;
    let child = create_child(vmo.value(), resizable, 0, 0);
    fails(child, Status::ACCESS_DENIED)?;
    let other = ok(reference(&vmo))?;
    let slice = ok(kit::slice(other.value(), P, P))?;
    fails(reference(&slice), Status::NOT_SUPPORTED)?;
    fails(kit::set_cache_policy(other.value(), 1), Status::BAD_STATE)
}

fn rights(env: &mut Env) -> Outcome {
    let sized = ok(kit::vmo_create(P, VmoOptions::RESIZABLE.bits()))?;
    let rights = |parent: &H, options: VmoChildOptions| {
        let child = ok(create_child(parent.value(), options, 0, 0))?;
        ok(kit::basic(child.value())).map(|info| Rights::from_bits_retain(info.rights))
    };
    let all = Rights::DEFAULT_VMO;
    same(rights(&sized, REFERENCE)?, all)?;
    let resizable = REFERENCE | VmoChildOptions::RESIZABLE;
    same(rights(&sized, resizable)?, all | Rights::RESIZE)?;
    let fixed = REFERENCE | VmoChildOptions::NO_WRITE;
    same(rights(&sized, fixed)?, all - Rights::WRITE)?;
    let reader = env.without(&sized, Rights::WRITE)?;
    same(rights(&reader, REFERENCE)?, all - Rights::WRITE)?;
    let child = ok(create_child(sized.value(), resizable, 0, 0))?;
    let flags = ok(kit::vmo_info(child.value()))?.flags;
    same(
        flags & VmoInfoFlags::RESIZABLE.bits(),
        VmoInfoFlags::RESIZABLE.bits(),
    )?;
    // What can shrink has no slices.
    fails(kit::slice(child.value(), 0, P), Status::NOT_SUPPORTED)?;
    let plain = ok(reference(&sized))?;
    fails(kit::slice(plain.value(), 0, P), Status::NOT_SUPPORTED)
}

fn mapped(env: &mut Env) -> Outcome {
    let vmo = env.paged(2)?;
    let other = ok(reference(&vmo))?;
    let here = ok(env.map(&vmo, READ_WRITE, 2 * P))?;
    let there = ok(env.map(&other, READ_WRITE, 2 * P))?;
    same((here.read32(0), there.read32(0)), (0, 0))?;
    there.write32(0, 1);
    same(here.read32(0), 1)?;
    here.write32(P, 2);
    same(there.read32(P), 2)?;
    let maps = |vmo: &H| ok(kit::vmo_info(vmo.value())).map(|info| info.num_mappings);
    same((maps(&vmo)?, maps(&other)?), (1, 1))?;
    let slice = ok(kit::slice(other.value(), P, P))?;
    let part = ok(env.map(&slice, READ_WRITE, P))?;
    part.write32(0, 3);
    same((here.read32(P), there.read32(P)), (3, 3))
}

fn family(env: &mut Env) -> Outcome {
    let vmo = env.paged(1)?;
    let other = ok(reference(&vmo))?;
    let again = ok(reference(&other))?;
    drop(other);
    has_children(&vmo)?;
    let region = ok(env.map(&again, READ_WRITE, P))?;
    drop(again);
    has_children(&vmo)?;
    region.write32(0, 5);
    ok(region.unmap())?;
    childless(&vmo)?;
    holds(&vmo, 0, 5)
}

fn snapshot(env: &mut Env) -> Outcome {
    let vmo = env.paged(2)?;
    ok(kit::write(vmo.value(), &[1], 0))?;
    ok(kit::write(vmo.value(), &[1], P))?;
    let other = ok(reference(&vmo))?;
    let region = ok(env.map(&vmo, READ_WRITE, 2 * P))?;
    region.write32(0, 1);
    let child = ok(create_child(
        other.value(),
        VmoChildOptions::SNAPSHOT,
        0,
        2 * P,
    ))?;
    let koid = ok(kit::basic(other.value()))?.koid;
    same(ok(kit::vmo_info(child.value()))?.parent_koid, koid)?;
    region.write32(0, 2);
    holds(&child, 0, 1)?;
    holds(&other, 0, 2)?;
    ok(kit::write(child.value(), &[3], P))?;
    holds(&vmo, P, 1)?;
    // Nobody reaches the first one's pages through a reference without handle.
    ok(region.unmap())?;
    drop(other);
    has_children(&vmo)?;
    drop(vmo);
    holds(&child, 0, 1)?;
    let info = ok(kit::vmo_info(child.value()))?;
    same((info.committed_bytes, info.parent_koid), (2 * P, koid))?;
    // A reference to a snapshot is the snapshot.
    let twin = ok(reference(&child))?;
    ok(kit::write(twin.value(), &[4], 0))?;
    holds(&child, 0, 4)
}
