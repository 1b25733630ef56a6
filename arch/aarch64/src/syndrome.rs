//! What ESR_EL1 says about an exception from user mode (Arm ARM, section D17.2.37).

use jacinth_kernel::{Access, Event, VirtAddr};

/// `ZX_EXCP_*`.
const GENERAL: u32 = 0x008;
const FATAL_PAGE_FAULT: u32 = 0x108;
const UNDEFINED_INSTRUCTION: u32 = 0x208;
const SW_BREAKPOINT: u32 = 0x308;
const HW_BREAKPOINT: u32 = 0x408;
const UNALIGNED_ACCESS: u32 = 0x508;

/// Exception classes.
const UNKNOWN: u64 = 0x00;
const FP_TRAP: u64 = 0x07;
const ILLEGAL_STATE: u64 = 0x0e;
/// `svc` in 64-bit mode.
pub const SVC: u64 = 0x15;
const SYSTEM_INSTRUCTION: u64 = 0x18;
const SVE_TRAP: u64 = 0x19;
const SME_TRAP: u64 = 0x1d;
const INSTRUCTION_ABORT: u64 = 0x20;
const PC_ALIGNMENT: u64 = 0x22;
const DATA_ABORT: u64 = 0x24;
const SP_ALIGNMENT: u64 = 0x26;
const BREAKPOINT: u64 = 0x30;
const STEP: u64 = 0x32;
const WATCHPOINT: u64 = 0x34;
const BRK: u64 = 0x3c;

/// Fault status codes: the lowest two bits are the level.
const ADDRESS_SIZE: u64 = 0b0000;
const TRANSLATION: u64 = 0b0001;
const ACCESS_FLAG: u64 = 0b0010;
const PERMISSION: u64 = 0b0011;
const ALIGNMENT: u64 = 0b10_0001;
/// Write, not read; and a cache operation, which counts as a write but is none.
const WNR: u64 = 1 << 6;
const CM: u64 = 1 << 8;

/// The exception class.
pub const fn class(syndrome: u64) -> u64 {
    (syndrome >> 26) & 0x3f
}

/// Makes an event of a synchronous exception, other than a system call, or of an SError.
pub fn event(syndrome: u64, far: u64) -> Event<'static> {
    let address = untagged(far);
    let exception = |kind, address| Event::Exception {
        kind,
        code: syndrome,
        address,
    };
    match class(syndrome) {
        INSTRUCTION_ABORT => abort(syndrome, address, Access::Execute),
        DATA_ABORT if syndrome & (WNR | CM) == WNR => abort(syndrome, address, Access::Write),
        DATA_ABORT => abort(syndrome, address, Access::Read),
        PC_ALIGNMENT => exception(UNALIGNED_ACCESS, far),
        SP_ALIGNMENT => exception(UNALIGNED_ACCESS, 0),
        UNKNOWN | FP_TRAP | ILLEGAL_STATE | SYSTEM_INSTRUCTION | SVE_TRAP | SME_TRAP => {
            exception(UNDEFINED_INSTRUCTION, 0)
        }
        BRK => exception(SW_BREAKPOINT, 0),
        BREAKPOINT | STEP => exception(HW_BREAKPOINT, 0),
        WATCHPOINT => exception(HW_BREAKPOINT, address),
        _ => exception(GENERAL, 0),
    }
}

fn abort(syndrome: u64, address: u64, access: Access) -> Event<'static> {
    let status = syndrome & 0x3f;
    let exception = |kind| Event::Exception {
        kind,
        code: syndrome,
        address,
    };
    match status >> 2 {
        TRANSLATION | ACCESS_FLAG | PERMISSION => Event::PageFault {
            address: VirtAddr::new(address),
            access,
            code: syndrome,
        },
        // The entry is there, but names what the processor cannot reach.
        ADDRESS_SIZE => exception(FATAL_PAGE_FAULT),
        _ if status == ALIGNMENT => exception(UNALIGNED_ACCESS),
        // A bus that answered with an error, above all.
        _ => exception(GENERAL),
    }
}

/// Takes the tag off a user address (TCR_EL1.TBI0); bit 55 tells the halves apart.
fn untagged(address: u64) -> u64 {
    const KERNEL_HALF: u64 = 1 << 55;
    const TAG: u64 = 0xff << 56;
    if address & KERNEL_HALF == 0 {
        address & !TAG
    } else {
        address
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn syndrome(class: u64, rest: u64) -> u64 {
        (class << 26) | (1 << 25) | rest
    }

    fn fault(class: u64, rest: u64) -> Option<Access> {
        match event(syndrome(class, rest), 0xab00_0000_1234_5678) {
            Event::PageFault {
                address,
                access,
                code,
            } => {
                assert_eq!(code, syndrome(class, rest));
                assert_eq!(address.raw(), 0x1234_5678);
                Some(access)
            }
            _ => None,
        }
    }

    fn kind(class: u64, rest: u64) -> Option<u32> {
        match event(syndrome(class, rest), 0x1001) {
            Event::Exception { kind, code, .. } => {
                assert_eq!(code, syndrome(class, rest));
                Some(kind)
            }
            _ => None,
        }
    }

    #[test]
    fn page_faults_say_what_was_wanted() {
        for status in 4..16 {
            assert_eq!(fault(INSTRUCTION_ABORT, status), Some(Access::Execute));
            assert_eq!(fault(DATA_ABORT, status), Some(Access::Read));
            assert_eq!(fault(DATA_ABORT, status | WNR), Some(Access::Write));
            assert_eq!(fault(DATA_ABORT, status | WNR | CM), Some(Access::Read));
        }
    }

    #[test]
    fn other_exceptions_have_zircons_types() {
        for (class, rest, expected) in [
            (DATA_ABORT, ALIGNMENT, UNALIGNED_ACCESS),
            (DATA_ABORT, 0b01_0000, GENERAL),
            (DATA_ABORT, 0b01_0110, GENERAL),
            (DATA_ABORT, 0b11_0000, GENERAL),
            (INSTRUCTION_ABORT, 0b01_0000, GENERAL),
            (DATA_ABORT, 0, FATAL_PAGE_FAULT),
            (PC_ALIGNMENT, 0, UNALIGNED_ACCESS),
            (SP_ALIGNMENT, 0, UNALIGNED_ACCESS),
            (BRK, 1, SW_BREAKPOINT),
            (UNKNOWN, 0, UNDEFINED_INSTRUCTION),
            (SVE_TRAP, 0, UNDEFINED_INSTRUCTION),
            (WATCHPOINT, 0, HW_BREAKPOINT),
            (STEP, 0, HW_BREAKPOINT),
            (0x2f, 0, GENERAL),
            (0x11, 0, GENERAL),
        ] {
            assert_eq!(kind(class, rest), Some(expected), "{class:#x} {rest:#x}");
        }
    }

    #[test]
    fn kernel_addresses_keep_their_top() {
        let far = 0xffff_0000_0000_1000;
        let Event::PageFault { address, .. } = event(syndrome(DATA_ABORT, 4), far) else {
            panic!("a translation fault is a page fault");
        };
        assert_eq!(address.raw(), far);
    }
}
