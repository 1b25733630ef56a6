//! What the director makes before a play: the victim's process, its memory and its handles, and
//! what a scene adds to them.

use jacinth_abi::processargs::{PA_JOB_DEFAULT, PA_SYSTEM_RESOURCE, PA_VMAR_ROOT};
use jacinth_abi::{VmOptions, VmoOp};
use jacinth_kernel::PAGE_SIZE;
use jacinth_tests_host::stage::{Arg, Cue, Step};
use jacinth_tests_host::{CODE, Machine, number};

/// Pages of a long call: the work of four events.
pub(crate) const PAGES: u64 = 200;
/// Bytes of a long call.
pub(crate) const BYTES: u64 = PAGES * PAGE_SIZE;
/// Where the victim has its memory.
pub(crate) const DATA: u64 = 0x60_0000;
/// How much of it, in bytes.
pub(crate) const DATA_BYTES: u64 = 16 * PAGE_SIZE;
/// Where in it are the handles that it was given, and others behind them.
const TABLE: u64 = DATA;
/// Where in it is what its calls read: the first page, and the offset there.
pub(crate) const RECORDS: u64 = DATA + 0x800;
/// A word that threads wait at, and another one. Both are 0.
pub(crate) const FUTEX: u64 = DATA + 0xe00;
pub(crate) const FUTEX_BESIDE: u64 = DATA + 0xe40;
/// Where its calls write.
pub(crate) const OUT: u64 = DATA + PAGE_SIZE;
/// Room for large answers.
pub(crate) const ROOM: u64 = DATA + 2 * PAGE_SIZE;
/// Where large things are mapped.
pub(crate) const LARGE: u64 = 0x100_0000;
/// Where nothing is mapped.
pub(crate) const NOTHING: u64 = 0x6f_0000;
/// Bytes of requests and answers.
const LETTER: u64 = 64;
/// A VMO is mapped readable and writable.
pub(crate) const READ_WRITE: u64 = 3;
/// A deadline that comes only when nothing else does, in ns.
pub(crate) const LATE_NS: u64 = 1 << 50;

/// The director's hands.
pub(crate) struct Kit<'a> {
    pub(crate) machine: &'a mut Machine,
    gifts: &'a [(u32, u32)],
    /// Handles to be closed when all is over.
    made: Vec<u32>,
    /// The bus transaction initiator that was made last.
    pub(crate) last_bti: u64,
}

impl<'a> Kit<'a> {
    pub(crate) const fn new(machine: &'a mut Machine, gifts: &'a [(u32, u32)]) -> Self {
        let made = Vec::new();
        Self {
            machine,
            gifts,
            made,
            last_bti: 0,
        }
    }

    /// Makes a call.
    pub(crate) fn call(&mut self, name: &str, args: &[u64]) -> i64 {
        let mut words = [0; 8];
        words[..args.len()].copy_from_slice(args);
        let answer = self.machine.call(number(name), &words);
        answer.expect("the director lives")
    }

    /// Makes a call that must succeed.
    pub(crate) fn must(&mut self, name: &str, args: &[u64]) {
        assert_eq!(self.call(name, args), 0, "{name} {args:x?}");
    }

    /// Where the director's calls write: two handles.
    pub(crate) const fn out(&self) -> u64 {
        self.machine.scratch()
    }

    fn paper(&self) -> u64 {
        self.machine.scratch() + PAGE_SIZE
    }

    /// A handle that a call makes, whose last argument says where it goes.
    pub(crate) fn make(&mut self, name: &str, args: &[u64]) -> u64 {
        let [handle, _] = self.make_some(name, args, 1);
        handle
    }

    /// Two handles that a call makes.
    pub(crate) fn make_pair(&mut self, name: &str, args: &[u64]) -> [u64; 2] {
        self.make_some(name, args, 2)
    }

    fn make_some(&mut self, name: &str, args: &[u64], count: usize) -> [u64; 2] {
        let outs = [self.out(), self.out() + 4];
        let args: Vec<u64> = args.iter().chain(&outs[..count]).copied().collect();
        self.must(name, &args);
        self.take_out(count)
    }

    /// The handles that a call has made.
    fn take_out(&mut self, count: usize) -> [u64; 2] {
        let mut bytes = [0; 8];
        let taken = self.machine.take(self.out(), &mut bytes);
        taken.expect("the director has memory");
        let (first, second) = (u64::from_le_bytes(bytes) & 0xffff_ffff, bytes[4..].to_vec());
        let second = u32::from_le_bytes([second[0], second[1], second[2], second[3]]);
        let handles = [first, u64::from(second)];
        for handle in &handles[..count] {
            self.made.push(u32::try_from(*handle).expect("a handle"));
        }
        handles
    }

    /// A second handle.
    pub(crate) fn copy(&mut self, handle: u64) -> u64 {
        const SAME_RIGHTS: u64 = 1 << 31;
        self.make("handle_duplicate", &[handle, SAME_RIGHTS])
    }

    /// A handle that the program was born with.
    pub(crate) fn gift(&self, kind: u32) -> u64 {
        let found = self.gifts.iter().find(|(info, _)| *info == kind);
        found.expect("a program is given what it needs").1.into()
    }

    /// A VMO of a long call's size, whose pages are there.
    pub(crate) fn full_vmo(&mut self, options: u64) -> u64 {
        let vmo = self.make("vmo_create", &[BYTES, options]);
        let commit = VmoOp::Commit.number().into();
        self.must("vmo_op_range", &[vmo, commit, 0, BYTES, 0, 0]);
        vmo
    }

    /// A bus transaction initiator.
    pub(crate) fn bti(&mut self) -> u64 {
        let system = self.gift(PA_SYSTEM_RESOURCE);
        let paper = self.paper();
        self.machine.put(paper, &[0]).expect("memory");
        let iommu = self.make("iommu_create", &[system, 0, paper, 1]);
        self.last_bti = self.make("bti_create", &[iommu, 0, 1]);
        self.last_bti
    }

    /// A process that does not run, and its address space.
    pub(crate) fn process(&mut self, job: u64) -> [u64; 2] {
        let [name, len] = self.named("victim");
        self.make_pair("process_create", &[job, name, len, 0])
    }

    /// A region of the director's own, in which things can be mapped.
    pub(crate) fn region(&mut self, bytes: u64) -> u64 {
        let vmar = self.gift(PA_VMAR_ROOT);
        let can = VmOptions::CAN_MAP_READ | VmOptions::CAN_MAP_WRITE;
        let (out, at) = (self.out(), self.out() + 8);
        self.must(
            "vmar_allocate",
            &[vmar, can.bits().into(), 0, bytes, out, at],
        );
        self.take_out(1)[0]
    }

    /// A name in the director's memory: for calls that name what they make.
    fn named(&mut self, name: &str) -> [u64; 2] {
        let paper = self.paper();
        self.machine.put(paper, name.as_bytes()).expect("memory");
        [paper, name.len() as u64]
    }

    /// What was made, to be closed when all is over.
    pub(crate) fn take_made(self) -> Vec<u32> {
        self.made
    }
}

/// A play: who does what, and what they have.
pub(crate) struct Play {
    pub(crate) job: u64,
    pub(crate) process: u64,
    /// The threads of the victim's process; the first is the victim.
    pub(crate) threads: Vec<u64>,
    vmar: u64,
    memory: u64,
    strings: [u64; 2],
    given: Vec<u64>,
    outs: u64,
    /// What the threads do.
    pub(crate) parts: Vec<Vec<Step>>,
    /// What the director does once the process runs.
    pub(crate) cues: Vec<Cue>,
    /// What is closed to take from the victim what it waits for: handles of the director's, and the
    /// place of one of the victim's.
    pub(crate) theirs: Vec<u64>,
    pub(crate) its_own: Option<Arg>,
    /// Where the victim's companion finds their address space.
    pub(crate) companion_vmar: Option<Arg>,
    /// What the director does when all are dead.
    pub(crate) epilogue: Vec<Cue>,
    /// Whether it has so many players that only some fates are tried.
    pub(crate) is_crowded: bool,
}

impl Play {
    /// A process with memory and a thread, which does not run yet.
    pub(crate) fn new(kit: &mut Kit<'_>) -> Self {
        let root = kit.gift(PA_JOB_DEFAULT);
        let job = kit.make("job_create", &[root, 0]);
        let [process, vmar] = kit.process(job);
        let memory = kit.make("vmo_create", &[DATA_BYTES, 0]);
        let base = kit.machine.sim.config().arch.user().start.raw();
        let options = READ_WRITE | u64::from(VmOptions::SPECIFIC.bits());
        let map = [vmar, options, DATA - base, memory, 0, DATA_BYTES, kit.out()];
        kit.must("vmar_map", &map);
        let strings = kit.make_pair("channel_create", &[0]);
        let mut this = Self {
            job,
            process,
            threads: Vec::new(),
            vmar,
            memory,
            strings,
            given: Vec::new(),
            outs: 0,
            parts: Vec::new(),
            cues: Vec::new(),
            theirs: Vec::new(),
            its_own: None,
            companion_vmar: None,
            epilogue: Vec::new(),
            is_crowded: false,
        };
        let read = [
            Arg::Gift,
            Arg::Word(0),
            Arg::Word(OUT),
            Arg::Word(TABLE),
            Arg::Word(8),
            Arg::Word(64),
            Arg::Word(OUT),
            Arg::Word(OUT + 4),
        ];
        this.add_thread(kit, vec![Step::call("channel_read", &read)]);
        this
    }

    /// One more thread.
    pub(crate) fn add_thread(&mut self, kit: &mut Kit<'_>, steps: Vec<Step>) {
        let [name, len] = kit.named("thread");
        let thread = kit.make("thread_create", &[self.process, name, len, 0]);
        self.threads.push(thread);
        self.parts.push(steps);
    }

    /// The victim's companion: a thread that does nothing by itself, the last of all.
    pub(crate) fn add_companion(&mut self, kit: &mut Kit<'_>) {
        self.companion_vmar = Some(self.give_vmar(kit));
        self.add_thread(kit, Vec::new());
    }

    /// Gives the victim a handle; where its value will be.
    pub(crate) fn give(&mut self, handle: u64) -> Arg {
        self.given.push(handle);
        Arg::At(TABLE + 4 * (self.given.len() as u64 - 1))
    }

    /// A place for a handle that the victim makes itself: its address, and what is there then.
    pub(crate) const fn place(&mut self) -> (u64, Arg) {
        self.outs += 1;
        let at = TABLE + 0x200 + 8 * self.outs;
        (at, Arg::At(at))
    }

    /// Gives the victim its own address space.
    pub(crate) fn give_vmar(&mut self, kit: &mut Kit<'_>) -> Arg {
        let copy = kit.copy(self.vmar);
        self.give(copy)
    }

    /// Adds a call to the victim's part.
    pub(crate) fn call(&mut self, name: &str, args: &[Arg]) {
        self.parts[0].push(Step::call(name, args));
    }

    /// Has the victim map a whole VMO where large things are.
    pub(crate) fn map_large(&mut self, vmar: Arg, vmo: Arg, options: VmOptions) {
        const USER_START: u64 = 0x20_0000;
        let options = READ_WRITE | u64::from(options.bits());
        let offset = Arg::Word(LARGE - USER_START);
        let [zero, bytes, out] = [0, BYTES, OUT].map(Arg::Word);
        let args = [vmar, Arg::Word(options), offset, vmo, zero, bytes, out];
        self.call("vmar_map", &args);
    }

    /// Writes what the victim's calls read.
    pub(crate) fn write(&self, kit: &mut Kit<'_>, at: u64, bytes: &[u8]) {
        let paper = kit.paper();
        kit.machine.put(paper, bytes).expect("memory");
        let args = [self.memory, paper, at - DATA, bytes.len() as u64];
        kit.must("vmo_write", &args);
    }

    /// Something for the director to do when nobody can go on by himself.
    pub(crate) fn answer(&mut self, name: &str, args: &[u64]) {
        let args: Vec<Arg> = args.iter().copied().map(Arg::Word).collect();
        self.cues
            .extend([Cue::Quiet, Cue::Do(Step::call(name, &args))]);
    }

    /// What the director does in the play: it starts the process, and all its threads.
    pub(crate) fn cues(&self) -> Vec<Cue> {
        let start = |name: &str, args: &[u64]| {
            let args: Vec<Arg> = args.iter().copied().map(Arg::Word).collect();
            Cue::Do(Step::call(name, &args))
        };
        let (process, first) = (self.process, self.threads[0]);
        let args = [process, first, CODE, 0, self.strings[1], 1];
        let mut cues = vec![start("process_start", &args)];
        for (index, thread) in (2..).zip(&self.threads[1..]) {
            cues.push(start("thread_start", &[*thread, CODE, 0, 0, index]));
        }
        cues.extend(&self.cues);
        cues
    }

    /// Sends the handles.
    pub(crate) fn send_gifts(&self, kit: &mut Kit<'_>) {
        let values = self.given.iter().map(|value| *value as u32);
        let bytes: Vec<u8> = values.flat_map(u32::to_le_bytes).collect();
        let paper = kit.paper();
        kit.machine.put(paper, &bytes).expect("memory");
        let count = self.given.len() as u64;
        let args = [self.strings[0], 0, paper, 0, paper, count];
        kit.must("channel_write", &args);
    }
}

/// The bytes of a request: where its length goes, too.
pub(crate) const fn letter_bytes() -> u64 {
    LETTER
}
