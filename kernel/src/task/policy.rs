//! What a job forbids to the processes in it (spec: tasks.md §2.5).

use super::{Cause, Process, Thread};
use crate::Kernel;
use crate::mem::Key;
use jacinth_abi::limits::retcode;
use jacinth_abi::{PolicyAction, PolicyCondition, Status};

/// How many conditions there are.
pub(crate) const CONDITIONS: usize = PolicyCondition::ALL.len();

/// The action for each condition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Policy {
    actions: [PolicyAction; CONDITIONS],
    /// The conditions whose action is fixed, a bit for each number.
    fixed: u32,
    /// The least slack of timers, in ns.
    min_slack: i64,
}

/// What to do about a contradiction with a fixed action.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OnConflict {
    /// Keep the old one.
    Skip,
    /// Fail.
    Refuse,
}

/// One change of a policy.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PolicyEntry {
    pub(crate) condition: PolicyCondition,
    pub(crate) action: PolicyAction,
    pub(crate) is_fixed: bool,
}

/// What NEW_ANY stands for.
const fn is_new(condition: PolicyCondition) -> bool {
    !matches!(
        condition,
        PolicyCondition::BadHandle
            | PolicyCondition::WrongObject
            | PolicyCondition::VmarWx
            | PolicyCondition::NewAny
            | PolicyCondition::AmbientMarkVmoExec
    )
}

const fn bit(condition: PolicyCondition) -> u32 {
    1 << condition.number()
}

impl Policy {
    /// Everything is allowed, and nothing fixed.
    pub(crate) const fn new() -> Self {
        Self {
            actions: [PolicyAction::Allow; CONDITIONS],
            fixed: 0,
            min_slack: 0,
        }
    }

    /// The slack that a timer has whose owner asks for `slack`.
    pub(crate) fn slack(&self, slack: i64) -> i64 {
        slack.max(self.min_slack)
    }

    /// Raises the least slack: it never shrinks.
    pub(crate) fn raise_slack(&mut self, slack: i64) {
        self.min_slack = self.slack(slack);
    }

    /// The action for a condition.
    pub(crate) fn action(&self, condition: PolicyCondition) -> PolicyAction {
        let index = usize::try_from(condition.number()).ok();
        let action = index.and_then(|index| self.actions.get(index));
        action.copied().unwrap_or(PolicyAction::Allow)
    }

    /// Makes one change to a copy of this policy. What is fixed here stays as it is.
    ///
    /// # Errors
    /// ALREADY_EXISTS: another action is fixed.
    pub(crate) fn change(
        &self,
        copy: &mut Self,
        entry: PolicyEntry,
        on_conflict: OnConflict,
    ) -> Result<(), Status> {
        for &condition in PolicyCondition::ALL {
            let is_meant = match entry.condition {
                PolicyCondition::NewAny => is_new(condition),
                one => one.number() == condition.number(),
            };
            if is_meant {
                self.change_one(copy, PolicyEntry { condition, ..entry }, on_conflict)?;
            }
        }
        Ok(())
    }

    fn change_one(
        &self,
        copy: &mut Self,
        entry: PolicyEntry,
        on_conflict: OnConflict,
    ) -> Result<(), Status> {
        if self.fixed & bit(entry.condition) != 0 {
            let is_same = self.action(entry.condition) == entry.action;
            return if is_same || on_conflict == OnConflict::Skip {
                Ok(())
            } else {
                Err(Status::ALREADY_EXISTS)
            };
        }
        let index = usize::try_from(entry.condition.number()).ok();
        if let Some(action) = index.and_then(|index| copy.actions.get_mut(index)) {
            *action = entry.action;
        }
        if entry.is_fixed {
            copy.fixed |= bit(entry.condition);
        } else {
            copy.fixed &= !bit(entry.condition);
        }
        Ok(())
    }
}

impl Kernel {
    /// Applies the policy of a process's job to something that its thread does. Exceptions are
    /// raised when the thread's call is over.
    ///
    /// # Errors
    /// ACCESS_DENIED: it may not; and it is over, if the policy says so.
    #[inline(always)]
    pub(crate) fn enforce(
        &mut self,
        process: Key<Process>,
        thread: Key<Thread>,
        condition: PolicyCondition,
    ) -> Result<(), Status> {
        match self.objects.get(process).policy.action(condition) {
            PolicyAction::Allow => Ok(()),
            action => self.act_on(thread, condition, action),
        }
    }

    #[cold]
    fn act_on(
        &mut self,
        thread: Key<Thread>,
        condition: PolicyCondition,
        action: PolicyAction,
    ) -> Result<(), Status> {
        let cause = Cause::Policy {
            code: condition.number(),
        };
        match action {
            PolicyAction::Allow => Ok(()),
            PolicyAction::Deny => Err(Status::ACCESS_DENIED),
            PolicyAction::AllowException => {
                self.raise_after_call(thread, cause);
                Ok(())
            }
            PolicyAction::DenyException => {
                self.raise_after_call(thread, cause);
                Err(Status::ACCESS_DENIED)
            }
            PolicyAction::Kill => {
                self.kill_process_of(thread, retcode::POLICY_KILL);
                Err(Status::ACCESS_DENIED)
            }
        }
    }
}
