//! How many there are of everything, and what threads are in the middle of: for tests that must
//! find the kernel as it was, and that must have seen each kind of wait and of long call.
//!
//! Nothing here is used by the kernel itself.

use crate::Kernel;
use crate::task::{Wait, Work};

/// So many of what a name says, for each name.
pub type Census = [(&'static str, u64); COUNTS];

/// How many names there are.
const COUNTS: usize = 36;

macro_rules! kinds {
    ($type:ident: $($kind:ident),+ $(,)?) => {
        impl $type {
            /// The names of all kinds.
            const KINDS: &[&str] = &[$(stringify!($kind)),+];

            /// The name of this kind.
            const fn kind(&self) -> &'static str {
                match self {
                    $(Self::$kind { .. } => stringify!($kind),)+
                }
            }
        }
    };
}

kinds!(Wait: Signals, Many, Port, Call, Futex, Sleep, Exception);
kinds!(
    Work: Call, Unmap, UnmapAndExit, Destroy, Fill, Overwrite, Protect, Copy, VmoInfo, List,
    Snapshot, Range, RegionRange, Lock, SetSize, CachePolicy, Transfer, CloseMany, Pin, Clear,
    Child, Peek, ReleaseQuarantine, Consume, Reply, Cancel, Wake, Requeue, Raise,
);

/// All kinds of waits, by their names.
pub const WAITS: &[&str] = Wait::KINDS;
/// All kinds of calls that give the lock up before they are done, by their names.
pub const LONG_CALLS: &[&str] = Work::KINDS;

/// What a thread is in the middle of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum UnderWay {
    /// A wait: one of [`WAITS`].
    Wait(&'static str),
    /// A long call: one of [`LONG_CALLS`].
    Work(&'static str),
}

impl Kernel {
    /// Counts everything that can be made and must go again.
    #[must_use]
    pub fn census(&self) -> Census {
        let objects = &self.objects;
        macro_rules! count {
            ($($pool:ident),+ $(,)?; $($name:literal: $count:expr),+ $(,)?) => {
                [
                    $((stringify!($pool), u64::from(objects.$pool.len())),)+
                    $(($name, $count),)+
                ]
            };
        }
        let deadlines = |count: usize| u64::try_from(count).unwrap_or(u64::MAX);
        count![
            jobs, processes, threads, vmos, vmars, channels, resources, iommus, btis, pmts, events,
            event_pairs, ports, timers, exceptions, fifos, sockets, suspend_tokens, profiles,
            mappings, vmar_nodes, spans, pin_spans, page_nodes, staged, messages, observers,
            packets, segments, futexes;
            "handles": u64::from(objects.handle_count),
            "deadlines of threads": deadlines(self.timers.len()),
            "deadlines of timers": deadlines(self.alarms.len()),
            "woken threads": u64::from(self.woken.len()),
            "page tables": self.mem.tables(),
            "free frames": self.mem.frames.free_frames(),
        ]
    }

    /// Calls `visit` with what each thread is in the middle of.
    pub fn each_under_way(&self, mut visit: impl FnMut(UnderWay)) {
        for (_, thread) in self.objects.threads.iter() {
            if let Some(work) = &thread.work {
                visit(UnderWay::Work(work.kind()));
            }
            if let Some(wait) = &thread.wait {
                visit(UnderWay::Wait(wait.kind()));
            }
        }
    }
}
