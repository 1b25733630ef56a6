//! The debugger that attaches to a machine started with `--gdb`.

use std::fs;
use std::io::{self, IsTerminal};
use std::path::Path;
use std::process::Command;

use object::{Object, ObjectKind};

use crate::arch::Arch;
use crate::qemu;
use crate::symbols::INIT_BIAS;
use crate::terminal;

/// Tells how to attach gdb; returns the call when gdb is there and can use this terminal.
pub(crate) fn announce(arch: Arch, kernel: &Path, init: Option<&Path>) -> Option<Command> {
    let names = match arch {
        Arch::Aarch64 if std::env::consts::ARCH != arch.name() => ["gdb-multiarch", "gdb"],
        _ => ["gdb", "gdb-multiarch"],
    };
    let found = names
        .into_iter()
        .find(|name| qemu::find_program(name).is_some());
    let mut command = Command::new(found.unwrap_or(names[0]));
    command.arg(kernel).args(["-ex", "set confirm off"]);
    if let Some(init) = init {
        let mut names = format!("add-symbol-file {}", init.display());
        if is_position_independent(init) {
            names.push_str(&format!(" -o {INIT_BIAS:#x}"));
        }
        command.args(["-ex", &names]);
    }
    command.args(["-ex", "target remote :1234"]);
    let call = qemu::spelled_out(&command);
    terminal::note(&format!("the machine waits for: {call}"));
    (found.is_some() && io::stdin().is_terminal()).then_some(command)
}

fn is_position_independent(program: &Path) -> bool {
    let bytes = fs::read(program).unwrap_or_default();
    object::File::parse(&*bytes).is_ok_and(|file| file.kind() == ObjectKind::Dynamic)
}
