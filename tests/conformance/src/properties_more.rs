//! Properties: who has which, and the order of checks (`handles-resources.md` §8, `vmo.md` §11 and
//! §25).

use crate::env::{Env, P, READ_WRITE};
use crate::kit;
use crate::{
    Outcome, Scenario,
    check::{fails, ok, same},
};
use jacinth_abi::{Property, Rights, Status};
use zx::Address;
use zx::sys::{self, Input, Output};

const NAME: u32 = Property::Name.number();
const CONTENT_SIZE: u32 = Property::VmoContentSize.number();

pub(crate) const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "property_name_of_each_kind",
        rows: &[],
        run: name_of_each_kind,
    },
    Scenario {
        name: "property_name_buffers",
        rows: &[],
        run: name_buffers,
    },
    Scenario {
        name: "property_content_size_refused",
        rows: &[],
        run: content_size_refused,
    },
];

/// Tasks and VMOs can be named; a resource has a name for good; a region has none.
fn name_of_each_kind(env: &mut Env) -> Outcome {
    for handle in [env.handles.process, env.handles.thread] {
        let before = ok(kit::get_name(handle))?;
        ok(kit::set_name(handle, b"renamed"))?;
        same(ok(kit::get_name(handle))?, kit::name(b"renamed"))?;
        ok(kit::set_name(handle, &before))?;
        same(ok(kit::get_name(handle))?, before)?;
    }
    let resource = ok(kit::resource_create(
        env.handles.mmio,
        kit::MMIO,
        env.facts.free,
        P,
        b"window",
    ))?;
    same(ok(kit::get_name(resource.value()))?, kit::name(b"window"))?;
    fails(
        kit::set_name(resource.value(), b"other"),
        Status::ACCESS_DENIED,
    )?;
    fails(kit::get_name(env.handles.vmar), Status::ACCESS_DENIED)?;
    fails(kit::set_name(env.handles.vmar, b"x"), Status::ACCESS_DENIED)
}

/// The kernel writes 32 bytes and reads at most 31, whatever the sizes say.
fn name_buffers(env: &mut Env) -> Outcome {
    let vmo = env.paged(1)?;
    let memory = env.paged(2)?;
    let place = ok(env.map(&memory, READ_WRITE, 2 * P))?;
    ok(place.unmap_part(P, P))?;
    place.write_bytes(P - 31, &[b'n'; 31]);
    let at_end = place.address(P - 31);
    ok(sys::object_set_property(
        vmo.value(),
        NAME,
        Input::At(at_end, 40),
    ))?;
    same(ok(kit::get_name(vmo.value()))?, kit::name(&[b'n'; 31]))?;
    fails(
        sys::object_set_property(vmo.value(), NAME, Input::At(place.address(P - 8), 9)),
        Status::INVALID_ARGS,
    )?;
    same(ok(kit::get_name(vmo.value()))?, kit::name(&[b'n'; 31]))?;
    let mut large = [0xa5; 64];
    ok(kit::get_property(vmo.value(), Property::Name, &mut large))?;
    same(&large[..32], &kit::name(&[b'n'; 31])[..])?;
    same(&large[32..], &[0xa5; 32][..])?;
    let end = Output::At(place.address(P - 32), 64);
    ok(sys::object_get_property(vmo.value(), NAME, end))?;
    fails(
        sys::object_get_property(vmo.value(), NAME, Output::At(place.address(P - 31), 32)),
        Status::INVALID_ARGS,
    )?;
    ok(sys::object_set_property(
        vmo.value(),
        NAME,
        Input::At(place.address(0), 0),
    ))?;
    same(ok(kit::get_name(vmo.value()))?, kit::name(b""))
}

/// `vmo.md` §11: pointer, handle, rights, size, type, contents.
fn content_size_refused(env: &mut Env) -> Outcome {
    let vmo = env.paged(1)?;
    let resource = env.resource(1)?;
    let set = |handle: u32, value: Input<'_>| sys::object_set_property(handle, CONTENT_SIZE, value);
    let get =
        |handle: u32, value: Output<'_>| sys::object_get_property(handle, CONTENT_SIZE, value);
    fails(set(0, Input::At(Address::NULL, 8)), Status::INVALID_ARGS)?;
    fails(get(0, Output::At(Address::NULL, 8)), Status::INVALID_ARGS)?;
    fails(set(0, Input::Here(&[0; 4])), Status::BAD_HANDLE)?;
    fails(get(0, Output::Here(&mut [0; 4])), Status::BAD_HANDLE)?;
    for missing in [Rights::SET_PROPERTY, Rights::WRITE] {
        let weak = env.without(&vmo, missing)?;
        fails(
            set(weak.value(), Input::Here(&[0; 4])),
            Status::ACCESS_DENIED,
        )?;
        ok(get(weak.value(), Output::Here(&mut [0; 8])))?;
    }
    let weak = env.without(&vmo, Rights::GET_PROPERTY)?;
    fails(
        get(weak.value(), Output::Here(&mut [0; 4])),
        Status::ACCESS_DENIED,
    )?;
    fails(
        set(vmo.value(), Input::Here(&[0; 7])),
        Status::BUFFER_TOO_SMALL,
    )?;
    fails(
        get(vmo.value(), Output::At(Address::KERNEL, 7)),
        Status::BUFFER_TOO_SMALL,
    )?;
    fails(
        set(env.handles.process, Input::Here(&[0; 8])),
        Status::WRONG_TYPE,
    )?;
    fails(
        get(resource.value(), Output::Here(&mut [0; 8])),
        Status::WRONG_TYPE,
    )?;
    fails(
        set(vmo.value(), Input::At(Address::KERNEL, 8)),
        Status::INVALID_ARGS,
    )?;
    fails(
        get(vmo.value(), Output::At(Address::KERNEL, 8)),
        Status::INVALID_ARGS,
    )?;
    same(ok(kit::content_size(vmo.value()))?, P)?;
    let mut large = [0xa5; 16];
    ok(get(vmo.value(), Output::Here(&mut large)))?;
    same(&large[8..], &[0xa5; 8][..])
}
