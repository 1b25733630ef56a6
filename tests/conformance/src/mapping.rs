//! Mapping of physical VMOs (table H), and what the page tables make of them.

use crate::env::{Env, P, READ_WRITE};
use crate::kit;
use crate::{
    Outcome, Scenario,
    check::{fails, holds, ok, same},
};
use jacinth_abi::{Rights, Status, VmOptions};

const READ: VmOptions = VmOptions::PERM_READ;

pub(crate) const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "map_physical",
        rows: &["vmo:206"],
        run: physical,
    },
    Scenario {
        name: "map_physical_rights",
        rows: &["vmo:207", "vmo:211", "vmar:24"],
        run: rights,
    },
    Scenario {
        name: "map_physical_options",
        rows: &["vmo:210", "vmo:213", "vmo:214", "vmo:216"],
        run: options,
    },
    Scenario {
        name: "map_physical_protect",
        rows: &["vmo:220", "vmo:221"],
        run: protect,
    },
    Scenario {
        name: "map_physical_survives_handle",
        rows: &["vmo:225", "vmar:52"],
        run: survives_handle,
    },
    Scenario {
        name: "map_physical_counts",
        rows: &["vmo:226", "vmo:228"],
        run: counts,
    },
    Scenario {
        name: "map_bad_out",
        rows: &["vmo:229", "vmar:51"],
        run: bad_out,
    },
    Scenario {
        name: "map_physical_registers",
        rows: &[],
        run: registers,
    },
    Scenario {
        name: "map_physical_uncached_execute",
        rows: &["vmar:360"],
        run: uncached_execute,
    },
    Scenario {
        name: "map_physical_blocks",
        rows: &[],
        run: blocks,
    },
    Scenario {
        name: "map_physical_past_end",
        rows: &[],
        run: past_end,
    },
    Scenario {
        name: "map_physical_is_no_buffer",
        rows: &[],
        run: is_no_buffer,
    },
];

fn physical(env: &mut Env) -> Outcome {
    let vmo = env.physical(4)?;
    let place = ok(env.map(&vmo, READ_WRITE, 4 * P))?;
    holds(
        place.base().is_multiple_of(P),
        "the address is page-aligned",
    )?;
    drop(place);
    drop(ok(env.map(&vmo, READ_WRITE | VmOptions::MAP_RANGE, 4 * P))?);
    ok(env.map(&vmo, VmOptions::empty(), 4 * P)).map(drop)
}

fn rights(env: &mut Env) -> Outcome {
    let vmo = env.physical(4)?;
    let no_map = env.without(&vmo, Rights::MAP)?;
    for options in [READ, VmOptions::empty(), VmOptions::PERM_WRITE] {
        fails(env.map(&no_map, options, P), Status::ACCESS_DENIED)?;
    }
    let no_read = env.without(&vmo, Rights::READ)?;
    fails(env.map(&no_read, READ, P), Status::ACCESS_DENIED)?;
    let no_write = env.without(&vmo, Rights::WRITE)?;
    fails(env.map(&no_write, READ_WRITE, P), Status::ACCESS_DENIED)
}

fn options(env: &mut Env) -> Outcome {
    let vmo = env.physical(4)?;
    let (vmar, value) = (env.handles.vmar, vmo.value());
    let by = |options: VmOptions| kit::map_raw(vmar, options, 0, value, 0, P);
    fails(by(VmOptions::PERM_EXECUTE), Status::INVALID_ARGS)?;
    fails(by(READ | VmOptions::CAN_MAP_READ), Status::INVALID_ARGS)?;
    let beyond = READ | VmOptions::FAULT_BEYOND_STREAM_SIZE;
    fails(by(beyond | VmOptions::ALLOW_FAULTS), Status::NOT_SUPPORTED)?;
    fails(by(beyond), Status::NOT_SUPPORTED)?;
    let place = ok(env.map(&vmo, READ, P))?;
    fails(
        kit::overwrite(&place, READ | VmOptions::MAP_RANGE, 0, &vmo, P),
        Status::INVALID_ARGS,
    )
}

fn protect(env: &mut Env) -> Outcome {
    let vmo = env.physical(4)?;
    let place = ok(env.map(&vmo, READ, 4 * P))?;
    ok(place.protect(READ_WRITE, 0, 4 * P))?;
    drop(place);
    let no_write = env.without(&vmo, Rights::WRITE)?;
    let place = ok(env.map(&no_write, READ, 4 * P))?;
    fails(place.protect(READ_WRITE, 0, 4 * P), Status::ACCESS_DENIED)
}

fn survives_handle(env: &mut Env) -> Outcome {
    let vmo = env.paged(1)?;
    let place = ok(env.map(&vmo, READ_WRITE, P))?;
    drop(vmo);
    place.write32(0, 77);
    same(place.read32(0), 77)?;
    drop(place);
    let Some(scratch) = env.facts.scratch else {
        return Ok(());
    };
    let resource = ok(env.mmio(scratch.page, P))?;
    let vmo = ok(kit::create_physical(resource.value(), scratch.page, P))?;
    let place = ok(env.map(&vmo, READ_WRITE, P))?;
    drop((vmo, resource));
    place.write32(scratch.offset, 0x0bad_cafe);
    same(place.read32(scratch.offset), 0x0bad_cafe)
}

fn counts(env: &mut Env) -> Outcome {
    let vmo = env.physical(4)?;
    let first = ok(env.map(&vmo, READ_WRITE, 4 * P))?;
    let second = ok(env.map(&vmo, READ, P))?;
    let info = ok(kit::vmo_info(vmo.value()))?;
    same((info.num_mappings, info.share_count), (2, 1))?;
    drop((first, second));
    let info = ok(kit::vmo_info(vmo.value()))?;
    same((info.num_mappings, info.share_count), (0, 1))
}

fn bad_out(env: &mut Env) -> Outcome {
    let vmo = env.physical(4)?;
    for options in [READ, READ | VmOptions::MAP_RANGE] {
        let answer = zx::sys::vmar_map(
            env.handles.vmar,
            options,
            0,
            vmo.value(),
            0,
            P,
            zx::Address::NULL,
        );
        fails(answer, Status::INVALID_ARGS)?;
        same(ok(kit::vmo_info(vmo.value()))?.num_mappings, 0)?;
    }
    Ok(())
}

/// One register under each cache policy, lazily and eagerly mapped.
fn registers(env: &mut Env) -> Outcome {
    let Some(scratch) = env.facts.scratch else {
        return Ok(());
    };
    for (policy, eager) in [
        (1, false),
        (1, true),
        (2, false),
        (2, true),
        (3, true),
        (0, false),
    ] {
        let vmo = ok(kit::create_physical(env.handles.mmio, scratch.page, P))?;
        ok(kit::set_cache_policy(vmo.value(), policy))?;
        let when = if eager {
            VmOptions::MAP_RANGE
        } else {
            VmOptions::empty()
        };
        let place = ok(env.map(&vmo, READ_WRITE | when, P))?;
        let value = 0x5a5a_0000 | policy;
        place.write32(scratch.offset, value);
        same(place.read32(scratch.offset), value)?;
    }
    Ok(())
}

/// aarch64 has no executable mapping of a device; x86_64 does (`mmu.md` §2.2).
fn uncached_execute(env: &mut Env) -> Outcome {
    let vmo = env.physical(1)?;
    let options = READ | VmOptions::PERM_EXECUTE | VmOptions::MAP_RANGE;
    if env.facts.is_x86_64 {
        return ok(env.map(&vmo, options, P)).map(drop);
    }
    fails(env.map(&vmo, options, P), Status::INVALID_ARGS)?;
    same(ok(kit::vmo_info(vmo.value()))?.num_mappings, 0)
}

/// Large mappings use large blocks, and a hole in one leaves the rest as it was.
fn blocks(env: &mut Env) -> Outcome {
    const BLOCK: u64 = 2 << 20;
    let before = kit::page_tables(env)?;
    let start = env.facts.free.next_multiple_of(BLOCK);
    let vmo = ok(kit::create_physical(env.handles.mmio, start, 8 * BLOCK))?;
    let place = ok(env.map(&vmo, READ_WRITE | VmOptions::MAP_RANGE, 8 * BLOCK))?;
    let mapped = kit::page_tables(env)?;
    same(
        (mapped.blocks_2m - before.blocks_2m, mapped.pages_4k),
        (8, before.pages_4k),
    )?;
    if env.is_memory_short {
        return ok(place.unmap_part(BLOCK + P, P));
    }
    ok(place.unmap_part(BLOCK + P, P))?;
    let holed = kit::page_tables(env)?;
    same(
        (
            holed.blocks_2m - before.blocks_2m,
            holed.pages_4k - before.pages_4k,
        ),
        (7, 511),
    )?;
    ok(place.protect(READ, 3 * BLOCK, P))?;
    let split = kit::page_tables(env)?;
    same(
        (
            split.blocks_2m - before.blocks_2m,
            split.pages_4k - before.pages_4k,
        ),
        (6, 1023),
    )?;
    drop(place);
    same(kit::page_tables(env)?, before)
}

/// README decision 8: the part that exists is mapped, and nothing more.
fn past_end(env: &mut Env) -> Outcome {
    let vmo = env.physical(2)?;
    let before = kit::page_tables(env)?;
    let place = ok(env.map(&vmo, READ | VmOptions::MAP_RANGE, 5 * P))?;
    let mapped = kit::page_tables(env)?;
    same(mapped.pages_4k - before.pages_4k, 2)?;
    drop(place);
    let beyond = ok(kit::map(
        env.handles.vmar,
        READ | VmOptions::MAP_RANGE,
        0,
        vmo.value(),
        3 * P,
        P,
    ))?;
    same(kit::page_tables(env)?.pages_4k, before.pages_4k)?;
    drop(beyond);
    same(kit::page_tables(env)?, before)
}

/// The kernel never touches a device on a caller's behalf (design §4).
fn is_no_buffer(env: &mut Env) -> Outcome {
    let physical = env.physical(1)?;
    let place = ok(env.map(&physical, READ_WRITE, P))?;
    let paged = env.paged(1)?;
    holds(
        kit::read_to(paged.value(), place.address(0), 0, 8).is_err(),
        "a device is no output buffer",
    )?;
    holds(
        kit::write_from(paged.value(), place.address(0), 0, 8).is_err(),
        "a device is no input buffer",
    )?;
    fails(
        kit::duplicate_out(paged.value(), Rights::SAME_RIGHTS, place.address(0)),
        Status::INVALID_ARGS,
    )?;
    same(ok(kit::handle_count(paged.value()))?, 1)
}
