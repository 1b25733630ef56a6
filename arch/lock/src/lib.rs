//! The big lock.
