//! Job policies (`zx_job_set_policy`).

use crate::numbered::numbered;
use crate::record::record;

numbered! {
    /// What a policy is about (`ZX_POL_*`).
    PolicyCondition {
        /// A bad handle was used.
        BadHandle = 0 "BAD_HANDLE",
        /// A handle to another kind of object was used.
        WrongObject = 1 "WRONG_OBJECT",
        /// A mapping that can be written and executed.
        VmarWx = 2 "VMAR_WX",
        /// All that make new objects.
        NewAny = 3 "NEW_ANY",
        /// A new VMO.
        NewVmo = 4 "NEW_VMO",
        /// A new channel.
        NewChannel = 5 "NEW_CHANNEL",
        /// A new event.
        NewEvent = 6 "NEW_EVENT",
        /// A new pair of events.
        NewEventPair = 7 "NEW_EVENTPAIR",
        /// A new port.
        NewPort = 8 "NEW_PORT",
        /// A new socket.
        NewSocket = 9 "NEW_SOCKET",
        /// A new FIFO.
        NewFifo = 10 "NEW_FIFO",
        /// A new timer.
        NewTimer = 11 "NEW_TIMER",
        /// A new process.
        NewProcess = 12 "NEW_PROCESS",
        /// A new profile.
        NewProfile = 13 "NEW_PROFILE",
        /// A new pager.
        NewPager = 14 "NEW_PAGER",
        /// Making a VMO executable without a resource.
        AmbientMarkVmoExec = 15 "AMBIENT_MARK_VMO_EXEC",
        /// A new I/O buffer.
        NewIob = 16 "NEW_IOB",
        /// A new sampler.
        NewSampler = 17 "NEW_SAMPLER",
    }
}

numbered! {
    /// What a policy does (`ZX_POL_ACTION_*`).
    PolicyAction {
        /// Nothing.
        Allow = 0 "ALLOW",
        /// The call fails.
        Deny = 1 "DENY",
        /// An exception; the call goes on when it is handled.
        AllowException = 2 "ALLOW_EXCEPTION",
        /// An exception; the call fails when it is handled.
        DenyException = 3 "DENY_EXCEPTION",
        /// The process is killed.
        Kill = 4 "KILL",
    }
}

/// Entries of 8 bytes: [`PolicyBasicV1`].
pub const JOB_POL_BASIC_V1: u32 = 0;
/// Entries of 12 bytes: [`PolicyBasicV2`].
pub const JOB_POL_BASIC_V2: u32 = 0x0100_0000;
/// One record: [`PolicyTimerSlack`].
pub const JOB_POL_TIMER_SLACK: u32 = 1;
/// What contradicts an older value is skipped.
pub const JOB_POL_RELATIVE: u32 = 0;
/// What contradicts an older value is an error.
pub const JOB_POL_ABSOLUTE: u32 = 1;
/// Jobs below may change the value.
pub const POL_OVERRIDE_ALLOW: u32 = 0;
/// The value is fixed for all jobs below.
pub const POL_OVERRIDE_DENY: u32 = 1;
record! {
    /// `zx_policy_basic_v1_t`
    pub struct PolicyBasicV1: 8 {
        /// A [`PolicyCondition`].
        pub condition: u32 = 0,
        /// A [`PolicyAction`].
        pub policy: u32 = 4,
    }
}

record! {
    /// `zx_policy_basic_v2_t`
    pub struct PolicyBasicV2: 12 {
        /// A [`PolicyCondition`].
        pub condition: u32 = 0,
        /// A [`PolicyAction`].
        pub action: u32 = 4,
        /// [`POL_OVERRIDE_ALLOW`] or [`POL_OVERRIDE_DENY`].
        pub flags: u32 = 8,
    }
}

record! {
    /// `zx_policy_timer_slack_t`
    pub struct PolicyTimerSlack: 16 {
        /// The least slack, in ns.
        pub min_slack: i64 = 0,
        /// The mode of waits: as a timer's options.
        pub default_mode: u32 = 8,
    }
}
