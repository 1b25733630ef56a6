//! The two architectures Jacinth runs on, and every name that other tools have for them.

use object::elf;

/// A guest architecture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Arch {
    /// 64-bit x86, a q35 or microvm machine.
    X86_64,
    /// 64-bit Arm, the `virt` machine.
    Aarch64,
}

impl Arch {
    /// Both, in the order in which they are built and tested.
    pub(crate) const ALL: [Self; 2] = [Self::X86_64, Self::Aarch64];

    /// The name on the command line, also that of its folder under `target/jacinth`.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::X86_64 => "x86_64",
            Self::Aarch64 => "aarch64",
        }
    }

    /// The Rust target of the kernel, which must not touch the vector registers of its processes.
    pub(crate) const fn kernel_target(self) -> &'static str {
        match self {
            Self::X86_64 => "x86_64-unknown-none",
            Self::Aarch64 => "aarch64-unknown-none-softfloat",
        }
    }

    /// The Rust target of user programs.
    pub(crate) const fn user_target(self) -> &'static str {
        match self {
            Self::X86_64 => "x86_64-unknown-none",
            Self::Aarch64 => "aarch64-unknown-none",
        }
    }

    /// The QEMU program that emulates it.
    pub(crate) const fn qemu(self) -> &'static str {
        match self {
            Self::X86_64 => "qemu-system-x86_64",
            Self::Aarch64 => "qemu-system-aarch64",
        }
    }

    /// The machine number in an ELF header.
    pub(crate) const fn elf_machine(self) -> u16 {
        match self {
            Self::X86_64 => elf::EM_X86_64.0,
            Self::Aarch64 => elf::EM_AARCH64.0,
        }
    }
}
