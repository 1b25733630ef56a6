//! Compares every number and layout with the crate `fuchsia-zircon-types`, wherever it has them.
//!
//! That crate is of 2024: where Zircon changed since, the older topic version or the prefix of the
//! record is compared, and the reason stands there.

use fuchsia_zircon_types as fuchsia;
use jacinth_abi::limits::{self, retcode};
use jacinth_abi::{
    CachePolicy, ExceptionType, Field, HandleBasicInfo, HandleCountInfo, IommuType,
    KmemStatsExtendedInfo, KmemStatsV1Info, MapsInfo, MapsMapping, ObjectType,
    ProcessHandleStatsInfo, ProcessInfo, Property, Record, ResourceInfo, ResourceKind, Rights,
    Signals, Status, SystemBase, ThreadStatsInfo, Topic, VmOptions, VmarInfo, VmoChildOptions,
    VmoInfo, VmoInfoFlags, VmoOp, VmoOptions,
};

macro_rules! same {
    ($ours:expr => $($theirs:ident),+ $(,)?) => {
        $(assert_eq!($ours(stringify!($theirs)), fuchsia::$theirs, stringify!($theirs));)+
    };
}

fn named<T: Copy>(all: &[(T, &str)], name: &str) -> T {
    let found = all.iter().find(|(_, ours)| *ours == name);
    found.unwrap_or_else(|| panic!("{name} is missing")).0
}

#[test]
fn statuses() {
    let ours = |name: &str| named(Status::ALL, name.strip_prefix("ZX_ERR_").unwrap()).raw();
    same!(ours =>
        ZX_ERR_INTERNAL, ZX_ERR_NOT_SUPPORTED, ZX_ERR_NO_RESOURCES, ZX_ERR_NO_MEMORY, ZX_ERR_INVALID_ARGS,
        ZX_ERR_BAD_HANDLE, ZX_ERR_WRONG_TYPE, ZX_ERR_BAD_SYSCALL, ZX_ERR_OUT_OF_RANGE, ZX_ERR_BUFFER_TOO_SMALL,
        ZX_ERR_BAD_STATE, ZX_ERR_TIMED_OUT, ZX_ERR_SHOULD_WAIT, ZX_ERR_CANCELED, ZX_ERR_PEER_CLOSED,
        ZX_ERR_NOT_FOUND, ZX_ERR_ALREADY_EXISTS, ZX_ERR_ALREADY_BOUND, ZX_ERR_UNAVAILABLE, ZX_ERR_ACCESS_DENIED,
        ZX_ERR_IO, ZX_ERR_IO_REFUSED, ZX_ERR_IO_DATA_INTEGRITY, ZX_ERR_IO_DATA_LOSS, ZX_ERR_IO_NOT_PRESENT,
        ZX_ERR_IO_OVERRUN, ZX_ERR_IO_MISSED_DEADLINE, ZX_ERR_IO_INVALID, ZX_ERR_BAD_PATH, ZX_ERR_NOT_DIR,
        ZX_ERR_NOT_FILE, ZX_ERR_FILE_BIG, ZX_ERR_NO_SPACE, ZX_ERR_NOT_EMPTY, ZX_ERR_STOP, ZX_ERR_NEXT,
        ZX_ERR_ASYNC, ZX_ERR_PROTOCOL_NOT_SUPPORTED, ZX_ERR_ADDRESS_UNREACHABLE, ZX_ERR_ADDRESS_IN_USE,
        ZX_ERR_NOT_CONNECTED, ZX_ERR_CONNECTION_REFUSED, ZX_ERR_CONNECTION_RESET, ZX_ERR_CONNECTION_ABORTED,
    );
    assert_eq!(
        Status::INTERNAL_INTR_RETRY.raw(),
        fuchsia::ZX_ERR_INTERRUPTED_RETRY
    );
    // All of theirs, and INTERNAL_INTR_KILLED, which never leaves the vDSO.
    assert_eq!(Status::ALL.len(), 46);
}

#[test]
fn rights() {
    let ours = |name: &str| {
        let name = name.strip_prefix("ZX_RIGHT_").unwrap();
        Rights::from_name(name)
            .unwrap_or_else(|| panic!("{name}"))
            .bits()
    };
    same!(ours =>
        ZX_RIGHT_DUPLICATE, ZX_RIGHT_TRANSFER, ZX_RIGHT_READ, ZX_RIGHT_WRITE, ZX_RIGHT_EXECUTE, ZX_RIGHT_MAP,
        ZX_RIGHT_GET_PROPERTY, ZX_RIGHT_SET_PROPERTY, ZX_RIGHT_ENUMERATE, ZX_RIGHT_DESTROY, ZX_RIGHT_SET_POLICY,
        ZX_RIGHT_GET_POLICY, ZX_RIGHT_SIGNAL, ZX_RIGHT_SIGNAL_PEER, ZX_RIGHT_WAIT, ZX_RIGHT_INSPECT,
        ZX_RIGHT_MANAGE_JOB, ZX_RIGHT_MANAGE_PROCESS, ZX_RIGHT_MANAGE_THREAD, ZX_RIGHT_APPLY_PROFILE,
        ZX_RIGHT_MANAGE_SOCKET, ZX_RIGHT_OP_CHILDREN, ZX_RIGHT_RESIZE, ZX_RIGHT_ATTACH_VMO, ZX_RIGHT_MANAGE_VMO,
    );
    assert_eq!(Rights::SAME_RIGHTS, fuchsia::ZX_RIGHT_SAME_RIGHTS);
    assert_eq!(
        Rights::DEFAULT_PHYSICAL_VMO,
        Rights::DEFAULT_VMO | Rights::EXECUTE
    );
    let vmo = Rights::BASIC | Rights::IO | Rights::PROPERTY | Rights::MAP | Rights::SIGNAL;
    assert_eq!(Rights::DEFAULT_VMO, vmo);
}

#[test]
fn signals() {
    let same = |ours: Signals, theirs: u32| assert_eq!(ours.bits(), theirs);
    same(Signals::READABLE, fuchsia::ZX_OBJECT_READABLE);
    same(Signals::WRITABLE, fuchsia::ZX_OBJECT_WRITABLE);
    same(Signals::PEER_CLOSED, fuchsia::ZX_OBJECT_PEER_CLOSED);
    same(Signals::SIGNALED, fuchsia::ZX_OBJECT_SIGNAL_3);
    same(Signals::HANDLE_CLOSED, fuchsia::ZX_SIGNAL_HANDLE_CLOSED);
    same(Signals::USER_0, fuchsia::ZX_USER_SIGNAL_0);
    same(Signals::USER_7, fuchsia::ZX_USER_SIGNAL_7);
    same(Signals::USER_ALL, fuchsia::ZX_USER_SIGNAL_ALL);
    same(Signals::OBJECT_ALL, fuchsia::ZX_OBJECT_SIGNAL_ALL);
    same(Signals::VMO_ZERO_CHILDREN, fuchsia::ZX_VMO_ZERO_CHILDREN);
    same(Signals::EVENT_SIGNALED, fuchsia::ZX_EVENT_SIGNALED);
    same(Signals::TASK_TERMINATED, fuchsia::ZX_TASK_TERMINATED);
    same(Signals::TIMER_SIGNALED, fuchsia::ZX_TIMER_SIGNALED);
    same(Signals::THREAD_RUNNING, fuchsia::ZX_THREAD_RUNNING);
    same(Signals::THREAD_SUSPENDED, fuchsia::ZX_THREAD_SUSPENDED);
    same(Signals::JOB_NO_JOBS, fuchsia::ZX_JOB_NO_JOBS);
    same(Signals::JOB_NO_PROCESSES, fuchsia::ZX_JOB_NO_PROCESSES);
    same(Signals::CLOCK_STARTED, fuchsia::ZX_CLOCK_STARTED);
    same(Signals::CLOCK_UPDATED, fuchsia::ZX_CLOCK_UPDATED);
    same(
        Signals::SOCKET_PEER_WRITE_DISABLED,
        fuchsia::ZX_SOCKET_PEER_WRITE_DISABLED,
    );
    same(
        Signals::SOCKET_WRITE_DISABLED,
        fuchsia::ZX_SOCKET_WRITE_DISABLED,
    );
    same(
        Signals::SOCKET_READ_THRESHOLD,
        fuchsia::ZX_SOCKET_READ_THRESHOLD,
    );
    same(
        Signals::SOCKET_WRITE_THRESHOLD,
        fuchsia::ZX_SOCKET_WRITE_THRESHOLD,
    );
    assert_eq!(Signals::all().bits(), u32::MAX);
}

/// The value of one of our numbered enums whose name is theirs without a prefix.
fn by_name<T: Copy>(all: &[T], name: &str, prefix: &str, of: fn(T) -> &'static str) -> T {
    let name = name.strip_prefix(prefix).unwrap();
    let found = all.iter().find(|value| of(**value) == name);
    *found.unwrap_or_else(|| panic!("{name} is missing"))
}

#[test]
fn object_types() {
    let ours =
        |name: &str| by_name(ObjectType::ALL, name, "ZX_OBJ_TYPE_", ObjectType::name).number();
    same!(ours =>
        ZX_OBJ_TYPE_NONE, ZX_OBJ_TYPE_PROCESS, ZX_OBJ_TYPE_THREAD, ZX_OBJ_TYPE_VMO, ZX_OBJ_TYPE_CHANNEL,
        ZX_OBJ_TYPE_EVENT, ZX_OBJ_TYPE_PORT, ZX_OBJ_TYPE_INTERRUPT, ZX_OBJ_TYPE_PCI_DEVICE, ZX_OBJ_TYPE_SOCKET,
        ZX_OBJ_TYPE_RESOURCE, ZX_OBJ_TYPE_EVENTPAIR, ZX_OBJ_TYPE_JOB, ZX_OBJ_TYPE_VMAR, ZX_OBJ_TYPE_FIFO,
        ZX_OBJ_TYPE_GUEST, ZX_OBJ_TYPE_VCPU, ZX_OBJ_TYPE_TIMER, ZX_OBJ_TYPE_IOMMU, ZX_OBJ_TYPE_BTI,
        ZX_OBJ_TYPE_PROFILE, ZX_OBJ_TYPE_PMT, ZX_OBJ_TYPE_SUSPEND_TOKEN, ZX_OBJ_TYPE_PAGER, ZX_OBJ_TYPE_EXCEPTION,
        ZX_OBJ_TYPE_CLOCK, ZX_OBJ_TYPE_STREAM, ZX_OBJ_TYPE_MSI, ZX_OBJ_TYPE_IOB,
    );
    assert_eq!(ObjectType::Log.number(), fuchsia::ZX_OBJ_TYPE_DEBUGLOG);
    for number in 0..64 {
        let back = ObjectType::from_number(number).map(ObjectType::number);
        assert!(back.is_none_or(|back| back == number));
    }
}

#[test]
fn vm_options() {
    let ours = |name: &str| {
        let name = name.strip_prefix("ZX_VM_").unwrap();
        VmOptions::from_name(name)
            .unwrap_or_else(|| panic!("{name}"))
            .bits()
    };
    same!(ours =>
        ZX_VM_PERM_READ, ZX_VM_PERM_WRITE, ZX_VM_PERM_EXECUTE, ZX_VM_COMPACT, ZX_VM_SPECIFIC,
        ZX_VM_SPECIFIC_OVERWRITE, ZX_VM_CAN_MAP_SPECIFIC, ZX_VM_CAN_MAP_READ, ZX_VM_CAN_MAP_WRITE,
        ZX_VM_CAN_MAP_EXECUTE, ZX_VM_MAP_RANGE, ZX_VM_REQUIRE_NON_RESIZABLE, ZX_VM_ALLOW_FAULTS,
        ZX_VM_OFFSET_IS_UPPER_LIMIT, ZX_VM_PERM_READ_IF_XOM_UNSUPPORTED,
    );
    let none = VmOptions::PERM_READ;
    assert_eq!(none.alignment(), Ok(0));
    for log2 in 0..=255 {
        let word = none.with_alignment(log2);
        assert_eq!(
            word.alignment().is_ok(),
            matches!(log2, 0 | 10..=32),
            "{log2}"
        );
        assert_eq!(word.without_alignment(), none);
        assert!(!word.has_undefined());
    }
    assert!(VmOptions::from_bits_retain(1 << 23).has_undefined());
}

#[test]
fn vmo_options() {
    assert_eq!(VmoOptions::RESIZABLE.bits(), fuchsia::ZX_VMO_RESIZABLE);
    assert_eq!(VmoOptions::DISCARDABLE.bits(), fuchsia::ZX_VMO_DISCARDABLE);
    assert_eq!(VmoOptions::TRAP_DIRTY.bits(), fuchsia::ZX_VMO_TRAP_DIRTY);
    let child = |name: &str| {
        let name = name.strip_prefix("ZX_VMO_CHILD_").unwrap();
        VmoChildOptions::from_name(name)
            .unwrap_or_else(|| panic!("{name}"))
            .bits()
    };
    same!(child =>
        ZX_VMO_CHILD_SNAPSHOT, ZX_VMO_CHILD_SNAPSHOT_AT_LEAST_ON_WRITE, ZX_VMO_CHILD_RESIZABLE,
        ZX_VMO_CHILD_SLICE, ZX_VMO_CHILD_NO_WRITE, ZX_VMO_CHILD_REFERENCE,
    );
    let op = |name: &str| by_name(VmoOp::ALL, name, "ZX_VMO_OP_", VmoOp::name).number();
    same!(op =>
        ZX_VMO_OP_COMMIT, ZX_VMO_OP_DECOMMIT, ZX_VMO_OP_LOCK, ZX_VMO_OP_UNLOCK, ZX_VMO_OP_CACHE_SYNC,
        ZX_VMO_OP_CACHE_INVALIDATE, ZX_VMO_OP_CACHE_CLEAN, ZX_VMO_OP_CACHE_CLEAN_INVALIDATE, ZX_VMO_OP_ZERO,
        ZX_VMO_OP_TRY_LOCK, ZX_VMO_OP_DONT_NEED, ZX_VMO_OP_ALWAYS_NEED,
    );
    let policy = |name: &str| {
        by_name(
            CachePolicy::ALL,
            name,
            "ZX_CACHE_POLICY_",
            CachePolicy::name,
        )
        .number()
    };
    same!(policy =>
        ZX_CACHE_POLICY_CACHED, ZX_CACHE_POLICY_UNCACHED, ZX_CACHE_POLICY_UNCACHED_DEVICE,
        ZX_CACHE_POLICY_WRITE_COMBINING,
    );
    let flag = |name: &str| {
        let name = name.strip_prefix("ZX_INFO_VMO_").unwrap();
        VmoInfoFlags::from_name(name)
            .unwrap_or_else(|| panic!("{name}"))
            .bits()
    };
    same!(flag =>
        ZX_INFO_VMO_RESIZABLE, ZX_INFO_VMO_IS_COW_CLONE, ZX_INFO_VMO_PAGER_BACKED, ZX_INFO_VMO_CONTIGUOUS,
    );
}

#[test]
fn resources_and_properties() {
    let kind =
        |name: &str| by_name(ResourceKind::ALL, name, "ZX_RSRC_KIND_", ResourceKind::name).number();
    same!(kind =>
        ZX_RSRC_KIND_MMIO, ZX_RSRC_KIND_IRQ, ZX_RSRC_KIND_IOPORT, ZX_RSRC_KIND_SMC, ZX_RSRC_KIND_SYSTEM,
    );
    // ROOT was removed since; its number stays refused.
    assert_eq!(ResourceKind::from_number(fuchsia::ZX_RSRC_KIND_ROOT), None);
    let base = |name: &str| {
        let name = name.strip_suffix("_BASE").unwrap();
        u64::from(by_name(SystemBase::ALL, name, "ZX_RSRC_SYSTEM_", SystemBase::name).number())
    };
    same!(base =>
        ZX_RSRC_SYSTEM_HYPERVISOR_BASE, ZX_RSRC_SYSTEM_VMEX_BASE, ZX_RSRC_SYSTEM_DEBUG_BASE,
        ZX_RSRC_SYSTEM_INFO_BASE, ZX_RSRC_SYSTEM_CPU_BASE, ZX_RSRC_SYSTEM_POWER_BASE, ZX_RSRC_SYSTEM_MEXEC_BASE,
        ZX_RSRC_SYSTEM_ENERGY_INFO_BASE, ZX_RSRC_SYSTEM_IOMMU_BASE, ZX_RSRC_SYSTEM_PROFILE_BASE,
        ZX_RSRC_SYSTEM_MSI_BASE, ZX_RSRC_SYSTEM_DEBUGLOG_BASE,
    );
    assert_eq!(
        jacinth_abi::RSRC_FLAG_EXCLUSIVE,
        fuchsia::ZX_RSRC_FLAG_EXCLUSIVE
    );
    let property = |name: &str| by_name(Property::ALL, name, "ZX_PROP_", Property::name).number();
    same!(property =>
        ZX_PROP_NAME, ZX_PROP_PROCESS_DEBUG_ADDR, ZX_PROP_PROCESS_VDSO_BASE_ADDRESS,
        ZX_PROP_PROCESS_BREAK_ON_LOAD, ZX_PROP_SOCKET_RX_THRESHOLD, ZX_PROP_SOCKET_TX_THRESHOLD,
        ZX_PROP_JOB_KILL_ON_OOM, ZX_PROP_EXCEPTION_STATE, ZX_PROP_VMO_CONTENT_SIZE,
        ZX_PROP_EXCEPTION_STRATEGY, ZX_PROP_STREAM_MODE_APPEND,
    );
}

#[test]
fn topics() {
    let ours = |name: &str| named(Topic::ALL, name.strip_prefix("ZX_INFO_").unwrap()).0;
    same!(ours =>
        ZX_INFO_NONE, ZX_INFO_HANDLE_VALID, ZX_INFO_HANDLE_BASIC, ZX_INFO_PROCESS, ZX_INFO_PROCESS_THREADS,
        ZX_INFO_VMAR, ZX_INFO_JOB_CHILDREN, ZX_INFO_JOB_PROCESSES, ZX_INFO_THREAD,
        ZX_INFO_THREAD_EXCEPTION_REPORT, ZX_INFO_THREAD_STATS, ZX_INFO_CPU_STATS, ZX_INFO_RESOURCE,
        ZX_INFO_HANDLE_COUNT, ZX_INFO_BTI, ZX_INFO_PROCESS_HANDLE_STATS, ZX_INFO_SOCKET, ZX_INFO_JOB,
        ZX_INFO_TIMER, ZX_INFO_STREAM, ZX_INFO_HANDLE_TABLE, ZX_INFO_MSI, ZX_INFO_GUEST_STATS,
        ZX_INFO_TASK_RUNTIME, ZX_INFO_KMEM_STATS_EXTENDED, ZX_INFO_VCPU, ZX_INFO_KMEM_STATS_COMPRESSION,
    );
    // Versions that moved on since.
    assert_eq!(Topic::VMO_V3.0, fuchsia::ZX_INFO_VMO);
    assert_eq!(Topic::TASK_STATS_V1.0, fuchsia::ZX_INFO_TASK_STATS);
    assert_eq!(Topic::PROCESS_MAPS_V2.0, fuchsia::ZX_INFO_PROCESS_MAPS);
    assert_eq!(Topic::KMEM_STATS_V1.0, fuchsia::ZX_INFO_KMEM_STATS);
    assert_eq!(Topic::VMO.name(), Some("VMO"));
    assert_eq!(Topic(0xFFFF).name(), None);
}

#[test]
fn exceptions_and_limits() {
    let excp =
        |name: &str| by_name(ExceptionType::ALL, name, "ZX_EXCP_", ExceptionType::name).number();
    same!(excp =>
        ZX_EXCP_GENERAL, ZX_EXCP_FATAL_PAGE_FAULT, ZX_EXCP_UNDEFINED_INSTRUCTION, ZX_EXCP_SW_BREAKPOINT,
        ZX_EXCP_HW_BREAKPOINT, ZX_EXCP_UNALIGNED_ACCESS, ZX_EXCP_THREAD_STARTING, ZX_EXCP_THREAD_EXITING,
        ZX_EXCP_POLICY_ERROR, ZX_EXCP_USER,
    );
    assert_eq!(limits::MAX_NAME_LEN, fuchsia::ZX_MAX_NAME_LEN);
    assert_eq!(limits::HANDLE_INVALID, fuchsia::ZX_HANDLE_INVALID);
    assert_eq!(limits::KOID_FIRST, fuchsia::ZX_KOID_FIRST);
    assert_eq!(limits::KOID_KERNEL, fuchsia::ZX_KOID_KERNEL);
    assert_eq!(
        limits::CHANNEL_MAX_MSG_BYTES,
        fuchsia::ZX_CHANNEL_MAX_MSG_BYTES
    );
    assert_eq!(
        limits::CHANNEL_MAX_MSG_HANDLES,
        fuchsia::ZX_CHANNEL_MAX_MSG_HANDLES
    );
    assert_eq!(limits::TIME_INFINITE, fuchsia::ZX_TIME_INFINITE);
    assert_eq!(limits::TIME_INFINITE_PAST, fuchsia::ZX_TIME_INFINITE_PAST);
    assert_eq!(limits::CLOCK_MONOTONIC, fuchsia::ZX_CLOCK_MONOTONIC);
    assert_eq!(limits::PAGE_SHIFT, fuchsia::ZX_MIN_PAGE_SHIFT);
    assert_eq!(retcode::SYSCALL_KILL, fuchsia::ZX_TASK_RETCODE_SYSCALL_KILL);
    assert_eq!(retcode::OOM_KILL, fuchsia::ZX_TASK_RETCODE_OOM_KILL);
    assert_eq!(retcode::POLICY_KILL, fuchsia::ZX_TASK_RETCODE_POLICY_KILL);
    assert_eq!(retcode::VDSO_KILL, fuchsia::ZX_TASK_RETCODE_VDSO_KILL);
    assert_eq!(
        retcode::EXCEPTION_KILL,
        fuchsia::ZX_TASK_RETCODE_EXCEPTION_KILL
    );
}

macro_rules! same_layout {
    ($ours:ident = $size:expr, $theirs:ident: $($our_field:ident = $their_field:ident),+ $(,)?) => {
        assert_eq!($size, size_of::<fuchsia::$theirs>(), stringify!($theirs));
        $(assert_eq!(
            core::mem::offset_of!($ours, $our_field),
            core::mem::offset_of!(fuchsia::$theirs, $their_field),
            concat!(stringify!($theirs), ".", stringify!($their_field)),
        );)+
    };
}

#[test]
fn layouts() {
    same_layout!(HandleBasicInfo = HandleBasicInfo::SIZE, zx_info_handle_basic_t:
        koid = koid, rights = rights, object_type = type_, related_koid = related_koid, reserved = reserved);
    same_layout!(HandleCountInfo = HandleCountInfo::SIZE, zx_info_handle_count_t: handle_count = handle_count);
    same_layout!(ProcessInfo = ProcessInfo::SIZE, zx_info_process_t:
        return_code = return_code, start_time = start_time, flags = flags);
    same_layout!(ProcessHandleStatsInfo = ProcessHandleStatsInfo::SIZE, zx_info_process_handle_stats_t:
        handle_count = handle_count);
    same_layout!(ResourceInfo = ResourceInfo::SIZE, zx_info_resource_t:
        kind = kind, flags = flags, base = base, size = size, name = name);
    same_layout!(VmarInfo = VmarInfo::SIZE, zx_info_vmar_t: base = base, len = len);
    same_layout!(ThreadStatsInfo = ThreadStatsInfo::SIZE, zx_info_thread_stats_t:
        total_runtime = total_runtime, last_scheduled_cpu = last_scheduled_cpu);
    // Theirs is the record of topic version 2; ours goes on behind it.
    same_layout!(VmoInfo = VmoInfo::V3_SIZE, zx_info_vmo_t:
        koid = koid, name = name, size_bytes = size_bytes, parent_koid = parent_koid,
        num_children = num_children, num_mappings = num_mappings, share_count = share_count, flags = flags,
        committed_bytes = committed_bytes, handle_rights = handle_rights, cache_policy = cache_policy,
        metadata_bytes = metadata_bytes, committed_change_events = committed_change_events,
        populated_bytes = populated_bytes);
    same_layout!(MapsInfo = MapsInfo::V2_SIZE, zx_info_maps_t:
        name = name, base = base, size = size, depth = depth, maps_type = r#type, mapping = u);
    same_layout!(MapsMapping = 40, zx_info_maps_mapping_t:
        mmu_flags = mmu_flags, vmo_koid = vmo_koid, vmo_offset = vmo_offset,
        committed_bytes = committed_pages, populated_bytes = populated_pages);
}

#[test]
fn layouts_of_memory_records() {
    // Theirs is the record of topic version 0.
    same_layout!(KmemStatsV1Info = KmemStatsV1Info::SIZE, zx_info_kmem_stats_t:
        total_bytes = total_bytes, free_bytes = free_bytes, wired_bytes = wired_bytes,
        total_heap_bytes = total_heap_bytes, free_heap_bytes = free_heap_bytes, vmo_bytes = vmo_bytes,
        mmu_overhead_bytes = mmu_overhead_bytes, ipc_bytes = ipc_bytes, other_bytes = other_bytes);
    same_layout!(KmemStatsExtendedInfo = KmemStatsExtendedInfo::SIZE, zx_info_kmem_stats_extended_t:
        total_bytes = total_bytes, free_bytes = free_bytes, wired_bytes = wired_bytes,
        total_heap_bytes = total_heap_bytes, free_heap_bytes = free_heap_bytes, vmo_bytes = vmo_bytes,
        vmo_pager_total_bytes = vmo_pager_total_bytes, vmo_pager_newest_bytes = vmo_pager_newest_bytes,
        vmo_pager_oldest_bytes = vmo_pager_oldest_bytes,
        vmo_discardable_locked_bytes = vmo_discardable_locked_bytes,
        vmo_discardable_unlocked_bytes = vmo_discardable_unlocked_bytes,
        mmu_overhead_bytes = mmu_overhead_bytes, ipc_bytes = ipc_bytes, other_bytes = other_bytes,
        vmo_reclaim_disabled_bytes = vmo_reclaim_disable_bytes);
}

#[test]
fn iommu_types() {
    assert_eq!(IommuType::Stub.number(), fuchsia::ZX_IOMMU_TYPE_DUMMY);
    assert_eq!(IommuType::Intel.number(), fuchsia::ZX_IOMMU_TYPE_INTEL);
}

#[test]
fn records_survive_the_wire() {
    let mut maps = MapsInfo {
        base: 0x1000,
        maps_type: MapsInfo::TYPE_MAPPING,
        ..Default::default()
    };
    maps.name = [7; 32];
    maps.mapping.vmo_koid = 0x0102_0304_0506_0708;
    let bytes = maps.to_bytes();
    assert_eq!(MapsInfo::from_bytes(&bytes), maps);
    assert_eq!(bytes[72..80], [8, 7, 6, 5, 4, 3, 2, 1]);
    // Padding is zero; what is missing reads as zero.
    assert_eq!(bytes[60..64], [0; 4]);
    assert_eq!(MapsInfo::from_bytes(&bytes[..40]).mapping.vmo_koid, 0);
}
