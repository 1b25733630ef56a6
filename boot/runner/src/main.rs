//! Builds Jacinth, boots it under QEMU and says how it went. `qemu-run.sh` is its front door.
//!
//! The exit status is the guest's own verdict ([`jacinth_abi::ExitCode`]) or one of the codes in
//! [`failure`]. Modules, from the command line inwards: [`cli`] fills [`options`]; [`boot`] makes
//! of them what QEMU needs ([`archive`], [`program`], [`qemu`], [`mod@gdb`]), [`machine`] runs and judges it,
//! [`console`] shows what the guest says with the names from [`symbols`]. [`suite`] is the command
//! `test`.

mod arch;
mod archive;
mod boot;
mod cargo;
mod cli;
mod console;
mod failure;
mod gdb;
mod machine;
mod options;
mod place;
mod program;
mod qemu;
mod suite;
mod symbols;
mod terminal;

use std::fs;
use std::process::ExitCode;

use crate::arch::Arch;
use crate::failure::{BUILD_FAILED, Failure};
use crate::options::{Command, Options};
use crate::place::Place;
use crate::terminal::Mood;

fn main() -> ExitCode {
    let result =
        cli::parse(std::env::args_os().skip(1)).and_then(|options| act(&options, &Place::find()));
    match result {
        Ok(status) => status.into(),
        Err(failure) => {
            if !failure.text.is_empty() {
                terminal::verdict(Mood::Bad, &failure.text);
            }
            failure.status.into()
        }
    }
}

/// Does what was asked for and returns the exit status.
fn act(options: &Options, place: &Place) -> Result<u8, Failure> {
    match options.command {
        Command::Run | Command::Bench => {
            boot::run(options, place).map(jacinth_abi::ExitCode::number)
        }
        Command::Test => suite::run(options, place),
        Command::Build => build(options, place).map(|()| 0),
        Command::Clean => clean(place).map(|()| 0),
        Command::Setup => {
            terminal::note("everything is set up");
            Ok(0)
        }
        Command::Help => {
            print!("{}", cli::HELP);
            Ok(0)
        }
    }
}

fn build(options: &Options, place: &Place) -> Result<(), Failure> {
    for arch in Arch::ALL {
        if options.arch.is_none_or(|wanted| wanted == arch) {
            cargo::build(place, arch, options.profile, Some(options.program_name()))?;
        }
    }
    Ok(())
}

fn clean(place: &Place) -> Result<(), Failure> {
    let images = place.images();
    if images.exists() {
        fs::remove_dir_all(&images).map_err(|error| Failure::input(&images, error))?;
    }
    let status = cargo::cargo(place).args(["clean", "--quiet"]).status();
    match status {
        Ok(status) if status.success() => Ok(()),
        _ => Err(Failure::new(BUILD_FAILED, "cargo clean failed")),
    }
}
