//! The record of scheduling profiles.

use crate::record::record;

record! {
    /// `zx_profile_info_t`: how threads are scheduled.
    pub struct ProfileInfo: 96 {
        /// What of it counts: the flags here.
        pub flags: u32 = 0,
        /// Zero.
        pub reserved: u32 = 4,
        /// How urgent, from 0 to 31 ([`ProfileInfo::PRIORITY`]).
        pub priority: i32 = 8,
        /// The rest of what other kinds of profiles say.
        pub unused: [u8; 20] = 12,
        /// One bit for each CPU that may be used ([`ProfileInfo::CPU_MASK`]).
        pub cpu_affinity_mask: [u64; 8] = 32,
    }
}

impl ProfileInfo {
    /// `ZX_PROFILE_INFO_FLAG_PRIORITY`: there is a priority.
    pub const PRIORITY: u32 = 1 << 0;
    /// `ZX_PROFILE_INFO_FLAG_CPU_MASK`: there is a set of CPUs.
    pub const CPU_MASK: u32 = 1 << 1;
    /// `ZX_PROFILE_INFO_FLAG_DEADLINE`: there are deadline parameters.
    pub const DEADLINE: u32 = 1 << 2;
    /// `ZX_PROFILE_INFO_FLAG_MEMORY_PRIORITY`: it is for regions.
    pub const MEMORY_PRIORITY: u32 = 1 << 3;
    /// `ZX_PROFILE_INFO_FLAG_NO_INHERIT`: the priority goes to nobody that such a thread waits for.
    pub const NO_INHERIT: u32 = 1 << 4;
}
