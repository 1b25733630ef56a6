//! `zx_rights_t`: what a handle allows.

bitflags::bitflags! {
    /// The rights of a handle (`ZX_RIGHT_*`), and the default sets of each object kind.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
    #[repr(transparent)]
    pub struct Rights: u32 {
        /// Make further handles to the object.
        const DUPLICATE = 1 << 0;
        /// Send the handle through a channel.
        const TRANSFER = 1 << 1;
        /// Read contents, or map with read permission.
        const READ = 1 << 2;
        /// Write contents, or map with write permission.
        const WRITE = 1 << 3;
        /// Map with execute permission.
        const EXECUTE = 1 << 4;
        /// Map into an address space.
        const MAP = 1 << 5;
        /// Read properties.
        const GET_PROPERTY = 1 << 6;
        /// Write properties.
        const SET_PROPERTY = 1 << 7;
        /// List children.
        const ENUMERATE = 1 << 8;
        /// Kill a task.
        const DESTROY = 1 << 9;
        /// Set a job's policy.
        const SET_POLICY = 1 << 10;
        /// Read a job's policy.
        const GET_POLICY = 1 << 11;
        /// Set and clear user signals.
        const SIGNAL = 1 << 12;
        /// Set and clear user signals of the peer.
        const SIGNAL_PEER = 1 << 13;
        /// Wait for signals.
        const WAIT = 1 << 14;
        /// Ask for information.
        const INSPECT = 1 << 15;
        /// Create child jobs.
        const MANAGE_JOB = 1 << 16;
        /// Create processes.
        const MANAGE_PROCESS = 1 << 17;
        /// Create threads.
        const MANAGE_THREAD = 1 << 18;
        /// Apply a profile.
        const APPLY_PROFILE = 1 << 19;
        /// Change a socket's disposition.
        const MANAGE_SOCKET = 1 << 20;
        /// Act on regions inside a region.
        const OP_CHILDREN = 1 << 21;
        /// Resize a VMO.
        const RESIZE = 1 << 22;
        /// Attach a VMO to a pager.
        const ATTACH_VMO = 1 << 23;
        /// Manage a pager's VMO.
        const MANAGE_VMO = 1 << 24;

        /// `ZX_RIGHTS_BASIC`
        const BASIC = Self::TRANSFER.bits() | Self::DUPLICATE.bits() | Self::WAIT.bits() | Self::INSPECT.bits();
        /// `ZX_RIGHTS_IO`
        const IO = Self::READ.bits() | Self::WRITE.bits();
        /// `ZX_RIGHTS_PROPERTY`
        const PROPERTY = Self::GET_PROPERTY.bits() | Self::SET_PROPERTY.bits();

        /// Default of a channel endpoint.
        const DEFAULT_CHANNEL = 0xF00E;
        /// Default of an event.
        const DEFAULT_EVENT = 0xD003;
        /// Default of one end of an event pair.
        const DEFAULT_EVENT_PAIR = 0xF003;
        /// Default of a port: it cannot be waited on.
        const DEFAULT_PORT = 0x800F;
        /// Default of a timer.
        const DEFAULT_TIMER = 0xD00B;
        /// Default of one end of a FIFO.
        const DEFAULT_FIFO = 0xF00F;
        /// Default of one end of a socket.
        const DEFAULT_SOCKET = 0x10_F0CF;
        /// Default of an exception.
        const DEFAULT_EXCEPTION = 0x80C2;
        /// Default of a profile.
        const DEFAULT_PROFILE = 0x8_8003;
        /// Default of a process.
        const DEFAULT_PROCESS = 0x6_D3CF;
        /// Default of a thread.
        const DEFAULT_THREAD = 0x4_D2CF;
        /// Default of a job.
        const DEFAULT_JOB = 0x7_DFCF;
        /// Default of a resource (newer Zircon: with GET_PROPERTY).
        const DEFAULT_RESOURCE = 0x804B;
        /// Default of an IOMMU.
        const DEFAULT_IOMMU = 0x8003;
        /// Default of a bus transaction initiator.
        const DEFAULT_BTI = 0x80EF;
        /// Default of pinned memory: it can neither be duplicated nor transferred.
        const DEFAULT_PMT = 0x8000;
        /// Default of a token that suspends a task.
        const DEFAULT_SUSPEND_TOKEN = 0x8002;
        /// Default of a region; READ, WRITE and EXECUTE are added for what it can map.
        const DEFAULT_VMAR = 0x20_8003;
        /// Default of a paged or contiguous VMO.
        const DEFAULT_VMO = 0xD0EF;
        /// Default of a physical VMO: the eight of the seed page and what watching its signal needs.
        const DEFAULT_PHYSICAL_VMO = 0xD0FF;
    }
}

impl Rights {
    /// `ZX_RIGHT_SAME_RIGHTS`: asks for the source's rights; only ever compared as a whole word.
    pub const SAME_RIGHTS: u32 = 1 << 31;
}
