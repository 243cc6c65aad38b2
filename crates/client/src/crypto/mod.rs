//! End-to-end encryption: what leaves a producer can be read by those only who have one of the private keys that it was
//! encrypted for; the brokers cannot.
//!
//! Each entry is encrypted with a data key (AES-256-GCM), and carries that key once for each recipient, wrapped with the
//! recipient's public key (RSA-OAEP with SHA-1, as all clients do it). Programs give keys by name, through a
//! [`KeyReader`].

mod context;
#[cfg(fuzzing)]
pub mod fuzzing;
mod key_reader;
mod keyring;
mod rsa;
mod sealer;

pub use context::{EncryptionContext, EncryptionKey};
pub use key_reader::{FileKeyReader, KeyInfo, KeyReader, KeySource};
pub(crate) use keyring::{Keyring, OpeningKey};
pub use sealer::{EncryptionConfig, ProducerCryptoFailureAction};
pub(crate) use sealer::{Sealed, Sealer};

#[cfg(test)]
mod tests {
    use std::collections::HashMap;
    use std::sync::atomic::{AtomicU32, Ordering};
    use std::sync::{Arc, LazyLock, mpsc};
    use std::time::Duration;

    use ::rsa::RsaPrivateKey;
    use ::rsa::pkcs8::{EncodePrivateKey, EncodePublicKey, LineEnding};
    use ::rsa::rand_core::OsRng;
    use parking_lot::Mutex;
    use pulsar_rs_wire::cipher::TAG_LEN;

    use super::*;
    use crate::log::{Log, StderrLogger};
    use crate::{Error, Property};

    /// Keys that are made once; short ones are quickly made.
    static KEYS: LazyLock<[RsaPrivateKey; 2]> =
        LazyLock::new(|| [(); 2].map(|()| RsaPrivateKey::new(&mut OsRng, 1024).unwrap()));

    pub(super) fn key_pair(number: usize) -> RsaPrivateKey {
        KEYS[number].clone()
    }

    /// Keys by name, counted when they are asked for.
    #[derive(Default)]
    struct Keys {
        pairs: HashMap<&'static str, usize>,
        public: AtomicU32,
        private: AtomicU32,
    }

    impl Keys {
        fn new(pairs: &[(&'static str, usize)]) -> Arc<Self> {
            Arc::new(Keys { pairs: pairs.iter().copied().collect(), ..Keys::default() })
        }

        fn find(&self, name: &str) -> Result<RsaPrivateKey, Error> {
            let missing = || Error::Unknown(format!("there is no key {name}"));
            self.pairs.get(name).map(|number| key_pair(*number)).ok_or_else(missing)
        }

        fn source(self: &Arc<Self>) -> KeySource {
            KeySource::new(self.clone())
        }
    }

    impl KeyReader for Arc<Keys> {
        fn public_key(&self, name: &str, _: &[Property]) -> Result<KeyInfo, Error> {
            self.public.fetch_add(1, Ordering::Relaxed);
            let pem = self.find(name)?.to_public_key().to_public_key_pem(LineEnding::LF).unwrap();
            Ok(KeyInfo { metadata: vec![(b"version".to_vec(), b"7".to_vec())], ..KeyInfo::new(pem) })
        }

        fn private_key(&self, name: &str, metadata: &[Property]) -> Result<KeyInfo, Error> {
            self.private.fetch_add(1, Ordering::Relaxed);
            assert_eq!(metadata, [(b"version".to_vec(), b"7".to_vec())]);
            Ok(KeyInfo::new(self.find(name)?.to_pkcs8_pem(LineEnding::LF).unwrap().as_bytes()))
        }
    }

    fn log() -> Log {
        Log::new(Arc::new(StderrLogger))
    }

    fn seal(sealer: &Sealer, body: &[u8]) -> (Vec<u8>, Vec<u8>) {
        let mut body = body.to_vec();
        match sealer.seal(&mut body, &log()).unwrap() {
            Sealed::Encrypted(metadata) => (metadata, body),
            Sealed::Plain => panic!("not encrypted"),
        }
    }

    #[test]
    fn each_recipient_opens_what_is_sealed_for_several() {
        let keys = Keys::new(&[("a", 0), ("b", 1)]);
        let sealer = Sealer::new(EncryptionConfig::new(keys.source(), ["a", "b"]));
        let guessed = sealer.overhead();
        let (metadata, body) = seal(&sealer, b"hello");
        assert_eq!(sealer.overhead(), metadata.len() + TAG_LEN);
        assert!(sealer.overhead() <= guessed);
        for name in ["a", "b"] {
            let owner = Keys::new(&[(name, keys.pairs[name])]);
            let keyring = Keyring::new(owner.source());
            assert!(keyring.find(&metadata).is_none());
            assert_eq!(keyring.unwrap(&metadata).unwrap().open(&body).unwrap(), b"hello");
            let asked = owner.private.load(Ordering::Relaxed);
            // It is known from here on, also with another vector.
            let (again, more) = seal(&sealer, b"more");
            assert_eq!(keyring.find(&again).unwrap().unwrap().open(&more).unwrap(), b"more");
            assert!(keyring.find(&metadata).unwrap().unwrap().open(&more).is_err());
            assert_eq!(owner.private.load(Ordering::Relaxed), asked);
        }
        let stranger = Keyring::new(Keys::new(&[("a", 1)]).source());
        let error = stranger.unwrap(&metadata).unwrap_err();
        assert!(matches!(&error, Error::Crypto(why) if why.contains("no key b")), "{error}");
        // It is not tried again at once.
        assert!(stranger.find(&metadata).unwrap().is_err());
    }

    #[test]
    fn a_data_key_is_used_until_its_time_is_over() {
        let keys = Keys::new(&[("a", 0)]);
        let config = EncryptionConfig::new(keys.source(), ["a"]);
        let sealer = Sealer::new(config.clone());
        let param = 14;
        let wrapped = |sealer: &Sealer| {
            let metadata = seal(sealer, b"").0;
            metadata[..metadata.len() - param].to_vec()
        };
        assert_eq!(wrapped(&sealer), wrapped(&sealer));
        assert_eq!(keys.public.load(Ordering::Relaxed), 1);
        let short = Sealer::new(EncryptionConfig { data_key_lifetime: Duration::ZERO, ..config.clone() });
        assert_ne!(wrapped(&short), wrapped(&short));
        assert_eq!(keys.public.load(Ordering::Relaxed), 3);
        let for_ever = Sealer::new(EncryptionConfig { data_key_lifetime: Duration::MAX, ..config });
        assert_eq!(wrapped(&for_ever), wrapped(&for_ever));
        assert_eq!(keys.public.load(Ordering::Relaxed), 4);
    }

    /// Gives a public key once.
    struct Once(Arc<Keys>);

    impl KeyReader for Once {
        fn public_key(&self, name: &str, metadata: &[Property]) -> Result<KeyInfo, Error> {
            if self.0.public.load(Ordering::Relaxed) > 0 {
                return Err(Error::Unknown("gone".into()));
            }
            self.0.public_key(name, metadata)
        }

        fn private_key(&self, _: &str, _: &[Property]) -> Result<KeyInfo, Error> {
            Err(Error::Unknown("none".into()))
        }
    }

    #[test]
    fn without_a_new_data_key_the_old_one_goes_on() {
        let source = KeySource::new(Once(Keys::new(&[("a", 0)])));
        let config =
            EncryptionConfig { data_key_lifetime: Duration::ZERO, ..EncryptionConfig::new(source, ["a"]) };
        let sealer = Sealer::new(config);
        assert_eq!(seal(&sealer, b"").0[..100], seal(&sealer, b"").0[..100]);
    }

    /// Gives public keys when it may.
    struct Slow {
        keys: Arc<Keys>,
        asked: mpsc::Sender<()>,
        go_on: Mutex<mpsc::Receiver<()>>,
    }

    impl KeyReader for Slow {
        fn public_key(&self, name: &str, metadata: &[Property]) -> Result<KeyInfo, Error> {
            self.asked.send(()).unwrap();
            self.go_on.lock().recv().unwrap();
            self.keys.public_key(name, metadata)
        }

        fn private_key(&self, _: &str, _: &[Property]) -> Result<KeyInfo, Error> {
            Err(Error::Unknown("none".into()))
        }
    }

    #[test]
    fn while_the_next_data_key_is_asked_for_the_old_one_goes_on() {
        let ((asked, is_asked), (may_go_on, go_on)) = (mpsc::channel(), mpsc::channel());
        let slow = Slow { keys: Keys::new(&[("a", 0)]), asked, go_on: Mutex::new(go_on) };
        let config = EncryptionConfig {
            data_key_lifetime: Duration::ZERO,
            ..EncryptionConfig::new(KeySource::new(slow), ["a"])
        };
        let sealer = Sealer::new(config);
        may_go_on.send(()).unwrap();
        let old = seal(&sealer, b"").0;
        is_asked.recv().unwrap();
        std::thread::scope(|scope| {
            let renewing = scope.spawn(|| seal(&sealer, b"").0);
            is_asked.recv().unwrap();
            assert_eq!(seal(&sealer, b"").0[..100], old[..100]);
            may_go_on.send(()).unwrap();
            assert_ne!(renewing.join().unwrap()[..100], old[..100]);
        });
        assert!(is_asked.try_recv().is_err());
    }

    #[test]
    fn that_there_is_no_key_is_remembered_for_a_moment() {
        let keys = Keys::new(&[]);
        let sealer = Sealer::new(EncryptionConfig::new(keys.source(), ["a"]));
        for _ in 0..100 {
            assert!(sealer.seal(&mut Vec::new(), &log()).is_err());
        }
        // More only where a hundred take seconds.
        assert!(keys.public.load(Ordering::Relaxed) < 20);
    }

    #[test]
    fn what_cannot_be_encrypted_fails_unless_it_may_be_read_by_everybody() {
        let config = EncryptionConfig::new(Keys::new(&[]).source(), ["a"]);
        let mut body = b"hello".to_vec();
        let failed = Sealer::new(config.clone()).seal(&mut body, &log());
        assert!(matches!(failed, Err(Error::Crypto(why)) if why.contains("no key a")));
        let failure_action = ProducerCryptoFailureAction::Send;
        let sent = Sealer::new(EncryptionConfig { failure_action, ..config }).seal(&mut body, &log());
        assert!(matches!(sent, Ok(Sealed::Plain)));
        assert_eq!(body, b"hello");
    }

    #[test]
    fn hostile_metadata_costs_little() {
        let keys = Keys::new(&[("a", 0)]);
        let keyring = Keyring::new(keys.source());
        let version = [(b"version".to_vec(), b"7".to_vec())];
        let put = |out: &mut Vec<u8>, name: &[u8], value: &[u8]| {
            pulsar_rs_wire::metadata::put_wrapped_key(out, name, value, &version);
        };
        let mut metadata = Vec::new();
        for number in 0..5000_u32 {
            put(&mut metadata, b"a", &number.to_le_bytes());
        }
        put(&mut metadata, b"a", &[1; 2000]);
        assert!(keyring.unwrap(&metadata).is_err(), "there is no vector");
        assert_eq!(keys.private.load(Ordering::Relaxed), 0);
        pulsar_rs_wire::metadata::put_encryption_param(&mut metadata, &[0; 12]);
        assert!(keyring.unwrap(&metadata).is_err());
        // Once for all that have the same name and metadata.
        assert_eq!(keys.private.load(Ordering::Relaxed), 1);
        for param in [&[][..], &[0; 11], &[0; 13]] {
            let mut metadata = Vec::new();
            put(&mut metadata, b"a", &[1; 128]);
            pulsar_rs_wire::metadata::put_encryption_param(&mut metadata, param);
            assert!(keyring.find(&metadata).unwrap().is_err());
        }
        assert_eq!(keys.private.load(Ordering::Relaxed), 1);
    }

    #[test]
    fn a_recipient_is_found_among_many_and_behind_some_of_its_name() {
        let keys = Keys::new(&[("a", 0)]);
        let sealer = Sealer::new(EncryptionConfig::new(keys.source(), ["a"]));
        let (sealed, body) = seal(&sealer, b"hello");
        let version = [(b"version".to_vec(), b"7".to_vec())];
        let behind = |count: u32, name: &dyn Fn(u32) -> String| {
            let mut metadata = Vec::new();
            for number in 0..count {
                let value = [number.to_le_bytes(); 32];
                let name = name(number);
                let value = value.as_flattened();
                pulsar_rs_wire::metadata::put_wrapped_key(&mut metadata, name.as_bytes(), value, &version);
            }
            metadata.extend_from_slice(&sealed);
            metadata
        };
        let open = |metadata: &[u8]| {
            Keyring::new(keys.source())
                .unwrap(metadata)?
                .open(&body)
                .map_err(|_| Error::Crypto(String::new()))
        };
        let asked = || keys.private.swap(0, Ordering::Relaxed);
        assert_eq!(open(&behind(255, &|number| number.to_string())).unwrap(), b"hello");
        assert_eq!(asked(), 256);
        assert_eq!(open(&behind(15, &|_| "a".into())).unwrap(), b"hello");
        assert!(open(&behind(16, &|_| "a".into())).is_err());
        assert_eq!(asked(), 2);
        // What failed a moment ago is not asked for once more because of what is new behind it.
        let keyring = Keyring::new(keys.source());
        for count in 1..10 {
            let mut metadata = behind(count, &|number| number.to_string());
            metadata.truncate(metadata.len() - sealed.len());
            pulsar_rs_wire::metadata::put_encryption_param(&mut metadata, &[0; 12]);
            assert!(keyring.unwrap(&metadata).is_err());
        }
        assert_eq!(asked(), 9);
    }

    /// Data keys that are of use stay, however many come that are not.
    #[test]
    fn hostile_keys_do_not_push_out_known_ones() {
        let keys = Keys::new(&[("a", 0)]);
        let (sealed, _) = seal(&Sealer::new(EncryptionConfig::new(keys.source(), ["a"])), b"");
        let keyring = Keyring::new(keys.source());
        keyring.unwrap(&sealed).unwrap();
        let version = [(b"version".to_vec(), b"7".to_vec())];
        for entry in 0..10_u32 {
            let mut metadata = Vec::new();
            for number in 0..200_u32 {
                let value = (entry * 200 + number).to_le_bytes();
                pulsar_rs_wire::metadata::put_wrapped_key(
                    &mut metadata,
                    number.to_string().as_bytes(),
                    &value,
                    &version,
                );
            }
            pulsar_rs_wire::metadata::put_encryption_param(&mut metadata, &[0; 12]);
            assert!(keyring.unwrap(&metadata).is_err());
        }
        assert!(keyring.find(&sealed).unwrap().is_ok());
    }

    /// Nobody keeps others from their keys by writing them down under other names.
    #[test]
    fn keys_under_wrong_names_keep_nobody_from_the_right_one() {
        let keys = Keys::new(&[("a", 0)]);
        let (sealed, _) = seal(&Sealer::new(EncryptionConfig::new(keys.source(), ["a"])), b"");
        let encryption = pulsar_rs_wire::metadata::Encryption::decode(&sealed).unwrap().unwrap();
        let right = encryption.keys().next().unwrap();
        let version = [(b"version".to_vec(), b"7".to_vec())];
        let mut wrong = Vec::new();
        pulsar_rs_wire::metadata::put_wrapped_key(&mut wrong, b"b", right.value, &version);
        let with_wrong = [wrong.clone(), sealed.clone()].concat();
        let keyring = Keyring::new(keys.source());
        keyring.unwrap(&with_wrong).unwrap();

        let keyring = Keyring::new(keys.source());
        pulsar_rs_wire::metadata::put_encryption_param(&mut wrong, &[0; 12]);
        assert!(keyring.unwrap(&wrong).is_err());
        assert!(keyring.find(&wrong).unwrap().is_err(), "it is not tried again at once");
        assert!(keyring.find(&sealed).is_none());
        keyring.unwrap(&sealed).unwrap();
    }

    /// Gives one private key, whatever the name.
    struct Any;

    impl KeyReader for Any {
        fn public_key(&self, _: &str, _: &[Property]) -> Result<KeyInfo, Error> {
            Err(Error::Unknown("none".into()))
        }

        fn private_key(&self, _: &str, _: &[Property]) -> Result<KeyInfo, Error> {
            Ok(KeyInfo::new(key_pair(0).to_pkcs8_pem(LineEnding::LF).unwrap().as_bytes()))
        }
    }

    #[test]
    fn a_key_is_not_tried_again_under_another_name() {
        let keyring = Keyring::new(KeySource::new(Any));
        for name in ["first", "other"] {
            let mut metadata = Vec::new();
            pulsar_rs_wire::metadata::put_wrapped_key(&mut metadata, name.as_bytes(), &[1; 128], &[]);
            pulsar_rs_wire::metadata::put_encryption_param(&mut metadata, &[0; 12]);
            let error = keyring.unwrap(&metadata).unwrap_err().to_string();
            assert!(error.contains("private key first"), "{error}");
        }
    }

    #[test]
    fn no_key_is_shown() {
        let keys = Keys::new(&[("a", 0)]);
        let config = EncryptionConfig::new(keys.source(), ["a"]);
        let sealer = Sealer::new(config.clone());
        let (metadata, _) = seal(&sealer, b"");
        let keyring = Keyring::new(keys.source());
        let opening = keyring.unwrap(&metadata).unwrap();
        let secret = keys.private_key("a", &[(b"version".to_vec(), b"7".to_vec())]).unwrap();
        let consumer =
            crate::ConsumerConfig { key_source: Some(keys.source()), ..crate::ConsumerConfig::default() };
        let producer =
            crate::ProducerConfig { encryption: Some(config.clone()), ..crate::ProducerConfig::default() };
        let shown =
            format!("{config:?} {sealer:?} {keyring:?} {opening:?} {secret:?} {consumer:?} {producer:?}");
        let pem = std::str::from_utf8(&secret.pem).unwrap();
        for line in pem.lines() {
            assert!(!shown.contains(line), "{line}");
        }
        // Nor its bytes, as a list of numbers.
        let bytes = format!("{:?}", &secret.pem[100..110]);
        assert!(!shown.contains(bytes.trim_matches(['[', ']'])));
        assert!(shown.contains("KeySource") && shown.contains("DataKey") && shown.contains("KeyInfo"));
    }
}
