//! Who is told of a task's exceptions: the kernel's ends of exception channels.

use super::{Job, Process, Thread};
use crate::Kernel;
use crate::mem::Key;
use crate::object::{Channel, Handle, Object, Objects};
use jacinth_abi::{ExceptionChannelType, Rights, Status};

/// A place where a channel for exceptions may be bound. The kernel holds one end of the channel, as
/// a handle with the rights of the one to the task that the channel was made through.
#[derive(Debug, Default)]
pub(crate) struct Exceptionate(Option<Handle>);

impl Exceptionate {
    /// The end that messages are delivered to, and the rights, while somebody holds that end.
    fn reader(&self, objects: &Objects) -> Option<(Key<Channel>, Rights)> {
        let handle = self.0.as_ref()?;
        let end = Channel::from_ref(handle.object())?;
        Some((objects.get(end).peer.key?, handle.rights()))
    }

    /// Whether somebody holds the other end.
    pub(crate) fn is_bound(&self, objects: &Objects) -> bool {
        self.reader(objects).is_some()
    }

    /// The kernel's handle. For audits.
    pub(crate) const fn handle(&self) -> Option<&Handle> {
        self.0.as_ref()
    }
}

/// Names an [`Exceptionate`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Handler {
    Thread(Key<Thread>),
    Process(Key<Process>),
    Debugger(Key<Process>),
    Job(Key<Job>),
    JobDebugger(Key<Job>),
}

impl Handler {
    /// What `ZX_INFO_THREAD` calls it.
    pub(crate) const fn channel_type(self) -> ExceptionChannelType {
        match self {
            Self::Thread(_) => ExceptionChannelType::Thread,
            Self::Process(_) => ExceptionChannelType::Process,
            Self::Debugger(_) => ExceptionChannelType::Debugger,
            Self::Job(_) => ExceptionChannelType::Job,
            Self::JobDebugger(_) => ExceptionChannelType::JobDebugger,
        }
    }
}

impl Objects {
    fn exceptionate(&mut self, handler: Handler) -> &mut Exceptionate {
        match handler {
            Handler::Thread(key) => &mut self.get_mut(key).exceptionate,
            Handler::Process(key) => &mut self.get_mut(key).exceptionate,
            Handler::Debugger(key) => &mut self.get_mut(key).debugger,
            Handler::Job(key) => &mut self.get_mut(key).exceptionate,
            Handler::JobDebugger(key) => &mut self.get_mut(key).debugger,
        }
    }

    /// Where a handler is told of exceptions, and the rights that it has to what raises them.
    pub(super) fn reader_of(&self, handler: Handler) -> Option<(Key<Channel>, Rights)> {
        let exceptionate = match handler {
            Handler::Thread(key) => &self.get(key).exceptionate,
            Handler::Process(key) => &self.get(key).exceptionate,
            Handler::Debugger(key) => &self.get(key).debugger,
            Handler::Job(key) => &self.get(key).exceptionate,
            Handler::JobDebugger(key) => &self.get(key).debugger,
        };
        exceptionate.reader(self)
    }
}

impl Kernel {
    /// Binds a channel, of which the kernel keeps `end`, with the rights that handlers are to have.
    pub(crate) fn bind_exceptions(&mut self, handler: Handler, end: Key<Channel>, rights: Rights) {
        let handle = Handle::new(&mut self.objects, Channel::to_ref(end), rights);
        let old = self.objects.exceptionate(handler).0.replace(handle);
        if let Some(old) = old {
            self.end_handle(old);
        }
    }

    /// Whether a channel can be bound.
    ///
    /// # Errors
    /// ALREADY_BOUND.
    pub(crate) fn check_unbound(&self, handler: Handler) -> Result<(), Status> {
        match self.objects.reader_of(handler) {
            Some(_) => Err(Status::ALREADY_BOUND),
            None => Ok(()),
        }
    }

    /// Closes the kernel's end for a task that will raise nothing more: who holds the other end
    /// sees PEER_CLOSED.
    pub(crate) fn unbind_exceptions(&mut self, handler: Handler) {
        if let Some(handle) = self.objects.exceptionate(handler).0.take() {
            self.end_handle(handle);
        }
    }
}
