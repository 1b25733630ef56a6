//! The message that a new process finds in its bootstrap channel (`zircon/processargs.h`).
//!
//! All words are u32 in little-endian order. Word `i` of the handle-info table says what handle
//! `i` of the message is: [`handle_info`].

use crate::record::record;

/// `ZX_PROCARGS_PROTOCOL`: the first word.
pub const PROTOCOL: u32 = 0x4150_585D;
/// `ZX_PROCARGS_VERSION`: the second word.
pub const VERSION: u32 = 0x0000_1000;

record! {
    /// `zx_proc_args_t`: how the message begins. Offsets are in bytes from its start.
    pub struct Header: 36 {
        /// [`PROTOCOL`].
        pub protocol: u32 = 0,
        /// [`VERSION`].
        pub version: u32 = 4,
        /// Where the handle-info table is.
        pub handle_info_off: u32 = 8,
        /// Where the argument strings are, each with its NUL.
        pub args_off: u32 = 12,
        /// How many arguments.
        pub args_num: u32 = 16,
        /// Where the environment strings are.
        pub environ_off: u32 = 20,
        /// How many environment strings.
        pub environ_num: u32 = 24,
        /// Where the names of the name space are.
        pub names_off: u32 = 28,
        /// How many names.
        pub names_num: u32 = 32,
    }
}

/// `PA_PROC_SELF`: the process.
pub const PA_PROC_SELF: u32 = 0x01;
/// `PA_THREAD_SELF`: its first thread.
pub const PA_THREAD_SELF: u32 = 0x02;
/// `PA_JOB_DEFAULT`: the job for its children.
pub const PA_JOB_DEFAULT: u32 = 0x03;
/// `PA_VMAR_ROOT`: its address space.
pub const PA_VMAR_ROOT: u32 = 0x04;
/// `PA_VMAR_LOADED`: the region that its program is loaded in.
pub const PA_VMAR_LOADED: u32 = 0x05;
/// `PA_VMO_VDSO`
pub const PA_VMO_VDSO: u32 = 0x11;
/// `PA_VMO_STACK`: its first thread's stack.
pub const PA_VMO_STACK: u32 = 0x13;
/// `PA_VMO_EXECUTABLE`: its program.
pub const PA_VMO_EXECUTABLE: u32 = 0x14;
/// `PA_VMO_BOOTDATA`: what the machine says of itself; the argument tells the form.
pub const PA_VMO_BOOTDATA: u32 = 0x1A;
/// `PA_VMO_BOOTFS`: the boot archive.
pub const PA_VMO_BOOTFS: u32 = 0x1B;
/// `PA_VMO_KERNEL_FILE`
pub const PA_VMO_KERNEL_FILE: u32 = 0x1C;
/// `PA_NS_DIR`
pub const PA_NS_DIR: u32 = 0x20;
/// `PA_FD`
pub const PA_FD: u32 = 0x30;
/// `PA_RESOURCE`
pub const PA_RESOURCE: u32 = 0x3F;
/// `PA_MMIO_RESOURCE`: physical addresses.
pub const PA_MMIO_RESOURCE: u32 = 0x50;
/// `PA_IRQ_RESOURCE`: interrupt vectors.
pub const PA_IRQ_RESOURCE: u32 = 0x51;
/// `PA_IOPORT_RESOURCE`: I/O ports, x86_64.
pub const PA_IOPORT_RESOURCE: u32 = 0x52;
/// `PA_SMC_RESOURCE`: secure monitor calls, aarch64.
pub const PA_SMC_RESOURCE: u32 = 0x53;
/// `PA_SYSTEM_RESOURCE`: everything else.
pub const PA_SYSTEM_RESOURCE: u32 = 0x54;
/// `PA_USER0`
pub const PA_USER0: u32 = 0xF0;
/// `PA_USER1`
pub const PA_USER1: u32 = 0xF1;
/// `PA_USER2`
pub const PA_USER2: u32 = 0xF2;

/// The argument of [`PA_VMO_BOOTDATA`] for ACPI tables: the RSDP, then each table, at addresses
/// that are multiples of 8.
pub const BOOTDATA_ACPI: u32 = 0;
/// The argument of [`PA_VMO_BOOTDATA`] for a flattened device tree.
pub const BOOTDATA_DEVICE_TREE: u32 = 1;

/// `PA_HND`: the word that describes a handle.
#[must_use]
pub const fn handle_info(kind: u32, argument: u32) -> u32 {
    (kind & 0xFF) | ((argument & 0xFFFF) << 16)
}

/// `PA_HND_TYPE`: what the handle is.
#[must_use]
pub const fn handle_kind(info: u32) -> u32 {
    info & 0xFF
}

/// `PA_HND_ARG`: its argument.
#[must_use]
pub const fn handle_argument(info: u32) -> u32 {
    info >> 16
}
