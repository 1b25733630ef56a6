//! Profiles, which say how threads are scheduled. Who makes them holds the resource for it, so a
//! program takes time from others only by leave of whoever has that.

use crate::call::{Call, Flow, HandleValue, In, Out, SysResult};
use crate::object::{Head, Profile};
use crate::task::{CpuSet, Priority, Thread, ThreadState};
use jacinth_abi::{PolicyCondition, ProfileInfo, Record, Rights, Signals, Status, SystemBase};

/// `zx_profile_create`
pub(crate) fn profile_create(
    call: &mut Call<'_>,
    resource: HandleValue,
    options: u32,
    profile: In<u8>,
    out: Out<u32>,
) -> SysResult {
    call.enforce(PolicyCondition::NewProfile)?;
    call.check_system(resource, SystemBase::Profile)?;
    if options != 0 {
        return Err(Status::INVALID_ARGS);
    }
    let mut bytes = ProfileInfo::zeroed_bytes();
    call.read_bytes(profile.0, &mut bytes)?;
    let (priority, affinity) = read(&ProfileInfo::from_bytes(&bytes))?;
    let kernel = &mut *call.kernel;
    let profiles = &mut kernel.objects.profiles;
    profiles
        .reserve(&mut kernel.mem.budget)
        .map_err(crate::no_memory)?;
    call.reserve_handle()?;

    // commit
    let objects = &mut call.kernel.objects;
    let head = Head::new(objects.new_koid(), Signals::empty());
    let key = objects.profiles.insert_reserved(Profile {
        head,
        priority,
        affinity,
    });
    call.install_new(key, Rights::DEFAULT_PROFILE, out)
}

/// What a record says: a priority, a set of CPUs, or both.
fn read(info: &ProfileInfo) -> Result<(Option<Priority>, Option<CpuSet>), Status> {
    const LATER: u32 = ProfileInfo::DEADLINE | ProfileInfo::MEMORY_PRIORITY;
    const KNOWN: u32 =
        ProfileInfo::PRIORITY | ProfileInfo::CPU_MASK | ProfileInfo::NO_INHERIT | LATER;
    let has = |flag| info.flags & flag != 0;
    let kinds = info.flags & (ProfileInfo::PRIORITY | LATER);
    if info.flags & !KNOWN != 0 || info.flags == 0 || kinds.count_ones() > 1 {
        return Err(Status::INVALID_ARGS);
    }
    let priority = Priority::new(info.priority);
    if has(ProfileInfo::PRIORITY) && priority.is_none() {
        return Err(Status::INVALID_ARGS);
    }
    if has(LATER) {
        return Err(Status::NOT_SUPPORTED);
    }
    let [cpus, ..] = info.cpu_affinity_mask;
    Ok((
        priority.filter(|_| has(ProfileInfo::PRIORITY)),
        has(ProfileInfo::CPU_MASK).then_some(CpuSet::from_bits(cpus)),
    ))
}

/// `zx_object_set_profile`
pub(crate) fn object_set_profile(
    call: &mut Call<'_>,
    handle: HandleValue,
    profile: HandleValue,
    options: u32,
) -> SysResult {
    if options != 0 {
        return Err(Status::INVALID_ARGS);
    }
    let thread = call.lookup::<Thread>(handle, Rights::MANAGE_THREAD)?;
    let profile = call.lookup::<Profile>(profile, Rights::APPLY_PROFILE)?;
    let objects = &call.kernel.objects;
    if objects.get(thread).state == ThreadState::Dead {
        return Err(Status::BAD_STATE);
    }

    // commit
    let Profile {
        priority, affinity, ..
    } = *objects.get(profile);
    call.kernel.reschedule(thread, priority, affinity);
    // Somebody else may be due now, here or elsewhere.
    Ok(Flow::Yield(0))
}
