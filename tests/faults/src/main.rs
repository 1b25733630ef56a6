//! Does one wrong thing, or ends in one way, as the kernel's command line says.
//!
//! `tests/qemu` boots it and judges what the kernel makes of it. Words:
//!
//! - `return=N` ends with that code; `spin` never ends; `panic` panics;
//! - `registers` computes for a while with numbers in vector registers, and returns 0 when none is
//!   lost; where it can it says on how many processors it ran;
//! - the name of a fault ([`faults::ALL`], [`devices::ALL`]) commits it. Before that it says
//!   `faults: NAME at 0x…`, with the address that the kernel's report is to name. A fault that does
//!   not end the program ends in the return code [`SURVIVED`].
#![cfg_attr(target_os = "none", no_std, no_main)]

extern crate alloc;

mod devices;
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

use zx::Startup;

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
        "registers" => keep_registers(),
        "panic" => panic!("as the command line wishes"),
        _ => {
            zx::println!("faults: no such word: {word:?}");
            UNKNOWN_WORD
        }
    }
}

/// Keeps numbers in the vector registers for a while, over and over.
fn keep_registers() -> i64 {
    const TIMES: u64 = 20;
    const ROUNDS: u64 = 2_000_000;
    let mut processors = alloc::vec::Vec::new();
    for time in 0..TIMES {
        if !registers::keep(time << 32, ROUNDS) {
            zx::println!("faults: a vector register lost its number");
            return SURVIVED;
        }
        if let Some(processor) = registers::processor()
            && !processors.contains(&processor)
        {
            processors.push(processor);
        }
    }
    zx::println!("faults: registers kept on {} processors", processors.len());
    0
}

/// Says what comes, and the address that the kernel's report is to name.
fn announce(name: &str, address: u64) {
    zx::println!("faults: {name} at {address:#x}");
}
