#![no_main]

use libfuzzer_sys::fuzz_target;
use pulsar_rs_wire::cipher::{DataKey, KEY_LEN, TAG_LEN};
use pulsar_rs_wire::frame::Payload;
use pulsar_rs_wire::metadata::{Encryption, put_encryption_param, put_wrapped_key};

// A payload section, as consumers get it: its encryption metadata is read, and its body opened.
fuzz_target!(|data: &[u8]| {
    let key = DataKey::new(&[7; KEY_LEN]).expect("the length of a key");
    for (metadata, body) in Payload::parse(data).iter().map(|p| (p.metadata, p.body)).chain([(data, data)]) {
        let Ok(Some(encryption)) = Encryption::decode(metadata) else {
            continue;
        };
        let mut again = Vec::new();
        for wrapped in encryption.keys() {
            let pairs: Vec<_> =
                wrapped.metadata.iter().map(|(name, value)| (name.to_vec(), value.to_vec())).collect();
            put_wrapped_key(&mut again, wrapped.name, wrapped.value, &pairs);
        }
        put_encryption_param(&mut again, encryption.param);
        let read = Encryption::decode(&again).expect("it was written here");
        assert_eq!(read.map_or(0, |read| read.keys().count()), encryption.keys().count());
        assert!(key.open(encryption.param, body).is_err());
        if let Ok(iv) = encryption.param.try_into() {
            let mut sealed = body.to_vec();
            key.seal(iv, &mut sealed).expect("it is short");
            assert_eq!(sealed.len(), body.len() + TAG_LEN);
            assert_eq!(key.open(encryption.param, &sealed).as_deref(), Ok(body));
        }
    }
});
