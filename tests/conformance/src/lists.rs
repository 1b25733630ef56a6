//! Topics that list records, and those about the whole system (table O).

use crate::devices::{self, bti};
use crate::env::{Env, P, READ_WRITE};
use crate::kit;
use crate::{
    Failure, Outcome, Scenario,
    check::{fails, holds, ok, same},
};
use alloc::vec;
use alloc::vec::Vec;
use jacinth_abi::{
    BtiInfo, Field, HandleExtendedInfo, KmemStatsExtendedInfo, KmemStatsInfo, KmemStatsV1Info,
    MapsInfo, ObjectType, ProcessHandleStatsInfo, ProcessInfo, ProcessV1Info, Record, Rights,
    Status, SystemBase, Topic, VmoInfo, VmoInfoFlags,
};
use zx::Address;
use zx::sys::{self, Output};

pub(crate) const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "list_handle_table",
        rows: &[],
        run: handle_table,
    },
    Scenario {
        name: "list_process_vmos",
        rows: &["vmo:390", "vmo:391"],
        run: process_vmos,
    },
    Scenario {
        name: "list_vmo_versions",
        rows: &[],
        run: vmo_versions,
    },
    Scenario {
        name: "list_short_buffer",
        rows: &["vmo:372"],
        run: short_buffer,
    },
    Scenario {
        name: "list_bad_pointers",
        rows: &["vmo:374"],
        run: bad_pointers,
    },
    Scenario {
        name: "list_wrong_handles",
        rows: &["vmo:376", "vmo:378"],
        run: wrong_handles,
    },
    Scenario {
        name: "list_long",
        rows: &[],
        run: long,
    },
    Scenario {
        name: "info_kmem_stats",
        rows: &["vmo:393", "vmo:395"],
        run: kmem_stats,
    },
    Scenario {
        name: "info_kmem_counts",
        rows: &[],
        run: kmem_counts,
    },
    Scenario {
        name: "info_handle_stats",
        rows: &["vmo:396"],
        run: handle_stats,
    },
    Scenario {
        name: "info_process_versions",
        rows: &[],
        run: process_versions,
    },
    Scenario {
        name: "info_bti_sizes",
        rows: &[],
        run: bti_sizes,
    },
];

/// All records of a list, each cut to the length of its version.
#[track_caller]
fn records(handle: u32, topic: Topic, size: usize) -> Result<Vec<Vec<u8>>, Failure> {
    let (answer, actual, avail) = kit::info_into(handle, topic, &mut []);
    ok(answer)?;
    same(actual, 0)?;
    let mut buffer = vec![0xee; (avail as usize + 1) * size];
    let (answer, actual, again) = kit::info_into(handle, topic, &mut buffer);
    ok(answer)?;
    same((actual, again), (avail, avail))?;
    let (records, rest) = buffer.split_at(avail as usize * size);
    holds(
        rest.iter().all(|byte| *byte == 0xee),
        "nothing is written behind the last record",
    )?;
    Ok(records.chunks(size).map(<[u8]>::to_vec).collect())
}

#[track_caller]
fn list<T: Record>(handle: u32, topic: Topic) -> Result<Vec<T>, Failure> {
    let records = records(handle, topic, T::SIZE)?;
    Ok(records.iter().map(|bytes| T::from_bytes(bytes)).collect())
}

fn handle_table(env: &mut Env) -> Outcome {
    let process = env.handles.process;
    let vmo = env.paged(1)?;
    let weak = ok(kit::duplicate(vmo.value(), Rights::READ.bits()))?;
    let all: Vec<HandleExtendedInfo> = list(process, Topic::HANDLE_TABLE)?;
    for handle in [vmo.value(), weak.value(), env.handles.thread, process] {
        let basic = ok(kit::basic(handle))?;
        let mut found = all.iter().filter(|record| record.handle_value == handle);
        let expected = HandleExtendedInfo {
            object_type: basic.object_type,
            handle_value: handle,
            rights: basic.rights,
            reserved: 0,
            koid: basic.koid,
            related_koid: basic.related_koid,
            peer_owner_koid: 0,
        };
        same(found.next(), Some(&expected))?;
        same(found.next(), None)?;
    }
    let stats: ProcessHandleStatsInfo = ok(kit::info(process, Topic::PROCESS_HANDLE_STATS))?;
    same(stats.handle_count.iter().sum::<u32>() as usize, all.len())?;
    let needed = [
        Rights::INSPECT,
        Rights::MANAGE_PROCESS,
        Rights::MANAGE_THREAD,
    ];
    for right in needed {
        let held = ok(kit::basic(process))?.rights & !right.bits();
        let less = ok(kit::duplicate(process, held))?;
        let (answer, ..) = kit::info_into(less.value(), Topic::HANDLE_TABLE, &mut []);
        fails(answer, Status::ACCESS_DENIED)?;
    }
    let (answer, ..) = kit::info_into(vmo.value(), Topic::HANDLE_TABLE, &mut []);
    fails(answer, Status::WRONG_TYPE)
}

/// The entries about one VMO.
#[track_caller]
fn entries(env: &Env, koid: u64) -> Result<Vec<VmoInfo>, Failure> {
    let all: Vec<VmoInfo> = list(env.handles.process, Topic::PROCESS_VMOS)?;
    Ok(all.into_iter().filter(|it| it.koid == koid).collect())
}

fn process_vmos(env: &mut Env) -> Outcome {
    let (handle, mapping) = (VmoInfoFlags::VIA_HANDLE, VmoInfoFlags::VIA_MAPPING);
    let ways = |entries: &[VmoInfo]| -> Vec<VmoInfoFlags> {
        let flags = entries.iter().map(|it| it.flags);
        flags
            .map(|bits| VmoInfoFlags::from_bits_retain(bits) & (handle | mapping))
            .collect()
    };
    let vmo = env.paged(3)?;
    let own = ok(kit::vmo_info(vmo.value()))?;
    let seen = entries(env, own.koid)?;
    same(&seen[..], &[own])?;
    let weak = ok(kit::duplicate(vmo.value(), Rights::READ.bits()))?;
    same(&ways(&entries(env, own.koid)?)[..], &[handle; 2])?;
    drop(weak);
    let first = ok(env.map(&vmo, READ_WRITE, 3 * P))?;
    let second = ok(env.map(&vmo, READ_WRITE, P))?;
    same(
        &ways(&entries(env, own.koid)?)[..],
        &[handle, mapping, mapping],
    )?;
    // A mapping that was cut in two by its permissions is one.
    ok(first.protect(jacinth_abi::VmOptions::PERM_READ, P, P))?;
    same(entries(env, own.koid)?.len(), 3)?;
    drop(vmo);
    let seen = entries(env, own.koid)?;
    same(&ways(&seen)[..], &[mapping; 2])?;
    holds(
        seen.iter()
            .all(|it| it.handle_rights == 0 && it.size_bytes == 3 * P && it.num_mappings == 2),
        "what is mapped is told, and no rights",
    )?;
    ok(first.unmap())?;
    ok(second.unmap())?;
    same(entries(env, own.koid)?.len(), 0)
}

/// Older records are the beginnings of the newest.
fn vmo_versions(env: &mut Env) -> Outcome {
    let process = env.handles.process;
    let versions = [
        (Topic::PROCESS_VMOS_V1, VmoInfo::V1_SIZE),
        (Topic::PROCESS_VMOS_V2, VmoInfo::V2_SIZE),
        (Topic::PROCESS_VMOS_V3, VmoInfo::V3_SIZE),
    ];
    let _vmo = env.paged(1)?;
    let newest = records(process, Topic::PROCESS_VMOS, VmoInfo::SIZE)?;
    for (topic, size) in versions {
        let older = records(process, topic, size)?;
        same(older.len(), newest.len())?;
        // What the process touches meanwhile changes the counts, not names and flags.
        for (older, newest) in older.iter().zip(&newest) {
            same(&older[..88], &newest[..88])?;
        }
    }
    Ok(())
}

const LISTS: [(Topic, usize); 4] = [
    (Topic::PROCESS_MAPS, MapsInfo::SIZE),
    (Topic::PROCESS_VMOS, VmoInfo::SIZE),
    (Topic::PROCESS_VMOS_V1, VmoInfo::V1_SIZE),
    (Topic::HANDLE_TABLE, HandleExtendedInfo::SIZE),
];

fn short_buffer(env: &mut Env) -> Outcome {
    let vmo = env.paged(2)?;
    let region = ok(env.map(&vmo, READ_WRITE, 2 * P))?;
    for (topic, size) in LISTS {
        let (_, _, avail) = kit::info_into(env.handles.process, topic, &mut []);
        holds(avail > 2, "there are several")?;
        for (room, expected) in [(0, 0), (size - 1, 0), (size, 1), (2 * size - 1, 1)] {
            let mut buffer = vec![0xee; room];
            let (answer, actual, again) = kit::info_into(env.handles.process, topic, &mut buffer);
            ok(answer)?;
            same((actual, again), (expected, avail))?;
            let written = expected as usize * size;
            holds(
                buffer[written..].iter().all(|byte| *byte == 0xee),
                "only whole records are written",
            )?;
        }
    }
    ok(region.unmap())
}

fn bad_pointers(env: &mut Env) -> Outcome {
    let nowhere = kit::unmapped_page(env)?;
    let process = env.handles.process;
    for (topic, size) in LISTS {
        let ask = |buffer: Output<'_>, actual: Address, avail: Address| {
            sys::object_get_info(process, topic.0, buffer, actual, avail)
        };
        let null = Address::NULL;
        ok(ask(Output::At(null, 0), null, null))?;
        ok(ask(Output::At(nowhere, size as u64 - 1), null, null))?;
        for bad in [nowhere, null] {
            let buffer = Output::At(bad, size as u64);
            fails(ask(buffer, null, null), Status::INVALID_ARGS)?;
        }
        let none = || Output::At(null, 0);
        fails(ask(none(), nowhere, null), Status::INVALID_ARGS)?;
        fails(ask(none(), null, nowhere), Status::INVALID_ARGS)?;
    }
    Ok(())
}

fn wrong_handles(env: &mut Env) -> Outcome {
    let process = env.handles.process;
    let held = ok(kit::basic(process))?.rights;
    let blind = ok(kit::duplicate(process, held & !Rights::INSPECT.bits()))?;
    let topics = [
        Topic::PROCESS,
        Topic::PROCESS_V1,
        Topic::PROCESS_MAPS,
        Topic::PROCESS_VMOS,
        Topic::PROCESS_VMOS_V1,
        Topic::PROCESS_HANDLE_STATS,
        Topic::HANDLE_TABLE,
    ];
    for topic in topics {
        let by = |handle: u32| kit::info_into(handle, topic, &mut [0; 256]).0;
        for other in [env.handles.thread, env.handles.vmar, env.handles.system] {
            fails(by(other), Status::WRONG_TYPE)?;
        }
        fails(by(blind.value()), Status::ACCESS_DENIED)?;
        fails(by(0), Status::BAD_HANDLE)?;
    }
    Ok(())
}

/// More records than one event lists.
fn long(env: &mut Env) -> Outcome {
    let count = env.rounds(300, 40);
    let vmo = env.paged(1)?;
    let koid = ok(kit::basic(vmo.value()))?.koid;
    let mut handles = Vec::new();
    for _ in 0..count {
        handles.push(ok(kit::duplicate(vmo.value(), Rights::READ.bits()))?);
    }
    let all: Vec<HandleExtendedInfo> = list(env.handles.process, Topic::HANDLE_TABLE)?;
    let ours = all.iter().filter(|it| it.koid == koid);
    same(ours.count(), count + 1)?;
    same(entries(env, koid)?.len(), count + 1)
}

const KMEM: [(Topic, usize); 3] = [
    (Topic::KMEM_STATS, KmemStatsInfo::SIZE),
    (Topic::KMEM_STATS_V1, KmemStatsV1Info::SIZE),
    (Topic::KMEM_STATS_EXTENDED, KmemStatsExtendedInfo::SIZE),
];

fn kmem_stats(env: &mut Env) -> Outcome {
    let info = devices::system(env, SystemBase::Info)?;
    let other = devices::system(env, SystemBase::Vmex)?;
    let bare = ok(kit::duplicate(info.value(), 0))?;
    let vmo = env.paged(1)?;
    for (topic, size) in KMEM {
        let by = |handle: u32| {
            let mut buffer = vec![0xee; size];
            kit::info_into(handle, topic, &mut buffer)
        };
        for handle in [info.value(), bare.value(), env.handles.system] {
            same(by(handle), (Ok(()), 1, 1))?;
        }
        fails(by(other.value()).0, Status::OUT_OF_RANGE)?;
        fails(by(env.handles.mmio).0, Status::WRONG_TYPE)?;
        fails(by(vmo.value()).0, Status::WRONG_TYPE)?;
        fails(by(0).0, Status::BAD_HANDLE)?;
        for short in [0, size - 1] {
            let answer = kit::info_into(info.value(), topic, &mut vec![0; short]);
            same(answer, (Err(Status::BUFFER_TOO_SMALL), 0, 1))?;
        }
    }
    Ok(())
}

fn kmem_counts(env: &mut Env) -> Outcome {
    let system = env.handles.system;
    let bti = bti(env)?;
    let before: KmemStatsInfo = ok(kit::info(system, Topic::KMEM_STATS))?;
    let vmo = ok(devices::contiguous(bti.value(), 16 * P, 0))?;
    let during: KmemStatsInfo = ok(kit::info(system, Topic::KMEM_STATS))?;
    same(during.vmo_bytes - before.vmo_bytes, 16 * P)?;
    same(before.free_bytes - during.free_bytes, 16 * P)?;
    same(during.total_bytes, before.total_bytes)?;
    let parts = [
        during.free_bytes,
        during.wired_bytes,
        during.total_heap_bytes,
        during.vmo_bytes,
        during.mmu_overhead_bytes,
        during.other_bytes,
    ];
    same(parts.iter().sum::<u64>(), during.total_bytes)?;
    holds(
        during.mmu_overhead_bytes >= 4 * P,
        "page tables are counted",
    )?;
    let first: KmemStatsV1Info = ok(kit::info(system, Topic::KMEM_STATS_V1))?;
    let extended: KmemStatsExtendedInfo = ok(kit::info(system, Topic::KMEM_STATS_EXTENDED))?;
    same(
        (first.total_bytes, first.free_bytes, first.vmo_bytes),
        (during.total_bytes, during.free_bytes, during.vmo_bytes),
    )?;
    same(
        (
            extended.total_bytes,
            extended.free_bytes,
            extended.vmo_bytes,
        ),
        (during.total_bytes, during.free_bytes, during.vmo_bytes),
    )?;
    drop(vmo);
    let after: KmemStatsInfo = ok(kit::info(system, Topic::KMEM_STATS))?;
    same(after.vmo_bytes, before.vmo_bytes)
}

fn handle_stats(env: &mut Env) -> Outcome {
    let count = |kind: ObjectType| -> Result<u32, Failure> {
        let all: ProcessHandleStatsInfo =
            ok(kit::info(env.handles.process, Topic::PROCESS_HANDLE_STATS))?;
        Ok(all.handle_count[kind.number() as usize])
    };
    let kinds = [
        ObjectType::Vmo,
        ObjectType::Bti,
        ObjectType::Pmt,
        ObjectType::Resource,
    ];
    let mut before = Vec::new();
    for kind in kinds {
        before.push(count(kind)?);
    }
    let (bti, vmo) = (bti(env)?, env.paged(1)?);
    let twin = ok(kit::duplicate(vmo.value(), Rights::SAME_RIGHTS))?;
    let range = (0, P);
    let (pmt, _) = ok(devices::pin(
        bti.value(),
        devices::DEVICE,
        vmo.value(),
        range,
        1,
    ))?;
    let resource = env.resource(1)?;
    for ((kind, before), more) in kinds.into_iter().zip(&before).zip([2, 1, 1, 1]) {
        same(count(kind)?, before + more)?;
    }
    ok(devices::unpin(pmt))?;
    drop((bti, vmo, twin, resource));
    for (kind, before) in kinds.into_iter().zip(before) {
        same(count(kind)?, before)?;
    }
    Ok(())
}

fn process_versions(env: &mut Env) -> Outcome {
    let process = env.handles.process;
    let now: ProcessInfo = ok(kit::info(process, Topic::PROCESS))?;
    same(now.flags, ProcessInfo::STARTED)?;
    let old: ProcessV1Info = ok(kit::info(process, Topic::PROCESS_V1))?;
    let expected = ProcessV1Info {
        return_code: 0,
        started: 1,
        exited: 0,
        debugger_attached: 0,
    };
    same(old, expected)?;
    let answer = kit::info_into(process, Topic::PROCESS_V1, &mut [0; 15]);
    same(answer, (Err(Status::BUFFER_TOO_SMALL), 0, 1))
}

fn bti_sizes(env: &mut Env) -> Outcome {
    let bti = bti(env)?;
    let mut buffer = [0xee; BtiInfo::SIZE + 1];
    let answer = kit::info_into(bti.value(), Topic::BTI, &mut buffer);
    same(answer, (Ok(()), 1, 1))?;
    same(buffer[BtiInfo::SIZE], 0xee)?;
    let answer = kit::info_into(bti.value(), Topic::BTI, &mut [0; BtiInfo::SIZE - 1]);
    same(answer, (Err(Status::BUFFER_TOO_SMALL), 0, 1))
}
