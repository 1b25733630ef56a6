//! Handles: closing, duplicating, replacing (table N).

use crate::env::{Env, P};
use crate::kit;
use crate::{
    Outcome, Scenario,
    check::{fails, holds, ok, same},
};
use alloc::vec::Vec;
use jacinth_abi::{ProcessHandleStatsInfo, Rights, Status, Topic, VmOptions};
use zx::sys::{self, Input};

pub(crate) const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "handle_close",
        rows: &["vmo:332", "vmo:333"],
        run: close,
    },
    Scenario {
        name: "handle_close_many",
        rows: &["vmo:338", "vmo:340", "vmo:341", "vmo:342"],
        run: close_many,
    },
    Scenario {
        name: "handle_duplicate",
        rows: &["vmo:345", "vmo:346", "vmo:348", "vmo:349", "vmo:350"],
        run: duplicate,
    },
    Scenario {
        name: "handle_replace",
        rows: &["vmo:351", "vmo:352"],
        run: replace,
    },
    Scenario {
        name: "handle_replace_untouched_out",
        rows: &[],
        run: replace_untouched_out,
    },
    Scenario {
        name: "handle_count",
        rows: &["vmo:355"],
        run: count,
    },
    Scenario {
        name: "handle_stats",
        rows: &[],
        run: stats,
    },
    Scenario {
        name: "handle_values",
        rows: &[],
        run: values,
    },
];

fn close(_env: &mut Env) -> Outcome {
    ok(sys::handle_close(0))?;
    let closed = kit::closed_handle()?;
    fails(sys::handle_close(closed), Status::BAD_HANDLE)?;
    for bad in [1, 2, 3, 0xbadc_0ffe, u32::MAX, closed ^ 4] {
        fails(sys::handle_close(bad), Status::BAD_HANDLE)?;
    }
    Ok(())
}

fn vmos(env: &Env, count: usize) -> Result<Vec<u32>, crate::Failure> {
    (0..count)
        .map(|_| env.paged(1).map(kit::H::into_value))
        .collect()
}

fn is_gone(value: u32) -> Outcome {
    fails(kit::get_size(value), Status::BAD_HANDLE)
}

fn close_many(env: &mut Env) -> Outcome {
    let four = vmos(env, 4)?;
    ok(kit::close_many(&four))?;
    for value in four {
        is_gone(value)?;
    }
    let with_zeros = vmos(env, 2)?;
    ok(kit::close_many(&[0, with_zeros[0], 0, with_zeros[1], 0]))?;
    let twice = vmos(env, 2)?;
    fails(
        kit::close_many(&[twice[0], twice[1], twice[0]]),
        Status::BAD_HANDLE,
    )?;
    is_gone(twice[0])?;
    is_gone(twice[1])?;
    let mut many = vmos(env, env.rounds(130, 66))?;
    let good = many[7];
    many[7] = 0xbadc_0ffe;
    fails(kit::close_many(&many), Status::BAD_HANDLE)?;
    many.remove(7);
    for value in many {
        is_gone(value)?;
    }
    ok(sys::handle_close(good))?;
    ok(sys::handle_close_many(Input::At(zx::Address::NULL, 0)))?;
    for at in [
        zx::Address::NULL,
        zx::Address::KERNEL,
        kit::unmapped_page(env)?,
    ] {
        fails(
            sys::handle_close_many(Input::At(at, 4)),
            Status::INVALID_ARGS,
        )?;
    }
    Ok(())
}

fn duplicate(env: &mut Env) -> Outcome {
    let vmo = env.paged(1)?;
    let by = |rights: u32| kit::duplicate(vmo.value(), rights);
    let waiter = ok(by(Rights::WAIT.bits()))?;
    fails(
        kit::duplicate(waiter.value(), Rights::SAME_RIGHTS),
        Status::ACCESS_DENIED,
    )?;
    fails(
        kit::duplicate(waiter.value(), Rights::EXECUTE.bits()),
        Status::ACCESS_DENIED,
    )?;
    fails(
        by((Rights::EXECUTE | Rights::WAIT).bits()),
        Status::INVALID_ARGS,
    )?;
    fails(
        by(Rights::SAME_RIGHTS | Rights::WAIT.bits()),
        Status::INVALID_ARGS,
    )?;
    fails(by(1 << 30), Status::INVALID_ARGS)?;
    drop(waiter);
    for at in [
        zx::Address::NULL,
        zx::Address::KERNEL,
        kit::unmapped_page(env)?,
    ] {
        fails(
            kit::duplicate_out(vmo.value(), Rights::SAME_RIGHTS, at),
            Status::INVALID_ARGS,
        )?;
    }
    same(ok(kit::handle_count(vmo.value()))?, 1)?;
    let bare = ok(by(0))?;
    same(ok(kit::basic(bare.value()))?.rights, 0)?;
    fails(
        kit::duplicate_out(0, Rights::SAME_RIGHTS, zx::Address::NULL),
        Status::BAD_HANDLE,
    )?;
    fails(
        kit::duplicate_out(bare.value(), 0, zx::Address::NULL),
        Status::ACCESS_DENIED,
    )
}

fn replace(env: &mut Env) -> Outcome {
    let value = env.paged(1)?.into_value();
    let basic = ok(kit::replace(value, Rights::BASIC.bits()))?;
    is_gone(value)?;
    same(ok(kit::basic(basic.value()))?.rights, Rights::BASIC.bits())?;
    let value = basic.into_value();
    let mut out = 0u32.to_le_bytes();
    fails(
        sys::handle_replace(value, Rights::SIGNAL.bits(), &mut out),
        Status::INVALID_ARGS,
    )?;
    is_gone(value)?;
    same(out, [0; 4])?;
    let value = env.paged(1)?.into_value();
    let bare = ok(kit::replace(value, 0))?.into_value();
    let last = ok(kit::replace(bare, Rights::SAME_RIGHTS))?;
    same(ok(kit::basic(last.value()))?.rights, 0)?;
    let value = env.paged(1)?.into_value();
    fails(
        sys::handle_replace(value, Rights::SAME_RIGHTS, zx::Address::NULL),
        Status::INVALID_ARGS,
    )?;
    is_gone(value)?;
    fails(kit::replace(0, Rights::SAME_RIGHTS), Status::BAD_HANDLE)
}

/// The result goes to memory that has no page yet: want of one leaves the source open.
fn replace_untouched_out(env: &mut Env) -> Outcome {
    let memory = env.paged(1)?;
    let options = VmOptions::PERM_READ | VmOptions::PERM_WRITE;
    let region = ok(env.map(&memory, options, P))?;
    let value = env.paged(1)?.into_value();
    ok(sys::handle_replace(
        value,
        Rights::SAME_RIGHTS,
        region.address(0),
    ))?;
    let new = zx::Handle::from_value(region.read32(0));
    is_gone(value)?;
    same(ok(kit::get_size(new.value()))?, P)
}

fn count(env: &mut Env) -> Outcome {
    let vmo = env.paged(1)?;
    same(ok(kit::handle_count(vmo.value()))?, 1)?;
    let second = ok(kit::duplicate(vmo.value(), Rights::SAME_RIGHTS))?;
    same(ok(kit::handle_count(second.value()))?, 2)?;
    let third = ok(kit::duplicate(second.value(), Rights::SAME_RIGHTS))?;
    same(ok(kit::handle_count(vmo.value()))?, 3)?;
    drop((second, third));
    same(ok(kit::handle_count(vmo.value()))?, 1)
}

/// PROCESS_HANDLE_STATS counts the caller's handles by type.
fn stats(env: &mut Env) -> Outcome {
    let vmos = |env: &Env| {
        let info: Result<ProcessHandleStatsInfo, _> =
            kit::info(env.handles.process, Topic::PROCESS_HANDLE_STATS);
        info.map(|info| info.handle_count[3])
    };
    let before = ok(vmos(env))?;
    let vmo = env.paged(1)?;
    let second = ok(kit::duplicate(vmo.value(), Rights::SAME_RIGHTS))?;
    same(ok(vmos(env))?, before + 2)?;
    let third = ok(kit::replace(second.into_value(), 0))?;
    same(ok(vmos(env))?, before + 2)?;
    drop((vmo, third));
    same(ok(vmos(env))?, before)
}

/// `abi.md` §7: both low bits set, never 0, and a number does not come back at once.
fn values(env: &mut Env) -> Outcome {
    let mut last = 0;
    for _ in 0..env.rounds(100, 10) {
        let vmo = ok(kit::vmo_create(P, 0))?;
        let value = vmo.value();
        same(value & 3, 3)?;
        holds(value != last, "a number does not come back at once")?;
        last = value;
    }
    Ok(())
}
