//! `zx_vmo_set_size`, `zx_vmo_get_stream_size`, `zx_vmo_set_stream_size`, and mappings that end where
//! the stream does.

use crate::commit::{bytes_are, committed, number_pages, op};
use crate::env::{Env, P, READ_WRITE};
use crate::kit::{self, H};
use crate::{
    Outcome, Scenario,
    check::{fails, ok, same},
};
use jacinth_abi::limits::MAX_VMO_SIZE;
use jacinth_abi::{Property, Rights, Status, VmOptions, VmoChildOptions, VmoOp, VmoOptions};
use zx::sys::{self, Answer};

const RESIZABLE: u32 = VmoOptions::RESIZABLE.bits();
const STREAM: VmOptions = READ_WRITE
    .union(VmOptions::ALLOW_FAULTS)
    .union(VmOptions::FAULT_BEYOND_STREAM_SIZE);

pub(crate) const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "set_size",
        rows: &["vmo:249", "vmo:251", "vmo:253"],
        run: set_size_works,
    },
    Scenario {
        name: "set_size_refused",
        rows: &["vmo:238", "vmo:248", "vmo:250"],
        run: set_size_refused,
    },
    Scenario {
        name: "set_size_is_seen_in_mappings",
        rows: &[],
        run: seen_in_mappings,
    },
    Scenario {
        name: "set_size_of_relatives",
        rows: &[],
        run: of_relatives,
    },
    Scenario {
        name: "set_size_of_many_pages",
        rows: &[],
        run: of_many_pages,
    },
    Scenario {
        name: "stream_size",
        rows: &[],
        run: stream_size,
    },
    Scenario {
        name: "stream_size_refused",
        rows: &[],
        run: stream_size_refused,
    },
    Scenario {
        name: "stream_size_ends_mappings",
        rows: &["vmar:231", "vmar:232", "vmar:234"],
        run: stream_size_ends_mappings,
    },
];

fn set_size(vmo: &H, size: u64) -> Answer {
    sys::vmo_set_size(vmo.value(), size)
}

fn set_stream(vmo: &H, size: u64) -> Answer {
    sys::vmo_set_stream_size(vmo.value(), size)
}

/// Size, stream size, and content size.
#[track_caller]
fn sizes_are(vmo: &H, size: u64, stream: u64) -> Outcome {
    let mut by_call = [0xee; 8];
    ok(sys::vmo_get_stream_size(vmo.value(), &mut by_call))?;
    same(
        (
            ok(kit::get_size(vmo.value()))?,
            u64::from_le_bytes(by_call),
            ok(kit::content_size(vmo.value()))?,
        ),
        (size, stream, stream),
    )
}

fn set_size_works(_: &mut Env) -> Outcome {
    let vmo = ok(kit::vmo_create(4 * P, RESIZABLE))?;
    number_pages(&vmo, 4)?;
    ok(kit::write(vmo.value(), &[7; 2], 2 * P))?;
    ok(set_size(&vmo, 2 * P + 1))?;
    sizes_are(&vmo, 3 * P, 2 * P + 1)?;
    same(committed(&vmo)?, 3 * P)?;
    bytes_are(&vmo, &[(0, 1), (P, 2), (2 * P, 7), (2 * P + 1, 0)])?;
    fails(
        kit::read(vmo.value(), &mut [0], 3 * P),
        Status::OUT_OF_RANGE,
    )?;
    ok(set_size(&vmo, P))?;
    same(committed(&vmo)?, P)?;
    ok(set_size(&vmo, 4 * P))?;
    sizes_are(&vmo, 4 * P, 4 * P)?;
    bytes_are(&vmo, &[(0, 1), (P, 0), (2 * P, 0), (3 * P, 0)])?;
    ok(set_size(&vmo, 0))?;
    sizes_are(&vmo, 0, 0)?;
    same(committed(&vmo)?, 0)?;
    ok(set_size(&vmo, 1))?;
    sizes_are(&vmo, P, 1)?;
    bytes_are(&vmo, &[(0, 0)])?;
    fails(set_size(&vmo, u64::MAX), Status::OUT_OF_RANGE)?;
    fails(set_size(&vmo, MAX_VMO_SIZE + 1), Status::OUT_OF_RANGE)?;
    sizes_are(&vmo, P, 1)?;
    ok(set_size(&vmo, MAX_VMO_SIZE))?;
    ok(set_size(&vmo, P))
}

fn set_size_refused(env: &mut Env) -> Outcome {
    let fixed = env.paged(2)?;
    let unbounded = ok(kit::vmo_create(P, VmoOptions::UNBOUNDED.bits()))?;
    sizes_are(&unbounded, MAX_VMO_SIZE, P)?;
    let slice = ok(kit::slice(fixed.value(), 0, P))?;
    for vmo in [&fixed, &unbounded, &slice] {
        for size in [0, P, 2 * P, MAX_VMO_SIZE + 1 - P] {
            fails(set_size(vmo, size), Status::UNAVAILABLE)?;
        }
        // Rounding comes first.
        fails(set_size(vmo, u64::MAX), Status::OUT_OF_RANGE)?;
    }
    let vmo = ok(kit::vmo_create(P, RESIZABLE))?;
    let no_resize = env.without(&vmo, Rights::RESIZE)?;
    let no_write = env.without(&vmo, Rights::WRITE)?;
    for size in [0, u64::MAX] {
        fails(set_size(&no_resize, size), Status::ACCESS_DENIED)?;
        fails(set_size(&no_write, size), Status::ACCESS_DENIED)?;
    }
    fails(sys::vmo_set_size(0, P), Status::BAD_HANDLE)?;
    fails(
        sys::vmo_set_size(env.handles.process, P),
        Status::WRONG_TYPE,
    )?;
    let physical = env.physical(1)?;
    fails(set_size(&physical, u64::MAX), Status::UNAVAILABLE)
}

fn seen_in_mappings(env: &mut Env) -> Outcome {
    let vmo = ok(kit::vmo_create(4 * P, RESIZABLE))?;
    let first = ok(env.map(&vmo, READ_WRITE | VmOptions::ALLOW_FAULTS, 4 * P))?;
    let second = ok(kit::map(
        env.handles.vmar,
        READ_WRITE,
        0,
        vmo.value(),
        2 * P,
        2 * P,
    ))?;
    for page in 0..4 {
        first.write64(page * P, page + 1);
    }
    same((second.read64(0), second.read64(P)), (3, 4))?;
    ok(set_size(&vmo, 2 * P + 16))?;
    same((first.read64(2 * P), second.read64(0)), (3, 3))?;
    for page in [first.address(3 * P), second.address(P)] {
        fails(kit::can_read(env, page), Status::OUT_OF_RANGE)?;
    }
    ok(set_size(&vmo, P))?;
    fails(kit::can_read(env, second.address(0)), Status::OUT_OF_RANGE)?;
    same(first.read64(0), 1)?;
    ok(set_size(&vmo, 4 * P))?;
    // The mappings are still there, and what comes back is new.
    same((first.read64(2 * P), second.read64(P)), (0, 0))?;
    second.write64(P, 9);
    same(first.read64(3 * P), 9)
}

fn of_relatives(_: &mut Env) -> Outcome {
    let vmo = ok(kit::vmo_create(2 * P, RESIZABLE))?;
    number_pages(&vmo, 2)?;
    let options = VmoChildOptions::REFERENCE | VmoChildOptions::RESIZABLE;
    let reference = ok(kit::create_child(vmo.value(), options, 0, 0))?;
    ok(set_size(&reference, P + 1))?;
    sizes_are(&vmo, 2 * P, P + 1)?;
    ok(set_size(&vmo, 3 * P))?;
    sizes_are(&reference, 3 * P, 3 * P)?;
    bytes_are(&reference, &[(P, 2), (2 * P, 0)])?;
    let fixed = ok(kit::create_child(
        vmo.value(),
        VmoChildOptions::REFERENCE,
        0,
        0,
    ))?;
    fails(set_size(&fixed, P), Status::UNAVAILABLE)?;
    drop((reference, fixed));

    let options = VmoChildOptions::SNAPSHOT | VmoChildOptions::RESIZABLE;
    let clone = ok(kit::create_child(vmo.value(), options, 0, 2 * P))?;
    ok(set_size(&vmo, P))?;
    bytes_are(&clone, &[(0, 1), (P, 2)])?;
    ok(set_size(&clone, 1))?;
    ok(set_size(&clone, 3 * P))?;
    bytes_are(&clone, &[(0, 1), (P, 0), (2 * P, 0)])?;
    ok(set_size(&vmo, 2 * P))?;
    bytes_are(&vmo, &[(0, 1), (P, 0)])?;
    // A copy of what is left of a page is zeroed, not the page that is common.
    ok(kit::write(vmo.value(), &[5; 8], 0))?;
    let late = ok(kit::create_child(vmo.value(), options, 0, P))?;
    ok(set_size(&vmo, 4))?;
    bytes_are(&late, &[(3, 5), (4, 5)])?;
    bytes_are(&vmo, &[(3, 5), (4, 0)])
}

fn of_many_pages(env: &mut Env) -> Outcome {
    let pages = env.rounds(1000, 150) as u64;
    let vmo = ok(kit::vmo_create(pages * P, RESIZABLE))?;
    number_pages(&vmo, 3)?;
    ok(op(&vmo, VmoOp::Commit, 0, pages * P))?;
    for page in [64, 65, pages - 1] {
        ok(kit::write(vmo.value(), &[1], page * P))?;
    }
    let place = ok(env.map(&vmo, READ_WRITE | VmOptions::MAP_RANGE, pages * P))?;
    ok(set_size(&vmo, 3 * P))?;
    same(committed(&vmo)?, 3 * P)?;
    ok(set_size(&vmo, pages * P))?;
    for page in [2, 3, 64, 65, pages - 1] {
        let expected = if page < 3 { page + 1 } else { 0 };
        same(place.read64(page * P), expected)?;
    }
    Ok(())
}

fn stream_size(env: &mut Env) -> Outcome {
    let vmo = ok(kit::vmo_create(3 * P - 100, 0))?;
    sizes_are(&vmo, 3 * P, 3 * P - 100)?;
    number_pages(&vmo, 3)?;
    ok(kit::write(vmo.value(), &[8; 4], P + 100))?;
    let place = ok(env.map(&vmo, READ_WRITE, 3 * P))?;
    same(place.read64(2 * P), 3)?;
    ok(set_stream(&vmo, P + 102))?;
    sizes_are(&vmo, 3 * P, P + 102)?;
    bytes_are(&vmo, &[(P, 2), (P + 101, 8), (P + 102, 0), (2 * P, 0)])?;
    same(place.read64(2 * P), 0)?;
    // What was written behind the end is not there when the end moves over it.
    ok(kit::write(vmo.value(), &[6], 2 * P + 5))?;
    ok(set_stream(&vmo, 3 * P))?;
    sizes_are(&vmo, 3 * P, 3 * P)?;
    bytes_are(&vmo, &[(P + 101, 8), (2 * P + 5, 0)])?;
    let slice = ok(kit::slice(vmo.value(), P, P))?;
    sizes_are(&slice, P, P)?;
    ok(set_stream(&slice, 0))?;
    sizes_are(&vmo, 3 * P, 3 * P)?;
    bytes_are(&vmo, &[(0, 1), (P, 0), (P + 101, 0)])?;
    let reference = ok(kit::create_child(
        vmo.value(),
        VmoChildOptions::REFERENCE,
        0,
        0,
    ))?;
    ok(set_stream(&reference, 9))?;
    sizes_are(&vmo, 3 * P, 9)
}

fn stream_size_refused(env: &mut Env) -> Outcome {
    let vmo = env.paged(2)?;
    fails(set_stream(&vmo, 2 * P + 1), Status::OUT_OF_RANGE)?;
    // The property may be anything, and names the same number.
    let beyond = (3 * P).to_le_bytes();
    let property = Property::VmoContentSize;
    ok(kit::set_property(vmo.value(), property, &beyond))?;
    sizes_are(&vmo, 2 * P, 3 * P)?;
    ok(set_stream(&vmo, 2 * P))?;
    sizes_are(&vmo, 2 * P, 2 * P)?;
    let no_write = env.without(&vmo, Rights::WRITE)?;
    fails(set_stream(&no_write, 0), Status::ACCESS_DENIED)?;
    let nothing = ok(kit::duplicate(vmo.value(), 0))?;
    let mut size = [0; 8];
    ok(sys::vmo_get_stream_size(nothing.value(), &mut size))?;
    fails(
        sys::vmo_get_stream_size(vmo.value(), zx::Address::NULL),
        Status::INVALID_ARGS,
    )?;
    fails(sys::vmo_set_stream_size(0, 0), Status::BAD_HANDLE)?;
    fails(sys::vmo_get_stream_size(0, &mut size), Status::BAD_HANDLE)?;
    fails(
        sys::vmo_get_stream_size(env.handles.process, &mut size),
        Status::WRONG_TYPE,
    )?;
    let physical = env.physical(1)?;
    sizes_are(&physical, P, P)?;
    fails(set_stream(&physical, 0), Status::NOT_SUPPORTED)?;
    fails(set_stream(&physical, 2 * P), Status::NOT_SUPPORTED)?;
    sizes_are(&physical, P, P)?;
    ok(kit::write(vmo.value(), &[1], P))?;
    ok(kit::set_cache_policy(vmo.value(), 1))?;
    fails(set_stream(&vmo, P), Status::BAD_STATE)
}

fn stream_size_ends_mappings(env: &mut Env) -> Outcome {
    let vmo = ok(kit::vmo_create(4 * P, 0))?;
    number_pages(&vmo, 4)?;
    ok(set_stream(&vmo, P + 1))?;
    let place = ok(env.map(&vmo, STREAM, 4 * P))?;
    let behind = ok(kit::map(env.handles.vmar, STREAM, 0, vmo.value(), 2 * P, P))?;
    let plain = ok(env.map(&vmo, READ_WRITE, 4 * P))?;
    same((place.read8(0), place.read8(P)), (1, 2))?;
    for at in [place.address(2 * P), behind.address(0)] {
        fails(kit::can_read(env, at), Status::OUT_OF_RANGE)?;
        fails(kit::can_write(env, at), Status::OUT_OF_RANGE)?;
    }
    same(plain.read8(3 * P), 0)?;
    ok(set_stream(&vmo, 3 * P))?;
    place.write8(2 * P, 7);
    same(behind.read8(0), 7)?;
    fails(
        kit::can_read(env, place.address(3 * P)),
        Status::OUT_OF_RANGE,
    )?;
    ok(set_stream(&vmo, 1))?;
    same(place.read8(0), 1)?;
    for at in [place.address(P), place.address(2 * P), behind.address(0)] {
        fails(kit::can_read(env, at), Status::OUT_OF_RANGE)?;
    }
    same((plain.read8(P), plain.read8(2 * P)), (0, 0))?;
    let offset = place.address(0).raw() - crate::env::ROOT_BASE;
    let again = VmOptions::SPECIFIC | STREAM;
    fails(
        kit::map_raw(env.handles.vmar, again, offset, vmo.value(), 0, P),
        Status::ALREADY_EXISTS,
    )?;
    ok(kit::overwrite(&plain, STREAM, 0, &vmo, 4 * P))?;
    fails(kit::can_read(env, plain.address(P)), Status::OUT_OF_RANGE)
}
