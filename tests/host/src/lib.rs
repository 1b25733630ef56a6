//! Scenarios on the simulated machine: what joins `zx` to `jacinth_sim`, and the bench that runs
//! scenarios in a world of their own.

#![forbid(unsafe_code)]

mod bench;
mod seam;

pub use bench::{Bench, MOST_BYTES, Round, Verdict};
pub use seam::start;
