//! `zx_object_get_property` and `zx_object_set_property` (spec: handles-resources.md §8).

use super::exception::{self, ExceptionProperty};
use super::property_task;
use super::socket::{Threshold, set_threshold, threshold};
use super::thread_state::{base_register, set_base_register};
use crate::Kernel;
use crate::call::{Call, Flow, HandleValue, In, Out, SysResult};
use crate::object::{Object, ObjectRef};
use crate::vm::{self, Name, Vmo};
use jacinth_abi::{Property, Rights, Status};

/// `zx_object_get_property`
pub(crate) fn object_get_property(
    call: &mut Call<'_>,
    handle: HandleValue,
    property: u32,
    value: Out<u8>,
    value_size: u64,
) -> SysResult {
    if value.is_null() {
        return Err(Status::INVALID_ARGS);
    }
    let (object, _) = call.lookup_any(handle, Rights::GET_PROPERTY)?;
    match supported(property)? {
        property if value_size < property.size() => Err(Status::BUFFER_TOO_SMALL),
        Property::Name => {
            let name = *name_of(call.kernel, object).ok_or(Status::WRONG_TYPE)?;
            call.write_bytes(value.0, name.as_bytes())?;
            Ok(Flow::ok())
        }
        Property::ExceptionState => {
            exception::get_property(call, object, ExceptionProperty::State, value.0)
        }
        Property::ExceptionStrategy => {
            exception::get_property(call, object, ExceptionProperty::Strategy, value.0)
        }
        property @ (Property::ProcessDebugAddr
        | Property::ProcessVdsoBaseAddress
        | Property::ProcessBreakOnLoad
        | Property::JobKillOnOom) => property_task::get(call, object, property, value),
        Property::SocketRxThreshold => get_threshold(call, object, Threshold::Read, value),
        Property::SocketTxThreshold => get_threshold(call, object, Threshold::Write, value),
        _ => {
            let vmo = Vmo::from_ref(object).ok_or(Status::WRONG_TYPE)?;
            let size = vm::stream_size(&call.kernel.objects, vmo);
            call.write_bytes(value.0, &size.to_le_bytes())?;
            Ok(Flow::ok())
        }
    }
}

/// `zx_object_set_property`
pub(crate) fn object_set_property(
    call: &mut Call<'_>,
    handle: HandleValue,
    property: u32,
    value: In<u8>,
    value_size: u64,
) -> SysResult {
    if value.is_null() {
        return Err(Status::INVALID_ARGS);
    }
    let (object, rights) = call.lookup_any(handle, Rights::SET_PROPERTY)?;
    if let Some(kind) = base_register(property) {
        return set_base_register(call, object, kind, (value, value_size));
    }
    match supported(property)? {
        Property::Name => {
            // A resource's name is fixed: it has one, but this call knows no place for it.
            if matches!(object, ObjectRef::Resource(_)) || name_of(call.kernel, object).is_none() {
                return Err(Status::WRONG_TYPE);
            }
            let name = call.read_name(value.0, value_size)?;

            // commit
            if let Some(place) = name_of(call.kernel, object) {
                *place = name;
            }
            Ok(Flow::ok())
        }
        // vmo.md §11: newer Zircon counts it as writing, and says so first.
        Property::VmoContentSize if !rights.contains(Rights::WRITE) => Err(Status::ACCESS_DENIED),
        // No executable mapping of a vDSO is ever made, so there is nothing to be told.
        Property::ProcessVdsoBaseAddress => Err(Status::NOT_SUPPORTED),
        property if value_size < property.size() => Err(Status::BUFFER_TOO_SMALL),
        Property::ExceptionState => {
            exception::set_property(call, object, ExceptionProperty::State, value.0)
        }
        Property::ExceptionStrategy => {
            exception::set_property(call, object, ExceptionProperty::Strategy, value.0)
        }
        property @ (Property::ProcessDebugAddr
        | Property::ProcessBreakOnLoad
        | Property::JobKillOnOom) => property_task::set(call, object, property, In::at(value.0)),
        Property::SocketRxThreshold => {
            set_threshold(call, object, Threshold::Read, In::at(value.0))
        }
        Property::SocketTxThreshold => {
            set_threshold(call, object, Threshold::Write, In::at(value.0))
        }
        _ => {
            let vmo = Vmo::from_ref(object).ok_or(Status::WRONG_TYPE)?;
            let size: u64 = call.read(In::at(value.0))?;

            // commit
            // Decision 3: any value, and never a change of the size or of a byte.
            vm::set_content_size(call, vmo, size)
        }
    }
}

fn get_threshold(
    call: &mut Call<'_>,
    object: ObjectRef,
    which: Threshold,
    value: Out<u8>,
) -> SysResult {
    let threshold = threshold(&call.kernel.objects, object, which)?;
    call.write_bytes(value.0, &threshold.to_le_bytes())?;
    Ok(Flow::ok())
}

/// The properties that some object here has; the rest is unknown (newest Zircon: NOT_SUPPORTED).
fn supported(property: u32) -> Result<Property, Status> {
    match Property::from_number(property) {
        Some(
            known @ (Property::Name
            | Property::VmoContentSize
            | Property::SocketRxThreshold
            | Property::SocketTxThreshold
            | Property::ExceptionState
            | Property::ExceptionStrategy
            | Property::ProcessDebugAddr
            | Property::ProcessVdsoBaseAddress
            | Property::ProcessBreakOnLoad
            | Property::JobKillOnOom),
        ) => Ok(known),
        _ => Err(Status::NOT_SUPPORTED),
    }
}

/// Where an object's name is, for objects that have one.
fn name_of(kernel: &mut Kernel, object: ObjectRef) -> Option<&mut Name> {
    let objects = &mut kernel.objects;
    match object {
        ObjectRef::Job(key) => Some(&mut objects.get_mut(key).name),
        ObjectRef::Process(key) => Some(&mut objects.get_mut(key).name),
        ObjectRef::Thread(key) => Some(&mut objects.get_mut(key).name),
        ObjectRef::Vmo(key) => Some(&mut objects.get_mut(key).name),
        ObjectRef::Resource(key) => Some(&mut objects.get_mut(key).name),
        ObjectRef::Bti(key) => Some(&mut objects.get_mut(key).name),
        _ => None,
    }
}
