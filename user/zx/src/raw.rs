//! One stub per system call, generated from the table in `jacinth-abi`.
//!
//! The stubs are unsafe because a call's lengths and its memory are separate arguments; the safe
//! twins in `sys` put them together.

use core::marker::PhantomData;

use crate::seam::{self, Arg};

/// A handle's value.
type Handle = u32;

/// Memory that the kernel reads.
pub struct In<'a, T>(Arg<'a>, PhantomData<T>);

/// Memory that the kernel writes.
pub struct Out<'a, T>(Arg<'a>, PhantomData<T>);

impl<'a, T> In<'a, T> {
    /// Passes an argument as memory that is read.
    #[must_use]
    #[inline(always)]
    pub const fn new(arg: Arg<'a>) -> Self {
        Self(arg, PhantomData)
    }
}

impl<'a, T> Out<'a, T> {
    /// Passes an argument as memory that is written.
    #[must_use]
    #[inline(always)]
    pub const fn new(arg: Arg<'a>) -> Self {
        Self(arg, PhantomData)
    }
}

/// What can be an argument.
trait IntoArg<'a> {
    fn arg(self) -> Arg<'a>;
}

impl<'a> IntoArg<'a> for u32 {
    #[inline(always)]
    fn arg(self) -> Arg<'a> {
        Arg::Word(u64::from(self))
    }
}

impl<'a> IntoArg<'a> for u64 {
    #[inline(always)]
    fn arg(self) -> Arg<'a> {
        Arg::Word(self)
    }
}

impl<'a> IntoArg<'a> for i64 {
    #[inline(always)]
    fn arg(self) -> Arg<'a> {
        Arg::Word(self.cast_unsigned())
    }
}

impl<'a, T> IntoArg<'a> for In<'a, T> {
    #[inline(always)]
    fn arg(self) -> Arg<'a> {
        self.0
    }
}

impl<'a, T> IntoArg<'a> for Out<'a, T> {
    #[inline(always)]
    fn arg(self) -> Arg<'a> {
        self.0
    }
}

macro_rules! stubs {
    ($($(#[$doc:meta])* $number:literal $family:ident: $name:ident($($arg:ident: $type:ty),* $(,)?);)*) => {$(
        $(#[$doc])*
        ///
        /// # Safety
        /// Memory that is passed is as large as the call's other arguments say, and the call does
        /// not take away memory that the program lives in.
        #[inline(always)]
        pub unsafe fn $name($($arg: $type),*) -> i64 {
            // SAFETY: the caller's promise.
            unsafe { seam::call($number, [$(IntoArg::arg($arg)),*]) }
        }
    )*};
}

jacinth_abi::syscalls!(stubs);

/// Makes a system call by its number, which need not exist.
///
/// # Safety
/// As for the call of that number.
pub unsafe fn any(number: u64, words: [u64; 8]) -> i64 {
    // SAFETY: the caller's promise.
    unsafe { seam::call(number, words.map(Arg::Word)) }
}
