//! See `src/plan.rs`.
#![no_main]

libfuzzer_sys::fuzz_target!(|text: &str| pbpo_fuzz::plan::run(text));
libfuzzer_sys::fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
    pbpo_fuzz::mutate::next(data, size, max_size, seed)
});
