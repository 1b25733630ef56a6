//! Calls to the firmware that starts CPUs (DEN0022, section 5.6), by the calling convention of the
//! secure monitor (DEN0028).

use core::arch::asm;

use jacinth_kernel::PhysAddr;

use crate::devicetree::{Conduit, Psci};

/// What the firmware says to a call that was accepted.
const SUCCESS: u64 = 0;

/// Starts the CPU of an affinity at `entry`, with its MMU off and `argument` in x0; false when the
/// firmware refuses.
///
/// # Safety
/// The code at `entry` brings the CPU where it does no harm.
pub unsafe fn cpu_on(psci: Psci, affinity: u64, entry: PhysAddr, argument: u64) -> bool {
    let arguments = [u64::from(psci.cpu_on), affinity, entry.raw(), argument];
    // SAFETY: the device tree names the instruction and the call, whose effect the caller vouches
    // for.
    unsafe { call(psci.conduit, arguments) == SUCCESS }
}

/// # Safety
/// What the firmware does for the call is fine.
unsafe fn call(conduit: Conduit, [function, first, second, third]: [u64; 4]) -> u64 {
    macro_rules! instruction {
        ($name:literal) => {{
            let mut result = function;
            // SAFETY: by this function's contract; what the convention lets the firmware change is
            // given up.
            unsafe {
                asm!(
                    $name,
                    inout("x0") result, inout("x1") first => _, inout("x2") second => _,
                    inout("x3") third => _, out("x4") _, out("x5") _, out("x6") _, out("x7") _,
                    out("x8") _, out("x9") _, out("x10") _, out("x11") _, out("x12") _,
                    out("x13") _, out("x14") _, out("x15") _, out("x16") _, out("x17") _,
                    options(nostack),
                );
            }
            result
        }};
    }
    match conduit {
        Conduit::Hypervisor => instruction!("hvc #0"),
        Conduit::SecureMonitor => instruction!("smc #0"),
    }
}
