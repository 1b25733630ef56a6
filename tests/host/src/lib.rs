//! Scenarios on the simulated machine.
