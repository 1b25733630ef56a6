//! The lives of objects: what refers to them is counted, and what nothing refers to ends.
//!
//! At the end of the last handle that happens which the next call must see. What nothing refers to
//! then, and what is nothing but its slot, is gone at once; all else goes through the queue of the
//! dying, from which teardown takes it.

use super::peer::Paired;
use super::{Channel, Handle, HandleId, Object, ObjectRef, Objects, Observer, Port, Resource};
use crate::mem::{Key, List};
use crate::{Kernel, vm};
use jacinth_abi::Signals;

/// What every object has.
#[derive(Debug)]
pub(crate) struct Head {
    /// Unique for the life of the system.
    pub(crate) koid: u64,
    /// Handles in all tables, and in messages.
    pub(crate) handles: u32,
    /// What else keeps it: mappings, children, messages under way, threads of a process.
    pub(crate) uses: u32,
    /// The signal word.
    pub(crate) signals: Signals,
    /// Who waits for signals.
    pub(crate) observers: List<Observer>,
    /// Whether it is in the queue of the dying, and who comes next there.
    dying: Dying,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Dying {
    No,
    Queued(Option<ObjectRef>),
}

impl Head {
    /// The head of a new object that nobody refers to yet.
    pub(crate) const fn new(koid: u64, signals: Signals) -> Self {
        Self {
            koid,
            handles: 0,
            uses: 0,
            signals,
            observers: List::new(),
            dying: Dying::No,
        }
    }

    /// Counts one more handle.
    pub(super) const fn add_handle(&mut self) {
        self.handles = self.handles.wrapping_add(1);
    }

    /// Changes the signals: `(old & !clear) | set`; the word, if somebody waits who may have waited
    /// for it.
    #[inline]
    pub(super) fn change_signals(&mut self, clear: Signals, set: Signals) -> Option<Signals> {
        let old = self.signals;
        self.signals = (old & !clear) | set;
        let is_news = !self.observers.is_empty() && !(set & !old).is_empty();
        is_news.then_some(self.signals)
    }

    /// Whether nothing refers to the object, not even the queue of the dying.
    pub(crate) fn is_unused(&self) -> bool {
        self.handles == 0 && self.uses == 0 && self.dying == Dying::No
    }
}

/// What there is to do about a handle that went.
pub(super) struct Parting {
    /// Whether it was the object's last.
    pub(super) is_last: bool,
    /// Whether somebody may wait who came by it.
    pub(super) may_be_awaited: bool,
}

impl Objects {
    /// Counts one more internal reference.
    pub(crate) fn add_use(&mut self, object: ObjectRef) {
        let head = self.head_mut(object);
        head.uses = head.uses.wrapping_add(1);
    }

    /// Drops an internal reference; the last one queues the object for teardown.
    pub(crate) fn drop_use(&mut self, object: ObjectRef) {
        if is_use_missed(self.head_mut(object), object) {
            self.queue_dying(object);
        }
    }

    /// As [`Objects::drop_use`], where the kind of the object is known.
    #[inline]
    pub(crate) fn drop_use_of<T: Object>(&mut self, key: Key<T>) {
        let object = T::to_ref(key);
        if is_use_missed(self.get_mut(key).head_mut(), object) {
            self.queue_dying(object);
        }
    }

    /// Counts one more handle of the system; its name among all.
    pub(super) const fn count_handle(&mut self) -> HandleId {
        self.handle_count = self.handle_count.wrapping_add(1);
        self.last_handle = self.last_handle.wrapping_add(1);
        self.last_handle
    }

    /// Counts one handle less.
    #[inline(always)]
    pub(super) fn drop_handle(&mut self, object: ObjectRef) -> Parting {
        self.handle_count = self
            .handle_count
            .checked_sub(1)
            .expect("handles are counted");
        let head = self.head_mut(object);
        head.handles = head.handles.checked_sub(1).expect("handles are counted");
        let parting = Parting {
            is_last: head.handles == 0,
            may_be_awaited: !head.observers.is_empty(),
        };
        match object {
            ObjectRef::Channel(key) => Parting {
                may_be_awaited: parting.may_be_awaited || self.get(key).has_callers(),
                ..parting
            },
            _ => parting,
        }
    }

    /// Queues an object whose last handle or last use is gone.
    pub(crate) fn queue_dying(&mut self, object: ObjectRef) {
        let head = self.head_mut(object);
        if head.dying != Dying::No {
            return;
        }
        head.dying = Dying::Queued(None);
        self.is_unsettled = true;
        match self.last_dying.replace(object) {
            Some(last) => self.head_mut(last).dying = Dying::Queued(Some(object)),
            None => self.first_dying = Some(object),
        }
    }

    /// Takes the next object from the queue of the dying.
    pub(crate) fn pop_dying(&mut self) -> Option<ObjectRef> {
        let object = self.first_dying?;
        let head = self.head_mut(object);
        let Dying::Queued(next) = core::mem::replace(&mut head.dying, Dying::No) else {
            return None;
        };
        self.first_dying = next;
        if next.is_none() {
            self.last_dying = None;
        }
        Some(object)
    }

    /// Whether an object is in the queue of the dying.
    pub(crate) fn is_queued(&self, object: ObjectRef) -> bool {
        self.head(object).dying != Dying::No
    }

    /// Whether nothing waits for teardown.
    pub(crate) const fn none_dying(&self) -> bool {
        self.first_dying.is_none()
    }
}

impl Kernel {
    /// Ends a handle that is in no table and no message any more: the waits made through it are
    /// over, and the last one is the object's end but for what else refers to it.
    ///
    /// Most handles have others beside them and no waits: all else is kept out of this function, so
    /// that it needs few registers.
    #[inline(always)]
    pub(crate) fn end_handle(&mut self, handle: Handle) {
        let (object, id) = (handle.object(), handle.id());
        let parting = handle.close(&mut self.objects);
        if parting.may_be_awaited {
            self.cancel_waits(object, id);
        }
        if parting.is_last {
            self.end_last(object);
        }
    }

    /// Does what the next call must see when the last handle to an object is gone. What nothing else
    /// refers to, and what holds nothing that takes time to free, is gone then, too.
    #[inline(never)]
    fn end_last(&mut self, object: ObjectRef) {
        match object {
            ObjectRef::Vmo(key) => vm::end_vmo(self, key),
            ObjectRef::Channel(key) => self.end_channel(key),
            ObjectRef::Event(key) => self.end_bare(key, |_| true),
            ObjectRef::EventPair(key) => self.end_end(key),
            ObjectRef::Fifo(key) => self.end_end(key),
            ObjectRef::Resource(key) => self.end_resource(key),
            ObjectRef::Port(key) => self.end_bare(key, Port::is_empty),
            _ => self.end_later(object),
        }
    }

    #[inline(never)]
    fn end_channel(&mut self, key: Key<Channel>) {
        if let Some(peer) = self.part_from_peer(key) {
            self.end_calls_of_orphan(peer);
        }
        self.end_bare(key, |end| end.messages.is_empty());
    }

    #[inline(never)]
    fn end_end<T: Paired>(&mut self, key: Key<T>) {
        self.part_from_peer(key);
        self.end_bare(key, |_| true);
    }

    #[inline(never)]
    fn end_resource(&mut self, key: Key<Resource>) {
        self.objects.give_up_range(key);
        self.end_bare(key, |_| true);
    }

    /// Leaves an object to teardown.
    #[inline(never)]
    fn end_later(&mut self, object: ObjectRef) {
        match object {
            ObjectRef::Socket(key) => {
                self.part_from_peer(key);
            }
            ObjectRef::Pmt(key) => self.objects.quarantine_pmt(key),
            ObjectRef::Exception(key) => self.end_exception(key),
            _ => {}
        }
        self.objects.queue_dying(object);
    }

    /// Frees an object that nothing refers to, if it `is_bare` of what teardown has to free; else
    /// leaves it to that.
    #[inline]
    fn end_bare<T: Object>(&mut self, key: Key<T>, is_bare: impl FnOnce(&T) -> bool) {
        let pool = T::pool_mut(&mut self.objects);
        if !pool.free_if(key, |object| object.head().is_unused() && is_bare(object)) {
            self.objects.queue_dying(T::to_ref(key));
        }
    }
}

/// Drops a use; whether the object is to be queued for teardown then.
fn is_use_missed(head: &mut Head, object: ObjectRef) -> bool {
    head.uses = head.uses.checked_sub(1).expect("uses are counted");
    // A VMO that only its children keep gives its pages back: teardown finds out.
    head.handles == 0 && (head.uses == 0 || matches!(object, ObjectRef::Vmo(_)))
}
