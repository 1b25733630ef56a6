//! Exceptions: their types and the codes of policy exceptions.

use crate::numbered::numbered;

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
