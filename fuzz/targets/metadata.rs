#![no_main]

use libfuzzer_sys::fuzz_target;
use pulsar_rs_wire::metadata::Metadata;

fuzz_target!(|data: &[u8]| {
    if let Ok(metadata) = Metadata::decode(data) {
        let _ = metadata.properties.iter().count();
        let mut head = Vec::new();
        pulsar_rs_wire::frame::encode_payload_head(&mut head, &metadata, b"");
    }
});
