//! `zx_object_get_info`: tasks and regions, and what is written when (`handles-resources.md` §7).

use crate::env::{Env, P, READ_WRITE, ROOT_BASE};
use crate::kit;
use crate::{
    Outcome, Scenario,
    check::{fails, holds, ok, same},
};
use jacinth_abi::{
    HandleBasicInfo, ProcessInfo, Record, Rights, Status, ThreadInfo, ThreadState, Topic, VmarInfo,
    VmoInfo,
};
use zx::Address;
use zx::sys::{self, Output};

pub(crate) const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "info_process_and_thread",
        rows: &[],
        run: process_and_thread,
    },
    Scenario {
        name: "info_vmar",
        rows: &[],
        run: vmar,
    },
    Scenario {
        name: "info_bad_buffers",
        rows: &[],
        run: bad_buffers,
    },
    Scenario {
        name: "info_type_before_right",
        rows: &[],
        run: type_before_right,
    },
    Scenario {
        name: "info_counts_mappings_and_children",
        rows: &[],
        run: counts,
    },
];

fn process_and_thread(env: &mut Env) -> Outcome {
    let process: ProcessInfo = ok(kit::info(env.handles.process, Topic::PROCESS))?;
    same(
        (process.return_code, process.flags),
        (0, ProcessInfo::STARTED),
    )?;
    holds(
        process.start_time <= ok(kit::now())?,
        "the process has started",
    )?;
    let thread: ThreadInfo = ok(kit::info(env.handles.thread, Topic::THREAD))?;
    same(
        (thread.state, thread.wait_exception_channel_type),
        (ThreadState::Running.number(), 0),
    )?;
    let bare = ok(kit::duplicate(env.handles.thread, 0))?;
    fails(
        kit::info::<ThreadInfo>(bare.value(), Topic::THREAD),
        Status::ACCESS_DENIED,
    )?;
    let bare = ok(kit::duplicate(env.handles.process, 0))?;
    for topic in [Topic::PROCESS, Topic::PROCESS_HANDLE_STATS] {
        let (answer, ..) = kit::info_into(bare.value(), topic, &mut [0; 256]);
        fails(answer, Status::ACCESS_DENIED)?;
    }
    Ok(())
}

fn vmar(env: &mut Env) -> Outcome {
    let root: VmarInfo = ok(kit::info(env.handles.vmar, Topic::VMAR))?;
    same(root.base, ROOT_BASE)?;
    let second = ok(kit::duplicate(env.handles.vmar, Rights::INSPECT.bits()))?;
    same(
        ok(kit::info::<VmarInfo>(second.value(), Topic::VMAR))?,
        root,
    )?;
    let bare = ok(kit::duplicate(env.handles.vmar, 0))?;
    fails(
        kit::info::<VmarInfo>(bare.value(), Topic::VMAR),
        Status::ACCESS_DENIED,
    )
}

/// A record goes out before its counters: a bad one of those does not undo it.
fn bad_buffers(env: &mut Env) -> Outcome {
    let vmo = env.paged(1)?;
    let read_only = kit::read_only_page(env)?;
    let unmapped = kit::unmapped_page(env)?;
    let ask = |buffer: Output<'_>, actual: Address, avail: Address| {
        sys::object_get_info(vmo.value(), Topic::VMO.0, buffer, actual, avail)
    };
    let null = Address::NULL;
    for bad in [read_only.address(0), unmapped, Address::NON_CANONICAL] {
        fails(ask(Output::At(bad, 176), null, null), Status::INVALID_ARGS)?;
        for (actual, avail) in [(bad, null), (null, bad)] {
            let mut bytes = [0; 176];
            fails(
                ask(Output::Here(&mut bytes), actual, avail),
                Status::INVALID_ARGS,
            )?;
            same(VmoInfo::from_bytes(&bytes), ok(kit::vmo_info(vmo.value()))?)?;
        }
    }
    let memory = env.paged(1)?;
    let place = ok(env.map(&memory, READ_WRITE, 2 * P))?;
    let across = Output::At(place.address(P - 8), 176);
    fails(ask(across, null, null), Status::INVALID_ARGS)?;
    let (actual, avail) = (place.address(0), place.address(8));
    let small = ask(Output::Here(&mut [0; 8]), actual, avail);
    fails(small, Status::BUFFER_TOO_SMALL)?;
    same((place.read64(0), place.read64(8)), (0, 1))?;
    ok(ask(Output::Here(&mut [0; 176]), actual, avail))?;
    same((place.read64(0), place.read64(8)), (1, 1))
}

fn type_before_right(env: &mut Env) -> Outcome {
    let vmo = env.paged(1)?;
    let bare = ok(kit::duplicate(vmo.value(), 0))?;
    for topic in [
        Topic::PROCESS,
        Topic::THREAD,
        Topic::VMAR,
        Topic::RESOURCE,
        Topic::PROCESS_HANDLE_STATS,
    ] {
        let (answer, ..) = kit::info_into(bare.value(), topic, &mut []);
        fails(answer, Status::WRONG_TYPE)?;
    }
    let of_process = kit::info::<VmoInfo>(env.handles.process, Topic::VMO);
    fails(of_process, Status::WRONG_TYPE)?;
    ok(kit::info::<HandleBasicInfo>(
        bare.value(),
        Topic::HANDLE_BASIC,
    ))
    .map(drop)
}

/// Mappings and children count where they were made, not where the pages are.
fn counts(env: &mut Env) -> Outcome {
    for vmo in [env.paged(4)?, env.physical(4)?] {
        let slice = ok(kit::slice(vmo.value(), P, 2 * P))?;
        let inner = ok(kit::slice(slice.value(), 0, P))?;
        let whole = ok(env.map(&vmo, READ_WRITE, 4 * P))?;
        let parts = (
            ok(env.map(&slice, READ_WRITE, P))?,
            ok(env.map(&slice, READ_WRITE, 2 * P))?,
        );
        let numbers = |handle: &kit::H| {
            let info = ok(kit::vmo_info(handle.value()))?;
            Ok((info.num_mappings, info.num_children, info.share_count))
        };
        same(numbers(&vmo)?, (1, 1, 1))?;
        same(numbers(&slice)?, (2, 1, 1))?;
        same(numbers(&inner)?, (0, 0, 1))?;
        drop((whole, parts));
        same(numbers(&slice)?, (0, 1, 1))?;
        drop(inner);
        same(numbers(&slice)?, (0, 0, 1))?;
    }
    Ok(())
}
