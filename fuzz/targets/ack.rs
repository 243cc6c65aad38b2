#![no_main]

use libfuzzer_sys::fuzz_target;
use pulsar_rs_wire::hot::Ack;

fuzz_target!(|data: &[u8]| {
    let mut ids = 0usize;
    let _ = Ack::decode(data, |_| ids += 1);
});
