//! `zx_status_t`: what every system call answers.

/// A failure (`ZX_ERR_*`); success is `Ok(())` in Rust and 0 on the wire.
///
/// Source: Zircon `errors.h`. Only negative values exist.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
#[repr(transparent)]
pub struct Status(i32);

macro_rules! statuses {
    ($($name:ident = $value:literal),+ $(,)?) => {
        impl Status {
            $(#[doc = concat!("`ZX_ERR_", stringify!($name), "`")]
            pub const $name: Self = Self($value);)+

            /// The name without its `ZX_ERR_` prefix; `None` for a value that is not assigned.
            #[must_use]
            pub const fn name(self) -> Option<&'static str> {
                match self.0 {
                    $($value => Some(stringify!($name)),)+
                    _ => None,
                }
            }

            /// Every assigned status with its name.
            pub const ALL: &'static [(Self, &'static str)] = &[$((Self($value), stringify!($name))),+];
        }
    };
}

statuses! {
    INTERNAL = -1, NOT_SUPPORTED = -2, NO_RESOURCES = -3, NO_MEMORY = -4, INTERNAL_INTR_RETRY = -6,
    INVALID_ARGS = -10, BAD_HANDLE = -11, WRONG_TYPE = -12, BAD_SYSCALL = -13, OUT_OF_RANGE = -14,
    BUFFER_TOO_SMALL = -15, BAD_STATE = -20, TIMED_OUT = -21, SHOULD_WAIT = -22, CANCELED = -23,
    PEER_CLOSED = -24, NOT_FOUND = -25, ALREADY_EXISTS = -26, ALREADY_BOUND = -27, UNAVAILABLE = -28,
    ACCESS_DENIED = -30, IO = -40, IO_REFUSED = -41, IO_DATA_INTEGRITY = -42, IO_DATA_LOSS = -43,
    IO_NOT_PRESENT = -44, IO_OVERRUN = -45, IO_MISSED_DEADLINE = -46, IO_INVALID = -47, BAD_PATH = -50,
    NOT_DIR = -51, NOT_FILE = -52, FILE_BIG = -53, NO_SPACE = -54, NOT_EMPTY = -55, STOP = -60,
    NEXT = -61, ASYNC = -62, PROTOCOL_NOT_SUPPORTED = -70, ADDRESS_UNREACHABLE = -71,
    ADDRESS_IN_USE = -72, NOT_CONNECTED = -73, CONNECTION_REFUSED = -74, CONNECTION_RESET = -75,
    CONNECTION_ABORTED = -76, INTERNAL_INTR_KILLED = -502,
}

impl Status {
    /// The number on the wire, always negative.
    #[must_use]
    pub const fn raw(self) -> i32 {
        self.0
    }

    /// Reads a system call's answer: zero is success, anything else the failure it names.
    ///
    /// # Errors
    /// The status, when `raw` is not 0.
    pub const fn check(raw: i32) -> Result<(), Self> {
        if raw == 0 { Ok(()) } else { Err(Self(raw)) }
    }

    /// Turns a result into the number on the wire.
    #[must_use]
    pub const fn from_result(result: Result<(), Self>) -> i32 {
        match result {
            Ok(()) => 0,
            Err(status) => status.0,
        }
    }
}

impl core::fmt::Debug for Status {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self.name() {
            Some(name) => f.write_str(name),
            None => write!(f, "status {}", self.0),
        }
    }
}

impl core::fmt::Display for Status {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        core::fmt::Debug::fmt(self, f)
    }
}
