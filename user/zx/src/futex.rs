//! Futexes: words of mapped memory that the threads of a process wait at.

use jacinth_abi::Status;

use crate::{Address, Region, Thread, sys};

/// A word of a [`Region`] that threads wait at.
#[derive(Clone, Copy, Debug)]
pub struct Futex<'a> {
    region: &'a Region,
    offset: u64,
}

impl<'a> Futex<'a> {
    /// The word at `offset`, a multiple of 4, of mapped memory.
    #[must_use]
    pub const fn new(region: &'a Region, offset: u64) -> Self {
        Self { region, offset }
    }

    /// Where it is.
    #[must_use]
    pub fn address(&self) -> Address {
        self.region.address(self.offset)
    }

    /// What it holds.
    ///
    /// # Panics
    /// When it is not in the region, or not aligned.
    #[must_use]
    pub fn load(&self) -> i32 {
        self.region.read32(self.offset).cast_signed()
    }

    /// Makes it hold something else.
    ///
    /// # Panics
    /// When it is not in the region, or not aligned.
    pub fn store(&self, value: i32) {
        self.region.write32(self.offset, value.cast_unsigned());
    }

    /// Waits while it holds `value`, until somebody wakes the thread or `deadline` (ns, monotonic)
    /// passes. `owner` is the thread that it waits for.
    ///
    /// # Errors
    /// BAD_STATE when it holds something else, TIMED_OUT, INVALID_ARGS for an owner that cannot be
    /// one.
    pub fn wait(&self, value: i32, owner: Option<&Thread>, deadline: i64) -> Result<(), Status> {
        let owner = owner.map_or(0, |thread| thread.value());
        sys::futex_wait(self.address(), value, owner, deadline)
    }

    /// Wakes up to `count` of the threads that wait.
    ///
    /// # Errors
    /// INVALID_ARGS where there can be no futex.
    pub fn wake(&self, count: u32) -> Result<(), Status> {
        sys::futex_wake(self.address(), count)
    }
}
