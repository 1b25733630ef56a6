//! What a blocked thread waits for: the continuation as data, how it ends, and how it is given up.

use super::{FutexWait, Thread, WaitEnd};
use crate::call::Call;
use crate::hal::DynHal;
use crate::mem::{Key, Link, Linked};
use crate::object::{Channel, Exception, HandleId, Message, ObjectRef, Observer, Port};
use crate::syscall::{Inbox, Reply};
use crate::{Kernel, VirtAddr, copy};
use jacinth_abi::{Record, Signals, Status};

/// What a blocked thread waits for, and where its answer goes.
#[derive(Debug)]
pub(crate) enum Wait {
    /// `zx_object_wait_one`: the observer, and the user address for the observed word (0: none).
    Signals {
        observer: Key<Observer>,
        observed: u64,
    },
    /// `zx_object_wait_many`
    Many(ManyWait),
    /// `zx_port_wait`
    Port(PortWait),
    /// `zx_channel_call`
    Call(CallWait),
    /// `zx_futex_wait`
    Futex(FutexWait),
    /// `zx_nanosleep`.
    Sleep,
    /// No call: a handler has what the thread raised.
    Exception(Key<Exception>),
}

/// A wait for several objects.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ManyWait {
    /// The observer of the last item; each knows the one before.
    pub(crate) last: Option<Key<Observer>>,
    /// How many items there are.
    pub(crate) count: u64,
    /// Their user address.
    pub(crate) items: u64,
}

/// A wait for a packet; it holds a use of the port.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PortWait {
    pub(crate) port: Key<Port>,
    /// Where the packet goes.
    pub(crate) packet: u64,
}

/// A wait for the answer to a message.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CallWait {
    pub(crate) channel: Key<Channel>,
    /// The handle that the call was made through.
    pub(crate) handle: HandleId,
    pub(crate) txid: u32,
    /// Where the answer goes.
    pub(crate) inbox: Inbox,
    /// The answer, or why there will be none.
    pub(crate) outcome: Option<Result<Key<Message>, Status>>,
}

impl CallWait {
    /// The call that a thread is in, if it is in one.
    pub(crate) const fn of(thread: &mut Thread) -> Option<&mut Self> {
        match &mut thread.wait {
            Some(Wait::Call(call)) => Some(call),
            _ => None,
        }
    }
}

/// Lists of threads that wait for the same thing.
#[derive(Debug)]
pub(crate) struct Waiting;

impl Linked<Waiting> for Thread {
    fn link(&mut self) -> &mut Link<Self> {
        &mut self.waiting
    }
}

impl Wait {
    /// The object that a wait keeps a use of.
    pub(crate) const fn holds(&self) -> Option<ObjectRef> {
        match self {
            Self::Port(wait) => Some(ObjectRef::Port(wait.port)),
            _ => None,
        }
    }

    /// Gives up what a thread waited for that will not go on.
    pub(crate) fn abandon(self, kernel: &mut Kernel, thread: Key<Thread>) {
        match self {
            Self::Signals { observer, .. } => {
                kernel.unobserve(observer);
            }
            Self::Many(many) => kernel.withdraw(many),
            Self::Port(wait) => {
                if !kernel.leave_port(wait.port, thread) {
                    // The packet that it was woken for is another's.
                    kernel.wake_for_packet(wait.port);
                }
                kernel.objects.drop_use(ObjectRef::Port(wait.port));
            }
            Self::Call(call) => match call.outcome {
                None => {
                    kernel.remove_caller(call.channel, thread);
                }
                Some(Ok(message)) => kernel.discard(message),
                Some(Err(_)) => {}
            },
            Self::Futex(wait) => {
                kernel.objects.leave_futex(thread, wait.at);
            }
            Self::Sleep | Self::Exception(_) => {}
        }
    }
}

/// What comes after a wait.
pub(super) enum Ended {
    /// The thread has its answer.
    Answer(Result<(), Status>),
    /// Its call goes on with taking the answer.
    GoesOn(Reply),
    /// Seen to: it was in no call.
    Seen,
}

impl Kernel {
    /// What a wait that is over answers (wait-semantics.md §5, steps 4 to 6).
    pub(super) fn finish_wait(
        &mut self,
        hal: &mut DynHal,
        thread: Key<Thread>,
        wait: Wait,
        end: WaitEnd,
    ) -> Ended {
        let answer = match wait {
            Wait::Sleep => Ok(()),
            Wait::Signals { observer, observed } => {
                self.finish_signals(hal, thread, observer, observed, end)
            }
            Wait::Many(many) => self.finish_many(hal, thread, many, end),
            Wait::Port(wait) => self.finish_port(hal, thread, wait),
            // Whoever was woken is not there any more, and has won over the deadline.
            Wait::Futex(wait) if self.objects.leave_futex(thread, wait.at) => {
                Err(Status::TIMED_OUT)
            }
            Wait::Futex(_) => Ok(()),
            Wait::Call(call) => return self.finish_call(hal, thread, call),
            Wait::Exception(_) => {
                self.finish_exception(hal, thread);
                return Ended::Seen;
            }
        };
        Ended::Answer(answer)
    }

    fn finish_signals(
        &mut self,
        hal: &mut DynHal,
        thread: Key<Thread>,
        observer: Key<Observer>,
        observed: u64,
        end: WaitEnd,
    ) -> Result<(), Status> {
        let (word, _) = self.unobserve(observer).ok_or(Status::INTERNAL)?;
        if observed != 0 {
            self.write_to(hal, thread, observed, &word.bits().to_le_bytes())?;
        }
        outcome(word, end)
    }

    /// Every item gets the word that it saw; a handle that was closed is told above all.
    fn finish_many(
        &mut self,
        hal: &mut DynHal,
        thread: Key<Thread>,
        many: ManyWait,
        end: WaitEnd,
    ) -> Result<(), Status> {
        const ITEM_BYTES: u64 = 12;
        const PENDING: u64 = 8;
        let (mut next, mut index, mut all) = (many.last, many.count, Signals::empty());
        let mut written = Ok(());
        while let Some(key) = next {
            next = self.objects.observers.get(key).and_then(|it| it.before);
            index = index.saturating_sub(1);
            let Some((word, _)) = self.unobserve(key) else {
                continue;
            };
            all |= word;
            let at = many.items.wrapping_add(index.wrapping_mul(ITEM_BYTES));
            let one = self.write_to(
                hal,
                thread,
                at.wrapping_add(PENDING),
                &word.bits().to_le_bytes(),
            );
            written = written.and(one);
        }
        written?;
        outcome(all, end)
    }

    /// Takes the observers of a wait for several objects back.
    fn withdraw(&mut self, many: ManyWait) {
        let mut next = many.last;
        while let Some(key) = next {
            next = self.objects.observers.get(key).and_then(|it| it.before);
            self.unobserve(key);
        }
    }

    fn finish_port(
        &mut self,
        hal: &mut DynHal,
        thread: Key<Thread>,
        wait: PortWait,
    ) -> Result<(), Status> {
        let packet = if self.leave_port(wait.port, thread) {
            None
        } else {
            self.take_packet(wait.port)
        };
        self.objects.drop_use(ObjectRef::Port(wait.port));
        let packet = packet.ok_or(Status::TIMED_OUT)?;
        self.write_to(hal, thread, wait.packet, &packet.record().to_bytes())
    }

    /// An answer counts even if the deadline came in the same moment.
    fn finish_call(&mut self, hal: &mut DynHal, thread: Key<Thread>, wait: CallWait) -> Ended {
        let message = match wait.outcome {
            None => {
                self.remove_caller(wait.channel, thread);
                return Ended::Answer(Err(Status::TIMED_OUT));
            }
            Some(Err(status)) => return Ended::Answer(Err(status)),
            Some(Ok(message)) => message,
        };
        self.sched.note_answered(thread);
        let reply = Reply {
            message,
            inbox: wait.inbox,
        };
        let process = self.objects.get(thread).process;
        let aspace = self.objects.get(process).aspace;
        let answer = self.with_heap(hal, |kernel, hal| {
            let mut call = Call {
                kernel,
                hal,
                thread,
                process,
                aspace,
            };
            reply.take(&mut call)
        });
        match answer {
            // Tried again when the thread is chosen: by then there may be more.
            Err(Status::NO_MEMORY) => Ended::GoesOn(reply),
            answer => Ended::Answer(answer),
        }
    }

    fn write_to(
        &mut self,
        hal: &mut DynHal,
        thread: Key<Thread>,
        at: u64,
        bytes: &[u8],
    ) -> Result<(), Status> {
        let process = self.objects.get(thread).process;
        self.with_heap(hal, |kernel, hal| {
            copy::write(kernel, hal, process, VirtAddr::new(at), bytes)
        })
    }
}

/// What a wait for signals answers that saw `word`.
fn outcome(word: Signals, end: WaitEnd) -> Result<(), Status> {
    match end {
        _ if word.contains(Signals::HANDLE_CLOSED) => Err(Status::CANCELED),
        WaitEnd::Event => Ok(()),
        WaitEnd::Deadline => Err(Status::TIMED_OUT),
    }
}
