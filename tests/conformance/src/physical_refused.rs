//! `zx_vmo_create_physical`: what it refuses, and the first error of a call with two faults
//! (table D, README decision 1).

use crate::env::{Env, LAST_PAGE, P};
use crate::kit::{self, H};
use crate::{
    Outcome, Scenario,
    check::{fails, ok, same},
};
use jacinth_abi::limits::MAX_VMO_SIZE;
use jacinth_abi::{ResourceKind, Status};

pub(crate) const SCENARIOS: &[Scenario] = &[
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
];

fn create(resource: &H, paddr: u64, size: u64) -> Result<H, Status> {
    kit::create_physical(resource.value(), paddr, size)
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
        20,
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
