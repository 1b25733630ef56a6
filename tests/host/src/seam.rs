//! The seam of `zx` on a host thread: calls, loads and stores go to the thread's simulated machine.

use jacinth_sim::world::{Argument, Thread};
use std::rc::Rc;
use zx::{Arg, Channel, Handle, Seam, Startup, Status, Width};

struct SimSeam(Thread);

impl Seam for SimSeam {
    fn call(&self, number: u64, args: &mut [Arg<'_>]) -> i64 {
        let mut arguments: Vec<Argument<'_>> = args.iter_mut().map(argument).collect();
        self.0.call(number, &mut arguments)
    }

    fn load(&self, at: u64, width: Width) -> u64 {
        self.0.load(at, bytes(width))
    }

    fn store(&self, at: u64, width: Width, value: u64) {
        self.0.store(at, bytes(width), value);
    }

    fn prepare(&self, body: Box<dyn FnOnce(u64) + Send>) -> (u64, u64) {
        let word = self.0.prepare(|thread| {
            zx::set_host(Some(Rc::new(Self(thread.clone()))));
            body(thread.argument());
        });
        (self.0.entry(), word)
    }
}

fn argument<'a>(arg: &'a mut Arg<'_>) -> Argument<'a> {
    match arg {
        Arg::Word(word) => Argument::Word(*word),
        Arg::In(bytes) => Argument::In(bytes),
        Arg::Out(bytes) => Argument::Out(bytes),
        Arg::At(address) => Argument::Word(address.raw()),
        Arg::Record { bytes, parts } => Argument::Record {
            bytes: bytes.to_vec(),
            parts: parts
                .iter_mut()
                .map(|(offset, part)| (*offset, argument(part)))
                .collect(),
        },
    }
}

fn bytes(width: Width) -> u8 {
    u8::try_from(width.bytes()).expect("at most eight bytes")
}

/// Gives the calling host thread its machine, and reads what the kernel gave the program.
///
/// # Errors
/// Those of [`Startup::read`].
pub fn start(thread: &Thread, bootstrap: u32) -> Result<Startup, Status> {
    zx::set_host(Some(Rc::new(SimSeam(thread.clone()))));
    Startup::read(Channel::from(Handle::from_value(bootstrap)))
}
