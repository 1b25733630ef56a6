//! `docs/conformance.md`: which row of the conformance tables holds on which machine.
//!
//! Whoever runs all scenarios records their [`Verdicts`] in a folder below cargo's target folder:
//! `tests/host` for the simulated machine, `tests/qemu` for booted kernels. At the end of
//! `./qemu-run.sh test` the program of this package makes the [`page`] of them and compares it with
//! the one in the repository.

mod page;
mod verdicts;

pub use page::{lost, page};
pub use verdicts::{Machine, Verdicts, folder, record};
