//! System calls: the dispatcher that follows from the table, and one file per family.

mod bti;
mod bti_pin;
mod channel;
mod channel_call;
mod channel_write;
mod event;
mod exception;
mod fifo;
mod futex;
mod handle;
mod info;
mod info_list;
mod info_memory;
mod info_process;
mod info_task;
mod job;
mod message_copy;
mod object;
mod port;
mod process;
mod profile;
mod property;
mod property_task;
mod resource;
mod socket;
mod system;
mod task;
mod thread;
mod thread_state;
mod time;
mod timer;
mod vmar;
mod vmar_range;
mod vmo;
mod vmo_child;
mod vmo_range;
mod wait_many;

pub(crate) use bti_pin::Pin;
pub(crate) use info_task::Child;
pub(crate) use process::Peek;

use crate::call::{Call, Flow, FromReg, HandleValue as Handle, In, Out, SysResult};
use crate::task::{Cause, Work};
use jacinth_abi::Status;

pub(crate) use channel::{Inbox, Reply};
pub(crate) use channel_write::Consume;
pub(crate) use futex::{Requeue, WakeSome};
pub(crate) use info::{VmoCall, only_asks};
pub(crate) use info_list::{Item, List};
pub(crate) use vmo_child::SnapshotCall;

macro_rules! dispatcher {
    ($($(#[$doc:meta])* $number:literal $family:ident: $name:ident($($arg:ident: $type:ty),* $(,)?);)*) => {
        /// One function for each call, which gives its arguments their types. Kept out of
        /// [`dispatch`], so that no call pays for the stack and the registers of another.
        mod typed {
            use super::*;

            $(#[inline(never)]
            #[allow(unused_mut, unused_variables, reason = "some calls take no arguments")]
            pub(super) fn $name(call: &mut Call<'_>, args: &[u64; 8]) -> SysResult {
                let [a, b, c, d, e, f, g, h] = *args;
                let mut registers = [a, b, c, d, e, f, g, h].into_iter();
                let mut next = || registers.next().unwrap_or(0);
                $(let $arg: $type = FromReg::from_reg(next());)*
                $family::$name(call, $($arg),*)
            })*
        }

        /// Calls the function that a number stands for.
        pub(crate) fn dispatch(call: &mut Call<'_>, number: u64, args: &[u64; 8]) -> SysResult {
            match number {
                $($number => typed::$name(call, args),)*
                _ => {
                    let cause = Cause::BadSyscall { number };
                    call.kernel.raise_after_call(call.thread, cause);
                    Err(Status::BAD_SYSCALL)
                }
            }
        }
    };
}

jacinth_abi::syscalls!(dispatcher);

/// Begins a long call that holds something: an error gives that back.
pub(crate) fn begin(call: &mut Call<'_>, work: Work) -> SysResult {
    let result = go_on(call, work);
    if result.is_err() {
        work.abandon(call.kernel);
    }
    result
}

/// Goes on with a long call. On an error what the call holds is still held: the caller gives it
/// back, or tries again.
pub(crate) fn go_on(call: &mut Call<'_>, work: Work) -> SysResult {
    match work {
        Work::Call { number, args } => dispatch(call, number, &args),
        Work::Unmap {
            vmar,
            range,
            inner,
            answer,
        } => crate::vm::resume_unmap(call, vmar, range, inner, answer),
        Work::UnmapAndExit {
            vmar,
            range,
            inner,
            close_handle,
        } => vmar::resume_unmap_and_exit(call, (vmar, range, inner), close_handle),
        Work::Destroy { vmar } => crate::vm::resume_destroy(call, vmar),
        Work::Fill { fill, out } => crate::vm::resume_fill(call, fill, FromReg::from_reg(out)),
        Work::Overwrite { overwrite, out } => {
            crate::vm::resume_overwrite(call, overwrite, FromReg::from_reg(out))
        }
        Work::Protect(protect) => crate::vm::protect(call, protect),
        Work::Copy {
            vmo,
            offset,
            buffer,
            len,
            to_user,
        } => crate::vm::resume_copy(call, vmo, offset, buffer, len, to_user),
        Work::VmoInfo(begun) => info::resume_vmo(call, begun),
        Work::List(list) => info_list::go_on(call, list),
        Work::Snapshot(begun) => {
            vmo_child::resume_snapshot(call, begun, FromReg::from_reg(begun.out()))
        }
        Work::Range { op, pages } => crate::vm::run_range(call, op, pages),
        Work::RegionRange(range) => crate::vm::op_region_range(call, range),
        Work::Lock { vmo, how } => crate::vm::resume_lock(call, vmo, how),
        Work::SetSize(change) => crate::vm::resume_set_size(call, change),
        Work::CachePolicy(change) => crate::vm::resume_set_cache_policy(call, change),
        Work::Transfer(transfer) => crate::vm::resume_transfer(call, transfer),
        Work::CloseMany {
            handles,
            count,
            any_bad,
        } => handle::close_rest(call, handles, count, any_bad),
        Work::Pin(pin) => bti_pin::resume_pin(call, pin),
        Work::Clear { vmo, done, out } => bti::resume_clear(call, vmo, done, out),
        Work::Child(child) => info_task::find_child(call, child),
        Work::Peek(peek) => process::go_on(call, peek),
        Work::ReleaseQuarantine { bti, left } => bti::resume_release(call, bti, left),
        Work::Consume(rest) => rest.go_on(call),
        Work::Reply(reply) => channel::resume_reply(call, reply),
        Work::Cancel(cancel) => port::resume_cancel(call, cancel),
        Work::Wake(wake) => wake.go_on(call),
        Work::Requeue(requeue) => requeue.go_on(call),
        // The kernel sees to it: there is no call to go on with.
        Work::Raise => Ok(Flow::Gone),
    }
}
