//! Nothing: on a host this program only says how it is started.

/// The number of no system call.
pub(crate) const BAD_CALL: u64 = 0;

pub(crate) fn code_address() -> u64 {
    0
}
pub(crate) fn constant_address() -> u64 {
    0
}
pub(crate) fn data_address() -> u64 {
    0
}
pub(crate) fn read(_address: u64) {}
pub(crate) fn write(_address: u64) {}
pub(crate) fn call(_address: u64) {}
pub(crate) fn read_exclusive(_address: u64) {}
pub(crate) fn undefined() {}
pub(crate) fn breakpoint() {}
pub(crate) fn privileged() {}
pub(crate) fn privileged_register() {}
pub(crate) fn port() {}
pub(crate) fn divide() {}
pub(crate) fn single_step() {}
pub(crate) fn no_stack() {}
pub(crate) fn bad_frame() {}
pub(crate) fn kernel_frame() {}
pub(crate) fn bad_call() {}
