//! `zx_channel_call` and back: to a thread of this program, and to another process. Whoever serves
//! waits for a request, reads it and writes it back: three calls.

use core::mem::ManuallyDrop;

use zx::abi::limits::TIME_INFINITE;
use zx::abi::{ChannelCallArgs, Record};
use zx::script::{self, Step};
use zx::sys::{self, CallBlock, Input, Output};
use zx::{
    Address, Channel, Job, Process, Region, Signals, Spawned, Status, Thread, VmOptions, Vmar, Vmo,
    VmoOp, VmoOptions,
};

use crate::Bench;
use crate::device::READ_WRITE;

const PAGE: u64 = 4096;
/// Bytes of a request, and of its answer.
const MESSAGE: u64 = 8;
/// Where in its page the client has the block of a call, and its two buffers.
const BLOCK: u64 = 0;
const REQUEST: u64 = 64;
const ANSWER: u64 = 128;
const LEN: u64 = 192;
const COUNT: u64 = 196;
/// Where the server has its code and its list, and in the list's page the message.
const CODE: u64 = 0x40_0000;
const LIST: u64 = 0x50_0000;
const BUFFER: u64 = LIST + 2048;
const BUFFER_LEN: u64 = LIST + 2112;

/// Who answers.
#[derive(Clone, Copy)]
pub(crate) enum Servant {
    /// Another thread of this program.
    Thread,
    /// The only thread of another process.
    Process,
}

/// Puts a row of a call and its answer.
pub(crate) fn measure(
    bench: &mut Bench<'_>,
    name: &'static str,
    servant: Servant,
) -> Result<(), Status> {
    let (here, there) = Channel::create()?;
    let client = Client::new(&bench.start.root_vmar)?;
    let server = match servant {
        Servant::Thread => Server::Thread(thread(bench, there)?),
        Servant::Process => Server::Process(Other::start(bench, there)?),
    };
    let cost = bench.meter.cost(|_| client.call(&here))?;
    bench.table.put_single(name, cost);
    drop(here);
    server.end()
}

enum Server {
    Thread(Spawned),
    Process(Other),
}

impl Server {
    fn end(self) -> Result<(), Status> {
        match self {
            Self::Thread(thread) => thread.join(),
            Self::Process(other) => other.end(),
        }
    }
}

/// The memory of a call.
struct Client(Region);

impl Client {
    fn new(root: &Vmar) -> Result<Self, Status> {
        let vmo = Vmo::create(PAGE, VmoOptions::empty())?;
        let page = root.map(&vmo, READ_WRITE)?;
        let block = ChannelCallArgs {
            wr_bytes: page.address(REQUEST).raw(),
            rd_bytes: page.address(ANSWER).raw(),
            wr_num_bytes: MESSAGE as u32,
            rd_num_bytes: MESSAGE as u32,
            ..ChannelCallArgs::default()
        };
        page.write_bytes(BLOCK, &block.to_bytes());
        Ok(Self(page))
    }

    #[inline(always)]
    fn call(&self, channel: &Channel) -> Result<(), Status> {
        let at = |offset| self.0.address(offset);
        let block = CallBlock::At(at(BLOCK));
        let (len, count) = (at(LEN), at(COUNT));
        sys::channel_call(channel.value(), 0, TIME_INFINITE, block, len, count)
    }
}

/// A thread that serves until the other end is closed.
fn thread(bench: &Bench<'_>, channel: Channel) -> Result<Spawned, Status> {
    let process = bench.start.process.as_ref().ok_or(Status::NOT_FOUND)?;
    Spawned::start(process, &bench.start.root_vmar, "server", move || {
        while serve(&channel).is_ok() {}
    })
}

fn serve(channel: &Channel) -> Result<(), Status> {
    let (mut bytes, mut len, mut count) = ([0; MESSAGE as usize], [0; 4], [0; 4]);
    let signals = (Signals::READABLE | Signals::PEER_CLOSED).bits();
    let here = channel.value();
    sys::object_wait_one(here, signals, TIME_INFINITE, Address::NULL)?;
    let (room, none) = (Output::Here(&mut bytes), Output::NONE);
    sys::channel_read(here, 0, room, none, &mut len, &mut count)?;
    sys::channel_write(here, 0, Input::Here(&bytes), Input::Here(&[]))
}

/// Another process that serves until it is killed.
struct Other(Process);

impl Other {
    fn start(bench: &Bench<'_>, channel: Channel) -> Result<Self, Status> {
        let job: &Job = bench.start.job.as_ref().ok_or(Status::NOT_FOUND)?;
        let (process, vmar) = Process::create(job, "server")?;
        let thread = Thread::create(&process, "server")?;
        let list = Vmo::create(PAGE, VmoOptions::empty())?;
        write_list(&bench.start.root_vmar.map(&list, READ_WRITE)?);
        map(&vmar, &list, READ_WRITE, LIST)?;
        let code = Vmo::create(PAGE, VmoOptions::empty())?;
        code.write(0, script::code())?;
        code.op_range(VmoOp::CacheSync, 0, PAGE)?;
        let code = code.replace_as_executable(None)?;
        map(
            &vmar,
            &code,
            VmOptions::PERM_READ | VmOptions::PERM_EXECUTE,
            CODE,
        )?;
        let gift = Some(channel.into());
        process.start(&thread, (CODE, 0), gift, script::word(LIST))?;
        Ok(Self(process))
    }

    fn end(self) -> Result<(), Status> {
        self.0.kill()?;
        self.0.wait_for_end().map(drop)
    }
}

fn write_list(list: &Region) {
    let signals = u64::from(Signals::READABLE.bits());
    let forever = TIME_INFINITE.cast_unsigned();
    let put = |index, name, args: &[u64]| {
        Step::call(name, args, (index + 1) % 3).put(list, LIST, index);
    };
    let gift = Step::GIFT;
    put(0, "object_wait_one", &[gift, signals, forever, 0]);
    let room = [gift, 0, BUFFER, 0, MESSAGE, 0, BUFFER_LEN, BUFFER_LEN + 4];
    put(1, "channel_read", &room);
    put(2, "channel_write", &[gift, 0, BUFFER, MESSAGE, 0, 0]);
}

/// Maps a page at an address of another process, where it stays.
fn map(vmar: &Vmar, vmo: &Vmo, options: VmOptions, at: u64) -> Result<(), Status> {
    let offset = at - vmar.vmar_info()?.base;
    let options = options | VmOptions::SPECIFIC | VmOptions::MAP_RANGE;
    let region = ManuallyDrop::new(vmar.map_at(options, offset, vmo, 0, PAGE)?);
    if region.base() == at {
        Ok(())
    } else {
        Err(Status::BAD_STATE)
    }
}
