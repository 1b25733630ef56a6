//! Handles: default rights, koids, and what a handle's number may be (`handles-resources.md` §1 to
//! §6, `abi.md` §1, §4.3 and §7).

use crate::env::{Env, P, READ_WRITE};
use crate::kit::{self, H};
use crate::{
    Outcome, Scenario,
    check::{fails, holds, ok, same},
};
use alloc::vec::Vec;
use jacinth_abi::limits::{KOID_FIRST, TIME_INFINITE_PAST};
use jacinth_abi::{Rights, Signals, Status, VmoOptions};
use zx::sys::{self, Input};

pub(crate) const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "handle_default_rights",
        rows: &[],
        run: default_rights,
    },
    Scenario {
        name: "handle_koids",
        rows: &[],
        run: koids,
    },
    Scenario {
        name: "handle_rights_shrink",
        rows: &[],
        run: rights_shrink,
    },
    Scenario {
        name: "handle_close_many_pieces",
        rows: &[],
        run: close_many_pieces,
    },
    Scenario {
        name: "handle_wide_words",
        rows: &[],
        run: wide_words,
    },
    Scenario {
        name: "handle_bad_values",
        rows: &[],
        run: bad_values,
    },
    Scenario {
        name: "handle_without_signals",
        rows: &[],
        run: without_signals,
    },
];

fn rights_of(handle: u32) -> Result<u32, Status> {
    kit::basic(handle).map(|basic| basic.rights)
}

/// `abi.md` §4.3, README decision 2.
fn default_rights(env: &mut Env) -> Outcome {
    let handles = env.handles;
    let vmar = Rights::DEFAULT_VMAR | Rights::IO | Rights::EXECUTE;
    for (handle, rights) in [
        (handles.process, Rights::DEFAULT_PROCESS),
        (handles.thread, Rights::DEFAULT_THREAD),
        (handles.vmar, vmar),
        (handles.mmio, Rights::DEFAULT_RESOURCE),
        (handles.irq, Rights::DEFAULT_RESOURCE),
        (handles.system, Rights::DEFAULT_RESOURCE),
    ] {
        same(ok(rights_of(handle))?, rights.bits())?;
    }
    let resource = env.resource(1)?;
    same(
        ok(rights_of(resource.value()))?,
        Rights::DEFAULT_RESOURCE.bits(),
    )?;
    let of = |options: VmoOptions| kit::vmo_create(P, options.bits());
    for (options, extra) in [
        (VmoOptions::empty(), Rights::empty()),
        (VmoOptions::DISCARDABLE, Rights::empty()),
        (VmoOptions::UNBOUNDED, Rights::empty()),
        (VmoOptions::RESIZABLE, Rights::RESIZE),
        (
            VmoOptions::RESIZABLE | VmoOptions::DISCARDABLE,
            Rights::RESIZE,
        ),
    ] {
        let vmo = ok(of(options))?;
        let expected = Rights::DEFAULT_VMO | extra;
        same(ok(rights_of(vmo.value()))?, expected.bits())?;
    }
    Ok(())
}

fn koid(handle: u32) -> Result<u64, Status> {
    kit::basic(handle).map(|basic| basic.koid)
}

/// A koid names one object for ever: new ones are larger, second handles show the same.
fn koids(env: &mut Env) -> Outcome {
    let mut last = KOID_FIRST - 1;
    for round in 0..env.rounds(50, 6) {
        let handle = match round % 3 {
            0 => env.paged(1)?,
            1 => env.resource(1)?,
            _ => env.physical(1)?,
        };
        let own = ok(koid(handle.value()))?;
        holds(own > last, "a koid is new, and larger than those before")?;
        last = own;
        let second = ok(kit::duplicate(handle.value(), 0))?;
        same(ok(koid(second.value()))?, own)?;
        drop(handle);
        let third = ok(kit::replace(second.into_value(), Rights::SAME_RIGHTS))?;
        same(ok(koid(third.value()))?, own)?;
    }
    Ok(())
}

/// Rights never come back, whatever is asked for.
fn rights_shrink(env: &mut Env) -> Outcome {
    let vmo = env.paged(1)?;
    let reader = ok(kit::duplicate(
        vmo.value(),
        (Rights::BASIC | Rights::READ).bits(),
    ))?;
    let wider = (Rights::BASIC | Rights::READ | Rights::WRITE).bits();
    fails(kit::duplicate(reader.value(), wider), Status::INVALID_ARGS)?;
    let weaker = ok(kit::duplicate(
        reader.value(),
        (Rights::READ | Rights::DUPLICATE).bits(),
    ))?;
    fails(
        kit::duplicate(weaker.value(), (Rights::READ | Rights::WAIT).bits()),
        Status::INVALID_ARGS,
    )?;
    let value = weaker.into_value();
    fails(
        kit::replace(value, (Rights::READ | Rights::WAIT).bits()),
        Status::INVALID_ARGS,
    )?;
    fails(kit::basic(value), Status::BAD_HANDLE)?;
    same(
        ok(rights_of(reader.value()))?,
        (Rights::BASIC | Rights::READ).bits(),
    )?;
    fails(kit::write(reader.value(), &[1], 0), Status::ACCESS_DENIED)?;
    ok(kit::write(vmo.value(), &[1], 0))
}

/// The array is read in pieces of 64: what was read before a bad page is closed.
fn close_many_pieces(env: &mut Env) -> Outcome {
    const PIECE: u64 = 64;
    let memory = env.paged(2)?;
    let place = ok(env.map(&memory, READ_WRITE, 2 * P))?;
    ok(place.unmap_part(P, P))?;
    let mut values: Vec<u32> = Vec::new();
    for at in (0..PIECE).map(|entry| P - 4 * PIECE + 4 * entry) {
        let value = env.paged(1)?.into_value();
        place.write32(at, value);
        values.push(value);
    }
    let from = place.address(P - 4 * PIECE);
    let answer = sys::handle_close_many(Input::At(from, 4 * (PIECE + 1)));
    fails(answer, Status::INVALID_ARGS)?;
    for value in values {
        fails(kit::get_size(value), Status::BAD_HANDLE)?;
    }
    // Zeros, as far as there are any, and then nothing.
    ok(place.unmap_part(0, 2 * P))?;
    ok(kit::overwrite(&place, READ_WRITE, 0, &env.paged(1)?, P))?;
    let answer = sys::handle_close_many(Input::At(place.address(0), 4 * P));
    fails(answer, Status::INVALID_ARGS)
}

/// The upper half of a register that holds 32 bits means nothing.
fn wide_words(env: &mut Env) -> Outcome {
    const GARBAGE: u64 = 0xdead_beef_0000_0000;
    let vmo = env.physical(1)?;
    let wide = |word: u32| GARBAGE | u64::from(word);
    ok(sys::by_name(
        "vmo_set_cache_policy",
        [wide(vmo.value()), wide(2), 0],
    ))?;
    same(ok(kit::vmo_info(vmo.value()))?.cache_policy, 2)?;
    let user = Signals::USER_0.bits();
    ok(sys::by_name(
        "object_signal",
        [wide(vmo.value()), GARBAGE, wide(user)],
    ))?;
    same(
        kit::state(&vmo)?,
        Signals::USER_0 | Signals::VMO_ZERO_CHILDREN,
    )?;
    ok(sys::by_name("handle_close", [GARBAGE, 0, 0]))?;
    let value = vmo.into_value();
    ok(sys::by_name("handle_close", [wide(value), 0, 0]))?;
    fails(kit::basic(value), Status::BAD_HANDLE)
}

/// Numbers that are no handle are refused by every call, whatever else is wrong.
fn bad_values(env: &mut Env) -> Outcome {
    let vmo = env.paged(1)?;
    let good = vmo.value();
    for bad in [1, 2, 0xbadc_0ffe, good ^ 1, good ^ 2, good ^ 3, u32::MAX] {
        fails(kit::basic(bad), Status::BAD_HANDLE)?;
        fails(kit::get_size(bad), Status::BAD_HANDLE)?;
        fails(kit::read(bad, &mut [0], u64::MAX), Status::BAD_HANDLE)?;
        fails(kit::duplicate(bad, Rights::SAME_RIGHTS), Status::BAD_HANDLE)?;
        fails(kit::replace(bad, 0), Status::BAD_HANDLE)?;
        fails(kit::get_name(bad), Status::BAD_HANDLE)?;
        fails(kit::slice(bad, 1, P), Status::BAD_HANDLE)?;
        fails(
            kit::wait(bad, Signals::empty(), TIME_INFINITE_PAST).0,
            Status::BAD_HANDLE,
        )?;
        fails(kit::close_many(&[bad]), Status::BAD_HANDLE)?;
        let mapped = kit::map(env.handles.vmar, READ_WRITE, 0, bad, 1, 0);
        fails(mapped, Status::BAD_HANDLE)?;
    }
    ok(kit::get_size(good)).map(drop)
}

/// Regions and resources have no signals: no right to wait is ever given out.
fn without_signals(env: &mut Env) -> Outcome {
    let resource: H = env.resource(1)?;
    for handle in [env.handles.vmar, env.handles.mmio, resource.value()] {
        fails(
            kit::wait(handle, Signals::empty(), TIME_INFINITE_PAST).0,
            Status::ACCESS_DENIED,
        )?;
        fails(
            kit::signal(handle, Signals::empty(), Signals::USER_0),
            Status::ACCESS_DENIED,
        )?;
    }
    Ok(())
}
