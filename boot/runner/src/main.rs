//! Builds, boots and judges Jacinth under QEMU.

/// Starts the tool.
fn main() {}
