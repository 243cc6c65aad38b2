#![no_main]

use libfuzzer_sys::fuzz_target;
use pulsar_rs_wire::{batch::slot_at, metadata::SingleMetadata};

fuzz_target!(|data: &[u8]| {
    let mut at = 0;
    while let Ok(slot) = slot_at(data, at) {
        let single = SingleMetadata::decode(&data[slot.metadata]).unwrap();
        let _ = single.properties.iter().count();
        assert!(slot.payload.end > at);
        at = slot.payload.end;
    }
});
