//! Limits and global numbers of the ABI.

/// log2 of the page size.
pub const PAGE_SHIFT: u32 = 12;
/// Bytes in a page, on both architectures.
pub const PAGE_SIZE: u64 = 1 << PAGE_SHIFT;
/// `ZX_MAX_NAME_LEN`: bytes of an object's name with its NUL.
pub const MAX_NAME_LEN: usize = 32;
/// The largest size of a VMO, in bytes.
pub const MAX_VMO_SIZE: u64 = 0xFFFF_FFFF_FFFE_0000;

/// `ZX_HANDLE_INVALID`.
pub const HANDLE_INVALID: u32 = 0;
/// `ZX_HANDLE_FIXED_BITS_MASK`: bits that are 1 in every handle value.
pub const HANDLE_FIXED_BITS: u32 = 0x3;

/// `ZX_KOID_INVALID`.
pub const KOID_INVALID: u64 = 0;
/// `ZX_KOID_KERNEL`.
pub const KOID_KERNEL: u64 = 1;
/// `ZX_KOID_FIRST`: the first koid of an ordinary object.
pub const KOID_FIRST: u64 = 1024;

/// `ZX_CHANNEL_MAX_MSG_BYTES`.
pub const CHANNEL_MAX_MSG_BYTES: u32 = 65_536;
/// `ZX_CHANNEL_MAX_MSG_HANDLES`.
pub const CHANNEL_MAX_MSG_HANDLES: u32 = 64;
/// `ZX_CHANNEL_READ_MAY_DISCARD`: a message that does not fit is thrown away.
pub const CHANNEL_READ_MAY_DISCARD: u32 = 1;
/// `ZX_CHANNEL_MAX_MSG_IOVECS`.
pub const CHANNEL_MAX_MSG_IOVECS: u32 = 8192;
/// `ZX_CHANNEL_WRITE_USE_IOVEC`: the bytes are an array of iovecs.
pub const CHANNEL_WRITE_USE_IOVEC: u32 = 2;
/// The first of the transaction ids that the kernel gives to calls.
pub const CHANNEL_FIRST_KERNEL_TXID: u32 = 0x8000_0000;
/// `ZX_PORT_BIND_TO_INTERRUPT`.
pub const PORT_BIND_TO_INTERRUPT: u32 = 1;
/// `ZX_TIMER_SLACK_LATE`, the last of the slack modes (CENTER 0, EARLY 1).
pub const TIMER_SLACK_LATE: u32 = 2;
/// `ZX_CPRNG_DRAW_MAX_LEN`: the most bytes that the kernel draws at once.
pub const CPRNG_DRAW_MAX_LEN: u64 = 256;
/// `ZX_JOB_CRITICAL_PROCESS_RETCODE_NONZERO`: the job goes only if the process fails.
pub const JOB_CRITICAL_PROCESS_RETCODE_NONZERO: u32 = 1;
/// `ZX_FIFO_MAX_SIZE_BYTES`.
pub const FIFO_MAX_SIZE_BYTES: u64 = 4096;
/// `ZX_SOCKET_STREAM`.
pub const SOCKET_STREAM: u32 = 0;
/// `ZX_SOCKET_DATAGRAM`.
pub const SOCKET_DATAGRAM: u32 = 1;
/// `ZX_SOCKET_PEEK`: what is read stays.
pub const SOCKET_PEEK: u32 = 8;
/// `ZX_SOCKET_DISPOSITION_WRITE_DISABLED`.
pub const SOCKET_DISPOSITION_WRITE_DISABLED: u32 = 1;
/// `ZX_SOCKET_DISPOSITION_WRITE_ENABLED`.
pub const SOCKET_DISPOSITION_WRITE_ENABLED: u32 = 2;
/// `ZX_WAIT_MANY_MAX_ITEMS`.
pub const WAIT_MANY_MAX_ITEMS: u64 = 64;

/// `ZX_CLOCK_MONOTONIC`.
pub const CLOCK_MONOTONIC: u32 = 0;
/// `ZX_CLOCK_BOOT`.
pub const CLOCK_BOOT: u32 = 1;
/// `ZX_TIME_INFINITE`: a deadline that never comes, in ns.
pub const TIME_INFINITE: i64 = i64::MAX;
/// `ZX_TIME_INFINITE_PAST`: a deadline that is always over, in ns.
pub const TIME_INFINITE_PAST: i64 = i64::MIN;

/// Return codes that the kernel gives to tasks it ends (`ZX_TASK_RETCODE_*`).
pub mod retcode {
    /// Killed by `zx_task_kill`.
    pub const SYSCALL_KILL: i64 = -1024;
    /// Killed because memory was gone.
    pub const OOM_KILL: i64 = -1025;
    /// Killed by a job's policy.
    pub const POLICY_KILL: i64 = -1026;
    /// Killed for breaking the vDSO's protocol.
    pub const VDSO_KILL: i64 = -1027;
    /// Killed by an exception that nobody handled.
    pub const EXCEPTION_KILL: i64 = -1028;
    /// Killed because a critical process ended.
    pub const CRITICAL_PROCESS_KILL: i64 = -1029;
}
