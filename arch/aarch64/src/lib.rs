//! Jacinth's aarch64 machine.
