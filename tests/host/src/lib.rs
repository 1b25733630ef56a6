//! Scenarios on the simulated machine: what joins `zx` to `jacinth_sim`, and the bench that runs
//! scenarios in a world of their own. Beside it the stateful test: random calls on a machine,
//! compared with a model of Zircon's rules.

#![forbid(unsafe_code)]

mod bench;
mod fuzz;
mod machine;
pub mod model;
mod seam;
pub mod stage;
pub mod stateful;

pub use bench::{Bench, MOST_BYTES, Round, Verdict, judge};
pub use fuzz::{Trace, fuzz_one};
pub use machine::{CODE, Machine, Stop, number};
pub use seam::start;
