//! libFuzzer on `encoding`.
#![no_main]
libfuzzer_sys::fuzz_target!(|bytes: &[u8]| sluice_fuzz::run("encoding", bytes));
