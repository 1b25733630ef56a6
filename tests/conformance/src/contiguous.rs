//! Contiguous VMOs (table K).

use crate::devices::{DEVICE, bti, contiguous, pin, pins, unpin};
use crate::env::{Env, LAST_PAGE, P, READ_WRITE};
use crate::kit::{self, childless, has_children};
use crate::{
    Outcome, Scenario,
    check::{fails, holds, ok, same},
};
use jacinth_abi::limits::MAX_VMO_SIZE;
use jacinth_abi::{BtiOptions, Rights, Status, VmOptions, VmoChildOptions, VmoInfoFlags};
use zx::sys;

pub(crate) const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "contiguous_create",
        rows: &["vmo:292"],
        run: create,
    },
    Scenario {
        name: "contiguous_refused",
        rows: &["vmo:293", "vmo:296", "vmo:297"],
        run: refused,
    },
    Scenario {
        name: "contiguous_contents",
        rows: &[],
        run: contents,
    },
    Scenario {
        name: "contiguous_addresses",
        rows: &["vmo:303"],
        run: addresses,
    },
    Scenario {
        name: "contiguous_alignment",
        rows: &[],
        run: alignment,
    },
    Scenario {
        name: "contiguous_children",
        rows: &["vmo:300", "vmo:301", "vmo:302"],
        run: children,
    },
    Scenario {
        name: "contiguous_cache_policy",
        rows: &["vmo:290"],
        run: cache_policy,
    },
    Scenario {
        name: "contiguous_mapped",
        rows: &["vmo:215"],
        run: mapped,
    },
];

fn create(env: &mut Env) -> Outcome {
    let bti = bti(env)?;
    for pages in [1, 2, 3, 5, 16] {
        let vmo = ok(contiguous(bti.value(), pages * P, 0))?;
        let info = ok(kit::vmo_info(vmo.value()))?;
        let flags = VmoInfoFlags::TYPE_PAGED | VmoInfoFlags::CONTIGUOUS | VmoInfoFlags::VIA_HANDLE;
        same(
            (info.size_bytes, info.committed_bytes, info.flags),
            (pages * P, pages * P, flags.bits()),
        )?;
        same((info.cache_policy, info.parent_koid), (0, 0))?;
        same(
            ok(kit::basic(vmo.value()))?.rights,
            Rights::DEFAULT_VMO.bits(),
        )?;
        same(ok(kit::get_size(vmo.value()))?, pages * P)?;
        same(ok(kit::content_size(vmo.value()))?, pages * P)?;
        childless(&vmo)?;
    }
    // The VMO does not need its initiator.
    let vmo = ok(contiguous(bti.value(), P, 0))?;
    drop(bti);
    ok(kit::write(vmo.value(), b"still here", 0))
}

fn refused(env: &mut Env) -> Outcome {
    let bti = bti(env)?;
    let by = |size, alignment| contiguous(bti.value(), size, alignment);
    for size in [0, 1, P - 1, P + 1, u64::MAX] {
        fails(by(size, 0), Status::INVALID_ARGS)?;
    }
    for alignment in [1, 11, 64, 65, u32::MAX] {
        fails(by(P, alignment), Status::INVALID_ARGS)?;
    }
    fails(contiguous(0, P, 0), Status::BAD_HANDLE)?;
    fails(contiguous(env.handles.vmar, P, 0), Status::WRONG_TYPE)?;
    let unmapping = env.without(&bti, Rights::MAP)?;
    fails(contiguous(unmapping.value(), P, 0), Status::ACCESS_DENIED)?;
    // The first fault counts.
    fails(contiguous(0, 0, 0), Status::INVALID_ARGS)?;
    fails(contiguous(0, P, 1), Status::INVALID_ARGS)?;
    fails(contiguous(0, LAST_PAGE, 0), Status::BAD_HANDLE)?;
    fails(
        contiguous(unmapping.value(), LAST_PAGE, 0),
        Status::ACCESS_DENIED,
    )?;
    fails(by(LAST_PAGE, 0), Status::OUT_OF_RANGE)?;
    fails(by(MAX_VMO_SIZE & !(P - 1), 0), Status::NO_MEMORY)?;
    fails(by(1 << 40, 0), Status::NO_MEMORY)?;
    fails(by(P, 63), Status::NO_MEMORY)?;
    let nowhere = kit::unmapped_page(env)?;
    fails(
        sys::vmo_create_contiguous(bti.value(), 4 * P, 0, nowhere),
        Status::INVALID_ARGS,
    )
}

/// Zeros at first, whatever the frames held, and then what is written.
fn contents(env: &mut Env) -> Outcome {
    let pages = env.rounds(200, 70) as u64;
    let bti = bti(env)?;
    let mut page = [0xa5; P as usize];
    for _ in 0..2 {
        let vmo = ok(contiguous(bti.value(), pages * P, 0))?;
        for at in 0..pages {
            page.fill(0xa5);
            ok(kit::read(vmo.value(), &mut page, at * P))?;
            holds(page.iter().all(|byte| *byte == 0), "new memory is zero")?;
            page.fill(0xa5);
            ok(kit::write(vmo.value(), &page, at * P))?;
        }
        fails(
            kit::write(vmo.value(), &[1], pages * P),
            Status::OUT_OF_RANGE,
        )?;
    }
    Ok(())
}

fn addresses(env: &mut Env) -> Outcome {
    let bti = bti(env)?;
    let vmo = ok(contiguous(bti.value(), 5 * P, 0))?;
    let by =
        |vmo: u32, options, range, count| pin(bti.value(), DEVICE | options, vmo, range, count);
    let one_by_one = BtiOptions::empty();
    let (all, pages) = ok(by(vmo.value(), one_by_one, (0, 5 * P), 5))?;
    for (page, address) in pages.iter().enumerate() {
        same(*address, pages[0] + page as u64 * P)?;
    }
    let (run, first) = ok(by(vmo.value(), BtiOptions::CONTIGUOUS, (2 * P, 3 * P), 1))?;
    same(&first[..], &pages[2..3])?;
    fails(
        by(vmo.value(), BtiOptions::CONTIGUOUS, (0, 2 * P), 2),
        Status::INVALID_ARGS,
    )?;
    let slice = ok(kit::slice(vmo.value(), P, 2 * P))?;
    let (part, first) = ok(by(slice.value(), BtiOptions::CONTIGUOUS, (P, P), 1))?;
    same(&first[..], &pages[2..3])?;
    for pmt in [all, run, part] {
        ok(unpin(pmt))?;
    }
    pins(&bti, 0, 0)
}

fn alignment(env: &mut Env) -> Outcome {
    let bti = bti(env)?;
    for alignment in [12, 13, 16, 20] {
        let vmo = ok(contiguous(bti.value(), 3 * P, alignment))?;
        let options = DEVICE | BtiOptions::CONTIGUOUS;
        let (pmt, address) = ok(pin(bti.value(), options, vmo.value(), (0, 3 * P), 1))?;
        holds(
            address[0].is_multiple_of(1 << alignment),
            "the first address is aligned",
        )?;
        ok(unpin(pmt))?;
    }
    Ok(())
}

fn children(env: &mut Env) -> Outcome {
    let bti = bti(env)?;
    let vmo = ok(contiguous(bti.value(), 4 * P, 0))?;
    let koid = ok(kit::basic(vmo.value()))?.koid;
    for kind in [
        VmoChildOptions::SNAPSHOT,
        VmoChildOptions::SNAPSHOT_AT_LEAST_ON_WRITE,
        VmoChildOptions::SNAPSHOT_MODIFIED,
    ] {
        fails(
            kit::create_child(vmo.value(), kind, 0, P),
            Status::INVALID_ARGS,
        )?;
    }
    fails(
        kit::create_child(vmo.value(), VmoChildOptions::REFERENCE, 0, 0),
        Status::NOT_SUPPORTED,
    )?;
    let slice = ok(kit::slice(vmo.value(), P, P))?;
    has_children(&vmo)?;
    let info = ok(kit::vmo_info(slice.value()))?;
    let flags = VmoInfoFlags::TYPE_PAGED | VmoInfoFlags::CONTIGUOUS | VmoInfoFlags::VIA_HANDLE;
    same(
        (info.size_bytes, info.committed_bytes, info.flags),
        (P, 0, flags.bits()),
    )?;
    same(info.parent_koid, koid)?;
    ok(kit::write(vmo.value(), b"from above", P))?;
    let mut seen = [0; 10];
    ok(kit::read(slice.value(), &mut seen, 0))?;
    same(&seen, b"from above")?;
    ok(kit::write(slice.value(), b"from below", 0))?;
    ok(kit::read(vmo.value(), &mut seen, P))?;
    same(&seen, b"from below")?;
    // 42 bytes are a page.
    same(
        ok(kit::get_size(ok(kit::slice(vmo.value(), 0, 42))?.value()))?,
        P,
    )?;
    drop(vmo);
    ok(kit::read(slice.value(), &mut seen, 0))?;
    same(&seen, b"from below")?;
    same(ok(kit::vmo_info(slice.value()))?.parent_koid, koid)
}

fn cache_policy(env: &mut Env) -> Outcome {
    let bti = bti(env)?;
    let vmo = ok(contiguous(bti.value(), 2 * P, 0))?;
    ok(kit::set_cache_policy(vmo.value(), 1))?;
    fails(kit::read(vmo.value(), &mut [0], 0), Status::BAD_STATE)?;
    fails(kit::write(vmo.value(), &[0], 0), Status::BAD_STATE)?;
    let slice = ok(kit::slice(vmo.value(), 0, P))?;
    same(ok(kit::vmo_info(slice.value()))?.cache_policy, 1)?;
    drop(slice);
    ok(kit::set_cache_policy(vmo.value(), 0))?;
    // What is pinned stays as it is.
    let (pmt, _) = ok(pin(bti.value(), DEVICE, vmo.value(), (0, P), 1))?;
    for policy in 0..4 {
        fails(
            kit::set_cache_policy(vmo.value(), policy),
            Status::BAD_STATE,
        )?;
    }
    ok(unpin(pmt))?;
    ok(kit::set_cache_policy(vmo.value(), 3))
}

fn mapped(env: &mut Env) -> Outcome {
    let bti = bti(env)?;
    let vmo = ok(contiguous(bti.value(), 4 * P, 0))?;
    let strict = READ_WRITE | VmOptions::FAULT_BEYOND_STREAM_SIZE | VmOptions::ALLOW_FAULTS;
    fails(
        kit::map_raw(env.handles.vmar, strict, 0, vmo.value(), 0, P),
        Status::NOT_SUPPORTED,
    )?;
    let region = ok(env.map(&vmo, READ_WRITE, 4 * P))?;
    drop(vmo);
    for page in 0..4 {
        same(region.read64(page * P), 0)?;
        region.write64(page * P, page + 1);
    }
    for page in 0..4 {
        same(region.read64(page * P), page + 1)?;
    }
    ok(region.unmap())
}
