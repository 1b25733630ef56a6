//! A whole simulated system: a [`Sim`](crate::Sim), a kernel, and programs that are host threads.
//!
//! Programs pass a baton: exactly one of them runs, the one that the kernel's `Next` names, and
//! where several processors have one, a seeded choice. The thread that holds the baton runs the
//! kernel itself when it makes a call, so that nothing depends on the host's scheduler and a seed
//! replays bit for bit.

mod boot;
mod codes;
mod state;
mod thread;
mod user;
mod watchdog;

pub use boot::{Main, Options, Report, run};
pub use state::Ending;
pub use thread::{Control, Thread};
pub use user::Argument;
