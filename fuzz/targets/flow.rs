#![no_main]

use libfuzzer_sys::fuzz_target;
use pulsar_rs_wire::hot::Flow;

fuzz_target!(|data: &[u8]| {
    let _ = Flow::decode(data);
});
