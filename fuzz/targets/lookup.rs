#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| pulsar_rs_client::fuzzing::http_answer(data));
