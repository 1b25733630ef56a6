//! The user library: raw calls, typed wrappers, start-up.
