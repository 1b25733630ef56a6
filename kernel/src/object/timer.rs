//! Timers (spec: ipc.md §6).

use super::{Head, ObjectRef, Objects};
use crate::Kernel;
use crate::mem::{self, Key};
use crate::task::Timed;
use jacinth_abi::{Signals, TimerInfo};

/// A timer. It goes off at its deadline, which lies in the span of every slack.
#[derive(Debug)]
pub(crate) struct Timer {
    pub(crate) head: Head,
    /// What `ZX_INFO_TIMER` tells.
    pub(crate) info: TimerInfo,
    /// Its place in the heap of deadlines, while it is armed.
    slot: Option<usize>,
}

impl Timed for Timer {
    fn slot(&mut self) -> &mut Option<usize> {
        &mut self.slot
    }
}

impl Objects {
    /// Puts a new timer into a slot that was reserved.
    pub(crate) fn new_timer(&mut self, options: u32, clock_id: u32) -> Key<Timer> {
        let head = Head::new(self.new_koid(), Signals::empty());
        self.timers.insert_reserved(Timer {
            head,
            info: TimerInfo {
                options,
                clock_id,
                deadline: 0,
                slack: 0,
            },
            slot: None,
        })
    }
}

impl Kernel {
    /// Arms a timer that is not armed; one whose time has come goes off at once.
    pub(crate) fn arm_alarm(&mut self, key: Key<Timer>, deadline: i64, slack: i64, now: i64) {
        if deadline <= now {
            self.fire(key);
            return;
        }
        let timer = self.objects.get_mut(key);
        (timer.info.deadline, timer.info.slack) = (deadline, slack);
        self.alarms.insert(&mut self.objects.timers, deadline, key);
    }

    /// Disarms a timer, and takes its signal away.
    pub(crate) fn disarm_alarm(&mut self, key: Key<Timer>) {
        self.forget_alarm(key);
        let timer = ObjectRef::Timer(key);
        self.update_signals(timer, Signals::TIMER_SIGNALED, Signals::empty());
    }

    /// Disarms a timer.
    pub(crate) fn forget_alarm(&mut self, key: Key<Timer>) {
        self.alarms.remove(&mut self.objects.timers, key);
        let timer = self.objects.get_mut(key);
        (timer.info.deadline, timer.info.slack) = (0, 0);
    }

    /// Lets timers go off whose time has come: as many as an event may.
    pub(crate) fn fire_alarms(&mut self, now: i64) {
        let mut work = mem::Work::new(mem::Work::EVENT);
        while work.spend()
            && let Some(timer) = self.alarms.pop_due(&mut self.objects.timers, now)
        {
            self.fire(timer);
        }
    }

    fn fire(&mut self, key: Key<Timer>) {
        let timer = self.objects.get_mut(key);
        (timer.info.deadline, timer.info.slack) = (0, 0);
        let timer = ObjectRef::Timer(key);
        self.update_signals(timer, Signals::empty(), Signals::TIMER_SIGNALED);
    }
}
