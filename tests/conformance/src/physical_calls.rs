//! Other calls on a physical VMO (table E).

use crate::env::{Env, P, READ_WRITE};
use crate::kit;
use crate::{
    Outcome, Scenario,
    check::{fails, ok, same},
};
use jacinth_abi::{Rights, Signals, Status, VmOptions, VmoChildOptions};

pub(crate) const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "physical_read_write",
        rows: &[
            "vmo:108", "vmo:109", "vmo:110", "vmo:111", "vmo:112", "vmar:352",
        ],
        run: read_write,
    },
    Scenario {
        name: "physical_other_children",
        rows: &[
            "vmo:126", "vmo:127", "vmo:128", "vmo:130", "vmo:131", "vmo:325",
        ],
        run: other_children,
    },
    Scenario {
        name: "physical_cache_policy",
        rows: &["vmo:134", "vmo:135", "vmo:136", "vmar:356"],
        run: cache_policy,
    },
    Scenario {
        name: "physical_cache_policy_mapped",
        rows: &["vmo:137", "vmo:138", "vmo:142", "vmar:353", "vmar:354"],
        run: cache_policy_mapped,
    },
    Scenario {
        name: "physical_cache_policy_slice",
        rows: &["vmo:139", "vmo:140", "vmo:141", "vmar:355"],
        run: cache_policy_slice,
    },
    Scenario {
        name: "physical_execute",
        rows: &["vmo:144", "vmo:145"],
        run: execute,
    },
    Scenario {
        name: "physical_object_signal",
        rows: &["vmo:149", "vmo:150"],
        run: object_signal,
    },
    Scenario {
        name: "physical_set_name",
        rows: &["vmo:151"],
        run: set_name,
    },
];

fn read_write(env: &mut Env) -> Outcome {
    let vmo = env.physical(4)?;
    for (offset, len) in [(0, 1), (0, 0), (4 * P, 0), (u64::MAX, 16), (P, 64)] {
        let mut buffer = [0; 64];
        fails(
            kit::read(vmo.value(), &mut buffer[..len], offset),
            Status::NOT_SUPPORTED,
        )?;
        fails(
            kit::write(vmo.value(), &buffer[..len], offset),
            Status::NOT_SUPPORTED,
        )?;
    }
    fails(
        kit::read_to(vmo.value(), zx::Address::NULL, 0, 1),
        Status::NOT_SUPPORTED,
    )?;
    let no_read = env.without(&vmo, Rights::READ)?;
    fails(
        kit::read(no_read.value(), &mut [0], 0),
        Status::ACCESS_DENIED,
    )?;
    let no_write = env.without(&vmo, Rights::WRITE)?;
    fails(kit::write(no_write.value(), &[0], 0), Status::ACCESS_DENIED)
}

fn other_children(env: &mut Env) -> Outcome {
    let vmo = env.physical(4)?;
    let create = |options: VmoChildOptions| kit::create_child(vmo.value(), options, 0, P);
    for options in [
        VmoChildOptions::SNAPSHOT,
        VmoChildOptions::SNAPSHOT_AT_LEAST_ON_WRITE,
        VmoChildOptions::SNAPSHOT_MODIFIED,
    ] {
        fails(create(options), Status::NOT_SUPPORTED)?;
    }
    fails(
        create(VmoChildOptions::REFERENCE | VmoChildOptions::RESIZABLE),
        Status::ACCESS_DENIED,
    )?;
    fails(create(VmoChildOptions::empty()), Status::INVALID_ARGS)?;
    fails(
        create(VmoChildOptions::from_bits_retain(2)),
        Status::INVALID_ARGS,
    )?;
    fails(
        create(VmoChildOptions::SNAPSHOT | VmoChildOptions::SLICE),
        Status::INVALID_ARGS,
    )?;
    let contradictory =
        VmoChildOptions::SNAPSHOT | VmoChildOptions::NO_WRITE | VmoChildOptions::RESIZABLE;
    fails(create(contradictory), Status::INVALID_ARGS)?;
    kit::childless(&vmo)
}

fn cache_policy(env: &mut Env) -> Outcome {
    let vmo = env.physical(4)?;
    for policy in [4, 5, 8, u32::MAX] {
        fails(
            kit::set_cache_policy(vmo.value(), policy),
            Status::INVALID_ARGS,
        )?;
        fails(kit::set_cache_policy(0, policy), Status::INVALID_ARGS)?;
    }
    fails(kit::set_cache_policy(0, 0), Status::BAD_HANDLE)?;
    fails(
        kit::set_cache_policy(env.handles.mmio, 0),
        Status::WRONG_TYPE,
    )?;
    for policy in [0, 1, 2, 3] {
        ok(kit::set_cache_policy(vmo.value(), policy))?;
        same(ok(kit::vmo_info(vmo.value()))?.cache_policy, policy)?;
    }
    let no_map = env.without(&vmo, Rights::MAP)?;
    fails(
        kit::set_cache_policy(no_map.value(), 0),
        Status::ACCESS_DENIED,
    )?;
    fails(
        kit::set_cache_policy(no_map.value(), 4),
        Status::INVALID_ARGS,
    )
}

fn cache_policy_mapped(env: &mut Env) -> Outcome {
    let vmo = env.physical(4)?;
    let place = ok(env.map(&vmo, READ_WRITE, 4 * P))?;
    fails(kit::set_cache_policy(vmo.value(), 0), Status::BAD_STATE)?;
    fails(kit::set_cache_policy(vmo.value(), 2), Status::BAD_STATE)?;
    ok(kit::set_cache_policy(vmo.value(), 1))?;
    drop(place);
    ok(kit::set_cache_policy(vmo.value(), 2))
}

fn cache_policy_slice(env: &mut Env) -> Outcome {
    let vmo = env.physical(4)?;
    ok(kit::set_cache_policy(vmo.value(), 2))?;
    let slice = ok(kit::slice(vmo.value(), P, P))?;
    same(ok(kit::vmo_info(slice.value()))?.cache_policy, 2)?;
    fails(kit::set_cache_policy(vmo.value(), 1), Status::BAD_STATE)?;
    ok(kit::set_cache_policy(vmo.value(), 2))?;
    fails(kit::set_cache_policy(slice.value(), 1), Status::BAD_STATE)?;
    ok(kit::set_cache_policy(slice.value(), 2))?;
    drop(slice);
    ok(kit::set_cache_policy(vmo.value(), 3))
}

fn execute(env: &mut Env) -> Outcome {
    let vmo = env.physical(4)?;
    let options = VmOptions::PERM_READ | VmOptions::PERM_EXECUTE;
    drop(ok(env.map(&vmo, options, P))?);
    let no_execute = env.without(&vmo, Rights::EXECUTE)?;
    fails(env.map(&no_execute, options, P), Status::ACCESS_DENIED)
}

fn object_signal(env: &mut Env) -> Outcome {
    let vmo = env.physical(1)?;
    ok(kit::signal(vmo.value(), Signals::empty(), Signals::USER_0))?;
    same(
        kit::state(&vmo)?,
        Signals::USER_0 | Signals::VMO_ZERO_CHILDREN,
    )?;
    fails(
        kit::signal(vmo.value(), Signals::VMO_ZERO_CHILDREN, Signals::empty()),
        Status::INVALID_ARGS,
    )?;
    fails(
        kit::signal(vmo.value(), Signals::empty(), Signals::VMO_ZERO_CHILDREN),
        Status::INVALID_ARGS,
    )?;
    same(
        kit::state(&vmo)?,
        Signals::USER_0 | Signals::VMO_ZERO_CHILDREN,
    )?;
    ok(kit::signal(vmo.value(), Signals::USER_0, Signals::empty()))?;
    same(kit::state(&vmo)?, Signals::VMO_ZERO_CHILDREN)?;
    let no_signal = env.without(&vmo, Rights::SIGNAL)?;
    fails(
        kit::signal(no_signal.value(), Signals::empty(), Signals::USER_0),
        Status::ACCESS_DENIED,
    )
}

fn set_name(env: &mut Env) -> Outcome {
    let vmo = env.physical(1)?;
    let other = ok(kit::duplicate(vmo.value(), Rights::SAME_RIGHTS))?;
    ok(kit::set_name(vmo.value(), b"uart"))?;
    same(ok(kit::get_name(other.value()))?, kit::name(b"uart"))
}
