#![no_main]
libfuzzer_sys::fuzz_target!(|data: &[u8]| handfast_fuzz::iakerb::iakerb_initiator(data));
