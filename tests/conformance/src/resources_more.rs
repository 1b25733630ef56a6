//! Resources of every kind, what they share and what they authorise (`handles-resources.md` §9 to
//! §14).

use crate::env::{Env, P};
use crate::kit::{self, H};
use crate::{
    Outcome, Scenario,
    check::{fails, ok, same},
};
use alloc::vec::Vec;
use jacinth_abi::{
    RSRC_FLAG_EXCLUSIVE, ResourceInfo, ResourceKind, Rights, Status, SystemBase, Topic,
};

const MMIO: u32 = ResourceKind::Mmio.number();
const IRQ: u32 = ResourceKind::Irq.number();
const SYSTEM: u32 = ResourceKind::System.number();
/// A port that no kernel uses.
const FREE_PORT: u64 = 0xcf8;

pub(crate) const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "resource_kinds",
        rows: &[],
        run: kinds,
    },
    Scenario {
        name: "resource_denied_ports",
        rows: &[],
        run: denied_ports,
    },
    Scenario {
        name: "resource_spans",
        rows: &[],
        run: spans,
    },
    Scenario {
        name: "resource_system_bases",
        rows: &[],
        run: system_bases,
    },
    Scenario {
        name: "resource_mmio_span",
        rows: &[],
        run: mmio_span,
    },
    Scenario {
        name: "resource_sharing",
        rows: &[],
        run: sharing,
    },
    Scenario {
        name: "resource_widened_to_pages",
        rows: &[],
        run: widened,
    },
    Scenario {
        name: "resource_many_exclusive",
        rows: &[],
        run: many_exclusive,
    },
    Scenario {
        name: "resource_exact_names",
        rows: &[],
        run: exact_names,
    },
    Scenario {
        name: "resource_outlives_root_duplicate",
        rows: &[],
        run: children_are_independent,
    },
];

fn create(parent: u32, options: u32, base: u64, size: u64) -> Result<H, Status> {
    kit::resource_create(parent, options, base, size, b"")
}

fn info(resource: u32) -> Result<ResourceInfo, Status> {
    kit::info(resource, Topic::RESOURCE)
}

/// Each root makes resources of its own kind, and of no other.
fn kinds(env: &mut Env) -> Outcome {
    let of_machine = [
        (env.handles.io_ports, ResourceKind::IoPort, FREE_PORT),
        (env.handles.smc, ResourceKind::Smc, 0),
    ];
    let of_machine = of_machine
        .into_iter()
        .filter_map(|(root, kind, base)| Some((root?, kind, base)));
    let roots = [
        (env.handles.mmio, ResourceKind::Mmio, env.facts.free),
        (env.handles.irq, ResourceKind::Irq, 20),
        (env.handles.system, ResourceKind::System, 3),
    ];
    for (root, kind, base) in roots.into_iter().chain(of_machine) {
        let of_root = ok(info(root))?;
        same(
            (of_root.kind, of_root.flags, of_root.base, of_root.size),
            (kind.number(), 0, 0, 0),
        )?;
        let child = ok(create(root, kind.number(), base, 1))?;
        let of_child = ok(info(child.value()))?;
        same(
            (of_child.kind, of_child.flags, of_child.base, of_child.size),
            (kind.number(), 0, base, 1),
        )?;
        for other in 0..ResourceKind::COUNT {
            let expected = match ResourceKind::from_number(other) {
                None => Status::INVALID_ARGS,
                Some(other) if other == kind => continue,
                Some(_) => Status::ACCESS_DENIED,
            };
            fails(create(root, other, base, 1), expected)?;
            fails(create(child.value(), other, base, 1), expected)?;
        }
    }
    Ok(())
}

/// The console's ports are the kernel's; their neighbours are not.
fn denied_ports(env: &mut Env) -> Outcome {
    const CONSOLE: u64 = 0x3f8;
    let Some(root) = env.handles.io_ports else {
        return Ok(());
    };
    let kind = ResourceKind::IoPort.number();
    for (base, size) in [
        (CONSOLE, 8),
        (CONSOLE + 5, 1),
        (CONSOLE - 1, 2),
        (CONSOLE + 7, 4),
        (0, 65_535),
        (0, 70_000),
    ] {
        fails(create(root, kind, base, size), Status::ACCESS_DENIED)?;
    }
    drop(ok(create(root, kind, CONSOLE - 2, 2))?);
    ok(create(root, kind, CONSOLE + 8, 1)).map(drop)
}

/// The span of each kind ends where Zircon's does; of I/O ports the last is nobody's.
fn spans(env: &mut Env) -> Outcome {
    if let Some(root) = env.handles.io_ports {
        let kind = ResourceKind::IoPort.number();
        drop(ok(create(root, kind, 65_534, 1))?);
        for (base, size) in [(65_535, 1), (65_534, 2), (1 << 16, 1), (1 << 40, 8)] {
            fails(create(root, kind, base, size), Status::NOT_FOUND)?;
        }
    }
    if let Some(root) = env.handles.smc {
        let kind = ResourceKind::Smc.number();
        drop(ok(create(root, kind, 0xc400_0000, 1))?);
        fails(create(root, kind, 1 << 40, 1), Status::NOT_FOUND)?;
    }
    same(env.handles.io_ports.is_some(), env.facts.is_x86_64)?;
    same(env.handles.smc.is_none(), env.facts.is_x86_64)?;
    fails(
        create(env.handles.irq, IRQ, u64::from(u32::MAX), 1),
        Status::NOT_FOUND,
    )
}

fn system_bases(env: &mut Env) -> Outcome {
    let root = env.handles.system;
    for base in 0..SystemBase::COUNT {
        let resource = ok(create(root, SYSTEM, u64::from(base), 1))?;
        same(ok(info(resource.value()))?.base, u64::from(base))?;
    }
    for (base, size) in [(15, 2), (16, 1), (1 << 40, 1)] {
        fails(create(root, SYSTEM, base, size), Status::NOT_FOUND)?;
    }
    let some = ok(create(root, SYSTEM, 3, 3))?;
    drop(ok(create(some.value(), SYSTEM, 4, 1))?);
    for (base, size) in [(2, 1), (6, 1), (5, 2), (2, 4)] {
        fails(
            create(some.value(), SYSTEM, base, size),
            Status::ACCESS_DENIED,
        )?;
    }
    let held = ok(create(root, SYSTEM | RSRC_FLAG_EXCLUSIVE, 8, 1))?;
    fails(create(root, SYSTEM, 8, 1), Status::NOT_FOUND)?;
    drop(held);
    let irq = ok(create(env.handles.irq, IRQ | RSRC_FLAG_EXCLUSIVE, 20, 1))?;
    fails(create(env.handles.irq, IRQ, 20, 1), Status::NOT_FOUND)?;
    // Kinds have nothing to do with each other.
    drop(ok(create(root, SYSTEM, 8, 1))?);
    drop(irq);
    ok(create(env.handles.irq, IRQ, 20, 1)).map(drop)
}

/// The table of §13, cell by cell.
fn sharing(env: &mut Env) -> Outcome {
    let (root, base) = (env.handles.mmio, env.facts.free);
    for flags in [0, RSRC_FLAG_EXCLUSIVE] {
        let existing = ok(create(root, MMIO | flags, base + P, 2 * P))?;
        for (at, size) in [(base, 2 * P), (base + P, 2 * P), (base + 2 * P, 1)] {
            let shared = create(root, MMIO, at, size);
            if flags == 0 {
                drop(ok(shared)?);
            } else {
                fails(shared, Status::NOT_FOUND)?;
            }
            let exclusive = create(root, MMIO | RSRC_FLAG_EXCLUSIVE, at, size);
            fails(exclusive, Status::NOT_FOUND)?;
            drop(ok(kit::create_physical(root, at, P))?);
        }
        for (at, size) in [(base, P), (base + 3 * P, P)] {
            drop(ok(create(root, MMIO, at, size))?);
            drop(ok(create(root, MMIO | RSRC_FLAG_EXCLUSIVE, at, size))?);
        }
        let child = create(existing.value(), MMIO, base + P, P);
        if flags == 0 {
            drop(ok(child)?);
        } else {
            fails(child, Status::INVALID_ARGS)?;
        }
        let exclusive = create(existing.value(), MMIO | RSRC_FLAG_EXCLUSIVE, base + P, P);
        fails(exclusive, Status::INVALID_ARGS)?;
        drop(ok(kit::create_physical(existing.value(), base + P, P))?);
    }
    Ok(())
}

/// The table of §12: what a range authorises after it is widened, to the page.
fn widened(env: &mut Env) -> Outcome {
    let base = env.facts.free + 16 * P;
    for (offset, size, first, pages) in [
        (0, P, 0, 1),
        (0, P / 2, 0, 1),
        (P / 2, P / 2, 0, 1),
        (P / 2, P, 0, 2),
        (0x7800, 0x2000, 7, 3),
        (P - 1, 2, 0, 2),
        (P - 1, 1, 0, 1),
    ] {
        let resource = ok(env.mmio(base + offset, size))?;
        let by = |page: u64, pages: u64| {
            kit::create_physical(resource.value(), base + page * P, pages * P)
        };
        drop(ok(by(first, pages))?);
        drop(ok(by(first + pages - 1, 1))?);
        fails(by(first, pages + 1), Status::ACCESS_DENIED)?;
        fails(by(first + pages, 1), Status::ACCESS_DENIED)?;
        let before = kit::create_physical(resource.value(), base + first * P - P, P);
        fails(before, Status::ACCESS_DENIED)?;
    }
    Ok(())
}

/// Many neighbours, of which every second one goes.
fn many_exclusive(env: &mut Env) -> Outcome {
    const COUNT: u64 = 12;
    let root = env.handles.mmio;
    let place = |number: u64| env.facts.free + number * P;
    let exclusive = |number: u64| create(root, MMIO | RSRC_FLAG_EXCLUSIVE, place(number), P);
    let mut held: Vec<Option<H>> = Vec::new();
    for number in 0..COUNT {
        held.push(Some(ok(exclusive(number))?));
    }
    for number in 0..COUNT {
        fails(exclusive(number), Status::NOT_FOUND)?;
    }
    for place in held.iter_mut().step_by(2) {
        *place = None;
    }
    for number in 0..COUNT {
        if number % 2 == 0 {
            drop(ok(exclusive(number))?);
            drop(ok(create(root, MMIO, place(number) + 8, 8))?);
        } else {
            fails(exclusive(number), Status::NOT_FOUND)?;
            fails(create(root, MMIO, place(number) + 8, 8), Status::NOT_FOUND)?;
        }
    }
    fails(create(root, MMIO, place(0), 2 * P), Status::NOT_FOUND)?;
    fails(create(root, MMIO, place(0), 1 << 25), Status::NOT_FOUND)?;
    drop(held);
    ok(create(root, MMIO | RSRC_FLAG_EXCLUSIVE, place(0), 1 << 25)).map(drop)
}

/// A name needs no NUL, ends at the first one, and is read at most 31 bytes far.
fn exact_names(env: &mut Env) -> Outcome {
    let text = [b'r'; 40];
    for (given, kept) in [
        (&text[..31], &text[..31]),
        (&text[..32], &text[..31]),
        (b"one\0two", b"one"),
        (b"\0", b""),
    ] {
        let resource = ok(kit::resource_create(
            env.handles.mmio,
            MMIO,
            env.facts.free,
            P,
            given,
        ))?;
        same(ok(info(resource.value()))?.name, kit::name(kept))?;
        same(ok(kit::get_name(resource.value()))?, kit::name(kept))?;
    }
    let readable = kit::read_only_page(env)?;
    let at_end = readable.address(P - 31);
    let named =
        kit::resource_create_named_at(env.handles.mmio, MMIO, (env.facts.free, P), at_end, 100);
    same(ok(info(ok(named)?.value()))?.name, [0; 32])
}

/// §10 and §14: neither rights nor life of a parent matter to a child, nor to what is made with it.
fn children_are_independent(env: &mut Env) -> Outcome {
    let parent = env.resource(4)?;
    let weak = ok(kit::duplicate(parent.value(), Rights::WRITE.bits()))?;
    let child = ok(create(weak.value(), MMIO, env.facts.free, 2 * P))?;
    same(
        ok(kit::basic(child.value()))?.rights,
        Rights::DEFAULT_RESOURCE.bits(),
    )?;
    let grandchild = ok(create(child.value(), MMIO, env.facts.free, P))?;
    let vmo = ok(kit::create_physical(grandchild.value(), env.facts.free, P))?;
    drop((parent, weak, child));
    drop(ok(create(grandchild.value(), MMIO, env.facts.free, 1))?);
    drop(grandchild);
    let exclusive = MMIO | RSRC_FLAG_EXCLUSIVE;
    drop(ok(create(
        env.handles.mmio,
        exclusive,
        env.facts.free,
        4 * P,
    ))?);
    same(ok(kit::get_size(vmo.value()))?, P)
}

/// How far the addresses of MMIO go: on aarch64 through all of 64 bits, whatever the processor has.
fn mmio_span(env: &mut Env) -> Outcome {
    let by = |base, size| create(env.handles.mmio, MMIO, base, size);
    let far = by(1 << 60, P);
    if env.facts.is_x86_64 {
        fails(far, Status::NOT_FOUND)?;
    } else {
        // There is nothing, and nothing can be made of it.
        let far = ok(far)?;
        fails(
            kit::create_physical(far.value(), 1 << 60, P),
            Status::OUT_OF_RANGE,
        )?;
    }
    fails(by(u64::MAX - P, P + 1), Status::INVALID_ARGS)?;
    fails(by(u64::MAX, 1), Status::INVALID_ARGS)
}
