//! A program that tries to reach a device which it was not given.
//!
//! It knows everything: where the device is, which values the handles have in the process that
//! owns it, where its driver has it mapped. It holds things that are nearly enough: a handle to
//! the device's VMO without the right to map it, a resource for the page next to the device, a
//! resource for an interrupt. With the word `try` it makes every attempt there is and tells each
//! over its channel, as two words (the documented answer, what came) and a text. With `touch` it
//! reads an address at which it has nothing, which is its end.
#![cfg_attr(target_os = "none", no_std, no_main)]
#![forbid(unsafe_code)]

extern crate alloc;

mod attempts;

use alloc::vec::Vec;

use zx::abi::limits::PAGE_SIZE;
use zx::{Channel, Startup, Status, VmOptions, Vmar, Vmo, VmoOptions};

zx::main!(rogue);

/// What the rogue returns when it cannot even try.
const HELPLESS: i64 = 1;
/// What the rogue returns when it got what it wanted.
const REACHED: i64 = 2;

fn rogue(mut start: Startup) -> i64 {
    let result = match start.args.first().map(|word| &**word) {
        Some("try") => attempts::make(&mut start),
        Some("touch") => touch(&start),
        _ => Err(Status::INVALID_ARGS),
    };
    match result {
        Ok(code) => code,
        Err(status) => {
            zx::println!("rogue: {status}");
            HELPLESS
        }
    }
}

/// Reads where nothing is.
///
/// It maps memory of its own there first, and unmaps it again: so that there is nothing for sure.
fn touch(start: &Startup) -> Result<i64, Status> {
    let at = attempts::number(&start.args, 1)?;
    let memory = Vmo::create(PAGE_SIZE, VmoOptions::empty())?;
    let here = map_at(&start.root_vmar, &memory, at)?;
    here.unmap_part(0, PAGE_SIZE)?;
    let found = here.read32(0);
    zx::println!("rogue: there is {found:#x} at {at:#x}");
    Ok(REACHED)
}

/// Maps memory at an address of this process.
fn map_at(root: &Vmar, memory: &Vmo, at: u64) -> Result<zx::Region, Status> {
    let base = root.vmar_info()?.base;
    let offset = at.checked_sub(base).ok_or(Status::OUT_OF_RANGE)?;
    let options = VmOptions::PERM_READ | VmOptions::PERM_WRITE | VmOptions::SPECIFIC;
    root.map_at(options, offset, memory, 0, PAGE_SIZE)
}

/// Tells of an attempt.
fn tell(to: &Channel, text: &str, expected: Result<(), Status>, got: Result<(), Status>) {
    let word = |answer: Result<(), Status>| answer.err().map_or(0, Status::raw).to_le_bytes();
    let mut bytes = Vec::new();
    bytes.extend(word(expected));
    bytes.extend(word(got));
    bytes.extend_from_slice(text.as_bytes());
    // Nobody listens when init is gone.
    to.write(&bytes, Vec::new()).ok();
}
