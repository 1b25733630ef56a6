//! What befalls a victim at one point of a play.

use crate::kit::{DATA, DATA_BYTES, Play};
use jacinth_tests_host::stage::{Arg, Deed, Step, Who};

/// How the victim is taken away, or what is taken from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    /// Its process is killed.
    KillProcess,
    /// Its job is.
    KillJob,
    /// Another thread of its process ends that.
    Exit,
    /// Another thread of its process closes the handle that its call is about.
    CloseOwn,
    /// The other side of what it waits for is closed.
    CloseTheirs,
    /// Another thread of its process unmaps the memory that its call reads and writes.
    Unmap,
    /// It is suspended, goes on, and its process is killed right behind that.
    Suspend,
}

impl Fate {
    /// All of them.
    pub(crate) const ALL: [Self; 7] = [
        Self::KillProcess,
        Self::KillJob,
        Self::Exit,
        Self::CloseOwn,
        Self::CloseTheirs,
        Self::Unmap,
        Self::Suspend,
    ];

    /// Whether it is tried: where there is a crowd only what concerns all of it.
    const fn suits(self, play: &Play) -> bool {
        !play.is_crowded || matches!(self, Self::KillProcess | Self::Suspend)
    }

    /// The deed at a point; none where there is nothing of the kind. `out` is where the director's
    /// calls write.
    pub(crate) fn deed(self, play: &Play, out: u64, at: u64) -> Option<Deed> {
        let call = |name, args: &[u64]| {
            let args: Vec<Arg> = args.iter().copied().map(Arg::Word).collect();
            Step::call(name, &args)
        };
        let calls = match self {
            Self::KillProcess => vec![call("task_kill", &[play.process])],
            Self::KillJob => vec![call("task_kill", &[play.job])],
            Self::Exit => vec![call("process_exit", &[3])],
            Self::CloseOwn => vec![Step::call("handle_close", &[play.its_own?])],
            Self::CloseTheirs => {
                let closes = play.theirs.iter();
                let closes = closes.map(|handle| call("handle_close", &[*handle]));
                closes.collect()
            }
            Self::Unmap => {
                let args = [play.companion_vmar?, Arg::Word(DATA), Arg::Word(DATA_BYTES)];
                vec![Step::call("vmar_unmap", &args)]
            }
            Self::Suspend => vec![
                call("task_suspend", &[play.process, out]),
                Step::call("handle_close", &[Arg::At(out)]),
                call("task_kill", &[play.process]),
            ],
        };
        let who = match self {
            Self::Exit | Self::CloseOwn | Self::Unmap => Who::Player(play.parts.len() as u64),
            _ => Who::Director,
        };
        let is_something = !calls.is_empty() && self.suits(play);
        let calls = calls.into();
        is_something.then_some(Deed { at, who, calls })
    }
}
