//! PCI: what is on the bus, where its registers are, and where they could be.
//!
//! - [`Bus`]: the way in for drivers: finds a device and makes the right to use its memory.
//! - [`Host`]: the machine's host bridge, from its tables.
//! - [`Ecam`]: configuration space, mapped (PCI Express base specification, section 7.2.2).
//! - [`Bar`]: where a function's registers or memory are (PCI local bus specification 3.0, section
//!   6.2.5.1).
//! - [`Window`]: the addresses that a host bridge passes on, out of which BARs are assigned on a
//!   machine without firmware.
//!
//! Functions behind bridges are found when firmware numbered their buses; this module numbers none
//! and assigns I/O ports to nobody.

mod bar;
mod bus;
mod config;
mod host;
mod window;

pub use bar::{Bar, BarSpace};
pub use bus::{Bus, Memory};
pub use config::{BUS_BYTES, Bdf, Ecam, Function};
pub use host::Host;
pub use window::Window;
