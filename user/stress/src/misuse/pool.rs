//! The handles that a puppet has, by what they are to.

use alloc::vec::Vec;

use zx::abi::Syscall;

use crate::random::Random;

/// The most handles that are remembered; the puppet may have more.
const MOST: usize = 96;

/// Handles of a puppet.
#[derive(Clone, Debug, Default)]
pub(super) struct Pool {
    /// What each is to, as names of calls and arguments begin and end: `vmo`, `channel`.
    entries: Vec<(&'static str, u32)>,
    closed: u32,
}

impl Pool {
    /// Remembers one.
    pub(super) fn add(&mut self, what: &'static str, value: u32, random: &mut Random) {
        if self.entries.len() < MOST {
            self.entries.push((what, value));
        } else {
            let place = random.below(MOST as u64) as usize;
            self.entries[place] = (what, value);
        }
    }

    /// Remembers one that was closed, and whose place has another now.
    pub(super) const fn set_closed(&mut self, value: u32) {
        self.closed = value;
    }

    pub(super) const fn closed(&self) -> u32 {
        self.closed
    }

    /// Any.
    pub(super) fn any(&self, random: &mut Random) -> u32 {
        if self.entries.is_empty() {
            return 0;
        }
        random.pick(&self.entries).1
    }

    /// One of the type that an argument takes, as its name or the call's says.
    pub(super) fn for_argument(&self, call: &str, name: &str, random: &mut Random) -> u32 {
        let by_name = name.rsplit('_').next().unwrap_or(name);
        let by_call = call.split('_').next().unwrap_or(call);
        for what in [by_name, by_call] {
            let fitting = || self.entries.iter().filter(|(key, _)| *key == what);
            let count = fitting().count() as u64;
            if count != 0 {
                let which = random.below(count) as usize;
                return fitting().nth(which).map_or(0, |(_, value)| *value);
            }
        }
        self.any(random)
    }
}

/// What the objects are called that a call makes.
pub(super) fn made_by(row: &Syscall) -> &'static str {
    row.name.split('_').next().unwrap_or(row.name)
}
