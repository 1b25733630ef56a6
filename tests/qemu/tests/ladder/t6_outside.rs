//! Rung 6: a program that is not of this repository, built with plain cargo and booted with
//! `--init`.

use std::fs;
use std::path::Path;

use jacinth_tests_qemu::{Arch, Boot};

use crate::{Outcome, Test, test};

/// All of the program.
const PROGRAM: &str = r#"#![no_std]
#![no_main]

zx::main!(main);

fn main(start: zx::Startup) -> i64 {
    zx::println!("hello from outside: {:?}", start.args);
    7
}
"#;

pub(crate) fn tests() -> Vec<(String, Test)> {
    vec![test("ten_lines", ten_lines)]
}

fn ten_lines(boot: Boot) -> Outcome {
    let arch = boot.arch;
    let name = format!("jacinth-outside-{}-{}", arch.name(), std::process::id());
    let folder = std::env::temp_dir().join(name);
    let result = build_and_boot(boot, arch, &folder);
    // What is left there harms nobody.
    fs::remove_dir_all(&folder).ok();
    result
}

fn build_and_boot(boot: Boot, arch: Arch, folder: &Path) -> Outcome {
    let place = boot.place().clone();
    write_package(&folder.join("src"), folder, place.root()).map_err(|error| error.to_string())?;
    let target = place.scratch().join("outside");
    let mut cargo = std::process::Command::new("cargo");
    cargo.args([
        "build",
        "--quiet",
        "--release",
        "--target",
        arch.user_target(),
    ]);
    cargo.current_dir(folder).env("CARGO_TARGET_DIR", &target);
    let output = cargo.output().map_err(|error| error.to_string())?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into_owned());
    }
    let init = target.join(arch.user_target()).join("release/outside");
    let boot = boot.option("--init", init.to_string_lossy());
    let ran = boot.option("--append", "one two").run()?;
    ran.status(7)?;
    ran.says("hello from outside: [\"one\", \"two\"]")
}

fn write_package(sources: &Path, folder: &Path, root: &Path) -> std::io::Result<()> {
    let manifest = format!(
        "[package]\nname = \"outside\"\nedition = \"2024\"\n\n\
         [dependencies]\nzx = {{ path = {:?} }}\n\n\
         [profile.release]\npanic = \"abort\"\n",
        root.join("user/zx"),
    );
    fs::create_dir_all(sources)?;
    fs::write(folder.join("Cargo.toml"), manifest)?;
    fs::write(sources.join("main.rs"), PROGRAM)?;
    // The same versions, so that nothing is fetched a second time.
    fs::copy(root.join("Cargo.lock"), folder.join("Cargo.lock"))?;
    fs::copy(
        root.join("rust-toolchain.toml"),
        folder.join("rust-toolchain.toml"),
    )?;
    Ok(())
}
