//! `zx_vmo_create_physical`: what it accepts and what it refuses (tables C and D, README decision 1).

use crate::env::{Env, P};
use crate::kit::{self, H};
use crate::{
    Outcome, Scenario,
    check::{fails, holds, ok, same},
};
use jacinth_abi::limits::KOID_FIRST;
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

fn leaks_nothing(env: &mut Env) -> Outcome {
    let resource = env.resource(1)?;
    for _ in 0..env.rounds(100_000, 20) {
        drop(ok(create(&resource, env.facts.free, P))?);
    }
    same(ok(kit::handle_count(resource.value()))?, 1)
}
