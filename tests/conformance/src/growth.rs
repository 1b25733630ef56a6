//! Calls that meet tables which are just full: each must make room before it changes anything.

use crate::env::{Env, P, READ_WRITE};
use crate::kit::{self, H};
use crate::{
    Outcome, Scenario,
    check::{ok, same},
};
use alloc::vec::Vec;
use jacinth_abi::{Rights, Status, VmOptions};

/// More than one piece by which the kernel's tables grow: one of so many steps meets a full one.
const STEPS: usize = 66;
/// More than any scenario before has filled a table with. Tables never shrink.
const BEFORE: usize = 130;

pub(crate) const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "growth_of_handles",
        rows: &[],
        run: handles,
    },
    Scenario {
        name: "growth_of_objects",
        rows: &[],
        run: objects,
    },
    Scenario {
        name: "growth_of_mappings",
        rows: &[],
        run: mappings,
    },
];

/// A call that makes a handle, given an MMIO resource and a VMO.
type Make = fn(&Env, &H, &H) -> Result<H, Status>;

const MAKERS: [Make; 5] = [
    |env, resource, _| kit::create_physical(resource.value(), env.facts.free, P),
    |_, _, _| kit::vmo_create(P, 0),
    |_, _, vmo| kit::slice(vmo.value(), 0, P),
    |_, _, vmo| kit::duplicate(vmo.value(), Rights::SAME_RIGHTS),
    |env, _, _| env.mmio(env.facts.free, P),
];

/// Fills a table further than ever before with what `hold` makes, once for each kind of call, which
/// is tried at every step from there on.
fn fill(env: &Env, hold: Make) -> Outcome {
    let resource = env.resource(1)?;
    let vmo = env.physical(1)?;
    for (round, make) in MAKERS.iter().enumerate() {
        let before = BEFORE + round * STEPS;
        let mut held = Vec::with_capacity(before + STEPS);
        for step in 0..before + STEPS {
            held.push(ok(hold(env, &resource, &vmo))?);
            if step >= before {
                drop(ok(make(env, &resource, &vmo))?);
            }
        }
    }
    same(ok(kit::handle_count(vmo.value()))?, 1)
}

fn handles(env: &mut Env) -> Outcome {
    fill(env, |_, _, vmo| {
        kit::duplicate(vmo.value(), Rights::SAME_RIGHTS)
    })
}

fn objects(env: &mut Env) -> Outcome {
    fill(env, |_, _, vmo| kit::slice(vmo.value(), 0, P))?;
    fill(env, |env, _, _| env.mmio(env.facts.free, P))
}

fn mappings(env: &mut Env) -> Outcome {
    const PIECES: usize = 3;
    let vmo = env.physical(5)?;
    for kind in 0..3 {
        let before = kind * PIECES * STEPS;
        let mut held = Vec::with_capacity(before + STEPS);
        for step in 0..before + STEPS {
            let place = ok(env.map(&vmo, READ_WRITE, 5 * P))?;
            match kind {
                _ if step < before => {}
                0 => ok(place.unmap_part(P, P))?,
                1 => ok(place.protect(VmOptions::PERM_READ, P, P))?,
                _ => ok(kit::overwrite(&place, READ_WRITE, P, &vmo, P))?,
            }
            held.push(place);
        }
    }
    same(ok(kit::vmo_info(vmo.value()))?.num_mappings, 0)
}
