//! What both sides of Jacinth's trap share: the syscall table, statuses, rights, signals and the
//! layouts of every record that crosses the boundary.
//!
//! The kernel's dispatcher, the user library's stubs, the C header and `docs/syscalls.md` all
//! follow from [`syscalls!`]; nothing else lists system calls. Values and names are Zircon's;
//! system-call numbers are Jacinth's own and private to one build.

#![no_std]
#![forbid(unsafe_code)]
#![deny(clippy::as_conversions, clippy::indexing_slicing, clippy::unwrap_used)]

mod bti;
mod exception;
mod exit;
mod info;
mod ipc;
mod kmem;
pub mod limits;
mod numbered;
mod object;
pub mod policy;
pub mod processargs;
mod profile;
mod property;
mod record;
mod resource;
mod rights;
mod signals;
mod status;
mod syscalls;
mod thread_state;
mod topic;
mod vm;

pub use bti::{BtiOptions, IommuType};
pub use exception::{
    EXCEPTION_CHANNEL_DEBUGGER, ExceptionChannelType, ExceptionInfo, ExceptionReport,
    ExceptionState, ExceptionStrategy, ExceptionType, POLICY_CODE_BAD_SYSCALL,
    POLICY_CODE_CHANNEL_FULL_WRITE, POLICY_CODE_HANDLE_LEAK, POLICY_CODE_PORT_TOO_MANY_OBSERVERS,
    POLICY_CODE_PORT_TOO_MANY_PACKETS,
};
pub use exit::ExitCode;
pub use info::{
    BtiInfo, HandleBasicInfo, HandleCountInfo, HandleExtendedInfo, JobInfo, MapsInfo, MapsMapping,
    PageTableInfo, ProcessHandleStatsInfo, ProcessInfo, ProcessV1Info, ResourceInfo, ThreadInfo,
    ThreadState, ThreadStatsInfo, VmarInfo, VmoInfo, VmoInfoFlags,
};
pub use ipc::{
    ChannelCallArgs, ChannelIovec, HandleDisposition, PacketSignal, PortPacket, ReceivedHandle,
    SocketInfo, TimerInfo, WaitAsyncOptions, WaitItem,
};
pub use kmem::{KmemStatsExtendedInfo, KmemStatsInfo, KmemStatsV1Info};
pub use object::ObjectType;
pub use policy::{PolicyAction, PolicyBasicV1, PolicyBasicV2, PolicyCondition, PolicyTimerSlack};
pub use profile::ProfileInfo;
pub use property::Property;
pub use record::{Field, Record};
pub use resource::{
    RSRC_FLAG_EXCLUSIVE, RSRC_FLAGS_MASK, RSRC_KIND_MASK, ResourceKind, SystemBase,
};
pub use rights::Rights;
pub use signals::Signals;
pub use status::Status;
pub use syscalls::{SYSCALLS, Syscall};
pub use thread_state::{
    FpRegsX86_64, GeneralRegsAarch64, GeneralRegsX86_64, ThreadStateKind, VectorRegsAarch64,
    VectorRegsX86_64,
};
pub use topic::Topic;
pub use vm::{
    BadAlignment, CachePolicy, VmOptions, VmarOp, VmoChildOptions, VmoLockState, VmoOp, VmoOptions,
};
