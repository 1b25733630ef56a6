//! `zx_object_get_info` (spec: handles-resources.md §7).

use super::exception;
use super::info_list::{self, Source};
use super::info_memory::kmem_stats;
use super::info_process::{Handles, Vmos};
use super::info_task::Koids;
use super::socket;
use crate::call::{Call, Flow, FromReg, HandleValue, Out, SysResult};
use crate::mem::{self, Key};
use crate::object::{Bti, Resource, Timer};
use crate::task::{
    Cause, Job, JobState, Process, ProcessState, Raised, Thread, ThreadState, Wait, Work,
};
use crate::vm::{Maps, MapsVersion, Vmar, Vmo, VmoRecord};
use jacinth_abi::{
    ExceptionChannelType, Field, HandleBasicInfo, HandleCountInfo, HandleExtendedInfo, JobInfo,
    PageTableInfo, ProcessHandleStatsInfo, ProcessInfo, ProcessV1Info, Record, ResourceInfo,
    Rights, SYSCALLS, Status, ThreadInfo, Topic, VmarInfo, VmoInfo,
};

/// Where the answer goes.
#[derive(Clone, Copy)]
pub(super) struct Answer {
    pub(super) buffer: Out<u8>,
    pub(super) size: u64,
    pub(super) actual: Out<u64>,
    pub(super) avail: Out<u64>,
}

/// `zx_object_get_info`: the topic is judged first, then the handle, then the buffer.
pub(crate) fn object_get_info(
    call: &mut Call<'_>,
    handle: HandleValue,
    topic: u32,
    buffer: Out<u8>,
    buffer_size: u64,
    actual: Out<u64>,
    avail: Out<u64>,
) -> SysResult {
    let to = Answer {
        buffer,
        size: buffer_size,
        actual,
        avail,
    };
    match Topic(topic) {
        Topic::HANDLE_VALID => call.lookup_any(handle, Rights::empty()).map(|_| Flow::ok()),
        Topic::HANDLE_BASIC => handle_basic(call, handle, to),
        Topic::HANDLE_COUNT => handle_count(call, handle, to),
        Topic::PROCESS => process(call, handle, to),
        Topic::PROCESS_V1 => process_v1(call, handle, to),
        Topic::BTI => bti(call, handle, to),
        Topic::TIMER => timer(call, handle, to),
        Topic::SOCKET => {
            let record = socket::record(call, handle)?;
            single(call, to, record.to_bytes().as_ref())
        }
        Topic::PROCESS_HANDLE_STATS => process_handle_stats(call, handle, to),
        Topic::THREAD => thread(call, handle, to),
        Topic::THREAD_EXCEPTION_REPORT => exception::report(call, handle, to, 40),
        Topic::THREAD_EXCEPTION_REPORT_V1 => exception::report(call, handle, to, 32),
        Topic::KMEM_STATS | Topic::KMEM_STATS_V1 | Topic::KMEM_STATS_EXTENDED => {
            kmem_stats(call, handle, Topic(topic), to)
        }
        Topic::PROCESS_THREADS => process_threads(call, handle, to),
        Topic::JOB => job(call, handle, to),
        Topic::JOB_CHILDREN => job_list(call, handle, to, Koids::Jobs),
        Topic::JOB_PROCESSES => job_list(call, handle, to, Koids::Processes),
        Topic::HANDLE_TABLE => handle_table(call, handle, to),
        Topic::PROCESS_VMOS => process_vmos(call, handle, to, VmoInfo::SIZE),
        Topic::PROCESS_VMOS_V3 => process_vmos(call, handle, to, VmoInfo::V3_SIZE),
        Topic::PROCESS_VMOS_V2 => process_vmos(call, handle, to, VmoInfo::V2_SIZE),
        Topic::PROCESS_VMOS_V1 => process_vmos(call, handle, to, VmoInfo::V1_SIZE),
        Topic::RESOURCE => resource(call, handle, to),
        Topic::VMO => vmo(call, handle, to, 176),
        Topic::VMO_V3 => vmo(call, handle, to, 128),
        Topic::VMO_V2 => vmo(call, handle, to, 120),
        Topic::VMO_V1 => vmo(call, handle, to, 104),
        Topic::PROCESS_MAPS => process_maps(call, handle, to, MapsVersion::Current),
        Topic::PROCESS_MAPS_V2 => process_maps(call, handle, to, MapsVersion::V2),
        Topic::PROCESS_MAPS_V1 => process_maps(call, handle, to, MapsVersion::V1),
        Topic::VMAR_MAPS => vmar_maps(call, handle, to),
        Topic::VMAR => vmar(call, handle, to),
        Topic::JACINTH_INFO_PAGE_TABLE => page_table(call, handle, to),
        _ => Err(Status::NOT_SUPPORTED),
    }
}

/// Whether a call only asks if a handle is one: that is no use of a bad handle.
pub(crate) fn only_asks(number: u64, args: &[u64; 8]) -> bool {
    let row = SYSCALLS.iter().find(|row| row.number == number);
    let [_, topic, ..] = *args;
    row.is_some_and(|row| row.name == "object_get_info")
        && Topic(u32::from_reg(topic)) == Topic::HANDLE_VALID
}

fn handle_basic(call: &mut Call<'_>, handle: HandleValue, to: Answer) -> SysResult {
    let (object, rights) = call.lookup_any(handle, Rights::empty())?;
    let objects = &call.kernel.objects;
    let record = HandleBasicInfo {
        koid: objects.head(object).koid,
        rights: rights.bits(),
        object_type: object.object_type().number(),
        related_koid: objects.related_koid(object),
        ..HandleBasicInfo::default()
    };
    single(call, to, record.to_bytes().as_ref())
}

fn handle_count(call: &mut Call<'_>, handle: HandleValue, to: Answer) -> SysResult {
    let (object, _) = call.lookup_any(handle, Rights::INSPECT)?;
    let record = HandleCountInfo {
        handle_count: call.kernel.objects.head(object).handles,
    };
    single(call, to, record.to_bytes().as_ref())
}

fn process(call: &mut Call<'_>, handle: HandleValue, to: Answer) -> SysResult {
    let record = process_record(call, handle)?;
    single(call, to, record.to_bytes().as_ref())
}

/// The record of 2018, with a byte for each flag.
fn process_v1(call: &mut Call<'_>, handle: HandleValue, to: Answer) -> SysResult {
    let now = process_record(call, handle)?;
    let record = ProcessV1Info {
        return_code: now.return_code,
        started: u8::from(now.flags & ProcessInfo::STARTED != 0),
        exited: u8::from(now.flags & ProcessInfo::EXITED != 0),
        debugger_attached: u8::from(now.flags & ProcessInfo::DEBUGGER_ATTACHED != 0),
    };
    single(call, to, record.to_bytes().as_ref())
}

fn process_record(call: &Call<'_>, handle: HandleValue) -> Result<ProcessInfo, Status> {
    let key = call.lookup::<Process>(handle, Rights::INSPECT)?;
    let process = call.kernel.objects.get(key);
    let mut flags = match process.state {
        ProcessState::Initial => 0,
        ProcessState::Running => ProcessInfo::STARTED,
        ProcessState::Dying { .. } | ProcessState::Dead => {
            ProcessInfo::STARTED | ProcessInfo::EXITED
        }
    };
    if process.debugger.is_bound(&call.kernel.objects) {
        flags |= ProcessInfo::DEBUGGER_ATTACHED;
    }
    Ok(ProcessInfo {
        return_code: process.return_code.unwrap_or(0),
        start_time: process.start_time,
        flags,
    })
}

fn timer(call: &mut Call<'_>, handle: HandleValue, to: Answer) -> SysResult {
    let key = call.lookup::<Timer>(handle, Rights::INSPECT)?;
    let record = call.kernel.objects.get(key).info;
    single(call, to, record.to_bytes().as_ref())
}

fn process_handle_stats(call: &mut Call<'_>, handle: HandleValue, to: Answer) -> SysResult {
    let key = call.lookup::<Process>(handle, Rights::INSPECT)?;
    let record = ProcessHandleStatsInfo {
        handle_count: *call.kernel.objects.get(key).handles.counts(),
    };
    single(call, to, record.to_bytes().as_ref())
}

fn thread(call: &mut Call<'_>, handle: HandleValue, to: Answer) -> SysResult {
    let key = call.lookup::<Thread>(handle, Rights::INSPECT)?;
    let thread = call.kernel.objects.get(key);
    let process = call.kernel.objects.get(thread.process);
    let is_dying = matches!(process.state, ProcessState::Dying { .. });
    let state = match (thread.state, &thread.wait) {
        (ThreadState::New, _) => 0x0,
        (ThreadState::Dead, _) => 0x5,
        (ThreadState::Blocked, Some(Wait::Exception(_))) => match thread.raised {
            Some(Raised {
                cause: Cause::ThreadExiting,
                ..
            }) => 0x4,
            _ => 0x103,
        },
        (ThreadState::Running(_), _) if is_dying => 0x4,
        _ if call.kernel.has_stopped(key) => 0x2,
        (ThreadState::Blocked, Some(Wait::Sleep)) => 0x203,
        (ThreadState::Blocked, Some(Wait::Futex(_))) => 0x303,
        (ThreadState::Blocked, Some(Wait::Port(_))) => 0x403,
        (ThreadState::Blocked, Some(Wait::Call(_))) => 0x503,
        (ThreadState::Blocked, Some(Wait::Signals { .. })) => 0x603,
        (ThreadState::Blocked, Some(Wait::Many(_))) => 0x703,
        _ => 0x1,
    };
    let exception = call.kernel.objects.exception_of(key);
    let channel_type = exception.map_or(ExceptionChannelType::None, |it| it.channel_type);
    let mut cpu_affinity_mask = [0; 8];
    if let Some(first) = cpu_affinity_mask.first_mut() {
        *first = call.kernel.sched.cpus_of(thread.standing.affinity).bits();
    }
    let record = ThreadInfo {
        state,
        cpu_affinity_mask,
        wait_exception_channel_type: channel_type.number(),
    };
    single(call, to, record.to_bytes().as_ref())
}

/// The threads of a process that have started.
fn process_threads(call: &mut Call<'_>, handle: HandleValue, to: Answer) -> SysResult {
    let key = call.lookup::<Process>(handle, Rights::ENUMERATE)?;
    list_of(
        call,
        Source::Koids(Koids::Threads(key, 0)),
        size_of::<u64>(),
        to,
    )
}

fn job(call: &mut Call<'_>, handle: HandleValue, to: Answer) -> SysResult {
    let key = call.lookup::<Job>(handle, Rights::INSPECT)?;
    let job = call.kernel.objects.get(key);
    let record = JobInfo {
        return_code: job.return_code,
        exited: u8::from(job.state != JobState::Alive),
        debugger_attached: u8::from(job.debugger.is_bound(&call.kernel.objects)),
        kill_on_oom: u8::from(job.kill_on_oom),
    };
    single(call, to, record.to_bytes().as_ref())
}

fn job_list(
    call: &mut Call<'_>,
    handle: HandleValue,
    to: Answer,
    what: fn(Key<Job>, u32) -> Koids,
) -> SysResult {
    let key = call.lookup::<Job>(handle, Rights::ENUMERATE)?;
    list_of(call, Source::Koids(what(key, 0)), size_of::<u64>(), to)
}

fn resource(call: &mut Call<'_>, handle: HandleValue, to: Answer) -> SysResult {
    let key = call.lookup::<Resource>(handle, Rights::INSPECT)?;
    let resource = call.kernel.objects.get(key);
    let record = ResourceInfo {
        kind: resource.kind.number(),
        flags: if resource.exclusive {
            jacinth_abi::RSRC_FLAG_EXCLUSIVE
        } else {
            0
        },
        base: resource.base,
        size: resource.size,
        name: *resource.name.as_bytes(),
    };
    single(call, to, record.to_bytes().as_ref())
}

fn bti(call: &mut Call<'_>, handle: HandleValue, to: Answer) -> SysResult {
    let key = call.lookup::<Bti>(handle, Rights::INSPECT)?;
    let record = call.kernel.objects.get(key).info();
    single(call, to, record.to_bytes().as_ref())
}

/// The handles of a process: for debuggers.
fn handle_table(call: &mut Call<'_>, handle: HandleValue, to: Answer) -> SysResult {
    let needed = Rights::INSPECT | Rights::MANAGE_PROCESS | Rights::MANAGE_THREAD;
    let key = call.lookup::<Process>(handle, needed)?;
    let source = Source::Handles(Handles::new(key));
    let record = size_of::<<HandleExtendedInfo as Record>::Bytes>();
    list_of(call, source, record, to)
}

fn process_vmos(call: &mut Call<'_>, handle: HandleValue, to: Answer, record: usize) -> SysResult {
    let key = call.lookup::<Process>(handle, Rights::INSPECT)?;
    if is_over(call.kernel.objects.get(key)) {
        return Err(Status::BAD_STATE);
    }
    let source = Source::Vmos(Vmos::new(key, record));
    list_of(call, source, record, to)
}

fn list_of(call: &mut Call<'_>, source: Source, record: usize, to: Answer) -> SysResult {
    let record = u64::try_from(record).map_err(|_| Status::INTERNAL)?;
    info_list::list(call, source, record, to)
}

fn vmo(call: &mut Call<'_>, handle: HandleValue, to: Answer, version_bytes: usize) -> SysResult {
    let (key, rights) = call.lookup_with_rights::<Vmo>(handle, Rights::empty())?;
    let begun = VmoCall {
        record: VmoRecord::of(None, key, Some(rights)),
        version_bytes,
        buffer: to.buffer.0,
        size: to.size,
        actual: to.actual.0,
        avail: to.avail.0,
    };
    resume_vmo(call, begun)
}

/// `ZX_INFO_VMO` under way, and where its answer goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct VmoCall {
    record: VmoRecord,
    version_bytes: usize,
    buffer: u64,
    size: u64,
    actual: u64,
    avail: u64,
}

impl VmoCall {
    /// The VMO that is asked about.
    pub(crate) const fn vmo(&self) -> Key<Vmo> {
        self.record.vmo()
    }
}

/// Goes on counting what the record says.
pub(super) fn resume_vmo(call: &mut Call<'_>, mut begun: VmoCall) -> SysResult {
    let mut work = mem::Work::new(mem::Work::EVENT);
    let record = loop {
        if let Some(record) = begun.record.step(call.kernel) {
            break record;
        }
        if !work.spend() {
            return Ok(Flow::Again(Work::VmoInfo(begun)));
        }
    };
    let to = Answer {
        buffer: FromReg::from_reg(begun.buffer),
        size: begun.size,
        actual: FromReg::from_reg(begun.actual),
        avail: FromReg::from_reg(begun.avail),
    };
    let bytes = record.to_bytes();
    single(call, to, bytes.get(..begun.version_bytes).unwrap_or(&bytes))
}

fn vmar(call: &mut Call<'_>, handle: HandleValue, to: Answer) -> SysResult {
    let key = call.lookup::<Vmar>(handle, Rights::INSPECT)?;
    let vmar = call.kernel.objects.get(key);
    let record = VmarInfo {
        base: vmar.base.raw(),
        len: vmar.size,
    };
    single(call, to, record.to_bytes().as_ref())
}

/// A process may ask about itself. One that is over has no address space.
fn process_maps(
    call: &mut Call<'_>,
    handle: HandleValue,
    to: Answer,
    version: MapsVersion,
) -> SysResult {
    let key = call.lookup::<Process>(handle, Rights::INSPECT)?;
    let process = call.kernel.objects.get(key);
    let root = process.root_vmar.filter(|_| !is_over(process));
    let root = root.ok_or(Status::BAD_STATE)?;
    let maps = Maps::new(&call.kernel.objects, Some(key), root, version);
    list_maps(call, maps, to, version)
}

const fn is_over(process: &Process) -> bool {
    matches!(
        process.state,
        ProcessState::Dying { .. } | ProcessState::Dead
    )
}

fn vmar_maps(call: &mut Call<'_>, handle: HandleValue, to: Answer) -> SysResult {
    let key = call.lookup::<Vmar>(handle, Rights::INSPECT)?;
    if !call.kernel.objects.get(key).alive {
        return Err(Status::BAD_STATE);
    }
    let version = MapsVersion::Current;
    let maps = Maps::new(&call.kernel.objects, None, key, version);
    list_maps(call, maps, to, version)
}

fn list_maps(call: &mut Call<'_>, maps: Maps, to: Answer, version: MapsVersion) -> SysResult {
    list_of(call, Source::Maps(maps), version.size(), to)
}

/// Jacinth's own: what the page tables of the region's whole address space hold.
fn page_table(call: &mut Call<'_>, handle: HandleValue, to: Answer) -> SysResult {
    let key = call.lookup::<Vmar>(handle, Rights::INSPECT)?;
    let process = call
        .kernel
        .objects
        .get(key)
        .process
        .ok_or(Status::BAD_STATE)?;
    let entries = call.kernel.objects.get(process).entries;
    let record = PageTableInfo {
        pages_4k: entries.pages_4k.cast_unsigned(),
        blocks_2m: entries.blocks_2m.cast_unsigned(),
        blocks_1g: entries.blocks_1g.cast_unsigned(),
        tables: entries.tables.cast_unsigned(),
    };
    single(call, to, record.to_bytes().as_ref())
}

/// Hands one record out: the record, then `actual`, then `avail` (handles-resources.md §7.2).
pub(super) fn single(call: &mut Call<'_>, to: Answer, record: &[u8]) -> SysResult {
    let fits = usize::try_from(to.size).is_ok_and(|size| size >= record.len());
    if fits {
        call.write_bytes(to.buffer.0, record)?;
    }
    for (out, count) in [(to.actual, u64::from(fits)), (to.avail, 1)] {
        if !out.is_null() {
            call.write(out, count)?;
        }
    }
    if fits {
        Ok(Flow::ok())
    } else {
        Err(Status::BUFFER_TOO_SMALL)
    }
}
