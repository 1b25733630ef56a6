//! The records of channels, waits, ports and timers.

use crate::record::record;

record! {
    /// `zx_handle_disposition_t`: a handle on its way into a message.
    pub struct HandleDisposition: 20 {
        /// [`HandleDisposition::MOVE`] or [`HandleDisposition::DUPLICATE`].
        pub operation: u32 = 0,
        /// The handle's value.
        pub handle: u32 = 4,
        /// The kind that its object must be of; 0: any.
        pub object_type: u32 = 8,
        /// The rights that arrive, or SAME_RIGHTS.
        pub rights: u32 = 12,
        /// What was wrong with it; written only when something was.
        pub result: i32 = 16,
    }
}

impl HandleDisposition {
    /// `ZX_HANDLE_OP_MOVE`: the sender's handle is gone whatever comes of it.
    pub const MOVE: u32 = 0;
    /// `ZX_HANDLE_OP_DUPLICATE`: the sender keeps its handle.
    pub const DUPLICATE: u32 = 1;
}

record! {
    /// `zx_handle_info_t`: a handle that came out of a message.
    pub struct ReceivedHandle: 16 {
        /// Its value.
        pub handle: u32 = 0,
        /// The object's [`ObjectType`](crate::ObjectType).
        pub object_type: u32 = 4,
        /// Its rights.
        pub rights: u32 = 8,
        /// Zero.
        pub unused: u32 = 12,
    }
}

record! {
    /// `zx_channel_iovec_t`: one piece of a message's bytes.
    pub struct ChannelIovec: 16 {
        /// Where they are.
        pub buffer: u64 = 0,
        /// How many they are.
        pub capacity: u32 = 8,
        /// Zero.
        pub reserved: u32 = 12,
    }
}

record! {
    /// `zx_channel_call_args_t`, and `zx_channel_call_etc_args_t` of the same shape.
    pub struct ChannelCallArgs: 48 {
        /// The request's bytes, or iovecs.
        pub wr_bytes: u64 = 0,
        /// The request's handles, or dispositions.
        pub wr_handles: u64 = 8,
        /// Where the reply's bytes go.
        pub rd_bytes: u64 = 16,
        /// Where the reply's handles, or infos, go.
        pub rd_handles: u64 = 24,
        /// How many bytes, or iovecs, the request has.
        pub wr_num_bytes: u32 = 32,
        /// How many handles the request has.
        pub wr_num_handles: u32 = 36,
        /// How many bytes a reply may have.
        pub rd_num_bytes: u32 = 40,
        /// How many handles a reply may have.
        pub rd_num_handles: u32 = 44,
    }
}

record! {
    /// `zx_wait_item_t`: one of several objects that are waited for.
    pub struct WaitItem: 12 {
        /// The handle's value.
        pub handle: u32 = 0,
        /// The signals that end the wait.
        pub waitfor: u32 = 4,
        /// The signals that were seen.
        pub pending: u32 = 8,
    }
}

record! {
    /// `zx_port_packet_t`: its last 32 bytes mean what the type says.
    pub struct PortPacket: 48 {
        /// Whose packet it is, as its maker says.
        pub key: u64 = 0,
        /// [`PortPacket::USER`] or [`PortPacket::SIGNAL_ONE`].
        pub packet_type: u32 = 8,
        /// The user's number, or 0.
        pub status: i32 = 12,
        /// The user's, or a [`PacketSignal`].
        pub payload: [u8; 32] = 16,
    }
}

impl PortPacket {
    /// `ZX_PKT_TYPE_USER`: from `zx_port_queue`.
    pub const USER: u32 = 0;
    /// `ZX_PKT_TYPE_SIGNAL_ONE`: from `zx_object_wait_async`.
    pub const SIGNAL_ONE: u32 = 1;
}

record! {
    /// `zx_packet_signal_t`: the payload of a packet that tells of signals.
    pub struct PacketSignal: 32 {
        /// The signals that were asked for.
        pub trigger: u32 = 0,
        /// All signals that were active.
        pub observed: u32 = 4,
        /// 1.
        pub count: u64 = 8,
        /// When it was, in ns, if that was asked for; else 0.
        pub timestamp: i64 = 16,
        /// Zero.
        pub reserved: u64 = 24,
    }
}

record! {
    /// `zx_info_timer_t`
    pub struct TimerInfo: 24 {
        /// The slack mode it was made with.
        pub options: u32 = 0,
        /// The clock it follows.
        pub clock_id: u32 = 4,
        /// What it is armed for, in ns; 0 when it is not.
        pub deadline: i64 = 8,
        /// The slack it is armed with, in ns; 0 when it is not.
        pub slack: i64 = 16,
    }
}

record! {
    /// `zx_info_socket_t`
    pub struct SocketInfo: 48 {
        /// The options it was made with.
        pub options: u32 = 0,
        /// The most bytes that wait here.
        pub rx_buf_max: u64 = 8,
        /// How many wait.
        pub rx_buf_size: u64 = 16,
        /// How many one read can give.
        pub rx_buf_available: u64 = 24,
        /// The most bytes that wait at the other end; 0 when it is gone.
        pub tx_buf_max: u64 = 32,
        /// How many wait there.
        pub tx_buf_size: u64 = 40,
    }
}

bitflags::bitflags! {
    /// The options of `zx_object_wait_async` (`ZX_WAIT_ASYNC_*`).
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
    pub struct WaitAsyncOptions: u32 {
        /// The packet tells when it was by the monotonic clock.
        const TIMESTAMP = 1;
        /// Only a signal that becomes active later counts.
        const EDGE = 2;
        /// The packet tells when it was by the boot clock.
        const BOOT_TIMESTAMP = 4;
    }
}
