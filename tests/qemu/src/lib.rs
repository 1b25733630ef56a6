//! Boots everything in QEMU and judges it.
