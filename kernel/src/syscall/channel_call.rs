//! Calls through channels: a message, and the wait for its answer (spec: ipc.md §1.9).

use super::channel::{InFormat, Inbox};
use super::channel_write::{self, Letter, OutFormat};
use crate::call::{Call, Flow, FromReg, HandleValue, In, Out, SysResult};
use crate::task::{CallWait, Wait};
use jacinth_abi::{ChannelCallArgs, Record, Rights, Status};

/// `zx_channel_call`
pub(crate) fn channel_call(
    call: &mut Call<'_>,
    handle: HandleValue,
    options: u32,
    deadline: i64,
    args: In<u8>,
    actual_bytes: Out<u32>,
    actual_handles: Out<u32>,
) -> SysResult {
    let formats = (OutFormat::Values, InFormat::Values);
    let request = Request::read(call, options, args, (actual_bytes, actual_handles), formats)?;
    request.make(call, handle, deadline)
}

/// `zx_channel_call_etc`
pub(crate) fn channel_call_etc(
    call: &mut Call<'_>,
    handle: HandleValue,
    options: u32,
    deadline: i64,
    args: In<u8>,
    actual_bytes: Out<u32>,
    actual_handles: Out<u32>,
) -> SysResult {
    let formats = (OutFormat::Dispositions, InFormat::Infos);
    let request = Request::read(call, options, args, (actual_bytes, actual_handles), formats)?;
    request.make(call, handle, deadline)
}

/// Bytes of a transaction id, which a request begins with.
const TXID_BYTES: usize = size_of::<u32>();

/// What is sent, and where the answer goes.
struct Request {
    letter: Letter,
    inbox: Inbox,
}

impl Request {
    fn read(
        call: &mut Call<'_>,
        options: u32,
        args: In<u8>,
        (actual_bytes, actual_handles): (Out<u32>, Out<u32>),
        (out_format, in_format): (OutFormat, InFormat),
    ) -> Result<Self, Status> {
        let mut bytes = ChannelCallArgs::zeroed_bytes();
        call.read_bytes(args.0, &mut bytes)?;
        let args = ChannelCallArgs::from_bytes(&bytes);
        let letter = Letter {
            options,
            bytes: args.wr_bytes,
            num_bytes: args.wr_num_bytes,
            handles: args.wr_handles,
            num_handles: args.wr_num_handles,
            format: out_format,
        };
        let inbox = Inbox {
            bytes: FromReg::from_reg(args.rd_bytes),
            handles: args.rd_handles,
            num_bytes: args.rd_num_bytes,
            num_handles: args.rd_num_handles,
            actual_bytes,
            actual_handles,
            format: in_format,
        };
        Ok(Self { letter, inbox })
    }

    /// Sends the request, even when the deadline is over, and waits.
    fn make(&self, call: &mut Call<'_>, handle: HandleValue, deadline: i64) -> SysResult {
        let rights = Rights::READ | Rights::WRITE;
        let begun = channel_write::begin(call, handle, rights, &self.letter, TXID_BYTES);
        let begun = match begun {
            Ok(begun) => begun,
            Err(status) => return self.letter.refuse(call, status),
        };
        let peer = self.letter.seal(call, &begun)?;
        let channel = begun.channel;
        let txid = call.kernel.give_txid(channel, begun.message);
        channel_write::send(call, peer, begun.message);
        if call.is_over(deadline) {
            return Err(Status::TIMED_OUT);
        }
        // Nobody ran since the message went: no answer can be there yet.
        call.kernel.add_caller(channel, call.thread);
        let threads = &mut call.kernel.objects.threads;
        call.kernel.timers.insert(threads, deadline, call.thread);
        call.kernel.objects.get_mut(call.thread).wait = Some(Wait::Call(CallWait {
            channel,
            handle: begun.handle,
            txid,
            inbox: self.inbox,
            outcome: None,
        }));
        Ok(Flow::Waits)
    }
}
