//! The main job: physical VMOs on real devices, shown and checked.
//!
//! Devices are found through what the machine says of itself, ACPI tables or a device tree, never
//! through constants. Each step shows what it got and checks it; the last line counts the checks,
//! and the return code is 0 only when all of them passed.
//!
//! The last steps are a story of several processes: a driver that is given a device's VMO and
//! nothing else, a rogue that tries to get at the device, and what becomes of it all when the driver
//! dies.
//!
//! Lines that begin with `rtc`, `pci` or `fw_cfg` are for the test that started the machine: it
//! knows what stands there.
#![cfg_attr(target_os = "none", no_std, no_main)]
#![forbid(unsafe_code)]

extern crate alloc;

mod ecam;
mod errors;
mod fw_cfg;
mod hpet;
mod machine;
mod refused;
mod report;
mod rtc;
mod story;
mod vmo;

use machine::Machine;
use report::Report;
use zx::{Startup, Status, sys};

zx::main!(tour);

/// What the tour returns when a check failed.
const FAILED: i64 = 1;

fn tour(start: Startup) -> i64 {
    let mut report = Report::new();
    introduce();
    match Machine::new(&start) {
        Ok(machine) => {
            report.run(|report| vmo::show(report, &start, &machine));
            report.run(|report| hpet::show(report, &start, &machine));
            report.run(|report| rtc::show(report, &start, &machine));
            report.run(|report| fw_cfg::show(report, &start, &machine));
            report.run(|report| ecam::show(report, &start, &machine));
            report.run(|report| errors::show(report, &start, &machine));
            report.run(|report| refused::show(report, &start, &machine));
            report.run(|report| story::show(report, &start, &machine));
        }
        Err(status) => report.run(|_| Err(status)),
    }
    if report.end() { 0 } else { FAILED }
}

/// Says on what the tour runs.
fn introduce() {
    let mut version = [0; 64];
    let known = sys::system_get_version_string(sys::Output::Here(&mut version));
    let text = version
        .split(|byte| *byte == 0)
        .next()
        .filter(|_| known.is_ok())
        .and_then(|text| core::str::from_utf8(text).ok())
        .unwrap_or("an unknown kernel");
    zx::println!(
        "A tour of zx_vmo_create_physical on {text}: pages of {} bytes, {} CPU(s)",
        sys::system_get_page_size(),
        sys::system_get_num_cpus(),
    );
}

/// A handle that the first process has, and other processes may lack.
fn given<T>(handle: Option<&T>) -> Result<&T, Status> {
    handle.ok_or(Status::NOT_FOUND)
}
