//! User-mode loads, stores and fetches: TLB, page walk, then RAM or a device.

use crate::device::Touch;
use crate::sim::Sim;
use crate::walk::{self, Found, Leaf};
use crate::{Arch, MemoryType};
use jacinth_kernel::hal::{AspaceId, CpuId};
use jacinth_kernel::{Access, PAGE_SIZE, PhysAddr, PhysRun};

/// Why an access did not happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// The page tables (or what the TLB remembers of them) do not allow it.
    Page,
    /// Not aligned, to a type of memory that demands it.
    Unaligned,
    /// Nothing answers at the physical address.
    Bus,
}

impl Sim {
    /// Loads a little-endian number of 1, 2, 4 or 8 bytes.
    ///
    /// # Errors
    /// [`Refused`].
    pub fn user_load(&mut self, cpu: CpuId, at: u64, width_bytes: u8) -> Result<u64, Refused> {
        let mut bytes = [0; 8];
        let width = usize::from(width_bytes);
        if crosses_page(at, width_bytes) {
            for (byte, at) in bytes[..width].iter_mut().zip(at..) {
                *byte = self.user_load(cpu, at, 1)?.to_le_bytes()[0];
            }
            return Ok(u64::from_le_bytes(bytes));
        }
        let (phys, memory) = self.resolve(cpu, at, width_bytes, Access::Read)?;
        self.bus_load(phys, &mut bytes[..width], memory)?;
        Ok(u64::from_le_bytes(bytes))
    }

    /// Stores a little-endian number of 1, 2, 4 or 8 bytes.
    ///
    /// # Errors
    /// [`Refused`], with nothing stored unless the number crosses into another page.
    pub fn user_store(
        &mut self,
        cpu: CpuId,
        at: u64,
        width_bytes: u8,
        value: u64,
    ) -> Result<(), Refused> {
        let bytes = value.to_le_bytes();
        let width = usize::from(width_bytes);
        if crosses_page(at, width_bytes) {
            for (byte, at) in bytes[..width].iter().zip(at..) {
                self.user_store(cpu, at, 1, u64::from(*byte))?;
            }
            return Ok(());
        }
        let (phys, memory) = self.resolve(cpu, at, width_bytes, Access::Write)?;
        self.bus_store(phys, &bytes[..width], memory)
    }

    /// Fetches an instruction.
    ///
    /// # Errors
    /// [`Refused`].
    pub fn user_fetch(&mut self, cpu: CpuId, at: u64) -> Result<(), Refused> {
        self.resolve(cpu, at, 1, Access::Execute).map(|_| ())
    }

    /// Copies bytes in one page that lie in RAM, as a `memcpy` in the program would.
    ///
    /// # Errors
    /// [`Refused`].
    ///
    /// # Panics
    /// When the bytes are not in one page.
    pub fn user_read_bytes(&mut self, cpu: CpuId, at: u64, to: &mut [u8]) -> Result<(), Refused> {
        assert!(
            at % PAGE_SIZE + to.len() as u64 <= PAGE_SIZE,
            "a copy within one page"
        );
        let (phys, memory) = self.resolve(cpu, at, 1, Access::Read)?;
        self.bus_load(phys, to, memory)
    }

    /// Copies bytes into one page of RAM, as a `memcpy` in the program would.
    ///
    /// # Errors
    /// [`Refused`].
    ///
    /// # Panics
    /// When the bytes are not in one page.
    pub fn user_write_bytes(&mut self, cpu: CpuId, at: u64, from: &[u8]) -> Result<(), Refused> {
        assert!(
            at % PAGE_SIZE + from.len() as u64 <= PAGE_SIZE,
            "a copy within one page"
        );
        let (phys, memory) = self.resolve(cpu, at, 1, Access::Write)?;
        self.bus_store(phys, from, memory)
    }

    fn resolve(
        &mut self,
        cpu: CpuId,
        at: u64,
        width_bytes: u8,
        access: Access,
    ) -> Result<(PhysAddr, MemoryType), Refused> {
        let aspace = self.processors[cpu]
            .aspace
            .expect("a thread runs in an address space");
        let leaf = self.lookup(cpu, aspace, at).ok_or(Refused::Page)?;
        if !leaf.allows(access) {
            self.forget_refusing(cpu, aspace, &leaf);
            return Err(Refused::Page);
        }
        let is_device = matches!(
            leaf.memory,
            MemoryType::DeviceNGnRnE | MemoryType::DeviceNGnRE
        );
        if is_device && !at.is_multiple_of(u64::from(width_bytes)) {
            return Err(Refused::Unaligned);
        }
        let phys = leaf.phys_of(at);
        self.must_be_allowed(phys);
        Ok((phys, leaf.memory))
    }

    /// A page fault drops the entry on Intel (SDM vol. 3A 5.10.4.1); Arm promises nothing.
    fn forget_refusing(&mut self, cpu: CpuId, aspace: AspaceId, leaf: &Leaf) {
        if self.config.arch == Arch::X86_64 {
            let page = crate::tables::range(leaf.base, leaf.bytes);
            self.processors[cpu].tlb.drop_leaves(aspace, page);
        }
    }

    fn lookup(&mut self, cpu: CpuId, aspace: AspaceId, at: u64) -> Option<Leaf> {
        if !self
            .config
            .arch
            .user()
            .contains(jacinth_kernel::VirtAddr::new(at))
        {
            return None;
        }
        let tlb = &self.processors[cpu].tlb;
        if let Some(leaf) = tlb.leaf(aspace, at) {
            return Some(leaf);
        }
        let (arch, phys_bits) = (self.config.arch, self.config.phys_bits);
        let found = match tlb.table(aspace, at) {
            Some(upper) => Found::Table(upper),
            None => walk::upper(
                arch,
                phys_bits,
                &self.ram,
                crate::sim::root_table(aspace).raw(),
                at,
            ),
        };
        let leaf = match found {
            Found::Nothing => return None,
            Found::Block(leaf) => leaf,
            Found::Table(upper) => {
                self.processors[cpu].tlb.keep_table(aspace, at, upper);
                walk::last_level(arch, phys_bits, &self.ram, upper, at)?
            }
        };
        self.processors[cpu].tlb.keep_leaf(aspace, leaf);
        Some(leaf)
    }

    /// The last line: no user access ever reaches what the machine keeps for itself.
    fn must_be_allowed(&self, phys: PhysAddr) {
        let run = PhysRun {
            base: phys.page(),
            pages: 1,
        };
        let is_ram = self.ram.holds(phys, 1);
        let is_allowed = if is_ram {
            self.fence.check_memory(run)
        } else {
            self.fence.check_device(run)
        };
        assert!(
            is_allowed.is_ok(),
            "a user mapping reaches {phys}, which the machine keeps for itself"
        );
    }

    fn bus_load(
        &mut self,
        phys: PhysAddr,
        to: &mut [u8],
        memory: MemoryType,
    ) -> Result<(), Refused> {
        let bytes = to.len() as u64;
        if let Some(from) = self.ram.get(phys, bytes) {
            to.copy_from_slice(from);
            return Ok(());
        }
        if let Some(device) = self
            .devices
            .iter_mut()
            .find(|device| device.holds(phys, bytes))
        {
            device.log.push(touch(phys, to.len(), false, memory));
            device.peek(phys, to);
            return Ok(());
        }
        to.fill(0xff);
        self.nobody_there()
    }

    fn bus_store(
        &mut self,
        phys: PhysAddr,
        from: &[u8],
        memory: MemoryType,
    ) -> Result<(), Refused> {
        let bytes = from.len() as u64;
        if let Some(to) = self.ram.get_mut(phys, bytes) {
            to.copy_from_slice(from);
            return Ok(());
        }
        if let Some(device) = self
            .devices
            .iter_mut()
            .find(|device| device.holds(phys, bytes))
        {
            device.log.push(touch(phys, from.len(), true, memory));
            device.poke(phys, from);
            return Ok(());
        }
        self.nobody_there()
    }

    /// Intel machines read all ones and lose stores; Arm machines raise an external abort.
    fn nobody_there(&self) -> Result<(), Refused> {
        match self.config.arch {
            Arch::X86_64 => Ok(()),
            Arch::Aarch64 => Err(Refused::Bus),
        }
    }
}

fn touch(at: PhysAddr, width: usize, is_store: bool, memory: MemoryType) -> Touch {
    Touch {
        at,
        width_bytes: u8::try_from(width).unwrap_or(u8::MAX),
        is_store,
        memory,
    }
}

fn crosses_page(at: u64, width_bytes: u8) -> bool {
    at % PAGE_SIZE + u64::from(width_bytes) > PAGE_SIZE
}
