//! IOMMUs, bus transaction initiators and pinned memory.

use crate::devices::{self, DEVICE, STUB, bti, bti_create, iommu_create, pin, pins, unpin};
use crate::env::{Env, LAST_PAGE, P, READ_WRITE};
use crate::kit;
use crate::{
    Outcome, Scenario,
    check::{fails, holds, ok, same},
};
use jacinth_abi::{BtiInfo, BtiOptions, ObjectType, Rights, Status, SystemBase, Topic};
use zx::Address;
use zx::sys::{self, Input};

pub(crate) const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "pinning_iommu",
        rows: &["vmar:247", "vmar:248", "vmar:249"],
        run: iommu,
    },
    Scenario {
        name: "pinning_iommu_refused",
        rows: &[],
        run: iommu_refused,
    },
    Scenario {
        name: "pinning_bti",
        rows: &["vmar:250", "vmar:266"],
        run: initiator,
    },
    Scenario {
        name: "pinning_bti_name",
        rows: &["vmar:251"],
        run: name,
    },
    Scenario {
        name: "pinning_many_pages",
        rows: &["vmar:252", "vmar:267"],
        run: many_pages,
    },
    Scenario {
        name: "pinning_addresses",
        rows: &[],
        run: addresses,
    },
    Scenario {
        name: "pinning_refused",
        rows: &["vmo:148", "vmar:255", "vmar:258", "vmar:259", "vmar:261"],
        run: refused,
    },
    Scenario {
        name: "pinning_rights",
        rows: &["vmar:262"],
        run: rights,
    },
    Scenario {
        name: "pinning_first_error",
        rows: &[],
        run: first_error,
    },
    Scenario {
        name: "pinning_bad_pointers",
        rows: &[],
        run: bad_pointers,
    },
];

fn iommu(env: &mut Env) -> Outcome {
    let resource = devices::system(env, SystemBase::Iommu)?;
    for authority in [resource.value(), env.handles.system] {
        let iommu = ok(iommu_create(authority, STUB, &[7]))?;
        let info = ok(kit::basic(iommu.value()))?;
        same(info.object_type, ObjectType::Iommu.number())?;
        same(info.rights, Rights::DEFAULT_IOMMU.bits())?;
        fails(kit::get_name(iommu.value()), Status::ACCESS_DENIED)?;
    }
    for desc in [&[][..], &[0; 2], &[0; 4096], &[0; 4097]] {
        fails(
            iommu_create(resource.value(), STUB, desc),
            Status::INVALID_ARGS,
        )?;
    }
    Ok(())
}

fn iommu_refused(env: &mut Env) -> Outcome {
    let vmo = env.paged(1)?;
    let other = devices::system(env, SystemBase::Info)?;
    let by = |resource: u32, kind: u32| iommu_create(resource, kind, &[0]);
    fails(by(0, STUB), Status::BAD_HANDLE)?;
    fails(by(vmo.value(), STUB), Status::WRONG_TYPE)?;
    fails(by(env.handles.mmio, STUB), Status::WRONG_TYPE)?;
    fails(by(other.value(), STUB), Status::OUT_OF_RANGE)?;
    // The first fault counts: resource, length, address, type, what the type says of the length.
    fails(
        iommu_create(other.value(), 99, &[0; 4097]),
        Status::OUT_OF_RANGE,
    )?;
    let system = env.handles.system;
    fails(iommu_create(system, 99, &[0; 4097]), Status::INVALID_ARGS)?;
    let nowhere = kit::unmapped_page(env)?;
    let bad =
        |kind: u32, len: u64| sys::iommu_create(system, kind, Input::At(nowhere, len), &mut [0; 4]);
    fails(bad(99, 1), Status::INVALID_ARGS)?;
    fails(bad(STUB, 1), Status::INVALID_ARGS)?;
    for kind in [1, 2, 3, 99] {
        fails(by(system, kind), Status::NOT_SUPPORTED)?;
    }
    fails(
        sys::iommu_create(system, STUB, Input::Here(&[0]), nowhere),
        Status::INVALID_ARGS,
    )
}

fn initiator(env: &mut Env) -> Outcome {
    let iommu = ok(iommu_create(env.handles.system, STUB, &[0]))?;
    fails(bti_create(0, 1, 0), Status::INVALID_ARGS)?;
    fails(bti_create(0, 0, 0), Status::BAD_HANDLE)?;
    fails(bti_create(env.handles.vmar, 0, 0), Status::WRONG_TYPE)?;
    let nowhere = kit::unmapped_page(env)?;
    fails(
        sys::bti_create(iommu.value(), 0, 0, nowhere),
        Status::INVALID_ARGS,
    )?;
    let bare = ok(kit::duplicate(iommu.value(), 0))?;
    let bti = ok(bti_create(bare.value(), 0, 0xdead_beef))?;
    drop((iommu, bare));
    let basic = ok(kit::basic(bti.value()))?;
    same(basic.object_type, ObjectType::Bti.number())?;
    same(basic.rights, Rights::DEFAULT_BTI.bits())?;
    let info: BtiInfo = ok(kit::info(bti.value(), Topic::BTI))?;
    let expected = BtiInfo {
        minimum_contiguity: P,
        aspace_size: u64::MAX,
        pmo_count: 0,
        quarantine_count: 0,
    };
    same(info, expected)?;
    let blind = env.without(&bti, Rights::INSPECT)?;
    fails(
        kit::info::<BtiInfo>(blind.value(), Topic::BTI),
        Status::ACCESS_DENIED,
    )?;
    fails(
        kit::info::<BtiInfo>(env.handles.vmar, Topic::BTI),
        Status::WRONG_TYPE,
    )
}

fn name(env: &mut Env) -> Outcome {
    let bti = bti(env)?;
    same(ok(kit::get_name(bti.value()))?, kit::name(b""))?;
    ok(kit::set_name(bti.value(), b"foo"))?;
    same(ok(kit::get_name(bti.value()))?, kit::name(b"foo"))?;
    ok(kit::set_name(bti.value(), &[b'x'; 40]))?;
    same(ok(kit::get_name(bti.value()))?, kit::name(&[b'x'; 31]))?;
    ok(kit::set_name(bti.value(), b""))?;
    same(ok(kit::get_name(bti.value()))?, kit::name(b""))
}

fn many_pages(env: &mut Env) -> Outcome {
    let pages = env.rounds(256, 96);
    let size = pages as u64 * P;
    let (bti, vmo) = (bti(env)?, ok(kit::vmo_create(size, 0))?);
    let (pmt, addresses) = ok(pin(bti.value(), DEVICE, vmo.value(), (0, size), pages))?;
    holds(
        addresses.iter().all(|at| at.is_multiple_of(P)),
        "addresses are those of pages",
    )?;
    let mut sorted = addresses.clone();
    sorted.sort_unstable();
    sorted.dedup();
    same(sorted.len(), pages)?;
    same(ok(kit::vmo_info(vmo.value()))?.committed_bytes, size)?;
    pins(&bti, 1, 0)?;
    let (again, others) = ok(pin(bti.value(), DEVICE, vmo.value(), (0, size), pages))?;
    holds(addresses == others, "the same pages are at the same place")?;
    pins(&bti, 2, 0)?;
    ok(unpin(pmt))?;
    pins(&bti, 1, 0)?;
    ok(unpin(again))?;
    pins(&bti, 0, 0)
}

/// Each page has one address, whatever the options say, and whichever part is pinned.
fn addresses(env: &mut Env) -> Outcome {
    let (bti, vmo) = (bti(env)?, env.paged(4)?);
    let (all, addresses) = ok(pin(bti.value(), DEVICE, vmo.value(), (0, 4 * P), 4))?;
    let ways = [
        BtiOptions::PERM_READ,
        BtiOptions::PERM_WRITE,
        BtiOptions::PERM_EXECUTE,
        DEVICE | BtiOptions::COMPRESS,
    ];
    for options in ways {
        let part = ok(pin(bti.value(), options, vmo.value(), (P, 2 * P), 2))?;
        same(&part.1[..], &addresses[1..3])?;
        ok(unpin(part.0))?;
    }
    ok(unpin(all))
}

fn refused(env: &mut Env) -> Outcome {
    let (bti, vmo, physical) = (bti(env)?, env.paged(4)?, env.physical(4)?);
    let by = |vmo: u32, options, range, count| pin(bti.value(), options, vmo, range, count);
    let both = DEVICE | BtiOptions::COMPRESS | BtiOptions::CONTIGUOUS;
    for vmo in [vmo.value(), physical.value()] {
        let wrong = |range, count| fails(by(vmo, DEVICE, range, count), Status::INVALID_ARGS);
        wrong((1, P), 1)?;
        wrong((0, P + 1), 2)?;
        wrong((0, 0), 0)?;
        wrong((0, 2 * P), 1)?;
        wrong((0, 2 * P), 3)?;
        for options in [both, DEVICE | BtiOptions::from_bits_retain(32)] {
            fails(by(vmo, options, (0, P), 1), Status::INVALID_ARGS)?;
        }
        fails(
            by(vmo, BtiOptions::empty(), (0, P), 1),
            Status::INVALID_ARGS,
        )?;
        fails(by(vmo, DEVICE, (4 * P, P), 1), Status::OUT_OF_RANGE)?;
        fails(by(vmo, DEVICE, (3 * P, 2 * P), 2), Status::OUT_OF_RANGE)?;
        fails(by(vmo, DEVICE, (LAST_PAGE, 2 * P), 2), Status::OUT_OF_RANGE)?;
    }
    fails(
        by(vmo.value(), DEVICE | BtiOptions::CONTIGUOUS, (0, P), 1),
        Status::INVALID_ARGS,
    )?;
    let too_many = Address::NULL;
    fails(
        devices::pin_to(bti.value(), vmo.value(), P, (too_many, 32_769), too_many),
        Status::INVALID_ARGS,
    )?;
    pins(&bti, 0, 0)
}

fn rights(env: &mut Env) -> Outcome {
    let (bti, vmo) = (bti(env)?, env.paged(1)?);
    let by = |bti: u32, vmo: u32, options| pin(bti, options, vmo, (0, P), 1);
    let unmapping = env.without(&bti, Rights::MAP)?;
    fails(
        by(unmapping.value(), vmo.value(), DEVICE),
        Status::ACCESS_DENIED,
    )?;
    fails(by(vmo.value(), vmo.value(), DEVICE), Status::WRONG_TYPE)?;
    fails(by(bti.value(), bti.value(), DEVICE), Status::WRONG_TYPE)?;
    fails(by(0, vmo.value(), DEVICE), Status::BAD_HANDLE)?;
    fails(by(bti.value(), 0, DEVICE), Status::BAD_HANDLE)?;
    let needs = [
        (Rights::MAP, BtiOptions::PERM_READ),
        (Rights::READ, BtiOptions::PERM_READ),
        (Rights::WRITE, BtiOptions::PERM_WRITE),
        (Rights::READ, BtiOptions::PERM_EXECUTE),
    ];
    for (right, options) in needs {
        let less = env.without(&vmo, right)?;
        fails(
            by(bti.value(), less.value(), options),
            Status::ACCESS_DENIED,
        )?;
    }
    // EXECUTE itself is not asked for.
    let (pmt, _) = ok(by(bti.value(), vmo.value(), BtiOptions::PERM_EXECUTE))?;
    ok(unpin(pmt))
}

/// Of two faults the one that is looked for first.
fn first_error(env: &mut Env) -> Outcome {
    let (bti, vmo) = (bti(env)?, env.paged(1)?);
    let handle = bti.value();
    let bad = BtiOptions::from_bits_retain(32);
    fails(pin(0, DEVICE, 0, (1, P), 1), Status::BAD_HANDLE)?;
    fails(pin(handle, DEVICE, 0, (1, P), 1), Status::INVALID_ARGS)?;
    let unreadable = env.without(&vmo, Rights::READ)?;
    fails(
        pin(handle, DEVICE | bad, unreadable.value(), (0, 0), 0),
        Status::ACCESS_DENIED,
    )?;
    fails(
        pin(handle, DEVICE | bad, vmo.value(), (P, P), 1),
        Status::INVALID_ARGS,
    )?;
    fails(
        pin(handle, DEVICE, vmo.value(), (P, 0), 1),
        Status::INVALID_ARGS,
    )?;
    fails(
        pin(handle, BtiOptions::empty(), vmo.value(), (P, P), 2),
        Status::OUT_OF_RANGE,
    )
}

/// A late failure leaves nothing pinned.
fn bad_pointers(env: &mut Env) -> Outcome {
    let (bti, vmo) = (bti(env)?, env.paged(2)?);
    let place = env.paged(2)?;
    let place = ok(env.map(&place, READ_WRITE, 2 * P))?;
    ok(place.unmap_part(P, P))?;
    let nowhere = kit::unmapped_page(env)?;
    let by = |addrs, out| devices::pin_to(bti.value(), vmo.value(), 2 * P, (addrs, 2), out);
    for bad in [nowhere, Address::NULL] {
        fails(by(bad, place.address(0)), Status::INVALID_ARGS)?;
        pins(&bti, 0, 0)?;
        fails(by(place.address(0), bad), Status::INVALID_ARGS)?;
        pins(&bti, 0, 0)?;
    }
    // The second address has no place.
    fails(
        by(place.address(P - 8), place.address(0)),
        Status::INVALID_ARGS,
    )?;
    pins(&bti, 0, 0)?;
    same(ok(kit::handle_count(vmo.value()))?, 1)?;
    ok(place.unmap())
}
