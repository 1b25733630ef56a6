//! Where things are, and how they are built.

use std::env;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The programs that the ladder boots.
const PROGRAMS: [&str; 6] = [
    "tour",
    "conformance-user",
    "faults",
    "devices",
    "bench",
    "stress",
];

/// An architecture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arch {
    /// x86_64, on `q35` and `microvm`.
    X86_64,
    /// aarch64, on `virt`.
    Aarch64,
}

impl Arch {
    /// Both.
    pub const ALL: [Self; 2] = [Self::X86_64, Self::Aarch64];

    /// The name, as `--arch` takes it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::X86_64 => "x86_64",
            Self::Aarch64 => "aarch64",
        }
    }

    /// The other one.
    #[must_use]
    pub const fn other(self) -> Self {
        match self {
            Self::X86_64 => Self::Aarch64,
            Self::Aarch64 => Self::X86_64,
        }
    }

    /// The target triple of the kernel.
    #[must_use]
    pub const fn kernel_target(self) -> &'static str {
        match self {
            Self::X86_64 => "x86_64-unknown-none",
            Self::Aarch64 => "aarch64-unknown-none-softfloat",
        }
    }

    /// The target triple of user programs.
    #[must_use]
    pub const fn user_target(self) -> &'static str {
        match self {
            Self::X86_64 => "x86_64-unknown-none",
            Self::Aarch64 => "aarch64-unknown-none",
        }
    }
}

/// The repository and the folder where cargo builds, both absolute.
#[derive(Clone, Debug)]
pub struct Place {
    root: PathBuf,
    target: PathBuf,
}

impl Place {
    /// Finds both.
    ///
    /// # Panics
    /// When the repository is not where this was built.
    #[must_use]
    pub fn find() -> Self {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let root = root
            .canonicalize()
            .expect("the repository is where it was built");
        // A relative CARGO_TARGET_DIR counts from the repository, as for `qemu-run.sh`.
        let target = root.join(env::var_os("CARGO_TARGET_DIR").unwrap_or_else(|| "target".into()));
        Self { root, target }
    }

    /// The repository.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The folder where cargo builds.
    #[must_use]
    pub fn target(&self) -> &Path {
        &self.target
    }

    /// The folder for what the ladder writes.
    #[must_use]
    pub fn scratch(&self) -> PathBuf {
        self.target.join("jacinth/ladder")
    }

    /// A user program as cargo built it.
    #[must_use]
    pub fn program(&self, arch: Arch, name: &str) -> PathBuf {
        let folder = self.target.join(arch.user_target()).join("release");
        folder.join(name)
    }

    /// The kernel as cargo built it.
    #[must_use]
    pub fn kernel(&self, arch: Arch) -> PathBuf {
        let folder = self.target.join(arch.kernel_target()).join("release");
        folder.join("jacinth-boot")
    }

    /// The kernel for aarch64 as QEMU loads it, which the runner makes for every boot.
    #[must_use]
    pub fn image(&self) -> PathBuf {
        self.target.join("jacinth/aarch64/jacinth-boot-release.img")
    }

    /// The script, as a person calls it.
    #[must_use]
    pub fn script(&self) -> Command {
        self.command(&self.root.join("qemu-run.sh"))
    }

    /// What the script hands over to; saves the look at what is installed.
    #[must_use]
    pub fn runner(&self) -> Command {
        let mut command = self.command(&self.target.join("debug/jacinth-runner"));
        command.env("JACINTH_ROOT", &self.root);
        command
    }

    fn command(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        command.current_dir(&self.root).stdin(Stdio::null());
        // Set by cargo for its tests: not for the cargo that they may call.
        for (name, _) in env::vars_os() {
            let text = name.to_string_lossy();
            if text.starts_with("CARGO_PKG_") || text.starts_with("CARGO_MANIFEST_") {
                command.env_remove(&name);
            }
        }
        command
    }

    /// Builds kernel and programs for both architectures; with `JACINTH_BUILT=1` somebody has.
    ///
    /// # Errors
    /// What does not build.
    pub fn build(&self) -> Result<(), String> {
        if env::var_os("JACINTH_BUILT").is_some_and(|value| value == "1") {
            return Ok(());
        }
        for program in PROGRAMS {
            let mut command = self.script();
            command.args(["build", "--program", program]);
            let status = command.status();
            let status = status.map_err(|error| format!("qemu-run.sh: {error}"))?;
            if !status.success() {
                return Err(format!("{program} does not build"));
            }
        }
        Ok(())
    }
}
