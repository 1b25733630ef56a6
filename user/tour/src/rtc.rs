//! Step 2 on aarch64: the PL031 real-time clock (Arm DDI 0224C, chapter 3).

use core::fmt;

use zx::{Region, Startup, Status, VmOptions, Vmo};

use crate::given;
use crate::machine::Machine;
use crate::report::{Hex, Report};

/// Seconds since 1970.
const DATA: u64 = 0x000;
/// Four bytes that say who made the part, a word each.
const PERIPHERAL_ID: u64 = 0xFE0;
/// Four bytes that every PrimeCell has.
const CELL_ID: u64 = 0xFF0;
/// Part number and the low half of Arm's code: PL031.
const PL031: u64 = 0x0014_1031;
const PRIME_CELL: u64 = 0xB105_F00D;
/// 2024-01-01: no clock that is set says less.
const PLAUSIBLE: u32 = 1_704_067_200;

pub(crate) fn show(report: &mut Report, start: &Startup, machine: &Machine) -> Result<(), Status> {
    let Some(place) = machine.rtc() else {
        return Ok(());
    };
    report.heading(2, format_args!("The real-time clock at {:#x}", place.base));
    let vmo = Vmo::create_physical(
        given(start.mmio.as_ref())?,
        place.page(),
        place.page_bytes(),
    )?;
    let rtc = start.root_vmar.map(&vmo, VmOptions::PERM_READ)?;
    // The top byte is a configuration, the one below holds the revision in its upper half.
    let id = identity(&rtc, PERIPHERAL_ID) & 0x000F_FFFF;
    report.equal("part", Hex(id), Hex(PL031 & 0x000F_FFFF));
    report.equal("PrimeCell", Hex(identity(&rtc, CELL_ID)), Hex(PRIME_CELL));
    let seconds = rtc.read32(DATA);
    report.check("date and time, UTC", Date(seconds), seconds >= PLAUSIBLE);
    zx::println!("rtc {seconds}");
    rtc.unmap()
}

/// An identification of four bytes, the lowest first.
fn identity(rtc: &Region, at: u64) -> u64 {
    let byte = |index: u64| u64::from(rtc.read32(at + index * 4) & 0xFF) << (index * 8);
    (0..4).map(byte).sum()
}

/// Seconds since 1970 as date and time.
struct Date(u32);

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (days, second) = (self.0 / 86_400, self.0 % 86_400);
        // Days count from 0000-03-01, so that a leap day is the last of its year; an era has 400
        // years and 146,097 days.
        let days = days + 719_468;
        let (era, day) = (days / 146_097, days % 146_097);
        let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
        let day = day - (365 * year + year / 4 - year / 100);
        let month = (5 * day + 2) / 153;
        let day_of_month = day - (153 * month + 2) / 5 + 1;
        let (month, carry) = if month < 10 {
            (month + 3, 0)
        } else {
            (month - 9, 1)
        };
        let year = era * 400 + year + carry;
        let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
        let text = alloc::format!(
            "{year:04}-{month:02}-{day_of_month:02} {hour:02}:{minute:02}:{second:02}"
        );
        f.pad(&text)
    }
}

#[cfg(test)]
mod tests {
    use super::Date;
    use alloc::string::ToString;

    #[test]
    fn dates() {
        assert_eq!(Date(0).to_string(), "1970-01-01 00:00:00");
        assert_eq!(Date(951_782_400).to_string(), "2000-02-29 00:00:00");
        assert_eq!(Date(1_709_251_199).to_string(), "2024-02-29 23:59:59");
        assert_eq!(Date(u32::MAX).to_string(), "2106-02-07 06:28:15");
    }
}
