//! Exceptions: their types, how they are told, and the codes of policy exceptions.

use crate::numbered::numbered;
use crate::record::record;

numbered! {
    /// `zx_excp_type_t` (`ZX_EXCP_*`).
    ExceptionType {
        /// Anything without a type of its own.
        General = 0x008 "GENERAL",
        /// A page fault that could not be resolved.
        FatalPageFault = 0x108 "FATAL_PAGE_FAULT",
        /// An undefined instruction.
        UndefinedInstruction = 0x208 "UNDEFINED_INSTRUCTION",
        /// A breakpoint instruction.
        SwBreakpoint = 0x308 "SW_BREAKPOINT",
        /// A hardware breakpoint, or a single step.
        HwBreakpoint = 0x408 "HW_BREAKPOINT",
        /// An access at an address that is not aligned.
        UnalignedAccess = 0x508 "UNALIGNED_ACCESS",
        /// A thread begins, for debuggers.
        ThreadStarting = 0x8008 "THREAD_STARTING",
        /// A thread ends, for debuggers.
        ThreadExiting = 0x8108 "THREAD_EXITING",
        /// A job's policy, or a bad system call.
        PolicyError = 0x8208 "POLICY_ERROR",
        /// A process begins, for job debuggers.
        ProcessStarting = 0x8308 "PROCESS_STARTING",
        /// Made by a user.
        User = 0x8309 "USER",
    }
}

/// `ZX_EXCP_POLICY_CODE_CHANNEL_FULL_WRITE`: too many messages wait in a channel.
pub const POLICY_CODE_CHANNEL_FULL_WRITE: u32 = 16;
/// `ZX_EXCP_POLICY_CODE_PORT_TOO_MANY_PACKETS`: too many user packets wait in a port.
pub const POLICY_CODE_PORT_TOO_MANY_PACKETS: u32 = 17;
/// `ZX_EXCP_POLICY_CODE_BAD_SYSCALL`: the code of a policy exception for an unknown number.
pub const POLICY_CODE_BAD_SYSCALL: u32 = 18;
/// `ZX_EXCP_POLICY_CODE_PORT_TOO_MANY_OBSERVERS`: a port waits for too many objects.
pub const POLICY_CODE_PORT_TOO_MANY_OBSERVERS: u32 = 19;
/// `ZX_EXCP_POLICY_CODE_HANDLE_LEAK`: the code of a policy exception for a bad `out` pointer.
pub const POLICY_CODE_HANDLE_LEAK: u32 = 20;

/// `ZX_EXCEPTION_CHANNEL_DEBUGGER`: the option that asks for a debugger's channel.
pub const EXCEPTION_CHANNEL_DEBUGGER: u32 = 1;

numbered! {
    /// `ZX_EXCEPTION_CHANNEL_TYPE_*`: whose channel an exception went to.
    ExceptionChannelType {
        /// None: the thread is in no exception.
        None = 0 "NONE",
        /// The debugger of the process.
        Debugger = 1 "DEBUGGER",
        /// The thread's own.
        Thread = 2 "THREAD",
        /// The process's.
        Process = 3 "PROCESS",
        /// That of a job that the process is in.
        Job = 4 "JOB",
        /// The debugger of such a job.
        JobDebugger = 5 "JOB_DEBUGGER",
    }
}

numbered! {
    /// `ZX_EXCEPTION_STATE_*`: what closing an exception does.
    ExceptionState {
        /// The next handler is asked.
        TryNext = 0 "TRY_NEXT",
        /// The thread goes on.
        Handled = 1 "HANDLED",
        /// The thread ends.
        ThreadExit = 2 "THREAD_EXIT",
    }
}

numbered! {
    /// `ZX_EXCEPTION_STRATEGY_*`: whether a debugger is asked once more.
    ExceptionStrategy {
        /// It was asked once, that is all.
        FirstChance = 0 "FIRST_CHANCE",
        /// It is asked again when neither thread nor process handled it.
        SecondChance = 1 "SECOND_CHANCE",
    }
}

record! {
    /// `zx_exception_info_t`: the message about an exception.
    pub struct ExceptionInfo: 24 {
        /// The process's koid.
        pub pid: u64 = 0,
        /// The thread's koid.
        pub tid: u64 = 8,
        /// An [`ExceptionType`].
        pub exception_type: u32 = 16,
        /// Zero.
        pub padding: u32 = 20,
    }
}

record! {
    /// `zx_exception_report_t`
    pub struct ExceptionReport: 40 {
        /// The bytes of the report.
        pub size: u32 = 0,
        /// An [`ExceptionType`].
        pub exception_type: u32 = 4,
        /// x86_64: vector, error code, CR2. aarch64: ESR (32 bits), FAR.
        pub arch: [u64; 3] = 8,
        /// The status of a fatal page fault, or the code of a policy exception.
        pub synth_code: u32 = 32,
        /// The number of a bad system call.
        pub synth_data: u32 = 36,
    }
}
