//! `zx_vmo_replace_as_executable` (table Q).

use crate::devices::{self, replace_as_executable};
use crate::env::{Env, P};
use crate::kit;
use crate::{
    Outcome, Scenario,
    check::{fails, ok, same},
};
use jacinth_abi::{Rights, Status, SystemBase, VmOptions};
use zx::sys;

pub(crate) const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "executable_replace",
        rows: &["vmo:419", "vmo:420", "vmar:350"],
        run: replace,
    },
    Scenario {
        name: "executable_refused",
        rows: &["vmo:421"],
        run: refused,
    },
    Scenario {
        name: "executable_mapping",
        rows: &[],
        run: mapping,
    },
];

fn replace(env: &mut Env) -> Outcome {
    let vmex = devices::system(env, SystemBase::Vmex)?;
    for credential in [vmex.value(), env.handles.system, 0] {
        let vmo = env.paged(1)?;
        let koid = ok(kit::basic(vmo.value()))?.koid;
        let only_read = ok(kit::duplicate(vmo.value(), Rights::READ.bits()))?.into_value();
        let new = ok(replace_as_executable(only_read, credential))?;
        fails(kit::basic(only_read), Status::BAD_HANDLE)?;
        let info = ok(kit::basic(new.value()))?;
        same(info.koid, koid)?;
        same(info.rights, (Rights::READ | Rights::EXECUTE).bits())?;
        let bare = ok(kit::duplicate(vmo.value(), 0))?.into_value();
        let new = ok(replace_as_executable(bare, credential))?;
        same(ok(kit::basic(new.value()))?.rights, Rights::EXECUTE.bits())?;
    }
    let physical = env.physical(1)?.into_value();
    let new = ok(replace_as_executable(physical, 0))?;
    same(
        ok(kit::basic(new.value()))?.rights,
        Rights::DEFAULT_PHYSICAL_VMO.bits(),
    )
}

/// The source goes, whatever the reason.
fn refused(env: &mut Env) -> Outcome {
    let (vmo, other) = (env.paged(1)?, devices::system(env, SystemBase::Info)?);
    let credentials = [
        (vmo.value(), Status::WRONG_TYPE),
        (env.handles.mmio, Status::WRONG_TYPE),
        (other.value(), Status::OUT_OF_RANGE),
        (kit::closed_handle()?, Status::BAD_HANDLE),
    ];
    for (credential, status) in credentials {
        let source = env.paged(1)?.into_value();
        fails(replace_as_executable(source, credential), status)?;
        fails(kit::basic(source), Status::BAD_HANDLE)?;
    }
    fails(replace_as_executable(0, 0), Status::BAD_HANDLE)?;
    fails(replace_as_executable(0, vmo.value()), Status::BAD_HANDLE)?;
    // Of another type is as if it were nothing, and it goes too.
    let region = ok(kit::duplicate(env.handles.vmar, Rights::SAME_RIGHTS))?.into_value();
    fails(
        replace_as_executable(region, vmo.value()),
        Status::BAD_HANDLE,
    )?;
    fails(kit::basic(region), Status::BAD_HANDLE)?;
    // Its own credential.
    let source = env.paged(1)?.into_value();
    fails(replace_as_executable(source, source), Status::WRONG_TYPE)?;
    fails(kit::basic(source), Status::BAD_HANDLE)?;
    let nowhere = kit::unmapped_page(env)?;
    let source = env.paged(1)?.into_value();
    fails(
        sys::vmo_replace_as_executable(source, 0, nowhere),
        Status::INVALID_ARGS,
    )?;
    fails(kit::basic(source), Status::BAD_HANDLE)
}

fn mapping(env: &mut Env) -> Outcome {
    let executable = VmOptions::PERM_READ | VmOptions::PERM_EXECUTE;
    let vmo = env.paged(1)?;
    fails(env.map(&vmo, executable, P), Status::ACCESS_DENIED)?;
    let vmo = ok(replace_as_executable(vmo.into_value(), 0))?;
    let region = ok(env.map(&vmo, executable, P))?;
    ok(kit::can_read(env, region.address(0)))?;
    ok(region.unmap())
}
