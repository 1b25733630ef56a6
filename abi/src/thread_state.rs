//! Threads' registers as `zx_thread_read_state` and `zx_thread_write_state` pass them.

use crate::record::record;

crate::numbered::numbered! {
    /// `zx_thread_state_topic_t`: a part of a thread's registers.
    ThreadStateKind {
        /// [`GeneralRegsX86_64`] or [`GeneralRegsAarch64`].
        General = 0 "GENERAL_REGS",
        /// [`FpRegsX86_64`]; aarch64 has none of its own.
        Fp = 1 "FP_REGS",
        /// [`VectorRegsX86_64`] or [`VectorRegsAarch64`].
        Vector = 2 "VECTOR_REGS",
        /// Breakpoints and watchpoints of the hardware.
        Debug = 4 "DEBUG_REGS",
        /// Whether the thread stops after each instruction, u32.
        SingleStep = 5 "SINGLE_STEP",
        /// The FS base, u64, x86_64.
        FsBase = 6 "X86_REGISTER_FS",
        /// The GS base, u64, x86_64.
        GsBase = 7 "X86_REGISTER_GS",
    }
}

impl ThreadStateKind {
    /// Kinds with this bit are for debuggers: writing them is a debugging call.
    pub const DEBUGGING: u32 = 4;
    /// Bytes of the largest record of any kind.
    pub const MOST_BYTES: usize = 2120;
}

record! {
    /// `zx_thread_state_general_regs_t` of x86_64.
    pub struct GeneralRegsX86_64: 160 {
        /// rax
        pub rax: u64 = 0,
        /// rbx
        pub rbx: u64 = 8,
        /// rcx
        pub rcx: u64 = 16,
        /// rdx
        pub rdx: u64 = 24,
        /// rsi
        pub rsi: u64 = 32,
        /// rdi
        pub rdi: u64 = 40,
        /// rbp
        pub rbp: u64 = 48,
        /// rsp
        pub rsp: u64 = 56,
        /// r8
        pub r8: u64 = 64,
        /// r9
        pub r9: u64 = 72,
        /// r10
        pub r10: u64 = 80,
        /// r11
        pub r11: u64 = 88,
        /// r12
        pub r12: u64 = 96,
        /// r13
        pub r13: u64 = 104,
        /// r14
        pub r14: u64 = 112,
        /// r15
        pub r15: u64 = 120,
        /// The instruction that comes next.
        pub rip: u64 = 128,
        /// The flags.
        pub rflags: u64 = 136,
        /// The FS base.
        pub fs_base: u64 = 144,
        /// The GS base.
        pub gs_base: u64 = 152,
    }
}

impl GeneralRegsX86_64 {
    /// The flags that user mode may change: CF PF AF ZF SF TF DF OF NT AC ID (Intel SDM 1, 3.4.3).
    pub const USER_FLAGS: u64 = 0x24_4dd5;

    /// Whether user mode may hold these addresses: those of the user's half, which ends at `end`.
    #[must_use]
    pub const fn are_addresses_user(&self, end: u64) -> bool {
        self.rip < end && self.fs_base < end && self.gs_base < end
    }

    /// The flags of a thread that never ran: interrupts on, and the bit that is always one.
    pub const FIRST_FLAGS: u64 = 0x202;

    /// The flags of a thread that is given these: what user mode may not change is as at first.
    #[must_use]
    pub const fn user_flags(&self) -> u64 {
        self.rflags & Self::USER_FLAGS | Self::FIRST_FLAGS
    }
}

record! {
    /// `zx_thread_state_general_regs_t` of aarch64.
    pub struct GeneralRegsAarch64: 280 {
        /// x0 to x29.
        pub r: [u64; 30] = 0,
        /// x30
        pub lr: u64 = 240,
        /// sp
        pub sp: u64 = 248,
        /// The instruction that comes next.
        pub pc: u64 = 256,
        /// The flags.
        pub cpsr: u64 = 264,
        /// TPIDR_EL0
        pub tpidr: u64 = 272,
    }
}

impl GeneralRegsAarch64 {
    /// The flags that are shown, and that user mode may change: N Z C V.
    pub const USER_FLAGS: u64 = 0xf000_0000;
}

record! {
    /// `zx_thread_state_fp_regs_t` of x86_64: the x87 registers.
    pub struct FpRegsX86_64: 160 {
        /// Control word.
        pub fcw: u16 = 0,
        /// Status word.
        pub fsw: u16 = 2,
        /// Tag word, one bit for a register that is in use.
        pub ftw: u8 = 4,
        /// Opcode.
        pub fop: u16 = 6,
        /// Instruction pointer.
        pub fip: u64 = 8,
        /// Data pointer.
        pub fdp: u64 = 16,
        /// Nothing.
        pub padding: [u8; 8] = 24,
        /// st0 to st7, 80 bits of each.
        pub st: [[u64; 2]; 8] = 32,
    }
}

record! {
    /// `zx_thread_state_vector_regs_t` of x86_64.
    pub struct VectorRegsX86_64: 2120 {
        /// zmm0 to zmm31; what the processor does not have is zero.
        pub zmm: [[u64; 8]; 32] = 0,
        /// k0 to k7.
        pub opmask: [u64; 8] = 2048,
        /// MXCSR.
        pub mxcsr: u32 = 2112,
    }
}

record! {
    /// `zx_thread_state_vector_regs_t` of aarch64.
    pub struct VectorRegsAarch64: 520 {
        /// FPCR.
        pub fpcr: u32 = 0,
        /// FPSR.
        pub fpsr: u32 = 4,
        /// v0 to v31.
        pub v: [[u64; 2]; 32] = 8,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Record;

    #[test]
    fn largest_is_largest() {
        let sizes = [
            size_of::<GeneralRegsX86_64>(),
            size_of::<GeneralRegsAarch64>(),
            size_of::<FpRegsX86_64>(),
            size_of::<VectorRegsX86_64>(),
            size_of::<VectorRegsAarch64>(),
        ];
        assert_eq!(sizes.iter().max(), Some(&ThreadStateKind::MOST_BYTES));
    }

    #[test]
    fn flags_of_the_kernel_stay() {
        let all = GeneralRegsX86_64 {
            rflags: u64::MAX,
            ..GeneralRegsX86_64::default()
        };
        // IF, IOPL, RF, VM, VIF and VIP are not the user's.
        assert_eq!(all.user_flags(), 0x24_4fd7);
        assert_eq!(GeneralRegsX86_64::default().user_flags(), 0x202);
    }

    #[test]
    fn bytes_and_back() {
        let mut regs = VectorRegsX86_64::default();
        regs.zmm[31][7] = 0x1122;
        regs.mxcsr = 0x1f80;
        assert_eq!(VectorRegsX86_64::from_bytes(&regs.to_bytes()), regs);
    }
}
