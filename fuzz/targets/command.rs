#![no_main]

use libfuzzer_sys::fuzz_target;
use pulsar_rs_wire::{Command, command::split};

fuzz_target!(|data: &[u8]| {
    if let Ok((kind, body)) = split(data)
        && let Ok(command) = Command::decode(kind, body)
    {
        // What can be read can be written and read again.
        let mut frame = Vec::new();
        command.encode_frame(&mut frame);
        let found = pulsar_rs_wire::frame::peek(&frame, usize::MAX).unwrap().unwrap();
        let (kind, body) = split(found.command).unwrap();
        let again = Command::decode(kind, body).unwrap();
        // Not-a-number is not equal to itself, so the bytes are compared.
        let mut twice = Vec::new();
        again.encode_frame(&mut twice);
        assert_eq!(frame, twice);
    }
});
