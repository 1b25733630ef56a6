//! An example: a system that is not Jacinth, with a machine of its own, drives Jacinth's kernel.
//!
//! The system ([`host`]) has jobs of its own and a main loop; Jacinth's kernel is a guest in it, one
//! more thing that the loop serves. The machine ([`machine`], [`tables`]) is the smallest that the
//! kernel runs on: RAM in a vector, page tables in it, one processor that knows one instruction,
//! "make the system call that is written here". All of it is safe code.
#![forbid(unsafe_code)]

pub mod host;
pub mod machine;
pub mod program;
pub mod tables;
