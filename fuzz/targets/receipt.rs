#![no_main]

use libfuzzer_sys::fuzz_target;
use pulsar_rs_wire::hot::{SendError, SendReceipt};

fuzz_target!(|data: &[u8]| {
    if let Ok(receipt) = SendReceipt::decode(data) {
        let mut frame = Vec::new();
        receipt.encode_frame(&mut frame);
    }
    if let Ok(error) = SendError::decode(data) {
        let mut frame = Vec::new();
        error.encode_frame(&mut frame);
    }
});
