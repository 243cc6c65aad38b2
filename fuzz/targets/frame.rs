#![no_main]

use libfuzzer_sys::fuzz_target;
use pulsar_rs_wire::frame::{Payload, peek};

fuzz_target!(|data: &[u8]| {
    let mut rest = data;
    while let Ok(Some(frame)) = peek(rest, 1 << 20) {
        let _ = Payload::parse(frame.payload);
        rest = &rest[frame.len..];
    }
    let _ = Payload::parse(data);
});
