//! Every call that takes a handle: what is no handle, what is of another type, and each right that
//! is missing, in this order (`handles-resources.md` §2).

use crate::check::Failure;
use crate::devices;
use crate::env::{Env, P};
use crate::kit::{self, H};
use crate::nest::Nest;
use crate::{
    Outcome, Scenario,
    check::{fails, ok},
};
use jacinth_abi::limits::TIME_INFINITE_PAST;
use jacinth_abi::{BtiOptions, Rights, Signals, Status, Topic, VmOptions, VmoChildOptions, VmoOp};
use zx::sys::{self, Answer, Output};

pub(crate) const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "lookup_of_vmos",
        rows: &[],
        run: of_vmos,
    },
    Scenario {
        name: "lookup_of_ranges",
        rows: &[],
        run: of_ranges,
    },
    Scenario {
        name: "lookup_of_regions",
        rows: &[],
        run: of_regions,
    },
    Scenario {
        name: "lookup_of_initiators",
        rows: &[],
        run: of_initiators,
    },
    Scenario {
        name: "lookup_of_any_object",
        rows: &[],
        run: of_any_object,
    },
];

/// A call on a handle, by its name and the rights that it needs.
type Case<'a> = (&'a str, &'a [Rights], &'a dyn Fn(u32) -> Answer);

/// Whether there are objects that the calls do not take.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Takes {
    OneType,
    AnyType,
}

/// Tries each call with a closed handle, a handle of another type without any right, and with each
/// of its rights missing; with exactly its rights it succeeds.
fn try_each(env: &Env, handle: &H, other: u32, takes: Takes, cases: &[Case<'_>]) -> Outcome {
    let closed = kit::closed_handle()?;
    let other = ok(kit::duplicate(other, 0))?;
    for (name, needs, call) in cases {
        let named = |outcome: Outcome| outcome.map_err(|failure: Failure| failure.in_case(name));
        for bad in [0, closed] {
            named(fails(call(bad), Status::BAD_HANDLE))?;
        }
        if takes == Takes::OneType {
            named(fails(call(other.value()), Status::WRONG_TYPE))?;
        }
        for right in *needs {
            let weak = env.without(handle, *right)?;
            named(fails(call(weak.value()), Status::ACCESS_DENIED))?;
        }
        let exact = needs.iter().copied().collect::<Rights>();
        let exact = ok(kit::duplicate(handle.value(), exact.bits()))?;
        named(ok(call(exact.value())))?;
    }
    Ok(())
}

fn of_vmos(env: &mut Env) -> Outcome {
    let vmo = env.paged(2)?;
    let second = env.paged(2)?;
    let child = |options: VmoChildOptions, size: u64| {
        move |handle: u32| kit::create_child(handle, options, 0, size).map(drop)
    };
    let mapped = |options: VmOptions| {
        let vmar = env.handles.vmar;
        move |handle: u32| kit::map(vmar, options, 0, handle, 0, P).map(drop)
    };
    let (read, write) = (VmOptions::PERM_READ, VmOptions::PERM_WRITE);
    let family = [Rights::DUPLICATE, Rights::READ];
    try_each(
        env,
        &vmo,
        env.handles.mmio,
        Takes::OneType,
        &[
            ("read", &[Rights::READ], &|h| kit::read(h, &mut [0], 0)),
            ("write", &[Rights::WRITE], &|h| kit::write(h, &[0], 0)),
            ("get_size", &[], &|h| kit::get_size(h).map(drop)),
            ("get_stream_size", &[], &|h| {
                sys::vmo_get_stream_size(h, &mut [0; 8])
            }),
            ("set_stream_size", &[Rights::WRITE], &|h| {
                sys::vmo_set_stream_size(h, P)
            }),
            ("slice", &family, &child(VmoChildOptions::SLICE, P)),
            ("snapshot", &family, &child(VmoChildOptions::SNAPSHOT, P)),
            ("reference", &family, &child(VmoChildOptions::REFERENCE, 0)),
            ("set_cache_policy", &[Rights::MAP], &|h| {
                kit::set_cache_policy(h, 0)
            }),
            ("map", &[Rights::MAP], &mapped(VmOptions::empty())),
            ("map r", &[Rights::MAP, Rights::READ], &mapped(read)),
            (
                "map rw",
                &[Rights::MAP, Rights::READ, Rights::WRITE],
                &mapped(read | write),
            ),
            ("transfer to", &[Rights::WRITE], &|h| {
                sys::vmo_transfer_data(h, 0, 0, P, second.value(), 0)
            }),
            ("transfer from", &[Rights::READ, Rights::WRITE], &|h| {
                sys::vmo_transfer_data(second.value(), 0, 0, P, h, 0)
            }),
        ],
    )?;
    let resizable = ok(kit::vmo_create(
        P,
        jacinth_abi::VmoOptions::RESIZABLE.bits(),
    ))?;
    try_each(
        env,
        &resizable,
        env.handles.vmar,
        Takes::OneType,
        &[("set_size", &[Rights::WRITE, Rights::RESIZE], &|h| {
            sys::vmo_set_size(h, 2 * P)
        })],
    )
}

/// `vmo.md` §13: the right depends on the operation; hints need none.
fn of_ranges(env: &mut Env) -> Outcome {
    let vmo = env.paged(2)?;
    let by =
        |op: VmoOp| move |handle: u32| sys::vmo_op_range(handle, op.number(), 0, P, Output::NONE);
    let (read, write) = ([Rights::READ], [Rights::WRITE]);
    try_each(
        env,
        &vmo,
        env.handles.process,
        Takes::OneType,
        &[
            ("commit", &write, &by(VmoOp::Commit)),
            ("decommit", &write, &by(VmoOp::Decommit)),
            ("zero", &write, &by(VmoOp::Zero)),
            ("cache_sync", &read, &by(VmoOp::CacheSync)),
            ("cache_clean", &read, &by(VmoOp::CacheClean)),
            ("clean_invalidate", &read, &by(VmoOp::CacheCleanInvalidate)),
            ("prefetch", &read, &by(VmoOp::Prefetch)),
            ("dont_need", &[], &by(VmoOp::DontNeed)),
            ("always_need", &[], &by(VmoOp::AlwaysNeed)),
        ],
    )
}

fn of_regions(env: &mut Env) -> Outcome {
    let (vmo, root) = (env.paged(1)?, env.handles.vmar);
    let nest = ok(Nest::in_root(env, 16 * P))?;
    let region = ok(kit::duplicate(nest.value(), Rights::SAME_RIGHTS))?;
    let place = ok(nest.map(VmOptions::PERM_READ, 0, &vmo, P))?;
    let (at, len) = (place.address(0), P);
    let value = vmo.value();
    let map =
        |options: VmOptions| move |handle: u32| kit::map(handle, options, 0, value, 0, P).map(drop);
    let allocate = |options: VmOptions| {
        move |handle: u32| {
            let mut child = [0; 4];
            sys::vmar_allocate(handle, options, 0, P, &mut child, &mut [0; 8])?;
            let child = zx::Vmar::from(H::from_value(u32::from_le_bytes(child)));
            child.destroy()
        }
    };
    let protect =
        |options: VmOptions| move |handle: u32| sys::vmar_protect(handle, options, at, len);
    let (r, rw) = (
        VmOptions::PERM_READ,
        VmOptions::PERM_READ | VmOptions::PERM_WRITE,
    );
    let read = [Rights::READ];
    try_each(
        env,
        &region,
        value,
        Takes::OneType,
        &[
            ("map", &[], &map(VmOptions::empty())),
            ("map r", &read, &map(r)),
            ("map rw", &[Rights::READ, Rights::WRITE], &map(rw)),
            ("allocate", &[], &allocate(VmOptions::empty())),
            ("allocate r", &read, &allocate(VmOptions::CAN_MAP_READ)),
            (
                "allocate w",
                &[Rights::WRITE],
                &allocate(VmOptions::CAN_MAP_WRITE),
            ),
            ("protect", &[], &protect(VmOptions::empty())),
            ("protect r", &read, &protect(r)),
            ("op_range", &[], &|h| {
                sys::vmar_op_range(h, VmoOp::DontNeed.number(), at, len, Output::NONE)
            }),
            ("unmap", &[], &|h| sys::vmar_unmap(h, at, len)),
            ("destroy", &[Rights::OP_CHILDREN], &sys::vmar_destroy),
        ],
    )?;
    let bare = ok(kit::duplicate(root, 0))?;
    fails(sys::vmar_destroy(bare.value()), Status::ACCESS_DENIED)?;
    fails(sys::vmar_destroy(root), Status::NOT_SUPPORTED)
}

fn of_initiators(env: &mut Env) -> Outcome {
    let (bti, vmo) = (devices::bti(env)?, env.paged(1)?);
    let pin = |bti: u32, options: BtiOptions, vmo: u32| {
        let (pmt, _) = devices::pin(bti, options, vmo, (0, P), 1)?;
        devices::unpin(pmt)
    };
    let (read, write) = (BtiOptions::PERM_READ, BtiOptions::PERM_WRITE);
    try_each(
        env,
        &bti,
        vmo.value(),
        Takes::OneType,
        &[
            ("pin", &[Rights::MAP], &|h| pin(h, read, vmo.value())),
            ("contiguous", &[Rights::MAP], &|h| {
                devices::contiguous(h, P, 0).map(drop)
            }),
            (
                "release_quarantine",
                &[Rights::WRITE],
                &sys::bti_release_quarantine,
            ),
        ],
    )?;
    try_each(
        env,
        &vmo,
        bti.value(),
        Takes::OneType,
        &[
            ("pin r", &[Rights::MAP, Rights::READ], &|h| {
                pin(bti.value(), read, h)
            }),
            ("pin w", &[Rights::MAP, Rights::WRITE], &|h| {
                pin(bti.value(), write, h)
            }),
        ],
    )?;
    let resource = ok(kit::duplicate(env.handles.system, Rights::SAME_RIGHTS))?;
    let iommu = ok(devices::iommu_create(resource.value(), devices::STUB, &[0]))?;
    try_each(
        env,
        &resource,
        vmo.value(),
        Takes::OneType,
        &[("iommu_create", &[], &|h| {
            devices::iommu_create(h, devices::STUB, &[0]).map(drop)
        })],
    )?;
    try_each(
        env,
        &iommu,
        bti.value(),
        Takes::OneType,
        &[("bti_create", &[], &|h| {
            devices::bti_create(h, 0, 1).map(drop)
        })],
    )
}

fn of_any_object(env: &mut Env) -> Outcome {
    let (vmo, resource) = (env.paged(1)?, env.resource(2)?);
    try_each(
        env,
        &vmo,
        resource.value(),
        Takes::AnyType,
        &[
            ("duplicate", &[Rights::DUPLICATE], &|h| {
                kit::duplicate(h, Rights::SAME_RIGHTS).map(drop)
            }),
            ("wait", &[Rights::WAIT], &|h| {
                kit::wait(h, Signals::VMO_ZERO_CHILDREN, TIME_INFINITE_PAST).0
            }),
            ("signal", &[Rights::SIGNAL], &|h| {
                kit::signal(h, Signals::empty(), Signals::USER_0)
            }),
            ("get_name", &[Rights::GET_PROPERTY], &|h| {
                kit::get_name(h).map(drop)
            }),
            ("set_name", &[Rights::SET_PROPERTY], &|h| {
                kit::set_name(h, b"x")
            }),
            ("info valid", &[], &|h| {
                kit::info_into(h, Topic::HANDLE_VALID, &mut []).0
            }),
            ("info basic", &[], &|h| kit::basic(h).map(drop)),
            ("info count", &[Rights::INSPECT], &|h| {
                kit::handle_count(h).map(drop)
            }),
        ],
    )?;
    try_each(
        env,
        &resource,
        vmo.value(),
        Takes::OneType,
        &[
            ("resource_create", &[Rights::WRITE], &|h| {
                kit::resource_create(h, kit::MMIO, env.facts.free, P, b"").map(drop)
            }),
            ("create_physical", &[], &|h| {
                kit::create_physical(h, env.facts.free, P).map(drop)
            }),
            ("info resource", &[Rights::INSPECT], &|h| {
                kit::info_into(h, Topic::RESOURCE, &mut [0; 56]).0
            }),
        ],
    )
}
