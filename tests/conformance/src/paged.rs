//! Paged VMOs: creation, contents, slices (tables I, part of J, and L).

use crate::env::{Env, LAST_PAGE, P, READ_WRITE};
use crate::kit;
use crate::{
    Outcome, Scenario,
    check::{fails, holds, ok, same},
};
use jacinth_abi::limits::MAX_VMO_SIZE;
use jacinth_abi::{Property, Rights, Signals, Status, VmoInfoFlags, VmoOptions};

const RESIZABLE: u32 = VmoOptions::RESIZABLE.bits();

pub(crate) const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "paged_sizes",
        rows: &["vmo:231", "vmo:232", "vmo:234", "vmo:238"],
        run: sizes,
    },
    Scenario {
        name: "paged_bad_options",
        rows: &["vmo:235", "vmo:236", "vmo:237"],
        run: bad_options,
    },
    Scenario {
        name: "paged_is_zero",
        rows: &["vmo:239"],
        run: is_zero,
    },
    Scenario {
        name: "paged_ranges",
        rows: &["vmo:241", "vmo:244", "vmo:245"],
        run: ranges,
    },
    Scenario {
        name: "paged_bad_buffers",
        rows: &["vmo:246"],
        run: bad_buffers,
    },
    Scenario {
        name: "paged_rights",
        rows: &[],
        run: rights,
    },
    Scenario {
        name: "paged_info",
        rows: &["vmo:255"],
        run: info,
    },
    Scenario {
        name: "paged_content_size",
        rows: &["vmo:263", "vmo:264", "vmo:266"],
        run: content_size,
    },
    Scenario {
        name: "paged_cache_policy",
        rows: &["vmo:283", "vmo:285", "vmo:287", "vmo:289"],
        run: cache_policy,
    },
    Scenario {
        name: "paged_mapping_is_shared",
        rows: &[],
        run: mapping_is_shared,
    },
    Scenario {
        name: "paged_slice_shares",
        rows: &["vmo:304", "vmo:305", "vmo:309"],
        run: slice_shares,
    },
    Scenario {
        name: "paged_slice_refused",
        rows: &["vmo:310", "vmo:311", "vmo:312", "vmo:314", "vmo:315"],
        run: slice_refused,
    },
    Scenario {
        name: "paged_slice_info",
        rows: &["vmo:316", "vmo:319"],
        run: slice_info,
    },
    Scenario {
        name: "paged_large_copy",
        rows: &[],
        run: large_copy,
    },
];

fn sizes(env: &mut Env) -> Outcome {
    for pages in 0..16 {
        let vmo = env.paged(pages)?;
        same(ok(kit::get_size(vmo.value()))?, pages * P)?;
        let odd = ok(kit::vmo_create(pages * P + 1, 0))?;
        same(ok(kit::get_size(odd.value()))?, (pages + 1) * P)?;
        same(ok(kit::content_size(odd.value()))?, pages * P + 1)?;
    }
    let huge = ok(kit::vmo_create(0xFFFF_FFFF_FFFC_0000, 0))?;
    same(ok(kit::get_size(huge.value()))?, 0xFFFF_FFFF_FFFC_0000)?;
    drop(ok(kit::vmo_create(MAX_VMO_SIZE, 0))?);
    let unbounded = ok(kit::vmo_create(P, VmoOptions::UNBOUNDED.bits()))?;
    same(ok(kit::get_size(unbounded.value()))?, MAX_VMO_SIZE)?;
    same(ok(kit::content_size(unbounded.value()))?, P)?;
    fails(kit::vmo_create(MAX_VMO_SIZE + 1, 0), Status::OUT_OF_RANGE)?;
    fails(kit::vmo_create(u64::MAX, 0), Status::OUT_OF_RANGE)
}

fn bad_options(_env: &mut Env) -> Outcome {
    for options in [
        0x8,
        0x8000_0000,
        0x1,
        0x20,
        (VmoOptions::RESIZABLE | VmoOptions::UNBOUNDED).bits(),
    ] {
        fails(kit::vmo_create(P, options), Status::INVALID_ARGS)?;
    }
    fails(
        zx::sys::vmo_create(P, 0, zx::Address::NULL),
        Status::INVALID_ARGS,
    )?;
    fails(
        zx::sys::vmo_create(P, 0x8, zx::Address::NULL),
        Status::INVALID_ARGS,
    )
}

fn is_zero(env: &mut Env) -> Outcome {
    let vmo = env.paged(4)?;
    let mut buffer = [0xee; 256];
    for offset in [0, P - 128, 2 * P + 5, 4 * P - 256] {
        ok(kit::read(vmo.value(), &mut buffer, offset))?;
        holds(buffer.iter().all(|byte| *byte == 0), "zero bytes")?;
    }
    let place = ok(env.map(&vmo, READ_WRITE, 4 * P))?;
    for page in 0..4 {
        same(place.read64(page * P + 8), 0)?;
    }
    Ok(())
}

fn ranges(env: &mut Env) -> Outcome {
    let vmo = env.paged(2)?;
    let size = 2 * P;
    let mut buffer = [0; 64];
    ok(kit::read(vmo.value(), &mut [], size))?;
    ok(kit::write(vmo.value(), &[], size))?;
    fails(
        kit::read(vmo.value(), &mut [], size + 1),
        Status::OUT_OF_RANGE,
    )?;
    ok(kit::write(vmo.value(), &[7; 64], size - 64))?;
    fails(
        kit::write(vmo.value(), &[9; 64], size - 63),
        Status::OUT_OF_RANGE,
    )?;
    ok(kit::read(vmo.value(), &mut buffer, size - 64))?;
    same(buffer, [7; 64])?;
    fails(
        kit::read(vmo.value(), &mut buffer, size - 63),
        Status::OUT_OF_RANGE,
    )?;
    fails(
        kit::read(vmo.value(), &mut buffer[..2], u64::MAX),
        Status::OUT_OF_RANGE,
    )?;
    fails(
        kit::write(vmo.value(), &buffer[..2], u64::MAX),
        Status::OUT_OF_RANGE,
    )?;
    let across = [1, 2, 3, 4, 5, 6];
    ok(kit::write(vmo.value(), &across, P - 3))?;
    ok(kit::read(vmo.value(), &mut buffer[..6], P - 3))?;
    same(&buffer[..6], &across[..])
}

fn bad_buffers(env: &mut Env) -> Outcome {
    let vmo = env.paged(1)?;
    let read_only = kit::read_only_page(env)?;
    for at in [
        zx::Address::NULL,
        zx::Address::KERNEL,
        kit::unmapped_page(env)?,
    ] {
        fails(kit::read_to(vmo.value(), at, 0, 1), Status::NOT_FOUND)?;
        fails(kit::write_from(vmo.value(), at, 0, 1), Status::NOT_FOUND)?;
        ok(kit::read_to(vmo.value(), at, 0, 0))?;
    }
    fails(
        kit::read_to(vmo.value(), read_only.address(0), 0, 1),
        Status::ACCESS_DENIED,
    )?;
    ok(kit::write_from(vmo.value(), read_only.address(0), 0, 1))?;
    let end = ok(env.map(&vmo, READ_WRITE, 2 * P))?;
    let big = env.paged(2)?;
    fails(
        kit::read_to(big.value(), end.address(P - 8), 0, 16),
        Status::OUT_OF_RANGE,
    )?;
    fails(
        kit::write_from(big.value(), end.address(P - 8), 0, 16),
        Status::OUT_OF_RANGE,
    )
}

fn rights(env: &mut Env) -> Outcome {
    let vmo = env.paged(1)?;
    same(
        ok(kit::basic(vmo.value()))?.rights,
        Rights::DEFAULT_VMO.bits(),
    )?;
    let no_read = env.without(&vmo, Rights::READ)?;
    fails(
        kit::read(no_read.value(), &mut [0], 0),
        Status::ACCESS_DENIED,
    )?;
    fails(
        kit::read(no_read.value(), &mut [0], u64::MAX),
        Status::ACCESS_DENIED,
    )?;
    ok(kit::write(no_read.value(), &[1], 0))?;
    let no_write = env.without(&vmo, Rights::WRITE)?;
    fails(kit::write(no_write.value(), &[0], 0), Status::ACCESS_DENIED)?;
    for handle in [env.handles.mmio, env.handles.process] {
        fails(kit::read(handle, &mut [0], 0), Status::WRONG_TYPE)?;
        fails(kit::write(handle, &[0], 0), Status::WRONG_TYPE)?;
        fails(kit::get_size(handle), Status::WRONG_TYPE)?;
        fails(kit::slice(handle, 0, P), Status::WRONG_TYPE)?;
    }
    fails(kit::get_size(0), Status::BAD_HANDLE)?;
    fails(
        zx::sys::vmo_get_size(vmo.value(), zx::Address::NULL),
        Status::INVALID_ARGS,
    )
}

fn info(env: &mut Env) -> Outcome {
    let vmo = env.paged(4)?;
    let info = ok(kit::vmo_info(vmo.value()))?;
    same(
        info.flags,
        (VmoInfoFlags::TYPE_PAGED | VmoInfoFlags::VIA_HANDLE).bits(),
    )?;
    same(
        (info.cache_policy, info.committed_bytes, info.share_count),
        (0, 0, 1),
    )?;
    same(kit::state(&vmo)?, Signals::VMO_ZERO_CHILDREN)?;
    ok(kit::write(vmo.value(), &[1], 2 * P))?;
    same(ok(kit::vmo_info(vmo.value()))?.committed_bytes, P)?;
    let resizable = ok(kit::vmo_create(P, RESIZABLE))?;
    let info = ok(kit::vmo_info(resizable.value()))?;
    same(info.flags, 0xB)?;
    same(
        info.handle_rights,
        (Rights::DEFAULT_VMO | Rights::RESIZE).bits(),
    )
}

fn content_size(env: &mut Env) -> Outcome {
    let vmo = env.paged(5)?;
    for size in [5 * P, 1, 5 * P, 5 * P + 1, u64::MAX] {
        ok(kit::set_property(
            vmo.value(),
            Property::VmoContentSize,
            &size.to_le_bytes(),
        ))?;
        same(ok(kit::content_size(vmo.value()))?, size)?;
        same(ok(kit::get_size(vmo.value()))?, 5 * P)?;
    }
    let get = kit::get_property(vmo.value(), Property::VmoContentSize, &mut [0; 4]);
    fails(get, Status::BUFFER_TOO_SMALL)?;
    let set = kit::set_property(vmo.value(), Property::VmoContentSize, &[0; 4]);
    fails(set, Status::BUFFER_TOO_SMALL)?;
    let of_resource = kit::get_property(env.handles.process, Property::VmoContentSize, &mut [0; 8]);
    fails(of_resource, Status::WRONG_TYPE)
}

fn cache_policy(env: &mut Env) -> Outcome {
    let vmo = env.paged(2)?;
    for policy in [0, 1, 2, 3, 0] {
        ok(kit::set_cache_policy(vmo.value(), policy))?;
    }
    let place = ok(env.map(&vmo, READ_WRITE, P))?;
    fails(kit::set_cache_policy(vmo.value(), 1), Status::BAD_STATE)?;
    fails(kit::set_cache_policy(vmo.value(), 0), Status::BAD_STATE)?;
    drop(place);
    ok(kit::set_cache_policy(vmo.value(), 1))?;
    fails(kit::read(vmo.value(), &mut [0], 0), Status::BAD_STATE)?;
    fails(kit::write(vmo.value(), &[0], 0), Status::BAD_STATE)?;
    fails(kit::slice(vmo.value(), 0, P), Status::BAD_STATE)
}

fn mapping_is_shared(env: &mut Env) -> Outcome {
    let vmo = env.paged(2)?;
    let first = ok(env.map(&vmo, READ_WRITE, 2 * P))?;
    let second = ok(kit::map(env.handles.vmar, READ_WRITE, 0, vmo.value(), P, P))?;
    first.write32(P + 4, 0x1234_5678);
    same(second.read32(4), 0x1234_5678)?;
    let mut bytes = [0; 4];
    ok(kit::read(vmo.value(), &mut bytes, P + 4))?;
    same(u32::from_le_bytes(bytes), 0x1234_5678)?;
    ok(kit::write(vmo.value(), &[1, 2, 3, 4], P + 4))?;
    same(first.read32(P + 4), 0x0403_0201)
}

fn slice_shares(env: &mut Env) -> Outcome {
    let vmo = env.paged(4)?;
    let slice = ok(kit::slice(vmo.value(), P, 2 * P))?;
    let inner = ok(kit::slice(slice.value(), P, P))?;
    let mut byte = [0];
    ok(kit::write(slice.value(), &[1], 0))?;
    ok(kit::read(vmo.value(), &mut byte, P))?;
    same(byte, [1])?;
    ok(kit::write(vmo.value(), &[2], P))?;
    ok(kit::read(slice.value(), &mut byte, 0))?;
    same(byte, [2])?;
    ok(kit::write(inner.value(), &[3], 9))?;
    for (handle, offset) in [(&vmo, 2 * P + 9), (&slice, P + 9)] {
        ok(kit::read(handle.value(), &mut byte, offset))?;
        same(byte, [3])?;
    }
    let place = ok(env.map(&inner, READ_WRITE, P))?;
    place.write8(0, 4);
    drop((vmo, slice));
    ok(kit::read(inner.value(), &mut byte, 0))?;
    same(byte, [4])
}

fn slice_refused(env: &mut Env) -> Outcome {
    let resizable = ok(kit::vmo_create(P, RESIZABLE))?;
    fails(kit::slice(resizable.value(), 0, P), Status::NOT_SUPPORTED)?;
    let vmo = env.paged(2)?;
    fails(kit::slice(vmo.value(), 0, 2 * P + 1), Status::INVALID_ARGS)?;
    fails(kit::slice(vmo.value(), P, 2 * P), Status::INVALID_ARGS)?;
    fails(kit::slice(vmo.value(), LAST_PAGE, P), Status::INVALID_ARGS)?;
    let empty = ok(kit::slice(vmo.value(), 0, 0))?;
    fails(kit::read(empty.value(), &mut [0], 0), Status::OUT_OF_RANGE)?;
    ok(kit::read(empty.value(), &mut [], 0))
}

fn slice_info(env: &mut Env) -> Outcome {
    let vmo = env.paged(2)?;
    let koid = ok(kit::basic(vmo.value()))?.koid;
    ok(kit::write(vmo.value(), &[1], 0))?;
    let some = Rights::READ | Rights::DUPLICATE | Rights::MAP;
    let reader = ok(kit::duplicate(vmo.value(), some.bits()))?;
    let slice = ok(kit::slice(reader.value(), 0, P))?;
    same(
        ok(kit::basic(slice.value()))?.rights,
        (some | Rights::PROPERTY).bits(),
    )?;
    let info = ok(kit::vmo_info(slice.value()))?;
    same(
        info.flags,
        (VmoInfoFlags::TYPE_PAGED | VmoInfoFlags::VIA_HANDLE).bits(),
    )?;
    same((info.parent_koid, info.committed_bytes), (koid, 0))
}

/// More than one event may spend (`Work`), so the call goes round.
fn large_copy(env: &mut Env) -> Outcome {
    const PAGES: u64 = 30;
    let vmo = env.paged(PAGES)?;
    let bytes: alloc::vec::Vec<u8> = (0..PAGES * P).map(|n| (n % 251) as u8).collect();
    ok(kit::write(vmo.value(), &bytes, 0))?;
    let mut back = alloc::vec![0; bytes.len()];
    ok(kit::read(vmo.value(), &mut back, 0))?;
    holds(back == bytes, "what was written is read")?;
    same(ok(kit::vmo_info(vmo.value()))?.committed_bytes, PAGES * P)
}
