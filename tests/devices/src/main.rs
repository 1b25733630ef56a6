//! Drives two of QEMU's devices through physical VMOs, in every way there is to map them.
//!
//! `ivshmem-plain` is memory that is a file on the host: bytes that the host wrote are read here,
//! and what is written here the host finds in the file. `edu` has registers that answer what was
//! written in a way that memory would not. Both are found in PCI configuration space; where no
//! firmware ran, their BARs are assigned first. `tests/qemu` boots it, with the devices, and judges
//! what it prints:
//!
//! - `device V:D at 0x… bytes B`: what was found;
//! - `entries POLICY WAY BYTES 4k=N 2m=N 1g=N`: what a mapping took in the page tables when all of
//!   its round was done;
//! - `devices: N checks passed`, the last line, or `…, M failed`.
#![cfg_attr(target_os = "none", no_std, no_main)]
#![forbid(unsafe_code)]

extern crate alloc;

mod edu;
mod ivshmem;
mod report;
mod split;

use report::Report;
use zx::pci::{Bus, Memory};
use zx::{Startup, Status};

zx::main!(run);

/// What the program returns when a check failed.
const FAILED: i64 = 1;

fn run(start: Startup) -> i64 {
    let mut report = Report::default();
    if let Err(status) = drive(&mut report, &start) {
        report.ended_early(status);
    }
    if report.end() { 0 } else { FAILED }
}

fn drive(report: &mut Report, start: &Startup) -> Result<(), Status> {
    let bus = Bus::new(start)?;
    ivshmem::drive(report, start, &bus)?;
    edu::drive(report, start, &bus)
}

/// Says what was found.
fn announce((vendor, device): (u16, u16), memory: &Memory) {
    let Memory { base, bytes, .. } = memory;
    zx::println!("device {vendor:04x}:{device:04x} at {base:#x} bytes {bytes}");
}
