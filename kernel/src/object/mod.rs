//! Kernel objects: where they live, what they have in common, and how they die.
//!
//! Every object starts with a [`Head`]. It lives while it has handles or uses; when both are zero
//! it is gone, or joins the queue of the dying, which `enter` drains: teardown is never recursive.

mod bti;
mod byte_queue;
mod channel;
mod claims;
mod event;
mod exception;
mod fifo;
mod handle;
mod iommu;
mod life;
mod message;
mod peer;
mod pmt;
mod port;
mod profile;
mod resource;
mod signal;
mod socket;
mod timer;

pub(crate) use bti::Bti;
pub(crate) use byte_queue::{ByteQueue, Cursor, Segment};
pub(crate) use channel::Channel;
pub(crate) use claims::Claims;
pub(crate) use event::{Event, EventPair};
pub(crate) use exception::Exception;
pub(crate) use fifo::{Fifo, Runs};
pub(crate) use handle::{Handle, HandleId, HandleTable};
pub(crate) use iommu::Iommu;
pub(crate) use life::Head;
pub(crate) use message::Message;
pub(crate) use peer::Peer;
pub(crate) use pmt::Pmt;
pub(crate) use port::{Cancel, Chosen, Packet, Port, Unstamped};
pub(crate) use profile::Profile;
pub(crate) use resource::{Request, Resource, Resources};
pub(crate) use signal::{Observer, Watcher};
pub(crate) use socket::{Socket, SocketKind};
pub(crate) use timer::Timer;

use crate::mem::{KVec, Key, List, Pool, SpanPool, WordPool};
use crate::task::{Futex, Job, Process, SuspendToken, Thread};
use crate::vm::{Mapping, Vmar, VmarNode, Vmo};
use jacinth_abi::{ObjectType, Signals};

/// Names any object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ObjectRef {
    Job(Key<Job>),
    Process(Key<Process>),
    Thread(Key<Thread>),
    Vmo(Key<Vmo>),
    Vmar(Key<Vmar>),
    Channel(Key<Channel>),
    Resource(Key<Resource>),
    Iommu(Key<Iommu>),
    Bti(Key<Bti>),
    Pmt(Key<Pmt>),
    Event(Key<Event>),
    EventPair(Key<EventPair>),
    Port(Key<Port>),
    Timer(Key<Timer>),
    Exception(Key<Exception>),
    Fifo(Key<Fifo>),
    Socket(Key<Socket>),
    SuspendToken(Key<SuspendToken>),
    Profile(Key<Profile>),
}

impl ObjectRef {
    /// The `ZX_OBJ_TYPE_*` of the object.
    pub(crate) const fn object_type(self) -> ObjectType {
        match self {
            Self::Job(_) => ObjectType::Job,
            Self::Process(_) => ObjectType::Process,
            Self::Thread(_) => ObjectType::Thread,
            Self::Vmo(_) => ObjectType::Vmo,
            Self::Vmar(_) => ObjectType::Vmar,
            Self::Channel(_) => ObjectType::Channel,
            Self::Resource(_) => ObjectType::Resource,
            Self::Iommu(_) => ObjectType::Iommu,
            Self::Bti(_) => ObjectType::Bti,
            Self::Pmt(_) => ObjectType::Pmt,
            Self::Event(_) => ObjectType::Event,
            Self::EventPair(_) => ObjectType::EventPair,
            Self::Port(_) => ObjectType::Port,
            Self::Timer(_) => ObjectType::Timer,
            Self::Exception(_) => ObjectType::Exception,
            Self::Fifo(_) => ObjectType::Fifo,
            Self::Socket(_) => ObjectType::Socket,
            Self::SuspendToken(_) => ObjectType::SuspendToken,
            Self::Profile(_) => ObjectType::Profile,
        }
    }

    /// Whether the object has a signal word that users can wait on and change.
    pub(crate) const fn has_signals(self) -> bool {
        !matches!(
            self,
            Self::Vmar(_)
                | Self::Resource(_)
                | Self::Iommu(_)
                | Self::Bti(_)
                | Self::Pmt(_)
                | Self::Port(_)
                | Self::Exception(_)
                | Self::SuspendToken(_)
                | Self::Profile(_)
        )
    }

    /// The signals that users may change.
    pub(crate) const fn user_signals(self) -> Signals {
        match self {
            Self::Event(_) | Self::EventPair(_) => Signals::EVENT_SIGNAL_MASK,
            _ => Signals::USER_ALL,
        }
    }
}

/// A kind of object: where its pool is, and how it is named.
pub(crate) trait Object: Sized {
    /// The key inside a reference, when the reference is of this kind.
    fn from_ref(object: ObjectRef) -> Option<Key<Self>>;
    /// The reference to an object of this kind.
    fn to_ref(key: Key<Self>) -> ObjectRef;
    /// Its pool.
    fn pool(objects: &Objects) -> &Pool<Self>;
    /// Its pool.
    fn pool_mut(objects: &mut Objects) -> &mut Pool<Self>;
    /// Its head.
    fn head(&self) -> &Head;
    /// Its head.
    fn head_mut(&mut self) -> &mut Head;
}

macro_rules! objects {
    ($($kind:ident in $pool:ident),+ $(,)?) => {
        $(impl Object for $kind {
            fn from_ref(object: ObjectRef) -> Option<Key<Self>> {
                match object {
                    ObjectRef::$kind(key) => Some(key),
                    _ => None,
                }
            }
            fn to_ref(key: Key<Self>) -> ObjectRef {
                ObjectRef::$kind(key)
            }
            fn pool(objects: &Objects) -> &Pool<Self> {
                &objects.$pool
            }
            fn pool_mut(objects: &mut Objects) -> &mut Pool<Self> {
                &mut objects.$pool
            }
            fn head(&self) -> &Head {
                &self.head
            }
            fn head_mut(&mut self) -> &mut Head {
                &mut self.head
            }
        })+

        impl Objects {
            /// The head of any live object.
            pub(crate) fn head(&self, object: ObjectRef) -> &Head {
                let head = match object {
                    $(ObjectRef::$kind(key) => self.$pool.get(key).map(Object::head),)+
                };
                head.expect("a counted reference names a live object")
            }

            /// The head of any live object.
            pub(crate) fn head_mut(&mut self, object: ObjectRef) -> &mut Head {
                let head = match object {
                    $(ObjectRef::$kind(key) => self.$pool.get_mut(key).map(Object::head_mut),)+
                };
                head.expect("a counted reference names a live object")
            }

            /// Calls `visit` with every live object.
            pub(crate) fn for_each(&self, mut visit: impl FnMut(ObjectRef, &Head)) {
                $(for (key, object) in self.$pool.iter() {
                    visit(ObjectRef::$kind(key), &object.head);
                })+
            }
        }
    };
}

objects! {
    Job in jobs,
    Process in processes,
    Thread in threads,
    Vmo in vmos,
    Vmar in vmars,
    Channel in channels,
    Resource in resources,
    Iommu in iommus,
    Bti in btis,
    Pmt in pmts,
    Event in events,
    EventPair in event_pairs,
    Port in ports,
    Timer in timers,
    Exception in exceptions,
    Fifo in fifos,
    Socket in sockets,
    SuspendToken in suspend_tokens,
    Profile in profiles,
}

/// All objects of the system.
#[derive(Debug)]
pub(crate) struct Objects {
    pub(crate) jobs: Pool<Job>,
    pub(crate) processes: Pool<Process>,
    pub(crate) threads: Pool<Thread>,
    pub(crate) vmos: Pool<Vmo>,
    pub(crate) vmars: Pool<Vmar>,
    pub(crate) channels: Pool<Channel>,
    pub(crate) resources: Pool<Resource>,
    pub(crate) iommus: Pool<Iommu>,
    pub(crate) btis: Pool<Bti>,
    pub(crate) pmts: Pool<Pmt>,
    pub(crate) events: Pool<Event>,
    pub(crate) event_pairs: Pool<EventPair>,
    pub(crate) ports: Pool<Port>,
    pub(crate) timers: Pool<Timer>,
    pub(crate) exceptions: Pool<Exception>,
    pub(crate) fifos: Pool<Fifo>,
    pub(crate) sockets: Pool<Socket>,
    pub(crate) suspend_tokens: Pool<SuspendToken>,
    pub(crate) profiles: Pool<Profile>,
    /// Parts of objects.
    pub(crate) mappings: Pool<Mapping>,
    pub(crate) vmar_nodes: Pool<VmarNode>,
    pub(crate) spans: SpanPool<Key<Mapping>>,
    pub(crate) pin_spans: SpanPool<Key<Pmt>>,
    /// The ranges of resources, by kind.
    pub(crate) claims: Claims,
    pub(crate) page_nodes: Pool<crate::mem::PageNode>,
    /// Frames on their way into VMOs.
    pub(crate) staged: Pool<crate::vm::Staged>,
    /// Discardable VMOs whose contents may go.
    pub(crate) spare: List<Vmo, crate::vm::Spare>,
    /// How many of these whoever looks for memory has still to look at.
    pub(crate) spare_unseen: u32,
    pub(crate) messages: Pool<Message>,
    /// A buffer that a long message left behind.
    spare_buffer: KVec<u8>,
    pub(crate) observers: Pool<Observer>,
    pub(crate) packets: Pool<Packet>,
    pub(crate) segments: Pool<Segment>,
    pub(crate) futexes: WordPool<Futex>,
    /// Handles of the whole system: at most [`Objects::MOST_HANDLES`].
    pub(crate) handle_count: u32,
    last_handle: HandleId,
    next_koid: u64,
    /// Whether an event may have left something to do before its thread goes on: set by whoever
    /// leaves it in some queue, so that a call that leaves nothing need not look at them all.
    pub(crate) is_unsettled: bool,
    first_dying: Option<ObjectRef>,
    last_dying: Option<ObjectRef>,
}

impl Objects {
    /// The handles that the system holds at the most (Zircon's arena: 256 * 1024).
    pub(crate) const MOST_HANDLES: u32 = 262_144;

    /// No objects.
    pub(crate) const fn new() -> Self {
        Self {
            jobs: Pool::new(),
            processes: Pool::new(),
            threads: Pool::new(),
            vmos: Pool::new(),
            vmars: Pool::new(),
            channels: Pool::new(),
            resources: Pool::new(),
            iommus: Pool::new(),
            btis: Pool::new(),
            pmts: Pool::new(),
            events: Pool::new(),
            event_pairs: Pool::new(),
            ports: Pool::new(),
            timers: Pool::new(),
            exceptions: Pool::new(),
            fifos: Pool::new(),
            sockets: Pool::new(),
            segments: Pool::new(),
            suspend_tokens: Pool::new(),
            profiles: Pool::new(),
            packets: Pool::new(),
            futexes: WordPool::new(),
            mappings: Pool::new(),
            vmar_nodes: Pool::new(),
            spans: Pool::new(),
            pin_spans: Pool::new(),
            claims: Claims::new(),
            page_nodes: Pool::new(),
            staged: Pool::new(),
            spare: List::new(),
            spare_unseen: 0,
            messages: Pool::new(),
            spare_buffer: KVec::new(),
            observers: Pool::new(),
            handle_count: 0,
            last_handle: 0,
            // ZX_KOID_FIRST
            next_koid: 1024,
            is_unsettled: false,
            first_dying: None,
            last_dying: None,
        }
    }

    /// A koid that was never used.
    pub(crate) const fn new_koid(&mut self) -> u64 {
        let koid = self.next_koid;
        self.next_koid = koid.wrapping_add(1);
        koid
    }

    /// The object behind a key that a counted reference holds.
    pub(crate) fn get<T: Object>(&self, key: Key<T>) -> &T {
        T::pool(self)
            .get(key)
            .expect("a counted reference names a live object")
    }

    /// The object behind a key that a counted reference holds.
    pub(crate) fn get_mut<T: Object>(&mut self, key: Key<T>) -> &mut T {
        T::pool_mut(self)
            .get_mut(key)
            .expect("a counted reference names a live object")
    }
}
