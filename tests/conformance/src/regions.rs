//! `zx_vmar_allocate`: arguments, rights, placement (vmar tables A, B, C, F, G and H).

use crate::env::{Env, P, READ_WRITE};
use crate::kit;
use crate::nest::{CAN_READ_WRITE, Nest, PLAIN, refused};
use crate::{
    Outcome, Scenario,
    check::{fails, holds, ok, same},
};
use jacinth_abi::{Rights, Status, Topic, VmOptions, VmarInfo};
use zx::Address;

const READ: VmOptions = VmOptions::PERM_READ;
const SPECIFIC: VmOptions = VmOptions::SPECIFIC;
const LIMIT: VmOptions = VmOptions::OFFSET_IS_UPPER_LIMIT;
const CAN_SPECIFIC: VmOptions = VmOptions::CAN_MAP_SPECIFIC;
const CAN_READ: VmOptions = VmOptions::CAN_MAP_READ;
const NONE: VmOptions = VmOptions::empty();

pub(crate) const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "region_handles",
        rows: &["vmar:2", "vmar:3", "vmar:12", "vmar:26", "vmar:132"],
        run: handles,
    },
    Scenario {
        name: "region_basic",
        rows: &["vmar:28", "vmar:39", "vmar:200"],
        run: basic,
    },
    Scenario {
        name: "region_arguments",
        rows: &[
            "vmar:32", "vmar:35", "vmar:42", "vmar:43", "vmar:46", "vmar:47", "vmar:54", "vmar:55",
            "vmar:91",
        ],
        run: arguments,
    },
    Scenario {
        name: "region_order_of_checks",
        rows: &[],
        run: order,
    },
    Scenario {
        name: "region_bad_results",
        rows: &[],
        run: bad_results,
    },
    Scenario {
        name: "region_upper_limit",
        rows: &["vmar:99", "vmar:100", "vmar:102", "vmar:103", "vmar:105"],
        run: upper_limit,
    },
    Scenario {
        name: "region_overlap",
        rows: &["vmar:110", "vmar:111", "vmar:118"],
        run: overlap,
    },
    Scenario {
        name: "region_permissions",
        rows: &["vmar:120", "vmar:123", "vmar:124", "vmar:127"],
        run: permissions,
    },
    Scenario {
        name: "region_can_map_specific",
        rows: &["vmar:128", "vmar:129", "vmar:131"],
        run: can_map_specific,
    },
    Scenario {
        name: "region_compact",
        rows: &[],
        run: compact,
    },
    Scenario {
        name: "region_alignment",
        rows: &["vmar:90"],
        run: alignment,
    },
];

fn handles(env: &mut Env) -> Outcome {
    let (root, vmo) = (env.handles.vmar, env.paged(1)?);
    fails(zx::sys::vmar_destroy(vmo.value()), Status::WRONG_TYPE)?;
    fails(refused(vmo.value(), CAN_READ, 0, P), Status::WRONG_TYPE)?;
    fails(zx::sys::vmar_destroy(0), Status::BAD_HANDLE)?;
    fails(refused(0, CAN_READ, 0, P), Status::BAD_HANDLE)?;
    let reader = ok(kit::duplicate(root, Rights::READ.bits()))?;
    fails(
        refused(reader.value(), CAN_READ_WRITE, 0, P),
        Status::ACCESS_DENIED,
    )?;
    drop(ok(Nest::new(reader.value(), CAN_READ, 0, P))?);
    fails(zx::sys::vmar_destroy(root), Status::NOT_SUPPORTED)?;
    let nest = ok(Nest::new(root, CAN_READ, 0, P))?;
    let rights = ok(kit::basic(nest.value()))?.rights;
    same(rights, (Rights::DEFAULT_VMAR | Rights::READ).bits())?;
    let bare = env.without(&nest.vmar, Rights::OP_CHILDREN)?;
    fails(zx::sys::vmar_destroy(bare.value()), Status::ACCESS_DENIED)?;
    ok(nest.vmar.destroy())?;
    fails(nest.vmar.destroy(), Status::BAD_STATE)?;
    let nothing = ok(Nest::new(root, NONE, 0, P))?;
    same(
        ok(kit::basic(nothing.value()))?.rights,
        Rights::DEFAULT_VMAR.bits(),
    )
}

fn basic(env: &mut Env) -> Outcome {
    let (vmo, small) = (env.paged(10)?, env.paged(4)?);
    let outer = ok(Nest::new(env.handles.vmar, CAN_READ_WRITE, 0, 10 * P))?;
    let info: VmarInfo = ok(kit::info(outer.value(), Topic::VMAR))?;
    same((info.base, info.len), (outer.span.base(), 10 * P))?;
    let inner = ok(Nest::new(outer.value(), CAN_READ_WRITE, 0, 4 * P))?;
    holds(
        inner.span.base() >= outer.span.base()
            && inner.span.base() + 4 * P <= outer.span.base() + 10 * P,
        "the inner region lies in the outer one",
    )?;
    let place = ok(kit::map(
        inner.value(),
        READ_WRITE,
        0,
        small.value(),
        0,
        4 * P,
    ))?;
    same(place.base(), inner.span.base())?;
    place.write64(3 * P, 77);
    same(place.read64(3 * P), 77)?;
    fails(
        kit::map_raw(inner.value(), READ, 0, small.value(), 0, P),
        Status::NO_RESOURCES,
    )?;
    fails(
        refused(outer.value(), CAN_READ, 0, 11 * P),
        Status::INVALID_ARGS,
    )?;
    // Handles keep the object, not the region.
    let inner_at = inner.at(3 * P);
    core::mem::forget(place);
    let inner = core::mem::ManuallyDrop::new(inner);
    ok(zx::sys::handle_close(inner.value()))?;
    ok(kit::can_read(env, inner_at))?;
    ok(outer.vmar.destroy())?;
    fails(kit::can_read(env, inner_at), Status::NOT_FOUND)?;
    let whole = ok(Nest::in_root(env, 10 * P))?;
    let place = ok(kit::map(
        whole.value(),
        READ_WRITE,
        0,
        vmo.value(),
        0,
        10 * P,
    ))?;
    same(place.base(), whole.span.base())
}

fn arguments(env: &mut Env) -> Outcome {
    let nest = ok(Nest::in_root(env, 8 * P))?;
    let bad = |options: VmOptions, offset: u64, size: u64| {
        fails(
            refused(nest.value(), options, offset, size),
            Status::INVALID_ARGS,
        )
    };
    for size in [0, P - 1, P + 1, u64::MAX, u64::MAX - P + 2, 9 * P, !(P - 1)] {
        bad(CAN_READ, 0, size)?;
    }
    bad(CAN_READ, P, P)?;
    for (offset, size) in [
        (P - 1, P),
        (8 * P, P),
        (7 * P, 2 * P),
        (!(P - 1), P),
        (u64::MAX, P),
    ] {
        bad(CAN_READ | SPECIFIC, offset, size)?;
    }
    for (offset, size) in [(P + 1, P), (9 * P, P), (8 * P, 9 * P), (P, 2 * P)] {
        bad(CAN_READ | LIMIT, offset, size)?;
    }
    for wrong in [
        VmOptions::PERM_READ,
        VmOptions::PERM_WRITE,
        VmOptions::PERM_EXECUTE,
        VmOptions::SPECIFIC_OVERWRITE,
        VmOptions::MAP_RANGE,
        VmOptions::REQUIRE_NON_RESIZABLE,
        VmOptions::ALLOW_FAULTS,
        VmOptions::FAULT_BEYOND_STREAM_SIZE,
        SPECIFIC | LIMIT,
        VmOptions::from_bits_retain(1 << 16),
        VmOptions::from_bits_retain(1 << 23),
        VmOptions::from_bits_retain(1 << 31),
        NONE.with_alignment(9),
        NONE.with_alignment(33),
    ] {
        bad(CAN_READ | wrong, 0, P)?;
    }
    ok(refused(
        nest.value(),
        CAN_READ | VmOptions::PERM_READ_IF_XOM_UNSUPPORTED,
        0,
        P,
    ))?;
    ok(refused(nest.value(), CAN_READ | SPECIFIC, 7 * P, P))?;
    ok(refused(nest.value(), CAN_READ | LIMIT, 8 * P, 8 * P))
}

/// Of two faults the one that is looked for first is told.
fn order(env: &mut Env) -> Outcome {
    let nest = ok(Nest::new(env.handles.vmar, CAN_READ, 0, 8 * P))?;
    let fixed = nest.value();
    // The handle's rights before all options.
    fails(
        refused(fixed, CAN_READ_WRITE | VmOptions::MAP_RANGE, 0, 0),
        Status::ACCESS_DENIED,
    )?;
    fails(refused(fixed, SPECIFIC | LIMIT, P, P), Status::INVALID_ARGS)?;
    fails(refused(fixed, SPECIFIC, P + 1, P), Status::INVALID_ARGS)?;
    // Whether a place may be chosen comes before whether it is inside.
    fails(refused(fixed, SPECIFIC, 9 * P, P), Status::ACCESS_DENIED)?;
    fails(refused(fixed, LIMIT, 9 * P, P), Status::ACCESS_DENIED)?;
    ok(nest.vmar.destroy())?;
    fails(refused(fixed, NONE, 0, P + 1), Status::INVALID_ARGS)?;
    fails(
        refused(fixed, VmOptions::MAP_RANGE, 0, P),
        Status::INVALID_ARGS,
    )?;
    fails(refused(fixed, NONE, 0, 0), Status::BAD_STATE)?;
    fails(refused(fixed, SPECIFIC | LIMIT, 0, P), Status::BAD_STATE)
}

fn bad_results(env: &mut Env) -> Outcome {
    let nest = ok(Nest::in_root(env, P))?;
    let parent = nest.value();
    let protected = kit::read_only_page(env)?;
    let bad = [Address::NULL, Address::KERNEL, protected.address(0)];
    let before = ok(kit::handle_count(parent))?;
    for at in bad {
        let (mut handle, mut base) = ([0; 4], [0; 8]);
        fails(
            zx::sys::vmar_allocate(parent, CAN_READ, 0, P, at, &mut base),
            Status::INVALID_ARGS,
        )?;
        fails(
            zx::sys::vmar_allocate(parent, CAN_READ, 0, P, &mut handle, at),
            Status::INVALID_ARGS,
        )?;
    }
    same(ok(kit::handle_count(parent))?, before)?;
    // Its only page is free again.
    ok(refused(parent, CAN_READ, 0, P))
}

fn upper_limit(env: &mut Env) -> Outcome {
    let vmo = env.paged(101)?;
    let nest = ok(Nest::in_root(env, 100 * P))?;
    let map = |limit: u64, pages: u64| {
        kit::map(
            nest.value(),
            READ | LIMIT,
            limit * P,
            vmo.value(),
            0,
            pages * P,
        )
    };
    fails(map(100, 101), Status::INVALID_ARGS)?;
    fails(map(101, 1), Status::INVALID_ARGS)?;
    fails(map(1, 2), Status::INVALID_ARGS)?;
    let whole = ok(map(100, 100))?;
    same(whole.base(), nest.span.base())?;
    ok(whole.unmap())?;
    let lower = ok(map(50, 49))?;
    let last = ok(map(50, 1))?;
    holds(last.base() < nest.span.base() + 50 * P, "below the limit")?;
    fails(map(50, 1), Status::NO_RESOURCES)?;
    fails(
        refused(nest.value(), CAN_READ | LIMIT, 50 * P, P),
        Status::NO_RESOURCES,
    )?;
    let above = ok(kit::map(nest.value(), READ, 0, vmo.value(), 0, P))?;
    holds(
        above.base() >= nest.span.base() + 50 * P,
        "above what is full",
    )?;
    drop((lower, last, above));
    let inner = ok(Nest::new(nest.value(), CAN_READ | LIMIT, 10 * P, 10 * P))?;
    same(inner.span.base(), nest.span.base())?;
    fails(
        kit::map_raw(inner.value(), READ | LIMIT, 10 * P, vmo.value(), 0, P),
        Status::ACCESS_DENIED,
    )?;
    fails(
        refused(inner.value(), CAN_READ | LIMIT, 10 * P, P),
        Status::ACCESS_DENIED,
    )
}

fn overlap(env: &mut Env) -> Outcome {
    let vmo = env.paged(4)?;
    let nest = ok(Nest::in_root(env, 8 * P))?;
    let parent = nest.value();
    let taken = |offset: u64, pages: u64| {
        let refused = refused(parent, PLAIN | SPECIFIC, offset * P, pages * P);
        fails(refused, Status::ALREADY_EXISTS)
    };
    let place = ok(nest.map(READ_WRITE, 2 * P, &vmo, 2 * P))?;
    for (offset, pages) in [(2, 2), (2, 1), (3, 1), (1, 2), (3, 2), (1, 4)] {
        taken(offset, pages)?;
    }
    drop(place);
    let inner = ok(nest.inner(2 * P, 2 * P))?;
    for (offset, pages) in [(2, 2), (2, 1), (3, 1), (1, 2), (3, 2), (1, 4)] {
        taken(offset, pages)?;
        let mapped = nest.map(READ, offset * P, &vmo, pages * P);
        fails(mapped, Status::ALREADY_EXISTS)?;
    }
    // Regions never make room for mappings.
    drop(inner);
    let place = ok(nest.map(READ_WRITE, 0, &vmo, 4 * P))?;
    place.write64(0, 5);
    ok(place.unmap_part(2 * P, 2 * P))?;
    let inner = ok(nest.inner(2 * P, 2 * P))?;
    let other = env.paged(4)?;
    for pages in [3, 4] {
        fails(
            kit::overwrite(&place, READ, 0, &other, pages * P),
            Status::INVALID_ARGS,
        )?;
    }
    fails(
        kit::overwrite(&place, READ, 2 * P, &other, 2 * P),
        Status::INVALID_ARGS,
    )?;
    same(place.read64(0), 5)?;
    place.write64(P, 6);
    drop(inner);
    ok(kit::overwrite(&place, READ, 0, &other, 4 * P))?;
    same(place.read64(0), 0)
}

/// For each of READ, WRITE and EXECUTE in turn the parent lacks it.
fn permissions(env: &mut Env) -> Outcome {
    let all = VmOptions::CAN_MAP_ANY;
    let vmo = env.physical(1)?;
    for (can, perm) in [
        (VmOptions::CAN_MAP_READ, VmOptions::PERM_READ),
        (VmOptions::CAN_MAP_WRITE, VmOptions::PERM_WRITE),
        (VmOptions::CAN_MAP_EXECUTE, VmOptions::PERM_EXECUTE),
    ] {
        let nest = ok(Nest::new(env.handles.vmar, all - can, 0, 4 * P))?;
        fails(refused(nest.value(), all, 0, P), Status::ACCESS_DENIED)?;
        let child = ok(Nest::new(nest.value(), all - can, 0, P))?;
        for parent in [nest.value(), child.value()] {
            let map = |perms| kit::map_raw(parent, perms, 0, vmo.value(), 0, P);
            fails(map(VmOptions::PERM_ANY), Status::ACCESS_DENIED)?;
            fails(refused(parent, can, 0, P), Status::ACCESS_DENIED)?;
            if perm != READ {
                let rest = VmOptions::PERM_ANY - perm - VmOptions::PERM_READ_IF_XOM_UNSUPPORTED;
                drop(ok(kit::map(parent, rest, 0, vmo.value(), 0, P))?);
            }
        }
    }
    // The region's own limit, where the handle would allow it, is asked last.
    let reader = ok(Nest::new(env.handles.vmar, CAN_READ, 0, P))?;
    fails(
        kit::map_raw(reader.value(), READ_WRITE, 0, vmo.value(), 0, P),
        Status::ACCESS_DENIED,
    )?;
    let place = ok(kit::map(reader.value(), READ, 0, vmo.value(), 0, P))?;
    fails(place.protect(READ_WRITE, 0, P), Status::ACCESS_DENIED)
}

fn can_map_specific(env: &mut Env) -> Outcome {
    let vmo = env.paged(2)?;
    let nest = ok(Nest::new(env.handles.vmar, CAN_READ_WRITE, 0, 8 * P))?;
    fails(nest.map(READ, 0, &vmo, P), Status::ACCESS_DENIED)?;
    fails(
        refused(nest.value(), CAN_READ | SPECIFIC, 0, P),
        Status::ACCESS_DENIED,
    )?;
    let place = ok(kit::map(nest.value(), READ, 0, vmo.value(), 0, P))?;
    fails(
        kit::overwrite(&place, READ, 0, &vmo, P),
        Status::ACCESS_DENIED,
    )?;
    // It is not handed down, and nothing is taken from it.
    let inner = ok(Nest::new(nest.value(), CAN_READ | CAN_SPECIFIC, 0, 4 * P))?;
    let placed = ok(inner.map(READ, 3 * P, &vmo, P))?;
    same(placed.base(), inner.span.base() + 3 * P)?;
    ok(kit::overwrite(&placed, READ, 0, &vmo, P))
}

/// Where a region is compact what comes anywhere comes to the lowest place that fits.
fn compact(env: &mut Env) -> Outcome {
    // Aligned, so that the hole that is made below holds no aligned address.
    let options = (PLAIN | VmOptions::COMPACT).with_alignment(16);
    let nest = ok(Nest::new(env.handles.vmar, options, 0, 1 << 30))?;
    let (base, vmo) = (nest.span.base(), env.paged(4)?);
    let map = |options: VmOptions, pages: u64| {
        kit::map(nest.value(), READ | options, 0, vmo.value(), 0, pages * P)
    };
    let first = ok(map(NONE, 1))?;
    let second = ok(map(NONE, 4))?;
    let inner = ok(Nest::new(nest.value(), CAN_READ, 0, 2 * P))?;
    let fourth = ok(map(NONE, 1))?;
    let all = [
        first.base(),
        second.base(),
        inner.span.base(),
        fourth.base(),
    ];
    same(all, [base, base + P, base + 5 * P, base + 7 * P])?;
    drop(second);
    let small = ok(map(NONE, 2))?;
    let large = ok(map(NONE, 3))?;
    same((small.base(), large.base()), (base + P, base + 8 * P))?;
    let aligned = ok(map(NONE.with_alignment(16), 1))?;
    same(aligned.base(), (base + 11 * P).next_multiple_of(1 << 16))?;
    let limited = kit::map(nest.value(), READ | LIMIT, 8 * P, vmo.value(), 0, 2 * P);
    same(ok(limited)?.base(), base + 3 * P)?;
    // It is asked for each region anew.
    drop(inner);
    let wide = ok(Nest::new(nest.value(), PLAIN, 0, 1 << 20))?;
    same(wide.span.base(), aligned.base() + P)
}

fn alignment(env: &mut Env) -> Outcome {
    let nest = ok(Nest::new(
        env.handles.vmar,
        PLAIN.with_alignment(21),
        0,
        1 << 21,
    ))?;
    holds(
        nest.span.base().is_multiple_of(1 << 21),
        "as aligned as asked",
    )?;
    let parent = nest.value();
    let options = CAN_READ | SPECIFIC;
    ok(refused(parent, options.with_alignment(16), 1 << 16, P))?;
    fails(
        refused(parent, options.with_alignment(16), (1 << 16) + P, P),
        Status::INVALID_ARGS,
    )?;
    ok(refused(parent, options.with_alignment(10), P, P))?;
    let first = ok(Nest::new(parent, options, 0, P))?;
    let large = refused(parent, CAN_READ.with_alignment(21), 0, P);
    fails(large, Status::NO_RESOURCES)?;
    drop(first);
    ok(refused(parent, CAN_READ.with_alignment(21), 0, P))
}
