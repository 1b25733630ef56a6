//! `zx_vmar_map` on the root region (vmar tables A, C and D).

use crate::env::{Env, LAST_PAGE, P, READ_WRITE, ROOT_BASE};
use crate::kit::{self, H};
use crate::{
    Failure, Outcome, Scenario,
    check::{fails, ok, same},
};
use jacinth_abi::{Rights, Status, VmOptions, VmoOptions};
use zx::Region;

pub(crate) const READ: VmOptions = VmOptions::PERM_READ;
const READ_EXECUTE: VmOptions = READ.union(VmOptions::PERM_EXECUTE);
const ALL: VmOptions = READ_WRITE.union(VmOptions::PERM_EXECUTE);
pub(crate) const SPECIFIC: VmOptions = VmOptions::SPECIFIC;

pub(crate) const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "vmar_types",
        rows: &["vmar:4", "vmar:6", "vmar:7"],
        run: types,
    },
    Scenario {
        name: "vmar_handle_rights",
        rows: &["vmar:8", "vmar:10", "vmar:16"],
        run: handle_rights,
    },
    Scenario {
        name: "vmar_may_bits",
        rows: &["vmar:21", "vmar:22", "vmar:23"],
        run: may_bits,
    },
    Scenario {
        name: "vmar_map_options",
        rows: &[
            "vmar:54", "vmar:59", "vmar:61", "vmar:62", "vmar:63", "vmar:64", "vmar:77",
        ],
        run: options,
    },
    Scenario {
        name: "vmar_resizable",
        rows: &[
            "vmar:72", "vmar:73", "vmar:75", "vmar:76", "vmar:227", "vmar:228",
        ],
        run: resizable,
    },
    Scenario {
        name: "vmar_offsets",
        rows: &["vmar:79", "vmar:81", "vmar:83", "vmar:84", "vmar:85"],
        run: offsets,
    },
    Scenario {
        name: "vmar_odd_lengths",
        rows: &["vmar:86", "vmar:87", "vmar:88"],
        run: odd_lengths,
    },
    Scenario {
        name: "vmar_map_precedence",
        rows: &[],
        run: precedence,
    },
];

/// Where `pages` pages are free now: an offset into the root region.
pub(crate) fn room(env: &Env, pages: u64) -> Result<u64, Failure> {
    let vmo = env.paged(1)?;
    let place = ok(env.map(&vmo, READ, pages * P))?;
    let offset = place.base() - ROOT_BASE;
    ok(place.unmap())?;
    Ok(offset)
}

pub(crate) fn at(
    env: &Env,
    options: VmOptions,
    offset: u64,
    vmo: &H,
    len: u64,
) -> Result<Region, Status> {
    kit::map(env.handles.vmar, options, offset, vmo.value(), 0, len)
}

pub(crate) fn refused(
    env: &Env,
    options: VmOptions,
    offset: u64,
    vmo: &H,
    len: u64,
    expected: Status,
) -> Outcome {
    fails(
        kit::map_raw(env.handles.vmar, options, offset, vmo.value(), 0, len),
        expected,
    )
}

fn types(env: &mut Env) -> Outcome {
    let vmo = env.paged(1)?;
    fails(
        kit::map_raw(vmo.value(), READ, 0, vmo.value(), 0, P),
        Status::WRONG_TYPE,
    )?;
    fails(
        kit::map_raw(0, READ, 0, vmo.value(), 0, P),
        Status::BAD_HANDLE,
    )?;
    fails(
        kit::map_raw(env.handles.vmar, READ, 0, env.handles.process, 0, P),
        Status::WRONG_TYPE,
    )?;
    fails(
        kit::map_raw(env.handles.vmar, READ, 0, 0, 0, P),
        Status::BAD_HANDLE,
    )?;
    let place = ok(env.map(&vmo, READ, P))?;
    fails(
        zx::sys::vmar_protect(vmo.value(), READ, place.address(0), P),
        Status::WRONG_TYPE,
    )?;
    fails(
        zx::sys::vmar_protect(0, READ, place.address(0), P),
        Status::BAD_HANDLE,
    )?;
    fails(
        zx::sys::vmar_unmap(vmo.value(), place.address(0), P),
        Status::WRONG_TYPE,
    )?;
    fails(
        zx::sys::vmar_unmap(0, place.address(0), P),
        Status::BAD_HANDLE,
    )
}

fn handle_rights(env: &mut Env) -> Outcome {
    let vmo = env.physical(1)?;
    let reader = ok(kit::duplicate(env.handles.vmar, Rights::READ.bits()))?;
    fails(
        kit::map_raw(reader.value(), ALL, 0, vmo.value(), 0, P),
        Status::ACCESS_DENIED,
    )?;
    let place = ok(kit::map(reader.value(), READ, 0, vmo.value(), 0, P))?;
    fails(place.protect(ALL, 0, P), Status::ACCESS_DENIED)?;
    fails(
        zx::sys::vmar_protect(env.handles.vmar, READ_WRITE, place.address(0), P),
        Status::ACCESS_DENIED,
    )?;
    drop(place);
    let runner = ok(kit::duplicate(
        env.handles.vmar,
        (Rights::READ | Rights::EXECUTE).bits(),
    ))?;
    let place = ok(kit::map(runner.value(), READ_EXECUTE, 0, vmo.value(), 0, P))?;
    fails(place.protect(ALL, 0, P), Status::ACCESS_DENIED)
}

fn may_bits(env: &mut Env) -> Outcome {
    let whole = env.physical(1)?;
    let rights = Rights::MAP | Rights::READ;
    let writer = ok(kit::duplicate(
        whole.value(),
        (rights | Rights::WRITE).bits(),
    ))?;
    let place = ok(env.map(&writer, READ_WRITE, P))?;
    drop(writer);
    fails(place.protect(ALL, 0, P), Status::ACCESS_DENIED)?;
    drop(place);
    let runner = ok(kit::duplicate(
        whole.value(),
        (rights | Rights::EXECUTE).bits(),
    ))?;
    let place = ok(env.map(&runner, READ_EXECUTE, P))?;
    drop(runner);
    fails(place.protect(ALL, 0, P), Status::ACCESS_DENIED)?;
    drop(place);
    let place = ok(env.map(&whole, READ, P))?;
    drop(whole);
    ok(place.protect(READ_WRITE, 0, P))?;
    ok(place.protect(ALL, 0, P))
}

fn options(env: &mut Env) -> Outcome {
    let vmo = env.physical(1)?;
    let undefined = VmOptions::from_bits_retain(1 << 31);
    refused(env, READ | undefined, 0, &vmo, P, Status::INVALID_ARGS)?;
    refused(
        env,
        READ | VmOptions::from_bits_retain(1 << 16),
        0,
        &vmo,
        P,
        Status::INVALID_ARGS,
    )?;
    for wrong in [
        VmOptions::CAN_MAP_EXECUTE,
        VmOptions::CAN_MAP_READ,
        VmOptions::CAN_MAP_WRITE,
        VmOptions::CAN_MAP_SPECIFIC,
        VmOptions::COMPACT,
        VmOptions::SPECIFIC | VmOptions::OFFSET_IS_UPPER_LIMIT,
    ] {
        refused(env, READ | wrong, 0, &vmo, P, Status::INVALID_ARGS)?;
    }
    refused(env, VmOptions::PERM_WRITE, 0, &vmo, P, Status::INVALID_ARGS)?;
    refused(
        env,
        VmOptions::PERM_EXECUTE,
        0,
        &vmo,
        P,
        Status::INVALID_ARGS,
    )?;
    refused(
        env,
        VmOptions::PERM_EXECUTE | VmOptions::PERM_WRITE,
        0,
        &vmo,
        P,
        Status::INVALID_ARGS,
    )?;
    let paged = env.paged(1)?;
    refused(
        env,
        READ | VmOptions::FAULT_BEYOND_STREAM_SIZE,
        0,
        &paged,
        P,
        Status::INVALID_ARGS,
    )?;
    let place = ok(env.map(&paged, READ, P))?;
    fails(
        kit::overwrite(&place, READ | VmOptions::MAP_RANGE, 0, &paged, P),
        Status::INVALID_ARGS,
    )?;
    drop(place);
    let xom = VmOptions::PERM_EXECUTE | VmOptions::PERM_READ_IF_XOM_UNSUPPORTED;
    ok(env.map(&vmo, xom, P)).map(drop)
}

fn resizable(env: &mut Env) -> Outcome {
    let vmo = ok(kit::vmo_create(P, VmoOptions::RESIZABLE.bits()))?;
    refused(
        env,
        READ | VmOptions::REQUIRE_NON_RESIZABLE,
        0,
        &vmo,
        P,
        Status::NOT_SUPPORTED,
    )?;
    drop(ok(env.map(&vmo, READ, P))?);
    let longer = ok(env.map(&vmo, READ | VmOptions::MAP_RANGE, 3 * P))?;
    ok(kit::can_read(env, longer.address(0)))?;
    fails(kit::can_read(env, longer.address(P)), Status::OUT_OF_RANGE)?;
    drop(longer);
    drop(ok(kit::map(
        env.handles.vmar,
        READ | VmOptions::MAP_RANGE,
        0,
        vmo.value(),
        2 * P,
        P,
    ))?);
    let fixed = env.paged(1)?;
    drop(ok(env.map(
        &fixed,
        READ | VmOptions::REQUIRE_NON_RESIZABLE,
        P,
    ))?);
    let discardable = ok(kit::vmo_create(P, VmoOptions::DISCARDABLE.bits()))?;
    refused(env, READ, 0, &discardable, P, Status::NOT_SUPPORTED)?;
    ok(env.map(&discardable, READ | VmOptions::ALLOW_FAULTS, P)).map(drop)
}

fn offsets(env: &mut Env) -> Outcome {
    let vmo = env.paged(4)?;
    let by = |options: VmOptions, vmo_offset: u64, len: u64| {
        kit::map_raw(env.handles.vmar, options, 0, vmo.value(), vmo_offset, len)
    };
    fails(by(READ, P - 1, P), Status::INVALID_ARGS)?;
    fails(
        by(READ | VmOptions::MAP_RANGE, P - 1, P),
        Status::INVALID_ARGS,
    )?;
    let top = u64::MAX - 2 * P + 1;
    fails(by(READ, top, 2 * P), Status::OUT_OF_RANGE)?;
    fails(by(READ, top + P, P), Status::OUT_OF_RANGE)?;
    let far = ok(kit::map(env.handles.vmar, READ, 0, vmo.value(), top, P))?;
    fails(kit::can_read(env, far.address(0)), Status::OUT_OF_RANGE)?;
    drop(far);
    let none = kit::map(
        env.handles.vmar,
        VmOptions::MAP_RANGE,
        0,
        vmo.value(),
        2 * P,
        P,
    );
    let none = ok(none)?;
    fails(kit::can_read(env, none.address(0)), Status::ACCESS_DENIED)?;
    fails(kit::can_write(env, none.address(0)), Status::ACCESS_DENIED)
}

fn odd_lengths(env: &mut Env) -> Outcome {
    let vmo = env.paged(4)?;
    for options in [READ_WRITE, READ_WRITE | VmOptions::MAP_RANGE] {
        let place = ok(env.map(&vmo, options, 4 * P - 1))?;
        place.write8(4 * P - 2, 9);
        same(place.read8(4 * P - 2), 9)?;
        ok(kit::can_read(env, place.address(4 * P - 1)))?;
    }
    let page = env.paged(1)?;
    let offset = room(env, 2)?;
    let place = ok(at(env, READ_WRITE | SPECIFIC, offset, &page, 2 * P))?;
    same(place.base(), ROOT_BASE + offset)?;
    ok(kit::can_write(env, place.address(0)))?;
    fails(kit::can_read(env, place.address(P)), Status::OUT_OF_RANGE)?;
    fails(kit::can_write(env, place.address(P)), Status::OUT_OF_RANGE)
}

/// Two faults in one call: the first check in the order of `vmar.md` §4.2 answers.
fn precedence(env: &mut Env) -> Outcome {
    let physical = env.physical(1)?;
    let no_map = env.without(&physical, Rights::MAP)?;
    let no_write = env.without(&physical, Rights::WRITE)?;
    let beyond = READ | VmOptions::FAULT_BEYOND_STREAM_SIZE | VmOptions::ALLOW_FAULTS;
    fails(kit::map_raw(0, READ, 0, 0, 1, 0), Status::BAD_HANDLE)?;
    fails(
        kit::map_raw(physical.value(), READ, 0, 0, 1, 0),
        Status::WRONG_TYPE,
    )?;
    refused(env, beyond, 0, &no_map, P, Status::NOT_SUPPORTED)?;
    refused(
        env,
        VmOptions::PERM_WRITE | VmOptions::CAN_MAP_READ,
        0,
        &no_map,
        P,
        Status::ACCESS_DENIED,
    )?;
    refused(
        env,
        READ_WRITE | VmOptions::CAN_MAP_READ,
        0,
        &no_write,
        P,
        Status::INVALID_ARGS,
    )?;
    refused(
        env,
        VmOptions::PERM_WRITE,
        0,
        &no_write,
        P,
        Status::INVALID_ARGS,
    )?;
    refused(
        env,
        READ_WRITE.with_alignment(9),
        0,
        &no_write,
        P,
        Status::ACCESS_DENIED,
    )?;
    refused(env, READ_WRITE, 1, &no_write, 0, Status::ACCESS_DENIED)?;
    refused(
        env,
        READ.with_alignment(9),
        0,
        &physical,
        u64::MAX,
        Status::INVALID_ARGS,
    )?;
    fails(
        kit::map_raw(env.handles.vmar, READ, 0, physical.value(), 1, u64::MAX),
        Status::INVALID_ARGS,
    )?;
    fails(
        kit::map_raw(env.handles.vmar, READ, 1, physical.value(), LAST_PAGE, P),
        Status::OUT_OF_RANGE,
    )?;
    refused(env, READ, 0, &physical, u64::MAX, Status::OUT_OF_RANGE)
}
