//! Signals and who waits for them (spec: wait-semantics.md).
//!
//! Nothing here wakes a thread: a wait that is over puts its thread into the queue of the woken,
//! which `enter` drains after the call.

use super::{HandleId, ObjectRef, Objects, Packet};
use crate::Kernel;
use crate::mem::{Key, Link, Linked};
use crate::task::Thread;
use jacinth_abi::Signals;

/// Who is told when an observer matches.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Watcher {
    /// A thread in a wait.
    Thread(Key<Thread>),
    /// A port, by the packet that goes there.
    Port(Key<Packet>),
}

/// One wait on one object: of a thread, or of a port.
#[derive(Debug)]
pub(crate) struct Observer {
    pub(crate) object: ObjectRef,
    pub(crate) watcher: Watcher,
    /// The handle that the wait was made through.
    handle: HandleId,
    wanted: Signals,
    /// The whole word at the moment of the match, or with HANDLE_CLOSED when it was cancelled.
    pub(crate) observed: Option<Signals>,
    /// The observer of the item before, in a wait for several objects.
    pub(crate) before: Option<Key<Self>>,
    link: Link<Self>,
}

impl Observer {
    /// A wait that nothing has matched yet.
    pub(crate) const fn new(
        object: ObjectRef,
        watcher: Watcher,
        handle: HandleId,
        wanted: Signals,
    ) -> Self {
        Self {
            object,
            watcher,
            handle,
            wanted,
            observed: None,
            before: None,
            link: Link::new(),
        }
    }
}

impl Linked for Observer {
    fn link(&mut self) -> &mut Link<Self> {
        &mut self.link
    }
}

impl Kernel {
    /// Changes an object's signals: `(old & !clear) | set`; waits that match are over.
    #[inline]
    pub(crate) fn update_signals(&mut self, object: ObjectRef, clear: Signals, set: Signals) {
        let changed = self.objects.head_mut(object).change_signals(clear, set);
        if let Some(word) = changed {
            self.tell_observers(object, word);
        }
    }

    /// Ends the waits on `object` that match its new signals.
    #[cold]
    pub(super) fn tell_observers(&mut self, object: ObjectRef, word: Signals) {
        self.end_waits(object, word, |observer| observer.wanted.intersects(word));
    }

    /// Ends the waits on `object` that were made through a handle which goes away, or which
    /// arrives somewhere else.
    #[inline(never)]
    pub(crate) fn cancel_waits(&mut self, object: ObjectRef, handle: HandleId) {
        if let ObjectRef::Channel(channel) = object {
            self.cancel_calls(channel, handle);
        }
        let head = self.objects.head(object);
        if head.observers.is_empty() {
            return;
        }
        let word = head.signals | Signals::HANDLE_CLOSED;
        self.end_waits(object, word, |observer| observer.handle == handle);
    }

    /// Queues a wait. The observer's slot was reserved.
    pub(crate) fn observe(&mut self, observer: Observer) -> Key<Observer> {
        let object = observer.object;
        let key = self.objects.observers.insert_reserved(observer);
        self.with_observers(object, |list, pool| list.push_front(pool, key));
        key
    }

    /// Takes a wait back, matched or not: the word that it saw, or the present one.
    pub(crate) fn unobserve(&mut self, key: Key<Observer>) -> Option<(Signals, bool)> {
        let observer = self.objects.observers.get(key)?;
        let (object, observed) = (observer.object, observer.observed);
        if observed.is_none() {
            self.with_observers(object, |list, pool| list.remove(pool, key));
        }
        self.objects.observers.remove(key)?;
        match observed {
            Some(word) => Some((word, true)),
            None => Some((self.objects.head(object).signals, false)),
        }
    }

    fn end_waits(&mut self, object: ObjectRef, word: Signals, matches: impl Fn(&Observer) -> bool) {
        let mut next = self.objects.first_observer(object);
        while let Some(key) = next {
            next = self.with_observers(object, |list, pool| list.next(pool, key));
            let Some(observer) = self.objects.observers.get_mut(key) else {
                return;
            };
            if !matches(observer) {
                continue;
            }
            observer.observed = Some(word);
            let watcher = observer.watcher;
            self.with_observers(object, |list, pool| list.remove(pool, key));
            match watcher {
                Watcher::Thread(thread) => self.wake(thread),
                Watcher::Port(packet) => {
                    self.objects.observers.remove(key);
                    self.post_signals(packet, word);
                }
            }
        }
    }

    /// Lends the list of an object's observers together with the pool that holds them.
    fn with_observers<R>(
        &mut self,
        object: ObjectRef,
        act: impl FnOnce(&mut ObserverList, &mut ObserverPool) -> R,
    ) -> R {
        let mut list = core::mem::take(&mut self.objects.head_mut(object).observers);
        let result = act(&mut list, &mut self.objects.observers);
        self.objects.head_mut(object).observers = list;
        result
    }
}

type ObserverList = crate::mem::List<Observer>;
type ObserverPool = crate::mem::Pool<Observer>;

impl Objects {
    fn first_observer(&self, object: ObjectRef) -> Option<Key<Observer>> {
        self.head(object).observers.first()
    }
}
