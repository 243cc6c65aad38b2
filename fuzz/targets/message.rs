#![no_main]

use libfuzzer_sys::fuzz_target;
use pulsar_rs_wire::hot::Message;

fuzz_target!(|data: &[u8]| {
    if let Ok(message) = Message::decode(data) {
        let mut frame = Vec::new();
        pulsar_rs_wire::frame::encode_message_head(&mut frame, &message, 0);
    }
});
