//! Numbers in the vector registers, kept there while the kernel does other things.

use core::arch::asm;

/// Every vector register by number.
macro_rules! each {
    ($before:literal, $after:literal) => {
        each!($before, $after, 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15)
    };
    ($before:literal, $after:literal, $($number:literal)+) => {
        concat!($($before, $number, $after),+)
    };
}

/// Puts numbers from `first` on into the vector registers, counts to `rounds`, and says whether all
/// of them are still there.
pub(crate) fn keep(first: u64, rounds: u64) -> bool {
    let is_kept = keep_low(first, rounds);
    #[cfg(target_arch = "x86_64")]
    let is_kept = is_kept && (!has_avx() || keep_high(first, rounds));
    is_kept
}

fn keep_low(first: u64, rounds: u64) -> bool {
    let lost: u64;
    // SAFETY: registers only. On x86_64 the compiler knows of no vector registers on this target.
    #[cfg(target_arch = "x86_64")]
    unsafe {
        asm!(
            each!("movq xmm", ", {value}\ninc {value}\n"),
            "2: dec {rounds}",
            "jnz 2b",
            "xor {lost:e}, {lost:e}",
            each!("movq {found}, xmm", "\nxor {found}, {expected}\nor {lost}, {found}\ninc {expected}\n"),
            value = inout(reg) first => _,
            expected = inout(reg) first => _,
            rounds = inout(reg) rounds => _,
            found = out(reg) _,
            lost = out(reg) lost,
            options(nomem, nostack),
        );
    }
    // SAFETY: registers only, and all that change are named.
    #[cfg(target_arch = "aarch64")]
    unsafe {
        asm!(
            each!("dup v", ".2d, {value}\nadd {value}, {value}, #1\n"),
            "2: subs {rounds}, {rounds}, #1",
            "b.ne 2b",
            "mov {lost}, xzr",
            each!("mov {found}, v", ".d[1]\neor {found}, {found}, {expected}\norr {lost}, {lost}, {found}\nadd {expected}, {expected}, #1\n"),
            value = inout(reg) first => _,
            expected = inout(reg) first => _,
            rounds = inout(reg) rounds => _,
            found = out(reg) _,
            lost = out(reg) lost,
            out("v0") _, out("v1") _, out("v2") _, out("v3") _, out("v4") _, out("v5") _,
            out("v6") _, out("v7") _, out("v8") _, out("v9") _, out("v10") _, out("v11") _,
            out("v12") _, out("v13") _, out("v14") _, out("v15") _,
            options(nomem, nostack),
        );
    }
    lost == 0
}

/// Whether the processor has registers of 256 bits, and the kernel keeps them.
#[cfg(target_arch = "x86_64")]
pub(crate) fn has_avx() -> bool {
    use core::arch::x86_64::__cpuid;
    const OSXSAVE_AND_AVX: u32 = 1 << 27 | 1 << 28;
    const SSE_AND_AVX: u32 = 6;
    if __cpuid(1).ecx & OSXSAVE_AND_AVX != OSXSAVE_AND_AVX {
        return false;
    }
    let enabled: u32;
    // SAFETY: reads a register, which is there.
    unsafe {
        asm!("xgetbv", in("ecx") 0, out("eax") enabled, out("edx") _, options(nomem, nostack));
    }
    enabled & SSE_AND_AVX == SSE_AND_AVX
}

/// As [`keep`], with the numbers in the high halves of registers of 256 bits.
#[cfg(target_arch = "x86_64")]
fn keep_high(first: u64, rounds: u64) -> bool {
    let lost: u64;
    // SAFETY: registers only, of which the compiler knows nothing on this target.
    unsafe {
        asm!(
            ".irp n, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15",
            "vmovq xmm\\n, {value}",
            "vinsertf128 ymm\\n, ymm\\n, xmm\\n, 1",
            "inc {value}",
            ".endr",
            "2: dec {rounds}",
            "jnz 2b",
            "xor {lost:e}, {lost:e}",
            ".irp n, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15",
            "vextractf128 xmm\\n, ymm\\n, 1",
            "vmovq {found}, xmm\\n",
            "xor {found}, {expected}",
            "or {lost}, {found}",
            "inc {expected}",
            ".endr",
            "vzeroupper",
            value = inout(reg) first => _,
            expected = inout(reg) first => _,
            rounds = inout(reg) rounds => _,
            found = out(reg) _,
            lost = out(reg) lost,
            options(nomem, nostack),
        );
    }
    lost == 0
}

/// The number of the processor that runs this, where user mode can read it.
#[cfg(target_arch = "x86_64")]
pub(crate) fn processor() -> Option<u32> {
    const FEATURES: u32 = 1;
    let features: u64;
    // SAFETY: changes registers only, and rbx, which the compiler keeps for itself, is put back. Not
    // the library's `__cpuid`: the compiler may take that for the same whenever it is asked.
    unsafe {
        asm!(
            "mov {features}, rbx",
            "cpuid",
            "xchg {features}, rbx",
            features = out(reg) features,
            inout("eax") FEATURES => _,
            inout("ecx") 0 => _,
            out("edx") _,
            options(nostack, preserves_flags),
        );
    }
    u32::try_from(features >> 24).ok()
}

/// The number of the processor that runs this, where user mode can read it.
#[cfg(target_arch = "aarch64")]
pub(crate) const fn processor() -> Option<u32> {
    None
}
