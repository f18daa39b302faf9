//! See `src/graft.rs`.
#![no_main]

libfuzzer_sys::fuzz_target!(|choices: &[u8]| pbpo_fuzz::graft::run(choices));
