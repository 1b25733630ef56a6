//! What the command line asks for.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use crate::arch::Arch;

/// What to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Command {
    /// Build, boot, judge.
    Run,
    /// Every test there is.
    Test,
    /// Count what system calls cost.
    Bench,
    /// Build only.
    Build,
    /// Nothing: the script has already set up when the runner starts.
    Setup,
    /// Remove everything that was built.
    Clean,
    /// Print the help.
    Help,
}

impl Command {
    /// The commands that a user types, with their names.
    pub(crate) const NAMES: [(&'static str, Self); 6] = [
        ("run", Self::Run),
        ("test", Self::Test),
        ("bench", Self::Bench),
        ("build", Self::Build),
        ("setup", Self::Setup),
        ("clean", Self::Clean),
    ];
}

/// What executes the guest's instructions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Accel {
    /// QEMU's translator.
    Tcg,
    /// The host's processor.
    Kvm,
    /// KVM where it works for this guest, TCG elsewhere.
    Auto,
}

/// Cargo's build profiles, as far as they are used here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Profile {
    /// Optimised, with line tables.
    Release,
    /// Not optimised.
    Debug,
}

impl Profile {
    /// The name of its folder below cargo's target folder, and here.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Release => "release",
            Self::Debug => "debug",
        }
    }
}

/// Whether to build before running.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Building {
    /// Let cargo bring everything up to date.
    UpToDate,
    /// Take what an earlier build left.
    Skip,
}

/// Whether the machine waits for a debugger.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Debugger {
    /// Runs at once.
    None,
    /// Stops before the first instruction and listens for gdb.
    Gdb,
}

/// The whole command line, with defaults filled in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Options {
    /// What to do.
    pub(crate) command: Command,
    /// The architecture, when one was named.
    pub(crate) arch: Option<Arch>,
    /// Number of processors.
    pub(crate) cpus: u32,
    /// Memory, in QEMU's notation, when not the default.
    pub(crate) memory: Option<String>,
    /// What executes the guest.
    pub(crate) accel: Accel,
    /// The user's own program to boot with.
    pub(crate) init: Option<PathBuf>,
    /// A folder to pack as boot archive.
    pub(crate) bootfs: Option<PathBuf>,
    /// A ready-made boot archive, taken unchecked.
    pub(crate) archive: Option<PathBuf>,
    /// A kernel ELF to boot instead of the one that is built.
    pub(crate) kernel: Option<PathBuf>,
    /// The workspace's user program that becomes `init`, when one was named.
    pub(crate) program: Option<String>,
    /// Whether the machine waits for gdb.
    pub(crate) debugger: Debugger,
    /// How to build.
    pub(crate) profile: Profile,
    /// Whether to build.
    pub(crate) building: Building,
    /// Time limit of a run, when not the default; zero for none.
    pub(crate) timeout: Option<Duration>,
    /// QEMU's `-machine`, when not the default one.
    pub(crate) machine: Option<String>,
    /// QEMU's `-cpu`, when not the default one.
    pub(crate) cpu: Option<String>,
    /// The kernel's command line.
    pub(crate) append: Option<String>,
    /// Where to copy the serial console.
    pub(crate) log: Option<PathBuf>,
    /// Where QEMU notes what the guest did wrong.
    pub(crate) qemu_log: Option<PathBuf>,
    /// Arguments handed to QEMU as they are.
    pub(crate) qemu_args: Vec<OsString>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            command: Command::Run,
            arch: None,
            cpus: 1,
            memory: None,
            accel: Accel::Tcg,
            init: None,
            bootfs: None,
            archive: None,
            kernel: None,
            program: None,
            debugger: Debugger::None,
            profile: Profile::Release,
            building: Building::UpToDate,
            timeout: None,
            machine: None,
            cpu: None,
            append: None,
            log: None,
            qemu_log: None,
            qemu_args: Vec::new(),
        }
    }
}

impl Options {
    /// The user program that becomes `init` unless files say otherwise.
    pub(crate) const TOUR: &'static str = "tour";

    /// The memory of a machine.
    const MEMORY: &'static str = "256M";
    /// The memory of a machine that holds 100,000 objects of a kind.
    const BENCH_MEMORY: &'static str = "2G";
    /// How long a run may take.
    const TIME: Duration = Duration::from_secs(60);
    /// How long counting may take.
    const BENCH_TIME: Duration = Duration::from_secs(900);

    /// The user program of the command `bench`.
    pub(crate) const BENCH: &'static str = "bench";

    /// The name of the workspace's user program to build.
    pub(crate) fn program_name(&self) -> &str {
        let usual = match self.command {
            Command::Bench => Self::BENCH,
            _ => Self::TOUR,
        };
        self.program.as_deref().unwrap_or(usual)
    }

    /// The time limit of a run, if it has one.
    pub(crate) fn time_limit(&self) -> Option<Duration> {
        let usual = match self.command {
            Command::Bench => Self::BENCH_TIME,
            _ => Self::TIME,
        };
        let limit = self.timeout.unwrap_or(usual);
        (!limit.is_zero()).then_some(limit)
    }

    /// Memory, in QEMU's notation.
    pub(crate) fn memory(&self) -> &str {
        let usual = match self.command {
            Command::Bench => Self::BENCH_MEMORY,
            _ => Self::MEMORY,
        };
        self.memory.as_deref().unwrap_or(usual)
    }

    /// Is this the plain tour, which wants a few devices to look at?
    pub(crate) fn is_tour(&self) -> bool {
        self.program_name() == Self::TOUR
            && self.init.is_none()
            && self.bootfs.is_none()
            && self.archive.is_none()
    }
}
