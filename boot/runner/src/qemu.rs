//! The QEMU command line for one boot.

use std::ffi::OsString;
use std::fs::OpenOptions;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::arch::Arch;
use crate::failure::{Failure, UNAVAILABLE};
use crate::options::{self, Accel, Debugger, Options};

/// The name under which the tour finds a text from the host in QEMU's firmware configuration.
const HELLO_NAME: &str = "opt/org.jacinth/hello";
/// The text there unless the caller passes another one.
const HELLO_TEXT: &str = "Hello from the host";
/// Above this number of processors the older interrupt controller of `virt` does not do.
const GIC_V2_CPUS: u32 = 8;
/// How long the check whether KVM works may take.
const KVM_PATIENCE: Duration = Duration::from_secs(2);

/// What one boot is made of.
#[derive(Clone, Debug)]
pub(crate) struct Images {
    /// The kernel in the form that QEMU loads.
    pub(crate) kernel: PathBuf,
    /// The boot archive.
    pub(crate) archive: PathBuf,
    /// Where QEMU notes the guest's mistakes.
    pub(crate) qemu_log: PathBuf,
}

/// Puts the whole command line together.
pub(crate) fn command(arch: Arch, options: &Options, images: &Images) -> Result<Command, Failure> {
    let program = find_program(arch.qemu()).ok_or_else(|| {
        let text = format!("{} is missing: run ./qemu-run.sh setup", arch.qemu());
        Failure::new(UNAVAILABLE, text)
    })?;
    let mut command = tied_to_us(&program);
    let accel = accel(arch, options);
    command.args([
        "-machine",
        &machine(arch, options),
        "-cpu",
        cpu(arch, options),
        "-accel",
        accel,
    ]);
    command.args(["-m", options.memory(), "-smp", &options.cpus.to_string()]);
    command
        .arg("-kernel")
        .arg(&images.kernel)
        .arg("-initrd")
        .arg(&images.archive);
    if let Some(text) = &options.append {
        command.args(["-append", text]);
    }
    command.args([
        "-nodefaults",
        "-no-reboot",
        "-display",
        "none",
        "-serial",
        "stdio",
    ]);
    match arch {
        Arch::X86_64 => command.args(["-device", "isa-debug-exit,iobase=0xf4,iosize=0x04"]),
        Arch::Aarch64 => command.args(["-semihosting-config", "enable=on,target=native"]),
    };
    command
        .args(["-d", "guest_errors,unimp", "-D"])
        .arg(&images.qemu_log);
    if options.is_tour() {
        command.args(tour_devices(arch, options));
    }
    if options.command == options::Command::Bench {
        command.args(COUNTING);
    }
    if options.debugger == Debugger::Gdb {
        command.args(["-S", "-s"]);
    }
    command.args(&options.qemu_args);
    Ok(command)
}

/// The command line as a person would type it.
pub(crate) fn spelled_out(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    let words = words.map(|word| {
        let word = word.to_string_lossy();
        if word.contains([' ', '\'', '"', '$', '*']) {
            format!("'{word}'")
        } else {
            word.into_owned()
        }
    });
    words.collect::<Vec<_>>().join(" ")
}

/// Looks a program up in `PATH`.
pub(crate) fn find_program(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path)
        .map(|folder| folder.join(name))
        .find(|file| file.is_file())
}

/// Starts a program in such a way that it dies when the runner does, killed or not.
fn tied_to_us(program: &Path) -> Command {
    // setpriv is part of util-linux; elsewhere only an orderly end of the runner takes QEMU along.
    let Some(setpriv) = find_program("setpriv") else {
        return Command::new(program);
    };
    let mut command = Command::new(setpriv);
    command.args(["--pdeathsig", "KILL", "--"]).arg(program);
    command
}

/// QEMU's name of the processor.
fn cpu(arch: Arch, options: &Options) -> &str {
    let usual = match (options.command, arch) {
        // QEMU cannot count instructions and have this interrupt controller.
        (options::Command::Bench, Arch::X86_64) => "max,-x2apic",
        // A tick of the counter is a nanosecond, which is an instruction.
        (options::Command::Bench, Arch::Aarch64) => "cortex-a53,cntfrq=1000000000",
        _ => "max",
    };
    options.cpu.as_deref().unwrap_or(usual)
}

/// A machine whose time is the number of its instructions and whose random numbers, which decide
/// where mappings are, are always the same, and a device of 1 GiB.
const COUNTING: [&str; 8] = [
    "-seed",
    "1",
    "-icount",
    "shift=0,sleep=off",
    "-object",
    "memory-backend-ram,id=bench,size=1G",
    "-device",
    "ivshmem-plain,memdev=bench",
];

fn machine(arch: Arch, options: &Options) -> String {
    let default = match arch {
        Arch::X86_64 => "q35",
        Arch::Aarch64 if options.cpus > GIC_V2_CPUS => "virt,gic-version=3",
        Arch::Aarch64 => "virt",
    };
    let mut name = options.machine.clone().unwrap_or_else(|| default.into());
    // The firmware's search for disks would fill the log of unimplemented accesses.
    if name.starts_with("q35") && !name.contains("sata=") {
        name.push_str(",sata=off");
    }
    name
}

/// Two devices with registers that are easy to check, and on Arm a text to read back.
fn tour_devices(arch: Arch, options: &Options) -> Vec<OsString> {
    let has_pci = options
        .machine
        .as_ref()
        .is_none_or(|name| !name.starts_with("microvm"));
    let mut arguments = Vec::new();
    if has_pci {
        arguments.extend(["-device", "edu", "-device", "pci-testdev"].map(OsString::from));
    }
    let has_hello = options
        .qemu_args
        .iter()
        .any(|argument| argument.to_string_lossy().contains(HELLO_NAME));
    if arch == Arch::Aarch64 && !has_hello {
        arguments.extend([
            "-fw_cfg".into(),
            format!("name={HELLO_NAME},string={HELLO_TEXT}").into(),
        ]);
    }
    arguments
}

/// QEMU's name of the accelerator to use.
fn accel(arch: Arch, options: &Options) -> &'static str {
    match options.accel {
        Accel::Tcg => "tcg",
        Accel::Kvm => "kvm",
        Accel::Auto if has_kvm(arch, options) => "kvm",
        Accel::Auto => "tcg",
    }
}

/// Can QEMU really use KVM for this machine? A device file alone proves nothing on nested hosts.
fn has_kvm(arch: Arch, options: &Options) -> bool {
    let is_ours = std::env::consts::ARCH == arch.name();
    let device = OpenOptions::new().read(true).write(true).open("/dev/kvm");
    if !is_ours || device.is_err() {
        return false;
    }
    // Builds the same machine, with processors, but does not start it: its monitor is told to quit.
    let mut command = Command::new(arch.qemu());
    command.args(["-accel", "kvm", "-machine", &machine(arch, options)]);
    command.args(["-cpu", cpu(arch, options), "-S", "-nodefaults"]);
    command.args(["-display", "none", "-monitor", "stdio"]);
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    command.spawn().is_ok_and(|mut child| {
        let monitor = child.stdin.take();
        let is_told = monitor.is_some_and(|mut monitor| monitor.write_all(b"quit\n").is_ok());
        let is_fine = is_told && ends_well(&mut child);
        if !is_fine {
            // Errors mean that it is gone already.
            child.kill().and_then(|()| child.wait()).ok();
        }
        is_fine
    })
}

/// Waits a moment for a program to end with success.
fn ends_well(child: &mut Child) -> bool {
    let give_up = Instant::now() + KVM_PATIENCE;
    while Instant::now() < give_up {
        match child.try_wait() {
            Ok(Some(status)) => return status.success(),
            Ok(None) => thread::sleep(Duration::from_millis(5)),
            Err(_) => return false,
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(arch: Arch, options: &Options) -> String {
        tour_devices(arch, options)
            .iter()
            .map(|word| word.to_string_lossy().into_owned())
            .collect::<Vec<_>>()
            .join(" ")
    }

    #[test]
    fn machines_get_what_they_need() {
        let mut options = Options::default();
        assert_eq!(machine(Arch::X86_64, &options), "q35,sata=off");
        assert_eq!(machine(Arch::Aarch64, &options), "virt");
        options.cpus = 9;
        assert_eq!(machine(Arch::Aarch64, &options), "virt,gic-version=3");
        options.machine = Some("microvm".into());
        assert_eq!(machine(Arch::X86_64, &options), "microvm");
        assert_eq!(words(Arch::X86_64, &options), "");
    }

    #[test]
    fn the_hosts_text_is_passed_once() {
        let mut options = Options::default();
        assert!(
            words(Arch::Aarch64, &options)
                .contains("name=opt/org.jacinth/hello,string=Hello from the host")
        );
        assert!(!words(Arch::X86_64, &options).contains("fw_cfg"));
        options.qemu_args = vec![
            "-fw_cfg".into(),
            "name=opt/org.jacinth/hello,string=other".into(),
        ];
        assert_eq!(
            words(Arch::Aarch64, &options),
            "-device edu -device pci-testdev"
        );
    }
}
