//! Calls on channels.

use alloc::vec;
use alloc::vec::Vec;

use jacinth_abi::{ChannelCallArgs, ChannelIovec, HandleDisposition, ReceivedHandle, Record};

use super::{Answer, Input, Output, Place, call};
use crate::seam::Arg;
use crate::{Address, raw};

/// `zx_channel_create`
///
/// # Errors
/// See `docs/syscalls.md`, as for all calls here.
pub fn channel_create<'a, 'b>(
    options: u32,
    out0: impl Into<Place<'a, 4>>,
    out1: impl Into<Place<'b, 4>>,
) -> Answer {
    let (out0, out1) = (out0.into().arg(), out1.into().arg());
    call!(channel_create(options, out0, out1))
}

/// `zx_channel_read`: handle values come out as little-endian bytes.
///
/// # Errors
/// See `docs/syscalls.md`.
///
/// # Panics
/// When a buffer has 4 GiB or more, as for all calls here.
pub fn channel_read<'a, 'b>(
    handle: u32,
    options: u32,
    bytes: Output<'_>,
    handles: Output<'_>,
    actual_bytes: impl Into<Place<'a, 4>>,
    actual_handles: impl Into<Place<'b, 4>>,
) -> Answer {
    let (num_bytes, num_handles) = (number(bytes.len()), number(handles.len() / 4));
    let (actual_bytes, actual_handles) = (actual_bytes.into().arg(), actual_handles.into().arg());
    call!(channel_read(
        handle,
        options,
        bytes.arg(),
        handles.arg(),
        num_bytes,
        num_handles,
        actual_bytes,
        actual_handles,
    ))
}

/// `zx_channel_read_etc`: handles come out as the bytes of [`ReceivedHandle`]s.
///
/// # Errors
/// See `docs/syscalls.md`.
pub fn channel_read_etc<'a, 'b>(
    handle: u32,
    options: u32,
    bytes: Output<'_>,
    handles: Output<'_>,
    actual_bytes: impl Into<Place<'a, 4>>,
    actual_handles: impl Into<Place<'b, 4>>,
) -> Answer {
    let (num_bytes, num_handles) = (number(bytes.len()), number(handles.len() / RECEIVED));
    let (actual_bytes, actual_handles) = (actual_bytes.into().arg(), actual_handles.into().arg());
    call!(channel_read_etc(
        handle,
        options,
        bytes.arg(),
        handles.arg(),
        num_bytes,
        num_handles,
        actual_bytes,
        actual_handles,
    ))
}

/// `zx_channel_write`: the handles as the bytes of their values.
///
/// # Errors
/// See `docs/syscalls.md`.
pub fn channel_write(handle: u32, options: u32, bytes: Input<'_>, handles: Input<'_>) -> Answer {
    let (num_bytes, num_handles) = (number(bytes.len()), number(handles.len() / 4));
    call!(channel_write(
        handle,
        options,
        bytes.arg(),
        num_bytes,
        handles.arg(),
        num_handles
    ))
}

/// `zx_channel_write_etc`: the handles as the bytes of [`HandleDisposition`]s.
///
/// # Errors
/// See `docs/syscalls.md`.
pub fn channel_write_etc(
    handle: u32,
    options: u32,
    bytes: Input<'_>,
    handles: Output<'_>,
) -> Answer {
    let (num_bytes, num_handles) = (number(bytes.len()), number(handles.len() / DISPOSITION));
    call!(channel_write_etc(
        handle,
        options,
        bytes.arg(),
        num_bytes,
        handles.arg(),
        num_handles
    ))
}

/// `zx_channel_write` of several pieces; options are added to `ZX_CHANNEL_WRITE_USE_IOVEC`, and
/// `reserved` is what every iovec has there.
///
/// # Errors
/// See `docs/syscalls.md`.
pub fn channel_write_iovec(
    handle: u32,
    options: u32,
    pieces: Vec<Input<'_>>,
    reserved: u32,
    handles: Input<'_>,
) -> Answer {
    const USE_IOVEC: u32 = jacinth_abi::limits::CHANNEL_WRITE_USE_IOVEC;
    let mut bytes = Vec::new();
    let mut parts = Vec::new();
    for piece in pieces {
        let iovec = ChannelIovec {
            buffer: 0,
            capacity: number(piece.len()),
            reserved,
        };
        parts.push((bytes.len(), piece.plain()));
        bytes.extend(iovec.to_bytes());
    }
    let (count, num_handles) = (number(parts.len() as u64), number(handles.len() / 4));
    let array = raw::In::new(Arg::Record {
        bytes: &mut bytes,
        parts,
    });
    call!(channel_write(
        handle,
        options | USE_IOVEC,
        array,
        count,
        handles.arg(),
        num_handles
    ))
}

/// The memory of a call: what is sent, and where the answer goes.
#[derive(Debug)]
pub struct CallBuffers<'a> {
    /// The request's bytes, the first four for the transaction id.
    pub wr_bytes: Input<'a>,
    /// The request's handles: the bytes of values, or of [`HandleDisposition`]s.
    pub wr_handles: Output<'a>,
    /// Where the answer's bytes go.
    pub rd_bytes: Output<'a>,
    /// Where the answer's handles go: values, or [`ReceivedHandle`]s.
    pub rd_handles: Output<'a>,
}

/// The argument block of a call.
#[derive(Debug)]
pub enum CallBlock<'a> {
    /// It names these buffers.
    Here(CallBuffers<'a>),
    /// It is at an address.
    At(Address),
}

const DISPOSITION: u64 = size_of::<HandleDisposition>() as u64;
const RECEIVED: u64 = size_of::<ReceivedHandle>() as u64;

macro_rules! calls {
    ($($(#[$doc:meta])* $name:ident: $out:expr, $in:expr;)+) => {$(
        $(#[$doc])*
        ///
        /// # Errors
        /// See `docs/syscalls.md`.
        pub fn $name<'a, 'b>(
            handle: u32,
            options: u32,
            deadline: i64,
            args: CallBlock<'_>,
            actual_bytes: impl Into<Place<'a, 4>>,
            actual_handles: impl Into<Place<'b, 4>>,
        ) -> Answer {
            let (actual_bytes, actual_handles) = (actual_bytes.into().arg(), actual_handles.into().arg());
            let buffers = match args {
                CallBlock::Here(buffers) => buffers,
                CallBlock::At(address) => {
                    let args = raw::In::new(Arg::At(address));
                    return call!($name(handle, options, deadline, args, actual_bytes, actual_handles));
                }
            };
            let sizes = ChannelCallArgs {
                wr_num_bytes: number(buffers.wr_bytes.len()),
                wr_num_handles: number(buffers.wr_handles.len() / $out),
                rd_num_bytes: number(buffers.rd_bytes.len()),
                rd_num_handles: number(buffers.rd_handles.len() / $in),
                ..ChannelCallArgs::default()
            };
            let mut bytes = sizes.to_bytes();
            let parts = vec![
                (0, buffers.wr_bytes.plain()),
                (8, buffers.wr_handles.plain()),
                (16, buffers.rd_bytes.plain()),
                (24, buffers.rd_handles.plain()),
            ];
            let args = raw::In::new(Arg::Record { bytes: &mut bytes, parts });
            call!($name(handle, options, deadline, args, actual_bytes, actual_handles))
        }
    )+};
}

calls! {
    /// `zx_channel_call`
    channel_call: 4, 4;
    /// `zx_channel_call_etc`
    channel_call_etc: DISPOSITION, RECEIVED;
}

fn number(len: u64) -> u32 {
    u32::try_from(len).expect("a message is small")
}
