//! Does one wrong thing, or ends in one way, as the kernel's command line says.
//!
//! `tests/qemu` boots it and judges what the kernel makes of it. Words:
//!
//! - `return=N` ends with that code; `spin` never ends; `panic` panics;
//! - `registers` computes for a while with numbers in vector registers, in several threads, and
//!   returns 0 when none is lost; where it can it says on how many processors it ran;
//! - `entry` starts a thread, and returns 0 when its registers are as they have to be;
//! - the name of a fault ([`faults::ALL`], [`devices::ALL`]) commits it. Before that it says
//!   `faults: NAME at 0x…`, with the address that the kernel's report is to name. A fault that does
//!   not end the program ends in the return code [`SURVIVED`].
#![cfg_attr(target_os = "none", no_std, no_main)]

extern crate alloc;

mod devices;
#[cfg(target_os = "none")]
mod entry;
#[cfg(not(target_os = "none"))]
#[path = "entry_host.rs"]
mod entry;
mod faults;
#[cfg(target_os = "none")]
mod raw;
#[cfg(not(target_os = "none"))]
#[path = "raw_host.rs"]
mod raw;
#[cfg(target_os = "none")]
mod registers;
#[cfg(not(target_os = "none"))]
#[path = "registers_host.rs"]
mod registers;

use alloc::vec::Vec;
use core::sync::atomic::{AtomicBool, Ordering};
use zx::{Spawned, Startup};

zx::main!(run);

/// What the program returns when the fault did not end it.
const SURVIVED: i64 = 61;
/// What the program returns when it does not know the word.
const UNKNOWN_WORD: i64 = 60;

fn run(start: Startup) -> i64 {
    let word = start.args.first().map_or("", |word| word.as_str());
    if let Some(code) = word.strip_prefix("return=") {
        return code.parse().unwrap_or(UNKNOWN_WORD);
    }
    if let Some((_, commit)) = faults::ALL.iter().find(|(name, _)| *name == word) {
        commit(word);
        return SURVIVED;
    }
    if let Some((_, touch)) = devices::ALL.iter().find(|(name, _)| *name == word) {
        let result = touch(&start, word);
        zx::println!("faults: {word} survived: {result:x?}");
        return SURVIVED;
    }
    match word {
        "spin" => loop {
            core::hint::spin_loop();
        },
        "registers" => keep_registers(&start),
        "entry" => match entry::check(&start) {
            Ok(()) => 0,
            Err(what) => {
                zx::println!("faults: a thread begins with wrong {what}");
                SURVIVED
            }
        },
        "panic" => panic!("as the command line wishes"),
        _ => {
            zx::println!("faults: no such word: {word:?}");
            UNKNOWN_WORD
        }
    }
}

/// Whether a thread lost a number.
static LOST: AtomicBool = AtomicBool::new(false);

/// Keeps numbers in the vector registers of one thread, which can be anywhere, then of several.
fn keep_registers(start: &Startup) -> i64 {
    const OTHERS: u64 = 3;
    let Some(process) = &start.process else {
        return SURVIVED;
    };
    let spawn = |number: u64| {
        let body = move || {
            if keep(number << 48) != 0 {
                LOST.store(true, Ordering::SeqCst);
            }
        };
        Spawned::start(process, &start.root_vmar, "keeper", body)
    };
    if keep(0) != 0 {
        return SURVIVED;
    }
    let others: Vec<_> = (1..=OTHERS).map(spawn).collect();
    let answer = keep((OTHERS + 1) << 48);
    for other in others {
        if other.and_then(Spawned::join).is_err() || LOST.load(Ordering::SeqCst) {
            return SURVIVED;
        }
    }
    answer
}

/// Keeps numbers in the vector registers for a while, over and over.
fn keep(first: u64) -> i64 {
    const TIMES: u64 = 20;
    const ROUNDS: u64 = 500_000;
    let mut processors = Vec::new();
    for time in 0..TIMES {
        if !registers::keep(first | time << 32, ROUNDS) {
            zx::println!("faults: a vector register lost its number");
            return SURVIVED;
        }
        if let Some(processor) = registers::processor()
            && !processors.contains(&processor)
        {
            processors.push(processor);
        }
    }
    if first == 0 {
        zx::println!("faults: registers kept on {} processors", processors.len());
    }
    0
}

/// Says what comes, and the address that the kernel's report is to name.
fn announce(name: &str, address: u64) {
    zx::println!("faults: {name} at {address:#x}");
}
