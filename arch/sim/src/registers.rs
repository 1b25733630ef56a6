//! A thread's registers: those that its programs, which are no machine code, do not have read as if
//! nobody had ever used them.

use crate::Arch;
use jacinth_abi::{GeneralRegsAarch64, GeneralRegsX86_64, Record};
use jacinth_kernel::hal::{CrashRegisters, NotUserState, ThreadStart};

/// The general registers of a thread.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Registers {
    X86_64(GeneralRegsX86_64),
    Aarch64(GeneralRegsAarch64),
}

impl Registers {
    /// Those of a thread that never ran.
    pub(crate) fn new(arch: Arch) -> Self {
        match arch {
            Arch::X86_64 => Self::X86_64(GeneralRegsX86_64 {
                rflags: GeneralRegsX86_64::FIRST_FLAGS,
                ..GeneralRegsX86_64::default()
            }),
            Arch::Aarch64 => Self::Aarch64(GeneralRegsAarch64::default()),
        }
    }

    /// How many bytes they take in the ABI's form.
    pub(crate) const fn bytes(arch: Arch) -> usize {
        match arch {
            Arch::X86_64 => size_of::<GeneralRegsX86_64>(),
            Arch::Aarch64 => size_of::<GeneralRegsAarch64>(),
        }
    }

    pub(crate) const fn start(&mut self, start: ThreadStart) {
        match self {
            Self::X86_64(regs) => {
                (regs.rip, regs.rsp) = (start.entry, start.stack);
                (regs.rdi, regs.rsi) = (start.arg1, start.arg2);
            }
            Self::Aarch64(regs) => {
                (regs.pc, regs.sp) = (start.entry, start.stack);
                (regs.r[0], regs.r[1]) = (start.arg1, start.arg2);
            }
        }
    }

    /// How a thread with these would have been started.
    pub(crate) const fn as_start(&self) -> ThreadStart {
        match self {
            Self::X86_64(regs) => ThreadStart {
                entry: regs.rip,
                stack: regs.rsp,
                arg1: regs.rdi,
                arg2: regs.rsi,
            },
            Self::Aarch64(regs) => ThreadStart {
                entry: regs.pc,
                stack: regs.sp,
                arg1: regs.r[0],
                arg2: regs.r[1],
            },
        }
    }

    pub(crate) const fn pc(&mut self) -> &mut u64 {
        match self {
            Self::X86_64(regs) => &mut regs.rip,
            Self::Aarch64(regs) => &mut regs.pc,
        }
    }

    /// Where the answer of a system call goes.
    pub(crate) const fn result(&mut self) -> &mut u64 {
        match self {
            Self::X86_64(regs) => &mut regs.rax,
            Self::Aarch64(regs) => &mut regs.r[0],
        }
    }

    pub(crate) const fn crash(&self) -> CrashRegisters {
        match self {
            Self::X86_64(regs) => CrashRegisters {
                pc: regs.rip,
                sp: regs.rsp,
                frame_pointer: regs.rbp,
            },
            Self::Aarch64(regs) => CrashRegisters {
                pc: regs.pc,
                sp: regs.sp,
                frame_pointer: regs.r[29],
            },
        }
    }

    pub(crate) fn read(&self, to: &mut [u8]) {
        match self {
            Self::X86_64(regs) => to.copy_from_slice(&regs.to_bytes()),
            Self::Aarch64(regs) => to.copy_from_slice(&regs.to_bytes()),
        }
    }

    pub(crate) fn write(&mut self, from: &[u8], user_end: u64) -> Result<(), NotUserState> {
        match self {
            Self::X86_64(regs) => {
                let new = GeneralRegsX86_64::from_bytes(from);
                if !new.are_addresses_user(user_end) {
                    return Err(NotUserState);
                }
                let rflags = new.user_flags();
                *regs = GeneralRegsX86_64 { rflags, ..new };
            }
            Self::Aarch64(regs) => {
                let new = GeneralRegsAarch64::from_bytes(from);
                let cpsr = new.cpsr & GeneralRegsAarch64::USER_FLAGS;
                *regs = GeneralRegsAarch64 { cpsr, ..new };
            }
        }
        Ok(())
    }

    /// The base registers of x86_64.
    pub(crate) const fn base(&mut self, kind: jacinth_abi::ThreadStateKind) -> Option<&mut u64> {
        match (self, kind) {
            (Self::X86_64(regs), jacinth_abi::ThreadStateKind::FsBase) => Some(&mut regs.fs_base),
            (Self::X86_64(regs), jacinth_abi::ThreadStateKind::GsBase) => Some(&mut regs.gs_base),
            _ => None,
        }
    }
}
