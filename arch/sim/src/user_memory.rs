//! User memory as the kernel reaches it, with a second look at what the walker remembers.

use crate::sim::Sim;
use jacinth_kernel::hal::{AspaceId, Hal, Mmu, MmuFlags, NotMemory, read_by_page, write_by_page};
use jacinth_kernel::{Access, PhysAddr, VirtAddr};

impl Hal for Sim {
    fn user_page(
        &mut self,
        aspace: AspaceId,
        at: VirtAddr,
        access: Access,
    ) -> Result<Option<PhysAddr>, NotMemory> {
        let (walker, mut tables) = self.tables();
        let found = walker.find(&mut tables, aspace, (at, access));
        if let Ok(phys) = found {
            assert_eq!(
                phys,
                self.walked(aspace, at, access),
                "what is remembered of a user page is what its tables say"
            );
        }
        found.map_err(|_| NotMemory)
    }

    fn read_user(
        &mut self,
        aspace: AspaceId,
        from: VirtAddr,
        to: &mut [u8],
    ) -> Result<bool, NotMemory> {
        read_by_page(self, aspace, from, to)
    }

    fn write_user(
        &mut self,
        aspace: AspaceId,
        to: VirtAddr,
        from: &[u8],
    ) -> Result<bool, NotMemory> {
        write_by_page(self, aspace, to, from)
    }
}

impl Sim {
    /// Where the tables say that a byte is, if they allow the access.
    fn walked(&self, aspace: AspaceId, at: VirtAddr, access: Access) -> Option<PhysAddr> {
        let wanted = match access {
            Access::Read => MmuFlags::READ,
            Access::Write => MmuFlags::WRITE,
            Access::Execute => MmuFlags::EXECUTE,
        };
        let found = self.query(aspace, at)?;
        found.flags.contains(wanted).then_some(found.phys)
    }
}
