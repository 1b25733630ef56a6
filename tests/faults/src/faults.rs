//! What a program can do wrong by itself.

use zx::Address;

use crate::{announce, raw};

/// A fault by its name; the name is passed on for the announcement.
pub(crate) type Fault = (&'static str, fn(&str));

/// All of them, on both architectures.
pub(crate) const ALL: &[Fault] = &[
    ("null-read", |name| read(name, 0)),
    ("null-write", |name| write(name, 0)),
    ("null-call", |name| call(name, 0)),
    ("text-write", |name| write(name, raw::code_address())),
    ("constant-write", |name| {
        write(name, raw::constant_address())
    }),
    ("data-call", |name| call(name, raw::data_address())),
    ("kernel-read", |name| read(name, Address::KERNEL.raw())),
    ("kernel-write", |name| write(name, Address::KERNEL.raw())),
    ("kernel-call", |name| call(name, Address::KERNEL.raw())),
    ("hole-read", |name| read(name, Address::NON_CANONICAL.raw())),
    ("hole-call", |name| call(name, Address::NON_CANONICAL.raw())),
    ("stack-overflow", |name| {
        announce(name, 0);
        let depth = overflow(1);
        zx::println!("faults: came back from {depth}");
    }),
    ("undefined", |name| plain(name, raw::undefined)),
    ("breakpoint", |name| plain(name, raw::breakpoint)),
    ("privileged", |name| plain(name, raw::privileged)),
    ("privileged-register", |name| {
        plain(name, raw::privileged_register);
    }),
    ("port", |name| plain(name, raw::port)),
    ("divide", |name| plain(name, raw::divide)),
    ("single-step", |name| plain(name, raw::single_step)),
    ("no-stack", |name| plain(name, raw::no_stack)),
    ("bad-frame", |name| plain(name, raw::bad_frame)),
    ("kernel-frame", |name| plain(name, raw::kernel_frame)),
    ("bad-call", |name| {
        announce(name, raw::BAD_CALL);
        raw::bad_call();
    }),
];

fn read(name: &str, address: u64) {
    announce(name, address);
    raw::read(address);
}

fn write(name: &str, address: u64) {
    announce(name, address);
    raw::write(address);
}

fn call(name: &str, address: u64) {
    announce(name, address);
    raw::call(address);
}

fn plain(name: &str, instruction: fn()) {
    announce(name, 0);
    instruction();
}

/// Calls itself without end, a page of stack each time.
#[inline(never)]
fn overflow(depth: u64) -> u64 {
    let mut page = [0_u8; 4096];
    page[usize::try_from(depth % 4096).unwrap_or(0)] = 1;
    core::hint::black_box(&mut page);
    if depth == u64::MAX {
        return depth;
    }
    overflow(depth + 1) + u64::from(page[0])
}
