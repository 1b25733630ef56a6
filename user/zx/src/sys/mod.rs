//! Every system call as a safe function: names, arguments and the order of errors are Zircon's.
//!
//! Handles, options and sizes are plain numbers here, good or bad, and memory is a slice of the
//! program or an [`Address`]: so a test can say everything that a C program can, except what would
//! let the kernel write where Rust keeps its objects. A length that goes with an address must not
//! reach from there into memory that the program lives in.
//!
//! Calls that take memory away, or change what it holds (`vmar_unmap`, `vmar_destroy`,
//! `vmar_op_range`, `vmo_op_range`, `vmo_set_size`, ...), are safe because a program lives in memory
//! that it has no handle to: its image, stack and heap are mapped in the root region, which cannot be
//! destroyed, from VMOs that nobody names any more, and nothing is put there later. What these calls
//! reach is memory in a [`Region`](crate::Region), where no Rust object lives.

mod bti;
mod channel;
mod exception;
mod fifo;
mod futex;
mod ipc;
mod object;
mod socket;
mod suspend;
mod system;
mod task;
mod vmar;
mod vmo;

pub use bti::{
    bti_create, bti_pin, bti_release_quarantine, iommu_create, pmt_unpin, vmo_create_contiguous,
};
pub use channel::{
    CallBlock, CallBuffers, channel_call, channel_call_etc, channel_create, channel_read,
    channel_read_etc, channel_write, channel_write_etc, channel_write_iovec,
};
pub use exception::{exception_get_process, exception_get_thread, task_create_exception_channel};
pub use fifo::{fifo_create, fifo_read, fifo_write};
pub use futex::{
    futex_get_owner, futex_requeue, futex_requeue_single_owner, futex_wait, futex_wake,
    futex_wake_handle_close_thread_exit, futex_wake_single_owner,
};
pub use ipc::{
    event_create, eventpair_create, object_signal_peer, object_wait_async, object_wait_many,
    port_cancel, port_cancel_key, port_create, port_queue, port_wait, timer_cancel, timer_create,
    timer_set,
};
pub use object::{
    handle_check_valid, handle_close, handle_close_many, handle_duplicate, handle_replace,
    object_get_info, object_get_property, object_set_property, object_signal, object_wait_one,
    resource_create,
};
pub use socket::{socket_create, socket_read, socket_set_disposition, socket_write};
pub(crate) use suspend::note_own_process;
pub use suspend::{job_set_critical, task_suspend, thread_read_state, thread_write_state};
pub use system::{
    clock_get_boot, clock_get_monotonic, cprng_add_entropy, cprng_draw, debug_write, nanosleep,
    process_exit, system_get_num_cpus, system_get_page_size, system_get_version_string,
    thread_exit, ticks_get, ticks_per_second,
};
pub(crate) use task::thread_start;
pub use task::{
    job_create, job_set_policy, object_get_child, object_set_profile, process_create,
    process_read_memory, process_start, process_write_memory, profile_create, task_kill,
    thread_create, thread_legacy_yield, thread_start_nowhere,
};
pub(crate) use vmar::vmar_map_over;
pub use vmar::{
    vmar_allocate, vmar_destroy, vmar_map, vmar_op_range, vmar_protect, vmar_unmap,
    vmar_unmap_handle_close_thread_exit,
};
pub use vmo::{
    vmo_create, vmo_create_child, vmo_create_physical, vmo_get_size, vmo_get_stream_size,
    vmo_op_range, vmo_read, vmo_replace_as_executable, vmo_set_cache_policy, vmo_set_size,
    vmo_set_stream_size, vmo_transfer_data, vmo_write,
};

use jacinth_abi::{SYSCALLS, Status};

use crate::seam::Arg;
use crate::{Address, raw};

/// Memory that a call reads.
#[derive(Debug)]
pub enum Input<'a> {
    /// Bytes of the program.
    Here(&'a [u8]),
    /// An address, with a length in bytes.
    At(Address, u64),
}

/// Memory that a call writes.
#[derive(Debug)]
pub enum Output<'a> {
    /// Bytes of the program.
    Here(&'a mut [u8]),
    /// An address, with a length in bytes.
    At(Address, u64),
}

/// Where a call puts a result of `N` bytes.
#[derive(Debug)]
pub enum Place<'a, const N: usize> {
    /// In the program.
    Here(&'a mut [u8; N]),
    /// At an address.
    At(Address),
}

impl<'a> From<&'a [u8]> for Input<'a> {
    #[inline(always)]
    fn from(bytes: &'a [u8]) -> Self {
        Self::Here(bytes)
    }
}

impl<'a> From<&'a mut [u8]> for Output<'a> {
    #[inline(always)]
    fn from(bytes: &'a mut [u8]) -> Self {
        Self::Here(bytes)
    }
}

impl<'a, const N: usize> From<&'a mut [u8; N]> for Place<'a, N> {
    #[inline(always)]
    fn from(bytes: &'a mut [u8; N]) -> Self {
        Self::Here(bytes)
    }
}

impl<const N: usize> From<Address> for Place<'_, N> {
    #[inline(always)]
    fn from(address: Address) -> Self {
        Self::At(address)
    }
}

impl<'a> Input<'a> {
    #[inline(always)]
    fn len(&self) -> u64 {
        match self {
            Self::Here(bytes) => bytes.len() as u64,
            Self::At(_, len) => *len,
        }
    }

    #[inline(always)]
    fn arg<T>(self) -> raw::In<'a, T> {
        raw::In::new(self.plain())
    }

    #[inline(always)]
    fn plain(self) -> Arg<'a> {
        match self {
            Self::Here(bytes) => Arg::In(bytes),
            Self::At(address, _) => Arg::At(address),
        }
    }
}

impl<'a> Output<'a> {
    /// No memory: a null pointer and no bytes.
    pub const NONE: Self = Self::At(Address::NULL, 0);

    #[inline(always)]
    fn len(&self) -> u64 {
        match self {
            Self::Here(bytes) => bytes.len() as u64,
            Self::At(_, len) => *len,
        }
    }

    #[inline(always)]
    fn arg<T>(self) -> raw::Out<'a, T> {
        raw::Out::new(self.plain())
    }

    #[inline(always)]
    fn plain(self) -> Arg<'a> {
        match self {
            Self::Here(bytes) => Arg::Out(bytes),
            Self::At(address, _) => Arg::At(address),
        }
    }
}

impl<'a, const N: usize> Place<'a, N> {
    #[inline(always)]
    fn arg<T>(self) -> raw::Out<'a, T> {
        raw::Out::new(match self {
            Self::Here(bytes) => Arg::Out(bytes),
            Self::At(address) => Arg::At(address),
        })
    }

    /// For a call that reads there.
    #[inline(always)]
    fn read<T>(self) -> raw::In<'a, T> {
        raw::In::new(match self {
            Self::Here(bytes) => Arg::In(bytes),
            Self::At(address) => Arg::At(address),
        })
    }
}

/// What every call but a few answers.
pub type Answer = Result<(), Status>;

#[inline]
fn answer(raw: i64) -> Answer {
    Status::check(i32::try_from(raw).unwrap_or(Status::INTERNAL.raw()))
}

/// Makes a stub's call and answers its word; every argument comes from this module's types, which
/// know their lengths.
macro_rules! raw_call {
    ($name:ident($($arg:expr),* $(,)?)) => {{
        // SAFETY: memory is passed with the length it has (`Input`, `Output`, `Place`), and
        // addresses are of nothing that Rust uses (`Address`); the calls that take memory away
        // reach none that the program lives in (see the module's page).
        unsafe { $crate::raw::$name($($arg),*) }
    }};
}

/// Makes a stub's call whose word is a status.
macro_rules! call {
    ($name:ident($($arg:expr),* $(,)?)) => {
        $crate::sys::answer($crate::sys::raw_call!($name($($arg),*)))
    };
}

use {call, raw_call};

/// Makes a call by a number that no call has: the kernel ends the process.
///
/// # Panics
/// When the number is in the table.
pub fn unknown(number: u64) -> Answer {
    assert!(SYSCALLS.iter().all(|call| call.number != number));
    // SAFETY: there is no such call, so it reads and writes nothing.
    answer(unsafe { raw::any(number, [0; 8]) })
}

/// Calls that take numbers alone, and take nothing away that a program lives in.
const OF_NUMBERS: [&str; 6] = [
    "handle_close",
    "object_signal",
    "vmo_set_cache_policy",
    "vmo_set_size",
    "vmo_set_stream_size",
    "pmt_unpin",
];

/// Makes a call that takes numbers alone, with all 64 bits of each register.
///
/// # Errors
/// Those of the call.
///
/// # Panics
/// When it is none of those that this is safe for.
pub fn by_name(name: &str, words: [u64; 3]) -> Answer {
    assert!(OF_NUMBERS.contains(&name), "a call of numbers alone");
    let row = SYSCALLS.iter().find(|call| call.name == name);
    let number = row.expect("the names are the table's").number;
    let [first, second, third] = words;
    let words = [first, second, third, 0, 0, 0, 0, 0];
    // SAFETY: the calls of the list read and write no memory of the program.
    answer(unsafe { raw::any(number, words) })
}
