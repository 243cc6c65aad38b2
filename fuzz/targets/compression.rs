#![no_main]

use libfuzzer_sys::fuzz_target;
use pulsar_rs_wire::compression::Compression;

fuzz_target!(|data: &[u8]| {
    let Some((head, body)) = data.split_first_chunk::<4>() else {
        return;
    };
    let [codec, size @ ..] = *head;
    let declared = u32::from_be_bytes([0, size[0], size[1], size[2]]) as usize;
    if let Ok(Some(codec)) = Compression::from_number(i32::from(codec % 5)) {
        let _ = codec.decompress(body, declared);
    }
});
