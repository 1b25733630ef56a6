//! Slices of physical VMOs, and the signal that watches children (tables F and G).

use crate::env::{Env, LAST_PAGE, P, READ_WRITE};
use crate::kit::{self, childless, has_children};
use crate::{
    Outcome, Scenario,
    check::{fails, ok, same},
};
use jacinth_abi::{Rights, Signals, Status, VmoChildOptions, VmoInfoFlags};

pub(crate) const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "slice_of_physical",
        rows: &["vmo:153", "vmo:154", "vmo:162", "vmo:169", "vmo:173"],
        run: of_physical,
    },
    Scenario {
        name: "slice_refused",
        rows: &["vmo:157", "vmo:159", "vmo:165", "vmo:172", "vmo:179"],
        run: refused,
    },
    Scenario {
        name: "slice_rights",
        rows: &["vmo:166", "vmo:167", "vmo:168"],
        run: rights,
    },
    Scenario {
        name: "slice_shares_registers",
        rows: &["vmo:155"],
        run: shares_registers,
    },
    Scenario {
        name: "slice_outlives_parent",
        rows: &["vmo:175", "vmo:199"],
        run: outlives_parent,
    },
    Scenario {
        name: "slice_name",
        rows: &["vmo:178"],
        run: slice_name,
    },
    Scenario {
        name: "children_signal",
        rows: &["vmo:183", "vmo:184", "vmo:186", "vmo:198", "vmo:205"],
        run: signal,
    },
    Scenario {
        name: "children_signal_mappings",
        rows: &["vmo:190", "vmar:160", "vmar:358"],
        run: signal_mappings,
    },
    Scenario {
        name: "children_signal_grandchildren",
        rows: &["vmo:193"],
        run: signal_grandchildren,
    },
    Scenario {
        name: "children_bad_out",
        rows: &["vmo:201"],
        run: bad_out,
    },
    Scenario {
        name: "children_deep",
        rows: &[],
        run: deep,
    },
];

fn of_physical(env: &mut Env) -> Outcome {
    let vmo = env.physical(4)?;
    let koid = ok(kit::basic(vmo.value()))?.koid;
    let whole = ok(kit::slice(vmo.value(), 0, 4 * P))?;
    let info = ok(kit::vmo_info(whole.value()))?;
    same(
        (info.size_bytes, info.parent_koid, info.num_children),
        (4 * P, koid, 0),
    )?;
    same(
        info.flags,
        (VmoInfoFlags::CONTIGUOUS | VmoInfoFlags::VIA_HANDLE).bits(),
    )?;
    same(
        (info.cache_policy, info.committed_bytes, info.share_count),
        (1, 0, 1),
    )?;
    same(info.handle_rights, Rights::DEFAULT_PHYSICAL_VMO.bits())?;
    let part = ok(kit::slice(vmo.value(), P, P))?;
    same(ok(kit::get_size(part.value()))?, P)?;
    same(ok(kit::content_size(part.value()))?, P)?;
    same(ok(kit::vmo_info(vmo.value()))?.num_children, 2)?;
    let empty = ok(kit::slice(vmo.value(), 4 * P, 0))?;
    same(ok(kit::get_size(empty.value()))?, 0)?;
    let rounded = ok(kit::slice(vmo.value(), 2 * P, P + 1))?;
    same(ok(kit::get_size(rounded.value()))?, 2 * P)?;
    same(ok(kit::content_size(rounded.value()))?, P + 1)?;
    fails(kit::read(part.value(), &mut [0], 0), Status::NOT_SUPPORTED)?;
    fails(kit::write(part.value(), &[0], 0), Status::NOT_SUPPORTED)
}

fn refused(env: &mut Env) -> Outcome {
    let vmo = env.physical(4)?;
    let by = |offset: u64, size: u64| kit::slice(vmo.value(), offset, size);
    fails(by(0, 4 * P + 1), Status::INVALID_ARGS)?;
    fails(by(P, 4 * P), Status::INVALID_ARGS)?;
    fails(by(5 * P, 0), Status::INVALID_ARGS)?;
    fails(by(1, P), Status::INVALID_ARGS)?;
    fails(by(0, u64::MAX), Status::OUT_OF_RANGE)?;
    fails(by(LAST_PAGE, P), Status::INVALID_ARGS)?;
    fails(kit::slice(0, 0, u64::MAX), Status::OUT_OF_RANGE)?;
    fails(kit::slice(0, 1, P), Status::BAD_HANDLE)?;
    for extra in [VmoChildOptions::NO_WRITE, VmoChildOptions::RESIZABLE] {
        let child = kit::create_child(vmo.value(), VmoChildOptions::SLICE | extra, 0, P);
        fails(child, Status::INVALID_ARGS)?;
    }
    let both = VmoChildOptions::NO_WRITE | VmoChildOptions::RESIZABLE;
    fails(
        kit::create_child(0, VmoChildOptions::SLICE | both, 0, P),
        Status::INVALID_ARGS,
    )?;
    childless(&vmo)?;
    let slice = ok(by(0, P))?;
    fails(
        kit::create_child(slice.value(), VmoChildOptions::SNAPSHOT, 0, P),
        Status::NOT_SUPPORTED,
    )
}

fn rights(env: &mut Env) -> Outcome {
    let vmo = env.physical(4)?;
    for missing in [Rights::DUPLICATE, Rights::READ] {
        let weak = env.without(&vmo, missing)?;
        fails(kit::slice(weak.value(), 0, P), Status::ACCESS_DENIED)?;
    }
    let some = Rights::READ | Rights::DUPLICATE | Rights::MAP;
    let reader = ok(kit::duplicate(vmo.value(), some.bits()))?;
    let slice = ok(kit::slice(reader.value(), 0, P))?;
    same(
        ok(kit::basic(slice.value()))?.rights,
        (some | Rights::PROPERTY).bits(),
    )
}

/// Needs a register that keeps what is stored in it.
fn shares_registers(env: &mut Env) -> Outcome {
    let Some(scratch) = env.facts.scratch else {
        return Ok(());
    };
    let vmo = ok(kit::create_physical(
        env.handles.mmio,
        scratch.page - P,
        3 * P,
    ))?;
    let slice = ok(kit::slice(vmo.value(), P, P))?;
    let whole = ok(env.map(&vmo, READ_WRITE, 3 * P))?;
    let part = ok(env.map(&slice, READ_WRITE, P))?;
    whole.write32(P + scratch.offset, 0x1234_5678);
    same(part.read32(scratch.offset), 0x1234_5678)?;
    part.write32(scratch.offset, 0x0abc_def0);
    same(whole.read32(P + scratch.offset), 0x0abc_def0)
}

fn outlives_parent(env: &mut Env) -> Outcome {
    let vmo = env.physical(4)?;
    let koid = ok(kit::basic(vmo.value()))?.koid;
    let slice = ok(kit::slice(vmo.value(), P, P))?;
    drop(vmo);
    same(ok(kit::vmo_info(slice.value()))?.parent_koid, koid)?;
    same(ok(kit::get_size(slice.value()))?, P)?;
    drop(ok(env.map(&slice, READ_WRITE, P))?);
    ok(slice.close())
}

fn slice_name(env: &mut Env) -> Outcome {
    let vmo = env.physical(4)?;
    ok(kit::set_name(vmo.value(), b"uart"))?;
    let named = ok(kit::slice(vmo.value(), 0, P))?;
    same(ok(kit::get_name(named.value()))?, kit::name(b"uart"))?;
    let no_get = env.without(&vmo, Rights::GET_PROPERTY)?;
    let nameless = ok(kit::slice(no_get.value(), 0, P))?;
    same(ok(kit::get_name(nameless.value()))?, kit::name(b""))
}

/// What holds for every kind of VMO is checked on two.
fn on_both_kinds(env: &Env, run: impl Fn(&Env, &kit::H) -> Outcome) -> Outcome {
    run(env, &env.physical(4)?)?;
    run(env, &env.paged(4)?)
}

fn signal(env: &mut Env) -> Outcome {
    on_both_kinds(env, |_, vmo| {
        childless(vmo)?;
        let first = ok(kit::slice(vmo.value(), 0, P))?;
        childless(&first)?;
        has_children(vmo)?;
        let second = ok(kit::slice(vmo.value(), P, P))?;
        drop(first);
        has_children(vmo)?;
        let other = ok(kit::duplicate(second.value(), Rights::SAME_RIGHTS))?;
        drop(second);
        has_children(vmo)?;
        drop(other);
        childless(vmo)?;
        for _ in 0..10 {
            let child = ok(kit::slice(vmo.value(), 0, 4 * P))?;
            has_children(vmo)?;
            drop(child);
            let (answer, observed) = kit::wait(vmo.value(), Signals::VMO_ZERO_CHILDREN, i64::MAX);
            ok(answer)?;
            same(observed, Signals::VMO_ZERO_CHILDREN)?;
        }
        let empty = ok(kit::slice(vmo.value(), 0, 0))?;
        has_children(vmo)?;
        drop(empty);
        childless(vmo)?;
        let other = ok(kit::duplicate(vmo.value(), Rights::SAME_RIGHTS))?;
        let child = ok(kit::slice(vmo.value(), 0, P))?;
        has_children(&other)?;
        drop(child);
        childless(&other)
    })
}

fn signal_mappings(env: &mut Env) -> Outcome {
    on_both_kinds(env, |env, vmo| {
        let itself = ok(env.map(vmo, READ_WRITE, 4 * P))?;
        childless(vmo)?;
        drop(itself);
        let child = ok(kit::slice(vmo.value(), 0, 2 * P))?;
        let place = ok(env.map(&child, READ_WRITE, 2 * P))?;
        has_children(vmo)?;
        drop(child);
        has_children(vmo)?;
        ok(place.unmap_part(0, P))?;
        has_children(vmo)?;
        drop(place);
        childless(vmo)
    })
}

fn signal_grandchildren(env: &mut Env) -> Outcome {
    on_both_kinds(env, |env, vmo| {
        let child = ok(kit::slice(vmo.value(), P, 2 * P))?;
        let grandchild = ok(kit::slice(child.value(), P, P))?;
        has_children(&child)?;
        same(ok(kit::vmo_info(vmo.value()))?.num_children, 1)?;
        drop(child);
        has_children(vmo)?;
        let place = ok(env.map(&grandchild, READ_WRITE, P))?;
        drop(grandchild);
        has_children(vmo)?;
        drop(place);
        childless(vmo)
    })
}

fn bad_out(env: &mut Env) -> Outcome {
    on_both_kinds(env, |_, vmo| {
        let options = VmoChildOptions::SLICE.bits();
        let answer = zx::sys::vmo_create_child(vmo.value(), options, 0, P, zx::Address::NULL);
        fails(answer, Status::INVALID_ARGS)?;
        childless(vmo)
    })
}

/// A chain of slices is torn down without recursion (`vmo.md` §16).
fn deep(env: &mut Env) -> Outcome {
    let vmo = env.physical(1)?;
    let mut last = ok(kit::slice(vmo.value(), 0, P))?;
    for _ in 0..env.rounds(1000, 20) {
        last = ok(kit::slice(last.value(), 0, P))?;
    }
    has_children(&vmo)?;
    drop(last);
    let (answer, _) = kit::wait(vmo.value(), Signals::VMO_ZERO_CHILDREN, i64::MAX);
    ok(answer)
}
