//! Exception objects: the claim of a handler on a thread that is stopped. Closing the last handle
//! lets the thread go on, end, or be offered to the next handler.

use super::{Head, ObjectRef, Objects};
use crate::Kernel;
use crate::mem::Key;
use crate::task::{Thread, Wait};
use jacinth_abi::{ExceptionChannelType, ExceptionState, ExceptionStrategy, Rights, Signals};

/// One offer of an exception to one handler.
#[derive(Debug)]
pub(crate) struct Exception {
    pub(crate) head: Head,
    /// The thread that is stopped, or was; a use is held.
    pub(crate) thread: Key<Thread>,
    /// Whose channel it went to.
    pub(crate) channel_type: ExceptionChannelType,
    /// The rights of the handle that the channel was made through: those of handles made of this.
    pub(crate) rights: Rights,
    /// What closing it does.
    pub(crate) state: ExceptionState,
    /// Whether a debugger wants to be asked once more.
    pub(crate) strategy: ExceptionStrategy,
}

impl Objects {
    /// Puts an exception into a slot that was reserved.
    pub(crate) fn new_exception(
        &mut self,
        thread: Key<Thread>,
        channel_type: ExceptionChannelType,
        rights: Rights,
    ) -> Key<Exception> {
        self.add_use(ObjectRef::Thread(thread));
        let koid = self.new_koid();
        self.exceptions.insert_reserved(Exception {
            head: Head::new(koid, Signals::empty()),
            thread,
            channel_type,
            rights,
            state: ExceptionState::TryNext,
            strategy: ExceptionStrategy::FirstChance,
        })
    }

    /// The exception that a thread is stopped in.
    pub(crate) fn exception_of(&self, thread: Key<Thread>) -> Option<&Exception> {
        match self.get(thread).wait {
            Some(Wait::Exception(exception)) => self.exceptions.get(exception),
            _ => None,
        }
    }
}

impl Kernel {
    /// The last handle is gone: the thread goes on as the handler said, unless it is dead.
    pub(super) fn end_exception(&mut self, key: Key<Exception>) {
        let exception = self.objects.get(key);
        let (thread, state, strategy) = (exception.thread, exception.state, exception.strategy);
        let stopped = self.objects.get_mut(thread);
        if !matches!(stopped.wait, Some(Wait::Exception(here)) if here == key) {
            return;
        }
        if let Some(raised) = &mut stopped.raised {
            raised.handled(state, strategy);
        }
        self.wake(thread);
    }

    /// Forgets an exception that nothing refers to.
    pub(crate) fn free_exception(&mut self, key: Key<Exception>) {
        if let Some(exception) = self.objects.exceptions.remove(key) {
            self.objects.drop_use(ObjectRef::Thread(exception.thread));
        }
    }
}
