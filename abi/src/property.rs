//! Properties of objects.

use crate::numbered::numbered;

numbered! {
    /// What `zx_object_get_property` and `zx_object_set_property` name (`ZX_PROP_*`).
    Property {
        /// The thread's GS base, x86_64.
        RegisterGs = 2 "REGISTER_GS",
        /// The name: 32 bytes on reading, any length on setting.
        Name = 3 "NAME",
        /// The thread's FS base, x86_64.
        RegisterFs = 4 "REGISTER_FS",
        /// Where a process's dynamic linker keeps its debug structure.
        ProcessDebugAddr = 5 "PROCESS_DEBUG_ADDR",
        /// Where a process has mapped the vDSO.
        ProcessVdsoBaseAddress = 6 "PROCESS_VDSO_BASE_ADDRESS",
        /// Whether the dynamic linker stops when it loads a library.
        ProcessBreakOnLoad = 7 "PROCESS_BREAK_ON_LOAD",
        /// The process's number in hardware traces, x86_64.
        ProcessHwTraceContextId = 8 "PROCESS_HW_TRACE_CONTEXT_ID",
        /// A socket's read threshold.
        SocketRxThreshold = 12 "SOCKET_RX_THRESHOLD",
        /// A socket's write threshold.
        SocketTxThreshold = 13 "SOCKET_TX_THRESHOLD",
        /// Whether the job dies when memory is short.
        JobKillOnOom = 15 "JOB_KILL_ON_OOM",
        /// What closing an exception does.
        ExceptionState = 16 "EXCEPTION_STATE",
        /// A VMO's content size in bytes, u64.
        VmoContentSize = 17 "VMO_CONTENT_SIZE",
        /// How an exception is offered.
        ExceptionStrategy = 18 "EXCEPTION_STRATEGY",
        /// Whether a stream appends.
        StreamModeAppend = 19 "STREAM_MODE_APPEND",
    }
}

impl Property {
    /// The smallest buffer, in bytes, that reading the property accepts; setting NAME has no minimum.
    #[must_use]
    pub const fn size(self) -> u64 {
        match self {
            Self::Name => 32,
            Self::ExceptionState | Self::ExceptionStrategy => 4,
            Self::StreamModeAppend => 1,
            _ => 8,
        }
    }
}
