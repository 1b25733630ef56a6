//! Memory that several processes have mapped (the table of VMOs, 360; vmo.md §20).

use crate::devices;
use crate::env::{Env, P, READ_WRITE};
use crate::ipc_kit::{channel, read, write};
use crate::kit::{self, H};
use crate::tasks_child::{Child, until_state};
use crate::tasks_ends::{argument_at, stay};
use crate::{
    Failure, Outcome, Scenario,
    check::{fails, ok, same},
};
use jacinth_abi::{Rights, Status, ThreadState, Topic, VmoOp};
use zx::script::Step;
use zx::sys;

pub(crate) const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "process_maps_physical",
        rows: &["vmo:360"],
        run: physical,
    },
    Scenario {
        name: "process_maps_paged",
        rows: &[],
        run: paged,
    },
    Scenario {
        name: "process_end_keeps_pins",
        rows: &[],
        run: pins_stay,
    },
    Scenario {
        name: "process_share_count",
        rows: &[],
        run: share_count,
    },
];

/// Where in its list a child has room for what its calls write.
const ROOM: u64 = 2048;

/// A child that is sent a VMO and its own region through the channel that it starts with, and that
/// maps the VMO itself, asks what it is, and sends eight bytes of the mapping back.
fn mapping_child(env: &Env, vmo: &H) -> Result<(Child, H), Failure> {
    let (here, there) = channel()?;
    let child = Child::new(env)?;
    let send = |handle: &H| -> Outcome {
        let moved = ok(kit::duplicate(handle.value(), Rights::SAME_RIGHTS))?;
        ok(write(&here, b"", &[moved.into_value()]))
    };
    send(&child.vmar)?;
    send(vmo)?;
    send(vmo)?;
    let receive = |index, to| {
        let args = [Step::GIFT, 0, 0, to, 0, 1, 0, 0];
        child.call(index, "channel_read", &args);
    };
    receive(0, argument_at(3, 0));
    receive(1, argument_at(3, 3));
    receive(2, argument_at(4, 0));
    let options = u64::from(READ_WRITE.bits());
    // Its address goes to the argument that names the bytes to send.
    let map = [0, options, 0, 0, 0, P, argument_at(5, 2)];
    child.call(3, "vmar_map", &map);
    let basic = u64::from(Topic::HANDLE_BASIC.0);
    let info = [0, basic, Child::list_at(ROOM), 32, 0, 0];
    child.call(4, "object_get_info", &info);
    child.call(5, "channel_write", &[Step::GIFT, 0, 0, 8, 0, 0]);
    stay(&child, 6);
    ok(child.start(Some(there)))?;
    until_state(&child.thread, ThreadState::BlockedWaitOne)?;
    for index in 0..5 {
        same(Step::answer(&child.list, index), 0)?;
    }
    let koid = ok(kit::basic(vmo.value()))?.koid;
    same(child.list.read64(ROOM), koid)?;
    Ok((child, here))
}

/// It is the same object there, and a mapping of its own.
fn physical(env: &mut Env) -> Outcome {
    let vmo = env.physical(1)?;
    let (child, _here) = mapping_child(env, &vmo)?;
    // The kernel does not read devices for anybody.
    same(
        Step::answer(&child.list, 5),
        Status::INVALID_ARGS.raw().into(),
    )?;
    same(ok(kit::vmo_info(vmo.value()))?.num_mappings, 1)?;
    let region = ok(env.map(&vmo, READ_WRITE, P))?;
    same(ok(kit::vmo_info(vmo.value()))?.num_mappings, 2)?;
    child.kill()?;
    same(ok(kit::vmo_info(vmo.value()))?.num_mappings, 1)?;
    ok(region.unmap())
}

/// Both see the same bytes, whoever changed them.
fn paged(env: &mut Env) -> Outcome {
    let vmo = env.paged(1)?;
    let region = ok(env.map(&vmo, READ_WRITE, P))?;
    region.write64(0, 0x0123_4567_89ab_cdef);
    let (child, here) = mapping_child(env, &vmo)?;
    let bytes = 0x0123_4567_89ab_cdef_u64.to_le_bytes();
    same(ok(read(&here))?.bytes, bytes.to_vec())?;
    // Its mapping goes with it, the pages stay.
    child.kill()?;
    same(region.read64(0), 0x0123_4567_89ab_cdef)
}

/// How many address spaces show it: mappings of one count once.
fn share_count(env: &mut Env) -> Outcome {
    let vmo = env.paged(1)?;
    let told = || ok(kit::vmo_info(vmo.value())).map(|info| (info.num_mappings, info.share_count));
    same(told()?, (0, 1))?;
    let first = ok(env.map(&vmo, READ_WRITE, P))?;
    same(told()?, (1, 1))?;
    let second = ok(env.map(&vmo, READ_WRITE, P))?;
    same(told()?, (2, 1))?;
    let (one, _here) = mapping_child(env, &vmo)?;
    same(told()?, (3, 2))?;
    let (two, _there) = mapping_child(env, &vmo)?;
    same(told()?, (4, 3))?;
    ok(first.unmap())?;
    same(told()?, (3, 3))?;
    ok(second.unmap())?;
    same(told()?, (2, 2))?;
    one.kill()?;
    same(told()?, (1, 1))?;
    two.kill()?;
    same(told()?, (0, 1))
}

/// What a process has pinned stays pinned when it dies, until the initiator's quarantine is let go.
fn pins_stay(env: &mut Env) -> Outcome {
    let (bti, vmo) = (devices::bti(env)?, env.paged(2)?);
    let (here, there) = channel()?;
    let child = Child::new(env)?;
    for (index, (handle, argument)) in (0..).zip([(&bti, 0), (&vmo, 2)]) {
        let moved = ok(kit::duplicate(handle.value(), Rights::SAME_RIGHTS))?;
        ok(write(&here, b"", &[moved.into_value()]))?;
        let to = argument_at(2, argument);
        let args = [Step::GIFT, 0, 0, to, 0, 1, 0, 0];
        child.call(index, "channel_read", &args);
    }
    let (addresses, pmt) = (Child::list_at(ROOM), Child::list_at(ROOM + 64));
    let options = u64::from(devices::DEVICE.bits());
    child.call(2, "bti_pin", &[0, options, 0, P, P, addresses, 1, pmt]);
    stay(&child, 3);
    ok(child.start(Some(there)))?;
    until_state(&child.thread, ThreadState::BlockedWaitOne)?;
    same(Step::answer(&child.list, 2), 0)?;
    devices::pins(&bti, 1, 0)?;
    let address = child.list.read64(ROOM);
    child.kill()?;
    devices::pins(&bti, 1, 1)?;
    let range = (P, P);
    let decommit = || crate::commit::op(&vmo, VmoOp::Decommit, range.0, range.1);
    fails(decommit(), Status::BAD_STATE)?;
    ok(sys::bti_release_quarantine(bti.value()))?;
    devices::pins(&bti, 0, 0)?;
    // Its page was the VMO's all the time.
    let (again, addresses) = ok(devices::pin(
        bti.value(),
        devices::DEVICE,
        vmo.value(),
        range,
        1,
    ))?;
    same(addresses[0], address)?;
    ok(devices::unpin(again))?;
    ok(decommit())
}
