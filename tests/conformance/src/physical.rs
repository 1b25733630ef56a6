//! `zx_vmo_create_physical`: what it accepts and what it refuses (tables C and D, README decision 1).

use crate::env::{Effort, Env, LAST_PAGE, P};
use crate::kit::{self, H};
use crate::{
    Outcome, Scenario,
    check::{fails, holds, ok, same},
};
use jacinth_abi::limits::{KOID_FIRST, MAX_VMO_SIZE};
use jacinth_abi::{
    HandleCountInfo, ObjectType, Property, RSRC_FLAG_EXCLUSIVE, Record, ResourceKind, Rights,
    Signals, Status, Topic, VmoInfo, VmoInfoFlags,
};

const EXCLUSIVE: u32 = ResourceKind::Mmio.number() | RSRC_FLAG_EXCLUSIVE;

pub(crate) const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "physical_ranges",
        rows: &[
            "vmo:56", "vmo:57", "vmo:58", "vmo:59", "vmo:60", "vmo:61", "vmar:331",
        ],
        run: ranges,
    },
    Scenario {
        name: "physical_no_right_needed",
        rows: &["vmo:62"],
        run: no_right_needed,
    },
    Scenario {
        name: "physical_twice",
        rows: &["vmo:63", "vmo:71"],
        run: twice,
    },
    Scenario {
        name: "physical_outlives_resource",
        rows: &["vmo:65"],
        run: outlives_resource,
    },
    Scenario {
        name: "physical_root_ignores_exclusive",
        rows: &["vmo:66"],
        run: root_ignores_exclusive,
    },
    Scenario {
        name: "physical_handle",
        rows: &["vmo:67", "vmo:76"],
        run: handle,
    },
    Scenario {
        name: "physical_size",
        rows: &["vmo:68", "vmo:70", "vmar:357"],
        run: size,
    },
    Scenario {
        name: "physical_signal",
        rows: &["vmo:72", "vmo:181"],
        run: signal,
    },
    Scenario {
        name: "physical_info",
        rows: &["vmo:73", "vmo:74"],
        run: info,
    },
    Scenario {
        name: "physical_name",
        rows: &["vmo:75"],
        run: name,
    },
    Scenario {
        name: "physical_bad_sizes",
        rows: &["vmo:77", "vmo:78", "vmo:79", "vmar:335"],
        run: bad_sizes,
    },
    Scenario {
        name: "physical_bad_addresses",
        rows: &["vmo:81", "vmo:82", "vmar:336", "vmar:337"],
        run: bad_addresses,
    },
    Scenario {
        name: "physical_too_large",
        rows: &[],
        run: too_large,
    },
    Scenario {
        name: "physical_not_granted",
        rows: &["vmo:84", "vmo:85", "vmar:332", "vmar:333"],
        run: not_granted,
    },
    Scenario {
        name: "physical_denied",
        rows: &["vmo:90"],
        run: denied,
    },
    Scenario {
        name: "physical_bad_resources",
        rows: &["vmo:91", "vmo:93", "vmo:95", "vmo:97"],
        run: bad_resources,
    },
    Scenario {
        name: "physical_bad_out",
        rows: &["vmo:99", "vmo:100", "vmo:101", "vmo:102", "vmo:104"],
        run: bad_out,
    },
    Scenario {
        name: "physical_precedence",
        rows: &["vmo:103"],
        run: precedence,
    },
    Scenario {
        name: "physical_leaks_nothing",
        rows: &["vmo:107"],
        run: leaks_nothing,
    },
];

fn create(resource: &H, paddr: u64, size: u64) -> Result<H, Status> {
    kit::create_physical(resource.value(), paddr, size)
}

fn ranges(env: &mut Env) -> Outcome {
    let base = env.facts.free;
    let whole = env.resource(4)?;
    drop(ok(create(&whole, base, 4 * P))?);
    drop(ok(create(&whole, base + 3 * P, P))?);
    let half = ok(env.mmio(base, P / 2))?;
    drop(ok(create(&half, base, P))?);
    let upper_half = ok(env.mmio(base + P / 2, P / 2))?;
    drop(ok(create(&upper_half, base, P))?);
    let odd = ok(env.mmio(base + 0x7800, 0x2000))?;
    drop(ok(create(&odd, base + 0x7000, 0x2000))?);
    drop(ok(create(&odd, base + 0x7000, 0x3000))?);
    fails(create(&odd, base + 0x7000, 0x4000), Status::ACCESS_DENIED)?;
    let border = ok(env.mmio(base + P - 1, 2))?;
    ok(create(&border, base, 2 * P)).map(drop)
}

fn no_right_needed(env: &mut Env) -> Outcome {
    let resource = env.resource(4)?;
    let bare = ok(kit::duplicate(resource.value(), 0))?;
    ok(create(&bare, env.facts.free, 4 * P)).map(drop)
}

fn twice(env: &mut Env) -> Outcome {
    let base = env.facts.free;
    let resource = ok(kit::resource_create(
        env.handles.mmio,
        EXCLUSIVE,
        base,
        4 * P,
        b"",
    ))?;
    let first = ok(create(&resource, base, P))?;
    ok(kit::set_property(
        first.value(),
        Property::VmoContentSize,
        &1u64.to_le_bytes(),
    ))?;
    let second = ok(create(&resource, base, P))?;
    holds(
        ok(kit::basic(first.value()))?.koid != ok(kit::basic(second.value()))?.koid,
        "two koids",
    )?;
    same(ok(kit::content_size(second.value()))?, P)?;
    same(ok(kit::content_size(first.value()))?, 1)
}

fn outlives_resource(env: &mut Env) -> Outcome {
    let base = env.facts.free;
    let create_exclusive = || kit::resource_create(env.handles.mmio, EXCLUSIVE, base, P, b"");
    let resource = ok(create_exclusive())?;
    let vmo = ok(create(&resource, base, P))?;
    drop(resource);
    drop(ok(create_exclusive())?);
    same(ok(kit::get_size(vmo.value()))?, P)
}

fn root_ignores_exclusive(env: &mut Env) -> Outcome {
    let base = env.facts.free;
    let _held = ok(kit::resource_create(
        env.handles.mmio,
        EXCLUSIVE,
        base,
        P,
        b"",
    ))?;
    ok(kit::create_physical(env.handles.mmio, base, P)).map(drop)
}

fn handle(env: &mut Env) -> Outcome {
    let vmo = env.physical(4)?;
    let info = ok(kit::basic(vmo.value()))?;
    same(
        (info.object_type, info.related_koid),
        (ObjectType::Vmo.number(), 0),
    )?;
    same(info.rights, Rights::DEFAULT_PHYSICAL_VMO.bits())?;
    holds(info.koid >= KOID_FIRST, "an ordinary koid")?;
    same(
        ok(kit::info::<HandleCountInfo>(
            vmo.value(),
            Topic::HANDLE_COUNT,
        ))?
        .handle_count,
        1,
    )
}

fn size(env: &mut Env) -> Outcome {
    let vmo = env.physical(4)?;
    same(ok(kit::get_size(vmo.value()))?, 4 * P)?;
    same(ok(kit::content_size(vmo.value()))?, 4 * P)?;
    for size in [1, 0, 4 * P, P - 1, 5 * P, u64::MAX] {
        ok(kit::set_property(
            vmo.value(),
            Property::VmoContentSize,
            &size.to_le_bytes(),
        ))?;
        same(ok(kit::content_size(vmo.value()))?, size)?;
        same(ok(kit::get_size(vmo.value()))?, 4 * P)?;
    }
    Ok(())
}

fn signal(env: &mut Env) -> Outcome {
    let vmo = env.physical(4)?;
    let deadline = ok(kit::now())? + 1_000_000;
    let (result, observed) = kit::wait(vmo.value(), Signals::USER_0, deadline);
    fails(result, Status::TIMED_OUT)?;
    same(observed, Signals::VMO_ZERO_CHILDREN)
}

fn info(env: &mut Env) -> Outcome {
    let vmo = env.physical(4)?;
    let koid = ok(kit::basic(vmo.value()))?.koid;
    let expected = VmoInfo {
        koid,
        size_bytes: 4 * P,
        share_count: 1,
        flags: (VmoInfoFlags::CONTIGUOUS | VmoInfoFlags::VIA_HANDLE).bits(),
        handle_rights: Rights::DEFAULT_PHYSICAL_VMO.bits(),
        cache_policy: 1,
        ..VmoInfo::default()
    };
    let mut now = VmoInfo::zeroed_bytes();
    same(
        kit::info_into(vmo.value(), Topic::VMO, &mut now),
        (Ok(()), 1, 1),
    )?;
    same(VmoInfo::from_bytes(&now), expected)?;
    let older = [
        (Topic::VMO_V1, VmoInfo::V1_SIZE),
        (Topic::VMO_V2, VmoInfo::V2_SIZE),
        (Topic::VMO_V3, VmoInfo::V3_SIZE),
    ];
    for (topic, size) in older {
        let mut buffer = [0xa5; 176];
        let got = kit::info_into(vmo.value(), topic, &mut buffer);
        same(got, (Ok(()), 1, 1))?;
        same(&buffer[..size], &now[..size])?;
        holds(
            buffer[size..].iter().all(|byte| *byte == 0xa5),
            "nothing is written past an older record",
        )?;
        same(
            kit::info_into(vmo.value(), topic, &mut buffer[..size]),
            (Ok(()), 1, 1),
        )?;
        same(
            kit::info_into(vmo.value(), topic, &mut buffer[..size - 1]),
            (Err(Status::BUFFER_TOO_SMALL), 0, 1),
        )?;
    }
    Ok(())
}

fn name(env: &mut Env) -> Outcome {
    let vmo = env.physical(1)?;
    same(ok(kit::get_name(vmo.value()))?, [0; 32])
}

fn bad_sizes(env: &mut Env) -> Outcome {
    let base = env.facts.free;
    let resource = env.resource(4)?;
    for size in [0, 1, P - 1, P + 1, 4 * P - 1, u64::MAX] {
        fails(create(&resource, base, size), Status::INVALID_ARGS)?;
        fails(
            kit::create_physical(env.handles.mmio, base, size),
            Status::INVALID_ARGS,
        )?;
    }
    Ok(())
}

fn bad_addresses(env: &mut Env) -> Outcome {
    let base = env.facts.free;
    let resource = env.resource(4)?;
    for paddr in [base + 1, base + P / 2, base + 4 * P + 1, base + P - 1] {
        fails(create(&resource, paddr, P), Status::INVALID_ARGS)?;
        fails(
            kit::create_physical(env.handles.mmio, paddr, P),
            Status::INVALID_ARGS,
        )?;
    }
    Ok(())
}

/// README decision 1: a size above the largest, or a range that leaves the physical addresses.
fn too_large(env: &mut Env) -> Outcome {
    let base = env.facts.free;
    let resource = env.resource(4)?;
    for (paddr, size) in [
        (base, MAX_VMO_SIZE + P),
        (base, LAST_PAGE),
        (base, 1 << 60),
        (0, MAX_VMO_SIZE),
        (LAST_PAGE, P),
        (LAST_PAGE, 2 * P),
        (1 << 63, P),
    ] {
        fails(create(&resource, paddr, size), Status::OUT_OF_RANGE)?;
        fails(
            kit::create_physical(env.handles.mmio, paddr, size),
            Status::OUT_OF_RANGE,
        )?;
    }
    Ok(())
}

fn not_granted(env: &mut Env) -> Outcome {
    let base = env.facts.free;
    let page = env.resource(1)?;
    fails(create(&page, base, 2 * P), Status::ACCESS_DENIED)?;
    fails(create(&page, base - P, P), Status::ACCESS_DENIED)?;
    fails(create(&page, base + P, P), Status::ACCESS_DENIED)?;
    fails(create(&page, base - P, 2 * P), Status::ACCESS_DENIED)?;
    ok(create(&page, base, P)).map(drop)
}

fn denied(env: &mut Env) -> Outcome {
    let (denied, ram) = (env.facts.denied, env.facts.ram);
    let by_root = |paddr: u64, size: u64| kit::create_physical(env.handles.mmio, paddr, size);
    fails(by_root(denied, P), Status::ACCESS_DENIED)?;
    fails(by_root(denied - P, 2 * P), Status::ACCESS_DENIED)?;
    fails(by_root(ram, P), Status::ACCESS_DENIED)?;
    fails(by_root(ram, 16 * P), Status::ACCESS_DENIED)?;
    ok(by_root(denied - P, P)).map(drop)
}

fn bad_resources(env: &mut Env) -> Outcome {
    let base = env.facts.free;
    let by = |resource: u32| kit::create_physical(resource, base, P);
    fails(by(0), Status::BAD_HANDLE)?;
    fails(by(kit::closed_handle()?), Status::BAD_HANDLE)?;
    let vmo = env.paged(1)?;
    fails(by(vmo.value()), Status::WRONG_TYPE)?;
    fails(by(env.handles.process), Status::WRONG_TYPE)?;
    fails(by(env.handles.irq), Status::WRONG_TYPE)?;
    fails(by(env.handles.system), Status::WRONG_TYPE)?;
    let irq = ok(kit::resource_create(
        env.handles.irq,
        ResourceKind::Irq.number(),
        40,
        1,
        b"",
    ))?;
    fails(by(irq.value()), Status::WRONG_TYPE)
}

fn bad_out(env: &mut Env) -> Outcome {
    let base = env.facts.free;
    let resource = env.resource(4)?;
    let before = ok(kit::handle_count(resource.value()))?;
    let read_only = kit::read_only_page(env)?;
    for out in [
        zx::Address::NULL,
        zx::Address::KERNEL,
        zx::Address::NON_CANONICAL,
        kit::unmapped_page(env)?,
        read_only.address(0),
    ] {
        fails(
            kit::create_physical_out(resource.value(), base, P, out),
            Status::INVALID_ARGS,
        )?;
        fails(
            kit::create_physical_out(0, base, P, out),
            Status::BAD_HANDLE,
        )?;
    }
    same(ok(kit::handle_count(resource.value()))?, before)?;
    let mut pattern = 0x1234_5678;
    fails(
        kit::create_physical_into(0, base, P, &mut pattern),
        Status::BAD_HANDLE,
    )?;
    fails(
        kit::create_physical_into(resource.value(), base, 8 * P, &mut pattern),
        Status::ACCESS_DENIED,
    )?;
    same(pattern, 0x1234_5678)
}

/// Calls with two faults: the first in the order of README decision 1 answers.
fn precedence(env: &mut Env) -> Outcome {
    let base = env.facts.free;
    let page = env.resource(1)?;
    let vmo = env.paged(1)?;
    let closed = kit::closed_handle()?;
    let (irq, mmio, vmo, page) = (env.handles.irq, env.handles.mmio, vmo.value(), page.value());
    let huge = 1 << 60;
    let cases: &[(u32, u64, u64, Status)] = &[
        (closed, base, 1, Status::INVALID_ARGS),
        (closed, base + 1, P, Status::INVALID_ARGS),
        (vmo, base, 0, Status::INVALID_ARGS),
        (irq, base, P + 1, Status::INVALID_ARGS),
        (page, base + 4 * P + 1, P, Status::INVALID_ARGS),
        (mmio, env.facts.ram + 1, P, Status::INVALID_ARGS),
        (mmio, base + 1, huge, Status::INVALID_ARGS),
        (closed, base, huge, Status::OUT_OF_RANGE),
        (vmo, base, huge, Status::OUT_OF_RANGE),
        (irq, base, huge, Status::OUT_OF_RANGE),
        (page, base, huge, Status::OUT_OF_RANGE),
        (closed, env.facts.ram, P, Status::BAD_HANDLE),
        (vmo, env.facts.ram, P, Status::WRONG_TYPE),
        (irq, env.facts.ram, P, Status::WRONG_TYPE),
        (page, env.facts.ram, P, Status::ACCESS_DENIED),
    ];
    for (resource, paddr, size, expected) in cases.iter().copied() {
        fails(
            kit::create_physical_out(resource, paddr, size, zx::Address::NULL),
            expected,
        )?;
        fails(kit::create_physical(resource, paddr, size), expected)?;
    }
    fails(
        kit::create_physical_out(page, base, P, zx::Address::NULL),
        Status::INVALID_ARGS,
    )
}

fn leaks_nothing(env: &mut Env) -> Outcome {
    let resource = env.resource(1)?;
    let rounds = match env.effort {
        Effort::Full => 100_000,
        Effort::Little => 300,
    };
    for _ in 0..rounds {
        drop(ok(create(&resource, env.facts.free, P))?);
    }
    same(ok(kit::handle_count(resource.value()))?, 1)
}
