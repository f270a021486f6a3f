#![no_main]
libfuzzer_sys::fuzz_target!(|data: &[u8]| handfast_fuzz::on_behalf::on_behalf(data));
