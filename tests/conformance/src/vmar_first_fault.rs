//! Calls on regions with two faults at once: the one that is looked for first is told (vmar.md §3.1,
//! §4.2, §5, §6, §7, §11).

use crate::env::{Env, LAST_PAGE, P, READ_WRITE};
use crate::kit::{self, H, map_raw};
use crate::nest::{CAN_READ_WRITE, Nest, PLAIN, refused};
use crate::{
    Failure, Outcome, Scenario,
    check::{fails, ok, same},
};
use jacinth_abi::{Rights, Status, VmOptions, VmarOp, VmoOptions};
use zx::Address;
use zx::sys::{self, Output};

const NONE: VmOptions = VmOptions::empty();
const READ: VmOptions = VmOptions::PERM_READ;
const WRITE: VmOptions = VmOptions::PERM_WRITE;
const EXECUTE: VmOptions = VmOptions::PERM_EXECUTE;
const SPECIFIC: VmOptions = VmOptions::SPECIFIC;
const LIMIT: VmOptions = VmOptions::OFFSET_IS_UPPER_LIMIT;
const STREAM: VmOptions = VmOptions::FAULT_BEYOND_STREAM_SIZE;
const FIXED: VmOptions = VmOptions::REQUIRE_NON_RESIZABLE;
const CAN: VmOptions = VmOptions::CAN_MAP_READ;
const UNKNOWN: VmOptions = VmOptions::from_bits_retain(1 << 20);
const DENIED: Status = Status::ACCESS_DENIED;
const INVALID: Status = Status::INVALID_ARGS;

/// An alignment that nobody may ask for.
const fn odd() -> VmOptions {
    NONE.with_alignment(9)
}

pub(crate) const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "first_fault_of_map",
        rows: &[],
        run: of_map,
    },
    Scenario {
        name: "first_fault_of_map_options",
        rows: &[],
        run: of_map_options,
    },
    Scenario {
        name: "first_fault_of_map_in_place",
        rows: &[],
        run: of_map_in_place,
    },
    Scenario {
        name: "first_fault_of_allocate",
        rows: &[],
        run: of_allocate,
    },
    Scenario {
        name: "first_fault_of_unmap_and_protect",
        rows: &[],
        run: of_unmap_and_protect,
    },
    Scenario {
        name: "first_fault_of_destroy",
        rows: &[],
        run: of_destroy,
    },
    Scenario {
        name: "first_fault_of_op_range",
        rows: &[],
        run: of_op_range,
    },
];

/// What the cases of `zx_vmar_map` are made with.
struct Things {
    root: u32,
    gone: u32,
    vmo: H,
    no_map: H,
    no_write: H,
    sized: H,
    discardable: H,
    dead: Nest,
}

impl Things {
    fn new(env: &Env) -> Result<Self, Failure> {
        let vmo = env.paged(2)?;
        let dead = ok(Nest::in_root(env, P))?;
        ok(dead.vmar.destroy())?;
        Ok(Self {
            root: env.handles.vmar,
            gone: kit::closed_handle()?,
            no_map: env.without(&vmo, Rights::MAP)?,
            no_write: env.without(&vmo, Rights::WRITE)?,
            vmo,
            sized: ok(kit::vmo_create(P, VmoOptions::RESIZABLE.bits()))?,
            discardable: ok(kit::vmo_create(P, VmoOptions::DISCARDABLE.bits()))?,
            dead,
        })
    }
}

/// A call that must fail.
#[track_caller]
fn no(vmar: u32, options: VmOptions, vmo: &H, vmo_offset: u64, len: u64, first: Status) -> Outcome {
    fails(
        map_raw(vmar, options, 0, vmo.value(), vmo_offset, len),
        first,
    )
}

/// Steps 1 to 9, each with a fault of a later step.
fn of_map(env: &mut Env) -> Outcome {
    let it = Things::new(env)?;
    let (root, dead) = (it.root, it.dead.value());
    let device = env.physical(2)?;
    let device_no_map = env.without(&device, Rights::MAP)?;
    let map = |vmar: u32, vmo: u32| map_raw(vmar, WRITE, 0, vmo, 1, 0);
    // 1, 2: the handles, in order, and no rights yet.
    fails(map(it.gone, root), Status::BAD_HANDLE)?;
    fails(map(it.vmo.value(), it.gone), Status::WRONG_TYPE)?;
    fails(map(root, it.gone), Status::BAD_HANDLE)?;
    fails(map(root, root), Status::WRONG_TYPE)?;
    fails(map(dead, root), Status::WRONG_TYPE)?;
    // 3 before 4, 4 before 6.
    no(
        root,
        STREAM | WRITE,
        &device_no_map,
        1,
        0,
        Status::NOT_SUPPORTED,
    )?;
    no(root, WRITE | CAN | UNKNOWN, &it.no_map, 1, 0, DENIED)?;
    no(dead, STREAM, &it.no_map, 1, 0, DENIED)?;
    // 6 to 8 before 9.
    no(root, WRITE, &it.no_write, 0, P, INVALID)?;
    no(root, READ_WRITE | CAN, &it.no_write, 0, P, INVALID)?;
    // 9 before 10 to 20.
    no(root, READ_WRITE | STREAM, &it.no_write, 0, P, DENIED)?;
    no(root, READ_WRITE | UNKNOWN, &it.no_write, 1, 0, DENIED)?;
    no(root, READ_WRITE | odd(), &it.no_write, 1, 0, DENIED)?;
    no(root, READ | EXECUTE | FIXED, &it.sized, 1, 0, DENIED)?;
    no(root, READ | EXECUTE, &it.discardable, 1, 0, DENIED)?;
    no(dead, READ_WRITE, &it.no_write, 0, P, DENIED)
}

/// Steps 10 to 20, likewise.
fn of_map_options(env: &mut Env) -> Outcome {
    let it = Things::new(env)?;
    let (root, dead) = (it.root, it.dead.value());
    let reader = ok(Nest::new(root, VmOptions::CAN_MAP_READ, 0, 4 * P))?;
    // 10 and 11 before 12 and 13.
    no(root, READ | FIXED | STREAM, &it.sized, 0, P, INVALID)?;
    no(root, READ | FIXED | UNKNOWN, &it.sized, 0, P, INVALID)?;
    no(root, READ | odd(), &it.discardable, 0, P, INVALID)?;
    // 12 and 13 before 14 to 20.
    let compact = READ | VmOptions::COMPACT;
    no(
        root,
        compact | FIXED,
        &it.sized,
        1,
        0,
        Status::NOT_SUPPORTED,
    )?;
    no(root, compact, &it.discardable, 1, 0, Status::NOT_SUPPORTED)?;
    no(dead, READ, &it.discardable, 0, P, Status::NOT_SUPPORTED)?;
    no(
        reader.value(),
        READ | FIXED,
        &it.sized,
        1,
        0,
        Status::NOT_SUPPORTED,
    )?;
    // 16 and 17 before 18 to 20.
    no(root, READ, &it.vmo, 1, u64::MAX, INVALID)?;
    no(dead, READ, &it.vmo, 1, 0, INVALID)?;
    no(dead, READ, &it.vmo, 0, u64::MAX, Status::OUT_OF_RANGE)?;
    no(dead, READ, &it.vmo, LAST_PAGE, P, Status::OUT_OF_RANGE)?;
    no(
        root,
        READ,
        &it.vmo,
        LAST_PAGE - P,
        2 * P,
        Status::OUT_OF_RANGE,
    )?;
    // 19 before 20.
    no(dead, READ, &it.vmo, 0, 0, Status::BAD_STATE)?;
    no(root, READ, &it.vmo, LAST_PAGE, 0, INVALID)?;
    // The last place that there is may be shown, though the VMO has nothing there.
    let (reader, vmo) = (reader.value(), it.no_write.value());
    drop(ok(kit::map(reader, READ, 0, vmo, LAST_PAGE - P, P))?);
    Ok(())
}

/// Steps 19 to 28 and 30.
fn of_map_in_place(env: &mut Env) -> Outcome {
    let vmo = env.paged(2)?;
    let nest = ok(Nest::in_root(env, 8 * P))?;
    let fixed = ok(Nest::new(env.handles.vmar, CAN_READ_WRITE, 0, 8 * P))?;
    let place = ok(nest.map(READ_WRITE, 2 * P, &vmo, P))?;
    place.write8(0, 1);
    let inner = ok(nest.inner(5 * P, P))?;
    let vmo = vmo.value();
    let huge = NONE.with_alignment(32);
    let map = |options, offset, len| map_raw(nest.value(), READ | options, offset, vmo, 0, len);
    let fixed_map =
        |options, offset, len| map_raw(fixed.value(), READ | options, offset, vmo, 0, len);
    for (answer, first) in [
        // 20 before 21.
        (map(SPECIFIC | LIMIT, 1, 0), Status::INVALID_ARGS),
        // 23 before 24 before 25.
        (fixed_map(SPECIFIC, 1, P), Status::INVALID_ARGS),
        (fixed_map(LIMIT, 1, P), Status::INVALID_ARGS),
        (fixed_map(SPECIFIC, 9 * P, P), Status::ACCESS_DENIED),
        (fixed_map(LIMIT, 9 * P, P), Status::ACCESS_DENIED),
        (fixed_map(LIMIT, 0, P), Status::ACCESS_DENIED),
        (fixed_map(SPECIFIC | huge, 0, P), Status::ACCESS_DENIED),
        // 22 before 25, which is before 28.
        (fixed_map(NONE, P, 9 * P), Status::INVALID_ARGS),
        (fixed_map(NONE, 0, 9 * P), Status::INVALID_ARGS),
        (map(NONE, 0, 9 * P), Status::INVALID_ARGS),
        (map(NONE, 0, 3 * P), Status::NO_RESOURCES),
        (map(huge, 0, 9 * P), Status::INVALID_ARGS),
        // 25 before 26 before 27.
        (map(SPECIFIC | huge, 2 * P, 7 * P), Status::INVALID_ARGS),
        (map(SPECIFIC, 2 * P, P), Status::ALREADY_EXISTS),
        (map(SPECIFIC, P, 2 * P), Status::ALREADY_EXISTS),
        (map(SPECIFIC, 4 * P, 2 * P), Status::ALREADY_EXISTS),
        (map(LIMIT, 8 * P, 3 * P), Status::NO_RESOURCES),
        (map(LIMIT | huge, P, P), Status::NO_RESOURCES),
    ] {
        fails(answer, first)?;
    }
    // An alignment that the place has not is told before that it is taken.
    let odd = (12..=32).find(|log2| (place.base() >> log2) & 1 == 1);
    if let Some(log2) = odd.filter(|log2| *log2 < 32) {
        let aligned = NONE.with_alignment(log2 + 1);
        fails(map(SPECIFIC | aligned, 2 * P, P), Status::INVALID_ARGS)?;
        let aligned = NONE.with_alignment(log2);
        fails(map(SPECIFIC | aligned, 2 * P, P), Status::ALREADY_EXISTS)?;
    }
    same(place.read8(0), 1)?;
    // A place that cannot be written is the last of all faults.
    let null = |options: VmOptions, offset, len| {
        sys::vmar_map(
            nest.value(),
            READ | options,
            offset,
            vmo,
            0,
            len,
            Address::NULL,
        )
    };
    fails(null(SPECIFIC, 2 * P, P), Status::ALREADY_EXISTS)?;
    fails(null(NONE, 0, 3 * P), Status::NO_RESOURCES)?;
    fails(null(NONE, 0, 2 * P), Status::INVALID_ARGS)?;
    fails(null(VmOptions::MAP_RANGE, 0, 2 * P), Status::INVALID_ARGS)?;
    same(ok(nest.vmar.maps())?.len(), 3)?;
    drop(inner);
    Ok(())
}

fn of_allocate(env: &mut Env) -> Outcome {
    let root = env.handles.vmar;
    let gone = kit::closed_handle()?;
    let vmo = env.paged(1)?;
    let nest = ok(Nest::in_root(env, 8 * P))?;
    let reader = ok(kit::duplicate(nest.value(), Rights::READ.bits()))?;
    let fixed = ok(Nest::new(root, VmOptions::CAN_MAP_READ, 0, 8 * P))?;
    let dead = ok(Nest::in_root(env, P))?;
    ok(dead.vmar.destroy())?;
    let taken = ok(nest.inner(2 * P, P))?;
    let bad = VmOptions::from_bits_retain(1 << 17);
    let can_write = VmOptions::CAN_MAP_WRITE;
    for (parent, options, offset, size, first) in [
        (gone, CAN_READ_WRITE | bad, 1, 1, Status::BAD_HANDLE),
        (vmo.value(), CAN_READ_WRITE | bad, 1, 1, Status::WRONG_TYPE),
        (reader.value(), can_write | bad, 1, 1, Status::ACCESS_DENIED),
        (
            reader.value(),
            can_write | READ,
            1,
            0,
            Status::ACCESS_DENIED,
        ),
        (dead.value(), bad, 0, P, Status::INVALID_ARGS),
        (
            dead.value(),
            NONE.with_alignment(33),
            0,
            P,
            Status::INVALID_ARGS,
        ),
        (dead.value(), NONE, 0, P - 1, Status::INVALID_ARGS),
        (dead.value(), WRITE, 0, P, Status::INVALID_ARGS),
        (dead.value(), FIXED, 0, P, Status::INVALID_ARGS),
        (dead.value(), NONE, 0, 0, Status::BAD_STATE),
        (dead.value(), SPECIFIC | LIMIT, 1, P, Status::BAD_STATE),
        (nest.value(), SPECIFIC | LIMIT, 0, P, Status::INVALID_ARGS),
        (fixed.value(), SPECIFIC, 1, P, Status::INVALID_ARGS),
        (fixed.value(), SPECIFIC, 9 * P, P, Status::ACCESS_DENIED),
        (fixed.value(), LIMIT, 9 * P, P, Status::ACCESS_DENIED),
        (nest.value(), SPECIFIC, 2 * P, 7 * P, Status::INVALID_ARGS),
        (nest.value(), SPECIFIC, 2 * P, 6 * P, Status::ALREADY_EXISTS),
        (nest.value(), NONE, 0, 9 * P, Status::INVALID_ARGS),
        (nest.value(), NONE, 0, 6 * P, Status::NO_RESOURCES),
        (nest.value(), LIMIT, 7 * P, 5 * P, Status::NO_RESOURCES),
        (nest.value(), LIMIT, 4 * P, 5 * P, Status::INVALID_ARGS),
    ] {
        fails(refused(parent, options, offset, size), first)?;
    }
    // Bad places are found last, and leave no region behind.
    let mut at = [0; 8];
    let mut child = [0; 4];
    let call = |offset: u64, child: sys::Place<'_, 4>, at: sys::Place<'_, 8>| {
        sys::vmar_allocate(nest.value(), PLAIN | SPECIFIC, offset, P, child, at)
    };
    let null4 = || sys::Place::<4>::At(Address::NULL);
    let null8 = || sys::Place::<8>::At(Address::NULL);
    fails(call(2 * P, null4(), null8()), Status::ALREADY_EXISTS)?;
    fails(call(9 * P, null4(), null8()), Status::INVALID_ARGS)?;
    fails(call(3 * P, null4(), (&mut at).into()), Status::INVALID_ARGS)?;
    fails(
        call(3 * P, (&mut child).into(), null8()),
        Status::INVALID_ARGS,
    )?;
    let there = ok(nest.inner(3 * P, P))?;
    drop((taken, there));
    Ok(())
}

fn of_unmap_and_protect(env: &mut Env) -> Outcome {
    let gone = kit::closed_handle()?;
    let vmo = env.paged(4)?;
    let nest = ok(Nest::in_root(env, 8 * P))?;
    let dead = ok(Nest::in_root(env, P))?;
    let dead_at = dead.at(0);
    ok(dead.vmar.destroy())?;
    let place = ok(nest.map(READ_WRITE, 2 * P, &vmo, 2 * P))?;
    place.write8(P, 3);
    let inner = ok(nest.inner(5 * P, 2 * P))?;
    let at = |offset: u64| nest.at(offset);
    let bare = env.without(&nest.vmar, Rights::OP_CHILDREN)?;
    for (vmar, at, len, first) in [
        (gone, at(1), 0, Status::BAD_HANDLE),
        (vmo.value(), at(1), 0, Status::WRONG_TYPE),
        (dead.value(), at(1), P, Status::INVALID_ARGS),
        (dead.value(), dead_at, 0, Status::INVALID_ARGS),
        (dead.value(), dead_at, u64::MAX, Status::INVALID_ARGS),
        (dead.value(), at(0), P, Status::BAD_STATE),
        (dead.value(), dead_at, P, Status::BAD_STATE),
        (nest.value(), at(0), 9 * P, Status::INVALID_ARGS),
        (nest.value(), at(8 * P), P, Status::INVALID_ARGS),
        (nest.value(), at(0), u64::MAX - P, Status::INVALID_ARGS),
        // A region in part, behind a mapping as a whole: the mapping stays.
        (nest.value(), at(0), 6 * P, Status::INVALID_ARGS),
        (nest.value(), at(6 * P), 2 * P, Status::INVALID_ARGS),
        (bare.value(), at(0), 8 * P, Status::INVALID_ARGS),
    ] {
        fails(sys::vmar_unmap(vmar, at, len), first)?;
        same(place.read8(P), 3)?;
    }
    let weak = ok(kit::duplicate(nest.value(), Rights::READ.bits()))?;
    let bad = VmOptions::from_bits_retain(1 << 16);
    for (vmar, options, at, len, first) in [
        (gone, WRITE | bad, at(1), 0, Status::BAD_HANDLE),
        (vmo.value(), WRITE | bad, at(1), 0, Status::WRONG_TYPE),
        (weak.value(), WRITE | bad, at(1), 0, Status::ACCESS_DENIED),
        (dead.value(), WRITE, dead_at, P, Status::INVALID_ARGS),
        (dead.value(), READ | bad, dead_at, P, Status::INVALID_ARGS),
        (
            dead.value(),
            READ | SPECIFIC,
            dead_at,
            P,
            Status::INVALID_ARGS,
        ),
        (dead.value(), READ, at(1), P, Status::INVALID_ARGS),
        (dead.value(), READ, dead_at, 0, Status::INVALID_ARGS),
        (dead.value(), READ, at(0), P, Status::BAD_STATE),
        (nest.value(), READ, at(0), 9 * P, Status::INVALID_ARGS),
        // From low to high: the hole before the mapping, the one behind it, the empty region.
        (nest.value(), READ, at(P), 2 * P, Status::NOT_FOUND),
        (nest.value(), READ, at(2 * P), 3 * P, Status::NOT_FOUND),
        (nest.value(), READ, at(5 * P), P, Status::NOT_FOUND),
        (bare.value(), READ, at(5 * P), P, Status::NOT_FOUND),
        (
            nest.value(),
            READ.with_alignment(12),
            at(2 * P),
            P,
            Status::INVALID_ARGS,
        ),
    ] {
        fails(sys::vmar_protect(vmar, options, at, len), first)?;
        place.write8(P, 3);
    }
    drop(inner);
    Ok(())
}

fn of_destroy(env: &mut Env) -> Outcome {
    let root = env.handles.vmar;
    let dead = ok(Nest::in_root(env, P))?;
    ok(dead.vmar.destroy())?;
    fails(sys::vmar_destroy(kit::closed_handle()?), Status::BAD_HANDLE)?;
    let root_bare = ok(kit::duplicate(root, Rights::READ.bits()))?;
    fails(sys::vmar_destroy(root_bare.value()), DENIED)?;
    let dead_bare = env.without(&dead.vmar, Rights::OP_CHILDREN)?;
    fails(sys::vmar_destroy(dead_bare.value()), DENIED)
}

fn of_op_range(env: &mut Env) -> Outcome {
    let gone = kit::closed_handle()?;
    let vmo = env.paged(4)?;
    let nest = ok(Nest::in_root(env, 8 * P))?;
    let dead = ok(Nest::in_root(env, P))?;
    let dead_at = dead.at(0);
    ok(dead.vmar.destroy())?;
    let place = ok(nest.map(READ, 0, &vmo, 2 * P))?;
    let read_only = env.without(&vmo, Rights::WRITE)?;
    let frozen = ok(nest.map(READ, 2 * P, &read_only, P))?;
    let inner = ok(nest.inner(3 * P, 2 * P))?;
    let below = ok(inner.map(READ_WRITE, 0, &vmo, P))?;
    let bare = env.without(&nest.vmar, Rights::OP_CHILDREN)?;
    let at = |offset: u64| nest.at(offset);
    let raw = |vmar: u32, op: u32, at: Address, size: u64| {
        sys::vmar_op_range(vmar, op, at, size, Output::NONE)
    };
    let op = |vmar: u32, op: VmarOp, at: Address, size: u64| raw(vmar, op.number(), at, size);
    let (commit, zero) = (VmarOp::Commit, VmarOp::Zero);
    let (dont_need, fetch) = (VmarOp::DontNeed, VmarOp::Prefetch);
    for (answer, first) in [
        (raw(gone, 0, at(1), 0), Status::BAD_HANDLE),
        (raw(vmo.value(), 0, at(1), 0), Status::WRONG_TYPE),
        (raw(dead.value(), 4, dead_at, P), INVALID),
        (
            sys::vmar_op_range(nest.value(), 1, at(0), P, Output::At(Address::NULL, 1)),
            INVALID,
        ),
        (op(dead.value(), commit, dead_at, 0), INVALID),
        (op(dead.value(), commit, dead_at, u64::MAX), INVALID),
        (op(dead.value(), commit, at(1), P), INVALID),
        (op(dead.value(), commit, at(0), P), Status::OUT_OF_RANGE),
        (op(dead.value(), commit, dead_at, P), Status::BAD_STATE),
        (op(nest.value(), commit, at(0), 9 * P), Status::OUT_OF_RANGE),
        (op(nest.value(), commit, at(8 * P), P), Status::OUT_OF_RANGE),
        // What is before the fault is done.
        (op(nest.value(), commit, at(0), 3 * P), DENIED),
        (op(nest.value(), zero, at(2 * P), P), DENIED),
        (op(nest.value(), commit, at(3 * P), P), INVALID),
        (op(nest.value(), fetch, at(3 * P), P), INVALID),
        (op(nest.value(), zero, at(3 * P), 2 * P), Status::BAD_STATE),
        (op(bare.value(), zero, at(3 * P), P), INVALID),
        (op(bare.value(), dont_need, at(3 * P), P), INVALID),
        (
            op(nest.value(), dont_need, at(2 * P), 3 * P),
            Status::BAD_STATE,
        ),
        (op(nest.value(), fetch, at(7 * P), P), Status::BAD_STATE),
    ] {
        fails(answer, first)?;
    }
    same(ok(kit::vmo_info(vmo.value()))?.committed_bytes, P)?;
    ok(op(nest.value(), dont_need, at(0), 4 * P))?;
    ok(op(nest.value(), fetch, at(0), 3 * P))?;
    ok(op(nest.value(), zero, at(0), 2 * P - 1))?;
    // The sub-region's own handle is enough for what is right below it.
    ok(op(inner.value(), commit, at(3 * P), 1))?;
    drop((place, frozen, below));
    Ok(())
}
