//! What the registers of a thread hold when it executes its first instruction.

use core::arch::global_asm;
use core::sync::atomic::{AtomicU64, Ordering};

use zx::abi::SYSCALLS;
use zx::{Startup, Thread};

/// What a thread writes down: words first, then FP state.
#[repr(C, align(64))]
struct Page([AtomicU64; 512]);

static PAGE: Page = Page([const { AtomicU64::new(PATTERN) }; 512]);
const PATTERN: u64 = 0x5555_5555_5555_5555;

/// Where in the page the number of `zx_thread_exit` is, which the thread ends with, and whether the
/// processor has what only some have: FS and GS bases that user mode may read, AVX.
const EXIT: usize = 500;
const HAS_BASES: usize = 501;
const HAS_AVX: usize = 502;
/// Where FP state begins.
const FP: usize = 64;
/// Where the high halves of AVX registers begin.
#[cfg(target_arch = "x86_64")]
const AVX: usize = 128;

#[cfg(target_arch = "x86_64")]
global_asm!(
    ".pushsection .text.entry, \"ax\"",
    "jacinth_faults_entry:",
    "mov [rdi], rax",
    "mov [rdi + 8], rbx",
    "mov [rdi + 16], rcx",
    "mov [rdi + 24], rdx",
    "mov [rdi + 32], rbp",
    "mov [rdi + 40], r8",
    "mov [rdi + 48], r9",
    "mov [rdi + 56], r10",
    "mov [rdi + 64], r11",
    "mov [rdi + 72], r12",
    "mov [rdi + 80], r13",
    "mov [rdi + 88], r14",
    "mov [rdi + 96], r15",
    "mov [rdi + 104], rsi",
    "mov [rdi + 112], rsp",
    "lea rsp, [rdi + 3072]",
    "pushfq",
    "pop qword ptr [rdi + 120]",
    "xor eax, eax",
    "mov eax, ds",
    "mov [rdi + 128], rax",
    "mov eax, es",
    "mov [rdi + 136], rax",
    "mov eax, fs",
    "mov [rdi + 144], rax",
    "mov eax, gs",
    "mov [rdi + 152], rax",
    "cmp qword ptr [rdi + {has_bases} * 8], 0",
    "je 2f",
    "rdfsbase rax",
    "mov [rdi + 160], rax",
    "rdgsbase rax",
    "mov [rdi + 168], rax",
    "2:",
    "fxsave64 [rdi + {fp} * 8]",
    "cmp qword ptr [rdi + {has_avx} * 8], 0",
    "je 3f",
    ".set .Lnumber, 0",
    ".irp number, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15",
    "vextractf128 [rdi + {avx} * 8 + 16 * \\number], ymm\\number, 1",
    ".endr",
    "3:",
    "mov rax, [rdi + {exit} * 8]",
    "syscall",
    "ud2",
    ".popsection",
    fp = const FP,
    avx = const AVX,
    exit = const EXIT,
    has_bases = const HAS_BASES,
    has_avx = const HAS_AVX,
);

#[cfg(target_arch = "aarch64")]
global_asm!(
    ".pushsection .text.entry, \"ax\"",
    ".balign 4",
    "jacinth_faults_entry:",
    "str x1, [x0]",
    ".irp number, 2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30",
    "str x\\number, [x0, #8 * (\\number - 1)]",
    ".endr",
    "mov x2, sp",
    "str x2, [x0, #240]",
    "mrs x2, nzcv",
    "str x2, [x0, #248]",
    "mrs x2, tpidr_el0",
    "str x2, [x0, #256]",
    "mrs x2, fpcr",
    "str x2, [x0, #264]",
    "mrs x2, fpsr",
    "str x2, [x0, #272]",
    "add x2, x0, #{fp} * 8",
    ".irp number, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31",
    "str q\\number, [x2, #16 * \\number]",
    ".endr",
    "ldr x16, [x0, #{exit} * 8]",
    "svc #0",
    "udf #0",
    ".popsection",
    fp = const FP,
    exit = const EXIT,
);

unsafe extern "C" {
    static jacinth_faults_entry: u8;
}

/// The stack pointer and the second argument of the thread: nothing that the kernel would round.
const STACK: u64 = 0x1237;
const WORD: u64 = 0xfeed_0000_beef;

/// Starts a thread that writes its registers down; says which are not as they have to be.
pub(crate) fn check(start: &Startup) -> Result<(), &'static str> {
    prepare();
    let process = start.process.as_ref().ok_or("no process")?;
    let thread = Thread::create(process, "entry").map_err(|_| "no thread")?;
    let entry = (&raw const jacinth_faults_entry) as u64;
    let page = (&raw const PAGE) as u64;
    // SAFETY: the code writes the page, which is made of atomics, and ends the thread.
    let answer = unsafe { zx::raw::thread_start(thread.value(), entry, STACK, page, WORD) };
    if answer != 0 {
        return Err("no start");
    }
    let ended = thread.wait(zx::Signals::TASK_TERMINATED, i64::MAX);
    ended.map_err(|_| "no end")?;
    judge()
}

fn word(index: usize) -> u64 {
    PAGE.0[index].load(Ordering::SeqCst)
}

fn prepare() {
    let row = SYSCALLS.iter().find(|row| row.name == "thread_exit");
    let number = row.map_or(0, |row| row.number);
    PAGE.0[EXIT].store(number, Ordering::SeqCst);
    PAGE.0[HAS_BASES].store(0, Ordering::SeqCst);
    PAGE.0[HAS_AVX].store(0, Ordering::SeqCst);
    #[cfg(target_arch = "x86_64")]
    {
        use core::arch::x86_64::{__cpuid, __cpuid_count};
        let has_bases = __cpuid(0).eax >= 7 && __cpuid_count(7, 0).ebx & 1 == 1;
        PAGE.0[HAS_BASES].store(u64::from(has_bases), Ordering::SeqCst);
        let has_avx = crate::registers::has_avx();
        PAGE.0[HAS_AVX].store(u64::from(has_avx), Ordering::SeqCst);
    }
}

fn all_zero(range: core::ops::Range<usize>) -> bool {
    range.into_iter().all(|index| word(index) == 0)
}

/// Whether the eight registers of 10 bytes are zero; what follows each is left alone by the processor.
#[cfg(target_arch = "x86_64")]
fn x87_zero() -> bool {
    const EXPONENT: u64 = 0xffff;
    (FP + 4..FP + 20)
        .step_by(2)
        .all(|index| word(index) == 0 && word(index + 1) & EXPONENT == 0)
}

#[cfg(target_arch = "x86_64")]
fn judge() -> Result<(), &'static str> {
    const INTERRUPTS_AND_ONE: u64 = 0x202;
    /// The words of the `fxsave` area: the control word with nothing in use, MXCSR with its mask. QEMU
    /// leaves out the last opcode, which is in the first word too.
    const X87_CONTROL: u64 = 0x37f;
    const BUT_OPCODE: u64 = 0xffff_ffff_ffff;
    const MXCSR: u64 = 0x1f80;
    let wants = [
        (all_zero(0..13), "integer registers"),
        (word(13) == WORD, "rsi"),
        (word(14) == STACK, "rsp"),
        (word(15) == INTERRUPTS_AND_ONE, "rflags"),
        (all_zero(16..20), "segment selectors"),
        (word(HAS_BASES) == 0 || all_zero(20..22), "FS and GS bases"),
        (
            word(FP) & BUT_OPCODE == X87_CONTROL,
            "x87 control and status",
        ),
        (word(FP + 3) & 0xffff_ffff == MXCSR, "MXCSR"),
        (x87_zero(), "x87 registers"),
        (all_zero(FP + 20..FP + 52), "SSE registers"),
        (
            word(HAS_AVX) == 0 || all_zero(AVX..AVX + 32),
            "AVX registers",
        ),
    ];
    first_wrong(&wants)
}

#[cfg(target_arch = "aarch64")]
fn judge() -> Result<(), &'static str> {
    let wants = [
        (word(0) == WORD, "x1"),
        (all_zero(1..30), "x2 to x30"),
        (word(30) == STACK, "sp"),
        (word(31) == 0, "flags"),
        (word(32) == 0, "TPIDR_EL0"),
        (all_zero(33..35), "FPCR and FPSR"),
        (all_zero(FP..FP + 64), "v0 to v31"),
    ];
    first_wrong(&wants)
}

fn first_wrong(wants: &[(bool, &'static str)]) -> Result<(), &'static str> {
    let wrong = wants.iter().find(|(is_right, _)| !is_right);
    wrong.map_or(Ok(()), |(_, what)| Err(what))
}
