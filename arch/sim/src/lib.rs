//! A simulated machine as a value.
