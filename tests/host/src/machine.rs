//! A machine with one process of one thread that a test drives itself, event by event: no host
//! threads, no program. What the stateful test and the fuzz target stand on.

use jacinth_abi::processargs::{Header, handle_kind};
use jacinth_abi::{Record, SYSCALLS};
use jacinth_kernel::boot::{Program, Segment};
use jacinth_kernel::hal::{ContextId, CpuId, MmuFlags};
use jacinth_kernel::{Access, Event, Kernel, Next, PAGE_SIZE, VirtAddr};
use jacinth_sim::{Config, Description, Refused, Sim};

/// Where the process's only page of code is: readable, executable, not writable.
pub const CODE: u64 = 0x40_0000;
/// What is between the end of the stack and the room that arguments are put into.
const STACK_BYTES: u64 = 256 * 1024;
/// An access that faults more often than this goes round in circles.
const MOST_FAULTS: u32 = 8;
/// An event that takes more steps than this never ends.
const MOST_STEPS: u32 = 1 << 20;

/// Why the process does not go on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stop {
    /// The machine ended.
    Halted,
    /// An access was refused again and again although the kernel said to go on.
    Circle(u64),
    /// Nothing runs, and no timer is armed.
    Stuck,
}

/// A simulated machine, its kernel, and the one thread that runs on it.
pub struct Machine {
    /// The machine.
    pub sim: Sim,
    /// The kernel.
    pub kernel: Kernel,
    /// The processor that the thread is on.
    pub(crate) cpu: CpuId,
    pub(crate) context: ContextId,
    stack_top: u64,
    bootstrap: u32,
}

impl Machine {
    /// Boots a machine to the first instruction of its process.
    ///
    /// # Panics
    /// When the kernel refuses to start.
    #[must_use]
    pub fn new(config: &Config) -> Self {
        let mut sim = Sim::new(config);
        let description = Description::new(config);
        let mut kernel = Kernel::new(&description.info()).expect("the host has memory");
        let segment = Segment {
            at: VirtAddr::new(CODE),
            mem_bytes: PAGE_SIZE,
            file: &[0xcc; 64],
            flags: MmuFlags::READ | MmuFlags::EXECUTE,
        };
        let program = Program {
            name: "init",
            segments: &[segment],
            entry: VirtAddr::new(CODE),
        };
        let started = kernel.start_init(&mut sim, &program, &[], &[]);
        assert!(started.is_ok(), "init does not start: {started:?}");
        let Next::Switch(context) = kernel.enter(&mut sim, 0, Event::Start) else {
            panic!("the first thread does not run");
        };
        for cpu in 1..config.cpus {
            kernel.enter(&mut sim, cpu, Event::Start);
        }
        let start = sim.start_of(context).expect("it was started");
        Self {
            sim,
            kernel,
            cpu: 0,
            context,
            stack_top: start.stack.next_multiple_of(PAGE_SIZE),
            bootstrap: u32::try_from(start.arg1).expect("a handle"),
        }
    }

    /// The addresses of the process's stack, its guard page first.
    #[must_use]
    pub const fn stack(&self) -> (u64, u64) {
        (self.stack_top - STACK_BYTES - PAGE_SIZE, self.stack_top)
    }

    /// The lowest address of the stack that may be used for anything.
    #[must_use]
    pub const fn scratch(&self) -> u64 {
        self.stack_top - STACK_BYTES
    }

    /// Feeds one event to the kernel and lets the machine run until the thread is on again.
    ///
    /// # Errors
    /// [`Stop`], when it never is.
    pub fn enter(&mut self, event: Event<'_>) -> Result<(), Stop> {
        let cpu = self.cpu;
        let mut next = self.kernel.enter(&mut self.sim, cpu, event);
        for _ in 0..MOST_STEPS {
            let event = match next {
                Next::Resume | Next::Switch(_) => return Ok(()),
                Next::Halt(_) => return Err(Stop::Halted),
                Next::Again => Event::Kick,
                Next::Idle => {
                    self.sim.skip_to_timer().ok_or(Stop::Stuck)?;
                    self.sim.take_timer(cpu);
                    Event::Timer
                }
            };
            next = self.kernel.enter(&mut self.sim, cpu, event);
        }
        Err(Stop::Stuck)
    }

    /// Makes a system call with plain registers; its answer.
    ///
    /// # Errors
    /// [`Stop`].
    pub fn call(&mut self, number: u64, args: &[u64; 8]) -> Result<i64, Stop> {
        self.enter(Event::Syscall { number, args })?;
        self.sim.result_of(self.context).ok_or(Stop::Halted)
    }

    /// Copies bytes into the process's memory, as the program would.
    ///
    /// # Errors
    /// [`Stop`].
    pub fn put(&mut self, at: u64, bytes: &[u8]) -> Result<(), Stop> {
        let mut done = 0;
        while done < bytes.len() {
            let now = piece(at + done as u64, bytes.len() - done);
            let from = &bytes[done..done + now];
            let at = at + done as u64;
            self.access(at, Access::Write, |sim, cpu| {
                sim.user_write_bytes(cpu, at, from)
            })?;
            done += now;
        }
        Ok(())
    }

    /// Copies bytes out of the process's memory, as the program would.
    ///
    /// # Errors
    /// [`Stop`].
    pub fn take(&mut self, at: u64, bytes: &mut [u8]) -> Result<(), Stop> {
        let mut done = 0;
        while done < bytes.len() {
            let now = piece(at + done as u64, bytes.len() - done);
            let to = &mut bytes[done..done + now];
            let at = at + done as u64;
            self.access(at, Access::Read, |sim, cpu| {
                sim.user_read_bytes(cpu, at, to)
            })?;
            done += now;
        }
        Ok(())
    }

    /// Fetches an instruction.
    ///
    /// # Errors
    /// [`Stop`].
    pub fn fetch(&mut self, at: u64) -> Result<(), Stop> {
        self.access(at, Access::Execute, |sim, cpu| sim.user_fetch(cpu, at))
    }

    fn access(
        &mut self,
        at: u64,
        access: Access,
        mut act: impl FnMut(&mut Sim, CpuId) -> Result<(), Refused>,
    ) -> Result<(), Stop> {
        for _ in 0..MOST_FAULTS {
            if act(&mut self.sim, self.cpu).is_ok() {
                return Ok(());
            }
            let address = VirtAddr::new(at);
            self.enter(Event::PageFault {
                address,
                access,
                code: 0,
            })?;
        }
        Err(Stop::Circle(at))
    }

    /// Recounts everything, and compares the TLB with the page tables.
    ///
    /// # Errors
    /// What differs.
    pub fn audit(&self) -> Result<(), String> {
        self.sim.audit_tlbs()?;
        let audit = self.kernel.audit(&self.sim);
        audit.map_err(|error| format!("audit: {error:?}"))
    }

    /// Reads the message that brought the process its handles: what each is (`PA_*`), its value.
    ///
    /// # Panics
    /// When there is none.
    #[must_use]
    pub fn gifts(&mut self) -> Vec<(u32, u32)> {
        const BYTES: u64 = 4096;
        const HANDLES: u64 = 64;
        let bytes_at = self.scratch();
        let handles_at = bytes_at + BYTES;
        let counts_at = handles_at + HANDLES * 4;
        let args = [
            u64::from(self.bootstrap),
            0,
            bytes_at,
            handles_at,
            BYTES,
            HANDLES,
            counts_at,
            counts_at + 4,
        ];
        assert_eq!(self.call(number("channel_read"), &args), Ok(0));
        let mut message = [0; 4096];
        self.take(bytes_at, &mut message).expect("it was written");
        let mut values = [0; 64 * 4];
        self.take(handles_at, &mut values).expect("it was written");
        let mut counts = [0; 8];
        self.take(counts_at, &mut counts).expect("it was written");
        let count = word(&counts[4..]) as usize;
        let table = Header::from_bytes(&message).handle_info_off as usize;
        let info = |i: usize| handle_kind(word(&message[table + 4 * i..]));
        (0..count)
            .map(|i| (info(i), word(&values[4 * i..])))
            .collect()
    }
}

/// The number of a system call.
///
/// # Panics
/// When there is none of that name.
#[must_use]
pub fn number(name: &str) -> u64 {
    let row = SYSCALLS.iter().find(|call| call.name == name);
    row.expect("a row of the table").number
}

fn word(bytes: &[u8]) -> u32 {
    u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]])
}

/// How many of `len` bytes from `at` on are in one page.
fn piece(at: u64, len: usize) -> usize {
    let room = PAGE_SIZE - at % PAGE_SIZE;
    len.min(usize::try_from(room).unwrap_or(len))
}
