//! Builds with cargo: as few calls as possible, each of them costs a tenth of a second.

use std::process::{Child, Command, ExitStatus};
use std::thread;
use std::time::{Duration, Instant};

use crate::arch::Arch;
use crate::failure::{BUILD_FAILED, Failure, UNAVAILABLE};
use crate::options::{Options, Profile};
use crate::place::Place;
use crate::terminal;

/// The package, and the program, of the bootable kernel.
pub(crate) const KERNEL: &str = "jacinth-boot";

/// How long a build may take before a line says that there is one.
const PATIENCE: Duration = Duration::from_millis(700);

/// A cargo call in the repository.
pub(crate) fn cargo(place: &Place) -> Command {
    let mut command = Command::new("cargo");
    command.current_dir(place.root());
    // Set for programs that cargo runs; they would make the cargo called here believe to be a build script's.
    for name in ["CARGO_MANIFEST_DIR", "CARGO_PKG_NAME", "CARGO_PKG_VERSION"] {
        command.env_remove(name);
    }
    command
}

/// The user programs that another one starts: they are built and packed along with it.
pub(crate) fn companions(program: &str) -> &'static [&'static str] {
    match program {
        Options::TOUR => &["driver", "rogue"],
        _ => &[],
    }
}

/// Brings the kernel and, if named, one user program with its companions up to date.
pub(crate) fn build(
    place: &Place,
    arch: Arch,
    profile: Profile,
    program: Option<&str>,
) -> Result<(), Failure> {
    let kernel = arch.kernel_target();
    let user = arch.user_target();
    let mut programs: Vec<&str> = program.into_iter().collect();
    programs.extend(program.map_or(&[][..], companions));
    if kernel == user {
        programs.insert(0, KERNEL);
        return build_packages(place, kernel, profile, &programs);
    }
    build_packages(place, kernel, profile, &[KERNEL])?;
    if programs.is_empty() {
        return Ok(());
    }
    build_packages(place, user, profile, &programs)
}

fn build_packages(
    place: &Place,
    triple: &str,
    profile: Profile,
    packages: &[&str],
) -> Result<(), Failure> {
    let mut command = cargo(place);
    command.args(["build", "--quiet", "--target", triple]);
    for package in packages {
        command.args(["--package", package]);
    }
    if profile == Profile::Release {
        command.arg("--release");
    }
    let child = command.spawn();
    let child = child
        .map_err(|error| Failure::new(UNAVAILABLE, format!("cargo does not start: {error}")))?;
    let status = wait(child, || {
        terminal::note(&format!("building {} for {triple}", packages.join(", ")));
    })?;
    if status.success() {
        return Ok(());
    }
    let text = format!("{} did not build for {triple}", packages.join(", "));
    Err(Failure::new(BUILD_FAILED, text))
}

/// Waits for a build, and says so once when it takes its time.
fn wait(mut child: Child, say: impl FnOnce()) -> Result<ExitStatus, Failure> {
    let failed = |error| Failure::new(BUILD_FAILED, format!("cargo: {error}"));
    let patient_until = Instant::now() + PATIENCE;
    while Instant::now() < patient_until {
        if let Some(status) = child.try_wait().map_err(failed)? {
            return Ok(status);
        }
        thread::sleep(Duration::from_millis(5));
    }
    say();
    child.wait().map_err(failed)
}
