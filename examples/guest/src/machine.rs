//! The machine: RAM, a clock with an alarm, a console, and one processor.

use crate::program::{ANSWER, HELD, HELD_AT, NEXT};
use jacinth_abi::ThreadStateKind;
use jacinth_kernel::hal::{
    AspaceId, CacheOp, Console, ContextId, Contexts, Cpu, CpuId, CrashRegisters, Hal, NotMemory,
    NotUserState, PhysMem, ThreadStart,
};
use jacinth_kernel::mem::Frame;
use jacinth_kernel::{
    Access, Denied, Event, MachineInfo, PAGE_SIZE, PhysAddr, PhysRun, VirtAddr, VirtRange, Wander,
};
use jacinth_paging::{Fence, Walker, X86_64};
use std::collections::BTreeMap;

/// The processor.
pub const CPU: CpuId = 0;
/// How long an instruction takes, in ns.
const INSTRUCTION_NS: i64 = 1000;
const PHYS_BITS: u32 = 40;
const RAM: PhysRun = PhysRun {
    base: PhysAddr::new(0x4000_0000),
    pages: 1024,
};
/// The addresses that programs may use.
const USER: VirtRange = VirtRange {
    start: VirtAddr::new(0x20_0000),
    end: VirtAddr::new(0x7fff_ffff_f000),
};

/// Why the processor stopped.
#[derive(Clone, Copy, Debug)]
pub enum Trap {
    /// It was switched on.
    Start,
    /// A system call: its number and arguments.
    Call(u64, [u64; 8]),
    /// An access that the page tables do not allow.
    Fault(VirtAddr, Access),
    /// The alarm went off.
    Alarm,
    /// Nothing happened; the kernel wants to be entered.
    Kick,
}

impl Trap {
    /// As the kernel takes it.
    #[must_use]
    pub const fn event(&self) -> Event<'_> {
        match self {
            Self::Start => Event::Start,
            Self::Call(number, args) => Event::Syscall {
                number: *number,
                args,
            },
            Self::Fault(address, access) => Event::PageFault {
                address: *address,
                access: *access,
                code: 0,
            },
            Self::Alarm => Event::Timer,
            Self::Kick => Event::Kick,
        }
    }
}

/// A thread's registers.
#[derive(Clone, Copy, Debug, Default)]
struct Registers {
    /// The address of its instruction.
    at: u64,
    /// Whether the instruction's call was made, so that only its answer is to be stored.
    is_answered: bool,
    answer: i64,
}

/// RAM, all of it in one piece.
#[derive(Debug)]
pub struct Ram(Vec<u8>);

fn len(bytes: u64) -> usize {
    usize::try_from(bytes).expect("RAM fits into the host's memory")
}

/// Where a physical address is in [`Ram`].
fn index(at: PhysAddr) -> usize {
    len(at.raw() - RAM.base.raw())
}

impl Ram {
    /// A word of a page table.
    #[must_use]
    pub fn word(&self, table: PhysAddr, number: usize) -> u64 {
        let bytes = &self.0[index(table) + 8 * number..][..8];
        u64::from_le_bytes(bytes.try_into().expect("eight bytes were taken"))
    }

    /// Stores a word of a page table.
    pub fn set_word(&mut self, table: PhysAddr, number: usize, word: u64) {
        self.0[index(table) + 8 * number..][..8].copy_from_slice(&word.to_le_bytes());
    }

    /// Fills a page with zeros.
    pub fn fill_page(&mut self, at: PhysAddr) {
        self.0[index(at)..][..len(PAGE_SIZE)].fill(0);
    }
}

/// The machine.
#[derive(Debug)]
pub struct Machine {
    pub(crate) ram: Ram,
    /// What of RAM is the machine's own: page tables and registers.
    pub(crate) fence: Fence,
    pub(crate) walker: Walker<X86_64>,
    pub(crate) active: Option<AspaceId>,
    contexts: BTreeMap<u64, Registers>,
    clock_ns: i64,
    alarm_ns: i64,
    random: u64,
    console: String,
}

impl Machine {
    /// Switches it on.
    ///
    /// # Panics
    /// When the host has no memory for it.
    #[must_use]
    pub fn new() -> Self {
        let codec = X86_64 {
            gib_pages: true,
            phys_bits: PHYS_BITS,
        };
        Self {
            ram: Ram(vec![0; len(RAM.bytes())]),
            fence: Fence::new(&[RAM], &[]).expect("the host has memory for one bit a frame"),
            walker: Walker::new(codec, USER),
            active: None,
            contexts: BTreeMap::new(),
            clock_ns: 1,
            alarm_ns: i64::MAX,
            random: 1,
            console: String::new(),
        }
    }

    /// What the kernel must know of it.
    #[must_use]
    pub const fn info(&self) -> MachineInfo<'static> {
        MachineInfo {
            cpus: 1,
            wander: Wander::No,
            phys_bits: PHYS_BITS,
            user: USER,
            ram_bytes: RAM.pages * PAGE_SIZE,
            free_ram: &[RAM],
            denied: &[Denied {
                run: RAM,
                why: "RAM",
            }],
            mmio_end: (1 << PHYS_BITS) - 1,
            irq_span: (0, 0),
            has_io_ports: false,
            denied_ports: &[],
            has_smc: false,
            stack_bias: 8,
        }
    }

    /// What programs and the kernel have printed.
    #[must_use]
    pub fn console(&self) -> &str {
        &self.console
    }

    /// Sleeps as long as nothing can happen.
    pub fn sleep_until_alarm(&mut self) {
        assert_ne!(self.alarm_ns, i64::MAX, "nobody would ever wake it");
        self.clock_ns = self.clock_ns.max(self.alarm_ns);
    }

    /// What interrupts the processor now, if anything does.
    pub fn interrupt(&mut self) -> Trap {
        self.clock_ns += INSTRUCTION_NS;
        if self.clock_ns < self.alarm_ns {
            return Trap::Kick;
        }
        self.alarm_ns = i64::MAX;
        Trap::Alarm
    }

    /// Runs a thread until it traps.
    pub fn run(&mut self, context: ContextId) -> Trap {
        loop {
            self.clock_ns += INSTRUCTION_NS;
            if self.clock_ns >= self.alarm_ns {
                self.alarm_ns = i64::MAX;
                return Trap::Alarm;
            }
            let mut registers = self.contexts[&context.0];
            let stopped = if registers.is_answered {
                self.finish(&mut registers).err()
            } else {
                Some(self.begin(&mut registers).unwrap_or_else(|fault| fault))
            };
            self.contexts.insert(context.0, registers);
            if let Some(trap) = stopped {
                return trap;
            }
        }
    }

    /// Makes the call that an instruction describes.
    fn begin(&mut self, registers: &mut Registers) -> Result<Trap, Trap> {
        let number = self.load(registers.at)?;
        let mut args = [0; 8];
        for (arg, offset) in args.iter_mut().zip((8..).step_by(8)) {
            *arg = self.load(registers.at + offset)?;
        }
        if args[0] == HELD {
            args[0] = self.load(HELD_AT)? & u64::from(u32::MAX);
        }
        registers.is_answered = true;
        Ok(Trap::Call(number, args))
    }

    /// Stores the answer and goes to the next instruction.
    fn finish(&mut self, registers: &mut Registers) -> Result<(), Trap> {
        self.store(registers.at + ANSWER, registers.answer.cast_unsigned())?;
        registers.at = self.load(registers.at + NEXT)?;
        registers.is_answered = false;
        Ok(())
    }

    fn load(&mut self, at: u64) -> Result<u64, Trap> {
        let (at, mut bytes) = (VirtAddr::new(at), [0; 8]);
        let active = self.active.expect("a thread runs in an address space");
        match self.read_user(active, at, &mut bytes) {
            Ok(true) => Ok(u64::from_le_bytes(bytes)),
            _ => Err(Trap::Fault(at, Access::Read)),
        }
    }

    fn store(&mut self, at: u64, word: u64) -> Result<(), Trap> {
        let at = VirtAddr::new(at);
        let active = self.active.expect("a thread runs in an address space");
        match self.write_user(active, at, &word.to_le_bytes()) {
            Ok(true) => Ok(()),
            _ => Err(Trap::Fault(at, Access::Write)),
        }
    }

    /// Checks that bytes are RAM and not the machine's own.
    fn check(&self, at: PhysAddr, bytes: u64) -> Result<(), NotMemory> {
        self.fence.check_bytes(at, bytes).map_err(|_| NotMemory)
    }
}

impl Default for Machine {
    fn default() -> Self {
        Self::new()
    }
}

impl Contexts for Machine {
    fn context_new(&mut self, frame: Frame) -> ContextId {
        // Registers are kept outside the guest's RAM; the frame is held so that its address is free
        // as a name.
        let at = frame.address();
        self.fence.claim(at);
        self.contexts.insert(at.raw(), Registers::default());
        ContextId(at.raw())
    }

    fn context_free(&mut self, context: ContextId) -> Frame {
        self.contexts.remove(&context.0);
        self.fence.release(PhysAddr::new(context.0));
        Frame::claim(PhysAddr::new(context.0))
    }

    fn context_start(&mut self, context: ContextId, start: ThreadStart) {
        let registers = Registers {
            at: start.entry,
            ..Registers::default()
        };
        self.contexts.insert(context.0, registers);
    }

    fn context_set_result(&mut self, context: ContextId, result: i64) {
        if let Some(registers) = self.contexts.get_mut(&context.0) {
            registers.answer = result;
        }
    }

    fn context_crash_registers(&self, context: ContextId) -> CrashRegisters {
        CrashRegisters {
            pc: self.contexts.get(&context.0).map_or(0, |it| it.at),
            ..CrashRegisters::default()
        }
    }

    // This processor shows its registers to nobody.
    fn context_state_bytes(&self, _kind: ThreadStateKind) -> Option<usize> {
        None
    }

    fn context_read_state(&self, _context: ContextId, _kind: ThreadStateKind, to: &mut [u8]) {
        to.fill(0);
    }

    fn context_write_state(
        &mut self,
        _context: ContextId,
        _kind: ThreadStateKind,
        _from: &[u8],
    ) -> Result<(), NotUserState> {
        Err(NotUserState)
    }

    fn context_restart_call(&mut self, context: ContextId) {
        if let Some(registers) = self.contexts.get_mut(&context.0) {
            registers.is_answered = false;
        }
    }
}

impl PhysMem for Machine {
    fn zero(&mut self, run: PhysRun) -> Result<(), NotMemory> {
        self.check(run.base, run.bytes())?;
        self.ram.0[index(run.base)..][..len(run.bytes())].fill(0);
        Ok(())
    }

    fn read(&self, from: PhysAddr, to: &mut [u8]) -> Result<(), NotMemory> {
        self.check(from, to.len() as u64)?;
        to.copy_from_slice(&self.ram.0[index(from)..][..to.len()]);
        Ok(())
    }

    fn write(&mut self, to: PhysAddr, from: &[u8]) -> Result<(), NotMemory> {
        self.check(to, from.len() as u64)?;
        self.ram.0[index(to)..][..from.len()].copy_from_slice(from);
        Ok(())
    }

    // One processor: every access is one.
    fn read_word(&self, from: PhysAddr) -> Result<u32, NotMemory> {
        let mut bytes = [0; 4];
        self.read(from, &mut bytes)?;
        Ok(u32::from_le_bytes(bytes))
    }

    fn write_word(&mut self, to: PhysAddr, word: u32) -> Result<(), NotMemory> {
        self.write(to, &word.to_le_bytes())
    }

    fn copy(&mut self, to: PhysAddr, from: PhysAddr, bytes: u64) -> Result<(), NotMemory> {
        self.check(to, bytes)?;
        self.check(from, bytes)?;
        let from = index(from);
        self.ram.0.copy_within(from..from + len(bytes), index(to));
        Ok(())
    }

    // No caches, and nobody else at memory.
    fn cache_op(&mut self, at: PhysAddr, bytes: u64, _op: CacheOp) -> Result<(), NotMemory> {
        self.check(at, bytes)
    }

    // The kernel's heap is the host's, which has no use for the guest's RAM.
    fn heap_grow(&mut self, run: PhysRun) -> Result<(), PhysRun> {
        Err(run)
    }
}

impl Cpu for Machine {
    fn now(&self) -> i64 {
        self.clock_ns
    }

    fn arm_timer(&mut self, _cpu: CpuId, deadline_ns: i64) {
        self.alarm_ns = deadline_ns;
    }

    fn activate(&mut self, _cpu: CpuId, aspace: AspaceId) {
        self.active = Some(aspace);
    }

    fn deactivate(&mut self, _cpu: CpuId) {
        self.active = None;
    }

    // No floating point.
    fn swap_fp(&mut self, _cpu: CpuId, _from: Option<ContextId>, _to: Option<ContextId>) {}

    // There is no other processor.
    fn kick(&mut self, _cpu: CpuId) {}

    fn exception_words(&self, code: u64, address: u64) -> [u64; 3] {
        [code, address, 0]
    }

    fn entropy(&mut self) -> u64 {
        // An example: a real machine must have something that cannot be guessed.
        self.random = self
            .random
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        self.random
    }
}

impl Console for Machine {
    fn write_console(&mut self, bytes: &[u8]) {
        self.console.push_str(&String::from_utf8_lossy(bytes));
    }
}
