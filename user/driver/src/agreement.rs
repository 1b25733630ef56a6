//! What the driver and its clients agree on: devices by name, requests and answers.
//!
//! A request is two words: the first is the kernel's (`zx_channel_call`), the second says what is
//! wanted. The driver reads the device, and answers with [`Reading`].
#![cfg_attr(target_os = "none", no_std)]
#![forbid(unsafe_code)]

extern crate alloc;

use alloc::vec::Vec;

use zx::{Channel, Region, Status, time};

/// The name under which the driver finds its device's VMO.
pub const DEVICE: &str = "device";
/// How long a client waits for an answer.
const PATIENCE_NS: i64 = 10 * time::SECOND_NS;

/// A device that the driver knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Device {
    /// The high-precision event timer of a PC (IA-PC HPET specification 1.0a, chapter 2).
    Hpet,
    /// Arm's real-time clock PL031 (Arm DDI 0224C, chapter 3).
    Rtc,
}

impl Device {
    const HPET_CONFIGURATION: u64 = 0x10;
    const HPET_ENABLE: u64 = 1;
    const HPET_COUNTER: u64 = 0xF0;
    const RTC_DATA: u64 = 0x000;

    /// The name, which is the driver's argument.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Hpet => "hpet",
            Self::Rtc => "rtc",
        }
    }

    /// The device of a name.
    #[must_use]
    pub fn by_name(name: &str) -> Option<Self> {
        let mut all = [Self::Hpet, Self::Rtc].into_iter();
        all.find(|device| device.name() == name)
    }

    /// Makes it count.
    pub fn start(self, registers: &Region) {
        if self == Self::Hpet {
            let configuration = registers.read64(Self::HPET_CONFIGURATION);
            registers.write64(Self::HPET_CONFIGURATION, configuration | Self::HPET_ENABLE);
        }
    }

    /// Reads what it counts, which never grows less.
    #[must_use]
    pub fn read(self, registers: &Region) -> u64 {
        match self {
            Self::Hpet => registers.read64(Self::HPET_COUNTER),
            Self::Rtc => registers.read32(Self::RTC_DATA).into(),
        }
    }
}

/// What a client can ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Request {
    /// A reading.
    Read,
    /// Nothing: the driver takes the request and does not answer.
    Ignore,
    /// That the driver panics, as if it had a bug.
    Panic,
}

impl Request {
    /// Bytes of a request.
    pub const BYTES: usize = 8;

    /// The request as it is sent.
    #[must_use]
    pub fn to_bytes(self) -> [u8; Self::BYTES] {
        let number: u32 = match self {
            Self::Read => 1,
            Self::Ignore => 2,
            Self::Panic => 3,
        };
        let mut bytes = [0; Self::BYTES];
        bytes[4..].copy_from_slice(&number.to_le_bytes());
        bytes
    }

    /// The request in a message, and its first word.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Option<(u32, Self)> {
        let (txid, number) = bytes.split_first_chunk::<4>()?;
        let request = match u32::from_le_bytes(number.try_into().ok()?) {
            1 => Self::Read,
            2 => Self::Ignore,
            3 => Self::Panic,
            _ => return None,
        };
        Some((u32::from_le_bytes(*txid), request))
    }
}

/// What the driver answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reading {
    /// What the device said.
    pub value: u64,
    /// How many readings this driver gave before.
    pub before: u64,
}

impl Reading {
    /// Bytes of an answer.
    pub const BYTES: usize = 24;

    /// The answer as it is sent, to the request whose first word was `txid`.
    #[must_use]
    pub fn to_bytes(self, txid: u32) -> [u8; Self::BYTES] {
        let mut bytes = [0; Self::BYTES];
        bytes[..4].copy_from_slice(&txid.to_le_bytes());
        bytes[8..16].copy_from_slice(&self.value.to_le_bytes());
        bytes[16..].copy_from_slice(&self.before.to_le_bytes());
        bytes
    }

    /// The answer in a message.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (_, rest) = bytes.split_first_chunk::<8>()?;
        let (value, rest) = rest.split_first_chunk()?;
        Some(Self {
            value: u64::from_le_bytes(*value),
            before: u64::from_le_bytes(rest.try_into().ok()?),
        })
    }
}

/// Asks a driver for a reading.
///
/// # Errors
/// Those of `zx_channel_call`: PEER_CLOSED when the driver is gone. IO_DATA_INTEGRITY for an answer
/// that is none.
pub fn ask(driver: &Channel, request: Request) -> Result<Reading, Status> {
    let deadline = time::after_ns(PATIENCE_NS);
    let most = (Reading::BYTES, 0);
    let answer = driver.call(&request.to_bytes(), Vec::new(), deadline, most)?;
    Reading::from_bytes(&answer.bytes).ok_or(Status::IO_DATA_INTEGRITY)
}

#[cfg(test)]
mod tests {
    use super::{Device, Reading, Request};

    #[test]
    fn messages_come_through() {
        for request in [Request::Read, Request::Ignore, Request::Panic] {
            let mut bytes = request.to_bytes();
            bytes[..4].copy_from_slice(&7_u32.to_le_bytes());
            assert_eq!(Request::from_bytes(&bytes), Some((7, request)));
        }
        assert_eq!(Request::from_bytes(&[0; 8]), None);
        assert_eq!(Request::from_bytes(&[1; 9]), None);
        let reading = Reading {
            value: u64::MAX - 1,
            before: 3,
        };
        let bytes = reading.to_bytes(9);
        assert_eq!(bytes[..4], 9_u32.to_le_bytes());
        assert_eq!(Reading::from_bytes(&bytes), Some(reading));
        assert_eq!(Reading::from_bytes(&bytes[1..]), None);
    }

    #[test]
    fn devices_have_names() {
        for device in [Device::Hpet, Device::Rtc] {
            assert_eq!(Device::by_name(device.name()), Some(device));
        }
        assert_eq!(Device::by_name("toaster"), None);
    }
}
