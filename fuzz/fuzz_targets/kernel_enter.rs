//! Feeds the kernel arbitrary events: see `jacinth_tests_host::fuzz_one`.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    jacinth_tests_host::fuzz_one(input);
});
