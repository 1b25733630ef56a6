//! The topics that list regions and mappings (vmar rows 182 to 184; abi.md §16.10).

use crate::env::{Env, P, READ_WRITE, ROOT_BASE};
use crate::kit;
use crate::nest::Nest;
use crate::{
    Failure, Outcome, Scenario,
    check::{fails, holds, ok, same},
};
use alloc::vec;
use alloc::vec::Vec;
use jacinth_abi::{MapsInfo, Record, Rights, Status, Topic, VmOptions, VmoChildOptions};
use zx::sys::{self, Output, Place};
use zx::{Address, Region};

const READ: VmOptions = VmOptions::PERM_READ;

pub(crate) const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "maps_of_protected_parts",
        rows: &["vmar:182", "vmar:183", "vmar:184"],
        run: protected,
    },
    Scenario {
        name: "maps_of_a_process",
        rows: &[],
        run: process,
    },
    Scenario {
        name: "maps_of_regions",
        rows: &[],
        run: regions,
    },
    Scenario {
        name: "maps_memory",
        rows: &[],
        run: memory,
    },
    Scenario {
        name: "maps_shared_memory",
        rows: &[],
        run: shared_memory,
    },
    Scenario {
        name: "maps_versions",
        rows: &[],
        run: versions,
    },
    Scenario {
        name: "maps_buffers",
        rows: &[],
        run: buffers,
    },
];

/// The pages of all mapping records in a region: first, behind the last, permissions.
fn mapped(nest: &Nest) -> Result<Vec<(u64, u64, VmOptions)>, Failure> {
    let maps = ok(nest.vmar.maps())?;
    let mappings = maps
        .iter()
        .filter(|it| it.maps_type == MapsInfo::TYPE_MAPPING);
    let page = |address: u64| (address - nest.span.base()) / P;
    Ok(mappings
        .map(|it| {
            let flags = VmOptions::from_bits_retain(it.mapping.mmu_flags);
            (page(it.base), page(it.base + it.size), flags)
        })
        .collect())
}

fn protected(env: &mut Env) -> Outcome {
    let vmo = env.paged(64)?;
    let nest = ok(Nest::in_root(env, 64 * P))?;
    let place = ok(nest.map(READ_WRITE, 0, &vmo, 64 * P))?;
    same(mapped(&nest)?, vec![(0, 64, READ_WRITE)])?;
    let read = |first: u64, behind: u64| place.protect(READ, first * P, (behind - first) * P);
    ok(read(24, 37))?;
    let three = vec![(0, 24, READ_WRITE), (24, 37, READ), (37, 64, READ_WRITE)];
    same(mapped(&nest)?, three.clone())?;
    ok(read(24, 37))?;
    same(mapped(&nest)?, three)?;
    ok(read(37, 40))?;
    same(
        mapped(&nest)?,
        vec![(0, 24, READ_WRITE), (24, 40, READ), (40, 64, READ_WRITE)],
    )?;
    ok(read(0, 24))?;
    ok(read(40, 64))?;
    same(mapped(&nest)?, vec![(0, 64, READ)])
}

/// All records about this process.
fn own(env: &Env) -> Result<Vec<MapsInfo>, Failure> {
    let process = core::mem::ManuallyDrop::new(kit::H::from_value(env.handles.process));
    ok(process.info_list(Topic::PROCESS_MAPS))
}

fn process(env: &mut Env) -> Outcome {
    let vmo = env.paged(2)?;
    ok(kit::set_name(vmo.value(), b"shown"))?;
    let nest = ok(Nest::in_root(env, 4 * P))?;
    let place = ok(nest.map(READ_WRITE, P, &vmo, 2 * P))?;
    let maps = own(env)?;
    let space = maps.first().copied().unwrap_or_default();
    let root = maps.get(1).copied().unwrap_or_default();
    same(
        (space.maps_type, space.depth, space.base),
        (MapsInfo::TYPE_ASPACE, 0, ROOT_BASE),
    )?;
    same(
        (root.maps_type, root.depth, root.base, root.size),
        (MapsInfo::TYPE_VMAR, 1, ROOT_BASE, space.size),
    )?;
    for record in maps.iter().skip(2) {
        holds(record.depth >= 2, "the rest lies below the root")?;
        holds(record.size != 0, "nothing is empty")?;
    }
    let at = maps.iter().position(|it| it.base == nest.span.base());
    let at = at.unwrap_or(0);
    let region = maps.get(at).copied().unwrap_or_default();
    let mapping = maps.get(at + 1).copied().unwrap_or_default();
    same(
        (region.maps_type, region.depth, region.size),
        (MapsInfo::TYPE_VMAR, 2, 4 * P),
    )?;
    same(
        (mapping.maps_type, mapping.depth, mapping.base, mapping.size),
        (MapsInfo::TYPE_MAPPING, 3, place.base(), 2 * P),
    )?;
    same(mapping.name, kit::name(b"shown"))?;
    same(mapping.mapping.vmo_koid, ok(kit::basic(vmo.value()))?.koid)?;
    let blind = ok(kit::duplicate(
        env.handles.process,
        Rights::DUPLICATE.bits(),
    ))?;
    let answer = kit::info_into(blind.value(), Topic::PROCESS_MAPS, &mut []).0;
    fails(answer, Status::ACCESS_DENIED)?;
    let answer = kit::info_into(vmo.value(), Topic::PROCESS_MAPS, &mut []).0;
    fails(answer, Status::WRONG_TYPE)
}

/// Depth first, in order of address.
fn regions(env: &mut Env) -> Outcome {
    let vmo = env.paged(8)?;
    let top = ok(Nest::in_root(env, 16 * P))?;
    let left = ok(top.inner(2 * P, 4 * P))?;
    let leftmost = ok(left.inner(P, 2 * P))?;
    let right = ok(top.inner(8 * P, 4 * P))?;
    let empty = ok(top.inner(14 * P, P))?;
    let places: Vec<Region> = [
        (&top, 0),
        (&left, 3),
        (&leftmost, 1),
        (&right, 2),
        (&top, 12),
    ]
    .into_iter()
    .map(|(nest, page)| ok(nest.map(READ, page * P, &vmo, P)))
    .collect::<Result<_, Failure>>()?;
    let maps = ok(top.vmar.maps())?;
    let base = top.span.base();
    let got: Vec<(u32, u64, u64, u64)> = maps
        .iter()
        .map(|it| (it.maps_type, it.depth, (it.base - base) / P, it.size / P))
        .collect();
    let (vmar, mapping) = (MapsInfo::TYPE_VMAR, MapsInfo::TYPE_MAPPING);
    same(
        got,
        vec![
            (vmar, 2, 0, 16),
            (mapping, 3, 0, 1),
            (vmar, 3, 2, 4),
            (vmar, 4, 3, 2),
            (mapping, 5, 4, 1),
            (mapping, 4, 5, 1),
            (vmar, 3, 8, 4),
            (mapping, 4, 10, 1),
            (mapping, 3, 12, 1),
            (vmar, 3, 14, 1),
        ],
    )?;
    drop((places, empty));
    same(ok(right.vmar.maps())?.len(), 1)?;
    let blind = env.without(&top.vmar, Rights::INSPECT)?;
    let answer = kit::info_into(blind.value(), Topic::VMAR_MAPS, &mut []).0;
    fails(answer, Status::ACCESS_DENIED)
}

/// What is committed is counted for each record on its own.
fn memory(env: &mut Env) -> Outcome {
    let vmo = env.paged(300)?;
    let device = env.physical(4)?;
    let top = ok(Nest::in_root(env, 1 << 21))?;
    for page in [0, 1, 2, 7, 130, 131, 299] {
        ok(kit::write(vmo.value(), &[1], page * P))?;
    }
    let options = READ_WRITE | VmOptions::SPECIFIC;
    let first = ok(kit::map(top.value(), options, 0, vmo.value(), P, 100 * P))?;
    let second = ok(kit::map(
        top.value(),
        options,
        128 * P,
        vmo.value(),
        100 * P,
        300 * P,
    ))?;
    let third = ok(top.map(READ, 500 * P, &device, 4 * P))?;
    ok(first.protect(READ, 4 * P, P))?;
    let maps = ok(top.vmar.maps())?;
    let got: Vec<(u64, u64, u64)> = maps
        .iter()
        .filter(|it| it.maps_type == MapsInfo::TYPE_MAPPING)
        .map(|it| {
            let mapping = it.mapping;
            let committed = mapping.committed_bytes / P;
            (mapping.vmo_offset / P, it.size / P, committed)
        })
        .collect();
    same(
        got,
        vec![(1, 4, 2), (5, 1, 0), (6, 95, 1), (100, 300, 3), (0, 4, 0)],
    )?;
    for it in &maps {
        let mapping = it.mapping;
        same(mapping.populated_bytes, mapping.committed_bytes)?;
        same(mapping.committed_private_bytes, mapping.committed_bytes)?;
        same(mapping.committed_scaled_bytes, mapping.committed_bytes)?;
    }
    drop((first, second, third));
    Ok(())
}

/// Pages that a snapshot shares count for each by half, slices have none.
fn shared_memory(env: &mut Env) -> Outcome {
    let vmo = env.paged(8)?;
    for page in 0..5 {
        ok(kit::write(vmo.value(), &[1], page * P))?;
    }
    let snapshot = VmoChildOptions::SNAPSHOT;
    let child = ok(kit::create_child(vmo.value(), snapshot, 0, 8 * P))?;
    let slice = ok(kit::slice(vmo.value(), 0, 8 * P))?;
    ok(kit::write(child.value(), &[2], P))?;
    let top = ok(Nest::in_root(env, 32 * P))?;
    let places = [
        ok(top.map(READ, 0, &vmo, 8 * P))?,
        ok(top.map(READ, 8 * P, &child, 8 * P))?,
        ok(top.map(READ, 16 * P, &slice, 8 * P))?,
    ];
    let got: Vec<(u64, u64, u64)> = ok(top.vmar.maps())?
        .iter()
        .skip(1)
        .map(|it| {
            let it = it.mapping;
            let committed = it.committed_bytes / P;
            (
                committed,
                it.committed_private_bytes / P,
                it.committed_scaled_bytes,
            )
        })
        .collect();
    same(got, vec![(5, 1, 3 * P), (1, 1, 3 * P), (0, 0, 0)])?;
    drop(places);
    Ok(())
}

/// Older records are the first bytes of the present one, and have pages where it has bytes.
fn versions(env: &mut Env) -> Outcome {
    let vmo = env.paged(4)?;
    ok(kit::write(vmo.value(), &[1; 2], P - 1))?;
    let place = ok(env.map(&vmo, READ_WRITE, 4 * P))?;
    let now = own(env)?;
    for (topic, size) in [(Topic::PROCESS_MAPS_V1, 96), (Topic::PROCESS_MAPS_V2, 104)] {
        let mut bytes = vec![0xee; (now.len() + 8) * size];
        let (answer, actual, avail) = kit::info_into(env.handles.process, topic, &mut bytes);
        ok(answer)?;
        same(actual, avail)?;
        let records = bytes.chunks_exact(size).take(actual as usize);
        let ours = records
            .map(MapsInfo::from_bytes)
            .find(|it| it.base == place.base());
        let ours = ours.unwrap_or_default();
        same((ours.size, ours.depth), (4 * P, 2))?;
        same(ours.mapping.committed_bytes, 2)?;
        same(
            ours.mapping.populated_bytes,
            if size == 104 { 2 } else { 0 },
        )?;
        let behind = bytes.get(actual as usize * size).copied();
        same(behind, Some(0xee))?;
    }
    fails(
        kit::info_into(env.handles.process, Topic::versioned(13, 3), &mut []).0,
        Status::NOT_SUPPORTED,
    )
}

/// Lists are never too small for their buffer; whole records only are copied.
fn buffers(env: &mut Env) -> Outcome {
    let vmo = env.paged(1)?;
    let nest = ok(Nest::in_root(env, 256 * P))?;
    let count = env.rounds(100, 70) as u64;
    let places: Vec<Region> = (0..count)
        .map(|page| ok(nest.map(READ, 2 * page * P, &vmo, P)))
        .collect::<Result<_, Failure>>()?;
    let all = count + 1;
    let size = <MapsInfo as jacinth_abi::Field>::SIZE;
    for (bytes, fits) in [(0, 0), (size - 1, 0), (size, 1), (3 * size - 1, 2)] {
        let mut buffer = vec![0xee; bytes];
        let (answer, actual, avail) = kit::info_into(nest.value(), Topic::VMAR_MAPS, &mut buffer);
        ok(answer)?;
        same((actual, avail), (fits, all))?;
        let rest = buffer.iter().skip(fits as usize * size);
        holds(
            rest.clone().all(|byte| *byte == 0xee),
            "the rest is untouched",
        )?;
    }
    let (handle, topic) = (nest.value(), Topic::VMAR_MAPS.0);
    let none = || Output::At(Address::NULL, 0);
    let mut avail = [0; 8];
    ok(sys::object_get_info(
        handle,
        topic,
        none(),
        Place::<8>::At(Address::NULL),
        &mut avail,
    ))?;
    same(u64::from_le_bytes(avail), all)?;
    let nowhere = || Place::<8>::At(Address::NULL);
    ok(sys::object_get_info(
        handle,
        topic,
        none(),
        nowhere(),
        nowhere(),
    ))?;
    let read_only = kit::read_only_page(env)?;
    for bad in [Address::NULL, Address::KERNEL, read_only.address(0)] {
        let buffer = Output::At(bad, 4 * size as u64);
        fails(
            sys::object_get_info(handle, topic, buffer, nowhere(), nowhere()),
            Status::INVALID_ARGS,
        )?;
    }
    for bad in [Address::KERNEL, read_only.address(0)] {
        fails(
            sys::object_get_info(handle, topic, none(), Place::<8>::At(bad), nowhere()),
            Status::INVALID_ARGS,
        )?;
        fails(
            sys::object_get_info(handle, topic, none(), nowhere(), Place::<8>::At(bad)),
            Status::INVALID_ARGS,
        )?;
    }
    drop(places);
    Ok(())
}
