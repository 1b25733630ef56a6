//! Jacinth's x86_64 machine.
