//! What a play is written in: steps of players, cues of the director, and the deed.

use crate::number;
use std::collections::VecDeque;

/// An argument of a player's call.
#[derive(Clone, Copy, Debug)]
pub enum Arg {
    /// This word.
    Word(u64),
    /// The four bytes at this address of the player's: a handle, mostly.
    At(u64),
    /// What the player's thread was started with.
    Gift,
}

/// What a player does next.
#[derive(Clone, Copy, Debug)]
pub enum Step {
    /// A call: its number and its arguments.
    Call(u64, [Arg; 8]),
    /// A load from an address where nothing is mapped. It is done once: who handles the fault lets
    /// the thread go on behind it.
    Fault(u64),
    /// No entry: the allocation fails that comes after so many others.
    FailAllocation(u64),
}

impl Step {
    /// A call by its name.
    ///
    /// # Panics
    /// When there is none of that name, or it has more arguments.
    #[must_use]
    pub fn call(name: &str, args: &[Arg]) -> Self {
        let mut all = [Arg::Word(0); 8];
        all[..args.len()].copy_from_slice(args);
        Self::Call(number(name), all)
    }
}

/// What the director does next.
#[derive(Clone, Copy, Debug)]
pub enum Cue {
    /// A step of its own.
    Do(Step),
    /// Nothing, until nobody can go on by himself.
    Quiet,
    /// Nothing: entries are counted from here on.
    Curtain,
    /// As [`Cue::Quiet`]; then so much time passes, in ns, and timers go off.
    Pass(i64),
}

/// Who does something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Who {
    /// The director.
    Director,
    /// A player, by the word that its thread was started with as second argument.
    Player(u64),
}

/// Something that is done at one point of a play: as soon as the kernel was entered so often.
#[derive(Clone, Debug)]
pub struct Deed {
    /// Before the entry of this number.
    pub at: u64,
    /// By whom.
    pub who: Who,
    /// What: calls, one right after the other.
    pub calls: VecDeque<Step>,
}

/// Whether a processor that was kicked notices before its thread does its next step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kicks {
    /// It does.
    First,
    /// The thread comes first.
    Last,
}
