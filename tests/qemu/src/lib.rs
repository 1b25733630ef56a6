//! What the ladder of tests in QEMU stands on: one boot and what it left ([`Boot`], [`Ran`]), the
//! machine table of a boot ([`table`]), boot archives and programs that are wrong in one way
//! ([`archive`], [`elf`]), and what the bench found out ([`figures`]).
//!
//! The tests themselves are in `tests/ladder`, one module for each rung.

pub mod archive;
mod boot;
pub mod elf;
pub mod figures;
mod place;
pub mod table;

pub use boot::{Boot, Ran};
pub use place::{Arch, Place};
