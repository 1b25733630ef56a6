//! Resources: creation, queries, division (tables A and B).

use crate::env::{Env, P};
use crate::kit::{self, H};
use crate::{
    Outcome, Scenario,
    check::{fails, ok, same},
};
use jacinth_abi::{RSRC_FLAG_EXCLUSIVE, ResourceInfo, ResourceKind, Rights, Status, Topic};

const MMIO: u32 = ResourceKind::Mmio.number();
const IRQ: u32 = ResourceKind::Irq.number();
const EXCLUSIVE: u32 = MMIO | RSRC_FLAG_EXCLUSIVE;
/// The retired kind ROOT, and one past the last kind.
const KIND_ROOT: u32 = 3;
const KIND_COUNT: u32 = 6;

pub(crate) const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "resource_probing",
        rows: &["vmo:1", "vmo:2"],
        run: probing,
    },
    Scenario {
        name: "resource_info",
        rows: &["vmo:3", "vmo:4", "vmo:5", "vmar:328"],
        run: info,
    },
    Scenario {
        name: "resource_root_info",
        rows: &["vmo:6"],
        run: root_info,
    },
    Scenario {
        name: "resource_exclusive",
        rows: &[
            "vmo:7", "vmo:11", "vmo:13", "vmo:14", "vmo:15", "vmar:341", "vmar:343",
        ],
        run: exclusive,
    },
    Scenario {
        name: "resource_shared",
        rows: &["vmo:10", "vmo:12", "vmar:340"],
        run: shared,
    },
    Scenario {
        name: "resource_root_duplicate",
        rows: &["vmo:17", "vmo:39"],
        run: root_duplicate,
    },
    Scenario {
        name: "resource_bad_numbers",
        rows: &["vmo:19", "vmo:23", "vmo:28", "vmo:29"],
        run: bad_numbers,
    },
    Scenario {
        name: "resource_bad_parents",
        rows: &["vmo:25", "vmo:26", "vmo:27"],
        run: bad_parents,
    },
    Scenario {
        name: "resource_denied",
        rows: &["vmo:32"],
        run: denied,
    },
    Scenario {
        name: "resource_names",
        rows: &["vmo:35", "vmo:36"],
        run: names,
    },
    Scenario {
        name: "resource_children",
        rows: &["vmo:40", "vmo:41", "vmo:42", "vmo:54"],
        run: children,
    },
    Scenario {
        name: "resource_children_refused",
        rows: &[
            "vmo:43", "vmo:45", "vmo:46", "vmo:47", "vmar:338", "vmar:339",
        ],
        run: children_refused,
    },
    Scenario {
        name: "resource_exclusive_parent",
        rows: &["vmo:48", "vmo:49", "vmo:50", "vmar:342"],
        run: exclusive_parent,
    },
    Scenario {
        name: "resource_sub_page_parent",
        rows: &["vmo:51", "vmo:52"],
        run: sub_page_parent,
    },
    Scenario {
        name: "resource_two_faults",
        rows: &[],
        run: two_faults,
    },
];

fn create(env: &Env, options: u32, base: u64, size: u64) -> Result<H, Status> {
    kit::resource_create(env.handles.mmio, options, base, size, b"")
}

fn probing(env: &mut Env) -> Outcome {
    let mut found = 0;
    for step in 0..64 {
        match create(env, MMIO, step << 32, 4 * P) {
            Ok(_) => found += 1,
            Err(Status::NOT_FOUND | Status::ACCESS_DENIED) => {}
            Err(other) => return crate::check::fail(alloc::format!("step {step}: {other}")),
        }
    }
    crate::check::holds(found > 0, "some step finds free space")
}

fn info(env: &mut Env) -> Outcome {
    let base = env.facts.free;
    let exclusive = ok(kit::resource_create(
        env.handles.mmio,
        EXCLUSIVE,
        base,
        4 * P,
        b"test_resource_name",
    ))?;
    let info = ok(kit::info::<ResourceInfo>(
        exclusive.value(),
        Topic::RESOURCE,
    ))?;
    same(
        (info.kind, info.flags, info.base, info.size),
        (MMIO, RSRC_FLAG_EXCLUSIVE, base, 4 * P),
    )?;
    same(info.name, kit::name(b"test_resource_name"))?;
    drop(exclusive);
    let shared = env.resource(4)?;
    same(
        ok(kit::info::<ResourceInfo>(shared.value(), Topic::RESOURCE))?.flags,
        0,
    )
}

fn root_info(env: &mut Env) -> Outcome {
    let info = ok(kit::info::<ResourceInfo>(env.handles.mmio, Topic::RESOURCE))?;
    same(
        (info.kind, info.flags, info.base, info.size),
        (MMIO, 0, 0, 0),
    )
}

fn exclusive(env: &mut Env) -> Outcome {
    let base = env.facts.free;
    let first = ok(create(env, EXCLUSIVE, base, 4 * P))?;
    fails(create(env, MMIO, base, 4 * P), Status::NOT_FOUND)?;
    fails(
        create(env, EXCLUSIVE, base + 2 * P, 4 * P),
        Status::NOT_FOUND,
    )?;
    let adjacent = ok(create(env, EXCLUSIVE, base + 4 * P, P))?;
    drop(adjacent);
    let second = ok(kit::duplicate(first.value(), Rights::SAME_RIGHTS))?;
    drop(first);
    fails(create(env, EXCLUSIVE, base, 4 * P), Status::NOT_FOUND)?;
    drop(second);
    drop(ok(create(env, EXCLUSIVE, base, 4 * P))?);
    let low = ok(create(env, EXCLUSIVE, base, P / 2))?;
    let high = ok(create(env, EXCLUSIVE, base + P / 2, P / 2))?;
    drop((low, high));
    Ok(())
}

fn shared(env: &mut Env) -> Outcome {
    let base = env.facts.free;
    let first = env.resource(4)?;
    let second = env.resource(4)?;
    fails(create(env, EXCLUSIVE, base, P), Status::NOT_FOUND)?;
    drop(first);
    fails(create(env, EXCLUSIVE, base, P), Status::NOT_FOUND)?;
    drop(second);
    ok(create(env, EXCLUSIVE, base, P)).map(drop)
}

fn root_duplicate(env: &mut Env) -> Outcome {
    let root = ok(kit::duplicate(env.handles.mmio, Rights::SAME_RIGHTS))?;
    let child = ok(kit::resource_create(
        root.value(),
        MMIO,
        env.facts.free,
        4 * P,
        b"",
    ))?;
    drop(root);
    ok(kit::create_physical(child.value(), env.facts.free, P)).map(drop)
}

fn bad_numbers(env: &mut Env) -> Outcome {
    let base = env.facts.free;
    for kind in [KIND_COUNT, KIND_COUNT + 1, KIND_ROOT] {
        fails(create(env, kind, base, P), Status::INVALID_ARGS)?;
    }
    fails(create(env, 0x00ff_0000, base, P), Status::INVALID_ARGS)?;
    fails(create(env, MMIO, 1024, u64::MAX), Status::INVALID_ARGS)?;
    fails(create(env, MMIO, u64::MAX, 1024), Status::INVALID_ARGS)?;
    fails(create(env, MMIO, base, 0), Status::INVALID_ARGS)?;
    fails(create(env, EXCLUSIVE, base, 0), Status::INVALID_ARGS)?;
    let beyond_irqs = kit::resource_create(env.handles.irq, IRQ, 1 << 40, 1, b"");
    fails(beyond_irqs, Status::NOT_FOUND)?;
    let beyond_system = kit::resource_create(
        env.handles.system,
        ResourceKind::System.number(),
        16,
        1,
        b"",
    );
    fails(beyond_system, Status::NOT_FOUND)
}

fn bad_parents(env: &mut Env) -> Outcome {
    let base = env.facts.free;
    let by = |parent: u32| kit::resource_create(parent, MMIO, base, P, b"");
    fails(by(0), Status::BAD_HANDLE)?;
    let closed = kit::closed_handle()?;
    fails(by(closed), Status::BAD_HANDLE)?;
    let vmo = env.paged(1)?;
    fails(by(vmo.value()), Status::WRONG_TYPE)?;
    let bare = ok(kit::duplicate(vmo.value(), 0))?;
    fails(by(bare.value()), Status::WRONG_TYPE)?;
    let parent = env.resource(4)?;
    let weak = env.without(&parent, Rights::WRITE)?;
    fails(by(weak.value()), Status::ACCESS_DENIED)
}

fn denied(env: &mut Env) -> Outcome {
    let denied = env.facts.denied;
    fails(env.mmio(denied, P), Status::ACCESS_DENIED)?;
    fails(env.mmio(denied - P, 2 * P), Status::ACCESS_DENIED)?;
    fails(env.mmio(denied + 8, 8), Status::ACCESS_DENIED)?;
    fails(env.mmio(env.facts.ram, P), Status::ACCESS_DENIED)?;
    ok(env.mmio(denied - P, P)).map(drop)
}

fn names(env: &mut Env) -> Outcome {
    let base = env.facts.free;
    let empty = ok(kit::resource_create_named_at(
        env.handles.mmio,
        MMIO,
        (base, P),
        zx::Address::NULL,
        0,
    ))?;
    same(
        ok(kit::info::<ResourceInfo>(empty.value(), Topic::RESOURCE))?.name,
        kit::name(b""),
    )?;
    let long = [b'x'; 40];
    let resource = ok(kit::resource_create(env.handles.mmio, MMIO, base, P, &long))?;
    same(
        ok(kit::info::<ResourceInfo>(resource.value(), Topic::RESOURCE))?.name,
        kit::name(&long[..31]),
    )?;
    let bad =
        kit::resource_create_named_at(env.handles.mmio, MMIO, (base, P), zx::Address::KERNEL, 4);
    fails(bad, Status::INVALID_ARGS)
}

fn children(env: &mut Env) -> Outcome {
    let base = env.facts.free;
    let parent = env.resource(4)?;
    let by = |base: u64, size: u64| kit::resource_create(parent.value(), MMIO, base, size, b"");
    drop(ok(by(base, 4 * P))?);
    drop(ok(by(base, P))?);
    let child = ok(by(base + P, P))?;
    drop(parent);
    ok(kit::create_physical(child.value(), base + P, P)).map(drop)
}

fn children_refused(env: &mut Env) -> Outcome {
    let base = env.facts.free;
    let parent = env.resource(4)?;
    let by = |options: u32, base: u64, size: u64| {
        kit::resource_create(parent.value(), options, base, size, b"")
    };
    fails(by(MMIO, base + 4 * P, P), Status::ACCESS_DENIED)?;
    fails(by(MMIO, base + 3 * P, 2 * P), Status::ACCESS_DENIED)?;
    fails(by(MMIO, base, 4 * P + 34), Status::ACCESS_DENIED)?;
    fails(by(MMIO, base - P, 2 * P), Status::ACCESS_DENIED)?;
    fails(by(IRQ, base, P), Status::ACCESS_DENIED)?;
    fails(by(KIND_ROOT, base, P), Status::INVALID_ARGS)?;
    fails(by(EXCLUSIVE, base, P), Status::INVALID_ARGS)
}

fn exclusive_parent(env: &mut Env) -> Outcome {
    let base = env.facts.free;
    let parent = ok(create(env, EXCLUSIVE, base, 4 * P))?;
    let by = |options: u32, base: u64| kit::resource_create(parent.value(), options, base, P, b"");
    fails(by(MMIO, base), Status::INVALID_ARGS)?;
    fails(by(EXCLUSIVE, base), Status::INVALID_ARGS)?;
    fails(by(MMIO, base + 4 * P), Status::ACCESS_DENIED)
}

fn sub_page_parent(env: &mut Env) -> Outcome {
    let base = env.facts.free + 0x1_0080;
    let parent = ok(env.mmio(base, 0x80))?;
    let by = |base: u64, size: u64| kit::resource_create(parent.value(), MMIO, base, size, b"");
    drop(ok(by(base, 0x80))?);
    fails(by(base - 0x80, P), Status::ACCESS_DENIED)
}

/// Two faults in one call: the first check in the order of `handles-resources.md` §11 answers.
fn two_faults(env: &mut Env) -> Outcome {
    let base = env.facts.free;
    let vmo = env.paged(1)?;
    let parent = env.resource(4)?;
    let weak = env.without(&parent, Rights::WRITE)?;
    let by = |parent: u32, options: u32, base: u64, size: u64| {
        kit::resource_create(parent, options, base, size, b"")
    };
    fails(by(0, MMIO, u64::MAX, 2), Status::INVALID_ARGS)?;
    fails(by(0, KIND_COUNT, base, P), Status::BAD_HANDLE)?;
    fails(by(vmo.value(), KIND_COUNT, base, P), Status::WRONG_TYPE)?;
    fails(by(weak.value(), KIND_COUNT, base, P), Status::ACCESS_DENIED)?;
    fails(
        by(parent.value(), KIND_COUNT, base + 8 * P, P),
        Status::INVALID_ARGS,
    )?;
    fails(
        by(parent.value(), EXCLUSIVE, base + 8 * P, P),
        Status::ACCESS_DENIED,
    )?;
    let denied = kit::resource_create_named_at(
        env.handles.mmio,
        MMIO,
        (env.facts.denied, P),
        zx::Address::KERNEL,
        4,
    );
    fails(denied, Status::ACCESS_DENIED)?;
    let no_size =
        kit::resource_create_named_at(env.handles.mmio, MMIO, (base, 0), zx::Address::NULL, 0);
    fails(no_size, Status::INVALID_ARGS)?;
    let out = kit::resource_create_out(
        env.handles.mmio,
        MMIO,
        (env.facts.denied, P),
        zx::Address::NULL,
    );
    fails(out, Status::ACCESS_DENIED)?;
    fails(
        kit::resource_create_out(
            env.handles.mmio,
            EXCLUSIVE,
            (base + 8 * P, P),
            zx::Address::NULL,
        ),
        Status::INVALID_ARGS,
    )?;
    ok(create(env, EXCLUSIVE, base + 8 * P, P)).map(drop)
}
