//! The first process: made by the kernel from a program in memory, as Zircon starts its own
//! (tasks.md §9): one channel whose message carries every handle that there is to give.

mod message;

use self::message::Gifts;
use crate::hal::{DynHal, MmuFlags, ThreadStart};
use crate::mem::{Key, NoMemory};
use crate::object::{Object, ObjectRef, Request};
use crate::task::{Process, Thread};
use crate::vm::{self, MapRequest, Name, Overlap, Placement, Vmo};
use crate::{Kernel, PAGE_SIZE, PhysRun, VirtAddr};
use jacinth_abi::{ResourceKind, Rights, Status, processargs};

/// Bytes of the first thread's stack.
const STACK_BYTES: u64 = 256 * 1024;

/// One piece of a program in memory.
#[derive(Clone, Copy, Debug)]
pub struct Segment<'a> {
    /// Where its first byte goes; need not be page-aligned.
    pub at: VirtAddr,
    /// Its length in memory; what the file does not fill is zero.
    pub mem_bytes: u64,
    /// Its bytes in the file, at most `mem_bytes`.
    pub file: &'a [u8],
    /// What its pages allow.
    pub flags: MmuFlags,
}

/// A program that is ready to be mapped.
#[derive(Clone, Copy, Debug)]
pub struct Program<'a> {
    /// The process's name.
    pub name: &'a str,
    /// Its pieces; no two share a page.
    pub segments: &'a [Segment<'a>],
    /// Its first instruction.
    pub entry: VirtAddr,
}

/// What a VMO for the first process holds.
#[derive(Clone, Copy, Debug)]
pub enum Contents<'a> {
    /// A copy of these bytes.
    Bytes(&'a [u8]),
    /// These very frames, which are outside the pool and stay the VMO's for good.
    Adopt {
        /// The frames.
        run: PhysRun,
        /// How many bytes of them count.
        bytes: u64,
    },
}

/// A VMO for the first process.
#[derive(Clone, Copy, Debug)]
pub struct BootVmo<'a> {
    /// The VMO's name.
    pub name: &'a str,
    /// What it is, for the message (`PA_HND`).
    pub handle_info: u32,
    /// What it holds.
    pub contents: Contents<'a>,
}

/// Why there is no first process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BootError {
    /// Memory is gone.
    NoMemory,
    /// The program does not fit into an address space.
    BadProgram,
}

impl From<NoMemory> for BootError {
    fn from(_: NoMemory) -> Self {
        Self::NoMemory
    }
}

impl From<Status> for BootError {
    fn from(status: Status) -> Self {
        if status == Status::NO_MEMORY {
            Self::NoMemory
        } else {
            Self::BadProgram
        }
    }
}

impl Kernel {
    /// Makes the first process and readies its thread. What was made before an error stays: there
    /// is nobody to run on such a machine.
    ///
    /// # Errors
    /// See [`BootError`].
    pub fn start_init(
        &mut self,
        hal: &mut DynHal,
        program: &Program<'_>,
        vmos: &[BootVmo<'_>],
        args: &[&str],
    ) -> Result<(), BootError> {
        vm::zero_page(self, hal)?;
        let job = self.new_job(None).map_err(|_| BootError::NoMemory)?;
        self.objects.get_mut(job).name = Name::from_str("root");
        let (process, _) = self.new_process(hal, job, Name::from_str(program.name))?;
        self.objects.add_use(ObjectRef::Process(process));
        self.init = Some(process);
        for segment in program.segments {
            self.load_segment(hal, process, segment)?;
        }
        let thread = self.new_thread(hal, process, Name::from_str("initial-thread"))?;
        let stack = self.map_stack(hal, process)?;

        let mut gifts = Gifts::default();
        self.add_own(&mut gifts, process, thread)?;
        gifts.add(
            self,
            ObjectRef::Job(job),
            Rights::DEFAULT_JOB,
            processargs::PA_JOB_DEFAULT,
        )?;
        self.add_resources(&mut gifts)?;
        for vmo in vmos {
            self.add_vmo(hal, &mut gifts, vmo)?;
        }
        let bootstrap = self.bootstrap_channel(process, gifts, args)?;
        self.start_thread(
            hal,
            thread,
            ThreadStart {
                entry: program.entry.raw(),
                stack,
                arg1: u64::from(bootstrap),
                arg2: 0,
            },
        );
        Ok(())
    }

    /// Maps one segment as a VMO of its own, widened to whole pages.
    fn load_segment(
        &mut self,
        hal: &mut DynHal,
        process: Key<Process>,
        segment: &Segment<'_>,
    ) -> Result<(), BootError> {
        let skew = segment.at.page_offset();
        let bytes = segment
            .mem_bytes
            .checked_add(skew)
            .and_then(|bytes| bytes.checked_next_multiple_of(PAGE_SIZE))
            .ok_or(BootError::BadProgram)?;
        if bytes == 0 {
            return Ok(());
        }
        let vmo = vm::create_paged(self, bytes)?;
        vm::write(self, hal, vmo, skew, segment.file)?;
        vm::map_for_boot(
            self,
            hal,
            process,
            vmo,
            Some(segment.at.page()),
            bytes,
            segment.flags,
        )?;
        Ok(())
    }

    /// Maps the first thread's stack above a guard page; the stack pointer to start with.
    fn map_stack(&mut self, hal: &mut DynHal, process: Key<Process>) -> Result<u64, BootError> {
        let bytes = STACK_BYTES + PAGE_SIZE;
        let vmo = vm::create_paged(self, bytes)?;
        let read_write = MmuFlags::READ | MmuFlags::WRITE;
        let base = vm::map_for_boot(self, hal, process, vmo, None, bytes, read_write)?;
        self.guard_page(hal, process, vmo, base)?;
        let top = base.checked_add(bytes).ok_or(BootError::BadProgram)?;
        Ok(top.raw().saturating_sub(self.stack_bias))
    }

    /// Puts a mapping that allows nothing over the page at `at`.
    fn guard_page(
        &mut self,
        hal: &mut DynHal,
        process: Key<Process>,
        vmo: Key<Vmo>,
        at: VirtAddr,
    ) -> Result<(), BootError> {
        let vmar = self.objects.get(process).root_vmar;
        let vmar = vmar.ok_or(BootError::BadProgram)?;
        let offset = at.raw().saturating_sub(self.user.start.raw());
        let guard = MapRequest {
            vmar,
            vmo,
            vmo_offset: 0,
            len: PAGE_SIZE,
            at: Placement::At(offset, Overlap::Replace),
            align: 0,
            flags: MmuFlags::empty(),
            may: MmuFlags::empty(),
            stream: false,
        };
        vm::map(self, hal, guard)?;
        Ok(())
    }

    /// The process itself, its first thread, its root region.
    fn add_own(
        &mut self,
        gifts: &mut Gifts,
        process: Key<Process>,
        thread: Key<Thread>,
    ) -> Result<(), BootError> {
        let vmar = self.objects.get(process).root_vmar;
        let vmar = ObjectRef::Vmar(vmar.ok_or(BootError::BadProgram)?);
        let vmar_rights = Rights::DEFAULT_VMAR | Rights::IO | Rights::EXECUTE;
        let own = [
            (
                Process::to_ref(process),
                Rights::DEFAULT_PROCESS,
                processargs::PA_PROC_SELF,
            ),
            (
                Thread::to_ref(thread),
                Rights::DEFAULT_THREAD,
                processargs::PA_THREAD_SELF,
            ),
            (vmar, vmar_rights, processargs::PA_VMAR_ROOT),
        ];
        for (object, rights, info) in own {
            gifts.add(self, object, rights, info)?;
        }
        Ok(())
    }

    fn add_resources(&mut self, gifts: &mut Gifts) -> Result<(), BootError> {
        let kinds = [
            (ResourceKind::Mmio, "mmio", processargs::PA_MMIO_RESOURCE),
            (ResourceKind::Irq, "irq", processargs::PA_IRQ_RESOURCE),
            (
                ResourceKind::IoPort,
                "io_port",
                processargs::PA_IOPORT_RESOURCE,
            ),
            (ResourceKind::Smc, "smc", processargs::PA_SMC_RESOURCE),
            (
                ResourceKind::System,
                "system",
                processargs::PA_SYSTEM_RESOURCE,
            ),
        ];
        for (kind, name, info) in kinds {
            if !self.resources.has(kind) {
                continue;
            }
            self.objects.reserve_resource(&mut self.mem.budget)?;
            let root = Request {
                kind,
                base: 0,
                size: 0,
                exclusive: false,
            };
            let key = self.objects.new_resource(&root, Name::from_str(name));
            gifts.add(
                self,
                ObjectRef::Resource(key),
                Rights::DEFAULT_RESOURCE,
                info,
            )?;
        }
        Ok(())
    }

    fn add_vmo(
        &mut self,
        hal: &mut DynHal,
        gifts: &mut Gifts,
        vmo: &BootVmo<'_>,
    ) -> Result<(), BootError> {
        let key = match vmo.contents {
            Contents::Bytes(bytes) => {
                let len = u64::try_from(bytes.len()).map_err(|_| BootError::NoMemory)?;
                let key = vm::create_paged(self, len)?;
                vm::write(self, hal, key, 0, bytes)?;
                key
            }
            Contents::Adopt { run, bytes } => vm::create_adopted(self, run, bytes)?,
        };
        self.objects.get_mut(key).name = Name::from_str(vmo.name);
        gifts.add(
            self,
            ObjectRef::Vmo(key),
            Rights::DEFAULT_VMO,
            vmo.handle_info,
        )?;
        Ok(())
    }
}
