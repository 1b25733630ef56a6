//! The one seam of the library: how a system call is made, and how a word of mapped memory is
//! read or written.
//!
//! On a bare target both are an instruction. On a host both go to the [`Seam`] that the thread
//! was given by [`set_host`]: a simulated machine that plays one process. Everything above this
//! file is the same source on both.

use alloc::vec::Vec;

use crate::Address;

/// One argument of a system call.
///
/// A machine on metal sees nothing but register values: numbers, and addresses of slices. A
/// simulated machine, whose process has memory of its own, copies slices through it: the bytes of
/// `In` *and* `Out` are copied in before the call (so that what the kernel does not write stays),
/// those of `Out` are copied out after it, whatever it answered.
#[derive(Debug)]
pub enum Arg<'a> {
    /// A number, a handle, options.
    Word(u64),
    /// Memory of the caller that the kernel reads.
    In(&'a [u8]),
    /// Memory of the caller that the kernel writes.
    Out(&'a mut [u8]),
    /// An address of the process that is passed on as it is, good or bad.
    At(Address),
    /// Memory of the caller that the kernel reads, and in which there are pointers to other memory
    /// of the caller: each part's offset, 8 bytes there, and what it points to.
    Record {
        /// All of it; where the pointers are is overwritten.
        bytes: &'a mut [u8],
        /// The pointers.
        parts: Vec<(usize, Arg<'a>)>,
    },
}

/// How many bytes an access takes; accesses are single and aligned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Width {
    /// One byte.
    Bits8,
    /// Two bytes.
    Bits16,
    /// Four bytes.
    Bits32,
    /// Eight bytes.
    Bits64,
}

impl Width {
    /// The number of bytes.
    #[must_use]
    pub const fn bytes(self) -> u64 {
        match self {
            Self::Bits8 => 1,
            Self::Bits16 => 2,
            Self::Bits32 => 4,
            Self::Bits64 => 8,
        }
    }
}

/// Where a new thread begins.
#[derive(Debug)]
pub(crate) struct Begin {
    pub(crate) entry: u64,
    pub(crate) args: [u64; 2],
}

#[cfg(not(target_os = "none"))]
pub use host::{Seam, set_host};
#[cfg(not(target_os = "none"))]
pub(crate) use host::{call, forget, load, prepare, script, script_word, store};
#[cfg(target_os = "none")]
pub(crate) use metal::{call, forget, load, prepare, script, script_word, store};

#[cfg(not(target_os = "none"))]
mod host {
    use std::cell::RefCell;
    use std::rc::Rc;

    use super::{Arg, Width};

    /// A simulated machine as one of its programs sees it.
    ///
    /// A call or an access that ends the program (`process_exit`, `thread_exit`, an unknown
    /// number, a fault) does not return: the seam unwinds the host thread, with a payload that
    /// whoever started the thread understands.
    pub trait Seam {
        /// Makes system call `number`; `args` are its arguments in the table's order.
        fn call(&self, number: u64, args: &mut [Arg<'_>]) -> i64;
        /// Reads `width` at address `at` of the process, in its low bits.
        fn load(&self, at: u64, width: Width) -> u64;
        /// Writes the low bits of `value` at address `at` of the process.
        fn store(&self, at: u64, width: Width, value: u64);
        /// Keeps what a new thread is going to do with its first argument, which ends by a system
        /// call: where the thread has to begin, and the second argument that it has to be given.
        fn prepare(&self, body: Box<dyn FnOnce(u64) + Send>) -> (u64, u64);
    }

    thread_local! {
        static SEAM: RefCell<Option<Rc<dyn Seam>>> = const { RefCell::new(None) };
    }

    /// Gives the calling thread its machine, or takes it away; answers the one it had.
    ///
    /// On a thread that unwinds without a machine, calls do nothing, so that handles can be dropped.
    pub fn set_host(seam: Option<Rc<dyn Seam>>) -> Option<Rc<dyn Seam>> {
        SEAM.with(|place| place.replace(seam))
    }

    /// The thread's machine.
    ///
    /// Cloned out, so that a program that ends inside a call leaves nothing borrowed.
    fn seam() -> Option<Rc<dyn Seam>> {
        SEAM.try_with(|place| place.borrow().clone()).ok().flatten()
    }

    /// Makes a system call.
    ///
    /// # Safety
    /// As on metal; here nothing can go wrong, the machine checks each slice.
    pub(crate) unsafe fn call<const N: usize>(number: u64, mut args: [Arg<'_>; N]) -> i64 {
        match seam() {
            Some(seam) => seam.call(number, &mut args),
            None if std::thread::panicking() => 0,
            None => panic!("a system call on a host thread without a machine: see zx::set_host"),
        }
    }

    pub(crate) fn load(at: u64, width: Width) -> u64 {
        let seam = seam().expect("a thread that reads mapped memory has a machine");
        seam.load(at, width)
    }

    /// Where a thread that does `body` begins, and its two arguments.
    pub(crate) fn prepare(body: Box<dyn FnOnce() + Send>) -> super::Begin {
        let seam = seam().expect("a thread that starts another has a machine");
        let (entry, word) = seam.prepare(Box::new(|_| body()));
        super::Begin {
            entry,
            args: [0, word],
        }
    }

    /// The code of a script: breakpoints, which nobody decodes.
    pub(crate) const fn script() -> &'static [u8] {
        &[0xcc; 64]
    }

    /// The second argument of a thread that runs a script.
    pub(crate) fn script_word(base: u64) -> u64 {
        let seam = seam().expect("a thread that starts another has a machine");
        let (_, word) = seam.prepare(Box::new(move |gift| crate::script::run(gift, base)));
        word
    }

    /// Forgets a thread that was not started after all; the machine keeps what it would have done.
    pub(crate) fn forget(_: super::Begin) {}

    pub(crate) fn store(at: u64, width: Width, value: u64) {
        let seam = seam().expect("a thread that writes mapped memory has a machine");
        seam.store(at, width, value);
    }
}

#[cfg(target_os = "none")]
mod metal {
    use alloc::boxed::Box;
    use alloc::vec::Vec;
    use core::mem::{ManuallyDrop, MaybeUninit};

    use super::{Arg, Width};
    use crate::arch;

    impl Arg<'_> {
        /// What goes into the register.
        #[inline(always)]
        fn register(&mut self) -> u64 {
            match self {
                Self::Word(word) => *word,
                Self::In(bytes) => bytes.as_ptr().expose_provenance() as u64,
                Self::Out(bytes) => bytes.as_mut_ptr().expose_provenance() as u64,
                Self::At(address) => address.raw(),
                Self::Record { bytes, parts } => record(bytes, parts),
            }
        }
    }

    /// The register of an argument; one that there is not is left as it is, which costs nothing.
    #[inline(always)]
    fn register_at<const N: usize>(args: &mut [Arg<'_>; N], index: usize) -> MaybeUninit<u64> {
        match args.get_mut(index) {
            Some(arg) => MaybeUninit::new(arg.register()),
            None => MaybeUninit::uninit(),
        }
    }

    /// Puts pointers into a record. Apart, so that the calls without one need no more than registers.
    #[cold]
    #[inline(never)]
    fn record(bytes: &mut [u8], parts: &mut [(usize, Arg<'_>)]) -> u64 {
        for (offset, part) in parts {
            let pointer = part.register().to_le_bytes();
            bytes[*offset..][..pointer.len()].copy_from_slice(&pointer);
        }
        bytes.as_ptr().expose_provenance() as u64
    }

    /// Makes a system call.
    ///
    /// # Safety
    /// The kernel may read and write the memory that the arguments of call `number` name.
    #[inline(always)]
    pub(crate) unsafe fn call<const N: usize>(number: u64, args: [Arg<'_>; N]) -> i64 {
        // Only records own memory: to look for it in all arguments would cost each call more than
        // the kernel needs.
        let mut args = ManuallyDrop::new(args);
        let mut word = |index| register_at(&mut args, index);
        // One by one, so that what is known of an argument when this is compiled is used.
        let words = [
            word(0),
            word(1),
            word(2),
            word(3),
            word(4),
            word(5),
            word(6),
            word(7),
        ];
        // SAFETY: the caller's promise; the slices are borrowed until this returns.
        let answer = unsafe { arch::syscall(number, words) };
        for index in 0..N {
            if let Some(Arg::Record { parts, .. }) = args.get_mut(index) {
                forget_parts(core::mem::take(parts));
            }
        }
        answer
    }

    /// Gives the list of a record's pointers back.
    #[cold]
    #[inline(never)]
    fn forget_parts(parts: Vec<(usize, Arg<'_>)>) {
        drop(parts);
    }

    /// What a thread does, behind a pointer that fits a register.
    type Body = Box<dyn FnOnce() + Send>;

    /// The first instructions of a thread: the kernel starts it as if this had been called.
    extern "C" fn thread_main(body: *mut Body) -> ! {
        // SAFETY: `prepare` made it, and only one thread is started with it.
        let body = unsafe { Box::from_raw(body) };
        body();
        crate::sys::thread_exit()
    }

    /// Where a thread that does `body` begins, and its two arguments.
    pub(crate) fn prepare(body: Body) -> super::Begin {
        let body = Box::into_raw(Box::new(body));
        super::Begin {
            entry: thread_main as *const () as u64,
            args: [body.expose_provenance() as u64, 0],
        }
    }

    #[cfg(target_arch = "x86_64")]
    core::arch::global_asm!(include_str!("arch/script_x86_64.s"));
    #[cfg(target_arch = "aarch64")]
    core::arch::global_asm!(include_str!("arch/script_aarch64.s"));

    unsafe extern "C" {
        static jacinth_zx_script: u8;
        static jacinth_zx_script_end: u8;
    }

    /// The code of a script.
    pub(crate) fn script() -> &'static [u8] {
        let (start, end) = (
            &raw const jacinth_zx_script,
            &raw const jacinth_zx_script_end,
        );
        let len = end.addr() - start.addr();
        // SAFETY: the assembly's two labels, with nothing but bytes that never change between.
        unsafe { core::slice::from_raw_parts(start, len) }
    }

    /// The second argument of a thread that runs a script.
    pub(crate) const fn script_word(base: u64) -> u64 {
        base
    }

    /// Drops what a thread would have done that was not started after all.
    pub(crate) fn forget(begin: super::Begin) {
        let body: *mut Body = core::ptr::with_exposed_provenance_mut(begin.args[0] as usize);
        // SAFETY: `prepare` made it, and no thread was started with it.
        drop(unsafe { Box::from_raw(body) });
    }

    #[inline(always)]
    pub(crate) fn load(at: u64, width: Width) -> u64 {
        // SAFETY: addresses come from `Region`, whose memory no Rust object lives in.
        unsafe { arch::load(at, width) }
    }

    #[inline(always)]
    pub(crate) fn store(at: u64, width: Width, value: u64) {
        // SAFETY: addresses come from `Region`, whose memory no Rust object lives in.
        unsafe { arch::store(at, width, value) }
    }
}
