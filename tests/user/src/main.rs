//! Runs the conformance scenarios in user mode, one line each, and counts.
//!
//! Lines read `JTEST <name> ok` or `JTEST <name> FAILED: <what>`; the last one is
//! `JTEST end <passed> passed <failed> failed`. Words on the command line that begin with `only=`
//! choose scenarios by a part of their name.
#![cfg_attr(target_os = "none", no_std, no_main)]

extern crate alloc;

use conformance::{Env, scenarios};
use zx::Startup;

zx::main!(run);

/// What the program returns when a scenario failed.
const FAILED: i64 = 1;

fn run(start: Startup) -> i64 {
    let mut env = match Env::new(&start) {
        Ok(env) => env,
        Err(what) => {
            zx::println!("JTEST start FAILED: {what}");
            return FAILED;
        }
    };
    zx::println!("JTEST start {:x?}", env.facts);
    let only = start
        .args
        .iter()
        .find_map(|word| word.strip_prefix("only="))
        .unwrap_or("");
    let (mut passed, mut failed) = (0, 0);
    for scenario in scenarios().filter(|scenario| scenario.name.contains(only)) {
        match (scenario.run)(&mut env) {
            Ok(()) => {
                passed += 1;
                zx::println!("JTEST {} ok", scenario.name);
            }
            Err(failure) => {
                failed += 1;
                zx::println!("JTEST {} FAILED: {failure}", scenario.name);
            }
        }
    }
    zx::println!("JTEST end {passed} passed {failed} failed");
    if failed == 0 { 0 } else { FAILED }
}
