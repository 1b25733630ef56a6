//! Children of VMOs in less usual company: which fault is told first, what a child inherits, and
//! what becomes of the family's caches, counts and signals (vmo.md §14 to §20).

use crate::env::{Env, LAST_PAGE, P, READ_WRITE};
use crate::kit::{self, H, childless, create_child, has_children};
use crate::{
    Outcome, Scenario,
    check::{fails, holds, ok, same},
};
use jacinth_abi::limits::MAX_VMO_SIZE;
use jacinth_abi::{
    Property, Rights, Signals, Status, VmOptions, VmoChildOptions, VmoInfoFlags, VmoOptions,
};

const SLICE: VmoChildOptions = VmoChildOptions::SLICE;
const REFERENCE: VmoChildOptions = VmoChildOptions::REFERENCE;
const SNAPSHOT: VmoChildOptions = VmoChildOptions::SNAPSHOT;
const RESIZABLE: VmoChildOptions = VmoChildOptions::RESIZABLE;
const NO_WRITE: VmoChildOptions = VmoChildOptions::NO_WRITE;
const MODIFIED: VmoChildOptions = VmoChildOptions::SNAPSHOT_MODIFIED;
const UNKNOWN: VmoChildOptions = VmoChildOptions::from_bits_retain(1 << 9);
const DENIED: Status = Status::ACCESS_DENIED;
const INVALID: Status = Status::INVALID_ARGS;

pub(crate) const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "child_first_fault",
        rows: &[],
        run: first_fault,
    },
    Scenario {
        name: "child_first_fault_of_parent",
        rows: &[],
        run: first_fault_of_parent,
    },
    Scenario {
        name: "child_far_windows",
        rows: &[],
        run: far_windows,
    },
    Scenario {
        name: "child_names_and_sizes",
        rows: &[],
        run: names_and_sizes,
    },
    Scenario {
        name: "child_rights_of_each_kind",
        rows: &[],
        run: rights,
    },
    Scenario {
        name: "child_cache_policy",
        rows: &[],
        run: cache_policy,
    },
    Scenario {
        name: "child_of_child",
        rows: &[],
        run: of_child,
    },
    Scenario {
        name: "child_kept_by_a_region",
        rows: &[],
        run: kept_by_region,
    },
];

/// A child that must not be made.
#[track_caller]
fn no(parent: u32, options: VmoChildOptions, offset: u64, size: u64, first: Status) -> Outcome {
    fails(create_child(parent, options, offset, size), first)
}

/// Of two faults the one that vmo.md §15 looks for first is told: steps 1 to 3.
fn first_fault(env: &mut Env) -> Outcome {
    const RANGE: Status = Status::OUT_OF_RANGE;
    let vmo = env.paged(2)?;
    let discardable = ok(kit::vmo_create(P, VmoOptions::DISCARDABLE.bits()))?;
    let weak = env.without(&vmo, Rights::READ)?.into_value();
    let weak_discardable = env.without(&discardable, Rights::DUPLICATE)?;
    let (gone, root) = (kit::closed_handle()?, env.handles.vmar);
    let both = NO_WRITE | RESIZABLE;
    // 1: a size that cannot be rounded, before anything else.
    no(gone, SNAPSHOT, 0, u64::MAX, RANGE)?;
    no(gone, SNAPSHOT | both, 0, u64::MAX, RANGE)?;
    no(root, UNKNOWN, 0, LAST_PAGE + 1, RANGE)?;
    no(gone, REFERENCE, 0, u64::MAX, RANGE)?;
    // 2: NO_WRITE with RESIZABLE, before the handle.
    no(gone, SNAPSHOT | both, 0, P, INVALID)?;
    no(root, both, 0, P, INVALID)?;
    // 3: the handle, its type, its rights.
    no(gone, UNKNOWN, 1, P, Status::BAD_HANDLE)?;
    no(root, UNKNOWN, 1, P, Status::WRONG_TYPE)?;
    no(weak, UNKNOWN, 1, P, DENIED)?;
    no(weak_discardable.value(), UNKNOWN, 1, P, DENIED)?;
    no(discardable.value(), REFERENCE | RESIZABLE, 1, P, DENIED)?;
    ok(zx::sys::handle_close(weak))?;
    childless(&vmo)?;
    childless(&discardable)
}

/// Steps 4 to 6, and the place of the result.
fn first_fault_of_parent(env: &mut Env) -> Outcome {
    let (paged, physical) = (env.paged(2)?, env.physical(2)?);
    let spare = ok(kit::vmo_create(P, VmoOptions::DISCARDABLE.bits()))?;
    let (vmo, device, discardable) = (paged.value(), physical.value(), spare.value());
    let too_large = MAX_VMO_SIZE + P;
    // 4: discardable, before the options.
    no(discardable, UNKNOWN, 1, P, Status::NOT_SUPPORTED)?;
    no(discardable, SLICE | SNAPSHOT, 1, P, Status::NOT_SUPPORTED)?;
    // 5: options, before what the type asks.
    no(device, UNKNOWN, 0, P, INVALID)?;
    no(device, SNAPSHOT | UNKNOWN, 0, P, INVALID)?;
    no(device, SNAPSHOT | SLICE, 0, P, INVALID)?;
    no(device, SLICE | NO_WRITE, 0, P, INVALID)?;
    no(vmo, SLICE | RESIZABLE, 0, too_large, INVALID)?;
    no(vmo, MODIFIED | SNAPSHOT, 0, P, INVALID)?;
    no(vmo, NO_WRITE, 0, P, INVALID)?;
    no(vmo, VmoChildOptions::empty(), 0, P, INVALID)?;
    // 6: an offset before a size, a size before the window.
    no(vmo, SLICE, 1, too_large, INVALID)?;
    no(vmo, SLICE, 3 * P, too_large, Status::OUT_OF_RANGE)?;
    no(vmo, SNAPSHOT, 1, too_large, INVALID)?;
    no(device, SNAPSHOT, 1, too_large, Status::NOT_SUPPORTED)?;
    // A place that cannot be written is the last of all.
    let bad_out = |options: VmoChildOptions, size: u64| {
        zx::sys::vmo_create_child(vmo, options.bits(), 0, size, zx::Address::NULL)
    };
    fails(bad_out(SLICE, too_large), Status::OUT_OF_RANGE)?;
    for kind in [SLICE, SNAPSHOT, MODIFIED | NO_WRITE] {
        fails(bad_out(kind, P), INVALID)?;
    }
    fails(bad_out(REFERENCE, 0), INVALID)?;
    childless(&paged)?;
    childless(&physical)?;
    childless(&spare)
}

/// Windows at the ends of 64 bits, and of nothing at all.
fn far_windows(env: &mut Env) -> Outcome {
    let vmo = env.paged(2)?;
    ok(kit::write(vmo.value(), &[7], P))?;
    for (offset, size) in [(LAST_PAGE, 2 * P), (LAST_PAGE - P, 4 * P), (LAST_PAGE, P)] {
        let child = create_child(vmo.value(), SNAPSHOT, offset, size);
        fails(child, Status::OUT_OF_RANGE)?;
    }
    for (offset, size) in [(LAST_PAGE, P), (LAST_PAGE, 2 * P), (3 * P, 0), (2 * P, 1)] {
        fails(kit::slice(vmo.value(), offset, size), Status::INVALID_ARGS)?;
    }
    // Behind the end of the parent there are zeros, and they are the child's own.
    let far = ok(create_child(vmo.value(), SNAPSHOT, MAX_VMO_SIZE - P, 2 * P))?;
    let mut found = [1; 2];
    ok(kit::read(far.value(), &mut found, P - 1))?;
    same(found, [0; 2])?;
    ok(kit::write(far.value(), &[5; 2], P - 1))?;
    ok(kit::read(far.value(), &mut found, P - 1))?;
    same(found, [5; 2])?;
    ok(kit::read(vmo.value(), &mut found, P))?;
    same(found, [7, 0])?;
    let widest = ok(create_child(vmo.value(), SNAPSHOT, P, MAX_VMO_SIZE))?;
    same(ok(kit::get_size(widest.value()))?, MAX_VMO_SIZE)?;
    ok(kit::read(widest.value(), &mut found, 0))?;
    same(found, [7, 0])?;
    ok(kit::write(widest.value(), &[3], MAX_VMO_SIZE - 1))?;
    let again = ok(create_child(widest.value(), SNAPSHOT, MAX_VMO_SIZE - P, P))?;
    ok(kit::read(again.value(), &mut found, P - 2))?;
    same(found, [0, 3])?;
    for kind in [SLICE, SNAPSHOT] {
        let nothing = ok(create_child(vmo.value(), kind, 2 * P, 0))?;
        same(ok(kit::get_size(nothing.value()))?, 0)?;
        same(ok(kit::content_size(nothing.value()))?, 0)?;
        ok(kit::read(nothing.value(), &mut [], 0))?;
        fails(kit::write(nothing.value(), &[1], 0), Status::OUT_OF_RANGE)?;
        let more = create_child(nothing.value(), SLICE, 0, P);
        fails(more, Status::INVALID_ARGS)?;
        // A mapping of nothing is a mapping; touching it is the fault.
        let place = ok(env.map(&nothing, READ_WRITE, P))?;
        fails(kit::can_read(env, place.address(0)), Status::OUT_OF_RANGE)?;
    }
    Ok(())
}

/// A child is named as its parent is when it is made, if the caller may know; its content size is
/// what was asked for, and its own but for references.
fn names_and_sizes(env: &mut Env) -> Outcome {
    let vmo = env.paged(2)?;
    ok(kit::set_name(vmo.value(), b"mother"))?;
    let secret = env.without(&vmo, Rights::GET_PROPERTY)?;
    for (kind, size) in [(SLICE, P + 3), (SNAPSHOT, P + 3), (REFERENCE, 0)] {
        let child = ok(create_child(vmo.value(), kind, 0, size))?;
        same(ok(kit::get_name(child.value()))?, kit::name(b"mother"))?;
        ok(kit::set_name(child.value(), b"child"))?;
        same(ok(kit::get_name(vmo.value()))?, kit::name(b"mother"))?;
        let unnamed = ok(create_child(secret.value(), kind, 0, size))?;
        same(ok(kit::get_name(unnamed.value()))?, kit::name(b""))?;
        let content = ok(kit::content_size(child.value()))?;
        let is_shared = kind == REFERENCE;
        same(content, if is_shared { 2 * P } else { P + 3 })?;
        let bytes = 5u64.to_le_bytes();
        ok(kit::set_property(
            child.value(),
            Property::VmoContentSize,
            &bytes,
        ))?;
        let above = ok(kit::content_size(vmo.value()))?;
        same(above, if is_shared { 5 } else { 2 * P })?;
        same(ok(kit::get_size(child.value()))?, 2 * P)?;
    }
    Ok(())
}

/// vmo.md §15: what the parent's handle has, and the two rights to properties.
fn rights(env: &mut Env) -> Outcome {
    let vmo = env.paged(1)?;
    let may = |parent: &H, options: VmoChildOptions, size: u64| {
        let child = ok(create_child(parent.value(), options, 0, size))?;
        ok(kit::basic(child.value())).map(|info| Rights::from_bits_retain(info.rights))
    };
    let few = Rights::READ | Rights::DUPLICATE;
    for extra in [
        Rights::empty(),
        Rights::MAP,
        Rights::WRITE | Rights::SIGNAL,
        Rights::WAIT | Rights::INSPECT | Rights::TRANSFER,
    ] {
        let all = few | extra;
        let parent = ok(kit::duplicate(vmo.value(), all.bits()))?;
        let same_bytes = all | Rights::PROPERTY;
        same(may(&parent, SLICE, P)?, same_bytes)?;
        same(may(&parent, REFERENCE, 0)?, same_bytes)?;
        same(
            may(&parent, REFERENCE | NO_WRITE, 0)?,
            same_bytes - Rights::WRITE,
        )?;
        same(may(&parent, SNAPSHOT, P)?, same_bytes | Rights::WRITE)?;
        same(
            may(&parent, SNAPSHOT | NO_WRITE, P)?,
            same_bytes - Rights::WRITE,
        )?;
        same(
            may(&parent, MODIFIED | RESIZABLE, P)?,
            same_bytes | Rights::WRITE | Rights::RESIZE,
        )?;
    }
    // RESIZE of the parent's handle is not handed on; EXECUTE is, but to what may be written anew.
    let sized = ok(kit::vmo_create(P, VmoOptions::RESIZABLE.bits()))?;
    let all = Rights::DEFAULT_VMO;
    same(may(&sized, SNAPSHOT, P)?, all)?;
    same(may(&sized, SNAPSHOT | RESIZABLE, P)?, all | Rights::RESIZE)?;
    same(may(&sized, REFERENCE, 0)?, all)?;
    same(may(&sized, REFERENCE | RESIZABLE, 0)?, all | Rights::RESIZE)
}

/// vmo.md §14: neither of a family's caches may change while it is one.
fn cache_policy(env: &mut Env) -> Outcome {
    const CACHED: u32 = 0;
    const UNCACHED: u32 = 1;
    let vmo = env.paged(1)?;
    for kind in [SLICE, REFERENCE, SNAPSHOT, SNAPSHOT | NO_WRITE] {
        let size = if kind == REFERENCE { 0 } else { P };
        let child = ok(create_child(vmo.value(), kind, 0, size))?;
        for policy in [CACHED, UNCACHED] {
            for member in [&vmo, &child] {
                let set = kit::set_cache_policy(member.value(), policy);
                fails(set, Status::BAD_STATE)?;
            }
        }
        fails(
            kit::set_cache_policy(child.value(), 4),
            Status::INVALID_ARGS,
        )?;
        drop(child);
        ok(kit::set_cache_policy(vmo.value(), CACHED))?;
    }
    ok(kit::write(vmo.value(), &[6], 9))?;
    for policy in [UNCACHED, 2, 3] {
        ok(kit::set_cache_policy(vmo.value(), policy))?;
        same(ok(kit::vmo_info(vmo.value()))?.cache_policy, policy)?;
        for kind in [SLICE, SNAPSHOT, MODIFIED] {
            let child = create_child(vmo.value(), kind, 0, P);
            fails(child, Status::BAD_STATE)?;
        }
        let child = create_child(vmo.value(), REFERENCE, 0, 0);
        fails(child, Status::BAD_STATE)?;
        fails(kit::read(vmo.value(), &mut [0], 0), Status::BAD_STATE)?;
        // The range is looked at later, but a sum that wraps sooner.
        fails(kit::read(vmo.value(), &mut [0], P), Status::BAD_STATE)?;
        fails(
            kit::read(vmo.value(), &mut [0], u64::MAX),
            Status::OUT_OF_RANGE,
        )?;
        fails(kit::write(vmo.value(), &[0], 0), Status::BAD_STATE)?;
        let place = ok(env.map(&vmo, READ_WRITE, P))?;
        same(place.read8(9), 6)?;
        fails(
            kit::set_cache_policy(vmo.value(), policy),
            Status::BAD_STATE,
        )?;
    }
    ok(kit::set_cache_policy(vmo.value(), CACHED))?;
    let mut found = [0];
    ok(kit::read(vmo.value(), &mut found, 9))?;
    same(found, [6])
}

#[track_caller]
fn is_child(child: &H, parent: &H) -> Outcome {
    let parent = ok(kit::vmo_info(parent.value()))?;
    same(ok(kit::vmo_info(child.value()))?.parent_koid, parent.koid)
}

/// Checks that nobody may write a snapshot that was taken with NO_WRITE.
#[track_caller]
fn is_frozen(env: &Env, frozen: &H) -> Outcome {
    same(
        ok(kit::vmo_info(frozen.value()))?.flags,
        (VmoInfoFlags::TYPE_PAGED
            | VmoInfoFlags::VIA_HANDLE
            | VmoInfoFlags::IS_COW_CLONE
            | VmoInfoFlags::IMMUTABLE)
            .bits(),
    )?;
    fails(kit::write(frozen.value(), &[0], 0), Status::ACCESS_DENIED)?;
    let read_write = env.map(frozen, READ_WRITE, P);
    fails(read_write, Status::ACCESS_DENIED)
}

/// Children of every kind of each other, as far as there are such.
fn of_child(env: &mut Env) -> Outcome {
    let vmo = env.paged(3)?;
    for page in 0..3u8 {
        ok(kit::write(vmo.value(), &[page + 1], u64::from(page) * P))?;
    }
    let byte = |vmo: &H, offset: u64| {
        let mut found = [0xee];
        ok(kit::read(vmo.value(), &mut found, offset)).map(|()| found[0])
    };
    // A slice of a snapshot of a reference.
    let reference = ok(create_child(vmo.value(), REFERENCE, 0, 0))?;
    let snapshot = ok(create_child(reference.value(), SNAPSHOT, P, 2 * P))?;
    let slice = ok(kit::slice(snapshot.value(), P, P))?;
    same(byte(&slice, 0)?, 3)?;
    ok(kit::write(slice.value(), &[9], 0))?;
    same(
        (
            byte(&snapshot, P)?,
            byte(&vmo, 2 * P)?,
            byte(&reference, 2 * P)?,
        ),
        (9, 3, 3),
    )?;
    let flags = |vmo: &H| ok(kit::vmo_info(vmo.value())).map(|info| info.flags);
    let paged = VmoInfoFlags::TYPE_PAGED | VmoInfoFlags::VIA_HANDLE;
    same(flags(&reference)?, paged.bits())?;
    same(
        flags(&snapshot)?,
        (paged | VmoInfoFlags::IS_COW_CLONE).bits(),
    )?;
    same(flags(&slice)?, paged.bits())?;
    // A snapshot of what has a slice that is mapped: the slice goes on with the parent's pages.
    let window = ok(kit::map(
        env.handles.vmar,
        READ_WRITE,
        0,
        slice.value(),
        0,
        P,
    ))?;
    let frozen = ok(create_child(
        snapshot.value(),
        SNAPSHOT | NO_WRITE,
        0,
        2 * P,
    ))?;
    window.write8(0, 10);
    same((byte(&snapshot, P)?, byte(&frozen, P)?), (10, 9))?;
    is_frozen(env, &frozen)?;
    // Whoever may not write what is frozen may write a snapshot of it.
    let thawed = ok(create_child(frozen.value(), SNAPSHOT, P, P))?;
    ok(kit::write(thawed.value(), &[11], 0))?;
    same((byte(&frozen, P)?, byte(&thawed, 0)?), (9, 11))?;
    // The family in numbers, from the top.
    for (member, count) in [(&vmo, 1), (&reference, 1), (&snapshot, 2), (&slice, 0)] {
        same(ok(kit::vmo_info(member.value()))?.num_children, count)?;
    }
    is_child(&reference, &vmo)?;
    is_child(&snapshot, &reference)?;
    is_child(&slice, &snapshot)?;
    is_child(&frozen, &snapshot)?;
    is_child(&thawed, &frozen)?;
    // The middle goes first; the last one to go ends the line.
    drop((reference, snapshot, frozen));
    has_children(&vmo)?;
    same(byte(&thawed, 0)?, 11)?;
    same(window.read8(0), 10)?;
    drop(thawed);
    has_children(&vmo)?;
    drop(slice);
    has_children(&vmo)?;
    window.write8(1, 12);
    same((window.read8(0), window.read8(1)), (10, 12))?;
    ok(window.unmap())?;
    childless(&vmo)
}

/// A mapping in a region below is the last that keeps a child: the end of the region is its end.
fn kept_by_region(env: &mut Env) -> Outcome {
    let vmo = env.paged(2)?;
    for (kind, size) in [(SLICE, P), (SNAPSHOT, P), (REFERENCE, 0)] {
        for way in 0..3 {
            let outer = ok(crate::nest::Nest::in_root(env, 8 * P))?;
            let inner = ok(outer.inner(2 * P, 4 * P))?;
            let child = ok(create_child(vmo.value(), kind, 0, size))?;
            let place = ok(inner.map(READ_WRITE, P, &child, P))?;
            same(ok(kit::vmo_info(child.value()))?.num_mappings, 1)?;
            same(ok(kit::vmo_info(vmo.value()))?.num_mappings, 0)?;
            drop(child);
            place.write8(0, 1);
            has_children(&vmo)?;
            let at = place.address(0);
            core::mem::forget(place);
            match way {
                0 => ok(inner.vmar.destroy())?,
                1 => ok(outer.vmar.destroy())?,
                _ => ok(zx::sys::vmar_unmap(outer.value(), outer.at(P), 6 * P))?,
            }
            fails(kit::can_read(env, at), Status::NOT_FOUND)?;
            childless(&vmo)?;
        }
    }
    let (answer, seen) = kit::wait(vmo.value(), Signals::VMO_ZERO_CHILDREN, 0);
    ok(answer)?;
    holds(
        seen == Signals::VMO_ZERO_CHILDREN,
        "nothing but the one signal",
    )?;
    let nothing = VmOptions::empty();
    drop(ok(env.map(&vmo, nothing, P))?);
    Ok(())
}
