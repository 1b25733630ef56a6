//! Nothing: on a host this program only says how it is started.

pub(crate) fn check(_start: &zx::Startup) -> Result<(), &'static str> {
    Err("on a host")
}
