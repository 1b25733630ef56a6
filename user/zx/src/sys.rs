//! Every system call as a safe function: names, arguments and the order of errors are Zircon's.
//!
//! Handles, options and sizes are plain numbers here, good or bad, and memory is a slice of the
//! program or an [`Address`]: so a test can say everything that a C program can, except what would
//! let the kernel write where Rust keeps its objects. A length that goes with an address must not
//! reach from there into memory that the program lives in.

use jacinth_abi::{SYSCALLS, Status, VmOptions};

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
    fn from(bytes: &'a [u8]) -> Self {
        Self::Here(bytes)
    }
}

impl<'a> From<&'a mut [u8]> for Output<'a> {
    fn from(bytes: &'a mut [u8]) -> Self {
        Self::Here(bytes)
    }
}

impl<'a, const N: usize> From<&'a mut [u8; N]> for Place<'a, N> {
    fn from(bytes: &'a mut [u8; N]) -> Self {
        Self::Here(bytes)
    }
}

impl<const N: usize> From<Address> for Place<'_, N> {
    fn from(address: Address) -> Self {
        Self::At(address)
    }
}

impl<'a> Input<'a> {
    fn len(&self) -> u64 {
        match self {
            Self::Here(bytes) => bytes.len() as u64,
            Self::At(_, len) => *len,
        }
    }

    fn arg<T>(self) -> raw::In<'a, T> {
        raw::In::new(match self {
            Self::Here(bytes) => Arg::In(bytes),
            Self::At(address, _) => Arg::At(address),
        })
    }
}

impl<'a> Output<'a> {
    fn len(&self) -> u64 {
        match self {
            Self::Here(bytes) => bytes.len() as u64,
            Self::At(_, len) => *len,
        }
    }

    fn arg<T>(self) -> raw::Out<'a, T> {
        raw::Out::new(match self {
            Self::Here(bytes) => Arg::Out(bytes),
            Self::At(address, _) => Arg::At(address),
        })
    }
}

impl<'a, const N: usize> Place<'a, N> {
    fn arg<T>(self) -> raw::Out<'a, T> {
        raw::Out::new(match self {
            Self::Here(bytes) => Arg::Out(bytes),
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

/// Makes a stub's call; every argument comes from this module's types, which know their lengths.
macro_rules! call {
    ($name:ident($($arg:expr),* $(,)?)) => {{
        // SAFETY: memory is passed with the length it has (`Input`, `Output`, `Place`), and
        // addresses are of nothing that Rust uses (`Address`).
        answer(unsafe { raw::$name($($arg),*) })
    }};
}

/// `zx_handle_close`
///
/// # Errors
/// See `docs/syscalls.md`, as for all calls here.
pub fn handle_close(handle: u32) -> Answer {
    call!(handle_close(handle))
}

/// `zx_handle_close_many`: the values as little-endian bytes.
///
/// # Errors
/// See `docs/syscalls.md`.
pub fn handle_close_many(handles: Input<'_>) -> Answer {
    let count = handles.len() / 4;
    call!(handle_close_many(handles.arg(), count))
}

/// `zx_handle_duplicate`
///
/// # Errors
/// See `docs/syscalls.md`.
pub fn handle_duplicate<'a>(handle: u32, rights: u32, out: impl Into<Place<'a, 4>>) -> Answer {
    call!(handle_duplicate(handle, rights, out.into().arg()))
}

/// `zx_handle_replace`
///
/// # Errors
/// See `docs/syscalls.md`.
pub fn handle_replace<'a>(handle: u32, rights: u32, out: impl Into<Place<'a, 4>>) -> Answer {
    call!(handle_replace(handle, rights, out.into().arg()))
}

/// `zx_object_get_info`; counters that are not wanted are [`Address::NULL`].
///
/// # Errors
/// See `docs/syscalls.md`.
pub fn object_get_info<'a, 'b>(
    handle: u32,
    topic: u32,
    buffer: Output<'_>,
    actual: impl Into<Place<'a, 8>>,
    avail: impl Into<Place<'b, 8>>,
) -> Answer {
    let size = buffer.len();
    let (actual, avail) = (actual.into().arg(), avail.into().arg());
    call!(object_get_info(
        handle,
        topic,
        buffer.arg(),
        size,
        actual,
        avail
    ))
}

/// `zx_object_get_property`
///
/// # Errors
/// See `docs/syscalls.md`.
pub fn object_get_property(handle: u32, property: u32, value: Output<'_>) -> Answer {
    let size = value.len();
    call!(object_get_property(handle, property, value.arg(), size))
}

/// `zx_object_set_property`
///
/// # Errors
/// See `docs/syscalls.md`.
pub fn object_set_property(handle: u32, property: u32, value: Input<'_>) -> Answer {
    let size = value.len();
    call!(object_set_property(handle, property, value.arg(), size))
}

/// `zx_object_wait_one`; the deadline is in ns, monotonic.
///
/// # Errors
/// See `docs/syscalls.md`.
pub fn object_wait_one<'a>(
    handle: u32,
    signals: u32,
    deadline: i64,
    observed: impl Into<Place<'a, 4>>,
) -> Answer {
    call!(object_wait_one(
        handle,
        signals,
        deadline,
        observed.into().arg()
    ))
}

/// `zx_object_signal`
///
/// # Errors
/// See `docs/syscalls.md`.
pub fn object_signal(handle: u32, clear_mask: u32, set_mask: u32) -> Answer {
    call!(object_signal(handle, clear_mask, set_mask))
}

/// `zx_resource_create`
///
/// # Errors
/// See `docs/syscalls.md`.
pub fn resource_create<'a>(
    parent: u32,
    options: u32,
    base: u64,
    size: u64,
    name: Input<'_>,
    out: impl Into<Place<'a, 4>>,
) -> Answer {
    let name_size = name.len();
    let out = out.into().arg();
    call!(resource_create(
        parent,
        options,
        base,
        size,
        name.arg(),
        name_size,
        out
    ))
}

/// `zx_vmo_create`
///
/// # Errors
/// See `docs/syscalls.md`.
pub fn vmo_create<'a>(size: u64, options: u32, out: impl Into<Place<'a, 4>>) -> Answer {
    call!(vmo_create(size, options, out.into().arg()))
}

/// `zx_vmo_create_physical`
///
/// # Errors
/// See `docs/syscalls.md`.
pub fn vmo_create_physical<'a>(
    resource: u32,
    paddr: u64,
    size: u64,
    out: impl Into<Place<'a, 4>>,
) -> Answer {
    call!(vmo_create_physical(resource, paddr, size, out.into().arg()))
}

/// `zx_vmo_create_child`
///
/// # Errors
/// See `docs/syscalls.md`.
pub fn vmo_create_child<'a>(
    handle: u32,
    options: u32,
    offset: u64,
    size: u64,
    out: impl Into<Place<'a, 4>>,
) -> Answer {
    call!(vmo_create_child(
        handle,
        options,
        offset,
        size,
        out.into().arg()
    ))
}

/// `zx_vmo_get_size`
///
/// # Errors
/// See `docs/syscalls.md`.
pub fn vmo_get_size<'a>(handle: u32, size: impl Into<Place<'a, 8>>) -> Answer {
    call!(vmo_get_size(handle, size.into().arg()))
}

/// `zx_vmo_read`
///
/// # Errors
/// See `docs/syscalls.md`.
pub fn vmo_read(handle: u32, buffer: Output<'_>, offset: u64) -> Answer {
    let size = buffer.len();
    call!(vmo_read(handle, buffer.arg(), offset, size))
}

/// `zx_vmo_write`
///
/// # Errors
/// See `docs/syscalls.md`.
pub fn vmo_write(handle: u32, buffer: Input<'_>, offset: u64) -> Answer {
    let size = buffer.len();
    call!(vmo_write(handle, buffer.arg(), offset, size))
}

/// `zx_vmo_set_cache_policy`
///
/// # Errors
/// See `docs/syscalls.md`.
pub fn vmo_set_cache_policy(handle: u32, policy: u32) -> Answer {
    call!(vmo_set_cache_policy(handle, policy))
}

/// `zx_vmar_map`, except over what is mapped: see [`Region::overwrite`](crate::Region::overwrite).
///
/// # Errors
/// See `docs/syscalls.md`.
///
/// # Panics
/// When the options hold SPECIFIC_OVERWRITE.
pub fn vmar_map<'a>(
    handle: u32,
    options: VmOptions,
    vmar_offset: u64,
    vmo: u32,
    vmo_offset: u64,
    len: u64,
    mapped_addr: impl Into<Place<'a, 8>>,
) -> Answer {
    let is_safe = !options.contains(VmOptions::SPECIFIC_OVERWRITE);
    assert!(is_safe, "only a region that is ours may be overwritten");
    vmar_map_over(
        handle,
        options,
        vmar_offset,
        vmo,
        vmo_offset,
        len,
        mapped_addr,
    )
}

/// As [`vmar_map`], with every option; the caller owns what it overwrites.
pub(crate) fn vmar_map_over<'a>(
    handle: u32,
    options: VmOptions,
    vmar_offset: u64,
    vmo: u32,
    vmo_offset: u64,
    len: u64,
    mapped_addr: impl Into<Place<'a, 8>>,
) -> Answer {
    let (options, mapped_addr) = (options.bits(), mapped_addr.into().arg());
    call!(vmar_map(
        handle,
        options,
        vmar_offset,
        vmo,
        vmo_offset,
        len,
        mapped_addr
    ))
}

/// `zx_vmar_unmap`
///
/// # Errors
/// See `docs/syscalls.md`.
pub fn vmar_unmap(handle: u32, at: Address, len: u64) -> Answer {
    call!(vmar_unmap(handle, at.raw(), len))
}

/// `zx_vmar_protect`
///
/// # Errors
/// See `docs/syscalls.md`.
pub fn vmar_protect(handle: u32, options: VmOptions, at: Address, len: u64) -> Answer {
    call!(vmar_protect(handle, options.bits(), at.raw(), len))
}

/// `zx_process_exit`
pub fn process_exit(return_code: i64) -> ! {
    loop {
        // SAFETY: takes no memory.
        unsafe { raw::process_exit(return_code) };
    }
}

/// `zx_thread_exit`
pub fn thread_exit() -> ! {
    loop {
        // SAFETY: takes no memory.
        unsafe { raw::thread_exit() };
    }
}

/// `zx_nanosleep`; the deadline is in ns, monotonic.
///
/// # Errors
/// See `docs/syscalls.md`.
pub fn nanosleep(deadline: i64) -> Answer {
    call!(nanosleep(deadline))
}

/// `zx_clock_get_monotonic`
///
/// # Errors
/// See `docs/syscalls.md`.
pub fn clock_get_monotonic<'a>(now: impl Into<Place<'a, 8>>) -> Answer {
    call!(clock_get_monotonic(now.into().arg()))
}

/// `zx_debug_write`
///
/// # Errors
/// See `docs/syscalls.md`.
pub fn debug_write(buffer: Input<'_>) -> Answer {
    let size = buffer.len();
    call!(debug_write(buffer.arg(), size))
}

/// `zx_system_get_page_size`, in bytes.
#[must_use]
pub fn system_get_page_size() -> u32 {
    // SAFETY: takes no memory.
    let raw = unsafe { raw::system_get_page_size() };
    u32::try_from(raw).unwrap_or_default()
}

/// `zx_system_get_num_cpus`
#[must_use]
pub fn system_get_num_cpus() -> u32 {
    // SAFETY: takes no memory.
    let raw = unsafe { raw::system_get_num_cpus() };
    u32::try_from(raw).unwrap_or_default()
}

/// `zx_system_get_version_string`: copied out with its NUL.
///
/// # Errors
/// See `docs/syscalls.md`.
pub fn system_get_version_string(version: Output<'_>) -> Answer {
    let size = version.len();
    call!(system_get_version_string(version.arg(), size))
}

/// `zx_channel_read`: handle values come out as little-endian bytes.
///
/// # Errors
/// See `docs/syscalls.md`.
///
/// # Panics
/// When a buffer has 4 GiB or more.
pub fn channel_read<'a, 'b>(
    handle: u32,
    options: u32,
    bytes: Output<'_>,
    handles: Output<'_>,
    actual_bytes: impl Into<Place<'a, 4>>,
    actual_handles: impl Into<Place<'b, 4>>,
) -> Answer {
    let num_bytes = u32::try_from(bytes.len()).expect("a message is small");
    let num_handles = u32::try_from(handles.len() / 4).expect("a message is small");
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

/// Makes a call by a number that no call has: the kernel ends the process.
///
/// # Panics
/// When the number is in the table.
pub fn unknown(number: u64) -> Answer {
    assert!(SYSCALLS.iter().all(|call| call.number != number));
    // SAFETY: there is no such call, so it reads and writes nothing.
    answer(unsafe { raw::any(number, [0; 8]) })
}
