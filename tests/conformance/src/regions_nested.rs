//! Unmapping, changing and destroying what lies in regions of regions (vmar tables I, J and K).

use crate::env::{Env, P, READ_WRITE, ROOT_BASE};
use crate::kit::{self, H};
use crate::nest::{CAN_READ_WRITE, Nest, refused};
use crate::{
    Failure, Outcome, Scenario,
    check::{fails, ok, same},
};
use alloc::vec::Vec;
use jacinth_abi::{Rights, Status, Topic, VmOptions, VmarInfo};
use zx::{Region, sys};

const READ: VmOptions = VmOptions::PERM_READ;
const NONE: VmOptions = VmOptions::empty();

pub(crate) const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "nested_unmap",
        rows: &["vmar:148", "vmar:149", "vmar:150"],
        run: unmap,
    },
    Scenario {
        name: "nested_unmap_op_children",
        rows: &["vmar:151", "vmar:152", "vmar:153"],
        run: unmap_op_children,
    },
    Scenario {
        name: "nested_protect",
        rows: &["vmar:175", "vmar:176", "vmar:177"],
        run: protect,
    },
    Scenario {
        name: "nested_protect_refused",
        rows: &[],
        run: protect_refused,
    },
    Scenario {
        name: "destroyed_region",
        rows: &["vmar:193", "vmar:195", "vmar:196", "vmar:197", "vmar:199"],
        run: destroyed,
    },
    Scenario {
        name: "overwrite_much",
        rows: &["vmar:113", "vmar:115", "vmar:116"],
        run: overwrite_much,
    },
    Scenario {
        name: "deep_regions",
        rows: &[],
        run: deep,
    },
    Scenario {
        name: "wide_regions",
        rows: &[],
        run: wide,
    },
];

/// Two pages mapped at 0 and a region of two pages behind, with two pages mapped in it.
struct Both {
    _vmo: H,
    _place: Region,
    _within: Region,
    inner: Nest,
    outer: Nest,
}

fn both(env: &Env) -> Result<Both, Failure> {
    let vmo = env.paged(2)?;
    let outer = ok(Nest::in_root(env, 8 * P))?;
    let inner = ok(outer.inner(2 * P, 2 * P))?;
    let place = ok(outer.map(READ_WRITE, 0, &vmo, 2 * P))?;
    let within = ok(inner.map(READ_WRITE, 0, &vmo, 2 * P))?;
    within.write64(P, 9);
    Ok(Both {
        _vmo: vmo,
        _place: place,
        _within: within,
        inner,
        outer,
    })
}

/// Checks which pages of a region are there (`1`) and which are not (`0`).
#[track_caller]
fn pattern(env: &Env, nest: &Nest, expected: &str) -> Outcome {
    for (page, mark) in (0..).zip(expected.bytes()) {
        let answer = kit::can_read(env, nest.at(page * P));
        if mark == b'1' {
            ok(answer)?;
        } else {
            fails(answer, Status::NOT_FOUND)?;
        }
    }
    Ok(())
}

fn unmap(env: &mut Env) -> Outcome {
    let both = both(env)?;
    let handle = both.outer.value();
    let unmap = |page: u64, pages: u64| sys::vmar_unmap(handle, both.outer.at(page * P), pages * P);
    for (page, pages) in [(0, 3), (1, 2), (2, 1), (3, 1), (3, 3)] {
        fails(unmap(page, pages), Status::INVALID_ARGS)?;
        pattern(env, &both.outer, "11110000")?;
    }
    ok(unmap(1, 3))?;
    pattern(env, &both.outer, "10000000")?;
    fails(both.inner.vmar.destroy(), Status::BAD_STATE)?;
    // A region in front of a mapping.
    let inner = ok(both.outer.inner(4 * P, 2 * P))?;
    let deeper = ok(inner.inner(0, P))?;
    let vmo = env.paged(2)?;
    let behind = ok(both.outer.map(READ, 6 * P, &vmo, 2 * P))?;
    let below = ok(deeper.map(READ, 0, &vmo, P))?;
    for (page, pages) in [(5, 3), (5, 2), (4, 1)] {
        fails(unmap(page, pages), Status::INVALID_ARGS)?;
        pattern(env, &both.outer, "10001011")?;
    }
    ok(unmap(0, 7))?;
    pattern(env, &both.outer, "00000001")?;
    for gone in [&inner, &deeper] {
        fails(refused(gone.value(), NONE, 0, P), Status::BAD_STATE)?;
    }
    drop((behind, below));
    // The root may do so with all of it, and what is below it alone is not touched.
    let offset = both.outer.span.base() - ROOT_BASE;
    same(both.outer.at(0).raw() - ROOT_BASE, offset)?;
    ok(sys::vmar_unmap(env.handles.vmar, both.outer.at(0), 8 * P))?;
    fails(refused(handle, NONE, 0, P), Status::BAD_STATE)
}

fn unmap_op_children(env: &mut Env) -> Outcome {
    let both = both(env)?;
    let bare = env.without(&both.outer.vmar, Rights::OP_CHILDREN)?;
    let unmap = |handle: u32, page: u64, pages: u64| {
        sys::vmar_unmap(handle, both.outer.at(page * P), pages * P)
    };
    for (page, pages) in [(2, 2), (0, 4), (1, 7), (2, 1)] {
        fails(unmap(bare.value(), page, pages), Status::INVALID_ARGS)?;
    }
    pattern(env, &both.outer, "11110000")?;
    ok(unmap(bare.value(), 1, 1))?;
    ok(unmap(bare.value(), 4, 4))?;
    pattern(env, &both.outer, "10110000")?;
    ok(unmap(both.outer.value(), 0, 8))?;
    pattern(env, &both.outer, "00000000")
}

/// What may be done with a page: `w`, `r`, or `-`.
fn access(env: &Env, nest: &Nest, page: u64) -> char {
    let at = nest.at(page * P + 64);
    match (kit::can_read(env, at), kit::can_write(env, at)) {
        (Ok(()), Ok(())) => 'w',
        (Ok(()), Err(_)) => 'r',
        _ => '-',
    }
}

#[track_caller]
fn accesses(env: &Env, nest: &Nest, expected: &str) -> Outcome {
    let got: Vec<char> = (0..4).map(|page| access(env, nest, page)).collect();
    same(got, expected.chars().collect())
}

fn protect(env: &mut Env) -> Outcome {
    let both = both(env)?;
    let protect = |handle: &Nest, options: VmOptions, page: u64, pages: u64| {
        sys::vmar_protect(handle.value(), options, both.outer.at(page * P), pages * P)
    };
    accesses(env, &both.outer, "wwww")?;
    ok(protect(&both.outer, READ, 3, 1))?;
    accesses(env, &both.outer, "wwwr")?;
    fails(
        protect(&both.outer, READ_WRITE, 3, 1),
        Status::ACCESS_DENIED,
    )?;
    fails(
        protect(&both.outer, READ_WRITE, 0, 4),
        Status::ACCESS_DENIED,
    )?;
    accesses(env, &both.outer, "wwwr")?;
    ok(protect(&both.outer, READ_WRITE, 0, 3))?;
    ok(protect(&both.inner, READ_WRITE, 3, 1))?;
    accesses(env, &both.outer, "wwww")?;
    // Across the border; what is direct may be raised again, what is not may not.
    ok(protect(&both.outer, READ, 1, 2))?;
    accesses(env, &both.outer, "wrrw")?;
    ok(protect(&both.outer, READ_WRITE, 1, 1))?;
    ok(protect(&both.outer, NONE, 1, 3))?;
    accesses(env, &both.outer, "w---")?;
    fails(protect(&both.outer, READ, 2, 1), Status::ACCESS_DENIED)?;
    ok(protect(&both.outer, READ_WRITE, 1, 1))?;
    ok(protect(&both.inner, READ_WRITE, 2, 2))?;
    accesses(env, &both.outer, "wwww")
}

fn protect_refused(env: &mut Env) -> Outcome {
    let both = both(env)?;
    let bare = env.without(&both.outer.vmar, Rights::OP_CHILDREN)?;
    let protect = |handle: u32, options: VmOptions, page: u64, pages: u64| {
        sys::vmar_protect(handle, options, both.outer.at(page * P), pages * P)
    };
    let outer = both.outer.value();
    fails(protect(bare.value(), READ, 2, 2), Status::INVALID_ARGS)?;
    fails(protect(bare.value(), READ, 0, 3), Status::INVALID_ARGS)?;
    ok(protect(bare.value(), READ, 0, 2))?;
    accesses(env, &both.outer, "rrww")?;
    // A gap behind, and an empty region in the way.
    fails(protect(outer, READ, 0, 5), Status::NOT_FOUND)?;
    let empty = ok(both.outer.inner(4 * P, 2 * P))?;
    fails(protect(outer, READ, 2, 3), Status::NOT_FOUND)?;
    fails(protect(outer, READ, 4, 1), Status::NOT_FOUND)?;
    // The first problem from below is told: what comes before it does not matter.
    let vmo = env.paged(1)?;
    let reader = env.without(&vmo, Rights::WRITE)?;
    let never = ok(empty.map(READ, 0, &reader, P))?;
    ok(protect(both.inner.value(), READ, 3, 1))?;
    fails(protect(outer, READ_WRITE, 2, 4), Status::ACCESS_DENIED)?;
    fails(
        protect(bare.value(), READ_WRITE, 4, 1),
        Status::ACCESS_DENIED,
    )?;
    fails(protect(bare.value(), READ, 4, 1), Status::INVALID_ARGS)?;
    fails(
        protect(empty.value(), READ_WRITE, 4, 1),
        Status::ACCESS_DENIED,
    )?;
    accesses(env, &both.outer, "rrwr")?;
    drop(never);
    // A range inside one that is not the handle's.
    fails(
        protect(both.inner.value(), READ, 1, 1),
        Status::INVALID_ARGS,
    )
}

fn destroyed(env: &mut Env) -> Outcome {
    let Both {
        _vmo: vmo,
        inner,
        outer,
        _place: place,
        _within: within,
    } = both(env)?;
    let above = ok(kit::duplicate(env.handles.vmar, Rights::SAME_RIGHTS))?;
    ok(outer.vmar.destroy())?;
    pattern(env, &outer, "00000000")?;
    for dead in [&inner, &outer] {
        let (handle, at) = (dead.value(), dead.at(0));
        fails(refused(handle, CAN_READ_WRITE, 0, P), Status::BAD_STATE)?;
        fails(dead.vmar.destroy(), Status::BAD_STATE)?;
        fails(sys::vmar_unmap(handle, at, P), Status::BAD_STATE)?;
        fails(sys::vmar_protect(handle, READ, at, P), Status::BAD_STATE)?;
        fails(
            kit::map_raw(handle, READ, 0, vmo.value(), 0, P),
            Status::BAD_STATE,
        )?;
        let maps = dead.vmar.maps();
        fails(maps, Status::BAD_STATE)?;
        // Arguments come first.
        fails(sys::vmar_unmap(handle, at, 0), Status::INVALID_ARGS)?;
        fails(
            kit::map_raw(handle, READ, 0, vmo.value(), 1, P),
            Status::INVALID_ARGS,
        )?;
        let info: VmarInfo = ok(kit::info(handle, Topic::VMAR))?;
        same((info.base, info.len), (dead.span.base(), dead.span.bytes()))?;
    }
    drop((place, within));
    let span = outer.span;
    drop((inner, outer));
    // The addresses are the grandparent's again.
    let options = READ_WRITE | VmOptions::SPECIFIC;
    let from = span.base() - ROOT_BASE;
    let place = ok(kit::map(
        above.value(),
        options,
        from,
        vmo.value(),
        0,
        2 * P,
    ))?;
    same(place.read64(P), 9)
}

/// One mapping takes the place of several, of holes between, and of parts at both ends: more entries
/// than go at once.
fn overwrite_much(env: &mut Env) -> Outcome {
    let (old, between, new) = (env.physical(300)?, env.paged(2)?, env.paged(280)?);
    let nest = ok(Nest::in_root(env, 300 * P))?;
    let place = ok(nest.map(READ_WRITE | VmOptions::MAP_RANGE, 0, &old, 300 * P))?;
    ok(place.unmap_part(100 * P, 10 * P))?;
    ok(place.protect(READ, 50 * P, 5 * P))?;
    ok(kit::overwrite(&place, READ, 200 * P, &between, 2 * P))?;
    same(place.read64(201 * P), 0)?;
    for page in [0u64, 89, 90, 99, 100, 279] {
        ok(kit::write(
            new.value(),
            &(1000 + page).to_le_bytes(),
            page * P,
        ))?;
    }
    ok(kit::overwrite(&place, READ_WRITE, 10 * P, &new, 280 * P))?;
    for page in [0, 89, 90, 99, 100, 279] {
        same(place.read64((10 + page) * P), 1000 + page)?;
    }
    place.write64(55 * P, 1);
    let mut stored = [0; 8];
    ok(kit::read(new.value(), &mut stored, 45 * P))?;
    same(u64::from_le_bytes(stored), 1)?;
    let mapped = |vmo: &H| Ok(ok(kit::vmo_info(vmo.value()))?.num_mappings);
    same((mapped(&old)?, mapped(&between)?, mapped(&new)?), (2, 0, 1))?;
    let offsets: Vec<(u64, u64)> = ok(nest.vmar.maps())?
        .iter()
        .skip(1)
        .map(|it| (it.size / P, it.mapping.vmo_offset / P))
        .collect();
    same(offsets, alloc::vec![(10, 0), (280, 0), (10, 290)])
}

/// A chain of regions, each all of the one above it.
fn deep(env: &mut Env) -> Outcome {
    let depth = env.rounds(10_000, 40);
    let vmo = env.paged(2)?;
    let top = ok(Nest::in_root(env, 4 * P))?;
    let mut last = ok(kit::duplicate(top.value(), Rights::SAME_RIGHTS))?;
    let mut middle = None;
    for step in 0..depth {
        let parent = zx::Vmar::from(last);
        let (child, _) = ok(parent.allocate(crate::nest::PLAIN, 0, 4 * P))?;
        if step == depth / 2 {
            middle = Some(ok(kit::duplicate(parent.value(), Rights::SAME_RIGHTS))?);
        }
        last = child.into();
    }
    let options = READ_WRITE | VmOptions::SPECIFIC;
    let place = ok(kit::map(last.value(), options, P, vmo.value(), 0, 2 * P))?;
    place.write64(0, 7);
    same(place.read64(0), 7)?;
    pattern(env, &top, "0110")?;
    let second =
        |handle: u32, options: VmOptions| sys::vmar_protect(handle, options, top.at(2 * P), P);
    ok(second(top.value(), READ))?;
    fails(second(top.value(), READ_WRITE), Status::ACCESS_DENIED)?;
    accesses(env, &top, "-wr-")?;
    ok(second(last.value(), READ_WRITE))?;
    accesses(env, &top, "-ww-")?;
    fails(
        sys::vmar_unmap(top.value(), top.at(P), P),
        Status::INVALID_ARGS,
    )?;
    // The lower half, then the rest.
    if let Some(middle) = middle {
        ok(sys::vmar_unmap(middle.value(), top.at(0), 4 * P))?;
        pattern(env, &top, "0000")?;
        fails(sys::vmar_destroy(last.value()), Status::BAD_STATE)?;
        drop(ok(kit::map(middle.value(), READ, 0, vmo.value(), 0, P))?);
        ok(top.vmar.destroy())?;
        fails(sys::vmar_destroy(middle.value()), Status::BAD_STATE)?;
    }
    Ok(())
}

/// Many regions side by side, each with a mapping.
fn wide(env: &mut Env) -> Outcome {
    let count = env.rounds(4_000, 40) as u64;
    let vmo = env.paged(1)?;
    let top = ok(Nest::in_root(env, 2 * count * P))?;
    for number in 0..count {
        let inner = core::mem::ManuallyDrop::new(ok(top.inner(2 * number * P, P))?);
        core::mem::forget(ok(inner.map(READ_WRITE, 0, &vmo, P))?);
        if number % 2 == 0 {
            ok(sys::handle_close(inner.value()))?;
        } else if number % 3 == 0 {
            ok(inner.vmar.destroy())?;
            ok(sys::handle_close(inner.value()))?;
        } else {
            let inner = core::mem::ManuallyDrop::into_inner(inner);
            drop(inner);
        }
    }
    pattern(env, &top, "1000")?;
    let all = |options| sys::vmar_protect(top.value(), options, top.at(0), P);
    ok(all(READ))?;
    fails(
        sys::vmar_protect(top.value(), READ, top.at(0), 2 * count * P),
        Status::NOT_FOUND,
    )?;
    ok(sys::vmar_unmap(top.value(), top.at(0), 2 * count * P))?;
    pattern(env, &top, "0000")?;
    drop(ok(top.map(READ, 0, &vmo, P))?);
    same(ok(kit::vmo_info(vmo.value()))?.num_mappings, 0)
}
