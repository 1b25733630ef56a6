//! Links the kernel for a bare target: its own layout, fixed addresses, small pages on file.

use std::env;
use std::process::Command;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    if let Some(version) = compiler_version() {
        println!("cargo::rustc-env=JACINTH_RUSTC={version}");
    }
    let is_bare = env::var("CARGO_CFG_TARGET_OS").is_ok_and(|os| os == "none");
    if !is_bare {
        return;
    }
    let folder = env::var("CARGO_MANIFEST_DIR").expect("cargo sets it for build scripts");
    let arch = env::var("CARGO_CFG_TARGET_ARCH").expect("cargo sets it for build scripts");
    let script = format!("{folder}/{arch}.ld");
    println!("cargo::rerun-if-changed={script}");
    for argument in [
        &format!("--script={script}"),
        // The image runs where it is linked; the boot loader would not relocate it.
        "--no-pie",
        "--no-dynamic-linker",
        // Sections start at page borders in memory, not on file.
        "--nmagic",
        "--build-id=none",
        "-znoexecstack",
    ] {
        println!("cargo::rustc-link-arg-bins={argument}");
    }
}

/// The version that the compiler gives itself: `1.95.0` of `rustc 1.95.0 (...)`.
fn compiler_version() -> Option<String> {
    let output = Command::new(env::var_os("RUSTC")?)
        .arg("--version")
        .output()
        .ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    text.split_whitespace().nth(1).map(str::to_owned)
}
