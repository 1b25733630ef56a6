//! `zx_object_info_topic_t`: what `zx_object_get_info` can be asked.

/// A topic: its number and, in the top four bits, the version of its record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(transparent)]
pub struct Topic(pub u32);

macro_rules! topics {
    ($($(#[$doc:meta])* $name:ident = $number:literal, $version:literal);+ $(;)?) => {
        impl Topic {
            $($(#[$doc])* pub const $name: Self = Self::versioned($number, $version);)+

            /// Every topic with its name.
            pub const ALL: &'static [(Self, &'static str)] = &[$((Self::$name, stringify!($name))),+];
        }
    };
}

impl Topic {
    /// The topic `number` with the record version `version`.
    #[must_use]
    pub const fn versioned(number: u32, version: u32) -> Self {
        Self(number | (version << 28))
    }

    /// The name without its `ZX_INFO_` prefix.
    #[must_use]
    pub fn name(self) -> Option<&'static str> {
        let known = Self::ALL.iter().find(|(topic, _)| *topic == self);
        known.map(|(_, name)| *name)
    }
}

topics! {
    /// Nothing.
    NONE = 0, 0;
    /// Whether the handle is one; no record.
    HANDLE_VALID = 1, 0;
    /// `zx_info_handle_basic_t`
    HANDLE_BASIC = 2, 0;
    /// `zx_info_process_t`
    PROCESS = 3, 1;
    /// `zx_info_process_t` of 16 bytes.
    PROCESS_V1 = 3, 0;
    /// Koids of a process's threads.
    PROCESS_THREADS = 4, 0;
    /// `zx_info_vmar_t`
    VMAR = 7, 0;
    /// Koids of a job's jobs.
    JOB_CHILDREN = 8, 0;
    /// Koids of a job's processes.
    JOB_PROCESSES = 9, 0;
    /// `zx_info_thread_t`
    THREAD = 10, 0;
    /// `zx_exception_report_t`
    THREAD_EXCEPTION_REPORT = 11, 1;
    /// `zx_exception_report_t` of 32 bytes.
    THREAD_EXCEPTION_REPORT_V1 = 11, 0;
    /// `zx_info_task_stats_t`
    TASK_STATS = 12, 1;
    /// `zx_info_task_stats_t` of 32 bytes.
    TASK_STATS_V1 = 12, 0;
    /// `zx_info_maps_t` of a process.
    PROCESS_MAPS = 13, 2;
    /// `zx_info_maps_t` of 104 bytes.
    PROCESS_MAPS_V2 = 13, 1;
    /// `zx_info_maps_t` of 96 bytes.
    PROCESS_MAPS_V1 = 13, 0;
    /// `zx_info_vmo_t` of a process's VMOs.
    PROCESS_VMOS = 14, 3;
    /// `zx_info_vmo_t` of 128 bytes, of a process's VMOs.
    PROCESS_VMOS_V3 = 14, 2;
    /// `zx_info_vmo_t` of 120 bytes, of a process's VMOs.
    PROCESS_VMOS_V2 = 14, 1;
    /// `zx_info_vmo_t` of 104 bytes, of a process's VMOs.
    PROCESS_VMOS_V1 = 14, 0;
    /// `zx_info_thread_stats_t`
    THREAD_STATS = 15, 0;
    /// `zx_info_cpu_stats_t`
    CPU_STATS = 16, 0;
    /// `zx_info_kmem_stats_t`
    KMEM_STATS = 17, 1;
    /// `zx_info_kmem_stats_t` of 72 bytes.
    KMEM_STATS_V1 = 17, 0;
    /// `zx_info_resource_t`
    RESOURCE = 18, 0;
    /// `zx_info_handle_count_t`
    HANDLE_COUNT = 19, 0;
    /// `zx_info_bti_t`
    BTI = 20, 0;
    /// `zx_info_process_handle_stats_t`
    PROCESS_HANDLE_STATS = 21, 0;
    /// `zx_info_socket_t`
    SOCKET = 22, 0;
    /// `zx_info_vmo_t`
    VMO = 23, 3;
    /// `zx_info_vmo_t` of 128 bytes.
    VMO_V3 = 23, 2;
    /// `zx_info_vmo_t` of 120 bytes.
    VMO_V2 = 23, 1;
    /// `zx_info_vmo_t` of 104 bytes.
    VMO_V1 = 23, 0;
    /// `zx_info_job_t`
    JOB = 24, 0;
    /// `zx_info_timer_t`
    TIMER = 25, 0;
    /// `zx_info_stream_t`
    STREAM = 26, 0;
    /// `zx_info_handle_extended_t` of a process.
    HANDLE_TABLE = 27, 0;
    /// `zx_info_msi_t`
    MSI = 28, 0;
    /// Guests' statistics.
    GUEST_STATS = 29, 0;
    /// `zx_info_task_runtime_t`
    TASK_RUNTIME = 30, 1;
    /// `zx_info_task_runtime_t` of 16 bytes.
    TASK_RUNTIME_V1 = 30, 0;
    /// More about the kernel's memory.
    KMEM_STATS_EXTENDED = 31, 0;
    /// `zx_info_vcpu_t`
    VCPU = 32, 0;
    /// Compressed memory.
    KMEM_STATS_COMPRESSION = 33, 0;
    /// `zx_info_iob_t`
    IOB = 34, 0;
    /// The regions of an I/O buffer.
    IOB_REGIONS = 35, 0;
    /// `zx_info_maps_t` of a region.
    VMAR_MAPS = 36, 0;
    /// Power domains.
    POWER_DOMAINS = 37, 0;
    /// `zx_info_memory_stall_t`
    MEMORY_STALL = 38, 0;
    /// `zx_info_interrupt_t`
    INTERRUPT = 39, 0;
    /// The size of a mapped clock.
    CLOCK_MAPPED_SIZE = 40, 0;
    /// Jacinth's own: [`PageTableInfo`](crate::PageTableInfo) of a region's whole address space;
    /// needs INSPECT.
    JACINTH_INFO_PAGE_TABLE = 0x0F00_0000, 0;
}
