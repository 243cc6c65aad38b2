#![no_main]

use libfuzzer_sys::fuzz_target;
use pulsar_rs_wire::hot::Send;

fuzz_target!(|data: &[u8]| {
    let _ = Send::decode(data);
});
