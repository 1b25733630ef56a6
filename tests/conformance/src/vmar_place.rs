//! Where `zx_vmar_map` places mappings in the root region (vmar tables B, E, F, G and N).

use crate::env::{Env, LAST_PAGE, P, READ_WRITE, ROOT_BASE};
use crate::kit;
use crate::vmar_map::{READ, SPECIFIC, at, refused, room};
use crate::{
    Outcome, Scenario,
    check::{fails, holds, ok, same},
};
use jacinth_abi::{Status, VmOptions};

pub(crate) const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "vmar_bounds",
        rows: &[
            "vmar:36", "vmar:42", "vmar:44", "vmar:45", "vmar:46", "vmar:47", "vmar:48", "vmar:50",
        ],
        run: bounds,
    },
    Scenario {
        name: "vmar_alignment",
        rows: &["vmar:90", "vmar:91", "vmar:96"],
        run: alignment,
    },
    Scenario {
        name: "vmar_upper_limit",
        rows: &["vmar:98", "vmar:104", "vmar:106"],
        run: upper_limit,
    },
    Scenario {
        name: "vmar_overlap",
        rows: &["vmar:107", "vmar:109", "vmar:116"],
        run: overlap,
    },
    Scenario {
        name: "vmar_overwrite",
        rows: &["vmar:113", "vmar:115"],
        run: overwrite,
    },
    Scenario {
        name: "vmar_top_x86_64",
        rows: &["vmar:235", "vmar:236", "vmar:237"],
        run: top,
    },
];

fn bounds(env: &mut Env) -> Outcome {
    let vmo = env.paged(1)?;
    let size = root_end(env) - ROOT_BASE;
    refused(env, READ, 0, &vmo, u64::MAX, Status::OUT_OF_RANGE)?;
    refused(env, READ, 0, &vmo, 0, Status::INVALID_ARGS)?;
    refused(env, READ, P, &vmo, P, Status::INVALID_ARGS)?;
    refused(env, READ | SPECIFIC, P - 1, &vmo, P, Status::INVALID_ARGS)?;
    refused(
        env,
        READ | SPECIFIC | VmOptions::MAP_RANGE,
        P + 1,
        &vmo,
        P,
        Status::INVALID_ARGS,
    )?;
    refused(env, READ | SPECIFIC, size, &vmo, P, Status::INVALID_ARGS)?;
    refused(
        env,
        READ | SPECIFIC,
        size - P,
        &vmo,
        2 * P,
        Status::INVALID_ARGS,
    )?;
    refused(
        env,
        READ | SPECIFIC,
        LAST_PAGE,
        &vmo,
        P,
        Status::INVALID_ARGS,
    )?;
    refused(env, READ, 0, &vmo, size + P, Status::INVALID_ARGS)?;
    refused(env, READ, 0, &vmo, size, Status::NO_RESOURCES)?;
    let last = ok(at(env, READ | SPECIFIC, size - P, &vmo, P))?;
    same(last.base(), root_end(env) - P)?;
    drop(last);
    let info: jacinth_abi::VmarInfo = ok(kit::info(env.handles.vmar, jacinth_abi::Topic::VMAR))?;
    same((info.base, info.len), (ROOT_BASE, size))
}

fn alignment(env: &mut Env) -> Outcome {
    let vmo = env.paged(1)?;
    let room = room(env, 64)?;
    let aligned = (ROOT_BASE + room).next_multiple_of(1 << 16) - ROOT_BASE;
    drop(ok(at(
        env,
        (READ | SPECIFIC).with_alignment(16),
        aligned,
        &vmo,
        P,
    ))?);
    refused(
        env,
        (READ | SPECIFIC).with_alignment(16),
        aligned + P,
        &vmo,
        P,
        Status::INVALID_ARGS,
    )?;
    for wrong in [1, 9, 33, 255] {
        refused(
            env,
            READ.with_alignment(wrong),
            0,
            &vmo,
            P,
            Status::INVALID_ARGS,
        )?;
    }
    for log2 in [10, 12, 16, 21, 30, 32] {
        let place = ok(at(env, READ.with_alignment(log2), 0, &vmo, P))?;
        holds(
            place.base().is_multiple_of(1 << log2),
            "as aligned as asked",
        )?;
    }
    Ok(())
}

fn upper_limit(env: &mut Env) -> Outcome {
    let vmo = env.paged(2)?;
    let limited = READ | VmOptions::OFFSET_IS_UPPER_LIMIT;
    refused(env, limited, P, &vmo, 2 * P, Status::INVALID_ARGS)?;
    refused(env, limited, P + 1, &vmo, P, Status::INVALID_ARGS)?;
    refused(
        env,
        limited,
        root_end(env) - ROOT_BASE + P,
        &vmo,
        P,
        Status::INVALID_ARGS,
    )?;
    ok(kit::write(vmo.value(), &[7], P))?;
    let limit = 1 << 32;
    let place = ok(kit::map(
        env.handles.vmar,
        limited,
        limit,
        vmo.value(),
        P,
        P,
    ))?;
    holds(place.base() + P <= ROOT_BASE + limit, "below the limit")?;
    same(place.read8(0), 7)
}

fn overlap(env: &mut Env) -> Outcome {
    let vmo = env.paged(1)?;
    let offset = room(env, 4)?;
    let place = ok(at(env, READ | SPECIFIC, offset, &vmo, 2 * P))?;
    for (offset, len) in [
        (offset, 2 * P),
        (offset, 3 * P),
        (offset + P, P),
        (offset + P, 2 * P),
    ] {
        refused(
            env,
            READ | SPECIFIC,
            offset,
            &vmo,
            len,
            Status::ALREADY_EXISTS,
        )?;
    }
    ok(place.unmap_part(0, 2 * P))?;
    ok(kit::overwrite(&place, READ, 0, &vmo, 2 * P))?;
    ok(kit::can_read(env, place.address(0)))
}

fn overwrite(env: &mut Env) -> Outcome {
    let (old, new) = (env.paged(4)?, env.paged(2)?);
    ok(kit::write(new.value(), &[9; 8], 0))?;
    let place = ok(env.map(&old, READ_WRITE, 4 * P))?;
    for page in 0..4 {
        place.write64(page * P, page + 1);
    }
    ok(kit::overwrite(&place, READ, 3 * P, &new, P))?;
    same(place.read8(3 * P), 9)?;
    same(
        (place.read64(0), place.read64(P), place.read64(2 * P)),
        (1, 2, 3),
    )?;
    let mut bytes = [0; 8];
    ok(kit::read(old.value(), &mut bytes, 3 * P))?;
    same(u64::from_le_bytes(bytes), 4)?;
    ok(kit::overwrite(&place, READ, P, &new, P))?;
    same(
        (place.read64(0), place.read8(P), place.read64(2 * P)),
        (1, 9, 3),
    )?;
    fails(kit::can_write(env, place.address(P)), Status::ACCESS_DENIED)?;
    ok(kit::can_write(env, place.address(2 * P)))?;
    same(ok(kit::vmo_info(new.value()))?.num_mappings, 2)?;
    ok(kit::overwrite(&place, READ, 0, &new, 4 * P))?;
    same(ok(kit::vmo_info(old.value()))?.num_mappings, 0)
}

/// The last page below 2^47 does not exist on x86_64.
fn top(env: &mut Env) -> Outcome {
    if !env.facts.is_x86_64 {
        return Ok(());
    }
    let vmo = env.paged(1)?;
    let last = (1 << 47) - P - ROOT_BASE;
    refused(env, READ | SPECIFIC, last, &vmo, P, Status::INVALID_ARGS)?;
    let below = ok(at(env, READ | SPECIFIC, last - P, &vmo, P))?;
    refused(
        env,
        READ | SPECIFIC,
        last - P,
        &vmo,
        P,
        Status::ALREADY_EXISTS,
    )?;
    drop(below);
    Ok(())
}

const fn root_end(env: &Env) -> u64 {
    if env.facts.is_x86_64 {
        0x7fff_ffff_f000
    } else {
        0xffff_ff00_0000
    }
}
