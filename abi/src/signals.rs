//! `zx_signals_t`: what an object's state looks like from outside.

bitflags::bitflags! {
    /// The signals of an object (`ZX_*_SIGNAL*`), and the names that object kinds give them.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
    #[repr(transparent)]
    pub struct Signals: u32 {
        /// Signal 0: there is something to read.
        const READABLE = 1 << 0;
        /// Signal 1: there is room to write.
        const WRITABLE = 1 << 1;
        /// Signal 2: the other end is gone.
        const PEER_CLOSED = 1 << 2;
        /// Signal 3: the object's own event.
        const SIGNALED = 1 << 3;
        /// Signals 4 to 22: their meaning is the object kind's.
        const OTHERS = 0x007F_FFF0;
        /// Signal 23: ends a wait whose handle was closed; never asserted on an object.
        const HANDLE_CLOSED = 1 << 23;
        /// The first user signal.
        const USER_0 = 1 << 24;
        /// The second user signal.
        const USER_1 = 1 << 25;
        /// The third user signal.
        const USER_2 = 1 << 26;
        /// The fourth user signal.
        const USER_3 = 1 << 27;
        /// The fifth user signal.
        const USER_4 = 1 << 28;
        /// The sixth user signal.
        const USER_5 = 1 << 29;
        /// The seventh user signal.
        const USER_6 = 1 << 30;
        /// The eighth user signal.
        const USER_7 = 1 << 31;

        /// `ZX_USER_SIGNAL_ALL`: what users may always set and clear.
        const USER_ALL = 0xFF00_0000;
        /// `ZX_OBJECT_SIGNAL_ALL`: what belongs to the kernel.
        const OBJECT_ALL = 0x00FF_FFFF;

        /// A VMO has neither children nor mappings of children.
        const VMO_ZERO_CHILDREN = Self::SIGNALED.bits();
        /// An event was signalled.
        const EVENT_SIGNALED = Self::SIGNALED.bits();
        /// What `zx_object_signal` may change on an event.
        const EVENT_SIGNAL_MASK = Self::USER_ALL.bits() | Self::SIGNALED.bits();
        /// A job, process or thread has ended.
        const TASK_TERMINATED = Self::SIGNALED.bits();
        /// A timer has fired.
        const TIMER_SIGNALED = Self::SIGNALED.bits();
        /// A thread was started and is not suspended.
        const THREAD_RUNNING = 1 << 4;
        /// A thread is suspended.
        const THREAD_SUSPENDED = 1 << 5;
        /// A job holds no jobs.
        const JOB_NO_JOBS = 1 << 4;
        /// A job holds no processes.
        const JOB_NO_PROCESSES = 1 << 5;
        /// A job holds neither.
        const JOB_NO_CHILDREN = 1 << 6;
        /// A clock was started.
        const CLOCK_STARTED = 1 << 4;
        /// A clock was updated.
        const CLOCK_UPDATED = 1 << 5;
        /// A socket's peer may no longer write.
        const SOCKET_PEER_WRITE_DISABLED = 1 << 4;
        /// This end of a socket may no longer write.
        const SOCKET_WRITE_DISABLED = 1 << 5;
        /// A socket's read threshold is reached.
        const SOCKET_READ_THRESHOLD = 1 << 10;
        /// A socket's write threshold is reached.
        const SOCKET_WRITE_THRESHOLD = 1 << 11;
    }
}
