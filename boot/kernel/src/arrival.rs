//! How the boot CPU and one that it starts find each other, or miss each other for good.
//!
//! Firmware that said yes may still never bring a CPU, or bring it when nobody counts on it any more. So
//! the boot CPU waits only so long, and one word decides which of the two was first: a CPU that comes
//! later finds the door closed, and must touch nothing.

use core::sync::atomic::{AtomicU8, Ordering};

const AWAITED: u8 = 0;
const CAME: u8 = 1;
const GIVEN_UP: u8 = 2;

/// The door for one CPU.
#[derive(Debug)]
pub struct Arrival(AtomicU8);

impl Arrival {
    /// An open door, through which nobody came yet.
    #[must_use]
    pub const fn new() -> Self {
        Self(AtomicU8::new(AWAITED))
    }

    /// Opens the door for the next CPU; the one before it came.
    pub fn reopen(&self) {
        self.0.store(AWAITED, Ordering::Release);
    }

    /// Called by the CPU that comes; false when it came too late.
    #[must_use]
    pub fn come(&self) -> bool {
        self.decide(CAME)
    }

    /// Waits for the CPU as long as `has_time`; whether it came.
    #[must_use]
    pub fn wait(&self, mut has_time: impl FnMut() -> bool) -> bool {
        while self.0.load(Ordering::Acquire) == AWAITED {
            if !has_time() {
                return !self.decide(GIVEN_UP);
            }
            core::hint::spin_loop();
        }
        true
    }

    fn decide(&self, how: u8) -> bool {
        self.0
            .compare_exchange(AWAITED, how, Ordering::AcqRel, Ordering::Acquire)
            .is_ok()
    }
}

impl Default for Arrival {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::Arrival;

    #[test]
    fn who_comes_in_time_is_met() {
        let door = Arrival::new();
        let mut looks = 0;
        let has_come = door.wait(|| {
            looks += 1;
            looks < 3 || door.come()
        });
        assert!(has_come && looks == 3);
        door.reopen();
        assert!(door.come());
        assert!(door.wait(|| false));
    }

    #[test]
    fn who_never_comes_is_given_up_and_late_ones_are_sent_away() {
        let door = Arrival::new();
        let mut patience = 100;
        let has_come = door.wait(|| {
            patience -= 1;
            patience > 0
        });
        assert!(!has_come && patience == 0);
        assert!(!door.come());
    }

    #[test]
    fn who_comes_at_the_last_moment_counts() {
        let door = Arrival::new();
        let has_come = door.wait(|| {
            assert!(door.come());
            false
        });
        assert!(has_come);
    }
}
