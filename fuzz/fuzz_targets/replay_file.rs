#![no_main]
libfuzzer_sys::fuzz_target!(|data: &[u8]| handfast_fuzz::replay_file::replay_file(data));
