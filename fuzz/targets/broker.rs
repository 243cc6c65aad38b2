#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| pulsar_rs_client::fuzzing::broker_urls(text));
