//! `zx_object_get_info` and properties (tables O and P).

use crate::env::{Env, P};
use crate::kit;
use crate::{
    Outcome, Scenario,
    check::{fails, ok, same},
};
use jacinth_abi::limits::TIME_INFINITE_PAST;
use jacinth_abi::{HandleBasicInfo, ObjectType, Property, Record, Rights, Signals, Status, Topic};
use zx::Address;
use zx::sys::{self, Input, Output};

pub(crate) const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "info_handle_valid",
        rows: &["vmo:361", "vmo:362"],
        run: handle_valid,
    },
    Scenario {
        name: "info_bad_handle",
        rows: &["vmo:363", "vmo:382"],
        run: bad_handle,
    },
    Scenario {
        name: "info_small_buffer",
        rows: &["vmo:365"],
        run: small_buffer,
    },
    Scenario {
        name: "info_bad_counters",
        rows: &["vmo:368", "vmo:369"],
        run: bad_counters,
    },
    Scenario {
        name: "info_related",
        rows: &["vmo:385"],
        run: related,
    },
    Scenario {
        name: "info_rights",
        rows: &["vmo:387", "vmo:389"],
        run: rights,
    },
    Scenario {
        name: "property_name",
        rows: &["vmo:399", "vmo:400"],
        run: name,
    },
    Scenario {
        name: "property_name_refused",
        rows: &["vmo:401", "vmo:402", "vmo:403", "vmo:404", "vmo:405"],
        run: name_refused,
    },
    Scenario {
        name: "property_unknown",
        rows: &["vmo:406"],
        run: unknown_property,
    },
    Scenario {
        name: "wait_and_signal_refused",
        rows: &[],
        run: wait_and_signal,
    },
    Scenario {
        name: "system_calls",
        rows: &[],
        run: system_calls,
    },
];

fn topic(handle: u32, topic: u32, buffer: Output<'_>) -> sys::Answer {
    sys::object_get_info(handle, topic, buffer, Address::NULL, Address::NULL)
}

fn handle_valid(env: &mut Env) -> Outcome {
    let valid = Topic::HANDLE_VALID.0;
    ok(topic(env.handles.vmar, valid, Output::At(Address::NULL, 0)))?;
    ok(topic(
        env.handles.vmar,
        valid,
        Output::At(Address::NULL, 100),
    ))?;
    fails(
        topic(kit::closed_handle()?, valid, Output::At(Address::NULL, 0)),
        Status::BAD_HANDLE,
    )?;
    fails(
        topic(0, valid, Output::At(Address::NULL, 0)),
        Status::BAD_HANDLE,
    )
}

const TOPICS: [(Topic, usize); 7] = [
    (Topic::HANDLE_BASIC, 32),
    (Topic::HANDLE_COUNT, 4),
    (Topic::RESOURCE, 56),
    (Topic::VMO, 176),
    (Topic::VMO_V1, 104),
    (Topic::VMO_V2, 120),
    (Topic::VMO_V3, 128),
];

/// An object of the kind that a topic is about.
fn subject(env: &Env, topic: Topic, vmo: &kit::H) -> u32 {
    if topic == Topic::RESOURCE {
        env.handles.mmio
    } else {
        vmo.value()
    }
}

fn bad_handle(env: &mut Env) -> Outcome {
    for (topic, _) in TOPICS {
        let mut buffer = [0; 176];
        fails(
            self::topic(0, topic.0, Output::Here(&mut buffer)),
            Status::BAD_HANDLE,
        )?;
    }
    for unknown in [
        9999,
        0,
        5,
        Topic::versioned(23, 4).0,
        Topic::versioned(2, 1).0,
    ] {
        for handle in [env.handles.mmio, 0] {
            fails(
                topic(handle, unknown, Output::At(Address::NULL, 0)),
                Status::NOT_SUPPORTED,
            )?;
        }
    }
    let vmo = env.paged(1)?;
    fails(
        topic(vmo.value(), Topic::RESOURCE.0, Output::At(Address::NULL, 0)),
        Status::WRONG_TYPE,
    )?;
    fails(
        topic(env.handles.mmio, Topic::VMO.0, Output::At(Address::NULL, 0)),
        Status::WRONG_TYPE,
    )
}

fn small_buffer(env: &mut Env) -> Outcome {
    let vmo = env.paged(1)?;
    for (topic, size) in TOPICS {
        let handle = subject(env, topic, &vmo);
        let mut buffer = [0xa5; 200];
        same(
            kit::info_into(handle, topic, &mut []),
            (Err(Status::BUFFER_TOO_SMALL), 0, 1),
        )?;
        same(
            kit::info_into(handle, topic, &mut buffer[..size - 1]),
            (Err(Status::BUFFER_TOO_SMALL), 0, 1),
        )?;
        same(buffer, [0xa5; 200])?;
        same(kit::info_into(handle, topic, &mut buffer), (Ok(()), 1, 1))?;
        same(&buffer[size..], &[0xa5; 200][size..])?;
        fails(
            self::topic(handle, topic.0, Output::At(Address::NULL, 0)),
            Status::BUFFER_TOO_SMALL,
        )?;
        for at in [Address::NULL, Address::KERNEL] {
            fails(
                self::topic(handle, topic.0, Output::At(at, 200)),
                Status::INVALID_ARGS,
            )?;
        }
    }
    Ok(())
}

fn bad_counters(env: &mut Env) -> Outcome {
    let vmo = env.paged(1)?;
    for (topic, size) in TOPICS {
        let handle = subject(env, topic, &vmo);
        let mut buffer = [0; 176];
        let buffer = &mut buffer[..size];
        let bad = Address::KERNEL;
        let actual =
            sys::object_get_info(handle, topic.0, Output::Here(buffer), bad, Address::NULL);
        fails(actual, Status::INVALID_ARGS)?;
        let avail = sys::object_get_info(handle, topic.0, Output::Here(buffer), Address::NULL, bad);
        fails(avail, Status::INVALID_ARGS)?;
    }
    Ok(())
}

fn related(env: &mut Env) -> Outcome {
    let process: HandleBasicInfo = ok(kit::basic(env.handles.process))?;
    let thread = ok(kit::basic(env.handles.thread))?;
    same(thread.related_koid, process.koid)?;
    same(
        (process.object_type, thread.object_type),
        (ObjectType::Process.number(), ObjectType::Thread.number()),
    )?;
    let vmar = ok(kit::basic(env.handles.vmar))?;
    same(
        (vmar.object_type, vmar.related_koid),
        (ObjectType::Vmar.number(), 0),
    )?;
    let resource = ok(kit::basic(env.handles.mmio))?;
    same(
        (resource.object_type, resource.related_koid),
        (ObjectType::Resource.number(), 0),
    )?;
    same(process.to_bytes()[24..].to_vec(), alloc::vec![0; 8])
}

fn rights(env: &mut Env) -> Outcome {
    let vmo = env.paged(1)?;
    let bare = ok(kit::duplicate(vmo.value(), 0))?;
    same(ok(kit::vmo_info(bare.value()))?.handle_rights, 0)?;
    fails(kit::handle_count(bare.value()), Status::ACCESS_DENIED)?;
    let resource = env.resource(1)?;
    let bare = ok(kit::duplicate(resource.value(), 0))?;
    let mut buffer = [0; 56];
    fails(
        topic(bare.value(), Topic::RESOURCE.0, Output::Here(&mut buffer)),
        Status::ACCESS_DENIED,
    )
}

fn name(env: &mut Env) -> Outcome {
    let vmo = env.paged(1)?;
    let text = b"abcdefghijklmnopqrstuvwxyz012345678";
    for (set, kept) in [(31, 31), (32, 31), (35, 31), (3, 3), (0, 0)] {
        ok(kit::set_name(vmo.value(), &text[..set]))?;
        same(ok(kit::get_name(vmo.value()))?, kit::name(&text[..kept]))?;
    }
    ok(kit::set_name(vmo.value(), b"one\0two"))?;
    same(ok(kit::get_name(vmo.value()))?, kit::name(b"one"))
}

fn name_refused(env: &mut Env) -> Outcome {
    let vmo = env.paged(1)?;
    let name = Property::Name.number();
    fails(
        kit::get_property(vmo.value(), Property::Name, &mut [0; 31]),
        Status::BUFFER_TOO_SMALL,
    )?;
    let no_set = env.without(&vmo, Rights::SET_PROPERTY)?;
    fails(kit::set_name(no_set.value(), b"x"), Status::ACCESS_DENIED)?;
    let no_get = env.without(&vmo, Rights::GET_PROPERTY)?;
    fails(kit::get_name(no_get.value()), Status::ACCESS_DENIED)?;
    for handle in [vmo.value(), 0, no_get.value()] {
        fails(
            sys::object_get_property(handle, name, Output::At(Address::NULL, 32)),
            Status::INVALID_ARGS,
        )?;
        fails(
            sys::object_set_property(handle, name, Input::At(Address::NULL, 1)),
            Status::INVALID_ARGS,
        )?;
    }
    fails(
        sys::object_get_property(vmo.value(), name, Output::At(Address::KERNEL, 32)),
        Status::INVALID_ARGS,
    )?;
    fails(
        sys::object_set_property(vmo.value(), name, Input::At(Address::KERNEL, 3)),
        Status::INVALID_ARGS,
    )?;
    fails(kit::get_name(0), Status::BAD_HANDLE)
}

fn unknown_property(env: &mut Env) -> Outcome {
    let vmo = env.paged(1)?;
    let mut value = [0; 32];
    for unknown in [999, 0, 1] {
        fails(
            sys::object_get_property(vmo.value(), unknown, Output::Here(&mut value)),
            Status::NOT_SUPPORTED,
        )?;
        fails(
            sys::object_set_property(vmo.value(), unknown, Input::Here(&value)),
            Status::NOT_SUPPORTED,
        )?;
    }
    fails(
        sys::object_get_property(0, 999, Output::Here(&mut value)),
        Status::BAD_HANDLE,
    )?;
    let no_get = env.without(&vmo, Rights::GET_PROPERTY)?;
    fails(
        sys::object_get_property(no_get.value(), 999, Output::Here(&mut value)),
        Status::ACCESS_DENIED,
    )
}

fn wait_and_signal(env: &mut Env) -> Outcome {
    let vmo = env.paged(1)?;
    let children = Signals::VMO_ZERO_CHILDREN;
    fails(kit::wait(0, children, 0).0, Status::BAD_HANDLE)?;
    let no_wait = env.without(&vmo, Rights::WAIT)?;
    fails(
        kit::wait(no_wait.value(), children, 0).0,
        Status::ACCESS_DENIED,
    )?;
    for deadline in [i64::MAX, 0, TIME_INFINITE_PAST] {
        let (answer, observed) = kit::wait(vmo.value(), children | Signals::USER_0, deadline);
        ok(answer)?;
        same(observed, children)?;
    }
    let before = ok(kit::now())?;
    let (answer, observed) = kit::wait(vmo.value(), Signals::USER_0, before + 500_000);
    fails(answer, Status::TIMED_OUT)?;
    same(observed, children)?;
    crate::check::holds(
        ok(kit::now())? >= before + 500_000,
        "the wait was as long as asked",
    )?;
    let bad = sys::object_wait_one(vmo.value(), children.bits(), 0, Address::KERNEL);
    fails(bad, Status::INVALID_ARGS)?;
    ok(sys::object_wait_one(
        vmo.value(),
        children.bits(),
        0,
        Address::NULL,
    ))?;
    fails(
        kit::signal(0, Signals::empty(), Signals::USER_0),
        Status::BAD_HANDLE,
    )
}

fn system_calls(_env: &mut Env) -> Outcome {
    same(u64::from(sys::system_get_page_size()), P)?;
    crate::check::holds(sys::system_get_num_cpus() >= 1, "there is a CPU")?;
    let mut version = [0; 64];
    ok(sys::system_get_version_string(Output::Here(&mut version)))?;
    let len = version
        .iter()
        .position(|byte| *byte == 0)
        .unwrap_or(version.len());
    ok(sys::system_get_version_string(Output::Here(
        &mut version[..=len],
    )))?;
    let short = sys::system_get_version_string(Output::Here(&mut version[..len]));
    fails(short, Status::BUFFER_TOO_SMALL)?;
    fails(
        sys::system_get_version_string(Output::At(Address::KERNEL, 64)),
        Status::INVALID_ARGS,
    )?;
    let before = ok(kit::now())?;
    ok(sys::nanosleep(before + 300_000))?;
    crate::check::holds(
        ok(kit::now())? >= before + 300_000,
        "the sleep was as long as asked",
    )?;
    ok(sys::nanosleep(0))?;
    fails(
        sys::clock_get_monotonic(Address::NULL),
        Status::INVALID_ARGS,
    )?;
    fails(
        sys::debug_write(Input::At(Address::KERNEL, 4)),
        Status::INVALID_ARGS,
    )?;
    ok(sys::debug_write(Input::Here(b"")))
}
