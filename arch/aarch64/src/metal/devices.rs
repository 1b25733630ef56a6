//! The kernel's own devices, from their description to mapped registers.

use arrayvec::ArrayVec;
use jacinth_kernel::{PhysRun, VirtAddr};

use crate::devicetree;
use crate::layout::{DEVICES, pointer};
use crate::metal::gic::Gic;
use crate::metal::mmio::Registers;
use crate::metal::space::{KernelSpace, Memory};
use crate::metal::uart;

/// The devices that the kernel drives, mapped.
#[derive(Debug)]
pub struct Devices {
    pub(crate) gic: Gic,
    pub(crate) timer_irq: u32,
}

/// Why the kernel's devices cannot be had.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Missing {
    /// The device tree names no interrupt controller that the kernel knows.
    InterruptController,
    /// There are no page tables for them.
    NoMemory,
}

/// Maps registers one behind the other in the window for devices.
#[derive(Debug)]
pub struct DeviceWindow {
    next: VirtAddr,
}

impl DeviceWindow {
    /// Starts at the beginning of the window.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            next: DEVICES.start,
        }
    }

    /// Maps the console and speaks through it from now on.
    ///
    /// # Errors
    /// [`Missing::NoMemory`].
    ///
    /// # Safety
    /// The space is the live one, and a PL011 is there.
    pub unsafe fn start_console(
        &mut self,
        space: &mut KernelSpace,
        uart: PhysRun,
    ) -> Result<(), Missing> {
        let registers = self.map(space, uart)?;
        // SAFETY: just mapped as device memory, for good; a PL011 by this function's contract.
        unsafe { uart::console_start(registers.base()) };
        Ok(())
    }

    /// Maps the interrupt controller.
    ///
    /// # Errors
    /// See [`Missing`].
    ///
    /// # Safety
    /// The space is the live one, and the description is true.
    pub unsafe fn find_devices(
        &mut self,
        space: &mut KernelSpace,
        found: &devicetree::Description<'_>,
    ) -> Result<Devices, Missing> {
        let gic = match found.gic.as_ref().ok_or(Missing::InterruptController)? {
            devicetree::Gic::V2 {
                distributor,
                cpu_interface,
            } => Gic::V2 {
                distributor: self.map(space, *distributor)?,
                cpu_interface: self.map(space, *cpu_interface)?,
            },
            devicetree::Gic::V3 {
                distributor,
                redistributors,
            } => {
                let distributor = self.map(space, *distributor)?;
                let mapped: Result<ArrayVec<_, 4>, _> = redistributors
                    .iter()
                    .map(|run| self.map(space, *run))
                    .collect();
                Gic::V3 {
                    distributor,
                    redistributors: mapped?,
                }
            }
        };
        Ok(Devices {
            gic,
            timer_irq: found.timer_irq,
        })
    }

    fn map(&mut self, space: &mut KernelSpace, run: PhysRun) -> Result<Registers, Missing> {
        let at = self.next;
        let end = at
            .checked_add(run.bytes())
            .filter(|end| *end <= DEVICES.end)
            .ok_or(Missing::NoMemory)?;
        space
            .map(at, run, Memory::Device)
            .map_err(|_| Missing::NoMemory)?;
        self.next = end;
        let bytes = usize::try_from(run.bytes()).map_err(|_| Missing::NoMemory)?;
        // SAFETY: just mapped as device memory; interrupt controllers and UARTs do not touch RAM,
        // and the tables in RAM that a GICv3 could use are never set up.
        Ok(unsafe { Registers::new(pointer::<u8>(at).addr(), bytes) })
    }
}

impl Default for DeviceWindow {
    fn default() -> Self {
        Self::new()
    }
}
