//! A driver for one device, which it knows as a physical VMO only.
//!
//! It holds no resource: the address of its device is nothing that it could choose, or even knows.
//! It maps the VMO, and serves readings over the channel that it was started with, until its
//! client closes that.
#![cfg_attr(target_os = "none", no_std, no_main)]
#![forbid(unsafe_code)]

extern crate alloc;

use alloc::vec::Vec;

use driver::{DEVICE, Device, Reading, Request};
use zx::abi::limits::TIME_INFINITE;
use zx::{Channel, Region, Signals, Startup, Status, VmOptions, Vmo};

zx::main!(drive);

/// What the driver returns when it was not given what it needs.
const NO_DEVICE: i64 = 1;
/// What the driver returns when a call failed that cannot.
const BROKEN: i64 = 2;

fn drive(mut start: Startup) -> i64 {
    let device = start.args.first().and_then(|name| Device::by_name(name));
    let (Some(device), Some(vmo)) = (device, start.take::<Vmo>(DEVICE)) else {
        zx::println!("driver: a device's name and its VMO are wanted");
        return NO_DEVICE;
    };
    let options = VmOptions::PERM_READ | VmOptions::PERM_WRITE;
    let served = start.root_vmar.map(&vmo, options).and_then(|registers| {
        device.start(&registers);
        serve(&start.bootstrap, device, &registers)
    });
    match served {
        Ok(()) => 0,
        Err(status) => {
            zx::println!("driver: {status}");
            BROKEN
        }
    }
}

/// Answers requests until the client is gone.
fn serve(client: &Channel, device: Device, registers: &Region) -> Result<(), Status> {
    let mut before = 0;
    loop {
        let news = Signals::READABLE | Signals::PEER_CLOSED;
        if !client
            .wait(news, TIME_INFINITE)?
            .contains(Signals::READABLE)
        {
            return Ok(());
        }
        let message = client.read()?;
        match Request::from_bytes(&message.bytes) {
            Some((txid, Request::Read)) => {
                let value = device.read(registers);
                let answer = Reading { value, before }.to_bytes(txid);
                match client.write(&answer, Vec::new()) {
                    Err(Status::PEER_CLOSED) => return Ok(()),
                    other => other?,
                }
                before += 1;
            }
            Some((_, Request::Panic)) => panic!("asked to, after {before} readings"),
            // Nobody gets an answer to nonsense.
            Some((_, Request::Ignore)) | None => {}
        }
    }
}
