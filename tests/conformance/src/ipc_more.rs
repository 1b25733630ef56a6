//! What is left of IPC: asking about handle values, stirring entropy, and combined exits.

use crate::env::{Env, P, READ_WRITE};
use crate::ipc_kit::{event, event_pair};
use crate::kit::{self, H, state};
use crate::tasks_child::spawn;
use crate::{
    Outcome, Scenario,
    check::{fails, holds, ok, same},
};
use alloc::vec;
use jacinth_abi::{Signals, Status};
use zx::Address;
use zx::sys::{self, Input, Output};

pub(crate) const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "handle_check_valid",
        rows: &[],
        run: check_valid,
    },
    Scenario {
        name: "cprng_add_entropy",
        rows: &[],
        run: add_entropy,
    },
    Scenario {
        name: "thread_unmaps_and_exits",
        rows: &[],
        run: unmaps_and_exits,
    },
];

fn check_valid(_: &mut Env) -> Outcome {
    let bare = {
        let event = event()?;
        ok(kit::duplicate(event.value(), 0))?
    };
    ok(sys::handle_check_valid(bare.value()))?;
    fails(sys::handle_check_valid(0), Status::INVALID_ARGS)?;
    for low_bits in 0..3 {
        let value = bare.value() & !3 | low_bits;
        fails(sys::handle_check_valid(value), Status::OUT_OF_RANGE)?;
    }
    let closed = kit::closed_handle()?;
    fails(sys::handle_check_valid(closed), Status::NOT_FOUND)?;
    fails(sys::handle_check_valid(u32::MAX), Status::NOT_FOUND)
}

fn add_entropy(env: &mut Env) -> Outcome {
    for len in [0, 1, 7, 256] {
        ok(sys::cprng_add_entropy(Input::Here(&vec![1; len])))?;
    }
    let long = sys::cprng_add_entropy(Input::Here(&[0; 257]));
    fails(long, Status::INVALID_ARGS)?;
    let nowhere = kit::unmapped_page(env)?;
    for at in [Address::NULL, Address::KERNEL, nowhere] {
        let refused = sys::cprng_add_entropy(Input::At(at, 8));
        fails(refused, Status::INVALID_ARGS)?;
    }
    let (mut one, mut two) = ([0; 16], [0; 16]);
    ok(sys::cprng_draw(Output::Here(&mut one)))?;
    ok(sys::cprng_add_entropy(Input::Here(&one)))?;
    ok(sys::cprng_draw(Output::Here(&mut two)))?;
    holds(one != two, "they differ")
}

fn unmaps_and_exits(env: &mut Env) -> Outcome {
    let vmar = env.handles.vmar;
    let refused = sys::vmar_unmap_handle_close_thread_exit(vmar, Address::KERNEL, P, 0);
    fails(refused, Status::INVALID_ARGS)?;
    // More pages than are unmapped at once.
    let pages = env.rounds(200, 3) as u64;
    let vmo = env.paged(pages)?;
    let region = ok(env.map(&vmo, READ_WRITE, pages * P))?;
    for page in 0..pages {
        region.write8(page * P, 1);
    }
    let (at, last) = (region.address(0), region.address((pages - 1) * P));
    core::mem::forget(region);
    let (one, two) = event_pair()?;
    let given = one.into_value();
    let thread = spawn(env, move || {
        sys::vmar_unmap_handle_close_thread_exit(vmar, at, pages * P, given).ok();
        // Not reached; who waits for `one` to close would notice.
        core::mem::forget(H::from_value(given));
    })?;
    ok(thread.join())?;
    same(state(&two)?, Signals::PEER_CLOSED)?;
    for at in [at, last] {
        fails(kit::can_read(env, at), Status::NOT_FOUND)?;
    }
    Ok(())
}
