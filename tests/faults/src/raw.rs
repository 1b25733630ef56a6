//! The instructions that are wrong. Each function does what its name says and, should the kernel
//! let it, returns.

use core::arch::asm;

/// The number of no system call, in more than 32 bits.
pub(crate) const BAD_CALL: u64 = 0xdead_0000_beef;

/// In the program's constants.
static CONSTANT: [u64; 2] = [0x1122_3344; 2];

/// An address in the program's code.
pub(crate) fn code_address() -> u64 {
    let function: fn() = breakpoint;
    function as usize as u64
}

/// An address in the program's constants.
pub(crate) fn constant_address() -> u64 {
    (&raw const CONSTANT) as u64
}

/// An address in the program's stack.
pub(crate) fn data_address() -> u64 {
    let data = 0_u64;
    (&raw const data) as u64 & !15
}

/// Makes a function of instructions, one for each architecture, with operands `$name = value`.
macro_rules! instructions {
    ($(#[$doc:meta])* $name:ident($($arg:ident)?): $x86_64:literal, $aarch64:literal) => {
        $(#[$doc])*
        #[inline(never)]
        pub(crate) fn $name($($arg: u64)?) {
            // SAFETY: none: it is meant to end the program. Memory that Rust uses is not changed:
            // where a write goes, there is nothing or it cannot be written.
            #[cfg(target_arch = "x86_64")]
            unsafe {
                asm!($x86_64, $(in("rdi") $arg,)? out("rax") _, out("rcx") _, out("rdx") _, out("r8") _, out("r9") _);
            }
            // SAFETY: as above.
            #[cfg(target_arch = "aarch64")]
            unsafe {
                asm!($aarch64, $(in("x0") $arg,)? out("x8") _, out("x9") _, out("x10") _, out("x30") _);
            }
        }
    };
}

instructions! {
    /// Reads four bytes.
    read(address): "mov eax, [rdi]", "ldr w9, [x0]"
}
instructions! {
    /// Writes four bytes.
    write(address): "mov dword ptr [rdi], 1", "str wzr, [x0]"
}
instructions! {
    /// Calls.
    call(address): "call rdi", "blr x0"
}
instructions! {
    /// Reads for exclusive use (aarch64), which must be aligned everywhere.
    read_exclusive(address): "mov eax, [rdi]", "ldxr w9, [x0]"
}
instructions! {
    /// Executes what is no instruction.
    undefined(): "ud2", "udf #0"
}
instructions! {
    /// Executes a breakpoint.
    breakpoint(): "int3", "brk #1"
}
instructions! {
    /// Turns interrupts off.
    privileged(): "cli", "msr daifset, #2"
}
instructions! {
    /// Reads a register of the kernel's.
    privileged_register(): "mov rax, cr3", "mrs x9, ttbr0_el1"
}
instructions! {
    /// Ends the machine by a port (x86_64); asks the secure monitor (aarch64).
    port(): "mov eax, 0\nout 0xf4, eax", "smc #0"
}
instructions! {
    /// Divides by zero (x86_64); calls the hypervisor (aarch64).
    divide(): "mov eax, 1\ncdq\nxor ecx, ecx\ndiv ecx", "hvc #0"
}
instructions! {
    /// Steps a single instruction (x86_64); ends the machine by semihosting (aarch64).
    single_step(): "pushfq\nor dword ptr [rsp], 0x100\npopfq\nnop\nnop", "mov w0, #0x18\nhlt #0xf000"
}
instructions! {
    /// Executes what is no instruction, without a stack.
    no_stack(): "mov rax, rsp\nxor esp, esp\nud2\nmov rsp, rax", "mov x9, sp\nmov x10, #0\nmov sp, x10\nudf #0\nmov sp, x9"
}
instructions! {
    /// Executes what is no instruction, with a frame pointer that points nowhere.
    bad_frame(): "push rbp\nmov rbp, 0x6667\nud2\npop rbp", "mov x9, x29\nmov x29, #0x6667\nudf #0\nmov x29, x9"
}
instructions! {
    /// Executes what is no instruction, with a frame pointer into the kernel's half.
    kernel_frame(): "push rbp\nmov rbp, 0xffffffff80000000\nud2\npop rbp", "mov x9, x29\nmov x29, #0xffffffff80000000\nudf #0\nmov x29, x9"
}

/// Makes the system call [`BAD_CALL`].
#[inline(never)]
pub(crate) fn bad_call() {
    // SAFETY: there is no such call, so that it uses no memory.
    let answer = unsafe { zx::raw::any(BAD_CALL, [0; 8]) };
    zx::println!("faults: the call answers {answer}");
}
