//! Profiles: how threads are scheduled, as a right that can be handed out.

use super::Head;
use crate::task::{CpuSet, Priority};

/// A profile.
#[derive(Debug)]
pub(crate) struct Profile {
    pub(crate) head: Head,
    /// How urgent threads are, if it says so.
    pub(crate) priority: Option<Priority>,
    /// Where they may run, if it says so.
    pub(crate) affinity: Option<CpuSet>,
}
