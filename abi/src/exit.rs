//! How a machine ends: the one enum of exit codes that kernel, runner and tests read.

/// The exit status of a whole run of the machine.
///
/// On x86_64 the code goes through QEMU's `isa-debug-exit` (seven bits), on aarch64 through
/// semihosting; the runner turns both back into this number, which is also its own exit status.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExitCode {
    /// `init` returned this code, 0 to 63.
    Init(u8),
    /// The command line of the driver script was wrong (the customary EX_USAGE).
    Usage,
    /// `init` returned a code outside 0 to 63.
    InitOutOfRange,
    /// `init` was killed by an exception that nobody handled.
    InitKilled,
    /// The kernel could not start `init`: no archive, no such file, or not a program.
    BootFailed,
    /// The runner's time limit passed.
    TimedOut,
    /// QEMU ended by itself, with no verdict from the guest.
    NoVerdict,
    /// The kernel panicked.
    KernelPanic,
}

impl ExitCode {
    /// Makes the exit code for the return code of `init`.
    #[must_use]
    pub fn from_init(return_code: i64) -> Self {
        match u8::try_from(return_code) {
            Ok(code) if code < 64 => Self::Init(code),
            _ => Self::InitOutOfRange,
        }
    }

    /// The number that stands for it, 0 to 127.
    #[must_use]
    pub const fn number(self) -> u8 {
        match self {
            Self::Init(code) => code,
            Self::Usage => 64,
            Self::InitOutOfRange => 96,
            Self::InitKilled => 97,
            Self::BootFailed => 98,
            Self::TimedOut => 99,
            Self::NoVerdict => 100,
            Self::KernelPanic => 101,
        }
    }

    /// The exit code that a number stands for, if any.
    #[must_use]
    pub const fn from_number(number: u8) -> Option<Self> {
        match number {
            0..=63 => Some(Self::Init(number)),
            64 => Some(Self::Usage),
            96 => Some(Self::InitOutOfRange),
            97 => Some(Self::InitKilled),
            98 => Some(Self::BootFailed),
            99 => Some(Self::TimedOut),
            100 => Some(Self::NoVerdict),
            101 => Some(Self::KernelPanic),
            _ => None,
        }
    }
}
