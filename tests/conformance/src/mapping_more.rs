//! Mappings of slices and of uncached memory, and addresses that are none (`vmar.md` §4 to §9).

use crate::env::{Env, P, READ_WRITE};
use crate::kit;
use crate::{
    Outcome, Scenario,
    check::{fails, ok, same},
};
use jacinth_abi::{Rights, Status, VmOptions};
use zx::{Address, sys};

const READ: VmOptions = VmOptions::PERM_READ;

pub(crate) const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "map_slice_ends_with_it",
        rows: &[],
        run: slice_ends,
    },
    Scenario {
        name: "map_read_if_xom",
        rows: &[],
        run: read_if_xom,
    },
    Scenario {
        name: "map_pieces_keep_their_rights",
        rows: &[],
        run: pieces_keep_rights,
    },
    Scenario {
        name: "map_addresses_outside",
        rows: &[],
        run: addresses_outside,
    },
    Scenario {
        name: "map_one_page_many_times",
        rows: &[],
        run: many_times,
    },
    Scenario {
        name: "map_large_lazily",
        rows: &[],
        run: large_lazily,
    },
    Scenario {
        name: "map_needs_no_right_for_nothing",
        rows: &[],
        run: no_permission,
    },
];

/// The pages behind a slice are its parent's, and not the slice's to show.
fn slice_ends(env: &mut Env) -> Outcome {
    let vmo = env.paged(4)?;
    for page in 0..4u64 {
        ok(kit::write(vmo.value(), &[page as u8 + 1], page * P))?;
    }
    let slice = ok(kit::slice(vmo.value(), P, 2 * P))?;
    for when in [VmOptions::empty(), VmOptions::MAP_RANGE] {
        let place = ok(env.map(&slice, READ_WRITE | when, 4 * P))?;
        same((place.read8(0), place.read8(P)), (2, 3))?;
        for page in 2..4 {
            let at = place.address(page * P);
            fails(kit::can_read(env, at), Status::OUT_OF_RANGE)?;
            fails(kit::can_write(env, at), Status::OUT_OF_RANGE)?;
        }
        let second = kit::map(env.handles.vmar, READ | when, 0, slice.value(), P, 2 * P);
        let second = ok(second)?;
        same(second.read8(0), 3)?;
        fails(kit::can_read(env, second.address(P)), Status::OUT_OF_RANGE)?;
    }
    let empty = ok(kit::slice(vmo.value(), 4 * P, 0))?;
    let place = ok(env.map(&empty, READ, P))?;
    fails(kit::can_read(env, place.address(0)), Status::OUT_OF_RANGE)
}

/// No machine here maps execute-only, so READ comes along, and needs its right.
fn read_if_xom(env: &mut Env) -> Outcome {
    let vmo = env.physical(1)?;
    ok(kit::set_cache_policy(vmo.value(), 0))?;
    let options = VmOptions::PERM_EXECUTE | VmOptions::PERM_READ_IF_XOM_UNSUPPORTED;
    drop(ok(env.map(&vmo, options, P))?);
    let no_read = env.without(&vmo, Rights::READ)?;
    fails(env.map(&no_read, options, P), Status::ACCESS_DENIED)?;
    let write = VmOptions::PERM_WRITE | VmOptions::PERM_READ_IF_XOM_UNSUPPORTED;
    drop(ok(env.map(&vmo, write, P))?);
    let runner = ok(kit::duplicate(env.handles.vmar, Rights::EXECUTE.bits()))?;
    let mapped = kit::map(runner.value(), options, 0, vmo.value(), 0, P);
    fails(mapped, Status::ACCESS_DENIED)
}

/// A mapping cut in pieces: each keeps what was allowed when it was made.
fn pieces_keep_rights(env: &mut Env) -> Outcome {
    let vmo = env.paged(5)?;
    let reader = env.without(&vmo, Rights::WRITE)?;
    let place = ok(env.map(&reader, READ, 5 * P))?;
    drop(reader);
    ok(place.unmap_part(P, P))?;
    ok(place.unmap_part(3 * P, P))?;
    for page in [0, 2, 4] {
        fails(
            place.protect(READ_WRITE, page * P, P),
            Status::ACCESS_DENIED,
        )?;
        ok(place.protect(VmOptions::empty(), page * P, P))?;
        ok(place.protect(READ, page * P, P))?;
    }
    ok(kit::write(vmo.value(), &[9], 4 * P))?;
    same(place.read8(4 * P), 9)?;
    same(ok(kit::vmo_info(vmo.value()))?.num_mappings, 3)?;
    ok(kit::overwrite(&place, READ_WRITE, 2 * P, &vmo, P))?;
    ok(place.protect(READ, 2 * P, P))?;
    ok(place.protect(READ_WRITE, 2 * P, P))?;
    place.write8(2 * P, 4);
    same(place.read8(2 * P), 4)
}

fn addresses_outside(env: &mut Env) -> Outcome {
    let vmar = env.handles.vmar;
    for at in [Address::NULL, Address::KERNEL, Address::NON_CANONICAL] {
        for len in [P, 2 * P, 1 << 46, 1 << 63] {
            let outside = sys::vmar_protect(vmar, READ, at, len);
            fails(outside, Status::INVALID_ARGS)?;
        }
    }
    for at in [Address::KERNEL, Address::NON_CANONICAL] {
        fails(sys::vmar_unmap(vmar, at, P), Status::INVALID_ARGS)?;
        fails(kit::can_read(env, at), Status::NOT_FOUND)?;
        fails(kit::can_write(env, at), Status::NOT_FOUND)?;
    }
    Ok(())
}

/// One page under many addresses: each shows it, and losing some leaves the others.
fn many_times(env: &mut Env) -> Outcome {
    let vmo = env.paged(1)?;
    let mut places = alloc::vec::Vec::new();
    for _ in 0..env.rounds(40, 8) {
        places.push(ok(env.map(&vmo, READ_WRITE, P))?);
    }
    for (number, place) in (1..).zip(&places) {
        place.write64(16, number);
    }
    let last = places.len() as u64;
    for place in &places {
        same(place.read64(16), last)?;
    }
    let info = ok(kit::vmo_info(vmo.value()))?;
    same(
        (info.num_mappings, info.share_count, info.committed_bytes),
        (last, 1, P),
    )?;
    let half = places.split_off(places.len() / 2);
    drop(places);
    for place in &half {
        same(place.read64(16), last)?;
    }
    drop(half);
    same(ok(kit::vmo_info(vmo.value()))?.num_mappings, 0)
}

/// Half a gigabyte, of which three pages are touched.
fn large_lazily(env: &mut Env) -> Outcome {
    const LEN: u64 = 512 << 20;
    let vmo = ok(kit::vmo_create(LEN, 0))?;
    let before = kit::page_tables(env)?;
    let place = ok(env.map(&vmo, READ_WRITE, LEN))?;
    same(kit::page_tables(env)?, before)?;
    for offset in [0, LEN / 2 + P, LEN - P] {
        place.write64(offset, offset + 1);
    }
    same(ok(kit::vmo_info(vmo.value()))?.committed_bytes, 3 * P)?;
    ok(place.unmap_part(P, LEN - 2 * P))?;
    same((place.read64(0), place.read64(LEN - P)), (1, LEN - P + 1))?;
    drop(place);
    same(kit::page_tables(env)?, before)?;
    let mut word = [0; 8];
    ok(kit::read(vmo.value(), &mut word, LEN / 2 + P))?;
    same(u64::from_le_bytes(word), LEN / 2 + P + 1)
}

/// A mapping without a permission needs MAP alone, from a region without rights.
fn no_permission(env: &mut Env) -> Outcome {
    let vmo = env.paged(1)?;
    let mapper = ok(kit::duplicate(vmo.value(), Rights::MAP.bits()))?;
    let bare = ok(kit::duplicate(env.handles.vmar, 0))?;
    let none = VmOptions::empty();
    let place = ok(kit::map(bare.value(), none, 0, mapper.value(), 0, P))?;
    fails(kit::can_read(env, place.address(0)), Status::ACCESS_DENIED)?;
    fails(place.protect(READ, 0, P), Status::ACCESS_DENIED)?;
    let by_root = sys::vmar_protect(env.handles.vmar, READ, place.address(0), P);
    fails(by_root, Status::ACCESS_DENIED)?;
    ok(place.protect(none, 0, P))
}
