//! The stateful test: sequences of random calls, made on a machine and in the model, and compared.
//!
//! A sequence follows from its seed alone. Its calls name what earlier calls made ("the handle of
//! call 7"), not values, so that a sequence that fails can be made again with calls left out.

mod call;
mod clean;
mod compare;
mod draw;
mod draw_calls;
mod draw_more;
mod draw_place;
mod shrink;
mod table;
mod world;

pub use call::{Arg, Call, Origin};
pub use draw::WEIGHTS;
pub use shrink::{Failure, Tally, replay, run_sequences};
pub(crate) use table::{address_out, handle_out};
pub use world::World;

/// How many calls a sequence has.
pub const CALLS: usize = 100;
