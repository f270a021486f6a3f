#![no_main]
libfuzzer_sys::fuzz_target!(|data: &[u8]| handfast_fuzz::user_to_user::user_to_user_initiator(data));
