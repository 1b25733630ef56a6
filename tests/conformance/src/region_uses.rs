//! Mappings cut, covered and taken away with their regions, as counts, lists and bytes show it.

use crate::env::{Env, LAST_PAGE, P, READ_WRITE};
use crate::kit::{self, H};
use crate::nest::{Nest, PLAIN, refused};
use crate::{
    Outcome, Scenario,
    check::{fails, ok, same},
};
use jacinth_abi::{MapsInfo, Rights, Status, Topic, VmOptions, VmarInfo};
use zx::sys;

const NONE: VmOptions = VmOptions::empty();
const READ: VmOptions = VmOptions::PERM_READ;
const LIMIT: VmOptions = VmOptions::OFFSET_IS_UPPER_LIMIT;

pub(crate) const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "region_cuts_are_counted",
        rows: &[],
        run: cuts_are_counted,
    },
    Scenario {
        name: "region_room_is_used_again",
        rows: &[],
        run: used_again,
    },
    Scenario {
        name: "region_odd_lengths",
        rows: &[],
        run: odd_lengths,
    },
    Scenario {
        name: "region_overwritten_by_itself",
        rows: &[],
        run: overwritten_by_itself,
    },
    Scenario {
        name: "protect_is_all_or_nothing",
        rows: &[],
        run: protect_all_or_nothing,
    },
    Scenario {
        name: "upper_limit_edges",
        rows: &[],
        run: upper_limit_edges,
    },
];

#[track_caller]
fn mappings(vmo: &H) -> Result<u64, crate::Failure> {
    Ok(ok(kit::vmo_info(vmo.value()))?.num_mappings)
}

/// What a region lists of mappings: offset in it, size, permissions, offset in the VMO; in pages.
fn pieces(nest: &Nest) -> Result<alloc::vec::Vec<(u64, u64, u32, u64)>, crate::Failure> {
    let maps = ok(nest.vmar.maps())?;
    let mapped = maps
        .iter()
        .filter(|it| it.maps_type == MapsInfo::TYPE_MAPPING);
    Ok(mapped
        .map(|it| {
            (
                (it.base - nest.span.base()) / P,
                it.size / P,
                it.mapping.mmu_flags,
                it.mapping.vmo_offset / P,
            )
        })
        .collect())
}

/// Permissions cut a mapping into records, holes cut it into mappings.
fn cuts_are_counted(env: &mut Env) -> Outcome {
    let vmo = env.paged(10)?;
    for page in 0..10u8 {
        ok(kit::write(vmo.value(), &[page + 1], u64::from(page) * P))?;
    }
    let nest = ok(Nest::in_root(env, 8 * P))?;
    let place = ok(kit::map(
        nest.value(),
        READ_WRITE,
        0,
        vmo.value(),
        2 * P,
        8 * P,
    ))?;
    let (r, rw) = (READ.bits(), READ_WRITE.bits());
    same((mappings(&vmo)?, pieces(&nest)?.len()), (1, 1))?;
    ok(place.protect(READ, 2 * P, 2 * P))?;
    same(mappings(&vmo)?, 1)?;
    same(
        pieces(&nest)?,
        [(0, 2, rw, 2), (2, 2, r, 4), (4, 4, rw, 6)].into(),
    )?;
    // A hole inside one of the parts, then one over the border of two.
    ok(place.unmap_part(5 * P, P))?;
    same(mappings(&vmo)?, 2)?;
    same(
        pieces(&nest)?,
        [(0, 2, rw, 2), (2, 2, r, 4), (4, 1, rw, 6), (6, 2, rw, 8)].into(),
    )?;
    ok(place.unmap_part(P, 2 * P))?;
    same(mappings(&vmo)?, 3)?;
    same(
        pieces(&nest)?,
        [(0, 1, rw, 2), (3, 1, r, 5), (4, 1, rw, 6), (6, 2, rw, 8)].into(),
    )?;
    for (page, byte) in [(0, 3), (3, 6), (4, 7), (6, 9), (7, 10)] {
        same(place.read8(page * P), byte)?;
    }
    // Parts of one mapping that allow the same again are one record again.
    ok(place.protect(READ_WRITE, 3 * P, P))?;
    same(mappings(&vmo)?, 3)?;
    same(
        pieces(&nest)?,
        [(0, 1, rw, 2), (3, 2, rw, 5), (6, 2, rw, 8)].into(),
    )?;
    fails(
        sys::vmar_protect(nest.value(), READ, nest.at(3 * P), 4 * P),
        Status::NOT_FOUND,
    )?;
    // Of a mapping nothing but its middle is left, and it still counts.
    ok(place.unmap_part(6 * P, P))?;
    ok(place.unmap_part(0, 3 * P))?;
    same(mappings(&vmo)?, 2)?;
    same(pieces(&nest)?, [(3, 2, rw, 5), (7, 1, rw, 9)].into())?;
    ok(sys::vmar_unmap(nest.value(), nest.at(0), 8 * P))?;
    same((mappings(&vmo)?, pieces(&nest)?.len()), (0, 0))?;
    ok(sys::vmar_unmap(nest.value(), nest.at(0), 8 * P))
}

/// What a destroyed or unmapped region had is there for others at once; its handle is of no use.
fn used_again(env: &mut Env) -> Outcome {
    let vmo = env.paged(2)?;
    let outer = ok(Nest::in_root(env, 8 * P))?;
    for way in 0..3 {
        let inner = ok(outer.inner(2 * P, 4 * P))?;
        let deep = ok(inner.inner(0, 2 * P))?;
        let place = ok(deep.map(READ_WRITE, 0, &vmo, 2 * P))?;
        core::mem::forget(place);
        match way {
            0 => ok(inner.vmar.destroy())?,
            1 => ok(sys::vmar_unmap(outer.value(), outer.at(2 * P), 4 * P))?,
            _ => ok(sys::vmar_unmap(outer.value(), outer.at(0), 8 * P))?,
        }
        same(mappings(&vmo)?, 0)?;
        let again = ok(outer.map(READ_WRITE, 2 * P, &vmo, P))?;
        again.write8(0, way);
        for dead in [&inner, &deep] {
            let at = dead.at(0);
            fails(dead.vmar.destroy(), Status::BAD_STATE)?;
            fails(sys::vmar_unmap(dead.value(), at, P), Status::BAD_STATE)?;
            fails(
                sys::vmar_protect(dead.value(), READ, at, P),
                Status::BAD_STATE,
            )?;
            fails(
                kit::map_raw(dead.value(), READ, 0, vmo.value(), 0, P),
                Status::BAD_STATE,
            )?;
            fails(refused(dead.value(), PLAIN, 0, P), Status::BAD_STATE)?;
            let info: VmarInfo = ok(kit::info(dead.value(), Topic::VMAR))?;
            same((info.base, info.len), (dead.span.base(), dead.span.bytes()))?;
        }
        // None of these touched what took the place.
        same(again.read8(0), way)?;
    }
    Ok(())
}

/// Lengths are rounded up to pages wherever they are not asked to be whole ones.
fn odd_lengths(env: &mut Env) -> Outcome {
    let vmo = env.paged(8)?;
    let nest = ok(Nest::in_root(env, 8 * P))?;
    let map = |len: u64| kit::map_raw(nest.value(), READ, 0, vmo.value(), 0, len);
    fails(map(8 * P + 1), Status::INVALID_ARGS)?;
    let place = ok(kit::map(
        nest.value(),
        READ_WRITE,
        0,
        vmo.value(),
        0,
        7 * P + 1,
    ))?;
    let rw = READ_WRITE.bits();
    same(pieces(&nest)?, [(0, 8, rw, 0)].into())?;
    fails(map(1), Status::NO_RESOURCES)?;
    ok(sys::vmar_protect(nest.value(), READ, nest.at(0), P + 1))?;
    same(
        pieces(&nest)?,
        [(0, 2, READ.bits(), 0), (2, 6, rw, 2)].into(),
    )?;
    fails(
        sys::vmar_unmap(nest.value(), nest.at(7 * P), P + 1),
        Status::INVALID_ARGS,
    )?;
    ok(sys::vmar_unmap(nest.value(), nest.at(6 * P), P + 1))?;
    ok(sys::vmar_unmap(nest.value(), nest.at(0), 1))?;
    same(
        pieces(&nest)?,
        [(1, 1, READ.bits(), 1), (2, 4, rw, 2)].into(),
    )?;
    drop(place);
    same(pieces(&nest)?.len(), 0)
}

/// The last use of a VMO is the mapping that a mapping of itself takes the place of.
fn overwritten_by_itself(env: &mut Env) -> Outcome {
    let vmo = env.paged(4)?;
    let child = ok(kit::slice(vmo.value(), 0, 4 * P))?;
    let place = ok(env.map(&child, READ_WRITE, 4 * P))?;
    for page in 0..4u8 {
        place.write8(u64::from(page) * P, page + 1);
    }
    ok(kit::overwrite(&place, READ_WRITE, P, &child, 2 * P))?;
    same(mappings(&child)?, 3)?;
    let bytes = |pages: [u8; 4]| {
        for (page, byte) in (0..).zip(pages) {
            same(place.read8(page * P), byte)?;
        }
        Ok(())
    };
    bytes([1, 1, 2, 4])?;
    ok(kit::overwrite(&place, READ_WRITE, 0, &child, 4 * P))?;
    same(mappings(&child)?, 1)?;
    bytes([1, 2, 3, 4])?;
    // Nothing but the mapping keeps the slice, and something else takes its place.
    drop(child);
    kit::has_children(&vmo)?;
    let other = env.paged(4)?;
    ok(kit::overwrite(&place, READ, 0, &other, 2 * P))?;
    kit::has_children(&vmo)?;
    bytes([0, 0, 3, 4])?;
    ok(kit::overwrite(&place, READ, P, &other, 3 * P))?;
    kit::childless(&vmo)?;
    bytes([0; 4])?;
    same(mappings(&other)?, 2)?;
    let mut found = [0];
    ok(kit::read(vmo.value(), &mut found, 3 * P))?;
    same(found, [4])
}

/// vmar.md §7: nothing changes before all of the range was found good.
fn protect_all_or_nothing(env: &mut Env) -> Outcome {
    let vmo = env.paged(4)?;
    let read_only = env.without(&vmo, Rights::WRITE)?;
    let nest = ok(Nest::in_root(env, 8 * P))?;
    let first = ok(nest.map(READ, 0, &vmo, P))?;
    let second = ok(nest.map(READ, P, &read_only, P))?;
    let inner = ok(nest.inner(2 * P, 2 * P))?;
    let third = ok(inner.map(READ, 0, &vmo, P))?;
    let fourth = ok(inner.map(READ_WRITE, P, &vmo, P))?;
    let at = |offset: u64| nest.at(offset);
    let protect =
        |vmar: u32, options, offset, len| sys::vmar_protect(vmar, options, at(offset), len);
    let only = |offsets: [bool; 4]| {
        for (page, may_write) in (0..).zip(offsets) {
            let expected = if may_write {
                Ok(())
            } else {
                Err(Status::ACCESS_DENIED)
            };
            same(kit::can_write(env, at(page * P)), expected)?;
        }
        Ok(())
    };
    let bare = env.without(&nest.vmar, Rights::OP_CHILDREN)?;
    only([false, false, false, true])?;
    // The second may never be written.
    let both = protect(nest.value(), READ_WRITE, 0, 2 * P);
    fails(both, Status::ACCESS_DENIED)?;
    only([false, false, false, true])?;
    // The region below may lose, not gain; and only for who may touch it.
    fails(protect(bare.value(), READ, 0, 3 * P), Status::INVALID_ARGS)?;
    fails(
        protect(nest.value(), READ_WRITE, 2 * P, 2 * P),
        Status::ACCESS_DENIED,
    )?;
    // Whether a mapping may ever allow it is asked before whose it is.
    fails(
        protect(bare.value(), READ_WRITE, P, 2 * P),
        Status::ACCESS_DENIED,
    )?;
    only([false, false, false, true])?;
    ok(protect(nest.value(), READ_WRITE, 3 * P, P))?;
    ok(protect(nest.value(), READ, 0, 4 * P))?;
    only([false; 4])?;
    // What the region above took can be given back from the region itself.
    fails(
        protect(nest.value(), READ_WRITE, 3 * P, P),
        Status::ACCESS_DENIED,
    )?;
    ok(protect(inner.value(), READ_WRITE, 2 * P, 2 * P))?;
    ok(protect(nest.value(), READ_WRITE, 0, P))?;
    only([true, false, true, true])?;
    ok(protect(nest.value(), NONE, 0, 4 * P))?;
    fails(kit::can_read(env, at(P)), Status::ACCESS_DENIED)?;
    fails(protect(nest.value(), READ, 2 * P, P), Status::ACCESS_DENIED)?;
    ok(protect(nest.value(), READ, P, P))?;
    ok(kit::can_read(env, at(P)))?;
    drop((first, second, third, fourth));
    Ok(())
}

fn upper_limit_edges(env: &mut Env) -> Outcome {
    let vmo = env.paged(9)?;
    for page in 0..9u8 {
        ok(kit::write(vmo.value(), &[page + 1], u64::from(page) * P))?;
    }
    let nest = ok(Nest::new(
        env.handles.vmar,
        PLAIN | VmOptions::COMPACT,
        0,
        8 * P,
    ))?;
    let base = nest.span.base();
    let below = |limit: u64, from: u64, len: u64| {
        kit::map(nest.value(), READ | LIMIT, limit, vmo.value(), from, len)
    };
    // All of it, and the byte that is asked for is where the mapping begins.
    let all = ok(below(8 * P, P, 8 * P))?;
    same((all.base(), all.read8(0), all.read8(7 * P)), (base, 2, 9))?;
    fails(below(8 * P, 0, P), Status::NO_RESOURCES)?;
    drop(all);
    let one = ok(below(P, 3 * P, P))?;
    same((one.base(), one.read8(0)), (base, 4))?;
    fails(below(P, 0, P), Status::NO_RESOURCES)?;
    fails(below(0, 0, P), Status::INVALID_ARGS)?;
    fails(below(9 * P, 0, P), Status::INVALID_ARGS)?;
    fails(below(2 * P, 0, 3 * P), Status::INVALID_ARGS)?;
    fails(below(LAST_PAGE, 0, P), Status::INVALID_ARGS)?;
    let next = ok(below(2 * P, 4 * P, 1))?;
    same((next.base(), next.read8(0)), (base + P, 5))?;
    drop(one);
    let gap = ok(below(8 * P, 5 * P, P))?;
    same((gap.base(), gap.read8(0)), (base, 6))?;
    drop(gap);
    let region = ok(Nest::new(nest.value(), PLAIN | LIMIT, 4 * P, 2 * P))?;
    same(region.span.base(), base + 2 * P)?;
    fails(
        refused(nest.value(), PLAIN | LIMIT, 5 * P, 2 * P),
        Status::NO_RESOURCES,
    )?;
    drop(next);
    Ok(())
}
