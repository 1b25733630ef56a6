//! Runs the conformance scenarios in user mode.
#![cfg_attr(target_os = "none", no_std, no_main)]

/// Says how to start this program.
#[cfg(not(target_os = "none"))]
fn main() {
    println!("this program runs on a booted kernel: use ./qemu-run.sh");
}
