//! Paged VMOs: orders of checks, odd sizes and odd buffers (`vmo.md` §8, §10, §12).

use crate::env::{Env, P, READ_WRITE};
use crate::kit;
use crate::{
    Outcome, Scenario,
    check::{fails, holds, ok, same},
};
use jacinth_abi::limits::MAX_VMO_SIZE;
use jacinth_abi::{Rights, Status, VmOptions, VmoOptions};
use zx::{Address, sys};

const RESIZABLE: u32 = VmoOptions::RESIZABLE.bits();
const UNBOUNDED: u32 = VmoOptions::UNBOUNDED.bits();

pub(crate) const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "paged_create_precedence",
        rows: &[],
        run: create_precedence,
    },
    Scenario {
        name: "paged_unbounded",
        rows: &[],
        run: unbounded,
    },
    Scenario {
        name: "paged_empty",
        rows: &[],
        run: empty,
    },
    Scenario {
        name: "paged_at_the_far_end",
        rows: &[],
        run: far_end,
    },
    Scenario {
        name: "paged_reading_commits_nothing",
        rows: &[],
        run: reading_commits_nothing,
    },
    Scenario {
        name: "paged_copy_onto_itself",
        rows: &[],
        run: copy_onto_itself,
    },
    Scenario {
        name: "paged_buffers_across_mappings",
        rows: &[],
        run: buffers_across_mappings,
    },
    Scenario {
        name: "paged_copy_precedence",
        rows: &[],
        run: copy_precedence,
    },
];

/// `vmo.md` §8: the two options, then the size, then the rest of the options, then `out`.
fn create_precedence(_env: &mut Env) -> Outcome {
    let by = |size: u64, options: u32| sys::vmo_create(size, options, Address::NULL);
    fails(by(u64::MAX, RESIZABLE | UNBOUNDED), Status::INVALID_ARGS)?;
    for options in [0x1, 0x8, 0x8000_0000, RESIZABLE] {
        fails(by(u64::MAX, options), Status::OUT_OF_RANGE)?;
        fails(by(MAX_VMO_SIZE + 1, options), Status::OUT_OF_RANGE)?;
    }
    fails(by(u64::MAX, UNBOUNDED | 0x8), Status::INVALID_ARGS)?;
    fails(by(P, UNBOUNDED), Status::INVALID_ARGS)?;
    drop(ok(kit::vmo_create(MAX_VMO_SIZE, RESIZABLE))?);
    fails(
        kit::vmo_create(MAX_VMO_SIZE + 1, RESIZABLE),
        Status::OUT_OF_RANGE,
    )
}

/// As large as can be; the size that is given is the stream size, whatever it is.
fn unbounded(_env: &mut Env) -> Outcome {
    for given in [0, 1, P + 1, MAX_VMO_SIZE, u64::MAX] {
        let vmo = ok(kit::vmo_create(given, UNBOUNDED))?;
        same(ok(kit::get_size(vmo.value()))?, MAX_VMO_SIZE)?;
        same(ok(kit::content_size(vmo.value()))?, given)?;
        let info = ok(kit::vmo_info(vmo.value()))?;
        same((info.flags, info.committed_bytes), (0x9, 0))?;
        ok(kit::write(vmo.value(), &[5], 1 << 45))?;
        let mut byte = [0];
        ok(kit::read(vmo.value(), &mut byte, 1 << 45))?;
        same(byte, [5])?;
        drop(ok(kit::slice(vmo.value(), 1 << 45, P))?);
    }
    Ok(())
}

/// A VMO of no pages is a VMO.
fn empty(env: &mut Env) -> Outcome {
    for options in [0, RESIZABLE, VmoOptions::DISCARDABLE.bits()] {
        let vmo = ok(kit::vmo_create(0, options))?;
        same(ok(kit::get_size(vmo.value()))?, 0)?;
        same(ok(kit::content_size(vmo.value()))?, 0)?;
        ok(kit::read(vmo.value(), &mut [], 0))?;
        fails(kit::read(vmo.value(), &mut [0], 0), Status::OUT_OF_RANGE)?;
        fails(kit::write(vmo.value(), &[], 1), Status::OUT_OF_RANGE)?;
        kit::childless(&vmo)?;
        let mapped = env.map(&vmo, READ_WRITE | VmOptions::ALLOW_FAULTS, P);
        let place = ok(mapped)?;
        fails(kit::can_read(env, place.address(0)), Status::OUT_OF_RANGE)?;
        fails(kit::can_write(env, place.address(0)), Status::OUT_OF_RANGE)?;
        fails(
            env.map(&vmo, READ_WRITE, 0),
            match options {
                // The discardable one needs ALLOW_FAULTS, which is judged first.
                4 => Status::NOT_SUPPORTED,
                _ => Status::INVALID_ARGS,
            },
        )?;
    }
    Ok(())
}

/// Pages are found wherever they are: the largest VMO holds three, far from each other.
fn far_end(env: &mut Env) -> Outcome {
    let vmo = ok(kit::vmo_create(MAX_VMO_SIZE, 0))?;
    let places = [0, 1 << 40, MAX_VMO_SIZE - 8];
    for (number, offset) in places.into_iter().enumerate() {
        ok(kit::write(vmo.value(), &[number as u8 + 1; 8], offset))?;
    }
    same(ok(kit::vmo_info(vmo.value()))?.committed_bytes, 3 * P)?;
    let mut bytes = [0; 8];
    for (number, offset) in places.into_iter().enumerate() {
        ok(kit::read(vmo.value(), &mut bytes, offset))?;
        same(bytes, [number as u8 + 1; 8])?;
    }
    fails(
        kit::write(vmo.value(), &[0; 9], MAX_VMO_SIZE - 8),
        Status::OUT_OF_RANGE,
    )?;
    let last = kit::map(
        env.handles.vmar,
        READ_WRITE,
        0,
        vmo.value(),
        MAX_VMO_SIZE - P,
        P,
    );
    same(ok(last)?.read8(P - 1), 3)
}

/// What nobody wrote takes no memory, by a call or through a mapping.
fn reading_commits_nothing(env: &mut Env) -> Outcome {
    let vmo = env.paged(8)?;
    let committed = |vmo: &kit::H| kit::vmo_info(vmo.value()).map(|info| info.committed_bytes);
    let mut bytes = [0xee; 64];
    for page in 0..8 {
        ok(kit::read(vmo.value(), &mut bytes, page * P + 32))?;
        same(bytes, [0; 64])?;
    }
    same(ok(committed(&vmo))?, 0)?;
    let place = ok(env.map(&vmo, READ_WRITE, 8 * P))?;
    for page in 0..8 {
        same(place.read64(page * P), 0)?;
    }
    ok(kit::can_read(env, place.address(P)))?;
    same(ok(committed(&vmo))?, 0)?;
    place.write8(3 * P, 1);
    same(ok(committed(&vmo))?, P)?;
    same((place.read8(3 * P), place.read8(4 * P)), (1, 0))?;
    ok(kit::can_write(env, place.address(5 * P)))?;
    same(ok(committed(&vmo))?, 2 * P)
}

/// The buffer of a copy may be a mapping of what is copied.
fn copy_onto_itself(env: &mut Env) -> Outcome {
    let vmo = env.paged(4)?;
    let place = ok(env.map(&vmo, READ_WRITE, 4 * P))?;
    for word in 0..2 * P / 8 {
        place.write64(word * 8, word);
    }
    ok(kit::read_to(vmo.value(), place.address(2 * P), 0, 2 * P))?;
    for word in [0, 1, 511, 512, 1023] {
        same(place.read64(2 * P + word * 8), word)?;
    }
    // Page 3 has not been copied from yet: the buffer is written and read in one call.
    ok(kit::write_from(vmo.value(), place.address(2 * P), 0, P))?;
    same(place.read64(8), 1)?;
    ok(kit::read_to(vmo.value(), place.address(P), P, P))?;
    same(place.read64(P + 8), 513)
}

/// A buffer may span mappings; where it runs into a hole the call fails, what lies before may be
/// done.
fn buffers_across_mappings(env: &mut Env) -> Outcome {
    let vmo = env.paged(3)?;
    ok(kit::write(vmo.value(), &[7; 16], P - 8))?;
    let (low, high) = (env.paged(2)?, env.paged(1)?);
    let place = ok(env.map(&low, READ_WRITE, 3 * P))?;
    ok(kit::overwrite(&place, READ_WRITE, P, &high, P))?;
    ok(kit::read_to(vmo.value(), place.address(P - 8), P - 8, 16))?;
    let mut bytes = [0; 8];
    ok(kit::read(high.value(), &mut bytes, 0))?;
    same(bytes, [7; 8])?;
    ok(kit::read(low.value(), &mut bytes, P - 8))?;
    same(bytes, [7; 8])?;
    ok(place.unmap_part(P, P))?;
    fails(
        kit::read_to(vmo.value(), place.address(P - 8), 0, 16),
        Status::NOT_FOUND,
    )?;
    fails(
        kit::write_from(vmo.value(), place.address(P - 8), 0, 16),
        Status::NOT_FOUND,
    )?;
    ok(kit::write_from(vmo.value(), place.address(P - 8), 2 * P, 8))?;
    ok(place.protect(VmOptions::PERM_READ, 0, P))?;
    fails(
        kit::read_to(vmo.value(), place.address(P - 8), 0, 8),
        Status::ACCESS_DENIED,
    )?;
    ok(kit::write_from(vmo.value(), place.address(0), 0, 8))
}

/// `vmo.md` §12: right, kind, wrap, policy, end, buffer.
fn copy_precedence(env: &mut Env) -> Outcome {
    let vmo = env.paged(1)?;
    let no_read = env.without(&vmo, Rights::READ)?;
    let (value, null) = (vmo.value(), Address::NULL);
    fails(
        kit::read_to(no_read.value(), null, u64::MAX, 2),
        Status::ACCESS_DENIED,
    )?;
    fails(kit::read_to(value, null, 0, P + 1), Status::OUT_OF_RANGE)?;
    fails(kit::write_from(value, null, P, 1), Status::OUT_OF_RANGE)?;
    fails(kit::read_to(value, null, 0, u64::MAX), Status::OUT_OF_RANGE)?;
    ok(kit::set_cache_policy(value, 1))?;
    fails(kit::read_to(value, null, u64::MAX, 2), Status::OUT_OF_RANGE)?;
    fails(kit::read_to(value, null, P, 1), Status::BAD_STATE)?;
    fails(kit::write_from(value, null, 0, 1), Status::BAD_STATE)?;
    fails(kit::read_to(value, null, 0, 0), Status::BAD_STATE)?;
    let place = ok(env.map(&vmo, READ_WRITE, P))?;
    place.write64(8, 0x1234);
    same(place.read64(8), 0x1234)?;
    drop(place);
    ok(kit::set_cache_policy(value, 0))?;
    let mut bytes = [0; 2];
    ok(kit::read(value, &mut bytes, 8))?;
    holds(bytes == [0x34, 0x12], "what was written uncached is there")
}
