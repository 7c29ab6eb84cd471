//! libFuzzer on `stream_usage`.
#![no_main]
libfuzzer_sys::fuzz_target!(|bytes: &[u8]| sluice_fuzz::run("stream_usage", bytes));
