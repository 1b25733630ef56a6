//! `zx_vmar_unmap` and `zx_vmar_protect` on the root region (vmar tables I and J). What an access
//! meets is asked with a kernel copy, which reports a fault's status instead of ending the program.

use crate::env::{Env, P, READ_WRITE};
use crate::kit::{self, H};
use crate::{
    Failure, Outcome, Scenario,
    check::{fails, ok, same},
};
use jacinth_abi::{Rights, Status, VmOptions};
use zx::{Address, Region};

const READ: VmOptions = VmOptions::PERM_READ;
const NONE: VmOptions = VmOptions::empty();

pub(crate) const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "unmap_parts",
        rows: &["vmar:133", "vmar:134", "vmar:135", "vmar:136", "vmar:154"],
        run: unmap_parts,
    },
    Scenario {
        name: "unmap_bad_ranges",
        rows: &["vmar:138", "vmar:139", "vmar:141"],
        run: unmap_bad_ranges,
    },
    Scenario {
        name: "unmap_gaps",
        rows: &["vmar:142", "vmar:143", "vmar:144", "vmar:145", "vmar:146"],
        run: unmap_gaps,
    },
    Scenario {
        name: "unmap_without_op_children",
        rows: &["vmar:152"],
        run: unmap_without_op_children,
    },
    Scenario {
        name: "protect_parts",
        rows: &["vmar:161", "vmar:162", "vmar:163"],
        run: protect_parts,
    },
    Scenario {
        name: "protect_bad_arguments",
        rows: &["vmar:65", "vmar:66", "vmar:67", "vmar:164", "vmar:166"],
        run: protect_bad_arguments,
    },
    Scenario {
        name: "protect_several",
        rows: &["vmar:169", "vmar:170", "vmar:172"],
        run: protect_several,
    },
    Scenario {
        name: "protect_none",
        rows: &["vmar:179", "vmar:180", "vmo:223"],
        run: protect_none,
    },
    Scenario {
        name: "protect_is_honoured",
        rows: &["vmar:187", "vmar:190", "vmar:191", "vmo:222"],
        run: protect_is_honoured,
    },
    Scenario {
        name: "protect_read_if_xom",
        rows: &["vmar:192"],
        run: protect_read_if_xom,
    },
    Scenario {
        name: "unmap_forgets_translations",
        rows: &[],
        run: forgets_translations,
    },
];

/// Four pages, each beginning with its number.
fn four_pages(env: &Env) -> Result<(H, Region), Failure> {
    let vmo = env.paged(4)?;
    let place = ok(env.map(&vmo, READ_WRITE, 4 * P))?;
    for page in 0..4 {
        place.write64(page * P, page);
    }
    Ok((vmo, place))
}

/// Checks which pages are there (`1`) and which are not (`0`).
#[track_caller]
fn pattern(env: &Env, place: &Region, expected: &str) -> Outcome {
    for (page, mark) in (0..).zip(expected.bytes()) {
        let answer = kit::can_read(env, place.address(page * P));
        if mark == b'1' {
            ok(answer)?;
        } else {
            fails(answer, Status::NOT_FOUND)?;
        }
    }
    Ok(())
}

fn unmap_parts(env: &mut Env) -> Outcome {
    let new = env.paged(1)?;
    ok(kit::write(new.value(), &99u64.to_le_bytes(), 0))?;
    for (offset, pages, expected) in [
        (0, 2, "0011"),
        (2 * P, 2, "1100"),
        (P, 2, "1001"),
        (2 * P, 1, "1101"),
    ] {
        let (_vmo, place) = four_pages(env)?;
        ok(place.unmap_part(offset, pages * P))?;
        pattern(env, &place, expected)?;
        for (page, mark) in (0..).zip(expected.bytes()) {
            if mark == b'1' {
                same(place.read64(page * P), page)?;
            }
        }
        let from_root = place.base() + offset - crate::env::ROOT_BASE;
        let options = READ | VmOptions::SPECIFIC;
        let filled = ok(kit::map(
            env.handles.vmar,
            options,
            from_root,
            new.value(),
            0,
            P,
        ))?;
        same(filled.read64(0), 99)?;
        same(place.read64(offset), 99)?;
    }
    Ok(())
}

fn unmap_bad_ranges(env: &mut Env) -> Outcome {
    let (_vmo, place) = four_pages(env)?;
    let vmar = env.handles.vmar;
    let unmap = |at: Address, len: u64| zx::sys::vmar_unmap(vmar, at, len);
    fails(unmap(place.address(1), P), Status::INVALID_ARGS)?;
    fails(unmap(place.address(0), 0), Status::INVALID_ARGS)?;
    fails(unmap(place.address(0), u64::MAX), Status::INVALID_ARGS)?;
    fails(unmap(Address::NULL, P), Status::INVALID_ARGS)?;
    fails(unmap(Address::KERNEL, P), Status::INVALID_ARGS)?;
    fails(unmap(place.address(0), 1 << 60), Status::INVALID_ARGS)?;
    pattern(env, &place, "1111")?;
    ok(unmap(place.address(3 * P), 1))?;
    pattern(env, &place, "1110")
}

fn unmap_gaps(env: &mut Env) -> Outcome {
    let (vmo, place) = four_pages(env)?;
    ok(place.unmap_part(0, 2 * P))?;
    ok(place.unmap_part(0, 2 * P))?;
    pattern(env, &place, "0011")?;
    ok(place.unmap_part(P, 2 * P))?;
    pattern(env, &place, "0001")?;
    drop(place);
    let (_vmo, place) = four_pages(env)?;
    ok(kit::overwrite(&place, READ, 2 * P, &vmo, 2 * P))?;
    ok(place.unmap_part(P, 2 * P))?;
    pattern(env, &place, "1001")?;
    same(place.read64(3 * P), 1)?;
    drop(place);
    let (_vmo, place) = four_pages(env)?;
    ok(place.unmap_part(P, 2 * P))?;
    ok(place.unmap_part(0, 4 * P))?;
    pattern(env, &place, "0000")
}

fn unmap_without_op_children(env: &mut Env) -> Outcome {
    let (_vmo, place) = four_pages(env)?;
    let bare = ok(kit::duplicate(env.handles.vmar, 0))?;
    ok(zx::sys::vmar_unmap(bare.value(), place.address(0), P))?;
    pattern(env, &place, "0111")
}

/// Checks which pages are readable and writable (`w`), only readable (`r`), or neither (`-`).
#[track_caller]
fn permissions(env: &Env, place: &Region, expected: &str) -> Outcome {
    for (page, mark) in (0..).zip(expected.bytes()) {
        let at = place.address(page * P + 64);
        let (can_read, can_write) = (kit::can_read(env, at), kit::can_write(env, at));
        match mark {
            b'w' => ok(can_read.and(can_write))?,
            b'r' => {
                ok(can_read)?;
                fails(can_write, Status::ACCESS_DENIED)?;
            }
            _ => {
                fails(can_read, Status::ACCESS_DENIED)?;
                fails(can_write, Status::ACCESS_DENIED)?;
            }
        }
    }
    Ok(())
}

fn protect_parts(env: &mut Env) -> Outcome {
    for (offset, expected) in [(0, "rrww"), (2 * P, "wwrr"), (P, "wrrw")] {
        let (_vmo, place) = four_pages(env)?;
        ok(place.protect(READ, offset, 2 * P))?;
        permissions(env, &place, expected)?;
        ok(place.protect(READ_WRITE, 0, 4 * P))?;
        permissions(env, &place, "wwww")?;
        same(place.read64(2 * P), 2)?;
    }
    let vmo = env.paged(4)?;
    let place = ok(env.map(&vmo, READ, 4 * P))?;
    permissions(env, &place, "rrrr")?;
    ok(place.protect(READ_WRITE, 0, 4 * P - 1))?;
    permissions(env, &place, "wwww")
}

fn protect_bad_arguments(env: &mut Env) -> Outcome {
    let (_vmo, place) = four_pages(env)?;
    let vmar = env.handles.vmar;
    for wrong in [
        VmOptions::PERM_WRITE,
        READ | VmOptions::CAN_MAP_WRITE,
        READ | VmOptions::SPECIFIC,
        READ | VmOptions::MAP_RANGE,
        READ | VmOptions::from_bits_retain(1 << 31),
        READ.with_alignment(16),
    ] {
        fails(place.protect(wrong, 0, P), Status::INVALID_ARGS)?;
    }
    fails(
        zx::sys::vmar_protect(vmar, READ, place.address(1), P),
        Status::INVALID_ARGS,
    )?;
    for offset in [0, P] {
        fails(place.protect(READ, offset, 0), Status::INVALID_ARGS)?;
        fails(place.protect(READ, offset, u64::MAX), Status::INVALID_ARGS)?;
    }
    fails(
        zx::sys::vmar_protect(vmar, READ, Address::NULL, P),
        Status::INVALID_ARGS,
    )?;
    fails(
        zx::sys::vmar_protect(vmar, READ, Address::KERNEL, P),
        Status::INVALID_ARGS,
    )?;
    let reader = ok(kit::duplicate(vmar, Rights::READ.bits()))?;
    let denied = zx::sys::vmar_protect(reader.value(), READ_WRITE, place.address(1), 0);
    fails(denied, Status::ACCESS_DENIED)?;
    permissions(env, &place, "wwww")
}

fn protect_several(env: &mut Env) -> Outcome {
    let vmo = env.paged(4)?;
    let reader = env.without(&vmo, Rights::WRITE)?;
    let place = ok(env.map(&vmo, READ, 4 * P))?;
    ok(kit::overwrite(&place, READ, P, &reader, P))?;
    fails(place.protect(READ_WRITE, 0, 4 * P), Status::ACCESS_DENIED)?;
    permissions(env, &place, "rrrr")?;
    ok(place.protect(NONE, 0, 4 * P))?;
    permissions(env, &place, "----")?;
    ok(place.protect(READ, 0, 4 * P))?;
    ok(place.unmap_part(2 * P, P))?;
    fails(place.protect(READ, 0, 4 * P), Status::NOT_FOUND)?;
    fails(place.protect(READ, P, 2 * P), Status::NOT_FOUND)?;
    fails(place.protect(READ, 2 * P, P), Status::NOT_FOUND)?;
    fails(place.protect(READ_WRITE, P, 2 * P), Status::ACCESS_DENIED)?;
    ok(place.protect(READ_WRITE, 3 * P, P))
}

fn protect_none(env: &mut Env) -> Outcome {
    let (_vmo, place) = four_pages(env)?;
    ok(place.protect(NONE, P, 2 * P))?;
    permissions(env, &place, "w--w")?;
    ok(place.protect(READ, P, 2 * P))?;
    permissions(env, &place, "wrrw")?;
    same((place.read64(P), place.read64(2 * P)), (1, 2))?;
    drop(place);
    let vmo = env.paged(4)?;
    let place = ok(env.map(&vmo, NONE, 4 * P))?;
    permissions(env, &place, "----")?;
    ok(place.protect(READ_WRITE, 0, 4 * P))?;
    permissions(env, &place, "wwww")
}

fn protect_is_honoured(env: &mut Env) -> Outcome {
    let vmo = env.paged(64)?;
    let place = ok(env.map(&vmo, READ_WRITE, 64 * P))?;
    ok(place.protect(READ, 8 * P, 8 * P))?;
    place.write64(7 * P, 1);
    place.write64(16 * P, 1);
    same(place.read64(8 * P), 0)?;
    fails(
        kit::can_write(env, place.address(8 * P)),
        Status::ACCESS_DENIED,
    )?;
    fails(
        kit::can_write(env, place.address(16 * P - 1)),
        Status::ACCESS_DENIED,
    )?;
    let other = env.paged(1)?;
    ok(kit::write(other.value(), &[0xff; 8], 0))?;
    fails(
        kit::read_to(other.value(), place.address(9 * P), 0, 8),
        Status::ACCESS_DENIED,
    )?;
    same(place.read64(9 * P), 0)
}

fn protect_read_if_xom(env: &mut Env) -> Outcome {
    let vmo = env.physical(1)?;
    let place = ok(env.map(&vmo, READ, P))?;
    ok(place.protect(
        VmOptions::PERM_EXECUTE | VmOptions::PERM_READ_IF_XOM_UNSUPPORTED,
        0,
        P,
    ))
}

/// What was touched before it is unmapped and replaced must be seen anew.
fn forgets_translations(env: &mut Env) -> Outcome {
    let (old, new) = (env.paged(4)?, env.paged(4)?);
    let place = ok(env.map(&old, READ_WRITE, 4 * P))?;
    for round in 0..4 {
        for page in 0..4 {
            place.write64(page * P, round * 4 + page);
        }
        let other = if round % 2 == 0 { &new } else { &old };
        ok(kit::write(other.value(), &777u64.to_le_bytes(), 2 * P))?;
        ok(kit::overwrite(&place, READ_WRITE, 0, other, 4 * P))?;
        same(place.read64(2 * P), 777)?;
    }
    Ok(())
}
