//! The library over the smallest machine there can be: what reaches the kernel, and what comes of
//! its answers.

use std::cell::RefCell;
use std::rc::Rc;

use zx::abi::processargs::{self, Header};
use zx::abi::{Record, SYSCALLS};
use zx::{Arg, Channel, Handle, Seam, Startup, Status, Vmo, Width, cpio, set_host};

/// Answers a few calls from what it was given, and notes what it is asked.
#[derive(Default)]
struct Machine {
    message: Vec<u8>,
    handles: Vec<u32>,
    vmo: Vec<u8>,
    console: RefCell<Vec<Vec<u8>>>,
    closed: RefCell<Vec<u32>>,
}

/// Fills the front of an out argument.
fn put(arg: &mut Arg<'_>, bytes: &[u8]) {
    let Arg::Out(place) = arg else {
        panic!("memory to write was expected");
    };
    place[..bytes.len()].copy_from_slice(bytes);
}

fn word(arg: &Arg<'_>) -> u64 {
    match arg {
        Arg::Word(word) => *word,
        other => panic!("a number was expected, not {other:?}"),
    }
}

impl Machine {
    fn read_channel(&self, args: &mut [Arg<'_>]) -> Status {
        let handles: Vec<u8> = self
            .handles
            .iter()
            .flat_map(|value| value.to_le_bytes())
            .collect();
        let fits = word(&args[4]) as usize >= self.message.len()
            && word(&args[5]) as usize >= self.handles.len();
        if fits {
            put(&mut args[2], &self.message);
            put(&mut args[3], &handles);
        }
        put(&mut args[6], &(self.message.len() as u32).to_le_bytes());
        put(&mut args[7], &(self.handles.len() as u32).to_le_bytes());
        if fits { OK } else { Status::BUFFER_TOO_SMALL }
    }

    fn read_vmo(&self, args: &mut [Arg<'_>]) -> Status {
        let (offset, size) = (word(&args[2]) as usize, word(&args[3]) as usize);
        match self.vmo.get(offset..offset + size) {
            Some(bytes) => put(&mut args[1], bytes),
            None => return Status::OUT_OF_RANGE,
        }
        OK
    }

    fn answer(&self, name: &str, args: &mut [Arg<'_>]) -> Status {
        match name {
            "channel_read" => return self.read_channel(args),
            "vmo_read" => return self.read_vmo(args),
            "vmo_get_size" => put(&mut args[1], &(self.vmo.len() as u64).to_le_bytes()),
            "handle_close" => self.closed.borrow_mut().push(word(&args[0]) as u32),
            "debug_write" => {
                let Arg::In(text) = &args[0] else {
                    panic!("text was expected");
                };
                assert_eq!(word(&args[1]), text.len() as u64);
                self.console.borrow_mut().push(text.to_vec());
            }
            other => panic!("{other} was not expected"),
        }
        OK
    }
}

/// Stands for success, which is no status.
const OK: Status = Status::INTERNAL_INTR_RETRY;

impl Seam for Machine {
    fn call(&self, number: u64, args: &mut [Arg<'_>]) -> i64 {
        let call = SYSCALLS.iter().find(|call| call.number == number).unwrap();
        assert_eq!(call.arguments.len(), args.len());
        match self.answer(call.name, args) {
            OK => 0,
            status => i64::from(status.raw()),
        }
    }

    fn load(&self, _at: u64, _width: Width) -> u64 {
        panic!("nothing is mapped");
    }

    fn store(&self, _at: u64, _width: Width, _value: u64) {
        panic!("nothing is mapped");
    }

    fn prepare(&self, _: Box<dyn FnOnce(u64) + Send>) -> (u64, u64) {
        panic!("no thread was expected");
    }
}

fn with<R>(machine: Machine, program: impl FnOnce() -> R) -> (R, Rc<Machine>) {
    let machine = Rc::new(machine);
    set_host(Some(machine.clone()));
    let result = program();
    set_host(None);
    (result, machine)
}

#[test]
fn text_leaves_in_lines() {
    let ((), machine) = with(Machine::default(), || {
        zx::println!("one {}\ntwo", 1);
        zx::print!("{}", "x".repeat(300));
    });
    let console = machine.console.borrow();
    let lengths: Vec<_> = console.iter().map(Vec::len).collect();
    assert_eq!(lengths, [6, 4, 256, 44]);
    assert_eq!(console[1], b"two\n");
}

/// A start-up message with these handles, kinds and arguments.
fn message(infos: &[u32], args: &[&str]) -> Vec<u8> {
    let header = Header {
        protocol: processargs::PROTOCOL,
        version: processargs::VERSION,
        handle_info_off: 36,
        args_off: 36 + 4 * infos.len() as u32,
        args_num: args.len() as u32,
        ..Header::default()
    };
    let mut bytes = header.to_bytes().to_vec();
    bytes.extend(infos.iter().flat_map(|info| info.to_le_bytes()));
    for arg in args {
        bytes.extend(arg.as_bytes());
        bytes.push(0);
    }
    bytes
}

#[test]
fn startup_knows_handles_by_their_kind() {
    let tree = processargs::handle_info(processargs::PA_VMO_BOOTDATA, 1);
    let infos = [
        processargs::PA_MMIO_RESOURCE,
        tree,
        processargs::PA_VMAR_ROOT,
        0x77,
    ];
    let machine = Machine {
        message: message(&infos, &["init", "quiet"]),
        handles: vec![7, 11, 15, 19],
        ..Machine::default()
    };
    let (start, machine) = with(machine, || {
        let start = Startup::read(Channel::from(Handle::from_value(3))).unwrap();
        assert_eq!(start.mmio.as_ref().unwrap().value(), 7);
        assert!(matches!(&start.tables, zx::Tables::DeviceTree(vmo) if vmo.value() == 11));
        assert_eq!(start.root_vmar.value(), 15);
        assert_eq!(start.others[0].0, 0x77);
        start.args.clone()
    });
    assert_eq!(start, ["init", "quiet"]);
    let mut closed = machine.closed.borrow().clone();
    closed.sort_unstable();
    assert_eq!(closed, [3, 7, 11, 15, 19]);
}

#[test]
fn startup_refuses_other_messages() {
    for cut in [0, 35, 39] {
        let mut text = message(&[processargs::PA_VMAR_ROOT], &[]);
        text.truncate(cut);
        let machine = Machine {
            message: text,
            handles: vec![7],
            ..Machine::default()
        };
        let read = || Startup::read(Channel::from(Handle::from_value(3))).map(drop);
        let (result, _) = with(machine, read);
        assert_eq!(result, Err(Status::IO_DATA_INTEGRITY), "cut to {cut}");
    }
    let machine = Machine {
        message: message(&[], &[]),
        ..Machine::default()
    };
    let read = || Startup::read(Channel::from(Handle::from_value(3))).map(drop);
    assert_eq!(with(machine, read).0, Err(Status::NOT_FOUND));
}

#[test]
fn messages_are_read_whole() {
    let machine = Machine {
        message: vec![5; 100],
        handles: vec![7, 11],
        ..Machine::default()
    };
    let (values, _) = with(machine, || {
        let channel = Channel::from(Handle::from_value(3));
        let message = channel.read().unwrap();
        assert_eq!(message.bytes, [5; 100]);
        message
            .handles
            .iter()
            .map(Handle::value)
            .collect::<Vec<_>>()
    });
    assert_eq!(values, [7, 11]);
}

/// Adds an entry to a `newc` archive.
fn pack(archive: &mut Vec<u8>, name: &str, contents: &[u8]) {
    let mut fields = [0; 13];
    fields[1] = 0o100_644;
    fields[6] = contents.len();
    fields[11] = name.len() + 1;
    archive.extend(b"070701");
    for field in fields {
        archive.extend(format!("{field:08x}").bytes());
    }
    archive.extend(name.bytes());
    archive.push(0);
    archive.resize(archive.len().next_multiple_of(4), 0);
    archive.extend(contents);
    archive.resize(archive.len().next_multiple_of(4), 0);
}

#[test]
fn archives_are_searched() {
    let mut archive = Vec::new();
    pack(&mut archive, "./init", b"program");
    pack(&mut archive, "data/text", b"hello");
    pack(&mut archive, "TRAILER!!!", b"");
    let whole = archive.clone();
    let find = |name: &'static str| {
        move || {
            let vmo = Vmo::from(Handle::from_value(3));
            cpio::find(&vmo, name).and_then(|entry| entry.read(&vmo))
        }
    };
    let machine = |vmo: &[u8]| Machine {
        vmo: vmo.to_vec(),
        ..Machine::default()
    };
    assert_eq!(with(machine(&whole), find("init")).0.unwrap(), b"program");
    assert_eq!(
        with(machine(&whole), find("data/text")).0.unwrap(),
        b"hello"
    );
    assert_eq!(
        with(machine(&whole), find("nothing")).0,
        Err(Status::NOT_FOUND)
    );
    for length in 0..whole.len() - 1 {
        let result = with(machine(&whole[..length]), find("nothing")).0;
        assert!(result.is_err());
    }
    archive[0] = b'x';
    let broken = Err(Status::IO_DATA_INTEGRITY);
    assert_eq!(with(machine(&archive), find("init")).0, broken);
}
