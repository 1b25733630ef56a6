//! What may be spent: allocations, and work under the lock.

/// There is no memory. Becomes `ZX_ERR_NO_MEMORY` at the syscall edge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoMemory;

/// Counts allocations, and fails the one that a test chose.
#[derive(Debug, Default)]
pub struct Budget {
    asked: u64,
    fail_at: Option<u64>,
    counts_spare: bool,
    has_heap_failed: bool,
}

impl Budget {
    /// A budget that refuses nothing.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            asked: 0,
            fail_at: None,
            counts_spare: false,
            has_heap_failed: false,
        }
    }

    /// Asks for one allocation.
    ///
    /// # Errors
    /// [`NoMemory`] when this is the one that a test chose to fail.
    pub fn ask(&mut self) -> Result<(), NoMemory> {
        let number = self.asked;
        self.asked = number.wrapping_add(1);
        if self.fail_at == Some(number) {
            Err(NoMemory)
        } else {
            Ok(())
        }
    }

    /// Asks for room that is there already: so that a test can fail every reservation, not only
    /// those that happen to grow something. Without a test this is nothing.
    ///
    /// # Errors
    /// [`NoMemory`] when this is the one that a test chose to fail.
    pub fn ask_spare(&mut self) -> Result<(), NoMemory> {
        if self.counts_spare {
            self.ask()
        } else {
            Ok(())
        }
    }

    /// How many allocations were asked for so far.
    #[must_use]
    pub const fn asked(&self) -> u64 {
        self.asked
    }

    /// Makes the allocation fail that comes after `count` more; `None` lets all pass.
    pub fn fail_after(&mut self, count: Option<u64>) {
        self.fail_at = count.map(|count| self.asked.wrapping_add(count));
        self.counts_spare = false;
    }

    /// As [`Budget::fail_after`], but every reservation counts, also one that finds room there.
    pub fn fail_any_after(&mut self, count: u64) {
        self.fail_after(Some(count));
        self.counts_spare = true;
    }

    /// Notes that the heap itself refused, which growing it may mend.
    pub const fn note_heap_failure(&mut self) {
        self.has_heap_failed = true;
    }

    /// Whether the heap itself refused since this was last asked. What was refused need not be why
    /// a call failed: then the heap grows a little early.
    pub const fn take_heap_failure(&mut self) -> bool {
        core::mem::replace(&mut self.has_heap_failed, false)
    }
}

/// Units of work that may be done before the lock is given up. One unit is one page, one handle,
/// one page-table entry or 4 KiB copied.
#[derive(Clone, Copy, Debug)]
pub struct Work {
    left: u32,
    spent: u32,
}

impl Work {
    /// What one event may spend before it gives the lock up.
    pub const EVENT: u32 = 64;

    /// Starts with this many units.
    #[must_use]
    pub const fn new(units: u32) -> Self {
        Self {
            left: units,
            spent: 0,
        }
    }

    /// Spends one unit; false, with nothing spent, when none is left.
    pub fn spend(&mut self) -> bool {
        if self.left == 0 {
            return false;
        }
        self.left = self.left.saturating_sub(1);
        self.spent = self.spent.saturating_add(1);
        true
    }

    /// Spends as many units as were done already, or all that are left.
    pub fn spend_more(&mut self, units: u32) {
        let units = units.min(self.left);
        self.left = self.left.saturating_sub(units);
        self.spent = self.spent.saturating_add(units);
    }

    /// Whether nothing is left.
    #[must_use]
    pub const fn is_gone(&self) -> bool {
        self.left == 0
    }

    /// Units that are left.
    #[must_use]
    pub const fn left(&self) -> u32 {
        self.left
    }

    /// Units spent so far.
    #[must_use]
    pub const fn spent(&self) -> u32 {
        self.spent
    }
}
