//! The parts of the bootable kernel that need no machine, so that they are tested on the host.

#![cfg_attr(not(test), no_std)]
#![forbid(unsafe_code)]

pub mod archive;
pub mod arrival;
pub mod first;
pub mod info;
pub mod program;
pub mod table;
